"""JFrog Xray: the exported report of vulnerabilities, `jf audit` and `jf scan` as simple-json, the API's summary of artifacts.

One observation for each row: an issue of Xray (`XRAY-96880`) in a component. Where it stands for one CVE,
that is its alias; where it stands for several (an update of a distribution), none is. Rows that are
announced and not listed make the report partial. The summary names no component: there a flaw stands in the
artifact, once for each path inside. Not read: licences, violations of policies, impact paths.

Source: JFrog documentation, "Vulnerabilities report", "CLI for JFrog Security"; real reports. Of the summary the
published schema of JFrog's own client; no real file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Cvss, Evidence, FixState, Location, Observation, Scan, Severity, Status
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a report of JFrog Xray"
_SEVERITIES: Final = {"information": Severity.INFO}
_COMPONENT: Final = re.compile(
    r"(?P<system>[a-z]+)://(?:\d[\w.]*:)?(?P<name>.+?):(?P<version>(?:\d+:)?[^:]+)"
)
"""`rpm://7:name:0:1.2` begins with the distribution, `gav://group:artifact:1.2` has no distribution."""
_SYSTEMS: Final = {"gav": "maven", "generic": "", "go": "golang"}
_DISTRIBUTIONS: Final = frozenset({"alpine", "deb", "rpm"})
"""Their rows name a release by its number alone, which says nothing of the namespace."""
_NO_FLAWS: Final = frozenset({"license", "operational risk"})
_VERSION: Final = re.compile(r"[^\w]*(?P<version>\w.*)")


class _Cve(msgspec.Struct):
    cve: str = ""
    v2_score: float | None = field(name="cvss_v2_score", default=None)
    v2_vector: str = field(name="cvss_v2_vector", default="")
    v3_score: float | None = field(name="cvss_v3_score", default=None)
    v3_vector: str = field(name="cvss_v3_vector", default="")


class _Row(msgspec.Struct):
    issue_id: str
    severity: str
    vulnerable_component: str
    summary: str = ""
    cves: list[_Cve] | None = None
    fixed_versions: list[str] | None = None
    path: str = ""
    impacted_artifact: str = ""


class _Report(msgspec.Struct):
    total_rows: int
    rows: list[Raw]


class _SimpleCve(msgspec.Struct, rename="camel"):
    id: str = ""
    cvss_v2: float | str | None = None
    cvss_v3: float | str | None = None


class _Simple(msgspec.Struct, rename="camel"):
    severity: str
    impacted_package_name: str
    impacted_package_version: str = ""
    impacted_package_type: str = ""
    fixed_versions: list[str] | None = None
    cves: list[_SimpleCve] | None = None
    issue_id: str = ""
    summary: str = ""


class _SimpleReport(msgspec.Struct, rename="camel"):
    vulnerabilities: list[Raw] | None
    errors: list[Any] | None = None


class _SummaryCve(msgspec.Struct):
    cve: str = ""
    cwe: list[str] | None = None
    cvss_v2: str | None = None
    cvss_v3: str | None = None


class _Issue(msgspec.Struct):
    severity: str
    issue_id: str = ""
    summary: str = ""
    issue_type: str = "security"
    cves: list[_SummaryCve] | None = None
    impact_path: list[str] | None = None


class _General(msgspec.Struct):
    name: str = ""
    path: str = ""
    component_id: str = ""


class _Artifact(msgspec.Struct):
    general: _General
    issues: list[_Issue] | None = None
    error: str | None = None


class _Summary(msgspec.Struct):
    artifacts: list[Raw]
    errors: list[Any] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is of JFrog Xray, or None."""
    if {"total_rows", "rows"} == document.keys:
        return "total_rows and rows"
    if {"vulnerabilities", "errors"} <= document.keys and document.keys & {
        "securityViolations",
        "scannersStatus",
    }:
        return "vulnerabilities, errors and securityViolations (simple-json)"
    first = document.at("artifacts", 0, "general")
    if isinstance(first, dict) and {"component_id", "pkg_type"} & first.keys():
        return "artifacts with general.component_id (summary)"
    return None


def parse(document: Document) -> Scan:
    """Every issue in every component; raises `ReportError` where the rows are absent."""
    notes: list[str] = []
    if "artifacts" in document.keys:
        return _summed(document.decoded(_Summary, _EXPECTED), document)
    if "rows" in document.keys:
        report = document.decoded(_Report, _EXPECTED)
        rows = document.each(report.rows, _Row, "$.rows", _EXPECTED)
        observations, rejected = [_observation(row) for row in rows.good], rows.rejected
        if report.total_rows > len(report.rows):
            notes.append(f"the report announces {report.total_rows} rows and lists {len(report.rows)}")
    else:
        simple = document.decoded(_SimpleReport, _EXPECTED)
        found = document.each(simple.vulnerabilities, _Simple, "$.vulnerabilities", _EXPECTED)
        observations, rejected = [_simple(row) for row in found.good], found.rejected
        if simple.errors:
            notes.append(f"Xray reports {len(simple.errors)} errors")
    return Scan(
        format="jfrog-xray",
        scanner="jfrog-xray",
        status=Status.PARTIAL if notes else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=rejected,
        notes=tuple(notes),
    )


