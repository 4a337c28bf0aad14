#!/usr/bin/env python3
"""The table of functions that a panic's backtrace takes names from, as assembly (panic.c).

    symbols.py [ELF]

Read from a kernel that was linked with an empty table, which is what comes without ELF. The table
lies behind the code, so it moves nothing.
"""

import subprocess
import sys


def functions(elf):
    """(address, name) of each function, ascending; and where code starts."""
    lines = subprocess.run(["llvm-nm-19", "--numeric-sort", elf], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    found, start = [], 0
    for line in lines:
        address, kind, name = line.split()[-3:]
        if name == "image_text":
            start = int(address, 16)
        elif kind in "tT" and not name.startswith(".L") and name != "image_constants":
            found.append((int(address, 16), name))
    return found, start


def main():
    found, start = functions(sys.argv[1]) if len(sys.argv) > 1 else ([], 0)
    print('    .section .symbols, "a"\n    .p2align 2\n    .globl symbol_count')
    print(f"symbol_count: .long {len(found)}\n    .globl symbol_offsets\nsymbol_offsets:")
    for address, _ in found:
        print(f"    .long {address - start}")
    print("    .globl symbol_names\nsymbol_names:")
    at = 0
    for _, name in found:
        print(f"    .long {at}")
        at += len(name) + 1
    print("    .globl symbol_text\nsymbol_text:")
    for _, name in found:
        print(f'    .asciz "{name}"')
    print('    .section .note.GNU-stack, "", @progbits')


if __name__ == "__main__":
    main()
