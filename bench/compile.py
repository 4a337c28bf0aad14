"""Row 8: how fast modules are compiled (MB of wasm per CPU second), and in how much memory.

All compilers run pinned to one core, with one thread where they can be told so; CPU seconds are
those of all their threads. Tokamak's are those of the whole command, start and files included.
Memory is the peak of the process; for Tokamak also what is left of it without the module and the
code file, which the issue bounds.
"""

import os
import re
import subprocess
from pathlib import Path

from lib import paths, toolchain
from lib import programs as program_lists
from lib.engines import V8, Wasmtime
from lib.paths import LIB, NODE_MODULES, OUT, VENV_PYTHON
from lib.report import figure
from lib.table import lay_out

MB = 1e6
MIB = 1 << 20

# The floor and the target of ANCHORS.md, row 8, in MB/s; the bound on memory in
# MiB.
FLOOR, TARGET = 6, 12
FLOOR_MEMORY = 64

# Slow compilers are run only on modules up to this size.
SMALL_BYTES = 2 * MB

SPENT = re.compile(r"CPU ([\d.]+) RSS (\d+)")


def modules() -> list:
    """(name, path) of those that are here, and lines about those that aren't."""
    wanted = [
        ("quickjs", NODE_MODULES / "quickjs-wasi" / "quickjs.wasm"),
        ("sqlite", None),
        ("ruby", NODE_MODULES / "@ruby" / "3.4-wasm-wasi" / "dist" / "ruby+stdlib.wasm"),
        ("clang", NODE_MODULES / "@yowasp" / "clang" / "gen" / "llvm.core.wasm"),
    ]
    found, lacking = [], []
    for name, path in wanted:
        if name == "sqlite":
            real, _ = program_lists.real()
            path = next((toolchain.wasm(p) for p in real if p.name == "sqlite"), Path("missing"))
        if path.exists():
            found.append((name, path))
        else:
            lacking.append(f"{name}: not here; run `make bench-deps`")
    return found, lacking


def cpu_chosen() -> int:
    return max(os.sched_getaffinity(0))


def spent_by(argv):
    """(CPU seconds, peak bytes, output) of a command and all its threads, pinned to one core."""
    process = subprocess.Popen(
        [str(a) for a in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu_chosen()}),
    )
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = output.strip().splitlines()[-1:] or ["(no message)"]
        raise RuntimeError(f"exit status {process.returncode}: {last[0]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output


def spent_inside(argv):
    """(CPU seconds, peak bytes, None) as a process measured them around its compilation."""
    output = spent_by(argv)[2]
    cpu, rss = SPENT.search(output).groups()
    return float(cpu), int(rss), None


class Compiler:
    def __init__(self, name, missing, run, only_small=False, is_slow=False):
        self.name, self.missing, self.run = name, missing, run
        self.only_small, self.is_slow = only_small, is_slow


def tokamak_run(path):
    product = OUT / f"compile-{os.getpid()}.cwasm"
    product.parent.mkdir(parents=True, exist_ok=True)
    cpu, rss, _ = spent_by([paths.TOKAMAK, "compile", "--threads=1", path, "-o", product])
    files = path.stat().st_size + product.stat().st_size
    product.unlink()
    return cpu, rss, rss - files


def v8_run(engine, flags):
    argv = [engine.node, "--single-threaded", *flags, LIB / "v8_compile.mjs"]
    return lambda path: spent_inside([*argv, path])


def compilers() -> list:
    liftoff = [
        "--liftoff",
        "--no-wasm-tier-up",
        "--no-wasm-dynamic-tiering",
        "--no-wasm-lazy-compilation",
    ]
    found = [
        Compiler(
            "tokamak",
            None if paths.TOKAMAK.exists() else "build/tokamak is missing: run `make`",
            tokamak_run,
        )
    ]
    for engine in (V8("v8-20", "node20"), V8("v8-newest", "node-newest")):
        found.append(
            Compiler(
                f"{engine.name} TurboFan", engine.missing(), v8_run(engine, V8.FLAGS), is_slow=True
            )
        )
        found.append(Compiler(f"{engine.name} Liftoff", engine.missing(), v8_run(engine, liftoff)))
    script = LIB / "wasmtime_run.py"
    found.append(
        Compiler(
            "wasmtime",
            Wasmtime().missing(),
            lambda path: spent_inside([VENV_PYTHON, script, "time", path]),
            only_small=True,
        )
    )
    return found


def best_of(compiler, path, rounds):
    """The run that took least CPU time, of some: fewer where one takes long."""
    runs = []
    while len(runs) < rounds and sum(run[0] for run in runs) < 10:
        runs.append(compiler.run(path))
    return min(runs)


def measure(options):
    found, lacking = modules()
    for line in lacking:
        print(f"left out: {line}")
    sizes = {name: path.stat().st_size for name, path in found}
    rows = [["compiler", *(f"{name} {size / MB:.1f} MB" for name, size in sizes.items())]]
    figures, failures = [], 0
    for compiler in compilers():
        if options.engines and not any(compiler.name.startswith(e) for e in options.engines):
            continue
        cells = []
        for name, path in found:
            too_large = sizes[name] > SMALL_BYTES and (
                compiler.only_small or (compiler.is_slow and options.quick)
            )
            if compiler.missing or too_large:
                cells.append("-")
                continue
            try:
                cpu, rss, beyond = best_of(compiler, path, options.rounds)
            except RuntimeError as error:
                print(f"FAILED: {name} under {compiler.name}: {error}")
                failures += 1
                cells.append("FAILED")
                continue
            speed = sizes[name] / MB / cpu
            cells.append(f"{speed:.2f} ({rss / MIB:.0f} MiB)")
            figures += figures_make(compiler.name, name, sizes[name], speed, rss, beyond)
        rows.append([compiler.name, *cells, compiler.missing or ""])
    if not paths.TOKAMAK.exists():
        for name, size in sizes.items():
            figures += figures_make("tokamak", name, size, None, None, None)
    print("\nMB of wasm compiled per CPU second, all threads (peak memory of the process)\n")
    print("\n".join(lay_out(rows)))
    return figures, failures


def mib(value):
    return None if value is None else value / MIB


def figures_make(compiler, module, size, speed, rss, beyond):
    title = f"{module} {size / MB:.1f} MB: {compiler}"
    yardstick = "one core of the same machine, all threads counted"
    if compiler != "tokamak":
        return [
            figure(0, f"compile speed, {title}", speed, "MB/CPU s", yardstick),
            figure(0, f"compile memory, {title}", mib(rss), "MiB, peak of the process"),
        ]
    return [
        figure(
            8,
            f"compile speed, {title}",
            speed,
            "MB/CPU s",
            yardstick,
            FLOOR,
            TARGET,
            more_is_better=True,
        ),
        figure(8, f"compile memory, {title}", mib(rss), "MiB, peak of the process"),
        figure(
            8,
            f"compile memory beyond input and output, {title}",
            mib(beyond),
            "MiB",
            "peak of the process less the two files",
            FLOOR_MEMORY,
        ),
    ]
