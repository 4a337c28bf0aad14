"""Numbers for people: ratios, means, columns."""

import math


def geomean(values: list) -> float | None:
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def quantile(values: list, share: float) -> float | None:
    values = sorted(v for v in values if v)
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


def ratio_text(value) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def lay_out(rows: list, left=(0,)) -> list:
    """Lines of columns as wide as they need; those in `left` are aligned left, the others right."""
    columns = max(len(row) for row in rows)
    rows = [[str(cell) for cell in row] + [""] * (columns - len(row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(columns)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
