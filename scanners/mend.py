"""Mend (WhiteSource): flaws in libraries, of the unified agent's report and of Mend's platform API 3.

Severity is the word for CVSS 3 where there is one, else the word for CVSS 2. Ignored findings count,
with a note. One page of several is partial. Not read: licences, policies, hashes of libraries.

Source: Mend documentation, "vulnerability report" and "API 3.0"; real reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Cvss, Evidence, Location, Observation, Scan, Severity, Status
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a list of vulnerabilities of Mend"
_SEVERITIES: Final = {"none": Severity.INFO}
_SYSTEMS: Final = {
    "cocoa_pod": "cocoapods", "go_package": "golang", "java": "maven", "java_script_library": "npm",
    "javascript/node.js": "npm", "maven_artifact": "maven", "node_packaged_module": "npm",
    "nuget_package": "nuget", "php_package": "composer", "python_package": "pypi", "ruby_gem": "gem",
    "rust_crate": "cargo",
}  # fmt: skip
_VERSION: Final = re.compile(r"(?:^|[-\s])v?(?P<version>\d[\w.+]*(?:-[\w.]+)?)$")


class _Library(msgspec.Struct, rename="camel"):
    name: str = ""
    group_id: str = ""
    artifact_id: str = ""
    version: str = ""
    type: str = ""
    library_type: str = ""
    path: str = ""
    filename: str = ""


class _Fix(msgspec.Struct, rename="camel"):
    fix_resolution: str = ""


class _Vulnerability(msgspec.Struct):
    """A row of the unified agent."""

    name: str
    severity: str
    library: _Library
    score: float | str | None = None
    cvss3_severity: str = ""
    cvss3_score: float | str | None = None
    vector: str = field(name="scoreMetadataVector", default="")
    fix: _Fix | None = field(name="topFix", default=None)


class _Agent(msgspec.Struct):
    vulnerabilities: list[Raw]


class _Scored(msgspec.Struct):
    severity: str
    score: float | None = None


class _State(msgspec.Struct):
    status: str = ""


class _Threat(msgspec.Struct, rename="camel"):
    epss_percentage: float | None = None


class _Finding(msgspec.Struct, rename="camel"):
    """A row of the platform."""

    name: str
    component: _Library
    vulnerability: _Scored
    finding_info: _State = field(default_factory=_State)
    top_fix: _Fix | None = None
    score_metadata_vector: str = ""
    threat_assessment: _Threat | None = None


class _Additional(msgspec.Struct, rename="camel"):
    total_items: int = 0


class _Platform(msgspec.Struct, rename="camel"):
    response: list[Raw] | None
    additional_data: _Additional = field(default_factory=_Additional)


def detect(document: Document) -> str | None:
    """Why `document` is Mend's, or None (always for an empty list of the agent)."""
    if {"response", "supportToken"} <= document.keys and isinstance(document.at("response"), list):
        return "response and supportToken (platform API 3)"
    library = document.at("vulnerabilities", 0, "library")
    if isinstance(library, dict) and {"keyUuid", "artifactId"} & library.keys():
        return "vulnerabilities with a library of Mend's"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every library.

    Raises `ReportError` where the list is absent or none of its rows is understood.
    """
    notes: list[str] = []
    status = Status.OK
    if "response" in document.keys:
        page = document.decoded(_Platform, _EXPECTED)
        rows = document.each(page.response, _Finding, "$.response", _EXPECTED)
        observations = [_platform(row) for row in rows.good]
        rejected = rows.rejected
        listed = len(page.response or ())
        if page.additional_data.total_items > listed:
            status = Status.PARTIAL
            notes.append(f"the answer is one page: {listed} of {page.additional_data.total_items} findings")
        ignored = sum(row.finding_info.status.upper() not in ("", "ACTIVE") for row in rows.good)
        notes += [f"{ignored} findings are not active in Mend and count here"] if ignored else []
    else:
        raws = document.decoded(_Agent, _EXPECTED).vulnerabilities
        found = document.each(raws, _Vulnerability, "$.vulnerabilities", _EXPECTED)
        observations, rejected = [_agent(row) for row in found.good], found.rejected
    return Scan(
        format="mend",
        scanner="mend",
        status=status,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=rejected,
        notes=tuple(notes),
    )


def _agent(row: _Vulnerability) -> Observation:
    scores = (
        cvss_scores.rating(version="3.1", vector=row.vector, score=_number(row.cvss3_score)),
        cvss_scores.rating(version="2.0", score=_number(row.score)),
    )
    return _observation(row.name, row.library, row.cvss3_severity or row.severity, scores, row.fix, None)


def _platform(row: _Finding) -> Observation:
    score = cvss_scores.rating(version="3.1", vector=row.score_metadata_vector, score=row.vulnerability.score)
    threat = row.threat_assessment.epss_percentage if row.threat_assessment else None
    # Mend writes 0 where it has no value, and hundredths.
    epss = threat / 100 if threat else None
    return _observation(row.name, row.component, row.vulnerability.severity, [score], row.top_fix, epss)


def _observation(
    id_: str,
    library: _Library,
    word: str,
    scores: Iterable[Cvss | None],
    fix: _Fix | None,
    epss: float | None,
) -> Observation:
    system = _SYSTEMS.get((library.type or library.library_type).lower(), "")
    name = library.artifact_id or library.name
    if system == "maven" and library.group_id:
        name = f"{library.group_id}:{library.artifact_id}"
    elif system == "golang":
        name = library.group_id or name
    fixed = _VERSION.search(fix.fix_resolution.strip()) if fix else None
    return flaws.observed(
        flaws.Flaw(
            id=id_,
            package=name,
            version=library.version or None,
            system=system,
            severity=flaws.worded(word, _SEVERITIES),
            word=word,
            cvss=scores,
            fixed=[fixed["version"]] if fixed else [],
            epss=epss,
            location=Location(file=library.path or None),
        ),
        "mend",
    )


def _number(text: float | str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
