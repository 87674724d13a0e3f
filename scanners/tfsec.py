"""tfsec's JSON: misconfigurations in Terraform.

What passed or was ignored is no finding; ignored results are a note. `{"results": null}` is a clean report
and no different from that of a folder without Terraform: it is recognised only where it is declared.
Source: aquasecurity/tfsec, its JSON formatter; reports of 0.3x and 1.x.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan
from scanners.words import COMMON, LEVELS, positive, severity

_EXPECTED: Final = "a tfsec report"
_SEVERITIES: Final = {**LEVELS, **COMMON}
"""Old reports write ERROR and WARNING."""
_STATUS: Final = {0: "failed", 1: "passed", 2: "ignored"}


class _Place(msgspec.Struct):
    file: str = msgspec.field(name="filename")
    line: int | None = msgspec.field(name="start_line", default=None)


class _Result(msgspec.Struct):
    rule: str = msgspec.field(name="rule_id")
    severity: str
    location: _Place
    rule_description: str = ""
    description: str = ""
    long_id: str = ""
    resource: str = ""
    status: str | int | None = None
    passed: bool | None = None


class _Report(msgspec.Struct):
    results: list[msgspec.Raw] | None


def detect(document: Document) -> str | None:
    """Why `document` is a tfsec report, or None (always for a clean one)."""
    first = document.at("results", 0)
    if isinstance(first, dict) and {"rule_id", "rule_provider", "location"} <= first.keys():
        return "results with rule_id, rule_provider and location"
    return None


def parse(document: Document) -> Scan:
    """Every result that failed; raises `ReportError` where results are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.results, _Result, "$.results", _EXPECTED)
    words = [_word(row) for row in rows.good]
    ignored = words.count("ignored")
    return Scan(
        format="tfsec",
        scanner="tfsec",
        kinds=(),
        observations=tuple(
            _observation(row)
            for row, word in zip(rows.good, words, strict=True)
            if word not in ("passed", "ignored")
        ),
        rejected=rows.rejected,
        notes=(f"{ignored} results are ignored by comments",) if ignored else (),
    )


def _word(row: _Result) -> str:
    """`passed`, `ignored`, or anything else, which counts."""
    if row.passed is not None:
        return "passed" if row.passed else "failed"
    return _STATUS.get(row.status, "failed") if isinstance(row.status, int) else (row.status or "failed")


def _observation(row: _Result) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.long_id or row.rule,
            title=row.rule_description or row.rule,
            severity=severity(row.severity, _SEVERITIES),
            severity_raw=row.severity,
            location=Location(
                file=row.location.file,
                line=positive(row.location.line),
                resource=row.resource or None,
            ),
            scanners=("tfsec",),
        ),
        # Old reports name the resource in the text alone.
        context=row.description,
    )
