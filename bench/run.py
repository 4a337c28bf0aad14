#!/usr/bin/env python3
"""Runs the benchmarks, prints their tables and writes build/bench.json.

    bench/run.py [build/tokamak]              all tables, of this command
    bench/run.py --only programs,calls        some: programs, compile, confinement, calls, boot;
                                              and instructions, which isn't among all
    bench/run.py --programs nbody,lua_*       some programs, by name or group (own, real)
    bench/run.py --engines tokamak,v8-20      some engines (native always runs)
    bench/run.py --external DIR               the C programs in a folder instead of ours
    bench/run.py --build-only                 builds the wasm files of all programs, runs nothing

What bench/README.md says of the tables isn't repeated here.
"""

import argparse
import sys
from pathlib import Path

import boot
import calls
import compile as compile_speed
import confinement
import instructions
import speed
from lib import paths, toolchain
from lib import programs as program_lists
from lib.report import figures_print, results_write

TABLES = {
    "programs": speed.measure,
    "compile": compile_speed.measure,
    "confinement": confinement.measure,
    "calls": calls.measure,
    "boot": boot.measure,
}

# Their rows are about all programs: with --programs there is no figure of the row.
PROGRAM_TABLES = ("programs", "confinement")

# Made only when asked for by --only.
MORE_TABLES = {"instructions": instructions.measure}


def words(text: str) -> list:
    return [word for word in text.split(",") if word]


def options_parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tokamak", type=Path, nargs="?", help="the command (build/tokamak)")
    parser.add_argument("--only", type=words, default=list(TABLES), metavar="TABLES")
    parser.add_argument("--programs", type=words, default=[], metavar="NAMES")
    parser.add_argument("--engines", type=words, default=[], metavar="NAMES")
    parser.add_argument("--rounds", type=int, default=5, help="processes per engine and program")
    parser.add_argument("--cpu", type=int, help="pin the programs to this CPU")
    parser.add_argument(
        "--realtime", action="store_true", help="before all else on a busy machine (needs root)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out the slow peers of the compile table"
    )
    parser.add_argument(
        "--no-instructions", action="store_true", help="confinement: times only, without valgrind"
    )
    parser.add_argument("--build-only", action="store_true")
    external = parser.add_argument_group("programs from elsewhere")
    external.add_argument("--external", type=Path, metavar="DIR", help="C programs below DIR")
    external.add_argument(
        "--external-with",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a C file that each is linked with",
    )
    external.add_argument(
        "--external-include",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder of headers to look in first",
    )
    external.add_argument("--external-flags", type=str.split, default=[], metavar="FLAGS")
    external.add_argument(
        "--external-ignore", metavar="REGEX", help="lines of output that differ from run to run"
    )
    options = parser.parse_args()
    known = TABLES | MORE_TABLES
    unknown = set(options.only) - set(known)
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if options.tokamak:
        paths.TOKAMAK = options.tokamak.resolve()
    if options.external:
        options.only = ["programs"]
    options.prefix = ["taskset", "-c", str(options.cpu)] if options.cpu is not None else []
    if options.realtime:
        options.prefix += ["chrt", "--fifo", "1"]
    return options


def programs_build(options) -> int:
    real, lacking = program_lists.real()
    for line in lacking:
        print(f"left out: {line}")
    chosen = program_lists.select(program_lists.own() + real, options.programs)
    for program in chosen:
        toolchain.wasm(program)
    print(f"{len(chosen)} programs in {paths.WASM}")
    return 0


def main() -> int:
    options = options_parse()
    reason = toolchain.missing()
    if reason:
        sys.exit(f"bench: {reason}")
    if options.build_only:
        return programs_build(options)
    figures, failures = [], 0
    for name in options.only:
        print(f"== {name}")
        some, failed = (TABLES | MORE_TABLES)[name](options)
        is_row_whole = options.external or not options.programs or name not in PROGRAM_TABLES
        figures += some if is_row_whole else [f for f in some if f["row"] == 0]
        failures += failed
        print()
    is_part = bool(
        options.external or options.programs or options.engines or set(options.only) != set(TABLES)
    )
    results_write(figures, keep_others=is_part)
    figures_print(figures)
    if failures:
        print(f"\n{failures} FAILED")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
