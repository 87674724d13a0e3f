"""Kubescape's JSON (`--format json`): flaws in manifests and clusters.

One finding for each rule of a control that a resource fails. Severity is made of the control's score factor
as Kubescape does: 9 critical, 7 high, 4 medium, 1 low. Objects are not kept: they may hold secrets.
Source: kubescape/opa-utils, `reporthandling`; reports of version 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a Kubescape report"
_BANDS: Final = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (1.0, Severity.LOW))
_FAILED: Final = "failed"
_JUDGED: Final = (_FAILED, "passed", "skipped", "irrelevant", "excluded", "ignored")


class _Rule(msgspec.Struct):
    name: str
    status: str


class _Control(msgspec.Struct):
    id: str = msgspec.field(name="controlID")
    rules: list[_Rule]
    name: str = ""


class _Result(msgspec.Struct):
    resource: str = msgspec.field(name="resourceID")
    controls: list[_Control] | None


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Object(msgspec.Struct):
    kind: str = ""
    metadata: _Meta | None = None


class _Source(msgspec.Struct):
    path: str = msgspec.field(name="relativePath", default="")


class _Resource(msgspec.Struct):
    id: str = msgspec.field(name="resourceID")
    object: _Object | None = None
    source: _Source | None = None


class _Counted(msgspec.Struct):
    factor: float = msgspec.field(name="scoreFactor", default=0.0)
    status: str = ""


class _Summary(msgspec.Struct):
    controls: dict[str, _Counted] | None = None


class _Report(msgspec.Struct):
    results: list[msgspec.Raw] | None
    summary: _Summary = msgspec.field(name="summaryDetails")
    resources: list[_Resource] | None = None
    created: str | None = msgspec.field(name="generationTime", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a Kubescape report, or None."""
    if isinstance(document.at("summaryDetails"), dict) and document.keys & {"results", "resources"}:
        return "summaryDetails, and results or resources"
    return None


def parse(document: Document) -> Scan:
    """Every failed rule of every resource; raises `ReportError` where results or the summary are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.results, _Result, "$.results", _EXPECTED)
    resources = {one.id: one for one in report.resources or ()}
    factors = {name: control.factor for name, control in (report.summary.controls or {}).items()}
    status, notes = Status.OK, []
    if not factors:
        status = Status.FAILED
        notes.append("no control was evaluated")
    elif not rows.good and not rows.rejected:
        status = Status.EMPTY_TARGET
        notes.append("no resource was looked at")
    elif silent := sorted(_failed(report.summary) - _named(rows.good)):
        status = Status.PARTIAL
        notes.append(
            f"{len(silent)} controls failed and no resource fails them, the first: {quoted(silent[0])}"
        )
    elif strange := sorted(_statuses(rows.good) - set(_JUDGED)):
        status = Status.PARTIAL
        notes.append(f"rules with a status that is not known: {quoted(strange[0])}")
    return Scan(
        format="kubescape",
        scanner="kubescape",
        status=status,
        created=times.normalized(report.created) if not (report.created or "").startswith("0001") else None,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row, resources, factors)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _failed(summary: _Summary) -> set[str]:
    """Ids of the controls that failed, as the summary says."""
    return {name for name, control in (summary.controls or {}).items() if control.status == _FAILED}


def _named(results: Sequence[_Result]) -> set[str]:
    """Ids of the controls that some resource fails."""
    return {
        control.id
        for row in results
        for control in row.controls or ()
        if any(rule.status == _FAILED for rule in control.rules)
    }


def _statuses(results: Sequence[_Result]) -> set[str]:
    return {rule.status for row in results for control in row.controls or () for rule in control.rules}


def _observations(
    row: _Result, resources: Mapping[str, _Resource], factors: Mapping[str, float]
) -> Iterator[Observation]:
    known = resources.get(row.resource)
    location = _location(row.resource, known)
    for control in row.controls or ():
        factor = factors.get(control.id)
        for rule in control.rules:
            if rule.status != _FAILED:
                continue
            yield Observation(
                finding=Finding(
                    kind=Kind.MISCONFIGURATION,
                    rule=control.id,
                    title=control.name or rule.name or control.id,
                    severity=_severity(factor),
                    severity_raw=None if factor is None else f"{factor:g}",
                    location=location,
                    scanners=("kubescape",),
                )
            )


def _severity(factor: float | None) -> Severity:
    if factor is None:
        return Severity.UNKNOWN
    return next((severity for least, severity in _BANDS if factor >= least), Severity.UNKNOWN)


def _location(id_: str, known: _Resource | None) -> Location:
    meta = known.object.metadata if known and known.object else None
    if known is None or known.object is None or meta is None or not meta.name:
        return Location(resource=id_)
    return Location(
        file=known.source.path or None if known.source else None,
        resource="/".join(part for part in (known.object.kind, meta.namespace, meta.name) if part),
    )
