"""detect-secrets' baseline, which is its report: `detect-secrets scan`.

Only a SHA-1 of each secret is in it, and a weak secret can be guessed from that: it is hashed again with
a key. What somebody audited as no secret (`is_secret: false`) counts, with a note. The format has no
signal of failure. Source: Yelp/detect-secrets, `core/baseline.py`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity, Status
from scanners.words import positive

_EXPECTED: Final = "a detect-secrets report"


class _Found(msgspec.Struct):
    type: str
    digest: str = msgspec.field(name="hashed_secret")
    filename: str = ""
    line: int | None = msgspec.field(name="line_number", default=None)
    is_verified: bool = False
    is_secret: bool | None = None


class _Report(msgspec.Struct):
    results: dict[str, list[msgspec.Raw]]
    plugins: list[msgspec.Raw] = msgspec.field(name="plugins_used")
    version: str = ""
    created: str | None = msgspec.field(name="generated_at", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a detect-secrets report, or None."""
    if isinstance(document.at("results"), dict) and "plugins_used" in document.keys:
        return "results by file, and plugins_used"
    return None


def parse(document: Document) -> Scan:
    """Every secret of every file; raises `ReportError` where results or plugins_used are absent."""
    report = document.decoded(_Report, _EXPECTED)
    pairs = [(file, raw) for file, raws in report.results.items() for raw in raws]
    rows = document.each([raw for _, raw in pairs], _Found, "$.results", _EXPECTED)
    audited = sum(1 for row in rows.good if row.is_secret is False)
    notes = [f"{audited} are audited as no secret; they count"] if audited else []
    if not report.plugins:
        notes.append("no detector was used")
    return Scan(
        format="detect-secrets",
        scanner="detect-secrets",
        scanner_version=report.version or None,
        status=Status.OK if report.plugins else Status.FAILED,
        created=times.normalized(report.created),
        kinds=(Evidence.SECRETS,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observation(row: _Found) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=row.type,
            title=f"{'live ' if row.is_verified else ''}secret: {row.type}",
            severity=Severity.CRITICAL if row.is_verified else Severity.HIGH,
            location=Location(file=row.filename or None, line=positive(row.line)),
            scanners=("detect-secrets",),
            confidence="high" if row.is_verified else None,
        ),
        secret=Secret(row.digest),
    )
