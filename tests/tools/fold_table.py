#!/usr/bin/env python3
"""Prints the table of lib/base/fold.c: every letter beyond ASCII whose upper-case form is one other character beyond ASCII."""

import unicodedata

upper = {c: ord(chr(c).upper()) for c in range(0x80, 0x110000)
         if not 0xD800 <= c <= 0xDFFF and len(chr(c).upper()) == 1 and chr(c).upper() != chr(c)}
letters = sorted(c for c in upper if upper[c] >= 0x80)
rows = []
while letters:
    runs = []
    for step in (1, 2):
        n = 1
        while n < len(letters) and letters[n] - letters[n - 1] == step and upper[letters[n]] - letters[n] == upper[letters[0]] - letters[0]:
            n += 1
        runs.append((n, -step))
    n, step = max(runs)
    rows.append(f"{{0x{letters[0]:04X}, 0x{letters[n - 1]:04X}, {-step}, {upper[letters[0]] - letters[0]}}},")
    letters = letters[n:]

line = "   "
print(f"    /* Unicode {unicodedata.unidata_version} */")
for row in rows:
    if len(line) + 1 + len(row) > 100:
        print(line)
        line = "   "
    line += " " + row
print(line)
