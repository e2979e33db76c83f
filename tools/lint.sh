#!/bin/sh
# make lint: formatting, dependencies between files, static analysers, manual pages, shell scripts. Runs everything, then says
# what failed. Arguments: the directory of the build's objects, and the objects of the program (those of tools/cycles.py).
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc)
files=$(git ls-files --cached --others --exclude-standard '*.c' '*.h')
sources=$(printf '%s\n' "$files" | grep '\.c$')
scripts=$(git ls-files --cached --others --exclude-standard 'tools/*.sh' .ci/run)
flags="-std=c11 -D_GNU_SOURCE -I. -Wmissing-variable-declarations $(pkg-config --cflags libcurl libcrypto jansson libuv expat)"
failed=

check() {
    printf '  LINT  %s\n' "$1"
}

check clang-format
printf '%s\n' "$files" | xargs -P "$jobs" -n 16 clang-format --dry-run -Werror || failed="$failed clang-format"

# The formatter does not wrap comments. A URL may be longer.
check 'lines of at most 100 characters'
# shellcheck disable=SC2086
if LC_ALL=C.UTF-8 grep -nE '^.{101,}' $files | grep -v 'https\?://'; then
    failed="$failed line-length"
fi

check 'functions of at most 60 lines'
printf '%s\n' "$sources" | xargs tools/function-length.sh || failed="$failed function-length"

check 'no cycles between files, no dependency on a higher layer'
tools/cycles.py "$@" || failed="$failed cycles"

check cppcheck
# shellcheck disable=SC2086
cppcheck -q -j "$jobs" --std=c11 --language=c -D_GNU_SOURCE -I. --enable=warning,performance,portability --inline-suppr \
    --library=tools/cppcheck.cfg --suppress=missingIncludeSystem --error-exitcode=1 --template='{file}:{line}: {severity}: {message} [{id}]' \
    $sources || failed="$failed cppcheck"

check clang-tidy
# What ships, and the test server. Other tests are read by the compiler, cppcheck and the sanitizers.
# shellcheck disable=SC2086
printf '%s\n' "$sources" | grep -v '^tests/\(unit\|fuzz\|bench\)/' |
    xargs -P "$jobs" -n 1 -I{} clang-tidy --quiet {} -- $flags 2>/dev/null || failed="$failed clang-tidy"

pages=$(git ls-files 'docs/*.1' 'docs/*.5')
if [ -n "$pages" ]; then
    check 'mandoc'
    # shellcheck disable=SC2086
    mandoc -T lint -W warning $pages || failed="$failed mandoc"
fi

if command -v shellcheck >/dev/null 2>&1; then
    check shellcheck
    # shellcheck disable=SC2086
    shellcheck $scripts || failed="$failed shellcheck"
fi

if [ -n "$failed" ]; then
    echo "lint: failed:$failed" >&2
    exit 1
fi
