"""Executed instructions of each program under Tokamak, as a multiple of native clang-19 -O2.

Not a figure of docs/targets.md: time is what counts. But this one has no noise, so it shows what a
change of the compiler did on any machine, and build/bench/instructions.json can be compared with an
earlier one.
"""

import json

from lib import counts
from lib import programs as program_lists
from lib.engines import Native, NativeScalar, Tokamak, Wasm2c
from lib.paths import OUT
from lib.table import geomean, lay_out, ratio_text


def measure(options):
    engines = [Tokamak(), Wasm2c(), Native(), NativeScalar()]
    if options.engines:
        engines = [e for e in engines if e.name in (*options.engines, "native")]
    for engine in [e for e in engines if e.missing()]:
        print(engine.missing())
        engines.remove(engine)
    reason = counts.missing()
    if reason:
        print(reason)
        return [], 0
    real, _ = program_lists.real()
    names = [e.name for e in engines if e.name != "native"]
    rows = [["program", "native M", *names]]
    results = {}
    for program in program_lists.select(program_lists.own() + real, options.programs):
        able = [e for e in engines if not (program.simd and e.name == "wasm2c")]
        count = results[program.name] = counts.program_count(counts.once(program), able)
        native = count.get("native")
        ratios = [count[n] / native if native and count.get(n) else None for n in names]
        rows.append([program.name, f"{(native or 0) / 1e6:.1f}", *map(ratio_text, ratios)])
    means = [
        geomean([c[n] / c["native"] for c in results.values() if c.get(n) and c.get("native")])
        for n in names
    ]
    rows.append(["geomean", "", *map(ratio_text, means)])
    print("\nExecuted instructions, as a multiple of native clang-19 -O2\n")
    print("\n".join(lay_out(rows)))
    (OUT / "instructions.json").write_text(json.dumps(results, indent=1))
    return [], 0
