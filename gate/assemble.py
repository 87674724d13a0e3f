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
# No pods, no reports: the same at every point, so that CI and the cluster see the same document.
_EMPTY: Final[dict[str, Any]] = {
    name: [] for name in ("reports", "findings", "components", "objects", "approvals")
}


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
    def without_objects(self) -> bytes:
        """The same with `objects` empty: for policies that do not look at them."""
        return self.before + self.after


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy input of one review has of its own."""

    members: bytes
    """`now` and `subject`."""
    sha256: str
    """Of the whole document, as `Assembled` has it."""


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """The policy input of one object but for the time, the object and the subject: many reviews have it in common."""

    pieces: tuple[bytes, ...]
    """The document around those three, in their order."""
    base: bytes
    """What rules of scope `object` see, but for the object and what `Own` has."""

    def own(self, now: str, subject: Subject, one: KubernetesObject) -> Own:
        """What is left to say of one object, at `now` (RFC 3339); the same digest as `assemble` gives the same facts."""
        at, about = _ENCODER.encode(now), _ENCODER.encode(subject)
        first, second, third, last = self.pieces
        document = b"".join((first, at, second, *_listed((one,)), third, about, last))
        digest = hashlib.sha256(document).hexdigest()
        return Own(members=b'{"now":%b,"subject":%b}' % (at, about), sha256=f"sha256:{digest}")


def outline(
    point: Point, project: str | None, environment: EnvironmentRef | None, settings: dict[str, Any]
) -> Outline:
    """What the policy inputs of objects without reports have in common."""
    common = _common(point, project, environment, settings)
    hole = msgspec.Raw(b"\0")  # a byte that no JSON holds
    whole = common | _EMPTY | {"now": hole, "objects": msgspec.Raw(b"[\0]"), "subject": hole}
    return Outline(
        pieces=tuple(_ENCODER.encode(whole).split(b"\0")),
        base=_ENCODER.encode(common | _EMPTY),
    )


def _common(
    point: Point, project: str | None, environment: EnvironmentRef | None, settings: dict[str, Any]
) -> dict[str, Any]:
    return {
        "version": 1,
        "point": point,
        "project": project,
        "environment": environment,
        "settings": settings,
        "attestations": [],
    }


def assemble(facts: Facts) -> Assembled:
    """The policy input v1 of `facts`."""
    common = _common(facts.point, facts.project, facts.environment, facts.settings)
    common |= {"now": times.rfc3339(facts.now), "subject": facts.subject}
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
        base=_ENCODER.encode(common | _EMPTY),
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
