"""Legitify's JSON: how repositories, organisations and runners on GitHub and GitLab are set up.

`FAILED` is a finding; `SKIPPED` could not be checked (rights of the token, often) and makes the report
partial. Source: Legit-Labs/legitify, output formats "json", schemes flattened and group-by-namespace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Status
from scanners.words import address, severity

_EXPECTED: Final = "a Legitify report"


class _Info(msgspec.Struct):
    title: str
    name: str = msgspec.field(name="policyName")
    severity: str
    namespace: str = ""


class _Violation(msgspec.Struct):
    status: str
    kind: str = msgspec.field(name="violationEntityType", default="")
    link: str = msgspec.field(name="canonicalLink", default="")
    aux: dict[str, Any] | None = None


class _Policy(msgspec.Struct):
    info: _Info = msgspec.field(name="policyInfo")
    violations: list[_Violation] | None


class _Report(msgspec.Struct):
    type: str
    content: dict[str, Any]


def detect(document: Document) -> str | None:
    """Why `document` is a Legitify report, or None."""
    if isinstance(document.at("content"), dict) and document.at("type") in (
        "flattened",
        "group-by-namespace",
    ):
        return f"content, and type {document.at('type')}"
    return None


def parse(document: Document) -> Scan:
    """Every violation that failed; raises `ReportError` where no policy is understood."""
    report = document.decoded(_Report, _EXPECTED)
    found = report.content.items()
    if report.type != "flattened":
        found = [pair for one in report.content.values() if isinstance(one, dict) for pair in one.items()]  # type: ignore[assignment]
    raws = [msgspec.Raw(msgspec.json.encode(policy)) for _, policy in found]
    rows = document.each(raws, _Policy, "$.content", _EXPECTED)
    seen = [(row.info, one) for row in rows.good for one in row.violations or ()]
    skipped = sum(1 for _, one in seen if one.status == "SKIPPED")
    status, notes = Status.OK, []
    if skipped:
        status, notes = Status.PARTIAL, [f"{skipped} checks were skipped"]
    elif not seen:
        status, notes = Status.EMPTY_TARGET, ["no policy was evaluated"]
    return Scan(
        format="legitify",
        scanner="legitify",
        status=status,
        kinds=(),
        observations=tuple(_observations(seen)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(seen: list[tuple[_Info, _Violation]]) -> Iterator[Observation]:
    for info, one in seen:
        if one.status in ("PASSED", "SKIPPED"):
            continue
        url = address(one.link) if one.link else None
        yield Observation(
            finding=Finding(
                kind=Kind.MISCONFIGURATION,
                rule=info.name,
                title=info.title or info.name,
                severity=severity(info.severity),
                severity_raw=info.severity,
                location=Location(resource=url or one.kind or info.namespace or None, url=url),
                scanners=("legitify",),
            )
        )
