"""GitLab's security reports: SAST, dependency, container, cluster image, secret, DAST and API fuzzing.

`scan.type` decides; files from before schema 14 have no `scan`, then the shape of the locations does.
The extract of a secret goes into `model.Secret` and nowhere else; requests, responses and summaries of
DAST are not read. Not read: remediations, links, flags, the fingerprints of tracking.

Source: GitLab's security report schemas 14 and 15; FORMATS.md 2.26.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    ReportSubject,
    Scan,
    Secret,
    Severity,
    Status,
)
from scanners.identifiers import names_one_flaw
from scanners.purls import purl

_EXPECTED: Final = "a GitLab security report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
}
"""Unknown, Undefined and words of later schemas are unknown."""
_KINDS: Final = {
    "sast": (Kind.CODE, (Evidence.CODE,)),
    "dependency_scanning": (Kind.VULNERABILITY, (Evidence.DEPENDENCIES,)),
    "container_scanning": (Kind.VULNERABILITY, (Evidence.IMAGE, Evidence.DEPENDENCIES)),
    "cluster_image_scanning": (Kind.VULNERABILITY, (Evidence.IMAGE, Evidence.DEPENDENCIES)),
    "secret_detection": (Kind.SECRET, (Evidence.SECRETS,)),
    "dast": (Kind.DAST, ()),
    "api_fuzzing": (Kind.DAST, ()),
    "coverage_fuzzing": (Kind.CODE, ()),
}
_NUMBER: Final = re.compile(r"(?:CWE-)?0*([1-9]\d{0,5})")
_VERSION: Final = re.compile(r"\d+\.\d+(?:\.\d+)?")


class _Scanner(msgspec.Struct):
    id: str
    name: str = ""
    version: str | None = None


class _Run(msgspec.Struct):
    type: str
    status: str
    scanner: _Scanner
    end_time: str | None = None


class _PackageName(msgspec.Struct):
    name: str = ""


class _Dependency(msgspec.Struct):
    package: _PackageName = field(default_factory=_PackageName)
    version: str = ""


class _Location(msgspec.Struct):
    file: str = ""
    start_line: int | None = None
    image: str = ""
    operating_system: str = ""
    dependency: _Dependency | None = None
    hostname: str = ""
    path: str = ""
    method: str = ""
    param: str = ""
    class_: str = field(name="class", default="")


class _Identifier(msgspec.Struct):
    type: str
    name: str
    value: str | int


class _Vulnerability(msgspec.Struct):
    location: _Location
    identifiers: list[_Identifier]
    id: str = ""
    name: str = ""
    message: str = ""
    severity: str = ""
    confidence: str = ""
    solution: str = ""
    category: str = ""
    cve: str = ""
    scanner: _Scanner | None = None
    extract: str | None = field(name="raw_source_code_extract", default=None)


class _Files(msgspec.Struct):
    path: str
    package_manager: str = ""
    dependencies: list[Raw] | None = None


class _Report(msgspec.Struct):
    vulnerabilities: list[Raw]
    version: str = ""
    scan: _Run | None = None
    files: list[_Files] | None = field(name="dependency_files", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a GitLab security report, or None."""
    if not isinstance(document.at("vulnerabilities"), list):
        return None
    kind = document.at("scan", "type")
    if kind is not None and document.at("scan", "scanner") is not None:
        return f"vulnerabilities and scan.type {quoted(kind)}"
    first = document.at("vulnerabilities", 0)
    if first is not None and isinstance(document.at("vulnerabilities", 0, "identifiers", 0, "type"), str):
        return "vulnerabilities with identifiers and their types"
    version = document.at("version")
    if (
        first is None
        and isinstance(version, str)
        and _VERSION.fullmatch(version)
        and "remediations" in document.keys
    ):
        return "vulnerabilities and remediations, both empty or of no kind, and a version"
    return None


