#!/usr/bin/env python3
"""Write what botocore reads out of the shared files in tests/unit/data/profile.

Each folder there holds `config`, `credentials` or both. Beside them this writes `expected`, a line a setting
(profile, key, nested key or "-", value as JSON), or checks that botocore refuses the files of a folder that
has an `error` (our own message, written by hand). `words.json` holds lines and what shlex.split makes of them.
"""

import json
import pathlib
import shlex
import sys

from botocore.configloader import load_config, raw_config_parse
from botocore.exceptions import ConfigParseError

DATA = pathlib.Path(__file__).parent.parent / "unit" / "data" / "profile"
LINES = [
    "", " \t ", "one", "one two", "  one\t two\n three ", "'single quoted' x", '"double quoted" x', "a'b'c\"d\"e",
    r"a\ b", r'"a\"b\\c\d"', r"'a\b'", "''", '"" x', "'", '"', "x\\", '"a\\', "a # b", "a;b|c&d$e`f`>g *",
    '/opt/tool --name "Web Server" --path \'C:\\dir\'', "'a'\\''b'", "\u00fc \u20ac",
]  # fmt: skip


def settings(folder):
    profiles = load_config(str(folder / "config"))["profiles"] if (folder / "config").exists() else {}
    if (folder / "credentials").exists():
        for name, values in raw_config_parse(str(folder / "credentials")).items():
            profiles.setdefault(name, {}).update(values)
    for profile, values in profiles.items():
        for key, value in values.items():
            for sub, text in value.items() if isinstance(value, dict) else [("-", value)]:
                yield "\t".join([profile, key, sub, json.dumps(text)])


def words(line):
    try:
        return shlex.split(line)
    except ValueError:
        return None


def main():
    (DATA / "words.json").write_text(json.dumps([[line, words(line)] for line in LINES], indent=1) + "\n")
    for folder in sorted(path for path in DATA.iterdir() if path.is_dir()):
        try:
            text = "".join(line + "\n" for line in settings(folder))
        except ConfigParseError:
            if not (folder / "error").exists():
                sys.exit(f"{folder}: botocore refuses it, and there is no file `error`")
            continue
        if (folder / "error").exists():
            sys.exit(f"{folder}: botocore reads it, but there is a file `error`")
        (folder / "expected").write_text(text)


if __name__ == "__main__":
    main()
