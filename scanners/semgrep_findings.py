"""Semgrep's web API, `/deployments/{slug}/findings`: findings of code and of Supply Chain.

Ignored findings count, with a note; fixed and removed ones are left out, with a note. An empty list cannot
be told from others and has to be declared. Not read: reviews, components, assistant's advice.

Source: Semgrep API documentation, "List code or supply chain findings"; a real answer.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Evidence, Finding, FixState, Kind, Location, Observation, Scan
from scanners import flaws

_EXPECTED: Final = "findings of Semgrep's API"
_GONE: Final = frozenset({"fixed", "removed"})


class _Place(msgspec.Struct):
    file_path: str = ""
    line: int | None = None
    column: int | None = None


class _Rule(msgspec.Struct):
    cwe_names: list[str] | None = None


class _Dependency(msgspec.Struct):
    package: str
    version: str = ""
    ecosystem: str = ""


class _Fix(msgspec.Struct):
    version: str = ""


class _Epss(msgspec.Struct):
    score: float | None = None


class _Finding(msgspec.Struct):
    rule_name: str
    severity: str
    match_based_id: str = ""
    rule_message: str = ""
    confidence: str | None = None
    state: str = ""
    status: str = ""
    triage_state: str | None = None
    location: _Place = field(default_factory=_Place)
    rule: _Rule = field(default_factory=_Rule)
    dependency: _Dependency | None = field(name="found_dependency", default=None)
    vulnerability: str | None = field(name="vulnerability_identifier", default=None)
    fixes: list[_Fix] | None = field(name="fix_recommendations", default=None)
    epss: _Epss | None = field(name="epss_score", default=None)


class _Page(msgspec.Struct):
    findings: list[Raw]


def detect(document: Document) -> str | None:
    """Why `document` is an answer with findings, or None (always for an empty one)."""
    first = document.at("findings", 0)
    if isinstance(first, dict) and {"match_based_id", "rule_name", "location"} <= first.keys():
        return "findings with match_based_id and rule_name"
    return None


def parse(document: Document) -> Scan:
    """Every finding that is not gone; raises `ReportError` where findings are absent."""
    page = document.decoded(_Page, _EXPECTED)
    rows = document.each(page.findings, _Finding, "$.findings", _EXPECTED)
    here = [row for row in rows.good if not {row.status, row.state} & _GONE]
    ignored = sum("ignored" in (row.status, row.triage_state) for row in here)
    gone = len(rows.good) - len(here)
    notes = [f"{ignored} findings are ignored in Semgrep and count here"] if ignored else []
    notes += [f"{gone} findings are fixed or removed and left out"] if gone else []
    has_packages = any(row.dependency for row in rows.good)
    has_code = any(row.dependency is None for row in rows.good) or not rows.good
    return Scan(
        format="semgrep-findings",
        scanner="semgrep",
        kinds=(*([Evidence.CODE] if has_code else []), *([Evidence.DEPENDENCIES] if has_packages else [])),
        observations=tuple(_flaw(row, row.dependency) if row.dependency else _code(row) for row in here),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _code(row: _Finding) -> Observation:
    at = row.location
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=row.rule_name,
            title=row.rule_message.strip() or row.rule_name,
            severity=flaws.worded(row.severity),
            severity_raw=row.severity,
            cwes=flaws.cwe_names(*(row.rule.cwe_names or ())),
            confidence=row.confidence,
            location=Location(
                file=at.file_path or None,
                line=at.line if at.line and at.line > 0 else None,
                column=at.column if at.column and at.column > 0 else None,
            ),
            scanners=("semgrep",),
        ),
        # Semgrep's own promise that the finding is the same.
        context=row.match_based_id,
    )


def _flaw(row: _Finding, dependency: _Dependency) -> Observation:
    return flaws.observed(
        flaws.Flaw(
            id=row.vulnerability or row.rule_name,
            package=dependency.package,
            version=dependency.version or None,
            system=dependency.ecosystem,
            title=row.rule_message.strip() or None,
            severity=flaws.worded(row.severity),
            word=row.severity,
            cwes=flaws.cwe_names(*(row.rule.cwe_names or ())),
            fixed=[fix.version for fix in row.fixes or ()],
            unfixed=FixState.UNKNOWN,
            epss=row.epss.score if row.epss else None,
            location=Location(file=row.location.file_path or None),
        ),
        "semgrep",
    )
