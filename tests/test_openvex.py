"""Waivers as OpenVEX: a statement says no more than its waiver."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest

from gate.documents.document import Document
from gate.openvex import JUSTIFICATIONS, Standing, document
from gate.waivers import Reason
from scanners import openvex as reader

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PURL = "pkg:deb/debian/libssl3"
MATCH = {"vulnerability": "CVE-2026-1", "purl": PURL}


def a_waiver(**facts: Any) -> Standing:
    said: dict[str, Any] = {
        "id": "w-1",
        "state": "active",
        "match": MATCH,
        "reason": "accepted_risk",
        "note": "behind a proxy",
        "approved_by": "lin",
        "updated_at": "2026-11-27T00:00:00Z",
        "expires_at": "2026-12-06T00:00:00Z",
    }
    return Standing(**(said | facts))


def statements(*waivers: Standing) -> list[dict[str, Any]]:
    made = document(waivers, id="urn:uuid:1", author="acme", now=NOON)
    assert len(waivers) == len(made.document["statements"]) + len(made.left_out)
    found: list[dict[str, Any]] = made.document["statements"]
    return found


@pytest.mark.parametrize("reason", get_args(Reason))
def test_only_who_says_that_it_cannot_be_hit_is_not_affected(reason: str) -> None:
    [said] = statements(a_waiver(reason=reason))
    is_out = reason in JUSTIFICATIONS or reason == "false_positive"

    assert ("not_affected" if is_out else "affected") == said["status"]
    assert (reason if reason in JUSTIFICATIONS else None) == said.get("justification")
    assert is_out != ("action_statement" in said)


def test_a_reason_of_a_later_version_is_no_excuse() -> None:
    assert "affected" == statements(a_waiver(reason="it_is_friday"))[0]["status"]


@pytest.mark.parametrize(
    "facts",
    [
        {"state": "requested"},
        {"state": "expired"},
        {"state": "revoked"},
        {"approved_by": None},
        {"expires_at": "2026-11-28T12:00:00Z"},
        {"expires_at": "soon"},
        {"match": {"rule": "GATE-VULN-001", "purl": PURL}},
        {"match": {"vulnerability": "CVE-2026-1"}},
        {"match": {**MATCH, "rule": "GATE-VULN-001"}},
        {"match": {**MATCH, "path": "src/**"}},
        {"match": {**MATCH, "object": "Deployment/prod/web"}},
        {"match": {**MATCH, "environments": ["test"]}},
        {"match": {**MATCH, "versions": "vers:deb/<3"}},
        {"match": {**MATCH, "finding": "a" * 32}},
        {"match": {**MATCH, "subject": "registry.example/acme/*"}},
        {"match": {**MATCH, "subject": f"sha256:{'a' * 64}"}},
        {"match": {**MATCH, "what_a_later_version_knows": "x"}},
    ],
    ids=str,
)
def test_what_does_not_act_or_is_narrower_is_left_out_and_told_of(facts: dict[str, Any]) -> None:
    assert [] == statements(a_waiver(**facts))


def test_an_image_and_a_package_are_product_and_part() -> None:
    name, digest = "registry.example/acme/web", f"sha256:{'a' * 64}"
    said = [
        statements(a_waiver(match={**MATCH, "subject": subject}))[0]["products"][0]
        for subject in (name, f"{name}@{digest}")
    ]

    assert [
        f"pkg:oci/web?repository_url={name}",
        f"pkg:oci/web@sha256%3A{'a' * 64}?repository_url={name}",
    ] == [one["@id"] for one in said]
    assert [[{"@id": PURL}]] * 2 == [one["subcomponents"] for one in said]


def test_the_expiry_is_told_where_vex_has_room_for_it() -> None:
    assert "until 2026-12-06" in statements(a_waiver())[0]["status_notes"]


def test_our_own_reader_of_vex_understands_it() -> None:
    made = document(
        [a_waiver(), a_waiver(id="w-2", reason="false_positive")], id="urn:uuid:1", author="a", now=NOON
    )
    scan = reader.parse(Document("vex.json", msgspec.json.encode(made.document), "json", made.document))

    assert ((), 1) == (scan.rejected, len(scan.observations))
