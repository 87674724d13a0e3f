"""kubeconform's JSON (`-output json`): manifests against the schemas of Kubernetes.

`statusInvalid` is a finding, severity high: the cluster would refuse the object. `statusError` (no schema, not
readable) and `statusSkipped` were not judged: partial. Without `-verbose` only what is not valid is listed, and
`-summary` counts the rest; a report of neither proves nothing.
Source: yannh/kubeconform, `pkg/output/json.go`; the words without `status` are those of versions before 0.5.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a kubeconform report"
_VALID: Final = "VALID"
_INVALID: Final = "INVALID"


class _Resource(msgspec.Struct):
    status: str
    filename: str = ""
    kind: str = ""
    name: str = ""
    msg: str = ""


class _Summary(msgspec.Struct):
    valid: int
    invalid: int
    errors: int
    skipped: int


class _Report(msgspec.Struct):
    resources: list[msgspec.Raw] | None
    summary: _Summary | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a kubeconform report, or None."""
    first = document.at("resources", 0)
    if isinstance(first, dict) and {"filename", "kind", "status", "msg"} <= first.keys():
        return "resources with filename, kind, status and msg"
    if (
        "resources" in document.keys
        and {"valid", "invalid", "skipped"} <= (document.at("summary") or {}).keys()
    ):
        return "resources, and summary with valid, invalid and skipped"
    return None


def parse(document: Document) -> Scan:
    """Every invalid resource; raises `ReportError` where resources are absent or none is understood."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.resources, _Resource, "$.resources", _EXPECTED)
    status, notes = _outcome(report, rows.good)
    return Scan(
        format="kubeconform",
        scanner="kubeconform",
        status=status,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(_observation(row) for row in rows.good if _word(row) == _INVALID),
        rejected=rows.rejected,
        notes=notes,
    )


def _word(row: _Resource) -> str:
    return row.status.upper().removeprefix("STATUS")


def _outcome(report: _Report, rows: tuple[_Resource, ...]) -> tuple[Status, tuple[str, ...]]:
    unjudged = [row for row in rows if _word(row) not in (_VALID, _INVALID)]
    counted = report.summary
    if unjudged:
        first = unjudged[0]
        return Status.PARTIAL, (
            f"{len(unjudged)} resources were not judged, the first: {quoted(first.filename)} ({quoted(first.msg)})",
        )
    if counted is not None and (counted.errors or counted.skipped):
        return Status.PARTIAL, (f"{counted.errors + counted.skipped} resources were not judged",)
    if counted is not None and counted.invalid > len(rows):
        return Status.PARTIAL, (
            f"the summary counts {counted.invalid} invalid resources, {len(rows)} are listed",
        )
    if not rows and (counted is None or counted.valid <= 0):
        return Status.EMPTY_TARGET, ("no resource is listed or counted",)
    return Status.OK, ()


def _observation(row: _Resource) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule="invalid",
            title=row.msg or "invalid",
            severity=Severity.HIGH,
            severity_raw=row.status,
            location=Location(
                file=row.filename if row.filename != "stdin" else None,
                resource="/".join(part for part in (row.kind, row.name) if part) or None,
            ),
            scanners=("kubeconform",),
        ),
        context=row.msg,
    )
