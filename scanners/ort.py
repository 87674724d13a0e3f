"""The OSS Review Toolkit's evaluated model (`evaluated-model.json`): violations of rules, and flaws.

Violations that a resolution covers count, with a note. Open issues of severity ERROR (a package that was
not scanned) make the report partial. Severity of a violation: `ERROR` high, `WARNING` medium, `HINT` low.
Not read: copyrights, files, excerpts of licences, the tree of dependencies.

Source: oss-review-toolkit/ort, `EvaluatedModel.kt`; a real report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Cvss, Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status, from_cvss
from scanners import cvss_scores, flaws
from scanners.identifiers import purl_version, spdx_license

_EXPECTED: Final = "an evaluated model of ORT"
_SEVERITIES: Final = {"error": Severity.HIGH, "hint": Severity.LOW, "warning": Severity.MEDIUM}


class _Package(msgspec.Struct):
    number: int = field(name="_id")
    id: str
    purl: str = ""


class _License(msgspec.Struct):
    number: int = field(name="_id")
    id: str


class _Violation(msgspec.Struct):
    rule: str
    severity: str
    message: str
    pkg: int | None = None
    license: int | None = None
    resolutions: list[int] | None = None


class _Reference(msgspec.Struct):
    severity: str | None = None
    score: float | None = None
    vector: str | None = None


class _Flaw(msgspec.Struct):
    id: str
    pkg: int
    summary: str | None = None
    references: list[_Reference] | None = None
    resolutions: list[int] | None = None


class _Issue(msgspec.Struct):
    severity: str = ""
    resolutions: list[int] | None = None


class _Model(msgspec.Struct):
    packages: list[_Package]
    rule_violations: list[Raw]
    licenses: list[_License] = []
    issues: list[_Issue] = []
    vulnerabilities: list[Raw] = []
    statistics: Any = None


def detect(document: Document) -> str | None:
    """Why `document` is an evaluated model of ORT, or None."""
    if {"rule_violations", "packages", "dependency_trees"} <= document.keys:
        return "rule_violations, packages and dependency_trees"
    return None


def parse(document: Document) -> Scan:
    """Every violation and every flaw; raises `ReportError` where packages or violations are absent."""
    model = document.decoded(_Model, _EXPECTED)
    packages = {one.number: one for one in model.packages}
    licenses = {one.number: one.id for one in model.licenses}
    violated = document.each(model.rule_violations, _Violation, "$.rule_violations", _EXPECTED)
    flawed = document.each(model.vulnerabilities, _Flaw, "$.vulnerabilities", _EXPECTED)
    broken = sum(one.severity == "ERROR" and not one.resolutions for one in model.issues)
    resolved = sum(bool(row.resolutions) for row in violated.good)
    resolved += sum(bool(row.resolutions) for row in flawed.good)
    notes = [f"{broken} issues of severity ERROR are open: something was not looked at"] if broken else []
    notes += [f"{resolved} violations and flaws are resolved in ORT and count here"] if resolved else []
    if not packages:
        notes.append("no package was looked at")
    return Scan(
        format="ort",
        scanner="ort",
        status=Status.EMPTY_TARGET if not packages else Status.PARTIAL if broken else Status.OK,
        # The advisor, which looks for flaws, is a step of its own and often left out.
        kinds=(Evidence.DEPENDENCIES,) if model.vulnerabilities else (),
        observations=(
            *(_violation(row, packages, licenses) for row in violated.good),
            *(_flaw(row, packages) for row in flawed.good),
        ),
        rejected=(*violated.rejected, *flawed.rejected),
        notes=tuple(notes),
    )


def _violation(row: _Violation, packages: Mapping[int, _Package], licenses: Mapping[int, str]) -> Observation:
    package = packages.get(row.pkg) if row.pkg is not None else None
    named = licenses.get(row.license) if row.license is not None else None
    url = package.purl if package and package.purl.startswith("pkg:") else None
    return Observation(
        finding=Finding(
            kind=Kind.LICENSE if named else Kind.QUALITY,
            rule=f"{row.rule}: {spdx_license(named)}" if named else row.rule,
            title=row.message or row.rule,
            severity=_SEVERITIES.get(row.severity.lower(), Severity.UNKNOWN),
            severity_raw=row.severity,
            purl=url,
            version=purl_version(url) if url else None,
            location=Location(resource=None if url or not package else package.id),
            scanners=("ort",),
        ),
        context=package.id if package else "",
    )


def _flaw(row: _Flaw, packages: Mapping[int, _Package]) -> Observation:
    package = packages.get(row.pkg)
    scores: list[Cvss] = []
    words: list[str] = []
    for one in row.references or ():
        read = cvss_scores.rating(version="3.1", vector=one.vector, score=one.score)
        scores += [read] if read else []
        words += [one.severity] if one.severity else []
    known: list[Severity] = [told for word in words if (told := flaws.worded(word)) is not Severity.UNKNOWN]
    known += [from_cvss(one.score) for one in scores if one.score is not None]
    worst = min(known, key=lambda severity: severity.rank, default=Severity.UNKNOWN)
    return flaws.observed(
        flaws.Flaw(
            id=row.id,
            package=package.id if package else str(row.pkg),
            purl=package.purl or None if package else None,
            title=row.summary,
            severity=worst,
            word=words[0] if words else None,
            cvss=scores,
        ),
        "ort",
    )
