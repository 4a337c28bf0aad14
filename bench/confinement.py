"""Row 16: what confinement costs: code as we ship it against the same without any check.

Three builds of each program by Tokamak: guard slots (the normal one), dense slots (a constant
bound, checked in code), and one without any check (types of indirect calls, stack probes, division,
tables, bounds), which is the yardstick. The programs are linked with a declared maximum of memory,
as dense slots ask for; the same file is used for all three. Times are measured as for row 6;
executed instructions, which have no noise, by lib/counts.py.
"""

from lib import counts
from lib import programs as program_lists
from lib.engines import Tokamak
from lib.measure import program_measure
from lib.report import figure
from lib.table import geomean, lay_out

MAX_MEMORY = 64 << 20

UNCHECKED, GUARD, DENSE = "unchecked", "guard", "dense"

# The targets of ANCHORS.md, row 16, in percent over the unchecked build.
TARGETS = {GUARD: 3, DENSE: 8}


def builds() -> list:
    return [
        Tokamak(UNCHECKED, ["--engine-opt=unsafe-no-checks"], MAX_MEMORY),
        Tokamak(GUARD, [], MAX_MEMORY),
        Tokamak(DENSE, ["--engine-opt=dense"], MAX_MEMORY),
    ]


def percent(value, reference):
    return 100 * (value / reference - 1) if value and reference else None


def text(value) -> str:
    return "-" if value is None else f"{value:+.1f}"


def instructions_measure(chosen, engines):
    """Instructions by program and build; nothing where they can't be counted."""
    reason = counts.missing()
    if reason:
        print(reason)
        return {}
    return {p.name: counts.program_count(counts.once(p), engines) for p in chosen}


def means(by_program: dict, kind: str):
    ratios = [
        v[kind] / v[UNCHECKED] for v in by_program.values() if v.get(kind) and v.get(UNCHECKED)
    ]
    mean = geomean(ratios)
    return None if mean is None else 100 * (mean - 1)


def measure(options):
    engines = builds()
    reason = engines[0].missing()
    chosen = []
    if reason:
        print(reason)
    else:
        real, _ = program_lists.real()
        chosen = program_lists.select(program_lists.own() + real, options.programs)
    times, failures = {}, 0
    for program in chosen:
        cells = program_measure(
            program, engines, options.rounds, reference=GUARD, prefix=options.prefix
        )
        times[program.name] = {name: cell.best_ns for name, cell in cells.items()}
        for name, cell in cells.items():
            if cell.failure:
                failures += 1
                print(f"FAILED: {program.name} {name}: {cell.failure}")
    counted = {} if options.no_instructions else instructions_measure(chosen, engines)
    rows = [["program", "unchecked ms", "guard %", "dense %", "guard instr. %", "dense instr. %"]]
    for name, t in times.items():
        base, n = t.get(UNCHECKED), counted.get(name, {})
        rows.append(
            [
                name,
                f"{base / 1e6:.1f}" if base else "-",
                *(text(percent(t.get(k), base)) for k in (GUARD, DENSE)),
                *(text(percent(n.get(k), n.get(UNCHECKED))) for k in (GUARD, DENSE)),
            ]
        )
    rows.append(
        [
            "geomean",
            "",
            *(text(means(times, k)) for k in (GUARD, DENSE)),
            *(text(means(counted, k)) for k in (GUARD, DENSE)),
        ]
    )
    print("\nCost of confinement: percent more than the same program without any check\n")
    print("\n".join(lay_out(rows)))
    figures = []
    for kind, target in TARGETS.items():
        figures.append(
            figure(
                16,
                f"confinement, {kind} slots, time",
                means(times, kind),
                "%",
                "the same module without checks, same run",
                None,
                target,
            )
        )
        if counted:
            figures.append(
                figure(
                    16,
                    f"confinement, {kind} slots, instructions",
                    means(counted, kind),
                    "%",
                    "the same module without checks",
                    None,
                    target,
                )
            )
    return figures, failures
