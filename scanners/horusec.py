"""Horusec's JSON: what its own engine and the tools that it starts found in code.

`Leaks` are secrets: their code is hashed and never kept. What somebody marked as false or accepted counts,
with a note. Flaws in packages have no package name of their own, so they are code. Commit authors and
e-mails are not read. Source: ZupIT/horusec, "horusec start", output-format json.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Status
from scanners.words import positive, severity, without

_EXPECTED: Final = "a Horusec report"
_NUMBERED: Final = re.compile(r"^\(\d+/\d+\) \* (?:Possible vulnerability detected: )?")


class _Flaw(msgspec.Struct):
    file: str
    severity: str
    details: str
    line: str = ""
    column: str = ""
    code: str = ""
    tool: str = msgspec.field(name="securityTool", default="")
    language: str = ""
    confidence: str = ""
    type: str = ""
    rule: str = msgspec.field(name="rule_id", default="")


class _Entry(msgspec.Struct):
    vulnerabilities: _Flaw


class _Report(msgspec.Struct):
    status: str
    entries: list[msgspec.Raw] | None = msgspec.field(name="analysisVulnerabilities")
    version: str = ""
    errors: str = ""
    finished: str | None = msgspec.field(name="finishedAt", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a Horusec report, or None."""
    if "analysisVulnerabilities" in document.keys and "status" in document.keys:
        return "analysisVulnerabilities and status"
    return None


def parse(document: Document) -> Scan:
    """Every vulnerability; raises `ReportError` where status or the list is absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.entries, _Entry, "$.analysisVulnerabilities", _EXPECTED)
    flaws = [row.vulnerabilities for row in rows.good]
    settled = sum(1 for flaw in flaws if flaw.type not in ("", "Vulnerability"))
    notes = [f"{settled} are marked as false, accepted or corrected; they count"] if settled else []
    status = Status.OK
    if report.errors or report.status != "success":
        status = Status.PARTIAL if flaws else Status.FAILED
        notes.append(f"status is {quoted(report.status)}, errors: {quoted(report.errors)}")
    return Scan(
        format="horusec",
        scanner="horusec",
        scanner_version=report.version.removeprefix("v") or None,
        status=status,
        created=times.normalized(report.finished),
        kinds=(Evidence.CODE,),
        observations=tuple(map(_observation, flaws)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observation(flaw: _Flaw) -> Observation:
    is_secret = flaw.language == "Leaks"
    first = _NUMBERED.sub("", flaw.details.partition("\n")[0]).strip()
    rule = flaw.rule or without(flaw.code if is_secret else "", first) or "unnamed"
    return Observation(
        finding=Finding(
            kind=Kind.SECRET if is_secret else Kind.CODE,
            rule=rule,
            title=without(flaw.code if is_secret else "", first, rule) or rule,
            severity=severity(flaw.severity),
            severity_raw=flaw.severity,
            location=Location(file=flaw.file, line=positive(flaw.line), column=positive(flaw.column)),
            scanners=("horusec",),
            confidence=flaw.confidence.lower() or None,
        ),
        context="" if is_secret else f"{flaw.tool} {flaw.code}",
        secret=Secret(flaw.code) if is_secret and flaw.code else None,
    )
