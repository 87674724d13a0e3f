"""Google Artifact Analysis: `gcloud artifacts docker images describe` and `gcloud artifacts vulnerabilities list`.

One observation for each package that an occurrence names. Severity is the effective one, which the
distribution may have set; `MINIMAL` is info. An analysis that is not finished is no scan.
Not read: layers, links.

Source: Google Cloud documentation, Container Analysis API, `VulnerabilityOccurrence`; a real report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import (
    Evidence,
    FixState,
    Location,
    Observation,
    Rejected,
    ReportSubject,
    Scan,
    Severity,
    Status,
)
from scanners import cvss_scores, flaws
from scanners.identifiers import sha256_digest

_EXPECTED: Final = "occurrences of Google's Artifact Analysis"
_SEVERITIES: Final = {"minimal": Severity.INFO}
_SYSTEMS: Final = {"go": "golang", "maven": "maven", "npm": "npm", "nuget": "nuget", "pypi": "pypi"}
_CPE: Final = re.compile(r"cpe:/o:(?P<system>[a-z]+):")
_VECTOR: Final = re.compile(r"CVSS:[34]\.[01]/[A-Z]{1,3}:[A-Z][\w:/]*")


class _Version(msgspec.Struct, rename="camel"):
    full_name: str = ""
    name: str = ""
    kind: str = ""


class _File(msgspec.Struct, rename="camel"):
    file_path: str = ""


class _Issue(msgspec.Struct, rename="camel"):
    affected_package: str
    affected_cpe_uri: str = ""
    affected_version: _Version = field(default_factory=_Version)
    fixed_version: _Version = field(default_factory=_Version)
    file_location: list[_File] | None = None
    package_type: str = ""
    effective_severity: str = ""


class _Score(msgspec.Struct, rename="camel"):
    base_score: float | None = None


class _Vulnerability(msgspec.Struct, rename="camel"):
    package_issue: list[_Issue]
    effective_severity: str = ""
    short_description: str = ""
    long_description: str = ""
    cvssv3: _Score | None = None


class _Occurrence(msgspec.Struct, rename="camel"):
    note_name: str
    vulnerability: _Vulnerability
    resource_uri: str = ""


class _Analysis(msgspec.Struct, rename="camel"):
    analysis_status: str = ""


class _Discovery(msgspec.Struct):
    discovery: _Analysis


class _Discoveries(msgspec.Struct):
    discovery: list[_Discovery] | None = None


class _Vulnerabilities(msgspec.Struct):
    vulnerabilities: dict[str, list[Raw]] | None = None


class _Image(msgspec.Struct):
    digest: str = ""
    fully_qualified_digest: str = ""


class _Report(msgspec.Struct):
    image_summary: _Image
    package_vulnerability_summary: _Vulnerabilities | None = None
    discovery_summary: _Discoveries | None = None


def detect(document: Document) -> str | None:
    """Why `document` is of Artifact Analysis, or None."""
    if "image_summary" in document.keys and document.keys & {
        "package_vulnerability_summary",
        "discovery_summary",
    }:
        return "image_summary and package_vulnerability_summary"
    if {"noteName", "resourceUri", "vulnerability"} <= document.first.keys():
        return "an array of occurrences with noteName and vulnerability"
    return None


def parse(document: Document) -> Scan:
    """Every package of every occurrence.

    Raises `ReportError` where the image is absent or no occurrence is understood.
    """
    if not document.keys:
        rows = document.records(_Occurrence, _EXPECTED)
        return _scan(list(rows.good), rows.rejected, None, ())
    report = document.decoded(_Report, _EXPECTED)
    occurrences: list[_Occurrence] = []
    rejected: list[Rejected] = []
    held = report.package_vulnerability_summary or _Vulnerabilities()
    for word, raws in (held.vulnerabilities or {}).items():
        where = f"$.package_vulnerability_summary.vulnerabilities.{word}"
        found = document.each(raws, _Occurrence, where, _EXPECTED)
        occurrences += found.good
        rejected += found.rejected
    about = report.image_summary
    name = about.fully_qualified_digest.partition("@")[0]
    subject = ReportSubject(name=name, digest=sha256_digest(about.digest)) if name else None
    return _scan(occurrences, tuple(rejected), subject, _unfinished(report))


def _unfinished(report: _Report) -> tuple[str, ...]:
    """Why this is not the answer of a finished analysis; empty where it is one."""
    held = report.package_vulnerability_summary
    if held is None or held.vulnerabilities is None:
        return ("the flaws were not asked for; describe the image with --show-package-vulnerability",)
    found = report.discovery_summary and report.discovery_summary.discovery
    states = [one.discovery.analysis_status for one in found or ()]
    if "FINISHED_SUCCESS" in states:
        return ()
    return (f"the analysis is not finished: {', '.join(states)[:80] or 'nothing was discovered'}",)


def _scan(
    occurrences: list[_Occurrence],
    rejected: tuple[Rejected, ...],
    subject: ReportSubject | None,
    unfinished: tuple[str, ...],
) -> Scan:
    return Scan(
        format="gcloud-artifact-scan",
        scanner="artifact-analysis",
        status=Status.FAILED if unfinished else Status.OK,
        subject=subject,
        kinds=(Evidence.IMAGE, Evidence.DEPENDENCIES),
        observations=tuple(seen for row in occurrences for seen in _observations(row)),
        rejected=rejected,
        notes=unfinished,
    )


def _observations(row: _Occurrence) -> Iterator[Observation]:
    found = row.vulnerability
    id_ = row.note_name.rpartition("/")[2] or found.short_description
    vector = _VECTOR.search(found.long_description)
    score = found.cvssv3.base_score if found.cvssv3 else None
    for issue in found.package_issue:
        word = issue.effective_severity or found.effective_severity
        is_system = issue.package_type.upper() == "OS"
        cpe = _CPE.match(issue.affected_cpe_uri)
        files = [] if is_system else [one.file_path for one in issue.file_location or () if one.file_path]
        fixed = issue.fixed_version.full_name or issue.fixed_version.name
        yield flaws.observed(
            flaws.Flaw(
                id=id_,
                package=issue.affected_package,
                version=issue.affected_version.full_name or issue.affected_version.name or None,
                system=(cpe["system"] if cpe else "")
                if is_system
                else _SYSTEMS.get(issue.package_type.lower(), ""),
                severity=flaws.worded(word, _SEVERITIES),
                word=word,
                cvss=[cvss_scores.rating(version="3.1", vector=vector[0] if vector else None, score=score)],
                fixed=[fixed],
                unfixed=FixState.NOT_FIXED if issue.fixed_version.kind == "MAXIMUM" else FixState.UNKNOWN,
                location=Location(file=files[0] if files else None, image=row.resource_uri or None),
            ),
            "artifact-analysis",
        )
