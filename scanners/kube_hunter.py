"""kube-hunter's JSON (`--report json`): weaknesses that it could reach in a running cluster.

`evidence` may be a token and is not read. A report without any node found no cluster.
Source: aquasecurity/kube-hunter, `modules/report`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Status
from scanners.words import severity

_EXPECTED: Final = "a kube-hunter report"


class _Flaw(msgspec.Struct):
    name: str = msgspec.field(name="vulnerability")
    severity: str
    vid: str | None = None
    location: str = ""
    category: str = ""


class _Report(msgspec.Struct):
    vulnerabilities: list[msgspec.Raw]
    nodes: list[msgspec.Raw]
    services: list[msgspec.Raw]


def detect(document: Document) -> str | None:
    """Why `document` is a kube-hunter report, or None."""
    if {"nodes", "services", "vulnerabilities"} <= document.keys:
        return "nodes, services and vulnerabilities"
    return None


def parse(document: Document) -> Scan:
    """Every vulnerability; raises `ReportError` where nodes, services or vulnerabilities are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.vulnerabilities, _Flaw, "$.vulnerabilities", _EXPECTED)
    is_empty = not report.nodes and not report.vulnerabilities
    return Scan(
        format="kube-hunter",
        scanner="kube-hunter",
        status=Status.EMPTY_TARGET if is_empty else Status.OK,
        kinds=(),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=("no node was found",) if is_empty else (),
    )


def _observation(row: _Flaw) -> Observation:
    # kube-hunter writes its own None as a word.
    rule = row.vid if row.vid and row.vid != "None" else row.name
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=rule,
            title=row.name or rule,
            severity=severity(row.severity),
            severity_raw=row.severity,
            location=Location(resource=row.location or None),
            scanners=("kube-hunter",),
        )
    )
