"""Rows 11 and 21: what it takes to start, on bare x86-64 in QEMU's software emulation.

Instructions from the kernel's first to the program's first, for a precompiled program: with -icount
the CPU's counter counts them exactly, so once is enough. And the least memory in which the kernel
boots, compiles hello and runs it. The hosted half of row 11 isn't measured yet.
"""

import re
import shutil
import subprocess

from lib import paths
from lib.paths import OUT
from lib.report import figure
from lib.table import lay_out

MACHINES = ("microvm", "q35")
HELLO = paths.BUILD / "programs" / "hello.wasm"
SAID = "Hello from WebAssembly."
FIRST_INSTRUCTIONS = 60000
LEAST_MIB = 4
SECONDS = 120  # a hang detector


def missing():
    kernel = paths.TOKAMAK.with_suffix(".elf")
    if not shutil.which("qemu-system-x86_64"):
        return "boot: no qemu-system-x86_64: make deps"
    if not kernel.exists() or not HELLO.exists():
        return f"boot: no {kernel} or no {HELLO}: make bench builds them"
    return None


def booted(machine, program, memory_mib, *more) -> str:
    """What the machine says on its serial line; empty when it doesn't end."""
    argv = f"""qemu-system-x86_64 -accel tcg -cpu max -M {machine} -m {memory_mib} -display none
        -serial stdio -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4""".split()
    argv += ["-kernel", paths.TOKAMAK.with_suffix(".elf"), "-initrd", program]
    argv += ["-append", "hello.wasm --stats", *more]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def first_instructions(machine, image):
    text = booted(machine, image, 128, "-icount", "shift=0")
    found = re.search(r"first instruction after (\d+) cycles", text)
    return int(found[1]) if found and SAID in text else None


def least_memory(machine):
    """In MiB: from the largest down, to the first that doesn't do."""
    least = None
    for memory_mib in range(8, 0, -1):
        if SAID not in booted(machine, HELLO, memory_mib):
            break
        least = memory_mib
    return least


def measure(_options):
    reason = missing()
    if reason:
        print(reason)
        return [], 0
    image = OUT / "hello.cwasm"
    image.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([paths.TOKAMAK, "compile", HELLO, "-o", image], check=True)
    rows, figures, failed = [["machine", "instructions", "least MiB"]], [], 0
    for machine in MACHINES:
        n, least = first_instructions(machine, image), least_memory(machine)
        failed += (n is None) + (least is None)
        rows.append([machine, "FAILED" if n is None else str(n), str(least or "FAILED")])
        figures.append(
            figure(11, f"kernel entry to first wasm instruction, {machine}, precompiled", n,
                   "instructions", "-icount", floor=2 * FIRST_INSTRUCTIONS,
                   target=FIRST_INSTRUCTIONS)
        )
        figures.append(
            figure(21, f"least memory that boots, compiles and runs hello, {machine}", least,
                   "MiB", "", floor=LEAST_MIB, target=LEAST_MIB)
        )
    print("\n".join(lay_out(rows)))
    return figures, failed
