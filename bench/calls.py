"""Row 2: what a call of the kernel from wasm costs, in C, the time of a direct call in native code.

The guest (calls/guest.c) imports three functions of module tokamak_1: nop, time_coarse and
time_precise; Tokamak compiles the clocks into the guest, so that only nop is a call. Its native twin gives the yardsticks in the same minute. V8 is shown beside it: there
the same import is a call from wasm to JavaScript.
"""

import statistics

from lib import toolchain
from lib.engines import Tokamak, V8
from lib.paths import CALLS
from lib.report import figure
from lib.table import lay_out
from lib.toolchain import BuildError, Program, run

# The targets of ANCHORS.md, row 2, in C.
TARGETS = {"nop": 2, "coarse": 1, "precise": 12}

RUNS = 7

# First calls: one sample a process, the difference of two short times.
COLD = "cold-nop"
COLD_RUNS = 61


def samples_add(samples: dict, output: str) -> None:
    """Collects (least, median) picoseconds by kind."""
    for line in output.splitlines():
        kind, least, median = line.split()
        samples.setdefault(kind, []).append((int(least), int(median)))


def samples_sum_up(kind: str, samples: list):
    """Least and median over the runs. The least of differences is mere luck."""
    middle = statistics.median(median for _, median in samples)
    return (middle if kind == COLD else min(least for least, _ in samples)), middle


def times_by_engine(commands: dict):
    """Times by engine name, the engines taking turns; and what failed."""
    samples, failures = {name: {} for name in commands}, 0
    for arguments in [[]] * RUNS + [["cold"]] * COLD_RUNS:
        for name, argv in list(commands.items()):
            if arguments and name == "native":
                continue
            try:
                samples_add(samples[name], run([*argv, *arguments], timeout=300))
            except BuildError as error:
                print(f"FAILED: calls under {name}: {error}")
                failures += 1
                del commands[name], samples[name]
    times = {
        name: {kind: samples_sum_up(kind, found) for kind, found in kinds.items()}
        for name, kinds in samples.items()
    }
    return times, failures


def guest_program(is_native: bool) -> Program:
    flags = ["-DBENCH_NATIVE"] if is_native else []
    return Program("calls-native" if is_native else "calls-guest", [CALLS / "guest.c"], flags)


def row(engine, kind, times, unit_ps):
    least, median = times
    return [engine, kind, f"{least / 1000:.2f}", f"{median / 1000:.2f}", f"{least / unit_ps:.2f}"]


def commands_make(options):
    """Commands by engine name, and rows for the engines that aren't here."""
    commands = {"native": [*options.prefix, toolchain.native(guest_program(True))]}
    absent = []
    for engine in (Tokamak(), V8("v8-newest", "node-newest")):
        if options.engines and engine.name not in options.engines:
            continue
        reason = engine.missing()
        if reason:
            absent.append([engine.name, reason])
        else:
            artifact = engine.prepare(guest_program(False))
            commands[engine.name] = [*options.prefix, *engine.command(artifact)]
    return commands, absent


def figures_make(times):
    tokamak, native = times.get("tokamak", {}), times["native"]
    unit_ps = native["direct"][0]
    yardstick = f"C: a native direct call, {unit_ps / 1000:.2f} ns in this run"
    counter = f"; the time-stamp counter alone takes {native['counter'][0] / unit_ps:.0f} C here"
    in_units = {kind: t[0] / unit_ps for kind, t in tokamak.items()}
    figures = [
        figure(
            2,
            f"call from wasm: {kind}",
            in_units.get(kind),
            "C",
            yardstick + (counter if kind == "precise" else ""),
            None,
            target,
        )
        for kind, target in TARGETS.items()
    ]
    if "precise" in in_units:
        beyond = (tokamak["precise"][0] - native["counter"][0]) / unit_ps
        figures.append(
            figure(2, "call from wasm: precise, beyond reading the counter", beyond, "C", yardstick)
        )
    cold = in_units.get(COLD)
    figures.append(
        figure(
            2,
            "call from wasm: nop, first use of 200 call sites",
            cold,
            "C",
            f"{yardstick}; the median of {COLD_RUNS} processes",
        )
    )
    system_call = native["syscall"][0] / unit_ps
    figures.append(figure(0, "native system call", system_call, "C", yardstick))
    return figures


def measure(options):
    commands, absent = commands_make(options)
    times, failures = times_by_engine(commands)
    unit_ps = times["native"]["direct"][0]
    rows = [["engine", "call", "ns, least", "ns, median", "in C"]]
    for engine, kinds in times.items():
        rows += [row(engine, kind, t, unit_ps) for kind, t in kinds.items()]
    print("\nA call from wasm to its host; C is a direct call in native code\n")
    print("\n".join(lay_out(rows + absent, left=(0, 1))))
    return figures_make(times), failures
