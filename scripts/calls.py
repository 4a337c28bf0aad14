#!/usr/bin/env python3
"""What is made from abi/calls.def: scripts/calls.py header|docs

header: guest/'s declarations of the kernel's calls, in C. docs: docs/calls.md.
"""

import re
import sys

ROW = re.compile(r'^(CALL(?:_LEAF|_REGS)?)\((\d+), (\w+), (\w*), "(.*)"\)$')
C_TYPES = {"i": "int32_t", "I": "int64_t", "f": "float", "F": "double"}
WASM_TYPES = {"i": "i32", "I": "i64", "f": "f32", "F": "f64"}


def rows():
    with open("abi/calls.def", encoding="utf-8") as table:
        for line in table:
            match = ROW.match(line.rstrip("\n"))
            if match:
                kind, number, name, types, text = match.groups()
                params, results = types.split("_")
                yield kind, int(number), name, params, results, text


def header():
    print("/* Made from abi/calls.def by scripts/calls.py: the kernel's calls, as programs import them. */")
    print("#ifndef TOKAMAK_CALLS_H\n#define TOKAMAK_CALLS_H\n\n#include <stdint.h>\n")
    for _, _, name, params, results, text in rows():
        result = C_TYPES[results] if len(results) == 1 else "void"
        print(f"/* {text} */")
        if len(results) > 1:
            fields = " ".join(f"{C_TYPES[t]} r{i};" for i, t in enumerate(results))
            result = f"struct tk_{name}_results"
            print(f"{result} {{ {fields} }};")
        arguments = ", ".join(f"{C_TYPES[t]} a{i}" for i, t in enumerate(params)) or "void"
        print(f'__attribute__((import_module("tokamak_1"), import_name("{name}"))) '
              f"{result} tk_{name}({arguments});\n")
    print("#endif")


def docs():
    print("# The kernel's calls\n")
    print("Made from [abi/calls.def](../abi/calls.def) by `scripts/calls.py docs`. Programs import them from module")
    print("`tokamak_1`.\n")
    print("| number | name | parameters | results | |\n|---|---|---|---|---|")
    for _, number, name, params, results, text in rows():
        names = [" ".join(WASM_TYPES[t] for t in types) for types in (params, results)]
        print(f"| {number} | `{name}` | {names[0]} | {names[1]} | {text} |")


if __name__ == "__main__":
    {"header": header, "docs": docs}[sys.argv[1]]()
