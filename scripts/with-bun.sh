#!/bin/sh
# sh scripts/with-bun.sh [BUN ARGUMENT]...   or sourced with $root set: becomes `bun "$@"`.
#
# Promises: a Bun of at least the version that package.json pins and the packages of bun.lock are there, or one line on
# standard error says what is missing and the exit code is 1. Once prepared, a start writes nothing, asks no network and
# runs no Bun but the one it becomes: the stamp holds the checksum of bun.lock and the Bun that was found to work.
# Processes that prepare one clone at the same time wait for each other (docs/decisions/0001-bun.md).
set -eu

[ -n "${root:-}" ] || root=$(cd "$(dirname "$0")/.." && pwd -P)
tools=$root/.tools
stamp=$root/node_modules/.chatelaine-stamp
lock=$tools/lock
lock_wait_seconds=120

say() { echo "chatelaine: $*" >&2; }
fail() {
  say "$*"
  exit 1
}

# The version that package.json pins for Bun itself.
pinned_version() {
  sed -n 's/^ *"bun": *"\([0-9][0-9.]*\)".*/\1/p' "$root/package.json"
}

has_avx2() {
  if [ -r /proc/cpuinfo ]; then
    grep -q -w avx2 /proc/cpuinfo
  else
    [ "$(sysctl -n hw.optional.avx2_0 2>/dev/null)" = 1 ]
  fi
}

is_musl() {
  ! [ -e /lib64/ld-linux-x86-64.so.2 ] && ! [ -e /lib/ld-linux-aarch64.so.1 ] && ls /lib/ld-musl-* >/dev/null 2>&1
}

# The name of Bun's package for this machine: linux-x64, linux-x64-musl-baseline, darwin-aarch64, ...
name_platform() {
  case $(uname -s) in
    Linux) name=linux ;;
    Darwin) name=darwin ;;
    *) fail "Bun has no build for $(uname -s); Chatelaine needs Linux or macOS" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) name=$name-x64 ;;
    aarch64 | arm64) name=$name-aarch64 ;;
    *) fail "Bun has no build for $(uname -m) processors; Chatelaine needs x86-64 or arm64" ;;
  esac
  if is_musl; then name=$name-musl; fi
  case $name in
    *-x64*) if ! has_avx2; then name=$name-baseline; fi ;;
  esac
  echo "$name"
}

# $1: a Bun. True when it runs here, has the pinned major version and is not older than the pin.
bun_fits() {
  [ -x "$1" ] || return 1
  found=$("$1" -e 'process.stdout.write(Bun.version)' 2>/dev/null </dev/null) || return 1
  echo "$found $(pinned_version)" | awk '
    { split($1, f, /[.-]/); split($2, p, ".")
      if (f[1] != p[1]) exit 1
      if (f[2] != p[2]) exit !(f[2] > p[2])
      exit !(f[3] >= p[3]) }'
}

# Prints the first Bun that fits: named by hand, in the clone, on PATH. $platform is set.
find_bun() {
  if [ -n "${CHATELAINE_BUN:-}" ]; then
    bun_fits "$CHATELAINE_BUN" || fail "CHATELAINE_BUN=$CHATELAINE_BUN is no Bun $(pinned_version) or newer that runs here"
    echo "$CHATELAINE_BUN"
    return 0
  fi
  package=@oven/bun-$platform
  inside=$root/node_modules/.bun/@oven+bun-$platform@$(pinned_version)/node_modules/$package/bin/bun
  # Where its install script has run, the executable has moved to bun.exe; that script knows no baseline builds.
  moved=$root/node_modules/bun/bin/bun.exe
  case $platform in
    *-baseline) moved= ;;
  esac
  for candidate in "$inside" "$moved" "$tools/node_modules/$package/bin/bun"; do
    if bun_fits "$candidate"; then echo "$candidate" && return 0; fi
  done
  find_bun_on_path
}

