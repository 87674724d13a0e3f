"""kubeaudit's lines (`-p json`): flaws in a cluster or in manifests.

Level `error` is high, `warning` medium, `info` low. Lines have no end of their own, and a clean run writes an
empty file, which is refused. Source: Shopify/kubeaudit, its logrus output.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan
from scanners.words import LEVELS, severity

_EXPECTED: Final = "a kubeaudit report"


class _Line(msgspec.Struct):
    rule: str = msgspec.field(name="AuditResultName")
    level: str
    message: str = msgspec.field(name="msg", default="")
    kind: str = msgspec.field(name="ResourceKind", default="")
    name: str = msgspec.field(name="ResourceName", default="")
    namespace: str = msgspec.field(name="ResourceNamespace", default="")
    container: str = msgspec.field(name="Container", default="")
    time: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a kubeaudit report, or None."""
    if {"AuditResultName", "level", "msg"} <= document.record.keys():
        return "records with AuditResultName, level and msg"
    return None


def parse(document: Document) -> Scan:
    """Every line; raises `ReportError` where no line has AuditResultName and level."""
    rows = document.records(_Line, _EXPECTED)
    return Scan(
        format="kubeaudit",
        scanner="kubeaudit",
        created=times.normalized(rows.good[0].time) if rows.good else None,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
    )


def _observation(row: _Line) -> Observation:
    resource = "/".join(part for part in (row.kind, row.namespace, row.name, row.container) if part)
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.rule,
            title=row.message or row.rule,
            severity=severity(row.level, LEVELS),
            severity_raw=row.level,
            location=Location(resource=resource or None),
            scanners=("kubeaudit",),
        ),
        context=row.message,
    )
