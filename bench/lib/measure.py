"""Runs programs under engines, interleaved, and keeps every time.

The rounds of one program are interleaved: round after round each engine runs once, beginning with
another one each time. So a disturbance of the machine hits all of them, and the minima compare.
"""

import re
import subprocess
from dataclasses import dataclass, field
from itertools import zip_longest

TIME = re.compile(rb"^TIME (\d+)$", re.MULTILINE)


@dataclass
class Cell:
    """What one engine did with one program."""

    times_ns: list = field(default_factory=list)
    failure: str | None = None
    is_absent: bool = False  # the engine can't run it at all, and says so in `failure`

    @property
    def best_ns(self):
        return min(self.times_ns) if self.times_ns and not self.failure else None


def last_line(raw: bytes) -> str:
    lines = raw.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(no message)"


def run_once(argv, stdin, timeout_s):
    """(output, nanoseconds, None), or (None, None, what went wrong)."""
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    try:
        done = subprocess.run(
            [str(a) for a in argv], stdin=source, capture_output=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return None, None, f"took longer than {timeout_s} s"
    finally:
        if stdin:
            source.close()
    if done.returncode != 0:
        return None, None, f"exit status {done.returncode}: {last_line(done.stderr)}"
    times = TIME.findall(done.stderr)
    if not times:
        return None, None, "printed no TIME line"
    return done.stdout, int(times[-1]), None


def difference(got: bytes, expected: bytes) -> str:
    """The first line in which they differ."""
    for a, b in zip_longest(got.splitlines(), expected.splitlines(), fillvalue=b"(nothing)"):
        if a != b:
            return f"{a.decode(errors='replace')!r}, not {b.decode(errors='replace')!r}"
    return "other line ends"


def result_of(program, output: bytes) -> bytes:
    if not program.ignore:
        return output
    pattern = re.compile(program.ignore.encode())
    return b"\n".join(line for line in output.splitlines() if not pattern.search(line))


def prepare(program, engines, cells):
    """The artifacts of the engines that could make one."""
    artifacts = {}
    for engine in engines:
        cell = cells[engine.name] = Cell()
        try:
            artifacts[engine.name] = engine.prepare(program)
        except NotImplementedError as reason:
            cell.failure, cell.is_absent = str(reason), True
        except Exception as error:  # noqa: BLE001: any failure is the program's result
            cell.failure = f"can't be prepared: {error}"
    return artifacts


def program_measure(program, engines, rounds, timeout_s=120, reference="native", prefix=()):
    """Cells by engine name. The first output of `reference` is what all others must print."""
    cells = {}
    artifacts = prepare(program, engines, cells)
    runnable = [e for e in engines if e.name in artifacts]
    runnable.sort(key=lambda e: e.name != reference)  # first, for its output
    expected = None
    for round_index in range(rounds):
        turn = round_index % max(1, len(runnable))
        order = runnable[turn:] + runnable[:turn] if round_index else runnable
        for engine in order:
            cell = cells[engine.name]
            if cell.failure:
                continue
            argv = [*prefix, *engine.command(artifacts[engine.name])]
            output, took_ns, failure = run_once(argv, program.stdin, timeout_s)
            if failure:
                cell.failure = failure
                continue
            result = result_of(program, output)
            expected = result if expected is None else expected
            if result != expected:
                cell.failure = f"wrong result: {difference(result, expected)}"
            if not cell.failure:
                cell.times_ns.append(took_ns)
    return cells
