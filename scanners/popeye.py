"""Popeye's JSON (`-o json`): a running cluster against good practice.

Level 3 (error) is high, 2 (warning) medium, 1 (info) low, 0 no finding. `sanitizers` of version 0.11 are
`sections` since 0.20. Errors that Popeye lists make the report partial.
Source: derailed/popeye, `pkg/report`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a Popeye report"
_SEVERITIES: Final = {3: Severity.HIGH, 2: Severity.MEDIUM, 1: Severity.LOW}
_MESSAGE: Final = re.compile(r"^\[(POP-\d+)\]\s*(.*)$", re.DOTALL)
_ROOT: Final = "__root__"


class _Issue(msgspec.Struct):
    level: int
    message: str
    group: str = ""


class _Tally(msgspec.Struct):
    """How many objects have nothing worse than that."""

    warning: int = 0
    error: int = 0


class _Section(msgspec.Struct):
    sanitizer: str = ""
    linter: str = ""
    tally: _Tally = msgspec.field(default_factory=_Tally)
    issues: dict[str, list[_Issue] | None] | None = None


class _Body(msgspec.Struct):
    sanitizers: list[msgspec.Raw] | None = None
    sections: list[msgspec.Raw] | None = None
    errors: list[str] | None = None


class _Report(msgspec.Struct):
    popeye: _Body


def detect(document: Document) -> str | None:
    """Why `document` is a Popeye report, or None."""
    return "popeye with its score" if document.at("popeye", "score") is not None else None


def parse(document: Document) -> Scan:
    """Every issue above level 0; raises `ReportError` where popeye is absent."""
    body = document.decoded(_Report, _EXPECTED).popeye
    name = "sections" if body.sanitizers is None else "sanitizers"
    raws = body.sections if body.sanitizers is None else body.sanitizers
    rows = document.each(raws, _Section, f"$.popeye.{name}", _EXPECTED)
    status, notes = Status.OK, []
    if body.errors:
        status = Status.PARTIAL
        notes.append(f"{len(body.errors)} errors, the first: {quoted(body.errors[0])}")
    elif short := [row for row in rows.good if _is_short(row)]:
        status = Status.PARTIAL
        name = short[0].sanitizer or short[0].linter
        notes.append(
            f"{len(short)} sections count flawed objects and list no issue, the first: {quoted(name)}"
        )
    elif not raws:
        status = Status.EMPTY_TARGET
        notes.append("no kind of resource was looked at")
    return Scan(
        format="popeye",
        scanner="popeye",
        status=status,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _is_short(section: _Section) -> bool:
    issues = [one for some in (section.issues or {}).values() for one in some or ()]
    return section.tally.warning + section.tally.error > 0 and not any(one.level > 1 for one in issues)


def _observations(section: _Section) -> Iterator[Observation]:
    kind = section.sanitizer or section.linter
    for name, issues in (section.issues or {}).items():
        for issue in issues or ():
            if issue.level == 0:
                continue
            match = _MESSAGE.match(issue.message)
            container = issue.group if issue.group != _ROOT else ""
            yield Observation(
                finding=Finding(
                    kind=Kind.MISCONFIGURATION,
                    rule=match[1] if match else "unnamed",
                    title=(match[2] if match else issue.message) or "unnamed",
                    severity=_SEVERITIES.get(issue.level, Severity.UNKNOWN),
                    severity_raw=str(issue.level),
                    location=Location(resource="/".join(part for part in (kind, name, container) if part)),
                    scanners=("popeye",),
                )
            )
