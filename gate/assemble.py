"""Assemble: everything that is known becomes the policy input v1, as bytes (CONTRACTS.md).

Nothing is ever missing: an absent list is `[]`, an absent value `null`. Same facts, same bytes, so
that the digest of the input names it and a decision can be replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from gate import times
from gate.lazily import Made
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

    before: bytes
    """The document up to the objects, `after` from there on: thousands of them are seldom needed as one text.
    Without any it is the whole document, which large reports make so long that it is not put together again."""
    after: bytes
    objects: tuple[KubernetesObject, ...]
    base: bytes
    """What rules of scope `object` see, but for the object."""
    overlays: Sequence[bytes]
    """One for each object, made when it is asked for: `object`, `source`, `request`; laid over `base`."""
    sha256: str
    """Of `document`, which holds the objects too."""

    @property
    def document(self) -> bytes:
        """What rules of scope `subject` see."""
        if not self.objects:
            return self.before
        return b"".join([self.before, *_listed(self.objects), self.after])

    @property
    def one(self) -> bytes:
        """What rules of scope `object` see of the first object, as one document."""
        return b"%b,%b" % (self.base[:-1], self.overlays[0][1:])

    @property
    def without_objects(self) -> bytes:
        """The same with `objects` empty: for policies that do not look at them."""
        return self.before + self.after


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
        # A byte that no JSON holds: where the objects go.
        "objects": msgspec.Raw(b"[\0]" if facts.objects else b"[]"),
        "approvals": facts.approvals,
    }
    text = _ENCODER.encode(common | lists)
    before, _, after = text.partition(b"\0") if facts.objects else (text, b"", b"")
    digest = hashlib.sha256(before)
    for piece in _listed(facts.objects):
        digest.update(piece)
    digest.update(after)
    return Assembled(
        before=before,
        after=after,
        objects=facts.objects,
        base=_ENCODER.encode(common | empty),
        overlays=Made(facts.objects, partial(_overlay, _ENCODER.encode(facts.request))),
        sha256=f"sha256:{digest.hexdigest()}",
    )


def _overlay(request: bytes, one: KubernetesObject) -> bytes:
    """What rules of scope `object` see of one object."""
    return b'{"object":%b,"request":%b,"source":%b}' % (one.text, request, _ENCODER.encode(one.source))


def _listed(objects: Iterable[KubernetesObject]) -> Iterator[bytes]:
    """The members of `objects` in the document, with the commas between them."""
    comma = b""
    for one in objects:
        yield b'%b{"object":%b,"source":%b}' % (comma, one.text, _ENCODER.encode(one.source))
        comma = b","


def _input_report(report: Report) -> _InputReport:
    return _InputReport(**{name: getattr(report, name) for name in _InputReport.__struct_fields__})


def now_ns(at: datetime) -> int:
    """Nanoseconds since 1970 of `at`, exact (a float would lose the last digits)."""
    seconds = int(at.timestamp())
    return seconds * 1_000_000_000 + at.microsecond * 1_000
