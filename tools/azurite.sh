#!/bin/sh
# Sees to azurite, the emulator of Azure storage that integration tests run against: the one in tests/node_modules, else one that is
# installed anyway, else npm fetches what tests/package-lock.json names. Fails, saying why, when there is none.
set -u
cd "$(dirname "$0")/.." || exit 1
[ ! -x tests/node_modules/.bin/azurite ] || exit 0
if command -v azurite >/dev/null 2>&1; then
    exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
    echo "There is no npm here to install azurite with." >&2
    exit 1
fi
echo "Installing azurite into tests/node_modules." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Nothing of what azurite needs has to be built, so no package's own scripts are run.
if (cd tests && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 1 >"$log" 2>&1); then
    exit 0
fi
tail -n 20 "$log" >&2
rm -rf tests/node_modules
exit 1
