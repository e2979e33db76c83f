#!/bin/sh
# Runs the integration tests with the binaries of $BUILD; arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=build}"
python=$(tools/python.sh) || {
    echo "The integration tests cannot run: no Python with the modules of tests/requirements.txt." >&2
    exit 1
}
tools/emulators.sh || {
    echo "************************************************************************************"
    echo "*  NOT RUN: the tests of Azure queues and containers (unless azurite is installed on"
    echo "*  this machine) and those against Microsoft's mock of Azure Resource Manager. What"
    echo "*  they need could not be installed (see above). They are counted as skipped; with"
    echo "*  CI=true that is a failure."
    echo "************************************************************************************"
} >&2
PLAIN=$(realpath "${PLAIN:-$BUILD/plain/hgautod}")
export HGAUTOD="${HGAUTOD:-$(realpath "$BUILD/hgautod")}" CLOUDSERVER="${CLOUDSERVER:-$(realpath "$BUILD/cloudserver")}" \
    FAILING_MEMORY="${FAILING_MEMORY:-$(realpath "$BUILD/failing_memory.so")}" PLAIN
# Without a cache folder: the checkout may be read-only, and nothing of a run is wanted by the next.
tests() {
    "$python" -m pytest -p no:cacheprovider -q "$@"
}

[ $# -eq 0 ] || {
    tests tests/integration "$@"
    exit
}
# All of them: side by side, since they are mostly waiting; then those that look at what the others have recorded.
record=$(mktemp -d)
trap 'rm -rf "$record"' EXIT
status=0
tests tests/integration --numprocesses "$(($(nproc) * 2))" --dist worksteal --record "$record" \
    --ignore tests/integration/test_permissions.py --ignore tests/integration/test_botocore_models.py || status=$?
tests tests/integration/test_permissions.py tests/integration/test_botocore_models.py --recorded "$record" || status=$?
exit $status
