"""Dockle's JSON (`-f json`): checks of an image that failed.

Levels `FATAL`, `WARN` and `INFO` are findings; `SKIP`, `PASS` and `IGNORE` are none, ignored ones are a note.
Alerts may quote the image's settings, so only their number is kept.

Source: goodwithtech/dockle, `pkg/report/json.go`; real reports.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a Dockle report"
_SEVERITIES: Final = {"FATAL": Severity.HIGH, "WARN": Severity.MEDIUM, "INFO": Severity.LOW}
_PASSED: Final = frozenset({"IGNORE", "PASS", "SKIP"})


class _Detail(msgspec.Struct):
    code: str
    level: str
    title: str = ""
    alerts: list[str] | None = None


class _Summary(msgspec.Struct):
    fatal: int
    warn: int
    info: int
    pass_: int = msgspec.field(name="pass")
    skip: int = 0


class _Report(msgspec.Struct):
    summary: _Summary
    details: list[Raw] | None
    image: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Dockle report, or None."""
    summary = document.at("summary")
    if (
        "details" in document.keys
        and isinstance(summary, dict)
        and {"fatal", "warn", "pass"} <= summary.keys()
    ):
        return "details, and summary with fatal, warn and pass"
    return None


def parse(document: Document) -> Scan:
    """Every check that failed; partial where the summary counts more of them than are listed.

    Raises `ReportError` where summary or details are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.details, _Detail, "$.details", _EXPECTED)
    summary = report.summary
    failed = [row for row in rows.good if row.level.upper() not in _PASSED]
    ignored = sum(row.level.upper() == "IGNORE" for row in rows.good)
    counted = summary.fatal + summary.warn + summary.info
    missing = counted - len(failed) - len(rows.rejected)
    is_empty = not (counted or summary.pass_ or summary.skip or report.details)
    notes = [f"{ignored} checks are ignored and no findings"] if ignored else []
    if missing > 0:
        notes.append(f"the summary counts {counted} failed checks, the report lists {len(failed)}")
    if is_empty:
        notes.append("no check was made")
    return Scan(
        format="dockle",
        scanner="dockle",
        status=Status.EMPTY_TARGET if is_empty else Status.PARTIAL if missing > 0 else Status.OK,
        kinds=(),
        observations=tuple(_observation(row, report.image) for row in failed),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observation(row: _Detail, image: str | None) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.code,
            title=f"{row.title or row.code} ({len(row.alerts or ())} alerts)",
            severity=_SEVERITIES.get(row.level.upper(), Severity.UNKNOWN),
            severity_raw=row.level,
            location=Location(image=image),
            scanners=("dockle",),
        ),
        context="dockle",
    )
