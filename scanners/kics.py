"""KICS' JSON: misconfigurations in infrastructure as code.

One finding for each place of each query. Of queries about secrets neither values nor search keys are read:
both may quote one. Files that could not be parsed are a note (a YAML file may be no infrastructure at
all); files and queries that failed make the scan partial. Source: KICS documentation, "Results".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.identifiers import cwes
from scanners.words import COMMON, positive, severity

_EXPECTED: Final = "a KICS report"
_SEVERITIES: Final = {**COMMON, "trace": Severity.INFO}
_SECRETS: Final = "Secret Management"


class _Place(msgspec.Struct):
    file: str = msgspec.field(name="file_name")
    line: int | None = None
    similarity: str = msgspec.field(name="similarity_id", default="")
    resource_type: str = ""
    resource_name: str = ""
    key: str = msgspec.field(name="search_key", default="")


class _Query(msgspec.Struct):
    name: str = msgspec.field(name="query_name")
    id: str = msgspec.field(name="query_id")
    severity: str
    files: list[_Place]
    category: str = ""
    cwe: str = ""


class _Report(msgspec.Struct):
    queries: list[msgspec.Raw]
    scanned: int = msgspec.field(name="files_scanned")
    total: int = msgspec.field(name="queries_total")
    parsed: int | None = msgspec.field(name="files_parsed", default=None)
    broken_files: int = msgspec.field(name="files_failed_to_scan", default=0)
    broken_queries: int = msgspec.field(name="queries_failed_to_execute", default=0)
    version: str = msgspec.field(name="kics_version", default="")
    end: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a KICS report, or None."""
    if isinstance(document.at("queries"), list) and "queries_total" in document.keys:
        return "queries and queries_total"
    return None


def parse(document: Document) -> Scan:
    """Every place of every query; raises `ReportError` where queries or the counts are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.queries, _Query, "$.queries", _EXPECTED)
    status, notes = _outcome(report)
    return Scan(
        format="kics",
        scanner="kics",
        scanner_version=report.version.removeprefix("v") or None,
        status=status,
        created=times.normalized(report.end),
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _outcome(report: _Report) -> tuple[Status, list[str]]:
    parsed = report.scanned if report.parsed is None else report.parsed
    notes = []
    if parsed < report.scanned:
        notes.append(f"{report.scanned - parsed} of {report.scanned} files could not be parsed")
    if report.total <= 0:
        return Status.FAILED, [*notes, "no query was loaded"]
    if report.broken_files or report.broken_queries:
        notes.append(f"{report.broken_files} files and {report.broken_queries} queries failed")
        return Status.PARTIAL, notes
    if parsed <= 0 and not report.queries:
        return Status.EMPTY_TARGET, [*notes, "no file was looked at"]
    return Status.OK, notes


def _observations(query: _Query) -> Iterator[Observation]:
    for place in query.files:
        named = ".".join(part for part in (place.resource_type, place.resource_name) if part)
        key = "" if query.category == _SECRETS else place.key
        yield Observation(
            finding=Finding(
                kind=Kind.MISCONFIGURATION,
                rule=query.id,
                title=query.name or query.id,
                severity=severity(query.severity, _SEVERITIES),
                severity_raw=query.severity,
                cwes=cwes([f"CWE-{query.cwe}"]),
                location=Location(file=place.file, line=positive(place.line), resource=key or named or None),
                scanners=("kics",),
            ),
            context=place.similarity,
        )
