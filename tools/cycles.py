#!/usr/bin/env python3
"""Finds cycles between files, and dependencies against the layers, in the objects of a build.

usage: tools/cycles.py ROOT OBJECT...
       tools/cycles.py build/plain build/plain/lib/base/buf.o build/plain/lib/base/err.o

Below ROOT, objects lie in the directories of their sources: lib/, actions/ and daemon/. A file depends on another
if its object refers to a symbol that the other object defines. Prints:

- each set of files that depend on each other, with one symbol per dependency within the set;
- each dependency of lib/ on actions/ or daemon/, and of actions/ on daemon/.

Exit status: 0 none found, 1 some found, 2 usage error or unreadable object.
"""

import pathlib
import subprocess
import sys

# From the lowest to the highest. A file may depend on files of its own layer and of lower ones.
LAYERS = ("lib", "actions", "daemon")

# The symbol types of nm for a reference without a definition: undefined, weak, weak object.
REFERS = "Uwv"


def read_symbols(root, objects):
    """Returns two dictionaries by file: the symbols that it defines, and those that it refers to."""
    files = {str(o): file_name(root, o) for o in objects}
    defines = {file: set() for file in files.values()}
    refers = {file: set() for file in files.values()}
    nm = subprocess.run(
        ["nm", "--print-file-name", "--extern-only", *files], capture_output=True, text=True, check=True
    )
    for line in nm.stdout.splitlines():
        # OBJECT:ADDRESS TYPE SYMBOL. An undefined symbol has no address.
        path, _, rest = line.rpartition(":")
        kind, symbol = rest.split()[-2:]
        (refers if kind in REFERS else defines)[files[path]].add(symbol)
    return defines, refers


def file_name(root, path):
    """Returns the source file of an object: "lib/base/buf.c"."""
    name = path.relative_to(root).with_suffix(".c")
    if name.parts[0] not in LAYERS:
        raise ValueError(f"{path} is not in {', '.join(LAYERS)} of {root}")
    return str(name)


def dependencies(defines, refers):
    """Returns for each file the files that it depends on, each with the symbols that it refers to."""
    where = {}
    for file, symbols in defines.items():
        for symbol in symbols:
            where.setdefault(symbol, []).append(file)
    graph = {file: {} for file in refers}
    for file, symbols in refers.items():
        for symbol in sorted(symbols):
            for other in where.get(symbol, []):
                if other != file:
                    graph[file].setdefault(other, []).append(symbol)
    return graph


def components(graph):
    """Returns the strongly connected components (Tarjan), without recursion."""
    found, index, low, stack, on_stack = [], {}, {}, [], set()
    for start in graph:
        if start in index:
            continue
        work = [(start, iter(graph[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, successors = work[-1]
            for other in successors:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(graph[other])))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    cut = stack.index(node)
                    component = stack[cut:]
                    del stack[cut:]
                    on_stack.difference_update(component)
                    found.append(sorted(component))
    return found


def layer(file):
    return LAYERS.index(file.split("/")[0])


def report(graph):
    """Prints the faults. Returns their number."""
    faults = 0
    for file in sorted(graph):
        for other in sorted(graph[file]):
            if layer(other) > layer(file):
                faults += 1
                print(f"wrong layer: {file} -> {other}: {graph[file][other][0]}")
    for component in sorted(components(graph)):
        if len(component) < 2:
            continue
        faults += 1
        print(f"cycle of {len(component)} files:")
        for file in component:
            for other in sorted(set(graph[file]) & set(component)):
                symbols = graph[file][other]
                more = f" and {len(symbols) - 1} more" if len(symbols) > 1 else ""
                print(f"  {file} -> {other}: {symbols[0]}{more}")
    return faults


def main(arguments):
    if len(arguments) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root, *objects = map(pathlib.Path, arguments)
    try:
        graph = dependencies(*read_symbols(root, objects))
    except (OSError, ValueError, subprocess.CalledProcessError) as problem:
        print(f"cycles.py: {getattr(problem, 'stderr', None) or problem}", file=sys.stderr)
        return 2
    return 1 if report(graph) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
