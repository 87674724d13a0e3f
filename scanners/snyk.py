"""Snyk's JSON: `snyk test`, `snyk container test`, `--all-projects`, and `snyk iac test`.

(`snyk code test` writes SARIF.) Snyk writes a flaw once for each path that leads to a package; gate
takes it once. Its own severity stays, also where a distribution's differs from the score. Licence issues
stand among the flaws. What `.snyk` ignores is told in a note and not read.

Source: Snyk CLI documentation, real reports; FORMATS.md 2.22.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Cvss,
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
from scanners import cvss_scores
from scanners.identifiers import cwes, fix_state, names_one_flaw
from scanners.purls import purl

_EXPECTED: Final = "a Snyk report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "none": Severity.INFO,
}


class _Identifiers(msgspec.Struct):
    cve: list[str] = field(name="CVE", default=[])
    cwe: list[str] = field(name="CWE", default=[])
    ghsa: list[str] = field(name="GHSA", default=[])


class _Detail(msgspec.Struct):
    assigner: str = ""
    vector3: str | None = field(name="cvssV3Vector", default=None)
    score3: float | None = field(name="cvssV3BaseScore", default=None)


class _Epss(msgspec.Struct):
    probability: str | float | None = None


class _Vulnerability(msgspec.Struct):
    id: str
    severity: str
    title: str = ""
    name: str = ""
    package: str = field(name="packageName", default="")
    version: str = ""
    type: str = ""
    license: str | None = None
    word: str | None = field(name="severityWithCritical", default=None)
    manager: str = field(name="packageManager", default="")
    identifiers: _Identifiers | None = None
    score: float | None = field(name="cvssScore", default=None)
    vector: str | None = field(name="CVSSv3", default=None)
    details: list[_Detail] | None = field(name="cvssDetails", default=None)
    epss: _Epss | None = field(name="epssDetails", default=None)
    fixed_in: list[str] | None = field(name="fixedIn", default=None)
    malicious: bool = False


class _Issue(msgspec.Struct):
    """One of `snyk iac test`."""

    id: str
    severity: str
    title: str = ""
    public_id: str | None = field(name="publicId", default=None)
    line: int | None = field(name="lineNumber", default=None)
    path: list[str | int] = []
    is_ignored: bool = field(name="isIgnored", default=False)


class _Filtered(msgspec.Struct):
    ignore: list[Raw] = []


class _Project(msgspec.Struct):
    ok: bool | None = None
    vulnerabilities: list[Raw] | None = None
    issues: list[Raw] | None = field(name="infrastructureAsCodeIssues", default=None)
    applications: list[Raw] | None = None
    count: int | None = field(name="dependencyCount", default=None)
    manager: str = field(name="packageManager", default="")
    file: str | None = field(name="displayTargetFile", default=None)
    target_file: str | None = field(name="targetFile", default=None)
    path: str = ""
    docker: dict[str, Any] | None = None
    filtered: _Filtered | None = None
    error: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Snyk report, or None."""
    keys = document.record.keys()
    if "vulnerabilities" in keys and keys & {
        "dependencyCount",
        "displayTargetFile",
        "packageManager",
        "uniqueCount",
    }:
        return "vulnerabilities, and a project with its package manager or count"
    # CycloneDX of Snyk's has such ids as well.
    if str(document.at_record("vulnerabilities", 0, "id")).startswith("SNYK-") and "bomFormat" not in keys:
        return "vulnerabilities whose ids begin with SNYK-"
    if "infrastructureAsCodeIssues" in keys:
        return "infrastructureAsCodeIssues"
    if {"ok", "error", "path"} <= keys:
        return "ok, error and path: Snyk failed"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every project once for each package; raises `ReportError` for another shape."""
    found = document.records(_Project, _EXPECTED)
    projects: list[tuple[_Project, str]] = []
    rejected: list[Rejected] = [*found.rejected]
    for number, project in enumerate(found.good):
        where = f"$[{number}]" if isinstance(document.top, list) else "$"
        projects.append((project, where))
        inner = document.each(project.applications, _Project, f"{where}.applications", _EXPECTED)
        rejected += inner.rejected
        projects += [(one, f"{where}.applications[{at}]") for at, one in enumerate(inner.good)]
    observations: list[Observation] = []
    for project, where in projects:
        rows = document.each(project.vulnerabilities, _Vulnerability, f"{where}.vulnerabilities", _EXPECTED)
        issues = document.each(project.issues, _Issue, f"{where}.infrastructureAsCodeIssues", _EXPECTED)
        rejected += [*rows.rejected, *issues.rejected]
        once = {(row.id, row.name or row.package, row.version): row for row in rows.good}
        observations += [_package(row, project) for row in once.values()]
        observations += [_misconfiguration(issue, project) for issue in issues.good]
    status, notes = _outcome([project for project, _ in projects])
    images = [project.path for project, _ in projects if project.docker is not None and project.path]
    return Scan(
        format="snyk",
        scanner="snyk",
        status=status,
        subject=ReportSubject(name=images[0]) if len(images) == 1 else None,
        kinds=_kinds([project for project, _ in projects]),
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )


def _kinds(projects: list[_Project]) -> tuple[Evidence, ...]:
    packages = [project for project in projects if project.vulnerabilities is not None]
    claims = (
        (Evidence.IMAGE, any(project.docker is not None for project in packages)),
        (Evidence.DEPENDENCIES, bool(packages)),
        (Evidence.MANIFESTS, any(project.manager == "k8sconfig" for project in projects)),
    )
    return tuple(kind for kind, proved in claims if proved)


def _outcome(projects: list[_Project]) -> tuple[Status, list[str]]:
    errors = [project for project in projects if project.error]
    notes = [f"{quoted(one.path)} was not tested: {quoted(one.error)}" for one in errors]
    notes += [
        f"{len(project.filtered.ignore)} flaws are ignored by a policy of Snyk's"
        for project in projects
        if project.filtered and project.filtered.ignore
    ]
    # A project that says it is not well, and yet lists nothing, was filtered (--severity-threshold).
    silent = [p for p in projects if p.ok is False and not p.error and not p.vulnerabilities and not p.issues]
    if silent:
        notes.append(f"{len(silent)} projects are not ok, but list nothing")
    if errors or silent:
        return Status.FAILED if len(errors) == len(projects) else Status.PARTIAL, notes
    if not projects or all(project.count == 0 and not project.issues for project in projects):
        return Status.EMPTY_TARGET, [*notes, "no dependency was tested"]
    return Status.OK, notes


def _package(row: _Vulnerability, project: _Project) -> Observation:
    name = row.name or row.package
    system = row.manager or project.manager
    base = (
        name.rpartition("/")[2]
        if system.partition(":")[0] in ("deb", "debian", "ubuntu", "apk", "rpm")
        else name
    )
    url = purl(system, base, row.version)
    word = row.word or row.severity
    location = Location(
        file=_file(project), image=project.path or None if project.docker is not None else None
    )
    severity = _SEVERITIES.get(word.lower(), Severity.UNKNOWN)
    if row.type == "license":
        return Observation(
            finding=Finding(
                kind=Kind.LICENSE,
                rule=row.license or row.id,
                title=row.title or f"licence of {name}",
                severity=severity,
                severity_raw=word,
                purl=url,
                version=row.version or None,
                location=location,
                scanners=("snyk",),
            ),
            context=name,
        )
    ids = row.identifiers or _Identifiers()
    fixed = tuple(row.fixed_in or ())
    names = [*ids.cve, *ids.ghsa, row.id]
    return Observation(
        finding=Finding(
            kind=Kind.MALWARE if row.malicious else Kind.VULNERABILITY,
            rule=names[0],
            title=row.title or f"{names[0]} in {name}",
            severity=severity,
            severity_raw=word,
            aliases=tuple(alias for alias in names[1:] if names_one_flaw(alias)),
            cwes=cwes(ids.cwe),
            cvss=tuple(_scores(row)),
            epss=_probability(row.epss),
            purl=url,
            version=row.version or None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed, FixState.UNKNOWN if row.fixed_in is None else FixState.NOT_FIXED),
            location=location,
            scanners=("snyk",),
        ),
        context="" if url else name,
    )


def _file(project: _Project) -> str | None:
    """The lock file or manifest of `project`; of an image none, its packages are the system's."""
    return None if project.docker is not None else project.file or project.target_file


def _probability(epss: _Epss | None) -> float | None:
    if epss is None or epss.probability is None:
        return None
    try:
        value = float(epss.probability)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def _scores(row: _Vulnerability) -> Iterator[Cvss]:
    own = cvss_scores.rating(vector=row.vector, score=row.score, source="snyk") if row.vector else None
    if own:
        yield own
    for detail in row.details or ():
        rating = cvss_scores.rating(
            vector=detail.vector3, score=detail.score3, source=detail.assigner or None
        )
        if rating:
            yield rating


def _misconfiguration(row: _Issue, project: _Project) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.public_id or row.id,
            title=row.title or row.id,
            severity=_SEVERITIES.get(row.severity.lower(), Severity.UNKNOWN),
            severity_raw=row.severity,
            location=Location(
                file=project.target_file or project.file,
                line=row.line if row.line and row.line > 0 else None,
            ),
            scanners=("snyk",),
        ),
        context="/".join(map(str, row.path)),
    )
