"""What a decision was made of, kept so that it can be made again: today, elsewhere, or exactly as it was.

The policy input holds what policies saw. Beside it stands what only gate saw: how it was asked, which waivers
there were, where objects stand in their files. Report bytes are not needed, so that one whose bytes are not kept
(secrets) still counts. Where the input itself is masked nothing can be made again: a rule would see other values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gate import decide
from gate.errors import GateError
from gate.model import Approval, Component, Finding, KubernetesObject, Report, Said, Source, Subject
from gate.pipeline import Gathered, Places, Question
from gate.stores import decisions
from gate.stores.database import Connection

Place = tuple[str, int, str, int, int]
"""File, document, JSON pointer, line, column."""


class NotAgain(GateError):
    """The decision cannot be made again: what it was made of is not there, or not whole."""

    code = "evidence_gone"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside the policy input."""

    meta: dict[str, Any]
    """What was asked: `Meta` of the API."""
    subject: Subject
    by: str
    """Who asked."""
    asked_first: str | None
    """The decision that somebody asked for, where this one was made again without being asked for."""
    settings_version: int
    reports: tuple[Report, ...]
    objects: tuple[tuple[int, str], ...]
    """Document and pointer of each object of the input."""
    places: tuple[Place, ...]
    waivers: tuple[dict[str, Any], ...]
    approvals: tuple[Approval, ...]
    approvals_required: int
    own: tuple[Said, ...]
    notices: tuple[str, ...]
    timeout_s: float


class Noted:
    """Places, asked for and remembered."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.found: dict[tuple[str, int, str], tuple[int, int]] = {}

    def __call__(self, wanted: Sequence[tuple[str, int, str]]) -> decide.Places:
        """The places of `wanted` that are known."""
        given = self._places(wanted)
        self.found |= given
        return given


def kept(
    meta: dict[str, Any],
    by: str,
    asked_first: str | None,
    settings_version: int,
    question: Question,
    gathered: Gathered,
    waivers: Sequence[dict[str, Any]],
    places: Mapping[tuple[str, int, str], tuple[int, int]],
) -> Kept:
    """What is kept of a question, beside the policy input that it became."""
    return Kept(
        meta=meta,
        subject=question.subject,
        by=by,
        asked_first=asked_first,
        settings_version=settings_version,
        reports=gathered.reports,
        objects=tuple((one.document, one.pointer) for one in gathered.objects),
        places=tuple((*key, *place) for key, place in sorted(places.items())),
        waivers=tuple(waivers),
        approvals=question.approvals,
        approvals_required=question.approvals_required,
        own=question.own,
        notices=question.notices,
        timeout_s=question.timeout_s,
    )


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a stored decision was made of."""

    kept: Kept
    document: bytes
    """The policy input."""
    value: dict[str, Any]
    """Its value."""

    def gathered(self) -> Gathered:
        """What its reports came to, before any waiver and baseline."""
        objects = self.value["objects"]
        if len(objects) != len(self.kept.objects):
            raise NotAgain("the policy input has other objects than were read", code="store_damaged")
        return Gathered(
            reports=self.kept.reports,
            findings=msgspec.convert(self.value["findings"], tuple[Finding, ...]),
            components=msgspec.convert(self.value["components"], tuple[Component, ...]),
            objects=tuple(
                KubernetesObject(
                    object=one["object"],
                    source=msgspec.convert(one["source"], Source) if one["source"] else None,
                    document=document,
                    pointer=pointer,
                )
                for one, (document, pointer) in zip(objects, self.kept.objects, strict=True)
            ),
        )

    def places(self, wanted: Sequence[tuple[str, int, str]]) -> decide.Places:
        """The places that were known when it was made."""
        known = {
            (file, document, pointer): (line, column)
            for file, document, pointer, line, column in self.kept.places
        }
        return {key: known[key] for key in wanted if key in known}


def of(connection: Connection, decision_id: str) -> Evidence:
    """What the decision was made of; raises `NotAgain` where that is not kept whole."""
    document, is_masked = decisions.policy_input(connection, decision_id)
    asked = decisions.asked(connection, decision_id)
    if is_masked:
        raise NotAgain(
            f"decision {decision_id} cannot be made again: values of Secrets are masked in what is kept",
            code="evidence_masked",
            fix="hand its reports over once more: gate check --server",
        )
    if document is None or asked is None:
        raise NotAgain(
            f"decision {decision_id} cannot be made again: what it was made of is no longer kept",
            fix="hand its reports over once more: gate check --server",
        )
    return Evidence(
        kept=msgspec.json.decode(asked, type=Kept),
        document=document,
        value=msgspec.json.decode(document),
    )
