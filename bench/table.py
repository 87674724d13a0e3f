"""What a benchmark says: rows of figure beside bar, and their plain text."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure."""

    what: str
    figure: str
    bar: str = ""
    """Empty where there is none yet."""
    holds: bool | None = None
    """Whether the figure is within the bar; None where there is none, or nothing to compare."""
    note: str = ""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark."""

    name: str
    title: str
    rows: tuple[Row, ...]


def within(figure: float, bar: float) -> bool:
    """Whether a figure of which less is better holds."""
    return figure <= bar


def text(table: Table) -> str:
    """The table as lines that fit a terminal as long as the notes do."""
    words = {True: "holds", False: "MISSED", None: ""}
    cells = [("", "figure", "bar", "", "")]
    cells += [(row.what, row.figure, row.bar, words[row.holds], row.note) for row in table.rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines = [f"{table.name}: {table.title}"]
    for what, figure, bar, holds, note in cells:
        line = (
            f"  {what:<{widths[0]}}  {figure:>{widths[1]}}  {bar:>{widths[2]}}  {holds:<{widths[3]}}  {note}"
        )
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of `values` lie (nearest rank); raises for no values."""
    ordered = sorted(values)
    rank = max(round(percent / 100 * len(ordered) + 0.5), 1)
    return ordered[min(rank, len(ordered)) - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the line through `points` by least squares; 0 for points that all have one x."""
    count = len(points)
    mean_x, mean_y = (sum(point[axis] for point in points) / count for axis in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
