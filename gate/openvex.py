"""Waivers as an OpenVEX document, for whoever reads VEX instead of gate's record.

A statement says no more than its waiver: one that is narrower than VEX can say (a rule, a file, a Kubernetes object,
environments, a range of versions) is left out, and told of. An accepted risk is `affected`, never `not_affected`.
VEX has no expiry: it stands in the notes, so a document is to be made anew, not kept.

Sources: OpenVEX specification 0.2.0, "Data Structures"; purl specification, type `oci`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from gate import times

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"
JUSTIFICATIONS: Final = frozenset(
    {
        "component_not_present",
        "vulnerable_code_not_present",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "inline_mitigations_already_exist",
    }
)
_ACTIVE: Final = frozenset({"active", "expiring"})
_SAID: Final = frozenset({"vulnerability", "purl", "subject"})
"""Keys of a match that VEX can say."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver of the service, as far as it is said on."""

    id: str
    state: str
    match: Mapping[str, Any]
    reason: str
    note: str
    approved_by: str | None
    updated_at: str
    expires_at: str


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """The document, and why what is not in it is not."""

    document: dict[str, Any]
    left_out: tuple[str, ...]


def document(waivers: Iterable[Standing], *, id: str, author: str, now: datetime) -> Exported:
    """An OpenVEX document of those `waivers` that act at `now`; `id` is an IRI."""
    statements: list[dict[str, Any]] = []
    left_out: list[str] = []
    for one in sorted(waivers, key=lambda each: each.id):
        if reason := _unsayable(one, now):
            left_out.append(f"waiver {one.id} is left out: {reason}")
        else:
            statements.append(_statement(one))
    made = {
        "@context": CONTEXT,
        "@id": id,
        "author": author,
        "timestamp": times.rfc3339(now),
        "version": 1,
        "statements": statements,
    }
    return Exported(document=made, left_out=tuple(left_out))


def _unsayable(one: Standing, now: datetime) -> str | None:
    """Why a waiver is no statement; None where it is one."""
    ends = times.instant(one.expires_at)
    if one.state not in _ACTIVE or not one.approved_by or ends is None or ends <= now:
        return "it does not act"
    given = {key: value for key, value in one.match.items() if value}
    if "vulnerability" not in given:
        return "it names no vulnerability"
    if narrower := sorted(given.keys() - _SAID):
        return f"it is narrower than VEX can say: {', '.join(narrower)}"
    if not given.keys() & {"purl", "subject"}:
        return "it names no product, and VEX would need one"
    if any(sign in str(given.get(key, "")) for key in ("purl", "subject") for sign in "*?"):
        return "it is about a pattern of products"
    if str(given.get("subject", "")).startswith("sha256:"):
        return "it names an image by its digest alone, and VEX would need its name"
    return None


def _statement(one: Standing) -> dict[str, Any]:
    purl, subject = one.match.get("purl"), one.match.get("subject")
    product: dict[str, Any] = {"@id": _image(subject) if subject else purl}
    if subject and purl:
        product["subcomponents"] = [{"@id": purl}]
    return {
        "vulnerability": {"name": one.match["vulnerability"]},
        "products": [product],
        "timestamp": one.updated_at,
        "status_notes": f"waiver {one.id} of gate, approved by {one.approved_by}, until {one.expires_at}",
        **_status(one),
    }


def _image(subject: str) -> str:
    """The package URL of an image (purl specification, type `oci`): VEX wants an IRI."""
    name, _, digest = subject.partition("@")
    version = f"@{quote(digest, safe='')}" if digest else ""
    return f"pkg:oci/{quote(name.rpartition('/')[2])}{version}?repository_url={quote(name)}"


def _status(one: Standing) -> dict[str, str]:
    if one.reason in JUSTIFICATIONS:
        return {"status": "not_affected", "justification": one.reason, "impact_statement": one.note}
    if one.reason == "false_positive":
        return {"status": "not_affected", "impact_statement": one.note}
    # Also a word that a later version knows: a risk that somebody accepted is still there.
    return {"status": "affected", "action_statement": f"{one.reason}: {one.note}"}