def _observation(row: _Row) -> Observation:
    match = _COMPONENT.fullmatch(row.vulnerable_component)
    system = match["system"] if match else ""
    names = [one.cve for one in row.cves or () if one.cve]
    is_image = row.impacted_artifact.startswith("docker://")
    return flaws.observed(
        flaws.Flaw(
            id=names[0] if len(set(names)) == 1 else row.issue_id,
            package=match["name"] if match else row.vulnerable_component,
            version=match["version"] if match else None,
            system="" if system in _DISTRIBUTIONS else _SYSTEMS.get(system, system),
            title=row.summary or None,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            names=names,
            cvss=_scores(row.cves or []),
            fixed=[_version(text) for text in row.fixed_versions or ()],
            unfixed=FixState.NOT_FIXED,
            location=Location(image=row.impacted_artifact.removeprefix("docker://") if is_image else None),
        ),
        "jfrog-xray",
    )


def _scores(rows: list[_Cve]) -> Iterator[Cvss | None]:
    for one in rows:
        vector = one.v2_vector.removeprefix("CVSS:2.0/")
        yield cvss_scores.rating(version="2.0", vector=vector, score=one.v2_score)
        yield cvss_scores.rating(version="3.1", vector=one.v3_vector, score=one.v3_score)


def _simple(row: _Simple) -> Observation:
    names = [one.id for one in row.cves or () if one.id]
    return flaws.observed(
        flaws.Flaw(
            id=names[0] if len(set(names)) == 1 else row.issue_id or "unnamed",
            package=row.impacted_package_name,
            version=row.impacted_package_version or None,
            system=row.impacted_package_type,
            title=row.summary or None,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            names=names,
            cvss=[cvss_scores.rating(version="3.1", score=_number(one.cvss_v3)) for one in row.cves or ()],
            fixed=[_version(text) for text in row.fixed_versions or ()],
            unfixed=FixState.NOT_FIXED,
        ),
        "jfrog-xray",
    )


def _summed(report: _Summary, document: Document) -> Scan:
    rows = document.each(report.artifacts, _Artifact, "$.artifacts", _EXPECTED)
    issues = [(row.general, one) for row in rows.good for one in row.issues or ()]
    others = sum(one.issue_type in _NO_FLAWS for _, one in issues)
    errors = len(report.errors or ()) + sum(bool(row.error) for row in rows.good)
    notes = [f"Xray reports {errors} errors"] if errors else []
    notes += [f"{others} issues are of licences or risks and not read"] if others else []
    if not report.artifacts:
        notes.append("no artifact is known to Xray")
    ended = Status.OK if report.artifacts else Status.FAILED if errors else Status.EMPTY_TARGET
    return Scan(
        format="jfrog-xray",
        scanner="jfrog-xray",
        status=Status.PARTIAL if errors and report.artifacts else ended,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(
            _issue(general, one, path)
            for general, one in issues
            if one.issue_type not in _NO_FLAWS
            for path in dict.fromkeys(one.impact_path or [""])
        ),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _issue(general: _General, row: _Issue, path: str) -> Observation:
    names = [one.cve for one in row.cves or () if one.cve]
    artifact = general.name or general.component_id or general.path or "an artifact"
    scores: list[Cvss | None] = []
    for one in row.cves or ():
        for version, text in (("2.0", one.cvss_v2), ("3.1", one.cvss_v3)):
            score, _, vector = (text or "").partition("/")
            scores.append(cvss_scores.rating(version=version, vector=vector, score=_number(score)))
    return flaws.observed(
        flaws.Flaw(
            id=names[0] if len(set(names)) == 1 else row.issue_id or "unnamed",
            package=artifact,
            title=row.summary or None,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            names=names,
            cwes=[cwe for one in row.cves or () for cwe in one.cwe or ()],
            cvss=scores,
            location=Location(file=path or general.path or None),
        ),
        "jfrog-xray",
    )


def _version(text: str) -> str:
    """`≥ 1:11.0.5` and `[2.11.3]` as the version alone."""
    match = _VERSION.fullmatch(text.strip())
    return match["version"].rstrip("])") if match else text


def _number(text: float | str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
