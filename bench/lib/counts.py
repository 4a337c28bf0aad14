"""Executed instructions, by valgrind: a figure without noise, for what times can't show.

Programs are built to run one round. The counts are of the whole process; an engine's own start is
about the same for each program and is taken off by counting a program that does nothing.
"""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from . import paths
from .paths import LIB, OUT
from .toolchain import Program, make

COLLECTED = re.compile(r"Collected : (\d+)")

EMPTY = Program("empty", [LIB / "empty.c"], variant="-once")


def once(program: Program) -> Program:
    """The program with one round instead of several."""
    return replace(program, flags=[*program.flags, "-DBENCH_ROUNDS=1"], variant="-once")


def missing() -> str | None:
    for tool in ("valgrind", "objcopy"):
        if not shutil.which(tool):
            return (
                f"no counts of instructions: apt-get install valgrind binutils ({tool} is missing)"
            )
    return None


def readable(command: Path) -> Path:
    """The command without debugging information, which this valgrind can't read."""
    product = OUT / "stripped" / command.name
    return make(product, ["objcopy", "--strip-debug", command, product], [command])


def instructions_of(argv) -> int | None:
    """None where valgrind can't run the command."""
    argv = [str(a) for a in argv]
    if argv[0] == str(paths.TOKAMAK):
        argv[0] = str(readable(paths.TOKAMAK))
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    # As in C: the order of names in the environment moves the stack, and with it some counts.
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [*tool, *argv], capture_output=True, text=True, timeout=900, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = COLLECTED.search(done.stderr)
    return int(found[1]) if done.returncode == 0 and found else None


def program_count(program: Program, engines: list) -> dict:
    """Instructions by engine name, without the engine's start; None for what can't be counted."""
    commands = {}
    for engine in engines:
        try:
            commands[engine.name] = engine.command(engine.prepare(program))
            start_prepare(engine)
        except Exception as error:  # noqa: BLE001: any failure means no figure
            print(f"{program.name} under {engine.name}: no count: {error}")
            commands.pop(engine.name, None)
    # Counts don't depend on what else runs: all CPUs count at once.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wholes = dict(zip(commands, pool.map(instructions_of, commands.values())))
    counts = {}
    for engine in engines:
        whole, start = wholes.get(engine.name), getattr(engine, "start_instructions", None)
        counts[engine.name] = whole - start if whole and start else None
    return counts


def start_prepare(engine) -> None:
    """Counts the engine's own start, once."""
    if not hasattr(engine, "start_instructions"):
        engine.start_instructions = instructions_of(engine.command(engine.prepare(EMPTY)))
