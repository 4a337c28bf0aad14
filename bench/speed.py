"""Row 6: how fast compiled programs run, engine by program, against the same C compiled natively.

All engines run interleaved (lib/measure.py). A cell is the engine's shortest time divided by
native's; where an engine prints another result than native, or fails, that is shown, and the run
fails.
"""

import json
import re
import sys

from lib import programs as program_lists
from lib import toolchain
from lib.engines import all_engines, cpu_name
from lib.measure import program_measure
from lib.paths import ENGINE_DOC, NOTES, OUT, SAMPLES
from lib.report import figure
from lib.table import geomean, lay_out, quantile, ratio_text
from lib.toolchain import BuildError

NATIVE = "native"
TOKAMAK = "tokamak"

# The floors and the targets of ANCHORS.md, row 6.
FLOOR_GEOMEAN, TARGET_GEOMEAN = 1.25, 1.10
FLOOR_WORST, TARGET_WORST = 2.0, 1.4
FLOOR_AGAINST_V8 = 1.08

# Below this a ratio of times says nothing; only programs from elsewhere can be so short.
SHORTEST_NS = 500_000

# The section of docs/engine.md that explains programs beyond FLOOR_WORST.
EXPLAINED = "Where it is far from native code, and why"


def say(text: str) -> None:
    """Progress: on a terminal one line that is overwritten, otherwise nothing."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def programs_chosen(options) -> list:
    if options.external:
        return program_lists.external(options)
    real, lacking = program_lists.real()
    for line in lacking:
        print(f"left out: {line}")
    return program_lists.select(program_lists.own() + real, options.programs)


def engines_chosen(options) -> list:
    chosen = []
    for engine in all_engines():
        if options.engines and engine.name not in options.engines and engine.name != NATIVE:
            continue
        reason = engine.missing()
        print(f"{engine.name:10}", reason or f"{engine.title}; {engine.version()}")
        if not reason:
            chosen.append(engine)
        elif engine.name == NATIVE:
            sys.exit("bench: nothing can be measured without the native compiler")
    return chosen


def ratio(cells, name, to=NATIVE):
    cell, reference = cells.get(name), cells.get(to)
    if not cell or not reference or not cell.best_ns or not reference.best_ns:
        return None
    if reference.best_ns < SHORTEST_NS:
        return None
    return cell.best_ns / reference.best_ns


def cell_text(cells, name):
    cell = cells.get(name)
    if cell is None or cell.is_absent:
        return "-"
    return "FAILED" if cell.failure else ratio_text(ratio(cells, name))


def ms_text(ms: float) -> str:
    return f"{ms:.1f}" if ms >= 1 else f"{ms:.3f}"


def table_print(results, names, notes):
    # Engines first that are compared; native's own column is its time.
    columns = [n for n in names if n != NATIVE]
    rows = [["program", "native ms", *columns, "where Tokamak loses"]]
    for program, cells in results.items():
        best = cells[NATIVE].best_ns
        time_text = ms_text(best / 1e6) if best else "FAILED"
        rows.append(
            [program, time_text, *(cell_text(cells, n) for n in columns), notes.get(program, "")]
        )
    rows.append([])
    ratios = {n: [r for r in (ratio(c, n) for c in results.values()) if r] for n in columns}
    summary = (
        ("geomean", geomean),
        ("median", lambda v: quantile(v, 0.5)),
        ("90 %", lambda v: quantile(v, 0.9)),
        ("worst", lambda v: max(v, default=None)),
    )
    for title, function in summary:
        rows.append([title, "", *(ratio_text(function(ratios[n])) for n in columns)])
    rows.append(["programs", "", *(str(len(ratios[n])) for n in columns)])
    print("\nTime, as a multiple of native clang-19 -O2 (less is better)\n")
    print("\n".join(lay_out(rows, left=(0, len(columns) + 2))))


def against(results, name, other):
    """Geomean of times of `name` over those of `other`, over the programs that both ran."""
    return geomean([ratio(cells, name, other) for cells in results.values()])


def programs_explained() -> set:
    """Programs that docs/engine.md names, as `name`, where it says why they lose."""
    if not ENGINE_DOC.exists():
        return set()
    text = ENGINE_DOC.read_text()
    _, _, section = text.partition(f"\n## {EXPLAINED}\n")
    return set(re.findall(r"`([\w-]+)`", section.partition("\n## ")[0]))


def set_title(options) -> str:
    """What the programs of this run are called: only the whole set has the row's bounds."""
    if options.external:
        return f"external set {options.external.resolve().name}"
    return "chosen programs" if options.programs else "benchmark set"


