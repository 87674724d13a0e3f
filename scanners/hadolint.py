"""Hadolint's JSON (`--format json`): flaws in Dockerfiles.

There is no standard for its levels; gate takes error as high, warning as medium, info and style as
low and info. An empty array is a clean Dockerfile, recognised only where somebody says that the
file is hadolint's. DL1000 means that the Dockerfile could not be read, so the rest of it was not
looked at. `# hadolint ignore=` leaves no trace.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status

_SEVERITIES: Final = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "info": Severity.LOW,
    "style": Severity.INFO,
}
_UNREADABLE: Final = "DL1000"


class _Record(msgspec.Struct):
    file: str
    line: int
    code: str
    level: str
    message: str
    column: int | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a hadolint report, or None (always for an empty one)."""
    if {"code", "level", "line", "file", "message"} <= document.first.keys():
        return "an array of records with code, level, line and file"
    return None


def parse(document: Document) -> Scan:
    """Every record. A Dockerfile is no Kubernetes manifest, so this is evidence of no required kind.

    Raises `ReportError` where a record lacks file, line, code, level or message.
    """
    records = document.decoded(list[_Record], "a hadolint report")
    unreadable = dict.fromkeys(record.file for record in records if record.code == _UNREADABLE)
    return Scan(
        format="hadolint",
        scanner="hadolint",
        status=Status.PARTIAL if unreadable else Status.OK,
        kinds=(),
        observations=tuple(map(_observation, records)),
        notes=tuple(f"{quoted(file)} could not be read as a Dockerfile (DL1000)" for file in unreadable),
    )


def _observation(record: _Record) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=record.code,
            title=record.message,
            severity=_SEVERITIES.get(record.level.lower(), Severity.UNKNOWN),
            severity_raw=record.level,
            location=Location(
                file=record.file,
                line=record.line if record.line > 0 else None,
                column=record.column if record.column and record.column > 0 else None,
            ),
            scanners=("hadolint",),
        )
    )
