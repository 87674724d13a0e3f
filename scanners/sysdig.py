"""Sysdig Secure: findings of workloads, exported as JSON (panels with rows), and the result of one scan.

One observation for each row: a flaw in a package in a container of a workload. A cluster is no image: it is
evidence of nothing but its dependencies. The result of one scan, as sysdig-cli-scanner and the API write it,
has packages and flaws by ids that name one another; an id that nothing describes is rejected. Accepted risks
and packages that a later layer removes count, with a note.

Source: a real export of 2025; Sysdig documentation, "Reporting"; for results of scans the shapes that Sysdig's
own clients read (the inline scan action, the LSP server), no real file.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw

from gate import times
from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Evidence,
    FixState,
    Kev,
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

_T = TypeVar("_T")
_EXPECTED: Final = "a vulnerability export of Sysdig"
_SEVERITIES: Final = {"negligible": Severity.INFO}
_SYSTEMS: Final = {
    "golang": "golang", "java": "maven", "javascript": "npm", "php": "composer", "python": "pypi",
    "ruby": "gem", "rust": "cargo", "c#": "nuget",
}  # fmt: skip


class _Row(msgspec.Struct):
    vuln_id: str
    vuln_severity: str
    scan_package_name: str
    scan_package_version: str = ""
    scan_package_type: str = ""
    scan_package_path: str | None = None
    container_image: str = ""
    container_image_distro: str = ""
    kubernetes_namespace_name: str = ""
    kubernetes_workload_name: str = ""
    kubernetes_workload_type: str = ""
    kubernetes_pod_container_name: str = ""
    vuln_cvss_score: float | None = None
    vuln_cvss_vector: str = ""
    vuln_cvss_version: str = ""
    vuln_fix_available: bool = False
    vuln_fixed_in_version: str | None = None
    vuln_risk_accepted: bool = False
    vuln_cisa_kev_publish_date: str | None = None
    vuln_cisa_kev_due_date: str | None = None
    vuln_cisa_kev_known_ransomware: str | bool | None = None


class _Panel(msgspec.Struct):
    data: list[Raw] | None
    name: str = ""


class _Report(msgspec.Struct):
    panels: list[_Panel]


class _Score(msgspec.Struct):
    version: str = ""
    score: float | None = None
    vector: str = ""


class _Flaw(msgspec.Struct, rename="camel"):
    name: str
    severity: str
    package_ref: str = ""
    fix_version: str | None = None
    cvss_score: _Score | None = None
    cisa_kev: Any = None
    risk_accept_refs: list[str] | None = None


class _Package(msgspec.Struct, rename="camel"):
    name: str
    type: str = ""
    version: str = ""
    path: str = ""
    is_removed: bool = False
    vulnerabilities_refs: list[str] | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    pull_string: str = ""
    digest: str = ""
    image_id: str = ""
    base_os: str = ""


class _Result(msgspec.Struct, rename="camel"):
    packages: dict[str, Raw]
    vulnerabilities: dict[str, Raw]
    asset_type: str = ""
    metadata: _Metadata | None = None


class _Scanned(msgspec.Struct):
    """What sysdig-cli-scanner writes."""

    result: _Result
    scanner: dict[str, str] = {}
    info: dict[str, Any] = {}


def detect(document: Document) -> str | None:
    """Why `document` is an export of Sysdig, or None."""
    if document.at("panels", 0, "data", 0, "vuln_id") is not None:
        return "panels with rows that have a vuln_id"
    if "zones" in document.keys and isinstance(document.at("panels", 0, "data"), list):
        return "zones, and panels with data"
    for place, why in ((("result",), "result"), ((), "assetType")):
        parts = [document.at(*place, name) for name in ("packages", "vulnerabilities", "metadata")]
        if all(isinstance(part, dict) for part in parts) and document.at(*place, "assetType"):
            return f"{why} with packages, vulnerabilities and metadata of an asset"
    return None


def parse(document: Document) -> Scan:
    """Every row of every panel, or every flaw of every package of a scan.

    Raises `ReportError` where panels or their data are absent, or packages, or flaws.
    """
    if "result" in document.keys:
        return _scanned(document.decoded(_Scanned, _EXPECTED), document)
    if "panels" not in document.keys:
        return _scanned(_Scanned(result=document.decoded(_Result, _EXPECTED)), document)
    report = document.decoded(_Report, _EXPECTED)
    rows: list[_Row] = []
    rejected: list[Rejected] = []
    for number, panel in enumerate(report.panels):
        found = document.each(panel.data, _Row, f"$.panels[{number}].data", _EXPECTED)
        rows += found.good
        rejected += found.rejected
    accepted = sum(row.vuln_risk_accepted for row in rows)
    notes = [f"{accepted} risks are accepted in Sysdig and count here"] if accepted else []
    is_empty = not any(panel.data for panel in report.panels)
    return Scan(
        format="sysdig",
        scanner="sysdig",
        # The export does not say what it looked at; without a row it may have been nothing.
        status=Status.EMPTY_TARGET if is_empty else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(map(_observation, rows)),
        rejected=tuple(rejected),
        notes=("the export has no row", *notes) if is_empty else tuple(notes),
    )


def _observation(row: _Row) -> Observation:
    is_system = row.scan_package_type.upper() == "OS"
    workload = (
        row.kubernetes_workload_type,
        row.kubernetes_namespace_name,
        row.kubernetes_workload_name,
    )
    score = cvss_scores.rating(
        version=row.vuln_cvss_version or None, vector=row.vuln_cvss_vector, score=row.vuln_cvss_score
    )
    added = times.start_of(row.vuln_cisa_kev_publish_date or "")
    ransomware = str(row.vuln_cisa_kev_known_ransomware or "").lower()
    return flaws.observed(
        flaws.Flaw(
            id=row.vuln_id,
            package=row.scan_package_name,
            version=row.scan_package_version or None,
            system=row.container_image_distro
            if is_system
            else _SYSTEMS.get(row.scan_package_type.lower(), ""),
            severity=flaws.worded(row.vuln_severity, _SEVERITIES),
            word=row.vuln_severity,
            cvss=[score],
            fixed=(row.vuln_fixed_in_version or "").split(", "),
            unfixed=FixState.UNKNOWN if row.vuln_fix_available else FixState.NOT_FIXED,
            kev=Kev(
                added=added,
                due=times.normalized(row.vuln_cisa_kev_due_date),
                ransomware=ransomware in ("true", "known") if ransomware else None,
            )
            if added
            else None,
            location=Location(
                file=None if is_system else row.scan_package_path,
                resource="/".join(workload) if all(workload) else None,
                image=row.container_image or None,
            ),
        ),
        "sysdig",
    )


def _scanned(report: _Scanned, document: Document) -> Scan:
    result, at = report.result, report.result.metadata or _Metadata()
    packages, broken = _described(result.packages, _Package, "packages", document)
    known, odd = _described(result.vulnerabilities, _Flaw, "vulnerabilities", document)
    pairs = [(ref, id_) for ref, one in packages.items() for id_ in one.vulnerabilities_refs or ()]
    pairs += [(one.package_ref, id_) for id_, one in known.items()]
    pairs = list(dict.fromkeys(pairs))
    lost = [pair for pair in pairs if pair[0] not in packages or pair[1] not in known]
    accepted = sum(bool(one.risk_accept_refs) for one in known.values())
    removed = sum(one.is_removed and bool(one.vulnerabilities_refs) for one in packages.values())
    notes = [f"{accepted} risks are accepted in Sysdig and count here"] if accepted else []
    notes += [f"{removed} packages are removed by a later layer and count here"] if removed else []
    is_image = result.asset_type == "containerImage"
    # The id of an image's configuration is no digest of its manifest.
    digest = sha256_digest(at.digest) if at.digest != at.image_id else None
    return Scan(
        format="sysdig",
        scanner="sysdig",
        scanner_version=report.scanner.get("version"),
        status=Status.OK if result.packages else Status.EMPTY_TARGET,
        created=times.normalized(str(report.info.get("scanTime") or "")),
        subject=ReportSubject(name=at.pull_string, digest=digest) if at.pull_string else None,
        kinds=(Evidence.IMAGE, Evidence.DEPENDENCIES) if is_image else (Evidence.DEPENDENCIES,),
        observations=tuple(
            _joined(packages[ref], known[id_], at) for ref, id_ in pairs if ref in packages and id_ in known
        ),
        rejected=(*broken, *odd, *(_lost(*pair) for pair in lost)),
        notes=tuple(notes) if result.packages else ("no package was found", *notes),
    )


def _described(
    raws: dict[str, Raw], type_: type[_T], name: str, document: Document
) -> tuple[dict[str, _T], tuple[Rejected, ...]]:
    """Members of the map `name` by their ids, and those that are not understood."""
    rows = records.understood(
        ((item, f"$…{name}.{item[0]}") for item in raws.items()),
        lambda item: (item[0], json_documents.decoded(bytes(item[1]), type_, document.path, _EXPECTED)),
    )
    return dict(rows.good), rows.rejected


def _lost(ref: str, id_: str) -> Rejected:
    return Rejected(where=f"$…packages.{ref[:80]}", reason=f"it or its flaw {quoted(id_)} is not described")


def _joined(package: _Package, flaw: _Flaw, at: _Metadata) -> Observation:
    is_system = package.type.lower() == "os"
    given = flaw.cvss_score
    fixed = flaw.fix_version or ""
    return flaws.observed(
        flaws.Flaw(
            id=flaw.name,
            package=package.name,
            version=package.version or None,
            system=at.base_os if is_system else _SYSTEMS.get(package.type.lower(), ""),
            severity=flaws.worded(flaw.severity, _SEVERITIES),
            word=flaw.severity,
            cvss=[cvss_scores.rating(version=given.version, vector=given.vector, score=given.score)]
            if given
            else [],
            fixed=[fixed] if fixed != "None" else [],
            kev=Kev() if flaw.cisa_kev else None,
            location=Location(file=None if is_system else package.path or None, image=at.pull_string or None),
        ),
        "sysdig",
    )
