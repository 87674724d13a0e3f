"""Polaris' JSON (`polaris audit -f json`): flaws in Kubernetes manifests and clusters.

`Success: false` is a finding; severity danger is high, warning medium, ignore none. No object looked at is an
empty target. Details are not read. Source: FairwindsOps/polaris, `pkg/validator/output.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import severity

_EXPECTED: Final = "a Polaris report"
_SEVERITIES: Final = {"danger": Severity.HIGH, "error": Severity.HIGH, "warning": Severity.MEDIUM}
_IGNORED: Final = "ignore"


class _Pascal(msgspec.Struct, rename="pascal"):
    """A struct of Polaris'."""


class _Check(_Pascal):
    success: bool
    severity: str
    id: str = msgspec.field(name="ID", default="")
    message: str = ""


class _Container(_Pascal):
    name: str
    results: dict[str, _Check] | None = None


class _Pod(_Pascal):
    results: dict[str, _Check] | None = None
    container_results: list[_Container] | None = None


class _Object(_Pascal):
    name: str
    kind: str
    namespace: str = ""
    results: dict[str, _Check] | None = None
    pod_result: _Pod | None = None


class _Report(_Pascal):
    results: list[msgspec.Raw] | None
    polaris_output_version: str
    audit_time: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Polaris report, or None."""
    if {"PolarisOutputVersion", "Results"} <= document.keys:
        return "PolarisOutputVersion and Results"
    return None


def parse(document: Document) -> Scan:
    """Every check that did not succeed; raises `ReportError` where no object is understood."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.results, _Object, "$.Results", _EXPECTED)
    is_empty = not report.results
    return Scan(
        format="polaris",
        scanner="polaris",
        status=Status.EMPTY_TARGET if is_empty else Status.OK,
        created=times.normalized(report.audit_time),
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=("no object was looked at",) if is_empty else (),
    )


def _observations(row: _Object) -> Iterator[Observation]:
    for container, name, check in _checks(row):
        if check.success or check.severity == _IGNORED:
            continue
        parts = (row.kind, row.namespace, row.name, container)
        yield Observation(
            finding=Finding(
                kind=Kind.MISCONFIGURATION,
                rule=check.id or name,
                title=check.message or name,
                severity=severity(check.severity, _SEVERITIES),
                severity_raw=check.severity,
                location=Location(resource="/".join(part for part in parts if part)),
                scanners=("polaris",),
            )
        )


def _checks(row: _Object) -> Iterator[tuple[str, str, _Check]]:
    """Container, name and result of each check of the object, its Pod and its containers."""
    pod = row.pod_result or _Pod()
    for results in (row.results, pod.results):
        yield from (("", name, check) for name, check in (results or {}).items())
    for container in pod.container_results or ():
        yield from ((container.name, name, check) for name, check in (container.results or {}).items())
