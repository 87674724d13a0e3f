"""cfn-lint's JSON (`--format json`): flaws in CloudFormation templates.

Rules E0000 to E0002 mean that a template or rule could not be processed, so the rest was not looked at.
`[]` is a clean report, recognised only where it is declared. Source: aws-cloudformation/cfn-lint.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import positive, severity

_EXPECTED: Final = "a cfn-lint report"
_SEVERITIES: Final = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "informational": Severity.LOW}
_BROKEN: Final = ("E0000", "E0001", "E0002")


class _Start(msgspec.Struct):
    line: int | None = msgspec.field(name="LineNumber", default=None)
    column: int | None = msgspec.field(name="ColumnNumber", default=None)


class _Place(msgspec.Struct):
    start: _Start = msgspec.field(name="Start")
    path: list[str | int] | None = msgspec.field(name="Path", default=None)


class _Rule(msgspec.Struct):
    id: str = msgspec.field(name="Id")
    short: str = msgspec.field(name="ShortDescription", default="")


class _Match(msgspec.Struct):
    file: str = msgspec.field(name="Filename")
    rule: _Rule = msgspec.field(name="Rule")
    level: str = msgspec.field(name="Level")
    message: str = msgspec.field(name="Message", default="")
    place: _Place | None = msgspec.field(name="Location", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a cfn-lint report, or None (always for an empty one)."""
    if {"Filename", "Level", "Rule", "Message"} <= document.first.keys():
        return "an array of matches with Filename, Level and Rule"
    return None


def parse(document: Document) -> Scan:
    """Every match; raises `ReportError` where no match has Filename, Rule and Level."""
    rows = document.records(_Match, _EXPECTED)
    broken = dict.fromkeys(row.file for row in rows.good if row.rule.id in _BROKEN)
    return Scan(
        format="cfn-lint",
        scanner="cfn-lint",
        status=Status.PARTIAL if broken else Status.OK,
        kinds=(),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(f"{quoted(file)} could not be processed" for file in broken),
    )


def _observation(row: _Match) -> Observation:
    start = row.place.start if row.place else _Start()
    path = "/".join(map(str, row.place.path)) if row.place and row.place.path else None
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.rule.id,
            title=row.message or row.rule.short or row.rule.id,
            severity=severity(row.level, _SEVERITIES),
            severity_raw=row.level,
            location=Location(
                file=row.file, line=positive(start.line), column=positive(start.column), resource=path
            ),
            scanners=("cfn-lint",),
        )
    )
