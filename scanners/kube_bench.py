"""kube-bench's JSON: a node against the CIS benchmark.

`FAIL` and `WARN` are findings; `WARN` is what a person has to check, so its confidence is low. There are no
severities: they are `unknown`. A control without any result was not looked at.
Source: aquasecurity/kube-bench, `check/controls.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a kube-bench report"
_FOUND: Final = ("FAIL", "WARN")
_KNOWN: Final = (*_FOUND, "PASS", "INFO")


class _Result(msgspec.Struct):
    number: str = msgspec.field(name="test_number")
    status: str
    title: str = msgspec.field(name="test_desc", default="")


class _Group(msgspec.Struct):
    results: list[_Result]


class _Control(msgspec.Struct):
    tests: list[_Group] | None
    node_type: str = ""
    version: str = ""


class _Report(msgspec.Struct):
    controls: list[msgspec.Raw] | None = msgspec.field(name="Controls")


def detect(document: Document) -> str | None:
    """Why `document` is a kube-bench report, or None (always for an empty array)."""
    if isinstance(document.at("Controls"), list) and "Totals" in document.keys:
        return "Controls and Totals"
    if {"tests", "node_type", "text"} <= document.first.keys():
        return "an array of controls with node_type and tests"
    return None


def parse(document: Document) -> Scan:
    """Every result that failed or warns; raises `ReportError` where no control is understood."""
    if isinstance(document.top, dict):
        rows = document.each(document.decoded(_Report, _EXPECTED).controls, _Control, "$.Controls", _EXPECTED)
    else:
        rows = document.records(_Control, _EXPECTED)
    results = [(row, one) for row in rows.good for group in row.tests or () for one in group.results]
    odd = {one.status for _, one in results} - set(_KNOWN)
    notes = [f"results of an unknown status: {', '.join(sorted(odd))}; they count"] if odd else []
    if not results:
        notes.append("no check was run")
    return Scan(
        format="kube-bench",
        scanner="kube-bench",
        status=Status.OK if results else Status.EMPTY_TARGET,
        kinds=(),
        observations=tuple(_observations(results)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(results: list[tuple[_Control, _Result]]) -> Iterator[Observation]:
    for control, result in results:
        if result.status in ("PASS", "INFO"):
            continue
        yield Observation(
            finding=Finding(
                kind=Kind.MISCONFIGURATION,
                rule=result.number,
                title=result.title or result.number,
                severity=Severity.UNKNOWN,
                severity_raw=result.status,
                location=Location(resource=control.node_type or None),
                scanners=("kube-bench",),
                confidence="low" if result.status == "WARN" else None,
            )
        )
