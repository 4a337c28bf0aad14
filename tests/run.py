#!/usr/bin/env python3
"""Runs the tests and ends in one line: N passed, N failed, N skipped.

Two kinds. Unit tests (--unit PROGRAM..., or @FILE with a list) are cmocka programs; each of their
tests counts. Suites are the folders of tests/ that hold an executable `run`:

    tests/NAME/run [--long] TOKAMAK

It is started in the project's root, prints what it likes and ends in a line of the form above.
It exits 1 when something failed. In its environment stand BUILD (the folder for what it makes) and
TOKAMAK_CHECKED, TOKAMAK_ASAN, TOKAMAK_TSAN: the command's other builds, where they were made.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
TAP = re.compile(r"^(ok|not ok) \d+ (?:- )?(.*)$")
UNIT_SECONDS = 300  # a hang detector, not a budget
SUITE_SECONDS = 1200


def unit_run(program):
    """One cmocka program -> (passed, failed, skipped, what to print). A crash is one failure."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        done = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=UNIT_SECONDS)
    except subprocess.TimeoutExpired:
        return 0, 1, 0, f"{program}: FAILED: still running after {UNIT_SECONDS} s"
    out = done.stdout.decode(errors="replace")
    count = {"pass": 0, "fail": 0, "skip": 0}
    planned = 0
    for line in out.splitlines():
        if re.match(r"^1\.\.\d+$", line):
            planned += int(line[3:])
        result = TAP.match(line)
        if result and result[2].startswith("# SKIP"):
            count["skip"] += 1
        elif result:
            count["pass" if result[1] == "ok" else "fail"] += 1
    missing = planned - sum(count.values())
    broken = missing != 0 or planned == 0 or (done.returncode != 0 and count["fail"] == 0)
    if broken:
        count["fail"] += max(missing, 1)
    line = f"{program}: {count['pass']} passed"
    if count["skip"]:
        line += f", {count['skip']} skipped"
    if count["fail"]:
        line += f", {count['fail']} FAILED (exit status {done.returncode})\n"
        line += out + done.stderr.decode(errors="replace")
    return count["pass"], count["fail"], count["skip"], line.rstrip("\n")


def units_run(programs):
    total = [0, 0, 0]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for *counts, text in pool.map(unit_run, programs):
            print(text, flush=True)
            total = [a + b for a, b in zip(total, counts)]
    return total


def suite_run(run, tokamak, is_long):
    """One suite -> [passed, failed, skipped]; its lines are passed on as they come."""
    name = os.path.basename(os.path.dirname(run))
    print(f"== {name}", flush=True)
    command = [run] + (["--long"] if is_long else []) + [tokamak]
    if not is_long:
        command = ["timeout", "--kill-after=10", str(SUITE_SECONDS)] + command
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               text=True, errors="replace")
    counts = None
    for line in process.stdout:
        closing = CLOSING.match(line.rstrip("\n"))
        if closing:
            counts = [int(n) for n in closing.groups()]
            line = f"{name}: {line}"
        elif counts is not None:
            counts = None  # not the closing line after all
        print(line, end="", flush=True)
    status = process.wait()
    if counts is None:
        print(f"{name}: FAILED: no closing line, exit status {status}", flush=True)
        return [0, 1, 0]
    if status != 0 and counts[1] == 0:
        print(f"{name}: FAILED: exit status {status}", flush=True)
        counts[1] = 1
    return counts


def suites_find(only):
    here = os.path.dirname(os.path.abspath(__file__))
    names = sorted(n for n in os.listdir(here) if os.access(os.path.join(here, n, "run"), os.X_OK))
    return [os.path.join(here, n, "run") for n in names if not only or n in only]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     fromfile_prefix_chars="@")
    parser.add_argument("--unit", nargs="*", default=[], metavar="PROGRAM", help="cmocka programs")
    parser.add_argument("--tokamak", metavar="PATH", help="run the suites with this command")
    parser.add_argument("--suite", action="append", default=[], metavar="NAME", help="only this one")
    parser.add_argument("--long", action="store_true", help="the long form of each suite")
    args = parser.parse_args()

    total = units_run(args.unit)
    if args.tokamak:
        for run in suites_find(args.suite):
            counts = suite_run(run, os.path.abspath(args.tokamak), args.long)
            total = [a + b for a, b in zip(total, counts)]
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped", flush=True)
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
