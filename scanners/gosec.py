"""gosec's JSON (`-fmt json`): flaws in Go code.

Issues that `#nosec` covers are listed only with `-track-suppressions`; they count, with a note. The
string literals of rule G101 may be secrets and are cut out before the code is hashed. `autofix` and
the links are not read. Source: securego/gosec, `report/json`; reports of 2.0 to 2.21.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.identifiers import cwes

_EXPECTED: Final = "a gosec report"
_SEVERITIES: Final = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}
"""There is no critical."""
_CREDENTIALS: Final = "G101"
_LITERAL: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|`[^`]*`?')
"""A string literal of Go; the end may have been cut off."""
_NUMBERED: Final = re.compile(r"^(\d{1,9}): ?(.*)$")


class _Cwe(msgspec.Struct):
    id: str = ""


class _Issue(msgspec.Struct):
    rule_id: str
    details: str
    file: str
    line: str
    """A number, or `79-81`."""
    severity: str
    confidence: str | None = None
    cwe: _Cwe | None = None
    code: str = ""
    column: str = ""
    nosec: bool = False
    suppressions: list[Raw] | None = None


class _Error(msgspec.Struct):
    error: str = ""


class _Stats(msgspec.Struct):
    files: int
    nosec: int = 0
    found: int = 0


class _Report(msgspec.Struct):
    issues: list[Raw] | None = field(name="Issues")
    """`null` where there are none."""
    stats: _Stats = field(name="Stats")
    errors: dict[str, list[_Error] | None] | None = field(name="Golang errors", default=None)
    version: str | None = field(name="GosecVersion", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a gosec report, or None."""
    if "Issues" in document.keys and document.at("Stats", "files") is not None:
        return "Issues, and Stats with files"
    return None


def parse(document: Document) -> Scan:
    """Every issue; packages that did not compile make the scan partial.

    Raises `ReportError` where Issues or Stats are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.issues, _Issue, "$.Issues", _EXPECTED)
    status, notes = _outcome(report)
    suppressed = sum(1 for row in rows.good if row.nosec or row.suppressions)
    if suppressed:
        notes.append(f"{suppressed} issues are suppressed in the code; they count")
    return Scan(
        format="gosec",
        scanner="gosec",
        scanner_version=report.version or None,
        status=status,
        kinds=(Evidence.CODE,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _outcome(report: _Report) -> tuple[Status, list[str]]:
    notes = [f"{report.stats.nosec} #nosec comments switch rules off"] if report.stats.nosec else []
    if report.errors:
        file, errors = next(iter(report.errors.items()))
        reason = errors[0].error if errors else "no reason given"
        notes.append(
            f"{len(report.errors)} files or packages could not be read as Go, the first: "
            f"{quoted(file)} ({quoted(reason)})"
        )
        return Status.PARTIAL if report.stats.files > 0 else Status.FAILED, notes
    if report.stats.found > len(report.issues or ()):
        notes.append(f"{report.stats.found} issues are counted and {len(report.issues or ())} listed")
        return Status.PARTIAL, notes
    if report.stats.files <= 0 and not report.issues:
        notes.append("gosec found no Go file")
        return Status.EMPTY_TARGET, notes
    return Status.OK, notes


def _observation(issue: _Issue) -> Observation:
    line, column = _number(issue.line.partition("-")[0]), _number(issue.column)
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=issue.rule_id,
            title=issue.details,
            severity=_SEVERITIES.get(issue.severity.upper(), Severity.UNKNOWN),
            severity_raw=issue.severity,
            cwes=cwes([f"CWE-{issue.cwe.id}"]) if issue.cwe else (),
            location=Location(file=issue.file, line=line, column=column),
            scanners=("gosec",),
            confidence=issue.confidence.lower() if issue.confidence else None,
        ),
        context=_flagged(issue, line),
    )


def _flagged(issue: _Issue, line: int | None) -> str:
    """The flagged line of the code, whose lines start with their numbers since 2.3; else all of it."""
    numbered = (_NUMBERED.match(text) for text in issue.code.splitlines())
    code = next((each[2] for each in numbered if each and int(each[1]) == line), issue.code)
    return _LITERAL.sub('""', code) if issue.rule_id == _CREDENTIALS else code


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0 else None
