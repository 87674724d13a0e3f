"""Terrascan's JSON (`-o json`): misconfigurations in infrastructure as code.

With `-i all` Terrascan tries every kind of file and reports each that is not there as an error; those are
a note, any other error makes the scan partial. Skipped violations are a note.
Source: Terrascan documentation, "Scanning"; tenable/terrascan, `pkg/results`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Status
from scanners.words import positive, severity

_EXPECTED: Final = "a Terrascan report"
_ABSENT: Final = re.compile(r"not found|no .{0,60} found|no .{0,60}files", re.IGNORECASE)
_ZONE: Final = re.compile(r" \+0000 UTC.*$")
"""Go writes `2021-05-19 13:13:06.083208 +0000 UTC`."""


class _Violation(msgspec.Struct):
    rule: str = msgspec.field(name="rule_id")
    severity: str
    rule_name: str = ""
    description: str = ""
    resource_name: str = ""
    resource_type: str = ""
    file: str = ""
    line: int | None = None


class _Error(msgspec.Struct):
    message: str = msgspec.field(name="errMsg", default="")
    kind: str = msgspec.field(name="iac_type", default="")


class _Summary(msgspec.Struct):
    validated: int = msgspec.field(name="policies_validated")
    violated: int = msgspec.field(name="violated_policies", default=0)
    iac_type: str = ""
    scanned_at: str = ""


class _Results(msgspec.Struct):
    violations: list[msgspec.Raw] | None
    summary: _Summary = msgspec.field(name="scan_summary")
    skipped: list[msgspec.Raw] | None = msgspec.field(name="skipped_violations", default=None)
    errors: list[_Error] | None = msgspec.field(name="scan_errors", default=None)


class _Report(msgspec.Struct):
    results: _Results


def detect(document: Document) -> str | None:
    """Why `document` is a Terrascan report, or None."""
    if document.at("results", "scan_summary", "policies_validated") is not None:
        return "results with scan_summary and policies_validated"
    return None


def parse(document: Document) -> Scan:
    """Every violation; raises `ReportError` where violations or the summary are absent."""
    results = document.decoded(_Report, _EXPECTED).results
    rows = document.each(results.violations, _Violation, "$.results.violations", _EXPECTED)
    status, notes = _outcome(results)
    return Scan(
        format="terrascan",
        scanner="terrascan",
        status=status,
        created=times.normalized(_ZONE.sub("Z", results.summary.scanned_at)),
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _outcome(results: _Results) -> tuple[Status, list[str]]:
    tried = [
        one
        for one in results.errors or ()
        if results.summary.iac_type == "all" and _ABSENT.search(one.message)
    ]
    errors = [one for one in results.errors or () if one not in tried]
    notes = [f"{len(results.skipped)} violations are skipped by comments"] if results.skipped else []
    if tried:
        notes.append(f"{len(tried)} kinds of infrastructure were looked for and are not there")
    if results.summary.validated <= 0 and not results.violations:
        return Status.FAILED, [*notes, "no policy was evaluated"]
    if errors:
        notes.append(f"{len(errors)} errors during the scan, the first: {quoted(errors[0].message)}")
        return Status.PARTIAL, notes
    listed = len(results.violations or ())
    if results.summary.violated > listed:
        notes.append(f"{results.summary.violated} violations are counted and {listed} listed")
        return Status.PARTIAL, notes
    return Status.OK, notes


def _observation(row: _Violation) -> Observation:
    resource = ".".join(part for part in (row.resource_type, row.resource_name) if part)
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.rule,
            title=row.description or row.rule_name or row.rule,
            severity=severity(row.severity),
            severity_raw=row.severity,
            location=Location(file=row.file or None, line=positive(row.line), resource=resource or None),
            scanners=("terrascan",),
        )
    )
