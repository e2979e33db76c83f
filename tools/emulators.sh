#!/bin/sh
# Sees to what npm brings for the integration tests, as tests/package-lock.json names it: azurite, the emulator of Azure storage, and
# spector with Microsoft's mock of Azure Resource Manager. Fails, saying why, when one of them is missing in the end.
# Newer versions of spector, and of the yargs that it uses, do not run on Debian 12's Node 18.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=tests/node_modules/.bin

there() {
    [ -x $bin/azurite ] && [ -x $bin/tsp-spector ]
}

! there || exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "There is no npm here to install azurite and spector with." >&2
    exit 1
fi
echo "Installing azurite and spector into tests/node_modules." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Nothing of what they need has to be built, so no package's own scripts are run.
if (cd tests && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 1 >"$log" 2>&1) && there; then
    exit 0
fi
tail -n 20 "$log" >&2
rm -rf tests/node_modules
exit 1
