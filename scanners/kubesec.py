"""Kubesec's JSON: how well Kubernetes objects are locked down.

`scoring.critical` is critical, `scoring.advise` low: points that could be won. An object that Kubesec could
not judge (`valid: false`) makes the report partial. Source: controlplaneio/kubesec, `pkg/ruler`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a Kubesec report"
_SEVERITIES: Final = {"critical": Severity.CRITICAL, "advise": Severity.LOW}


class _Rule(msgspec.Struct):
    selector: str
    id: str = ""
    reason: str = ""


class _Scoring(msgspec.Struct):
    critical: list[_Rule] | None = None
    advise: list[_Rule] | None = None


class _Object(msgspec.Struct):
    object: str
    valid: bool
    message: str = ""
    file: str = msgspec.field(name="fileName", default="")
    scoring: _Scoring = msgspec.field(default_factory=_Scoring)


def detect(document: Document) -> str | None:
    """Why `document` is a Kubesec report, or None (always for an empty one)."""
    if {"object", "valid", "score"} <= document.first.keys():
        return "an array of objects with object, valid and score"
    return None


def parse(document: Document) -> Scan:
    """Every critical and advised rule of every object; raises `ReportError` where no object is understood."""
    rows = document.records(_Object, _EXPECTED)
    invalid = [row for row in rows.good if not row.valid]
    status, notes = (
        Status.OK,
        [f"{quoted(row.object)} was not judged: {quoted(row.message)}" for row in invalid],
    )
    mute = [
        row
        for row in rows.good
        if row.valid and row.message.startswith("Failed") and not row.scoring.critical
    ]
    notes += [f"{quoted(row.object)} failed and no critical rule is listed" for row in mute]
    if not rows.good:
        status, notes = Status.EMPTY_TARGET, ["no object was looked at"]
    elif invalid:
        status = Status.FAILED if len(invalid) == len(rows.good) else Status.PARTIAL
    elif mute:
        status = Status.PARTIAL
    return Scan(
        format="kubesec",
        scanner="kubesec",
        status=status,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(row: _Object) -> Iterator[Observation]:
    for word, rules in (("critical", row.scoring.critical), ("advise", row.scoring.advise)):
        for rule in rules or ():
            yield Observation(
                finding=Finding(
                    kind=Kind.MISCONFIGURATION,
                    rule=rule.id or rule.selector,
                    title=rule.reason or rule.selector,
                    severity=_SEVERITIES[word],
                    severity_raw=word,
                    location=Location(
                        # STDIN is what Kubesec calls a pipe.
                        file=row.file if row.file not in ("", "STDIN") else None,
                        resource=_resource(row.object),
                    ),
                    scanners=("kubesec",),
                )
            )


def _resource(text: str) -> str:
    """`Kind/name.namespace` as `Kind/namespace/name`; a name may hold dots, a namespace none."""
    kind, _, rest = text.partition("/")
    name, dot, namespace = rest.rpartition(".")
    return f"{kind}/{namespace}/{name}" if dot else text
