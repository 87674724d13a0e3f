"""ESLint's JSON (`-f json`): flaws in JavaScript and TypeScript.

ESLint's levels are what a project made of them: `error` is high, `warn` medium, as in SARIF. Messages of
plugins for security are code, all others quality. A file that ESLint could not parse has a fatal message.
Every file looked at is listed, so `[]` looked at nothing. `source` and fixes are not kept.

Source: ESLint documentation, "Formatters Reference", json.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import positive

_EXPECTED: Final = "an ESLint report"
_SEVERITIES: Final = {2: Severity.HIGH, 1: Severity.MEDIUM}
_SECURITY: Final = (
    "security/",
    "security-node/",
    "no-secrets/",
    "no-unsanitized/",
    "xss/",
    "sonarjs/",
    "@microsoft/sdl/",
)
"""Plugins whose rules are about security."""


class _Message(msgspec.Struct):
    message: str
    severity: int
    rule: str | None = msgspec.field(name="ruleId", default=None)
    line: int | None = None
    column: int | None = None
    fatal: bool = False


class _File(msgspec.Struct):
    path: str = msgspec.field(name="filePath")
    messages: list[_Message]
    suppressed: list[msgspec.Raw] = msgspec.field(name="suppressedMessages", default_factory=list)


def detect(document: Document) -> str | None:
    """Why `document` is an ESLint report, or None (always for an empty one)."""
    if {"filePath", "messages", "errorCount", "warningCount"} <= document.first.keys():
        return "an array of files with filePath, messages and errorCount"
    return None


def parse(document: Document) -> Scan:
    """Every message of every file.

    Raises `ReportError` where no file has filePath and messages.
    """
    rows = document.records(_File, _EXPECTED)
    broken = [row.path for row in rows.good if any(message.fatal for message in row.messages)]
    hidden = sum(len(row.suppressed) for row in rows.good)
    notes = [f"{quoted(path)} could not be parsed" for path in broken]
    status = Status.OK if rows.good else Status.EMPTY_TARGET
    if broken:
        status = Status.FAILED if len(broken) == len(rows.good) else Status.PARTIAL
    if not rows.good:
        notes.append("ESLint looked at no file")
    if hidden:
        notes.append(f"{hidden} messages are switched off by comments")
    return Scan(
        format="eslint",
        scanner="eslint",
        status=status,
        kinds=(Evidence.CODE,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(row: _File) -> Iterator[Observation]:
    for message in row.messages:
        rule = message.rule or ("parse-error" if message.fatal else "unnamed")
        yield Observation(
            finding=Finding(
                kind=Kind.CODE if rule.startswith(_SECURITY) else Kind.QUALITY,
                rule=rule,
                title=message.message or rule,
                severity=_SEVERITIES.get(message.severity, Severity.UNKNOWN),
                severity_raw=str(message.severity),
                location=Location(
                    file=row.path, line=positive(message.line), column=positive(message.column)
                ),
                scanners=("eslint",),
            ),
            context=message.message,
        )
