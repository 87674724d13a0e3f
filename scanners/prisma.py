"""Prisma Cloud Compute (Twistlock): what `twistcli images scan` and `twistcli coderepo scan` write.

Flaws in packages, and failed checks of compliance as misconfigurations. `status` says what is known of
fixes ("fixed in 1.2"). Counts that are higher than what is listed make the report partial.
Not read: history, risk factors, causes of compliance issues (they quote the image's settings).

Source: Prisma Cloud documentation, "twistcli"; real reports; FORMATS.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Rejected,
    ReportSubject,
    Scan,
    Severity,
    Status,
)
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a twistcli report"
_SEVERITIES: Final = {
    "important": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "negligible": Severity.INFO,
    "unimportant": Severity.INFO,
}
_SYSTEMS: Final = {
    "gem": "gem", "go": "golang", "jar": "maven", "nodejs": "npm", "nuget": "nuget", "python": "pypi",
}  # fmt: skip
_FIX_STATES: Final = {
    "affected": FixState.NOT_FIXED,
    "deferred": FixState.NOT_FIXED,
    "needed": FixState.NOT_FIXED,
    "open": FixState.NOT_FIXED,
    "will not fix": FixState.WONT_FIX,
    "wont fix": FixState.WONT_FIX,
}
_FIXED: Final = "fixed in "


class _Flaw(msgspec.Struct, rename="camel"):
    id: str
    severity: str
    package_name: str
    package_version: str = ""
    status: str = ""
    cvss: float | None = None
    vector: str = ""


class _Issue(msgspec.Struct):
    severity: str
    title: str
    id: int | str | None = None


class _Package(msgspec.Struct):
    type: str
    name: str
    version: str = ""
    path: str = ""


class _Total(msgspec.Struct):
    total: int = 0


class _Result(msgspec.Struct, rename="camel"):
    vulnerability_distribution: _Total
    compliance_distribution: _Total
    id: str = ""
    name: str = ""
    repository: str = ""
    distro: str = ""
    packages: list[_Package] | None = None
    vulnerabilities: list[Raw] | None = None
    compliances: list[Raw] | None = None
    compliance_issues: list[Raw] | None = None
    scan_time: str | None = None


class _Report(msgspec.Struct):
    results: list[_Result]


def detect(document: Document) -> str | None:
    """Why `document` is a twistcli report, or None."""
    if document.at("results", 0, "vulnerabilityDistribution") is not None:
        return "results with vulnerabilityDistribution"
    if {"vulnerabilityDistribution", "complianceDistribution"} <= document.keys:
        return "vulnerabilityDistribution and complianceDistribution"
    return None


def parse(document: Document) -> Scan:
    """Every flaw and every failed check; raises `ReportError` where a result lacks its counts."""
    if "results" in document.keys:
        results = document.decoded(_Report, _EXPECTED).results
        places = [f"$.results[{number}]" for number in range(len(results))]
    else:
        results, places = [document.decoded(_Result, _EXPECTED)], ["$"]
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    for result, where in zip(results, places, strict=True):
        found = document.each(result.vulnerabilities, _Flaw, f"{where}.vulnerabilities", _EXPECTED)
        key = "compliances" if result.compliances is not None else "complianceIssues"
        raws = result.compliances or result.compliance_issues
        issues = document.each(raws, _Issue, f"{where}.{key}", _EXPECTED)
        types = {(one.name, one.version): one for one in result.packages or ()}
        observations += [_flaw(row, result, types) for row in found.good]
        observations += [_issue(row, result) for row in issues.good]
        rejected += [*found.rejected, *issues.rejected]
        notes += _miscounted(result)
    is_image = bool(results) and not results[0].repository
    single = results[0] if len(results) == 1 else None
    if not results:
        notes.append("no image was scanned")
    return Scan(
        format="prisma",
        scanner="prisma",
        status=Status.EMPTY_TARGET if not results else Status.PARTIAL if notes else Status.OK,
        created=times.normalized(single.scan_time) if single else None,
        # The id of an image's configuration is no digest of its manifest.
        subject=ReportSubject(name=single.name) if single and is_image and single.name else None,
        kinds=(Evidence.IMAGE, Evidence.DEPENDENCIES) if is_image else (Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )


def _miscounted(result: _Result) -> Iterator[str]:
    issues = result.compliances or result.compliance_issues
    for what, counted, listed in (
        ("flaws", result.vulnerability_distribution.total, result.vulnerabilities),
        ("compliance issues", result.compliance_distribution.total, issues),
    ):
        if counted > len(listed or ()):
            yield f"the report counts {counted} {what} and lists {len(listed or ())}"


def _flaw(row: _Flaw, result: _Result, types: Mapping[tuple[str, str], _Package]) -> Observation:
    package = types.get((row.package_name, row.package_version))
    type_ = package.type.lower() if package else ""
    name = row.package_name
    if type_ == "jar":
        name = name.replace("_", ":", 1)
    status = row.status.strip().lower()
    fixed = status.removeprefix(_FIXED).split(", ") if status.startswith(_FIXED) else []
    return flaws.observed(
        flaws.Flaw(
            id=row.id,
            package=name,
            version=row.package_version or None,
            system=_system(result.distro) if type_ == "os" else _SYSTEMS.get(type_, ""),
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            cvss=[cvss_scores.rating(version="3.1", vector=row.vector, score=row.cvss or None)],
            fixed=fixed,
            unfixed=_FIX_STATES.get(status, FixState.UNKNOWN),
            location=Location(
                file=package.path or None if package and type_ != "os" else None, image=result.name or None
            ),
        ),
        "prisma",
    )


def _system(distro: str) -> str:
    """`Debian GNU/Linux 9 (stretch)` as `debian`."""
    return distro.partition(" ")[0].lower()


def _issue(row: _Issue, result: _Result) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=str(row.id) if row.id is not None else row.title,
            title=row.title,
            severity=flaws.worded(row.severity, _SEVERITIES),
            severity_raw=row.severity,
            location=Location(image=result.name or None),
            scanners=("prisma",),
        ),
        context=row.title,
    )
