#!/bin/sh
# Runs the integration tests with the binaries of $BUILD; arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=build}"
python=$(tools/python.sh) || {
    echo "The integration tests cannot run: no Python with the modules of tests/requirements.txt." >&2
    exit 1
}
export HGAUTOD="${HGAUTOD:-$(realpath "$BUILD/hgautod")}" CLOUDSERVER="${CLOUDSERVER:-$(realpath "$BUILD/cloudserver")}"
# Without a cache folder: the checkout may be read-only, and nothing of a run is wanted by the next.
exec "$python" -m pytest -p no:cacheprovider -q tests/integration "$@"