def parse(document: Document) -> Scan:
    """Every vulnerability; raises `ReportError` where the list, a location or identifiers are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.vulnerabilities, _Vulnerability, "$.vulnerabilities", _EXPECTED)
    type_ = report.scan.type if report.scan else _guessed(rows.good)
    kind, evidence = _KINDS.get(type_ or "", (Kind.CODE, ()))
    status, notes = _outcome(report, type_)
    managers = {one.path: one.package_manager for one in report.files or ()}
    images = sorted({row.location.image for row in rows.good if row.location.image})
    scanner = report.scan.scanner if report.scan else next((r.scanner for r in rows.good if r.scanner), None)
    tool = scanner.id.lower() if scanner and scanner.id else "gitlab"
    return Scan(
        format="gitlab",
        scanner=tool,
        scanner_version=report.scan.scanner.version if report.scan else None,
        status=status,
        created=times.normalized(report.scan.end_time) if report.scan else None,
        subject=ReportSubject(name=images[0]) if len(images) == 1 else None,
        kinds=evidence,
        observations=tuple(_observation(row, kind, tool, managers) for row in rows.good),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _guessed(rows: tuple[_Vulnerability, ...]) -> str | None:
    """The type of a report without `scan`, by its first element."""
    for row in rows:
        at = row.location
        if row.category in _KINDS:
            return row.category
        if at.image:
            return "container_scanning"
        if at.hostname or at.path:
            return "dast"
        if row.extract is not None:
            return "secret_detection"
        return "dependency_scanning" if at.dependency and at.dependency.package.name else "sast"
    return None


def _outcome(report: _Report, type_: str | None) -> tuple[Status, list[str]]:
    if report.scan and report.scan.status != "success":
        return Status.FAILED, [f"scan.status is {quoted(report.scan.status)}"]
    if type_ is None:
        return Status.PARTIAL, ["neither scan.type nor a vulnerability says what was looked for"]
    if type_ not in _KINDS:
        return Status.PARTIAL, [f"scan.type {quoted(type_)} is not known"]
    if not report.scan:
        return Status.OK, ["the report does not say whether the scan succeeded (schema before 14)"]
    is_clean_list = type_ == "dependency_scanning" and report.files is not None and not report.vulnerabilities
    if is_clean_list and not any(file.dependencies for file in report.files or ()):
        return Status.EMPTY_TARGET, ["no dependency is listed: nothing was looked at"]
    return Status.OK, []


def _observation(row: _Vulnerability, kind: Kind, tool: str, managers: dict[str, str]) -> Observation:
    at, ids = row.location, [(one.type.lower(), one.name, str(one.value)) for one in row.identifiers]
    flaws = list(dict.fromkeys(value for type_, _, value in ids if names_one_flaw(value) and type_ != "cwe"))
    is_package = kind is Kind.VULNERABILITY
    rule = flaws[0] if flaws and is_package else ids[0][2] if ids else row.name or row.id or "unnamed"
    package = at.dependency.package.name if at.dependency else ""
    version = at.dependency.version if at.dependency else ""
    system = managers.get(at.file) or at.operating_system
    url = purl(system, package, version) if is_package else None
    secret = Secret(row.extract) if kind is Kind.SECRET and row.extract else None
    title = row.name or row.message or (f"{rule} in {package}" if package else rule)
    if secret and secret.reveal() in title:
        title = f"secret found by rule {rule}" if secret.reveal() not in rule else "secret"
    return Observation(
        finding=Finding(
            kind=kind,
            rule=rule,
            title=title,
            severity=_SEVERITIES.get(row.severity.lower(), Severity.UNKNOWN),
            severity_raw=row.severity or None,
            aliases=tuple(name for name in flaws if name != rule) if is_package else (),
            cwes=tuple(
                f"CWE-{match[1]}"
                for type_, _, value in ids
                if type_ == "cwe" and (match := _NUMBER.fullmatch(value))
            ),
            purl=url,
            version=version or None,
            fix_state=FixState.FIXED if row.solution.startswith("Upgrade") else FixState.UNKNOWN,
            location=Location(
                file=at.file or None,
                line=at.start_line if at.start_line and at.start_line > 0 else None,
                image=at.image or None,
                url=_address(at) if kind is Kind.DAST else None,
            ),
            scanners=(tool,),
            confidence=row.confidence.lower() or None,
        ),
        context=_context(row, kind, package),
        secret=secret,
    )


def _context(row: _Vulnerability, kind: Kind, package: str) -> str:
    """What stays of a finding when lines move: never the deprecated `cve` of secrets, it is a hash of them."""
    match kind:
        case Kind.VULNERABILITY:
            return package
        case Kind.DAST:
            return f"{row.location.method} {row.location.param}"
        case _:
            return row.location.class_


def _address(at: _Location) -> str:
    """Host and path; a query may hold what nobody should keep."""
    host = at.hostname if "://" in at.hostname or not at.hostname else f"https://{at.hostname}"
    return host.rstrip("/") + urlsplit(at.path).path
