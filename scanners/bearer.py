"""Bearer CLI's JSON (`-f json`): flaws in code, grouped by severity.

A clean report is `{}`, recognised only where somebody declares it. Bearer names no failure and no number
of files. Snippets are hashed, never kept. Source: Bearer CLI documentation, "Reports".
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity
from scanners.identifiers import cwes
from scanners.words import positive

_EXPECTED: Final = "a Bearer report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "warning": Severity.INFO,
}
"""`warning` is below low, and does not fail a scan of Bearer's."""


class _Flaw(msgspec.Struct):
    id: str
    title: str
    filename: str
    line: int | None = msgspec.field(name="line_number", default=None)
    cwe_ids: list[str] | None = None
    fingerprint: str = ""


def detect(document: Document) -> str | None:
    """Why `document` is a Bearer report, or None (always for a clean one)."""
    for word in _SEVERITIES:
        first = document.at(word, 0)
        if isinstance(first, dict) and {"id", "title", "filename", "fingerprint", "cwe_ids"} <= first.keys():
            return f"{word} with id, filename, cwe_ids and fingerprint"
    return None


def parse(document: Document) -> Scan:
    """Every finding of every severity; raises `ReportError` for other keys than severities."""
    report = document.decoded(dict[str, list[msgspec.Raw]], _EXPECTED)
    parts = [
        ((word, raw), f"$.{word}[{number}]")
        for word, raws in report.items()
        for number, raw in enumerate(raws)
    ]

    def made(part: tuple[str, msgspec.Raw]) -> Observation:
        flaw = json_documents.decoded(bytes(part[1]), _Flaw, document.path, _EXPECTED)
        return _observation(part[0], flaw)

    rows = records.understood(parts, made)
    return Scan(
        format="bearer",
        scanner="bearer",
        kinds=(Evidence.CODE,),
        observations=rows.good,
        rejected=rows.rejected,
    )


def _observation(word: str, flaw: _Flaw) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=flaw.id,
            title=flaw.title or flaw.id,
            severity=_SEVERITIES.get(word.lower(), Severity.UNKNOWN),
            severity_raw=word,
            cwes=cwes(f"CWE-{number}" for number in flaw.cwe_ids or ()),
            location=Location(file=flaw.filename, line=positive(flaw.line)),
            scanners=("bearer",),
        ),
        # Bearer makes it of rule, file and code; a number behind `_` counts through.
        context=flaw.fingerprint,
    )
