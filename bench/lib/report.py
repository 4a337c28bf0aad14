"""build/bench.json: every figure with its row of ANCHORS.md, the yardstick, the issue's floor, the
target.

An array of {"row", "name", "value", "unit", "yardstick", "floor", "floor_met", "target", "met"}. A
figure without a floor or target has null there. A run of a part replaces the figures that it
measured and keeps the others.
"""

import json

from .paths import RESULTS


def figure(row, name, value, unit, yardstick="", floor=None, target=None, more_is_better=False):
    """`floor` and `target` are bounds: value <= bound, or >= with `more_is_better`."""

    def is_met(bound):
        if bound is None or value is None:
            return None
        return value >= bound if more_is_better else value <= bound

    return {
        "row": row,
        "name": name,
        "value": None if value is None else round(value, 4),
        "unit": unit,
        "yardstick": yardstick,
        "floor": floor,
        "floor_met": is_met(floor),
        "target": target,
        "met": is_met(target),
    }


def results_write(figures: list, keep_others: bool) -> None:
    earlier = []
    if keep_others and RESULTS.exists():
        earlier = json.loads(RESULTS.read_text())
    new = {(f["row"], f["name"]) for f in figures}
    kept = [f for f in earlier if (f["row"], f["name"]) not in new]
    ordered = sorted(kept + figures, key=lambda f: (f["row"] == 0, f["row"]))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("[\n" + ",\n".join(json.dumps(f) for f in ordered) + "\n]\n")


def figures_print(figures: list) -> None:
    """The figures that have a floor or a target, one line each."""
    for f in figures:
        if f["floor"] is None and f["target"] is None:
            continue
        value = "-" if f["value"] is None else f"{f['value']:.3g}"
        verdicts = []
        for bound, verdict in (("floor", "floor_met"), ("target", "met")):
            if f[bound] is not None:
                state = {True: "met", False: "NOT MET", None: "not measured"}[f[verdict]]
                verdicts.append(f"{bound} {f[bound]}: {state}")
        print(f"row {f['row']}: {f['name']}: {value} {f['unit']} ({'; '.join(verdicts)})")
