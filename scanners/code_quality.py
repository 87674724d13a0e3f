"""GitLab's Code Quality reports (a Code Climate subset): one array of issues of any tool.

A description may quote anything, so it is the title and nothing else of it is kept. An empty array is
a clean report, recognised only where it is declared. The format has no signal of failure.

Source: GitLab documentation, "Code Quality report format"; Code Climate engine specification.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Severity

_EXPECTED: Final = "a Code Quality report"
_SEVERITIES: Final = {
    "blocker": Severity.CRITICAL,
    "critical": Severity.HIGH,
    "major": Severity.MEDIUM,
    "minor": Severity.LOW,
    "info": Severity.INFO,
}


class _Point(msgspec.Struct):
    line: int
    column: int | None = None


class _Span(msgspec.Struct):
    begin: int | _Point


class _Location(msgspec.Struct):
    path: str
    lines: _Span | None = None
    positions: _Span | None = None


class _Issue(msgspec.Struct):
    description: str
    location: _Location
    fingerprint: str
    check_name: str = ""
    severity: str = ""
    categories: list[str] = []


def detect(document: Document) -> str | None:
    """Why `document` is a Code Quality report, or None (always for an empty one)."""
    first = document.first
    if {"description", "fingerprint", "location"} <= first.keys() and document.at(0, "location", "path"):
        return "an array of records with description, fingerprint and location.path"
    return None


def parse(document: Document) -> Scan:
    """Every issue; raises `ReportError` where no record has description, location and fingerprint."""
    rows = document.records(_Issue, _EXPECTED)
    return Scan(
        format="gitlab-codequality",
        scanner="codequality",
        kinds=(),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
    )


def _observation(row: _Issue) -> Observation:
    begin = (row.location.lines or row.location.positions or _Span(0)).begin
    point = begin if isinstance(begin, _Point) else _Point(begin)
    return Observation(
        finding=Finding(
            kind=Kind.CODE if "Security" in row.categories else Kind.QUALITY,
            rule=row.check_name or "unnamed",
            title=row.description or row.check_name or "unnamed",
            severity=_SEVERITIES.get(row.severity.lower(), Severity.UNKNOWN),
            severity_raw=row.severity or None,
            location=Location(
                file=row.location.path,
                line=point.line if point.line > 0 else None,
                column=point.column if point.column and point.column > 0 else None,
            ),
            scanners=("codequality",),
        ),
        # The tool's own fingerprint is its promise that the finding is the same.
        context=row.fingerprint,
    )
