#!/bin/sh
# Everything that must hold: brings the Debian packages that the tests use, then runs scripts/test.ts.
# Arguments go to `bun test` as filters: npm test -- certificates
set -eu
root=$(cd "$(dirname "$0")/.." && pwd -P)
cd "$root"

missing_packages() {
  sed -e 's/#.*//' -e '/^ *$/d' debian-packages.txt | while read -r package command; do
    [ -e "$command" ] || command -v "$command" >/dev/null 2>&1 || echo "$package"
  done | tr '\n' ' '
}

# Another run may hold apt's locks: its update is waited for by trying again, its install by apt itself.
install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  for _ in 1 2 3 4 5; do
    # shellcheck disable=SC2086 # the names are words
    if apt-get -qq update >&2 && apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $1 >&2; then
      return 0
    fi
    sleep 5
    [ -n "$(missing_packages)" ] || return 0
  done
  return 1
}

missing=$(missing_packages)
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Debian packages: $missing" >&2
    install_packages "$missing" || echo "apt-get could not install them" >&2
  fi
  missing=$(missing_packages)
  if [ -n "$missing" ]; then
    missing=${missing% }
    echo "The tests need: $missing (as root on Debian: apt-get install $missing)" >&2
    exit 1
  fi
fi

set -- scripts/test.ts "$@"
# shellcheck source=scripts/with-bun.sh
. scripts/with-bun.sh
