"""Checkov's JSON (`-o json`): flaws in infrastructure code; of its package scan, flaws in packages.

Without a platform key Checkov knows no severities: they are `unknown`, never guessed. Skipped checks
are suppressed by a comment in the code: listed in a note, not read as findings. Code blocks and
evaluations may hold secrets and are not read. The report of a run that found nothing to scan is a bare
summary: `empty_target`.

Source: bridgecrewio/checkov, `checkov/common/output/report.py`; FORMATS.md 2.18.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Rejected, Scan, Severity, Status
from scanners import cvss_scores
from scanners.identifiers import fix_state
from scanners.purls import purl

_EXPECTED: Final = "a Checkov report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "none": Severity.INFO,
}
_MANIFESTS: Final = frozenset({"kubernetes", "helm", "kustomize"})


class _Package(msgspec.Struct):
    id: str
    severity: str | None = None
    package_name: str = ""
    package_version: str = ""
    package_type: str = ""
    fixed_versions: str | list[str] | None = None
    lowest_fixed_version: str | None = None
    cvss: float | None = None
    vector: str | None = None


class _Check(msgspec.Struct):
    check_id: str
    file_path: str
    resource: str
    check_name: str | None = None
    bc_check_id: str | None = None
    resource_address: str | None = None
    repo_file_path: str | None = None
    severity: str | None = None
    file_line_range: list[int] | None = None
    vulnerability_details: _Package | None = None


class _Results(msgspec.Struct):
    failed_checks: list[Raw]
    passed_checks: list[Raw] = []
    skipped_checks: list[Raw] = []
    parsing_errors: list[str] = []


class _Summary(msgspec.Struct):
    failed: int = 0
    passed: int = 0
    parsing_errors: int = 0
    checkov_version: str | None = None


class _Report(msgspec.Struct):
    check_type: str
    results: _Results
    summary: _Summary | None = None


class _Nothing(msgspec.Struct):
    """What is written where no framework had anything to scan; the keys are spelt differently over time."""

    passed: int
    failed: int
    checkov_version: str
    parsing_errors: int = 0
    parsingerrors: int = 0


def detect(document: Document) -> str | None:
    """Why `document` is a Checkov report, or None."""
    if "check_type" in document.record and document.at_record("results", "failed_checks") is not None:
        return "check_type and results.failed_checks"
    if {"passed", "failed", "checkov_version"} <= document.keys:
        return "a bare summary with checkov_version"
    return None


def parse(document: Document) -> Scan:
    """Every failed check of every framework.

    Raises `ReportError` where a framework lacks its results; a failed check without id, file or
    resource is rejected.
    """
    if "check_type" not in document.record:
        return _nothing(document.decoded(_Nothing, _EXPECTED))
    is_list = isinstance(document.top, list)
    reports = (
        document.decoded(list[_Report], _EXPECTED) if is_list else [document.decoded(_Report, _EXPECTED)]
    )
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    for number, report in enumerate(reports):
        where = f"$[{number}].results.failed_checks" if is_list else "$.results.failed_checks"
        rows = document.each(report.results.failed_checks, _Check, where, _EXPECTED)
        observations += [_observation(row, report.check_type) for row in rows.good]
        rejected += rows.rejected
        notes += _notes(report)
    types = {report.check_type for report in reports}
    return Scan(
        format="checkov",
        scanner="checkov",
        scanner_version=next((r.summary.checkov_version for r in reports if r.summary), None),
        status=_status(reports),
        kinds=_kinds(types),
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )


def _nothing(summary: _Nothing) -> Scan:
    failed = summary.parsing_errors or summary.parsingerrors
    is_empty = not (summary.passed or summary.failed or failed)
    return Scan(
        format="checkov",
        scanner="checkov",
        scanner_version=summary.checkov_version,
        status=Status.EMPTY_TARGET if is_empty else Status.FAILED,
        kinds=(),
        notes=("Checkov found nothing that it can scan",)
        if is_empty
        else ("the report has counts but no results",),
    )


def _kinds(types: set[str]) -> tuple[Evidence, ...]:
    claims = (
        (Evidence.MANIFESTS, types & _MANIFESTS),
        (Evidence.DEPENDENCIES, types & {"sca_package", "sca_package_scan"}),
        (Evidence.IMAGE, types & {"sca_image"}),
        (Evidence.SECRETS, types & {"secrets"}),
        (Evidence.CODE, {type_ for type_ in types if type_.startswith("sast")}),
    )
    return tuple(kind for kind, proved in claims if proved)


def _status(reports: list[_Report]) -> Status:
    if any(
        report.results.parsing_errors or (report.summary and report.summary.parsing_errors)
        for report in reports
    ):
        return Status.PARTIAL
    looked = any(
        r.results.failed_checks or r.results.passed_checks or r.results.skipped_checks for r in reports
    )
    counted = any(r.summary and (r.summary.passed or r.summary.failed) for r in reports)
    return Status.OK if looked or counted else Status.EMPTY_TARGET


def _notes(report: _Report) -> list[str]:
    found = report.results
    notes = []
    if found.parsing_errors:
        notes.append(
            f"{report.check_type}: {len(found.parsing_errors)} files could not be parsed, "
            f"the first: {quoted(found.parsing_errors[0])}"
        )
    if found.skipped_checks:
        notes.append(
            f"{report.check_type}: {len(found.skipped_checks)} checks are skipped by comments in the code"
        )
    if report.summary and report.summary.failed > len(found.failed_checks):
        notes.append(
            f"{report.check_type}: the summary counts {report.summary.failed} failed checks, "
            f"the report lists {len(found.failed_checks)}"
        )
    if not (found.failed_checks or found.passed_checks or found.skipped_checks):
        notes.append(f"{report.check_type}: no check is listed")
    return notes


def _observation(row: _Check, type_: str) -> Observation:
    package = row.vulnerability_details
    word = (package.severity if package else None) or row.severity
    lines = [line for line in row.file_line_range or () if line > 0]
    file = (row.repo_file_path or row.file_path).lstrip("/")
    location = Location(
        file=file or None,
        line=lines[0] if lines else None,
        resource=None if package else row.resource_address or row.resource or None,
    )
    severity = _SEVERITIES.get((word or "").lower(), Severity.UNKNOWN)
    if package is None:
        kind = Kind.SECRET if type_ == "secrets" else Kind.MISCONFIGURATION
        return Observation(
            finding=Finding(
                kind=kind,
                rule=row.check_id,
                title=row.check_name or row.check_id,
                severity=severity,
                severity_raw=word,
                aliases=(row.bc_check_id,) if row.bc_check_id and row.bc_check_id != row.check_id else (),
                location=location,
                scanners=("checkov",),
            ),
            # The resource of a secret is a hash of it.
            context=row.resource,
        )
    given = package.fixed_versions or package.lowest_fixed_version or ()
    fixed = tuple(given.split(", ")) if isinstance(given, str) else tuple(given)
    rating = cvss_scores.rating(vector=package.vector, score=package.cvss)
    return Observation(
        finding=Finding(
            kind=Kind.VULNERABILITY,
            rule=package.id,
            title=f"{package.id} in {package.package_name}",
            severity=severity,
            severity_raw=word,
            cvss=(rating,) if rating else (),
            purl=purl(package.package_type, package.package_name, package.package_version),
            version=package.package_version or None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed),
            location=location,
            scanners=("checkov",),
        ),
        context=package.package_name or row.resource,
    )
