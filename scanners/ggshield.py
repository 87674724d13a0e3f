"""ggshield's JSON (`ggshield secret scan … --json`): GitGuardian's secrets in commits, paths and images.

Matches are masked and stay out; a secret's identity is ggshield's own hash of it (`ignore_sha`), hashed
again. A secret that is valid is alive and critical, any other is high. Fewer occurrences than the report
counts make it partial. Authors and e-mails are not read. Source: GitGuardian/ggshield, `output/json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Evidence,
    Finding,
    Kind,
    Location,
    Observation,
    Scan,
    Secret,
    Severity,
    Status,
)
from scanners.words import positive

_EXPECTED: Final = "a ggshield report"


class _Occurrence(msgspec.Struct):
    line: int | None = msgspec.field(name="line_start", default=None)


class _Incident(msgspec.Struct):
    type: str
    occurrences: list[_Occurrence]
    sha: str = msgspec.field(name="ignore_sha", default="")
    validity: str = ""
    policy: str = ""


class _Entity(msgspec.Struct):
    filename: str
    incidents: list[msgspec.Raw]


class _Part(msgspec.Struct):
    """One scan; scans of commits and images hold others."""

    entities: list[_Entity] = msgspec.field(name="entities_with_incidents", default_factory=list)
    scans: list[_Part] = []
    total: int | None = msgspec.field(name="total_occurrences", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a ggshield report, or None."""
    keys = document.keys
    if "total_incidents" in keys and keys & {"scans", "entities_with_incidents", "total_occurrences"}:
        return "total_incidents and scans or total_occurrences"
    return None


def parse(document: Document) -> Scan:
    """Every occurrence of every incident; raises `ReportError` where the shape is another."""
    report = document.decoded(_Part, _EXPECTED)
    pairs = [(entity.filename, raw) for entity in _entities(report) for raw in entity.incidents]

    def made(part: tuple[str, msgspec.Raw]) -> tuple[Observation, ...]:
        incident = json_documents.decoded(bytes(part[1]), _Incident, document.path, _EXPECTED)
        return tuple(_observations(part[0], incident))

    rows = records.understood(((pair, f"an incident in {quoted(pair[0])}") for pair in pairs), made)
    seen = [one for row in rows.good for one in row]
    is_short = report.total is None or len(seen) < report.total
    return Scan(
        format="ggshield",
        scanner="ggshield",
        status=Status.PARTIAL if is_short else Status.OK,
        kinds=(Evidence.SECRETS,),
        observations=tuple(seen),
        rejected=rows.rejected,
        notes=(f"the report counts {report.total} occurrences and lists {len(seen)}",) if is_short else (),
    )


def _entities(part: _Part) -> Iterator[_Entity]:
    yield from part.entities
    for inner in part.scans:
        yield from _entities(inner)


def _observations(file: str, incident: _Incident) -> Iterator[Observation]:
    is_live = incident.validity == "valid"
    for place in incident.occurrences:
        yield Observation(
            finding=Finding(
                kind=Kind.SECRET,
                rule=incident.type,
                title=f"{'live ' if is_live else ''}secret: {incident.type}",
                severity=Severity.CRITICAL if is_live else Severity.HIGH,
                severity_raw=incident.validity or None,
                location=Location(file=file, line=positive(place.line)),
                scanners=("ggshield",),
                confidence="high" if is_live else None,
            ),
            secret=Secret(incident.sha) if incident.sha else None,
        )
