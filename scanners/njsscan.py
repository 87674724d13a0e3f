"""njsscan's JSON: flaws in Node.js code and its templates.

One finding for each place. Words of rules about secrets stay out: the matched text is hashed, never kept.
njsscan does not say how many files it looked at. Source: ajinabraham/njsscan, its JSON output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Status
from scanners.identifiers import cwes
from scanners.words import LEVELS, positive, severity

_EXPECTED: Final = "an njsscan report"
_CWE: Final = re.compile(r"CWE-\d+")


class _Place(msgspec.Struct):
    path: str = msgspec.field(name="file_path")
    lines: list[int] = msgspec.field(name="match_lines", default_factory=list)
    text: str = msgspec.field(name="match_string", default="")


class _About(msgspec.Struct):
    severity: str
    description: str = ""
    cwe: str = ""


class _Rule(msgspec.Struct):
    metadata: _About
    files: list[_Place] | None = None
    """Absent where something is missing from the whole, such as rate limits."""


class _Report(msgspec.Struct):
    version: str = msgspec.field(name="njsscan_version")
    errors: list[msgspec.Raw]
    nodejs: dict[str, msgspec.Raw]
    templates: dict[str, msgspec.Raw]


def detect(document: Document) -> str | None:
    """Why `document` is an njsscan report, or None."""
    return "njsscan_version" if "njsscan_version" in document.keys and "nodejs" in document.keys else None


def parse(document: Document) -> Scan:
    """Every place of every rule; errors make the scan partial.

    Raises `ReportError` where errors, nodejs or templates are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    found = [*report.nodejs.items(), *report.templates.items()]

    def made(part: tuple[str, msgspec.Raw]) -> tuple[Observation, ...]:
        rule = json_documents.decoded(bytes(part[1]), _Rule, document.path, _EXPECTED)
        return tuple(_observations(part[0], rule))

    rows = records.understood((((name, raw), f"rule {quoted(name)}") for name, raw in found), made)
    first = f", the first: {quoted(bytes(report.errors[0]).decode())}" if report.errors else ""
    return Scan(
        format="njsscan",
        scanner="njsscan",
        scanner_version=report.version,
        status=Status.PARTIAL if report.errors else Status.OK,
        kinds=(Evidence.CODE,),
        observations=tuple(seen for row in rows.good for seen in row),
        rejected=rows.rejected,
        notes=(f"{len(report.errors)} errors during the scan{first}",) if report.errors else (),
    )


def _observations(name: str, row: _Rule) -> Iterator[Observation]:
    for place in row.files or [_Place("")]:
        yield Observation(
            finding=Finding(
                kind=Kind.CODE,
                rule=name,
                title=row.metadata.description or name,
                severity=severity(row.metadata.severity, LEVELS),
                severity_raw=row.metadata.severity,
                cwes=cwes(_CWE.findall(row.metadata.cwe)),
                location=Location(
                    file=place.path or None, line=positive(place.lines[0]) if place.lines else None
                ),
                scanners=("njsscan",),
            ),
            context=place.text,
        )
