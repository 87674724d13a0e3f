"""Coverage as evidence: a ratio counted from lines and branches, never the percentage that a report claims.

`severity_raw` holds the percentage with two digits, for a policy to compare; the severity is `info`, since
what is enough is the policy's to say. Nothing to count is no data, not 100 %. It knows no report format.
"""

from __future__ import annotations

from typing import NamedTuple

from gate.documents.document import wrong_shape
from gate.model import Finding, Kind, Observation, Scan, Severity, Status


class Counted(NamedTuple):
    """How many of how many."""

    covered: int = 0
    total: int = 0


def scan(
    tool: str,
    lines: Counted,
    branches: Counted,
    *,
    version: str | None = None,
    created: str | None = None,
    notes: tuple[str, ...] = (),
    is_whole: bool = True,
) -> Scan:
    """A report of `tool`: one finding for the lines and one for the branches, where there are any.

    Without lines an empty target; partial where the report is not whole.
    """
    counted = (("line-coverage", "lines", lines), ("branch-coverage", "branches", branches))
    status = Status.OK if is_whole else Status.PARTIAL
    if lines.total <= 0:
        status, notes = Status.EMPTY_TARGET if is_whole else Status.PARTIAL, (*notes, "no line is counted")
    return Scan(
        format=tool,
        scanner=tool,
        scanner_version=version,
        status=status,
        created=created,
        kinds=(),
        observations=tuple(_observation(tool, *one) for one in counted if one[2].total > 0),
        notes=notes,
    )


def _observation(tool: str, rule: str, what: str, counted: Counted) -> Observation:
    percent = f"{100 * counted.covered / counted.total:.2f}"
    return Observation(
        finding=Finding(
            kind=Kind.QUALITY,
            rule=rule,
            title=f"{percent} % of {what} covered ({counted.covered} of {counted.total})",
            severity=Severity.INFO,
            severity_raw=percent,
            scanners=(tool,),
        )
    )


def number(text: str | None, what: str, path: str) -> int:
    """`text` as a count of 0 and more; raises `ReportError` that names `what` for anything else."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 15:
        raise wrong_shape(
            path,
            f"{what} is no count",
            found=repr((text or "nothing")[:80]),
            expected="a whole number of 0 and more",
        )
    return int(text)
