"""Sysdig Secure's vulnerability findings of workloads, exported as JSON (panels with rows).

One observation for each row: a flaw in a package in a container of a workload. Accepted risks count, with
a note. A cluster is no image: it is evidence of nothing but its dependencies.

Source: a real export of 2025; Sysdig documentation, "Reporting".
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document
from gate.model import Evidence, FixState, Kev, Location, Observation, Rejected, Scan, Severity, Status
from scanners import cvss_scores, flaws

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


def detect(document: Document) -> str | None:
    """Why `document` is an export of Sysdig, or None."""
    if document.at("panels", 0, "data", 0, "vuln_id") is not None:
        return "panels with rows that have a vuln_id"
    if "zones" in document.keys and isinstance(document.at("panels", 0, "data"), list):
        return "zones, and panels with data"
    return None


def parse(document: Document) -> Scan:
    """Every row of every panel; raises `ReportError` where panels or their data are absent."""
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
