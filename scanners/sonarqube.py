"""SonarQube's web API (issues, hotspots) and the JSON of sonar-report: flaws in code.

Vulnerabilities and hotspots are code, bugs and smells quality. The API gives pages: fewer elements than its
total make the report partial. What is closed or fixed is left out with a note; what somebody settled
otherwise counts. The API's hotspots have a probability and no severity: it is `unknown`.

Source: SonarQube Web API, `api/issues/search`, `api/hotspots/search`; FORMATS.md 2.25.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import COMMON, positive, severity

_EXPECTED: Final = "a SonarQube report"
_SEVERITIES: Final = {
    **COMMON,
    "blocker": Severity.CRITICAL,
    "critical": Severity.HIGH,
    "major": Severity.MEDIUM,
    "minor": Severity.LOW,
}
_QUALITY: Final = ("BUG", "CODE_SMELL")
_GONE: Final = frozenset({"CLOSED", "FIXED"})
_GONE_BY: Final = frozenset({"FIXED", "REMOVED"})


class _Issue(msgspec.Struct):
    rule: str
    component: str
    severity: str = ""
    type: str = ""
    status: str = ""
    resolution: str = ""
    message: str = ""
    hash: str = ""
    line: int | str | None = None
    key: str = ""


class _Hotspot(msgspec.Struct):
    rule: str = msgspec.field(name="ruleKey")
    component: str
    status: str = ""
    resolution: str = ""
    message: str = ""
    line: int | None = None


class _Component(msgspec.Struct):
    key: str = ""
    path: str = ""


class _Paging(msgspec.Struct):
    total: int


class _Report(msgspec.Struct):
    issues: list[msgspec.Raw] | None = None
    hotspots: list[msgspec.Raw] | None = None
    components: list[_Component] = []
    paging: _Paging | None = None
    total: int | None = None
    gate: dict[str, Any] | None = msgspec.field(name="qualityGateStatus", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is SonarQube's, or None."""
    if isinstance(document.at("issues"), list):
        if document.at("paging", "total") is not None and "components" in document.keys:
            return "issues, components and paging (web API)"
        if {"qualityGateStatus", "rules"} <= document.keys:
            return "issues, rules and qualityGateStatus (sonar-report)"
    if isinstance(document.at("hotspots"), list) and document.at("paging", "total") is not None:
        return "hotspots and paging (web API)"
    return None


def parse(document: Document) -> Scan:
    """Every issue and hotspot that is not closed; raises `ReportError` where no element is understood."""
    report = document.decoded(_Report, _EXPECTED)
    issues = document.each(report.issues, _Issue, "$.issues", _EXPECTED)
    hotspots = document.each(report.hotspots, _Hotspot, "$.hotspots", _EXPECTED)
    paths = {one.key: one.path for one in report.components if one.path}
    rows = [row for row in (*issues.good, *map(_as_issue, hotspots.good)) if not _is_gone(row)]
    gone = len(issues.good) + len(hotspots.good) - len(rows)
    status, notes = _outcome(report)
    if gone:
        notes.append(f"{gone} are closed or fixed and left out")
    return Scan(
        format="sonarqube",
        scanner="sonarqube",
        status=status,
        kinds=(Evidence.CODE,),
        observations=tuple(_observation(row, paths) for row in rows),
        rejected=(*issues.rejected, *hotspots.rejected),
        notes=tuple(notes),
    )


def _outcome(report: _Report) -> tuple[Status, list[str]]:
    listed = len(report.issues or ()) + len(report.hotspots or ())
    if report.issues is None and report.hotspots is None:
        return Status.FAILED, ["neither issues nor hotspots"]
    if report.paging is None:
        return (Status.OK, []) if report.gate is not None else (Status.PARTIAL, ["the total is missing"])
    if listed < report.paging.total:
        return Status.PARTIAL, [f"{listed} of {report.paging.total}: there are more pages than this one"]
    return Status.OK, []


def _as_issue(row: _Hotspot) -> _Issue:
    return _Issue(
        rule=row.rule,
        component=row.component,
        type="SECURITY_HOTSPOT",
        status=row.status,
        resolution=row.resolution,
        message=row.message,
        line=row.line,
    )


def _is_gone(row: _Issue) -> bool:
    if row.type == "SECURITY_HOTSPOT":
        return row.resolution == "FIXED"
    return row.status in _GONE and (not row.resolution or row.resolution in _GONE_BY)


def _observation(row: _Issue, paths: Mapping[str, str]) -> Observation:
    file = paths.get(row.component) or row.component.partition(":")[2] or row.component
    return Observation(
        finding=Finding(
            kind=Kind.QUALITY if row.type in _QUALITY else Kind.CODE,
            rule=row.rule,
            title=row.message or row.rule,
            severity=severity(row.severity, _SEVERITIES),
            severity_raw=row.severity or None,
            location=Location(file=file, line=positive(row.line)),
            scanners=("sonarqube",),
        ),
        # The hash is of the line's text; the message says more than nothing where it is not given.
        context=row.hash or row.message,
    )
