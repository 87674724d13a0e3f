"""Bandit's JSON (`-f json`): flaws in Python code.

`#nosec` leaves only numbers behind, which become a note. Rules B105 to B107 quote the password
they found; it is cut out of title and context. `more_info`, fixes and baseline `candidates` are not
read. Source: bandit's JSON formatter, and reports of 1.6 to 1.8.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_SEVERITIES: Final = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW}
"""There is no critical; UNDEFINED and words of later versions are unknown."""
_NUMBERED: Final = re.compile(r"(\d+)(.*)")
_QUOTED_PASSWORD: Final = re.compile(r"(hardcoded password: )'?(.*?)'?$", re.IGNORECASE | re.DOTALL)


class _Cwe(msgspec.Struct):
    id: int | None = None
    """`issue_cwe` is `{}` for a test without one."""


class _Result(msgspec.Struct):
    test_id: str
    filename: str
    issue_severity: str
    issue_text: str
    issue_confidence: str | None = None
    issue_cwe: _Cwe | None = None
    line_number: int | None = None
    col_offset: int | None = None
    code: str | None = None


class _Error(msgspec.Struct):
    filename: str = ""
    reason: str = ""


class _Metrics(msgspec.Struct):
    loc: float = 0
    nosec: float = 0
    skipped_tests: float = 0


class _Report(msgspec.Struct):
    results: list[_Result]
    errors: list[_Error]
    metrics: dict[str, _Metrics]
    generated_at: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a bandit report, or None."""
    if isinstance(document.at("results"), list) and isinstance(document.at("metrics", "_totals"), dict):
        return "results, and metrics with _totals"
    return None


def parse(document: Document) -> Scan:
    """Every result; files that bandit could not analyse make the scan partial.

    Raises `ReportError` where results, errors or metrics are absent.
    """
    report = document.decoded(_Report, "a bandit report")
    status, notes = _outcome(report)
    return Scan(
        format="bandit",
        scanner="bandit",
        status=status,
        created=times.normalized(report.generated_at),
        kinds=(Evidence.CODE,),
        observations=tuple(map(_observation, report.results)),
        notes=tuple(notes),
    )


def _outcome(report: _Report) -> tuple[Status, list[str]]:
    """How far bandit got; files it never saw leave no trace, files without Python a note."""
    notes: list[str] = []
    totals = report.metrics.get("_totals", _Metrics())
    if totals.nosec or totals.skipped_tests:
        notes.append(
            f"{totals.nosec + totals.skipped_tests:.0f} findings are switched off by #nosec comments"
        )
    analysed = report.metrics.keys() - {"_totals", *(error.filename for error in report.errors)}
    if report.errors:
        first = report.errors[0]
        notes.append(
            f"{len(report.errors)} files were not analysed, the first: "
            f"{quoted(first.filename)} ({quoted(first.reason)})"
        )
        return Status.PARTIAL if analysed else Status.FAILED, notes
    if not analysed and not report.results:
        notes.append("bandit found no Python file")
        return Status.EMPTY_TARGET, notes
    return Status.OK, notes


def _observation(result: _Result) -> Observation:
    line = result.line_number if result.line_number and result.line_number > 0 else None
    column = result.col_offset + 1 if result.col_offset is not None and result.col_offset >= 0 else None
    cwe = result.issue_cwe.id if result.issue_cwe else None
    title, context = result.issue_text, _flagged(result.code or "", line)
    password = _QUOTED_PASSWORD.search(title)
    if password is not None:
        title = f"{title[: password.end(1)]}…"
        context = context.replace("".join(password[2].split()), "") if password[2].strip() else context
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=result.test_id,
            title=title,
            severity=_SEVERITIES.get(result.issue_severity.upper(), Severity.UNKNOWN),
            severity_raw=result.issue_severity,
            cwes=(f"CWE-{cwe}",) if cwe is not None and cwe > 0 else (),
            location=Location(file=result.filename, line=line, column=column),
            scanners=("bandit",),
            confidence=result.issue_confidence.lower() if result.issue_confidence else None,
        ),
        context=context,
    )


def _flagged(code: str, line: int | None) -> str:
    """The flagged line of `code`, whose lines start with their numbers, without any white space."""
    for text in code.splitlines():
        numbered = _NUMBERED.match(text)
        if numbered and int(numbered[1][:18]) == line:
            return "".join(numbered[2].split())
    return ""
