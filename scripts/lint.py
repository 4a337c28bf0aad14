#!/usr/bin/env python3
"""What `make check` looks for beside clang-format and clang-tidy.

Errors: an include that climbs (#include "../) or isn't written from the project's root; a blank at
the end of a line; mutable state at file scope in the engine, read from its object files.
Listed only: functions longer than 70 lines (a flat switch may be).

    scripts/lint.py [--stateless OBJECT...]
"""

import os
import re
import subprocess
import sys

PARTS = ("abi", "base", "engine", "kernel", "arch", "tools")
LINE_MAX = 70
TEXT = (".c", ".h", ".S", ".def", ".py", ".sh", ".md", ".toml", ".txt", ".mk", ".js", ".mjs")
INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')
SYMBOL = re.compile(r"[0-9a-f]+ (.{7}) (\S+)\t\S+ (\S+)$")  # flags, section, name
WRITABLE = re.compile(r"\.t?data(?!\.rel\.ro)|\.t?bss|\*COM\*")


def files_find():
    for folder, folders, files in os.walk("."):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), ".")
            if name.endswith(TEXT) or name in ("Makefile", "run", "deps"):
                yield path


def includes_check(path, number, line):
    include = INCLUDE.match(line)
    if not include:
        return
    if include[1].startswith("../"):
        yield f'{path}:{number}: #include "../ goes around what this folder may know'
    elif path.split("/")[0] in PARTS and not os.path.exists(include[1]):
        yield f'{path}:{number}: "{include[1]}" isn\'t a path from the project\'s root'


def file_check(path):
    """The errors in one file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if re.search(r"[ \t]+$", line.rstrip("\n")):
                yield f"{path}:{number}: blank at the end of the line"
            if path.endswith((".c", ".h", ".S")):
                yield from includes_check(path, number, line)


def functions_long(path):
    """A function's braces stand alone in column 0: clang-format sees to that."""
    start = None
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start - 1 > LINE_MAX:
                yield f"{path}:{start - 1}: {number - start - 1} lines: {lines[start - 2].strip()}"
            start = None


def stateless_check(objects):
    """Symbols of these object files that can be written. Tables of pointers (.data.rel.ro) can't."""
    if not objects:
        return
    dump = subprocess.run(["llvm-objdump-19", "-t", *objects], capture_output=True, text=True)
    if dump.returncode != 0:
        yield dump.stderr.strip()
    path = ""
    for line in dump.stdout.splitlines():
        symbol = SYMBOL.match(line)
        if ":\tfile format" in line:
            path = line.split(":\t")[0]
        elif symbol and "d" not in symbol[1] and WRITABLE.match(symbol[2]):
            yield f"{path}: {symbol[3]} is mutable and at file scope"


def main():
    paths = sorted(files_find())
    errors = [e for path in paths for e in file_check(path)]
    if sys.argv[1:2] == ["--stateless"]:
        errors += stateless_check(sys.argv[2:])
    for path in paths:
        if path.endswith(".c") and path.split("/")[0] in PARTS:
            for function in functions_long(path):
                print(f"long: {function}")
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
