"""Brakeman's JSON (`-f json`): flaws in Ruby on Rails code.

Brakeman rates how sure it is, not how bad a flaw is: severities are `unknown`, never made from
confidences. Warnings that `brakeman.ignore` covers are listed apart: a note. Code, user input and
render paths are not kept. Source: presidentbeef/brakeman, its JSON report; reports of 4.7 on.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.identifiers import cwes

_EXPECTED: Final = "a Brakeman report"
_CONFIDENCES: Final = {"high": "high", "medium": "medium", "weak": "low"}
_OFFSET: Final = re.compile(r" (?=[+-]\d{4}$)")
"""Ruby writes `2020-04-11 20:15:42 -0700`."""


class _Warning(msgspec.Struct):
    warning_type: str
    fingerprint: str
    message: str
    file: str
    check_name: str | None = None
    line: int | None = None
    confidence: str | None = None
    cwe_id: list[int] | None = None


class _Error(msgspec.Struct):
    error: str = ""
    location: str | None = None


class _Run(msgspec.Struct):
    brakeman_version: str
    checks_performed: list[str]
    start_time: str | None = None
    number_of_controllers: int | None = None
    number_of_models: int | None = None
    number_of_templates: int | None = None


class _Report(msgspec.Struct):
    scan_info: _Run
    warnings: list[Raw]
    errors: list[_Error]
    ignored_warnings: list[Raw] = []


def detect(document: Document) -> str | None:
    """Why `document` is a Brakeman report, or None."""
    if document.at("scan_info", "brakeman_version") and "warnings" in document.keys:
        return "warnings, and scan_info with brakeman_version"
    return None


def parse(document: Document) -> Scan:
    """Every warning that is not ignored; errors of the scan make it partial.

    Raises `ReportError` where scan_info, warnings or errors are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.warnings, _Warning, "$.warnings", _EXPECTED)
    status, notes = _outcome(report)
    started = _OFFSET.sub("", report.scan_info.start_time or "")
    return Scan(
        format="brakeman",
        scanner="brakeman",
        scanner_version=report.scan_info.brakeman_version,
        status=status,
        created=times.normalized(started),
        kinds=(Evidence.CODE,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _outcome(report: _Report) -> tuple[Status, list[str]]:
    run, notes = report.scan_info, []
    if report.ignored_warnings:
        notes.append(f"{len(report.ignored_warnings)} warnings are hidden by brakeman.ignore")
    if not run.checks_performed:
        return Status.FAILED, [*notes, "no check was performed"]
    if report.errors:
        first = report.errors[0]
        notes.append(
            f"{len(report.errors)} errors during the scan, the first: "
            f"{quoted(first.error)} ({quoted(first.location or 'no place given')})"
        )
        return Status.PARTIAL, notes
    parts = (run.number_of_controllers, run.number_of_models, run.number_of_templates)
    if not report.warnings and all(number == 0 for number in parts):
        return Status.EMPTY_TARGET, [*notes, "no controller, model or template was found"]
    return Status.OK, notes


def _observation(warning: _Warning) -> Observation:
    confidence = (warning.confidence or "").lower()
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=warning.check_name or warning.warning_type,
            title=f"{warning.warning_type}: {warning.message}",
            severity=Severity.UNKNOWN,
            cwes=cwes(f"CWE-{number}" for number in warning.cwe_id or ()),
            location=Location(
                file=warning.file, line=warning.line if warning.line and warning.line > 0 else None
            ),
            scanners=("brakeman",),
            confidence=_CONFIDENCES.get(confidence, confidence) or None,
        ),
        # Brakeman makes it of the code and its place in the program, not of the line.
        context=warning.fingerprint,
    )
