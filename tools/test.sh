#!/bin/sh
# Runs all tests: test.sh UNIT-TEST... FUZZ-TARGET...  Ends with one line that counts them: "N passed, N failed, N skipped".
# A suite that cannot run for want of a package registry is skipped aloud and counted; with CI=true that is a failure.
set -u
limit=600 # seconds for one unit test: one that hangs is one that failed
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 broken=

# The sum of the numbers before a word in the lines that close the runs of pytest in the log.
count() {
    grep -E '^[0-9]+ [a-z]+.* in [0-9.]+s' "$log" | grep -oE "[0-9]+ $1" | awk '{ n += $1 } END { print n + 0 }'
}

for program; do
    name=${program##*/}
    case $program in
    */fuzz/*)
        if timeout $limit "$program" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
            passed=$((passed + 1))
        else
            cat "$log"
            failed=$((failed + 1)) broken="$broken fuzz/$name"
        fi
        ;;
    *)
        timeout $limit "$program" >"$log" 2>&1
        status=$?
        [ "$status" -ne 124 ] || echo "$name has not ended within $limit seconds" >>"$log"
        ok=$(grep -c '^\[       OK \]' "$log")
        not=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
        skip=$(grep -c '^\[  SKIPPED \] [a-z_]*$' "$log")
        [ "$status" -eq 0 ] || [ "${not:-0}" -gt 0 ] || not=1
        if [ "$status" -ne 0 ]; then
            cat "$log"
            broken="$broken unit/$name"
        fi
        passed=$((passed + ok)) failed=$((failed + ${not:-0})) skipped=$((skipped + skip))
        printf '  %-28s %s passed%s\n' "$name" "$ok" "${not:+, $not failed}"
        ;;
    esac
done

if python=$(tools/python.sh 2>"$log"); then
    # Shown as it goes; the status goes round the pipe.
    { PYTHON=$python tools/integration.sh 2>&1; echo $? >"$log.status"; } | tee "$log"
    status=$(cat "$log.status")
    rm -f "$log.status"
    passed=$((passed + $(count passed))) skipped=$((skipped + $(count skipped)))
    bad=$(($(count failed) + $(count error)))
    [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    failed=$((failed + bad))
    [ "$bad" -eq 0 ] || broken="$broken integration"
else
    cat "$log" >&2
    n=$(cat tests/integration/test_*.py 2>/dev/null | grep -c '^def test_')
    echo "************************************************************************************"
    echo "*  NOT RUN: $n integration tests. No Python here has the modules of"
    echo "*  tests/requirements.txt, and they could not be installed (see above)."
    echo "************************************************************************************"
    if [ "${CI:-}" = true ]; then
        failed=$((failed + n)) broken="$broken integration"
    else
        skipped=$((skipped + n))
    fi
fi

[ -z "$broken" ] || echo "failed:$broken"
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ -z "$broken" ] && [ "$failed" -eq 0 ]