find_bun_on_path() {
  old_ifs=$IFS
  IFS=:
  for folder in $PATH; do
    IFS=$old_ifs
    case $folder in
      # Shims that package managers put before the real one; a clone's own Bun was looked for already.
      "$root"/* | "") continue ;;
    esac
    if bun_fits "$folder/bun"; then echo "$folder/bun" && return 0; fi
  done
  IFS=$old_ifs
  return 1
}

# Bun's package for this machine has the executable in it, so no install script has to run. npm does not understand
# `workspace:*` and must not see this clone's package.json: it gets a folder of its own.
fetch_bun() {
  package=@oven/bun-$platform
  version=$(pinned_version)
  command -v npm >/dev/null 2>&1 ||
    fail "Bun $version is missing, and npm to fetch it as well: install Bun, or Node 20 with npm, or set CHATELAINE_BUN"
  say "fetching Bun $version ($package)"
  [ -f "$tools/package.json" ] || echo '{"private":true}' >"$tools/package.json"
  if ! (cd "$tools" && npm install --prefix "$tools" --no-save --no-package-lock --no-audit --no-fund \
    --ignore-scripts --loglevel=error "$package@$version" </dev/null >"$tools/npm.log" 2>&1); then
    reason=$(sed -n 's/^npm error //p' "$tools/npm.log" | head -n 1)
    fail "npm could not fetch $package@$version (${reason:-see .tools/npm.log}); with CHATELAINE_BUN=/path/to/bun it is not needed"
  fi
  bun=$tools/node_modules/$package/bin/bun
  bun_fits "$bun" || fail "$package@$version does not run on this machine; set CHATELAINE_BUN to a Bun that does"
}

# bun.lock is the only lock file; the packages need no install scripts.
install_packages() {
  say "installing the packages of bun.lock"
  if ! (cd "$root" && "$bun" install --frozen-lockfile --ignore-scripts --no-progress </dev/null >"$tools/install.log" 2>&1); then
    reason=$(grep -i error "$tools/install.log" | head -n 1)
    fail "bun install failed (${reason:-see .tools/install.log})"
  fi
}

lock_checksum() { cksum <"$root/bun.lock"; }

# Sets $bun from the stamp. True when the packages are those of bun.lock and that Bun is still there.
is_prepared() {
  [ -r "$stamp" ] || return 1
  { read -r stamped_checksum && read -r stamped_bun; } <"$stamp" || return 1
  [ "$stamped_checksum" = "$(lock_checksum)" ] || return 1
  case $stamped_bun in
    /*) bun=$stamped_bun ;;
    *) bun=$root/$stamped_bun ;;
  esac
  [ -x "$bun" ] || return 1
  [ -z "${CHATELAINE_BUN:-}" ] || [ "$bun" = "$CHATELAINE_BUN" ]
}

write_stamp() {
  # A clone that is moved keeps its stamp: what is inside is written without the path to it.
  printf '%s\n%s\n' "$(lock_checksum)" "${bun#"$root"/}" >"$stamp.$$"
  mv "$stamp.$$" "$stamp"
}

# The lock is a symbolic link to the owner's process id: made and readable in one step.
take_lock() {
  mkdir -p "$tools"
  waited=0
  until ln -s "$$" "$lock" 2>/dev/null; do
    owner=$(readlink "$lock") || continue
    if ! is_alive "$owner"; then
      break_lock
    elif [ "$waited" -ge "$lock_wait_seconds" ]; then
      fail "process $owner has been preparing this clone for $lock_wait_seconds s; if it hangs, end it and start again"
    else
      [ "$waited" -gt 0 ] || say "waiting for process $owner, which prepares this clone"
      sleep 1
      waited=$((waited + 1))
    fi
  done
  trap 'rm -f "$lock"' EXIT
  trap 'exit 1' HUP INT TERM
}

is_alive() { kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ]; }

# Only one process at a time may judge a lock to be dead, else a second would remove the lock of the first's successor.
break_lock() {
  if ! mkdir "$lock.breaking" 2>/dev/null; then
    sleep 1
    waited=$((waited + 1))
    [ "$waited" -lt "$lock_wait_seconds" ] || fail "remove $lock.breaking and start again"
    return 0
  fi
  owner=$(readlink "$lock") || owner=
  if [ -n "$owner" ] && ! is_alive "$owner"; then rm -f "$lock"; fi
  rmdir "$lock.breaking"
}

release_lock() {
  rm -f "$lock"
  trap - EXIT HUP INT TERM
}

# In a clone that is not ours to write: what is there must do.
prepare_read_only() {
  [ -d "$root/node_modules" ] || fail "$root is not writable and has no node_modules: run bin/chatelaine --version there once as its owner"
  bun=$(find_bun) || fail "$root is not writable and there is no Bun $(pinned_version) on PATH; set CHATELAINE_BUN"
}

prepare() {
  if is_prepared; then return 0; fi
  platform=$(name_platform) || exit 1
  if ! [ -w "$root" ]; then
    prepare_read_only
    return 0
  fi
  take_lock
  if ! is_prepared; then
    bun=$(find_bun) || { [ -z "${CHATELAINE_BUN:-}" ] || exit 1; fetch_bun; }
    install_packages
    # From now on the Bun among the packages, which everybody who may read the clone may run.
    bun=$(find_bun)
    write_stamp
  fi
  release_lock
}

prepare
exec "$bun" "$@"
