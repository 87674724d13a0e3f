"""Dependency-Track's Finding Packaging Format (export of a project's findings), 1.0 to 1.3.

One observation for each finding: a flaw in a component. Suppressed ones count, with a note; the audit's
state becomes `Finding.vex` and hides nothing. A document without a list of findings shows nothing.
Not read: descriptions, comments of the audit, versions with a fix (the format has none).

Source: Dependency-Track documentation, "File Formats", Finding Packaging Format; FORMATS.md 2.31.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.model import Cvss, Evidence, Observation, Scan, Severity, Status, Vex
from scanners import cvss_scores, flaws

_EXPECTED: Final = "Dependency-Track's findings"
_SEVERITIES: Final = {"info": Severity.INFO}
"""`UNASSIGNED` is unknown."""
_VEX: Final = {
    "EXPLOITABLE": "affected",
    "FALSE_POSITIVE": "not_affected",
    "IN_TRIAGE": "under_investigation",
    "NOT_AFFECTED": "not_affected",
    "RESOLVED": "fixed",
}


class _Component(msgspec.Struct):
    name: str
    group: str | None = None
    version: str | None = None
    purl: str | None = None


class _Weakness(msgspec.Struct):
    id: int = field(name="cweId", default=0)


class _Vulnerability(msgspec.Struct):
    id: str = field(name="vulnId")
    severity: str = ""
    title: str | None = None
    aliases: list[dict[str, object]] | None = None
    cwe: int | None = field(name="cweId", default=None)
    cwes: list[_Weakness] | None = None
    epss: float | None = field(name="epssScore", default=None)
    v2_score: float | None = field(name="cvssV2BaseScore", default=None)
    v2_vector: str | None = field(name="cvssV2Vector", default=None)
    v3_score: float | None = field(name="cvssV3BaseScore", default=None)
    v3_vector: str | None = field(name="cvssV3Vector", default=None)
    v4_score: float | None = field(name="cvssV4Score", default=None)
    v4_vector: str | None = field(name="cvssV4Vector", default=None)


class _Analysis(msgspec.Struct):
    state: str | None = None
    justification: str | None = None
    is_suppressed: bool = field(name="isSuppressed", default=False)


class _Finding(msgspec.Struct):
    component: _Component
    vulnerability: _Vulnerability
    analysis: _Analysis = field(default_factory=_Analysis)


class _Meta(msgspec.Struct):
    application: str
    version: str | None = None
    timestamp: str | None = None


class _Report(msgspec.Struct):
    meta: _Meta
    findings: list[Raw] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is an export of findings, or None."""
    if document.at("meta", "application") == "Dependency-Track" and document.keys & {"findings", "project"}:
        return "meta.application is Dependency-Track"
    return None


def parse(document: Document) -> Scan:
    """Every finding; failed where there is no list of them, not even an empty one.

    Raises `ReportError` where `meta` is absent or no finding is understood.
    """
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.findings, _Finding, "$.findings", _EXPECTED)
    suppressed = sum(row.analysis.is_suppressed for row in rows.good)
    notes = [f"{suppressed} findings are suppressed in Dependency-Track and count here"] if suppressed else []
    if report.findings is None:
        notes.append("findings are absent: nothing shows that the project was analysed")
    return Scan(
        format="dependency-track",
        scanner="dependency-track",
        scanner_version=report.meta.version,
        status=Status.FAILED if report.findings is None else Status.OK,
        created=times.normalized(report.meta.timestamp),
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observation(row: _Finding) -> Observation:
    component, found = row.component, row.vulnerability
    name = f"{component.group}/{component.name}" if component.group else component.name
    numbers = [one.id for one in found.cwes or ()] or [found.cwe or 0]
    # `allBySource` repeats the ids by database.
    names = [value for one in found.aliases or () for value in one.values() if isinstance(value, str)]
    status = _VEX.get(row.analysis.state or "")
    return flaws.observed(
        flaws.Flaw(
            id=found.id,
            package=name,
            version=component.version,
            purl=component.purl or None,
            title=found.title,
            severity=flaws.worded(found.severity, _SEVERITIES),
            word=found.severity,
            names=names,
            cwes=[f"CWE-{number}" for number in numbers],
            cvss=_scores(found),
            epss=found.epss,
            vex=Vex(status=status, justification=row.analysis.justification) if status else None,
        ),
        "dependency-track",
    )


def _scores(found: _Vulnerability) -> list[Cvss | None]:
    return [
        cvss_scores.rating(version="2.0", vector=found.v2_vector, score=found.v2_score),
        cvss_scores.rating(version="3.1", vector=found.v3_vector, score=found.v3_score),
        cvss_scores.rating(version="4.0", vector=found.v4_vector, score=found.v4_score),
    ]
