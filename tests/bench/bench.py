"""The bench: runs the scenarios, prints one table. See docs/performance.md."""

import argparse
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

from programs import Bench
from scenarios import SCENARIOS, Sizes

MARKS = "<!-- bench -->\n", "<!-- /bench -->\n"


def first_line(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0].strip()


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    return f"{os.cpu_count()} × {model[1] if model else platform.machine()}, Linux {platform.release()}"


def versions(hgautod):
    curl = first_line(["curl-config", "--version"]) or first_line(["curl", "--version"]).split(" (")[0]
    return ", ".join([first_line([hgautod, "--version"]), curl, first_line(["openssl", "version"]).split(" (")[0],
                      first_line(["nginx", "-v"]).split(": ")[-1]])


def aligned(rows):
    """A Markdown table whose columns line up."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def write_into(path, text):
    page = pathlib.Path(path).read_text(encoding="utf-8")
    before, rest = page.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    pathlib.Path(path).write_text(before + MARKS[0] + text + MARKS[1] + after, encoding="utf-8")


def memory_folder():
    """Where files cost no disk, whose other users would be measured too; None: the usual place for temporary files."""
    place = "/dev/shm"
    roomy = os.access(place, os.W_OK) and shutil.disk_usage(place).free > 2 << 30
    return place if roomy and "TMPDIR" not in os.environ else None


def arguments():
    p = argparse.ArgumentParser(prog="tools/bench.sh", description=__doc__)
    p.add_argument("--hgautod", default="build/hgautod", help="the program to measure")
    p.add_argument("--programs", default="build/plain/tests/bench", help="where bare, answers and measure are")
    p.add_argument("--cloudserver", default="build/cloudserver", help="the server that plays Azure")
    p.add_argument("--only", action="append", choices=[s.name for s in SCENARIOS], help="this scenario (may be repeated)")
    p.add_argument("--runs", type=int, help="how often each is run (5)")
    p.add_argument("--million", action="store_true", help="an event of 1,000,000 resources too")
    p.add_argument("--smoke", action="store_true", help="small and once: for function, not for time")
    p.add_argument("--write", metavar="FILE", help="put the table between the marks of this page")
    return p.parse_args()


def main():
    options = arguments()
    sizes = Sizes.small() if options.smoke else Sizes()
    if options.runs:
        sizes.runs = options.runs
    sizes.million = options.million
    rows = []
    with tempfile.TemporaryDirectory(prefix="hgautod-bench-", dir=memory_folder()) as folder:
        bench = Bench(options.hgautod, options.programs, options.cloudserver, folder)
        for scenario in SCENARIOS:
            if options.only and scenario.name not in options.only:
                continue
            began = time.monotonic()
            print(f"  {scenario.name} ...", end="", file=sys.stderr, flush=True)
            rows += scenario.run(bench, sizes)
            print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    table = aligned([("scenario", "measure", "hgautod", "bare libcurl", "ratio", "target", "met")] +
                    [row.cells() if sizes.judged else row.cells()[:-2] + ("", "") for row in rows])
    text = (f"{machine()}; {versions(options.hgautod)}; {time.strftime('%Y-%m-%d')}; medians of {sizes.runs} "
            f"(lowest–highest).\n\n{table}")
    print(text)
    if options.write:
        write_into(options.write, text)


main()
