#!/bin/sh
# The bench: one table of speed and memory, each number beside that of bare libcurl (see docs/performance.md).
# Called by make bench, which builds $BUILD/hgautod, $BUILD/cloudserver and the programs in $BENCH_BIN. Options go to tests/bench/bench.py.
set -eu
cd "$(dirname "$0")/.."
: "${BUILD:=build}" "${BENCH_BIN:=$BUILD/plain/tests/bench}" "${PYTHON:=python3}"
# Debian keeps nginx where only root looks.
PATH=$PATH:/usr/sbin:/sbin
export PATH
exec "$PYTHON" -B tests/bench/bench.py --hgautod "$BUILD/hgautod" --programs "$BENCH_BIN" --cloudserver "$BUILD/cloudserver" "$@"
