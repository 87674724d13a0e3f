"""Rusty Hog's arrays: secrets in git (Choctaw), files (Duroc), Confluence (Essex) and Jira (Gottingen).

One finding for each string; it goes into `model.Secret` and nowhere else. `diff`, commit messages and
addresses' queries are not read. `[]` is a clean report, recognised only where it is declared; the format
has no signal of failure and no severities: every secret is high. Source: newrelic/rusty-hog.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity
from scanners.words import address, positive, without

_EXPECTED: Final = "a Rusty Hog report"


class _Found(msgspec.Struct):
    strings: list[str] = msgspec.field(name="stringsFound")
    reason: str
    path: str = ""
    url: str = ""
    new_line: int | None = msgspec.field(name="new_line_num", default=None)
    line: int | None = msgspec.field(name="linenum", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a Rusty Hog report, or None (always for an empty one)."""
    keys = document.first.keys()
    if {"stringsFound", "reason"} <= keys:
        for hog, own in (
            ("Choctaw", "new_line_num"),
            ("Duroc", "linenum"),
            ("Essex", "page_id"),
            ("Gottingen", "issue_id"),
        ):
            if own in keys:
                return f"an array of records with stringsFound, reason and {own} ({hog} Hog)"
    return None


def parse(document: Document) -> Scan:
    """Every string of every record; raises `ReportError` where no record has stringsFound and reason."""
    rows = document.records(_Found, _EXPECTED)
    return Scan(
        format="rusty-hog",
        scanner="rusty-hog",
        kinds=(Evidence.SECRETS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
    )


def _observations(row: _Found) -> Iterator[Observation]:
    for text in row.strings or [""]:
        yield Observation(
            finding=Finding(
                kind=Kind.SECRET,
                rule=row.reason,
                title=without(text, f"secret: {row.reason}"),
                severity=Severity.HIGH,
                location=Location(
                    file=row.path or None,
                    line=positive(row.new_line or row.line),
                    url=address(row.url) if row.url else None,
                ),
                scanners=("rusty-hog",),
            ),
            secret=Secret(text) if text else None,
        )
