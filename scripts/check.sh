#!/bin/sh
# The checks that need no server: types, style, unused code, layering, limits, type names, words, README.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"
set -- scripts/check.ts "$@"
# shellcheck source=scripts/with-bun.sh
. scripts/with-bun.sh
