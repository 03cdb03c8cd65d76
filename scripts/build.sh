#!/bin/sh
# npm run build [-- this]: dist/chatelaine, one executable with everything in it, for this machine; then, unless only
# `this` is asked for, the same for other machines as dist/chatelaine-OS-PROCESSOR.
#
# A Worker is an entry point of its own. In the executable all entry points lie in one folder, so that a Worker is found
# by `new URL("./worker.ts", import.meta.url)` from whatever folder its caller came from: their names must differ.
# CHATELAINE_DIST names another folder for the results.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"

dist=${CHATELAINE_DIST:-dist}
main=cli/src/main.ts
workers="server/src/store/sqlite/worker.ts server/src/store/sqlite/snapshot-worker.ts"
# The screens and the script of the REST reference, found among the embedded files by their names.
screens="web/dist/web.pack web/dist/reference.pack"
# Without AVX2, so that it runs on every x86-64 processor; Bun's name for the runtime, then ours for the file.
targets="bun-linux-x64-baseline:linux-x64 bun-linux-arm64:linux-arm64 bun-darwin-arm64:darwin-arm64 bun-darwin-x64:darwin-x64"

# What is built here configures itself by flags, environment and data folder alone, not by the folder one stands in.
compile() {
  # shellcheck disable=SC2086 # the entry points are words
  sh scripts/with-bun.sh build --compile --no-compile-autoload-dotenv --no-compile-autoload-bunfig \
    --entry-naming '[name].[ext]' --asset-naming '[name].[ext]' "$@" $main $workers $screens
}

mkdir -p "$dist"
sh scripts/with-bun.sh web/build.ts
compile --outfile "$dist/chatelaine"
[ "${1:-all}" = all ] || exit 0

for target in $targets; do
  file=$dist/chatelaine-${target#*:}
  if compile --target="${target%%:*}" --outfile "$file" 2>"$dist/build.log"; then
    echo "$file"
  else
    echo "Left out $file: $(grep -i error "$dist/build.log" | head -n 1)" >&2
  fi
done
rm -f "$dist/build.log"
