"""Row 2: what a call of the kernel from wasm costs, in C, the time of a direct call in native code.

The guest (calls/guest.c) imports three functions of module tokamak_1: nop, time_coarse and
time_precise. Its native twin gives the yardsticks in the same minute. V8 is shown beside it: there
the same import is a call from wasm to JavaScript.
"""

from lib import toolchain
from lib.engines import Tokamak, V8
from lib.paths import CALLS
from lib.report import figure
from lib.table import lay_out
from lib.toolchain import BuildError, Program, run

# The targets of ANCHORS.md, row 2, in C.
TARGETS = {"nop": 2, "coarse": 1, "precise": 12}

RUNS = 3


def times_of(argv) -> dict:
    """Least and median picoseconds by kind, the best of some runs."""
    best = {}
    for _ in range(RUNS):
        for line in run(argv, timeout=300).splitlines():
            kind, least, median = line.split()
            old = best.get(kind, (float("inf"), float("inf")))
            best[kind] = (min(old[0], int(least)), min(old[1], int(median)))
    return best


def guest_program(is_native: bool) -> Program:
    flags = ["-DBENCH_NATIVE"] if is_native else []
    return Program("calls-native" if is_native else "calls-guest", [CALLS / "guest.c"], flags)


def row(engine, kind, times, unit_ps):
    least, median = times
    return [engine, kind, f"{least / 1000:.2f}", f"{median / 1000:.2f}", f"{least / unit_ps:.2f}"]


def measure(options):
    native = times_of([toolchain.native(guest_program(True))])
    unit_ps = native["direct"][0]
    rows = [["engine", "call", "ns, least", "ns, median", "in C"]]
    rows += [row("native", kind, times, unit_ps) for kind, times in native.items()]
    figures, failures, tokamak = [], 0, {}
    for engine in (Tokamak(), V8("v8-newest", "node-newest")):
        if options.engines and engine.name not in options.engines:
            continue
        reason = engine.missing()
        if reason:
            rows.append([engine.name, reason])
            continue
        try:
            times = times_of(engine.command(engine.prepare(guest_program(False))))
        except BuildError as error:
            print(f"FAILED: calls under {engine.name}: {error}")
            failures += 1
            continue
        rows += [row(engine.name, kind, t, unit_ps) for kind, t in times.items()]
        if engine.name == "tokamak":
            tokamak = times
    print("\nA call from wasm to its host; C is a direct call in native code\n")
    print("\n".join(lay_out(rows, left=(0, 1))))
    for kind, target in TARGETS.items():
        value = tokamak[kind][0] / unit_ps if kind in tokamak else None
        yardstick = f"C: a native direct call, {unit_ps / 1000:.2f} ns in this run"
        if kind == "precise":
            yardstick += (
                f"; the time-stamp counter alone takes {native['counter'][0] / unit_ps:.0f} C here"
            )
        figures.append(figure(2, f"call from wasm: {kind}", value, "C", yardstick, None, target))
    if "cold-nop" in tokamak:
        figures.append(
            figure(2, "call from wasm: nop, cold caches", tokamak["cold-nop"][0] / unit_ps, "C")
        )
    figures.append(figure(0, "native system call", native["syscall"][0] / unit_ps, "C"))
    return figures, failures