def figures_bounded(ratios, set_name, yardstick):
    """The figures of row 6 against native code. `ratios` has only what was measured."""
    explained = programs_explained()
    rest = [r for p, r in ratios.items() if p not in explained]
    worst = max(ratios, key=ratios.get, default=None)
    # With all of them explained there is no worst one, and the floor holds.
    worst_unexplained = max(rest, default=0) if ratios else None
    return [
        figure(
            6,
            f"geomean, {set_name}",
            geomean(list(ratios.values())),
            "x native",
            yardstick,
            FLOOR_GEOMEAN,
            TARGET_GEOMEAN,
        ),
        figure(
            6,
            f"worst program, {set_name}",
            ratios.get(worst),
            "x native",
            f"{yardstick}; the program: {worst}",
            None,
            TARGET_WORST,
        ),
        figure(
            6,
            f"worst program that docs/engine.md doesn't explain, {set_name}",
            worst_unexplained,
            "x native",
            yardstick,
            FLOOR_WORST,
        ),
    ]


def figures_against(results, names, set_name):
    """Tokamak against each other engine; null for those that aren't here."""
    bounds = (
        ("v8-20", FLOOR_AGAINST_V8, 1.0),
        ("v8-newest", None, 1.0),
        ("wasmtime", None, 1.0),
        ("wasm2c", None, None),
    )
    return [
        figure(
            6,
            f"geomean against {other}, {set_name}",
            against(results, TOKAMAK, other),
            f"x {other}",
            f"{other}, same run",
            floor,
            target,
        )
        for other, floor, target in bounds
        if other in names
    ]


def figures_make(results, names, set_name):
    """`names`: the engines asked for. One that isn't here has null, which isn't its figure of old."""
    ratios = {p: r for p, c in results.items() if (r := ratio(c, TOKAMAK))}
    if any(TOKAMAK in c and c[TOKAMAK].failure for c in results.values()):
        ratios = {}  # a mean without the programs that failed would be none
    native_text = f"native clang-19 -O2 of the same C, same run; programs: {len(results)}"
    figures = []
    if TOKAMAK in names:
        figures += figures_bounded(ratios, set_name, native_text)
        figures += figures_against(results, names, set_name)
    for name in names:
        if name not in (TOKAMAK, NATIVE):
            values = [ratio(c, name) for c in results.values()]
            figures.append(
                figure(
                    0, f"geomean of {name}, {set_name}", geomean(values), "x native", native_text
                )
            )
    for program, cells in results.items():
        for name in names:
            value = ratio(cells, name)
            if value and name != NATIVE:
                figures.append(figure(0, f"{program}: {name}", value, "x native", native_text))
    return figures


def failures_print(results) -> int:
    count = 0
    for program, cells in results.items():
        for name, cell in cells.items():
            if cell.failure and not cell.is_absent:
                count += 1
                print(f"FAILED: {program} under {name}: {cell.failure}")
    return count


def samples_write(results) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    samples = {p: {n: c.times_ns for n, c in cells.items()} for p, cells in results.items()}
    SAMPLES.write_text(json.dumps(samples, indent=1))


def is_buildable(program) -> bool:
    """Sets from elsewhere have files that aren't meant to be built as they are."""
    try:
        toolchain.native(program)
    except BuildError as error:
        lines = [line for line in str(error).splitlines() if "error:" in line]
        print(f"left out: {program.name}: {lines[0] if lines else error}")
        return False
    return True


def measure(options):
    """(figures, number of failures)."""
    print(f"machine    {cpu_name()}")
    engines = engines_chosen(options)
    chosen = programs_chosen(options)
    results = {}
    for index, program in enumerate(chosen):
        say(f"{index + 1}/{len(chosen)} {program.name}")
        if program.group == "external" and not is_buildable(program):
            continue
        results[program.name] = program_measure(
            program, engines, options.rounds, prefix=options.prefix
        )
    say("")
    if not results:
        print("no program matches")
        return [], 0
    names = names_asked(options)
    table_print(results, names, json.loads(NOTES.read_text()))
    print()
    samples_write(results)
    return figures_make(results, names, set_title(options)), failures_print(results)


def names_asked(options) -> list:
    """These engines have a column, also where they aren't installed: theirs is '-'."""
    return [
        e.name
        for e in all_engines()
        if not options.engines or e.name in options.engines or e.name == NATIVE
    ]
