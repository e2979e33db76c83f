#!/bin/sh
# Fails if a function is longer than 60 lines. In our style a body begins with "{" and ends with "}" in the first column.
set -eu
awk '
    /^\{/ { start = FNR; head = before }
    /^\}/ && start {
        length_ = FNR - start + 1
        if (length_ > 60) { printf "%s:%d: a function of %d lines (at most 60): %s\n", FILENAME, start, length_, head; bad = 1 }
        start = 0
    }
    FNR == 1 { start = 0 }
    { before = $0 }
    END { exit bad }
' "$@"
