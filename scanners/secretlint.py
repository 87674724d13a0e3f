"""Secretlint's JSON (`--format json`): secrets in files.

Every file looked at is listed, so `[]` looked at nothing. `sourceContent` is the whole file in clear: it
is not read but for the range of a message, whose text is hashed. Messages may quote a secret without
`--maskSecrets`, so a title is made of the rule. Source: secretlint/secretlint, its documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity, Status
from scanners.words import positive, severity, without

_EXPECTED: Final = "a Secretlint report"
_SEVERITIES: Final = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "info": Severity.LOW}
_ENDS: Final = 2
"""A range has a start and an end."""


class _Start(msgspec.Struct):
    line: int | None = None
    column: int | None = None


class _Place(msgspec.Struct):
    start: _Start


class _Message(msgspec.Struct):
    rule: str = msgspec.field(name="ruleId")
    severity: str = ""
    id: str = msgspec.field(name="messageId", default="")
    loc: _Place | None = None
    range: list[int] = []


class _File(msgspec.Struct):
    path: str = msgspec.field(name="filePath")
    messages: list[_Message]
    content: str = msgspec.field(name="sourceContent", default="")


def detect(document: Document) -> str | None:
    """Why `document` is a Secretlint report, or None (always for an empty one)."""
    if {"filePath", "messages", "sourceContentType"} <= document.first.keys():
        return "an array of files with filePath, messages and sourceContentType"
    return None


def parse(document: Document) -> Scan:
    """Every message of every file; raises `ReportError` where no file has filePath and messages."""
    rows = document.records(_File, _EXPECTED)
    return Scan(
        format="secretlint",
        scanner="secretlint",
        status=Status.OK if rows.good else Status.EMPTY_TARGET,
        kinds=(Evidence.SECRETS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=() if rows.good else ("Secretlint looked at no file",),
    )


def _observations(row: _File) -> Iterator[Observation]:
    for message in row.messages:
        start = message.loc.start if message.loc else _Start()
        plain = row.content[slice(*message.range)] if len(message.range) == _ENDS else ""
        rule = f"{message.rule}/{message.id}" if message.id else message.rule
        yield Observation(
            finding=Finding(
                kind=Kind.SECRET,
                rule=rule,
                title=without(plain, f"secret: {rule}"),
                severity=severity(message.severity, _SEVERITIES),
                severity_raw=message.severity or None,
                location=Location(file=row.path, line=positive(start.line), column=positive(start.column)),
                scanners=("secretlint",),
            ),
            secret=Secret(plain) if plain else None,
        )
