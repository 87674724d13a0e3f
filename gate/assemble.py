"""Assemble: everything that is known becomes the policy input v1, as bytes (CONTRACTS.md).

Nothing is ever missing: an absent list is `[]`, an absent value `null`. Same facts, same bytes, so
that the digest of the input names it and a decision can be replayed.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Final

import msgspec

from gate import times
from gate.model import (
    Approval,
    Component,
    EnvironmentRef,
    Evidence,
    Finding,
    KubernetesObject,
    Point,
    Report,
    ReportSubject,
    Status,
    Subject,
)

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class _InputReport(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    scanner: str
    scanner_version: str | None
    status: Status
    sha256: str
    created: str | None
    subject: ReportSubject | None
    findings: int
    kinds: tuple[Evidence, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision rests on, before any policy has seen it."""

    now: datetime
    point: Point
    project: str | None
    environment: EnvironmentRef | None
    subject: Subject
    reports: tuple[Report, ...] = ()
    findings: tuple[Finding, ...] = ()
    components: tuple[Component, ...] = ()
    objects: tuple[KubernetesObject, ...] = ()
    approvals: tuple[Approval, ...] = ()
    settings: dict[str, Any] = {}
    request: dict[str, Any] | None = None
    """Only at admission: operation, oldObject, userInfo and so on."""


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """The policy input, ready to send."""

    document: bytes
    """What rules of scope `subject` see."""
    base: bytes
    """What rules of scope `object` see, but for the object."""
    overlays: tuple[bytes, ...]
    """One for each object: `object`, `source`, `request`; laid over `base`."""
    sha256: str
    """Of `document`, which holds the objects too."""


def assemble(facts: Facts) -> Assembled:
    """The policy input v1 of `facts`."""
    common: dict[str, Any] = {
        "version": 1,
        "now": times.rfc3339(facts.now),
        "point": facts.point,
        "project": facts.project,
        "environment": facts.environment,
        "subject": facts.subject,
        "settings": facts.settings,
        "attestations": [],
    }
    # No pods, no reports: the same at every point, so that CI and the cluster see the same document.
    empty: dict[str, Any] = {
        name: [] for name in ("reports", "findings", "components", "objects", "approvals")
    }
    lists: dict[str, Any] = {
        "reports": [_input_report(report) for report in facts.reports],
        "findings": facts.findings,
        "components": facts.components,
        "objects": [{"object": one.object, "source": one.source} for one in facts.objects],
        "approvals": facts.approvals,
    }
    document = _ENCODER.encode(common | lists)
    return Assembled(
        document=document,
        base=_ENCODER.encode(common | empty),
        overlays=tuple(
            _ENCODER.encode({"object": one.object, "source": one.source, "request": facts.request})
            for one in facts.objects
        ),
        sha256=f"sha256:{hashlib.sha256(document).hexdigest()}",
    )


def _input_report(report: Report) -> _InputReport:
    return _InputReport(**{name: getattr(report, name) for name in _InputReport.__struct_fields__})


def now_ns(at: datetime) -> int:
    """Nanoseconds since 1970 of `at`, exact (a float would lose the last digits)."""
    seconds = int(at.timestamp())
    return seconds * 1_000_000_000 + at.microsecond * 1_000
