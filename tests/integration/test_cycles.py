"""tools/cycles.py finds cycles between files and dependencies on a higher layer."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/cycles.py"


@pytest.fixture
def run(tmp_path):
    """Compiles files, given as what each defines and the functions that it calls, and runs the tool on them."""

    def compile_and_run(files):
        objects = []
        for file, (name, callees) in files.items():
            source = tmp_path / file
            source.parent.mkdir(parents=True, exist_ok=True)
            declarations = "".join(f"void {callee}(void);\n" for callee in callees)
            calls = " ".join(f"{callee}();" for callee in callees)
            # A static function of the same name in two files is no dependency.
            source.write_text(f"{declarations}static void helper(void) {{ {calls} }}\nvoid {name}(void) {{ helper(); }}\n")
            objects.append(source.with_suffix(".o"))
            compiler = shlex.split(os.environ.get("CC", "cc"))
            subprocess.run([*compiler, "-c", "-O0", "-o", objects[-1], source], check=True)
        return subprocess.run([sys.executable, TOOL, tmp_path, *objects], capture_output=True, text=True)

    return compile_and_run


def test_files_that_depend_downwards_only_pass(run):
    result = run({
        "daemon/main.c": ("top", ["middle", "bottom", "puts"]),
        "actions/tag.c": ("middle", ["bottom"]),
        "lib/base/buf.c": ("bottom", ["free"]),
    })
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_cycle_of_two_is_found(run):
    result = run({"lib/base/a.c": ("a", ["b"]), "lib/net/b.c": ("b", ["a"]), "lib/c.c": ("c", ["a", "b"])})
    assert result.returncode == 1
    assert result.stdout == (
        "cycle of 2 files:\n"
        "  lib/base/a.c -> lib/net/b.c: b\n"
        "  lib/net/b.c -> lib/base/a.c: a\n"
    )


def test_a_cycle_through_others_is_found_and_each_one_apart(run):
    result = run({
        "lib/a.c": ("a", ["b", "d"]),
        "lib/b.c": ("b", ["c"]),
        "lib/c.c": ("c", ["a"]),
        "lib/d.c": ("d", ["e"]),
        "lib/e.c": ("e", ["d"]),
    })
    assert result.returncode == 1
    assert result.stdout == (
        "cycle of 3 files:\n"
        "  lib/a.c -> lib/b.c: b\n"
        "  lib/b.c -> lib/c.c: c\n"
        "  lib/c.c -> lib/a.c: a\n"
        "cycle of 2 files:\n"
        "  lib/d.c -> lib/e.c: e\n"
        "  lib/e.c -> lib/d.c: d\n"
    )


@pytest.mark.parametrize("lower, higher", [("lib", "actions"), ("lib", "daemon"), ("actions", "daemon")])
def test_a_dependency_on_a_higher_layer_is_found(run, lower, higher):
    result = run({f"{lower}/low.c": ("low", ["high"]), f"{higher}/high.c": ("high", [])})
    assert result.returncode == 1
    assert result.stdout == f"wrong layer: {lower}/low.c -> {higher}/high.c: high\n"


def test_objects_that_cannot_be_read_are_no_success(tmp_path):
    for arguments in [[], [tmp_path], [tmp_path, tmp_path / "lib/gone.o"], [tmp_path, tmp_path / "tests/a.o"]]:
        result = subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True)
        assert result.returncode == 2
        assert result.stderr
