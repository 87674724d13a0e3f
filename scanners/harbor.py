"""Harbor's vulnerability report of an artifact, as its API gives it, in its envelope or taken out of it.

The scanner that Harbor asked is the one that saw the flaws. Harbor names neither the package system nor
the image, so findings have no purl. Its CVE allow list is not applied to the report. A report whose list
is `null` is what Harbor writes for a clean image. Not read: `vendor_attributes` other than CVSS.

Source: goharbor/pluggable-scanner-spec, "application/vnd.security.vulnerability.report"; FORMATS.md 2.23.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.model import Cvss, Evidence, FixState, Observation, Scan, Severity, Status
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a vulnerability report of Harbor"
_SEVERITIES: Final = {"negligible": Severity.INFO, "none": Severity.INFO}
_ENVELOPES: Final = (
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
    "application/vnd.security.vulnerability.report; version=1.1",
)


class _Score(msgspec.Struct):
    score_v3: float | None = None
    score_v2: float | None = None
    vector_v3: str | None = None
    vector_v2: str | None = None


class _VendorScore(msgspec.Struct, rename="pascal"):
    v2_vector: str | None = field(name="V2Vector", default=None)
    v2_score: float | None = field(name="V2Score", default=None)
    v3_vector: str | None = field(name="V3Vector", default=None)
    v3_score: float | None = field(name="V3Score", default=None)


class _Vendor(msgspec.Struct):
    cvss: dict[str, _VendorScore] | None = field(name="CVSS", default=None)


class _Vulnerability(msgspec.Struct):
    id: str
    package: str
    severity: str
    version: str = ""
    fix_version: str | None = None
    preferred_cvss: _Score | None = None
    cwe_ids: list[str] | None = None
    vendor_attributes: _Vendor | None = None


class _Scanner(msgspec.Struct):
    name: str
    version: str | None = None


class _Report(msgspec.Struct):
    generated_at: str
    scanner: _Scanner
    vulnerabilities: list[Raw] | None
    severity: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is Harbor's, or None."""
    if document.keys & set(_ENVELOPES) and len(document.keys) == 1:
        return f"its one key is {min(document.keys)!r}"
    if {"generated_at", "scanner", "severity", "vulnerabilities"} <= document.keys and document.at(
        "scanner", "name"
    ):
        return "generated_at, scanner.name, severity and vulnerabilities"
    return None


def parse(document: Document) -> Scan:
    """Every flaw; failed where the report names none and yet gives the artifact a severity.

    Raises `ReportError` where scanner, time or vulnerabilities are absent.
    """
    [envelope] = document.keys & set(_ENVELOPES) or [None]
    report = (
        document.decoded(dict[str, _Report], _EXPECTED)[envelope]
        if envelope
        else document.decoded(_Report, _EXPECTED)
    )
    where = f"$.{envelope}.vulnerabilities" if envelope else "$.vulnerabilities"
    rows = document.each(report.vulnerabilities, _Vulnerability, where, _EXPECTED)
    scanner = report.scanner.name.strip().lower() or "harbor"
    overall = (report.severity or "").lower()
    contradiction = not rows.good and overall in ("critical", "high", "medium", "low")
    return Scan(
        format="harbor",
        scanner=scanner,
        scanner_version=report.scanner.version,
        status=Status.FAILED if contradiction else Status.OK,
        created=times.normalized(report.generated_at),
        kinds=(Evidence.IMAGE, Evidence.DEPENDENCIES),
        observations=tuple(_observation(row, scanner) for row in rows.good),
        rejected=rows.rejected,
        notes=(f"the report says {overall} and lists no flaw",) if contradiction else (),
    )


def _observation(row: _Vulnerability, scanner: str) -> Observation:
    return flaws.observed(
        flaws.Flaw(
            id=row.id,
            package=row.package,
            version=row.version or None,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            cwes=row.cwe_ids or (),
            cvss=_scores(row),
            fixed=(row.fix_version or "").split(", "),
            unfixed=FixState.NOT_FIXED if row.fix_version is not None else FixState.UNKNOWN,
        ),
        scanner,
    )


def _scores(row: _Vulnerability) -> Iterator[Cvss | None]:
    """The vendors' scores; without any the preferred one, whose vectors are often empty."""
    vendors = (row.vendor_attributes and row.vendor_attributes.cvss) or {}
    for source, given in vendors.items():
        yield cvss_scores.rating(version="2.0", vector=given.v2_vector, score=given.v2_score, source=source)
        yield cvss_scores.rating(version="3.1", vector=given.v3_vector, score=given.v3_score, source=source)
    if not vendors and row.preferred_cvss:
        yield cvss_scores.rating(
            version="3.1", vector=row.preferred_cvss.vector_v3, score=row.preferred_cvss.score_v3
        )
        yield cvss_scores.rating(
            version="2.0", vector=row.preferred_cvss.vector_v2, score=row.preferred_cvss.score_v2
        )
