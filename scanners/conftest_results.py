"""Conftest's own JSON (`-o json`): what its policies said of configuration files.

A failure is high and a warning medium, as `deny` and `warn` are meant; the format has no severities. Where
nothing succeeded, failed or warned, no rule ran. Exceptions and skipped rules are a note. Files are not
judged again: gate runs Conftest's policies itself (docs/conftest.md).

Source: open-policy-agent/conftest, `output/json.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a Conftest report"
_RULE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,80}")


class _Said(msgspec.Struct):
    message: str = msgspec.field(name="msg")
    metadata: dict[str, Any] | None = None


class _Result(msgspec.Struct):
    filename: str
    namespace: str
    successes: int
    failures: list[_Said] | None = None
    warnings: list[_Said] | None = None
    exceptions: list[_Said] | None = None
    skipped: list[_Said] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Conftest report, or None (always for an empty one)."""
    if {"filename", "namespace", "successes"} <= document.first.keys():
        return "an array of results with filename, namespace and successes"
    return None


def parse(document: Document) -> Scan:
    """Every failure and warning; raises `ReportError` where no result is understood."""
    rows = document.records(_Result, _EXPECTED)
    told = sum(len(row.exceptions or ()) + len(row.skipped or ()) for row in rows.good)
    ran = any(row.successes or row.failures or row.warnings or row.exceptions for row in rows.good)
    notes = [f"{told} results are exceptions or skipped"] if told else []
    status = Status.OK
    if not rows.good:
        status = Status.EMPTY_TARGET
        notes.append("no file was looked at")
    elif not ran:
        status = Status.FAILED
        notes.append("no rule was evaluated")
    return Scan(
        format="conftest",
        scanner="conftest",
        status=status,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(row: _Result) -> Iterator[Observation]:
    for said, word, severity in (
        (row.failures, "failure", Severity.HIGH),
        (row.warnings, "warning", Severity.MEDIUM),
    ):
        for one in said or ():
            yield Observation(
                finding=Finding(
                    kind=Kind.MISCONFIGURATION,
                    rule=_rule(row, one, word),
                    title=one.message or word,
                    severity=severity,
                    severity_raw=word,
                    location=Location(file=row.filename),
                    scanners=("conftest",),
                ),
                context=one.message,
            )


def _rule(row: _Result, said: _Said, word: str) -> str:
    """The id or code that a rule gives, else the query that found it."""
    metadata = said.metadata or {}
    names = (metadata.get(key) for key in ("id", "code", "query"))
    named = (name for name in names if isinstance(name, str) and _RULE.fullmatch(name))
    return next(named, f"{row.namespace}.{word}")
