"""Whispers' JSON: secrets in configuration files.

The value goes into `model.Secret` and nowhere else. `[]` is a clean report, recognised only where it is
declared; the format has no signal of failure. Source: adeptex/whispers, real reports of 2.1 and 2.2.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity
from scanners.words import COMMON, positive, severity, without

_EXPECTED: Final = "a Whispers report"
_SEVERITIES: Final = {
    **COMMON,
    "blocker": Severity.CRITICAL,
    "major": Severity.HIGH,
    "minor": Severity.MEDIUM,
}


class _Found(msgspec.Struct):
    key: str
    value: str
    file: str
    rule: str = msgspec.field(name="rule_id")
    line: int | None = None
    message: str = ""
    severity: str = ""


def detect(document: Document) -> str | None:
    """Why `document` is a Whispers report, or None (always for an empty one)."""
    if {"key", "value", "file", "rule_id", "message"} <= document.first.keys():
        return "an array of records with key, value, file and rule_id"
    return None


def parse(document: Document) -> Scan:
    """Every secret; raises `ReportError` where no record has key, value, file and rule_id."""
    rows = document.records(_Found, _EXPECTED)
    return Scan(
        format="whispers",
        scanner="whispers",
        kinds=(Evidence.SECRETS,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
    )


def _observation(row: _Found) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=row.rule,
            title=without(row.value, row.message or row.rule, f"secret found by rule {row.rule}"),
            severity=severity(row.severity, _SEVERITIES),
            severity_raw=row.severity or None,
            location=Location(file=row.file, line=positive(row.line)),
            scanners=("whispers",),
        ),
        secret=Secret(row.value) if row.value else None,
    )
