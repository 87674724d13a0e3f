"""Nosey Parker's JSON (`noseyparker report -f json` and `jsonl`): secrets in files and in git's history.

One finding for each match. What was matched goes into `model.Secret` and nowhere else; snippets are not
read. A clean run writes an empty file or `[]`; lines have no end of their own.
Source: praetorian-inc/noseyparker, its report schema; reports of 0.13 to 0.22.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity
from scanners.words import positive, without

_EXPECTED: Final = "a Nosey Parker report"


class _Commit(msgspec.Struct):
    path: str = msgspec.field(name="blob_path", default="")


class _Source(msgspec.Struct):
    path: str = ""
    first_commit: _Commit | None = None
    commit_provenance: _Commit | None = None


class _Start(msgspec.Struct):
    line: int | None = None
    column: int | None = None


class _Span(msgspec.Struct):
    start: _Start


class _Place(msgspec.Struct):
    span: _Span | None = msgspec.field(name="source_span", default=None)


class _Match(msgspec.Struct):
    provenance: list[_Source] | _Source
    location: _Place
    groups: list[str] = []
    """Base64 of what was matched."""
    content: str = msgspec.field(name="match_content", default="")


class _Found(msgspec.Struct):
    rule: str = msgspec.field(name="rule_name")
    matches: list[_Match]


def detect(document: Document) -> str | None:
    """Why `document` is a Nosey Parker report, or None (always for an empty array)."""
    if {"rule_name", "matches", "num_matches"} <= document.record.keys():
        return "records with rule_name, matches and num_matches"
    return None


def parse(document: Document) -> Scan:
    """Every match of every finding; raises `ReportError` where no record is understood."""
    rows = document.records(_Found, _EXPECTED)
    return Scan(
        format="noseyparker",
        scanner="noseyparker",
        kinds=(Evidence.SECRETS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
    )


def _observations(row: _Found) -> Iterator[Observation]:
    for match in row.matches:
        sources = match.provenance if isinstance(match.provenance, list) else [match.provenance]
        start = match.location.span.start if match.location.span else _Start()
        plain = match.content or " ".join(match.groups)
        yield Observation(
            finding=Finding(
                kind=Kind.SECRET,
                rule=row.rule,
                title=without(plain, f"secret: {row.rule}"),
                severity=Severity.HIGH,
                location=Location(
                    file=next((path for source in sources if (path := _path(source))), None),
                    line=positive(start.line),
                    column=positive(start.column),
                ),
                scanners=("noseyparker",),
            ),
            secret=Secret(plain) if plain else None,
        )


def _path(source: _Source) -> str:
    commit = source.first_commit or source.commit_provenance
    return commit.path if commit and commit.path else source.path
