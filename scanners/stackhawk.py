"""StackHawk's JSON (the webhook "scan completed"): what HawkScan found in a running application.

One finding for each path. A scan that is not COMPLETED failed; no address crawled is an empty target; fewer
paths than a finding counts make it partial. Triage (FALSE_POSITIVE, RISK_ACCEPTED) counts, with a note.
Source: StackHawk documentation, "Generic Webhook".
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Finding, Kind, Location, Observation, Scan, Status
from scanners.words import address, severity

_EXPECTED: Final = "a StackHawk report"


class _Path(msgspec.Struct):
    path: str
    method: str = ""
    status: str = ""


class _Flaw(msgspec.Struct):
    id: str = msgspec.field(name="pluginId")
    severity: str
    paths: list[_Path]
    name: str = msgspec.field(name="pluginName", default="")
    host: str = ""
    total: str = msgspec.field(name="totalCount", default="")


class _Run(msgspec.Struct):
    status: str
    version: str = msgspec.field(name="hawkscanVersion", default="")
    started: str | None = msgspec.field(name="startedTimestamp", default=None)


class _Counts(msgspec.Struct):
    urls: str = msgspec.field(name="urlsCount", default="")


class _Completed(msgspec.Struct):
    scan: _Run
    findings: list[msgspec.Raw]
    counts: _Counts = msgspec.field(name="completedScanStats", default_factory=_Counts)


class _Report(msgspec.Struct):
    completed: _Completed = msgspec.field(name="scanCompleted")


def detect(document: Document) -> str | None:
    """Why `document` is a StackHawk report, or None."""
    if document.at("scanCompleted", "scan") is not None and "service" in document.keys:
        return "service and scanCompleted.scan"
    return None


def parse(document: Document) -> Scan:
    """Every path of every finding; raises `ReportError` where scanCompleted, scan or findings are absent."""
    report = document.decoded(_Report, _EXPECTED).completed
    rows = document.each(report.findings, _Flaw, "$.scanCompleted.findings", _EXPECTED)
    short = [row.id for row in rows.good if row.total.isdecimal() and len(row.paths) < int(row.total)]
    settled = sum(1 for row in rows.good for path in row.paths if path.status not in ("", "NEW", "UNKNOWN"))
    status, notes = Status.OK, [f"{settled} are triaged; they count"] if settled else []
    if report.scan.status != "COMPLETED":
        status = Status.FAILED
        notes.append(f"scan.status is {quoted(report.scan.status)}")
    elif short:
        status = Status.PARTIAL
        notes.append(f"of {len(short)} findings not every path is listed, the first: {quoted(short[0])}")
    elif report.counts.urls == "0" and not report.findings:
        status = Status.EMPTY_TARGET
        notes.append("no address was crawled")
    return Scan(
        format="stackhawk",
        scanner="stackhawk",
        scanner_version=report.scan.version or None,
        status=status,
        created=times.normalized(report.scan.started),
        kinds=(),
        observations=tuple(_observation(row, path) for row in rows.good for path in row.paths),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observation(row: _Flaw, path: _Path) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=row.id,
            title=row.name or row.id,
            severity=severity(row.severity),
            severity_raw=row.severity,
            location=Location(url=address(row.host + path.path)),
            scanners=("stackhawk",),
        ),
        context=path.method,
    )
