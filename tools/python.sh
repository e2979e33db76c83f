#!/bin/sh
# Prints the Python that can run the integration tests: the one at hand if it has their modules, else one in tests/.venv, made
# when needed. Fails, saying why, when there is none.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=tests/.venv

usable() {
    "$1" -c 'import boto3, flask, moto.server, pytest, xdist
import azure.identity, azure.mgmt.compute, azure.mgmt.network, azure.mgmt.resource.resources' >/dev/null 2>&1
}

if usable "$python"; then
    echo "$python"
    exit 0
fi
if ! usable "$venv/bin/python"; then
    tools/deps.sh venv >&2
    echo "Making $venv for the integration tests." >&2
    rm -rf "$venv"
    "$python" -m venv "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt >&2
    usable "$venv/bin/python"
fi
echo "$PWD/$venv/bin/python"
