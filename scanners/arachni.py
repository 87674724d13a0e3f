"""Arachni's JSON: what it found in a running web application.

Pages, requests, proofs and the values that were tried are not read. A scan without an end is partial; one
whose site map is empty reached nothing. "Untrusted" issues need a person: their confidence is low.
Source: Arachni 1.5, reporter "json".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Status
from scanners.words import address, severity

_EXPECTED: Final = "an Arachni report"


class _Check(msgspec.Struct):
    shortname: str = ""


class _Vector(msgspec.Struct):
    action: str = ""
    url: str = ""
    method: str = ""
    name: str = msgspec.field(name="affected_input_name", default="")


class _Issue(msgspec.Struct):
    name: str
    severity: str
    vector: _Vector
    check: _Check = msgspec.field(default_factory=_Check)
    cwe: int | str | None = None
    trusted: bool = True


class _Report(msgspec.Struct):
    version: str
    issues: list[msgspec.Raw]
    sitemap: dict[str, Any]
    end: str | None = msgspec.field(name="finish_datetime", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is an Arachni report, or None."""
    return "issues, sitemap and seed" if {"issues", "sitemap", "seed", "options"} <= document.keys else None


def parse(document: Document) -> Scan:
    """Every issue; raises `ReportError` where issues or the site map are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.issues, _Issue, "$.issues", _EXPECTED)
    status, notes = Status.OK, []
    if not report.end:
        status, notes = Status.PARTIAL, ["the scan has no end"]
    elif not report.sitemap and not report.issues:
        status, notes = Status.EMPTY_TARGET, ["no page was reached"]
    return Scan(
        format="arachni",
        scanner="arachni",
        scanner_version=report.version,
        status=status,
        kinds=(),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observation(row: _Issue) -> Observation:
    cwe = str(row.cwe or "")
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=row.check.shortname or row.name,
            title=row.name or row.check.shortname,
            severity=severity(row.severity),
            severity_raw=row.severity,
            cwes=(f"CWE-{int(cwe)}",) if cwe.isascii() and cwe.isdecimal() and int(cwe) else (),
            location=Location(url=address(row.vector.action or row.vector.url)),
            scanners=("arachni",),
            confidence=None if row.trusted else "low",
        ),
        context=f"{row.vector.method} {row.vector.name}",
    )
