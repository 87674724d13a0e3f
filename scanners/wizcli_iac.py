"""Wiz CLI's JSON of infrastructure as code (`wizcli iac scan -f json`): misconfigurations and secrets.

A scan whose state is not SUCCESS failed; queries that failed make it partial; no file parsed is an empty
target. Matched content and snippets are not read: a secret is told apart by its place.
Source: Wiz CLI, real reports of 2024.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import positive, severity

_EXPECTED: Final = "a report of Wiz CLI on infrastructure as code"


class _Match(msgspec.Struct):
    file: str = msgspec.field(name="fileName")
    resource: str = msgspec.field(name="resourceName", default="")
    line: int | None = msgspec.field(name="lineNumber", default=None)


class _Rule(msgspec.Struct):
    id: str
    name: str = ""


class _Rules(msgspec.Struct):
    rule: _Rule
    severity: str
    matches: list[_Match] | None


class _Secret(msgspec.Struct):
    path: str
    type: str
    line: int | None = msgspec.field(name="lineNumber", default=None)
    severity: str | None = None


class _Counts(msgspec.Struct):
    parsed: int = msgspec.field(name="filesParsed")
    failed: int = msgspec.field(name="queriesExecutionFailed", default=0)
    info: int = msgspec.field(name="infoMatches", default=0)
    low: int = msgspec.field(name="lowMatches", default=0)
    medium: int = msgspec.field(name="mediumMatches", default=0)
    high: int = msgspec.field(name="highMatches", default=0)
    critical: int = msgspec.field(name="criticalMatches", default=0)

    @property
    def matches(self) -> int:
        """How many matches are counted; `totalMatches` is 0 in real reports that have some."""
        return self.info + self.low + self.medium + self.high + self.critical


class _Result(msgspec.Struct):
    rules: list[msgspec.Raw] | None = msgspec.field(name="ruleMatches")
    secrets: list[msgspec.Raw] | None
    counts: _Counts = msgspec.field(name="scanStatistics")


class _State(msgspec.Struct):
    state: str
    verdict: str = ""


class _Report(msgspec.Struct):
    status: _State
    result: _Result
    created: str | None = msgspec.field(name="createdAt", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is such a report, or None."""
    result = document.at("result")
    if isinstance(result, dict) and "ruleMatches" in result and document.at("status", "state") is not None:
        return "result.ruleMatches and status.state"
    return None


def parse(document: Document) -> Scan:
    """Every match and every secret; raises `ReportError` where status, result or its counts are absent."""
    report = document.decoded(_Report, _EXPECTED)
    result = report.result
    rules = document.each(result.rules, _Rules, "$.result.ruleMatches", _EXPECTED)
    secrets = document.each(result.secrets, _Secret, "$.result.secrets", _EXPECTED)
    status, notes = Status.OK, []
    matches = [(row, match) for row in rules.good for match in row.matches or ()]
    if report.status.state != "SUCCESS":
        status, notes = Status.FAILED, [f"status.state is {quoted(report.status.state)}"]
    elif result.counts.failed:
        status, notes = Status.PARTIAL, [f"{result.counts.failed} queries failed"]
    elif result.counts.parsed <= 0:
        status, notes = Status.EMPTY_TARGET, ["no file was parsed"]
    elif result.counts.matches > len(matches):
        status = Status.PARTIAL
        notes = [f"{result.counts.matches} matches are counted and {len(matches)} listed"]
    return Scan(
        format="wizcli-iac",
        scanner="wizcli",
        status=status,
        created=times.normalized(report.created),
        kinds=(Evidence.MANIFESTS,),
        observations=(*(_misconfiguration(*pair) for pair in matches), *map(_secret, secrets.good)),
        rejected=(*rules.rejected, *secrets.rejected),
        notes=tuple(notes),
    )


def _misconfiguration(row: _Rules, match: _Match) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.rule.id,
            title=row.rule.name or row.rule.id,
            severity=severity(row.severity),
            severity_raw=row.severity,
            location=Location(file=match.file, line=positive(match.line)),
            scanners=("wizcli",),
        ),
        context=match.resource,
    )


def _secret(row: _Secret) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=row.type,
            title=f"secret: {row.type}",
            severity=severity(row.severity) if row.severity else Severity.HIGH,
            severity_raw=row.severity,
            location=Location(file=row.path, line=positive(row.line)),
            scanners=("wizcli",),
        )
    )
