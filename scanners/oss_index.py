"""Sonatype's OSS Index: what auditjs and nancy write. Flaws in packages that are named by their purls.

auditjs lists every package, nancy those it audited and again those that are vulnerable. Flaws that
somebody excluded count, with a note. Severity is the band of the CVSS score.
Not read: descriptions, references.

Source: real reports of both tools; OSS Index REST API, "component-report".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Observation, Scan, Severity, Status, from_cvss
from scanners import cvss_scores, flaws
from scanners.identifiers import purl_version

_EXPECTED: Final = "a report of auditjs or nancy"


class _Flaw(msgspec.Struct):
    """A flaw in auditjs' spelling; `_NancyFlaw` has nancy's."""

    id: str = ""
    title: str = ""
    cve: str = ""
    cwe: str = ""
    score: float | str | None = field(name="cvssScore", default=None)
    vector: str = field(name="cvssVector", default="")
    is_excluded: bool = False


class _NancyFlaw(msgspec.Struct):
    upper_id: str = field(name="ID", default="")
    lower_id: str = field(name="Id", default="")
    title: str = field(name="Title", default="")
    cve: str = field(name="Cve", default="")
    cwe: str = field(name="Cwe", default="")
    score: float | str | None = field(name="CvssScore", default=None)
    vector: str = field(name="CvssVector", default="")
    is_excluded: bool = field(name="Excluded", default=False)

    @property
    def id(self) -> str:
        """Its id in OSS Index; older versions wrote `Id`."""
        return self.upper_id or self.lower_id


class _Package(msgspec.Struct):
    """A package of auditjs."""

    coordinates: str
    vulnerabilities: list[_Flaw] | None


class _NancyPackage(msgspec.Struct):
    coordinates: str = field(name="Coordinates")
    vulnerabilities: list[_NancyFlaw] | None = field(name="Vulnerabilities")


class _Nancy(msgspec.Struct):
    audited: list[Raw] | None
    vulnerable: list[Raw] | None
    num_audited: int
    num_vulnerable: int
    invalid: list[_NancyPackage] | None = None
    version: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is of auditjs or nancy, or None."""
    first = document.first
    if str(first.get("coordinates")).startswith("pkg:") and "vulnerabilities" in first:
        return "an array of packages with coordinates and vulnerabilities (auditjs)"
    if {"audited", "vulnerable", "num_audited"} <= document.keys:
        return "audited, vulnerable and num_audited (nancy)"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every package.

    Raises `ReportError` where no package has coordinates and a list of flaws.
    """
    if "audited" in document.keys:
        return _nancy(document.decoded(_Nancy, _EXPECTED), document)
    rows = document.records(_Package, _EXPECTED)
    is_empty = not rows.good
    return Scan(
        format="oss-index",
        scanner="auditjs",
        status=Status.EMPTY_TARGET if is_empty else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(seen for row in rows.good for seen in _observations(row, "auditjs")),
        rejected=rows.rejected,
        notes=("no package was audited",) if is_empty else (),
    )


def _nancy(report: _Nancy, document: Document) -> Scan:
    flawed = document.each(report.vulnerable, _NancyPackage, "$.vulnerable", _EXPECTED)
    audited = document.each(report.audited, _NancyPackage, "$.audited", _EXPECTED)
    listed = {(row.coordinates, flaw.id) for row in flawed.good for flaw in row.vulnerabilities or ()}
    # What is excluded stands among the audited alone, and so does what a report forgets.
    hidden = [
        (row, flaw)
        for row in audited.good
        for flaw in row.vulnerabilities or ()
        if (row.coordinates, flaw.id) not in listed
    ]
    excluded = [(row, flaw) for row, flaw in hidden if flaw.is_excluded]
    invalid = report.invalid or []
    lost = len(hidden) - len(excluded)
    miscounted = report.num_audited > len(audited.good) + len(audited.rejected)
    notes = [f"{quoted(row.coordinates)} was not audited: its version is not understood" for row in invalid]
    notes += [f"{lost} flaws stand among the audited packages and not among the vulnerable"] if lost else []
    notes += (
        [f"the report counts {report.num_audited} audited packages and lists fewer"] if miscounted else []
    )
    notes += [f"{len(excluded)} flaws are excluded in nancy and count here"] if excluded else []
    is_empty = not report.num_audited
    observations = [seen for row in flawed.good for seen in _observations(row, "nancy")]
    return Scan(
        format="oss-index",
        scanner="nancy",
        scanner_version=report.version,
        status=Status.EMPTY_TARGET
        if is_empty
        else Status.PARTIAL
        if invalid or lost or miscounted
        else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=(
            *observations,
            *(_observation(row.coordinates, flaw, "nancy") for row, flaw in excluded),
        ),
        rejected=(*flawed.rejected, *audited.rejected),
        notes=("no package was audited", *notes) if is_empty else tuple(notes),
    )


def _observations(row: _Package | _NancyPackage, scanner: str) -> Iterable[Observation]:
    return [_observation(row.coordinates, flaw, scanner) for flaw in row.vulnerabilities or ()]


def _observation(coordinates: str, flaw: _Flaw | _NancyFlaw, scanner: str) -> Observation:
    score = _number(flaw.score)
    name = flaw.cve or flaw.id or next(iter(flaws.cves(flaw.title)), "") or "unnamed"
    return flaws.observed(
        flaws.Flaw(
            id=name,
            package=coordinates,
            version=purl_version(coordinates),
            purl=coordinates if coordinates.startswith("pkg:") else None,
            title=flaw.title or None,
            severity=Severity.UNKNOWN if score is None else from_cvss(score),
            word=None if score is None else str(flaw.score),
            names=(flaw.cve, flaw.id),
            cwes=flaws.cwe_names(flaw.cwe, flaw.title),
            cvss=[cvss_scores.rating(vector=flaw.vector, score=score)],
        ),
        scanner,
    )


def _number(score: float | str | None) -> float | None:
    try:
        return None if score is None else float(score)
    except ValueError:
        return None
