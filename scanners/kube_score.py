"""kube-score's JSON (`--output-format json`): flaws in Kubernetes manifests.

Grade 1 (critical) is high, 5 (warning) medium; 7 and 10 are no findings. Checks that an annotation skips are
a note. Every object looked at is listed, so `[]` and `null` looked at nothing.
Source: zegl/kube-score, `renderer/json_v2`; FORMATS.md 2.19.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import positive

_EXPECTED: Final = "a kube-score report"
_CRITICAL: Final = 1
_WARNING: Final = 5


class _Check(msgspec.Struct):
    id: str
    name: str = ""


class _Comment(msgspec.Struct):
    path: str = ""
    summary: str = ""


class _Result(msgspec.Struct):
    check: _Check
    grade: int
    skipped: bool = False
    comments: list[_Comment] | None = None


class _Type(msgspec.Struct):
    kind: str = ""


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class _Object(msgspec.Struct):
    object_name: str
    checks: list[_Result]
    type_meta: _Type = msgspec.field(default_factory=_Type)
    object_meta: _Meta = msgspec.field(default_factory=_Meta)
    file_name: str = ""
    file_row: int | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a kube-score report, or None (always for an empty one)."""
    if {"object_name", "checks", "type_meta"} <= document.first.keys():
        return "an array of objects with object_name, type_meta and checks"
    return None


def parse(document: Document) -> Scan:
    """Every comment of every check with grade 1 to 5; raises `ReportError` where no object is understood."""
    is_null = document.syntax == "json" and document.top is None
    rows = document.each(
        [] if is_null else document.decoded(list[msgspec.Raw], _EXPECTED), _Object, "$", _EXPECTED
    )
    skipped = sum(1 for row in rows.good for result in row.checks if result.skipped)
    notes = [f"{skipped} checks are skipped by annotations"] if skipped else []
    if not rows.good:
        notes.append("no object was looked at")
    return Scan(
        format="kube-score",
        scanner="kube-score",
        status=Status.OK if rows.good else Status.EMPTY_TARGET,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(row: _Object) -> Iterator[Observation]:
    parts = (row.type_meta.kind, row.object_meta.namespace, row.object_meta.name)
    for result in row.checks:
        if result.skipped or result.grade > _WARNING:
            continue
        for comment in result.comments or [_Comment()]:
            yield Observation(
                finding=Finding(
                    kind=Kind.MISCONFIGURATION,
                    rule=result.check.id,
                    title=comment.summary or result.check.name or result.check.id,
                    severity=Severity.HIGH if result.grade <= _CRITICAL else Severity.MEDIUM,
                    severity_raw=str(result.grade),
                    location=Location(
                        file=row.file_name or None,
                        line=positive(row.file_row),
                        resource="/".join(part for part in parts if part) or row.object_name,
                    ),
                    scanners=("kube-score",),
                ),
                context=comment.path,
            )
