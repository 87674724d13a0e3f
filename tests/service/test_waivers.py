"""Waivers over HTTP: four eyes, bound to what was read, and decisions that follow them at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.command import BANDIT_EVAL, gate
from tests.service.server import Answer, Server

SETTINGS = "version: 1\nenvironments: [{name: staging}]\n"


def digest() -> str:
    return f"sha256:{uuid4().hex}{uuid4().hex}"


def in_days(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def feed(server: Server) -> list[dict[str, Any]]:
    """Everything that admission is told."""
    token = server.token("admission")
    changes: list[dict[str, Any]] = []
    after, has_more = 0, True
    while has_more:
        page = server.request("GET", f"/api/v1/admission/changes?after={after}", token=token).json
        after, has_more = page["last"], page["has_more"]
        changes += page["changes"]
    return changes


class Team:
    """A project with a developer, who asks, and an approver."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.project = server.project(f"team/{uuid4().hex[:12]}", SETTINGS)
        self.ci = server.token("ci", self.project, "ci-bot")
        self.developer = server.token("developer", self.project, "wei@example.com")
        self.approver = server.token("approver", self.project, "lin@example.com")

    def decide(self, of: str) -> dict[str, Any]:
        subject = {"name": "web", "digest": of, "author": "wei@example.com"}
        made = self.server.decide(
            self.project, BANDIT_EVAL, meta={"environment": "staging", "subject": subject}, token=self.ci
        )
        assert made.status == 201, made.body
        found: dict[str, Any] = made.json
        return found

    def newest(self, of: str) -> dict[str, Any]:
        """The newest decision about a digest, once nothing is left to be done."""
        found: list[dict[str, Any]] = self.server.request(
            "GET", f"/api/v1/decisions?project={self.project}&digest={of}"
        ).json["items"]
        return found[0]

    def request(self, token: str | None = None, **changed: Any) -> Answer:
        entry = {
            "project": self.project,
            "match": {"rule": "GATE-CODE-002"},
            "reason": "false_positive",
            "note": "the argument is a constant",
            "expires": in_days(10),
            **changed,
        }
        return self.server.json("POST", "/api/v1/waivers", entry, token=token or self.developer)

    def act(self, waiver: dict[str, Any], action: str, token: str, **body: Any) -> Answer:
        value = {"sha256": waiver["sha256"]} if action == "approve" else {}
        return self.server.json(
            "POST", f"/api/v1/waivers/{waiver['id']}/{action}", {**value, **body}, token=token
        )

    def waiver(self, **changed: Any) -> dict[str, Any]:
        """One that is approved."""
        made = self.request(**changed)
        assert made.status == 201, made.body
        approved = self.act(made.json, "approve", self.approver)
        assert approved.status == 200, approved.body
        found: dict[str, Any] = approved.json
        return found

    def comes_to(self, of: str, outcome: str, *, within_s: float = 15.0) -> dict[str, Any]:
        """The newest decision, once it has that outcome; whatever it is after a while."""
        until = time.monotonic() + within_s
        while True:
            found = self.newest(of)
            if (found["outcome"] == outcome and found["revoked_at"] is None) or time.monotonic() > until:
                return found


@pytest.fixture
def team(server: Server) -> Team:
    return Team(server)


def test_a_waiver_acts_once_somebody_else_approved_it(team: Team) -> None:
    of = digest()
    before = team.decide(of)
    requested = team.request().json
    unapproved = team.decide(of)
    approved = team.act(requested, "approve", team.approver).json
    after = team.decide(of)

    assert ("fail", "requested", "fail") == (
        before["outcome"],
        requested["state"],
        unapproved["outcome"],
    )
    assert ("expiring", "lin@example.com") == (approved["state"], approved["approved_by"])
    assert ("pass", [requested["id"]]) == (after["outcome"], [one["waiver"] for one in after["waived"]])


def test_an_approved_waiver_makes_what_it_covers_pass_without_being_asked_again(team: Team) -> None:
    of = digest()
    team.decide(of)
    team.waiver()

    found = team.comes_to(of, "pass")

    assert ("pass", "ci-bot") == (found["outcome"], found["by"])


def test_a_revoked_waiver_takes_back_at_once_what_rested_on_it(team: Team) -> None:
    of = digest()
    waiver = team.waiver()
    passed = team.decide(of)
    revoked = team.act(waiver, "revoke", team.developer)
    at_once = team.server.request(
        "GET", f"/api/v1/decisions?project={team.project}&digest={of}&outcome=pass"
    ).json["items"]
    found = team.comes_to(of, "fail")

    assert (200, "revoked") == (revoked.status, revoked.json["state"])
    assert [(passed["decision_id"], True)] == [
        (one["decision_id"], one["revoked_at"] is not None) for one in at_once
    ]
    assert "fail" == found["outcome"]


def test_admission_hears_of_a_waiver_that_begins_and_of_one_that_ceases_to_act(team: Team) -> None:
    waiver = team.waiver()
    team.act(waiver, "revoke", team.approver)
    changes = feed(team.server)
    told = [one for one in changes if one["kind"] == "waived" and one["project"] == team.project]

    assert [(waiver["id"], "lin@example.com", True), (waiver["id"], "", False)] == [
        (one["waiver"]["id"], one["waiver"]["approved_by"], one["is_in_force"]) for one in told
    ]


@pytest.mark.parametrize("owner", ["wei@example.com", "WEI@example.com", "Wei <wei+x@example.com>", "wei"])
def test_nobody_approves_their_own_waiver_whatever_token_they_use(team: Team, owner: str) -> None:
    own = team.server.token("approver", team.project, owner)
    refused = team.act(team.request().json, "approve", own)

    assert (403, "own_request") == (refused.status, refused.json["code"])


def test_an_edit_voids_the_approval_and_what_rested_on_it(team: Team) -> None:
    of = digest()
    waiver = team.waiver(expires=in_days(3))
    team.decide(of)
    edited = team.server.json(
        "PATCH",
        f"/api/v1/waivers/{waiver['id']}",
        {"note": "any argument"},
        token=team.developer,
        if_match=f'"{waiver["version"]}"',
    )
    found = team.comes_to(of, "fail")

    assert (200, "requested", None) == (edited.status, edited.json["state"], edited.json["approved_by"])
    assert "fail" == found["outcome"]
    assert "fail" == team.decide(of)["outcome"]


def test_what_was_changed_since_it_was_read_is_not_approved(team: Team) -> None:
    read = team.request().json
    team.server.json(
        "PATCH",
        f"/api/v1/waivers/{read['id']}",
        {"match": {"rule": "GATE-VULN-001"}},
        token=team.developer,
        if_match='"1"',
    )
    refused = team.act(read, "approve", team.approver)

    assert (412, "requested") == (
        refused.status,
        team.server.request("GET", f"/api/v1/waivers/{read['id']}").json["state"],
    )


def test_only_who_requested_a_waiver_edits_it_and_only_what_they_read(team: Team) -> None:
    read = team.request().json
    path = f"/api/v1/waivers/{read['id']}"
    by_other = team.server.json("PATCH", path, {"note": "x"}, token=team.approver, if_match='"1"')
    unread = team.server.json("PATCH", path, {"note": "x"}, token=team.developer)
    stale = team.server.json("PATCH", path, {"note": "x"}, token=team.developer, if_match='"7"')

    assert (403, 428, 412) == (by_other.status, unread.status, stale.status)


def test_an_ended_waiver_stays_ended(team: Team) -> None:
    rejected = team.request().json
    first = team.act(rejected, "reject", team.approver, note="fix it instead")
    again = [
        team.act(rejected, action, token).status
        for action, token in (
            ("approve", team.approver),
            ("reject", team.approver),
            ("revoke", team.developer),
        )
    ]
    edited = team.server.json(
        "PATCH",
        f"/api/v1/waivers/{rejected['id']}",
        {"note": "please"},
        token=team.developer,
        if_match='"2"',
    )

    assert (200, "rejected") == (first.status, first.json["state"])
    assert [409, 409, 409, 409] == [*again, edited.status]


@pytest.mark.parametrize(
    "changed",
    [
        {"match": {"path": "src/**"}},
        {"match": {"rule": "*"}},
        {"match": {"rule": "GATE-CODE-002", "path": "**"}},
        {"match": {"rule": "GATE-EVID-001"}},
        {"match": {"rule": "GATE-ENV-003"}},
        {"match": {}},
        {"expires": "2020-01-01"},
        {"expires": "never"},
        {"expires": in_days(400)},
        {"reason": "because"},
        {"note": ""},
        {"approved_by": "lin@example.com"},
        {"requested_by": "lin@example.com"},
        {"state": "active"},
        {"created": "2030-01-01"},
    ],
)
def test_what_could_never_act_or_sets_what_the_service_sets_is_not_taken(
    team: Team, changed: dict[str, Any]
) -> None:
    assert 422 == team.request(**changed).status


def test_a_waiver_that_lasts_too_long_for_what_is_known_of_it_is_not_taken(team: Team) -> None:
    found = team.decide(digest())["violations"][0]
    refused = team.request(match={"finding": found["finding"]}, expires=in_days(300))

    assert (422, "waiver_idle") == (refused.status, refused.json["code"])


def test_many_are_approved_at_once_and_each_is_told_of(team: Team) -> None:
    mine = team.request(token=team.approver).json
    others = [team.request().json for _ in range(2)]
    items = [{"id": one["id"], "sha256": one["sha256"]} for one in (*others, mine)]
    bulk = {"action": "approve", "items": [*items, {"id": str(uuid4()), "sha256": digest()}]}
    told = team.server.json("POST", "/api/v1/waivers/bulk", bulk, token=team.approver)
    refused = team.server.json("POST", "/api/v1/waivers/bulk", bulk, token=team.developer)

    assert [200, 200, 403, 404] == [one["status"] for one in told.json["items"]]
    assert 403 == refused.status


def test_lists_are_by_state(team: Team) -> None:
    waiver = team.waiver()
    requested = team.request().json
    path = f"/api/v1/waivers?project={team.project}&state="
    found = {
        state: [one["id"] for one in team.server.request("GET", path + state).json["items"]]
        for state in ("requested", "active", "expiring", "revoked")
    }

    assert {
        "requested": [requested["id"]],
        "active": [waiver["id"]],
        "expiring": [waiver["id"]],
        "revoked": [],
    } == found


def test_asking_twice_under_one_key_asks_once(team: Team) -> None:
    entry = {
        "project": team.project,
        "match": {"rule": "GATE-CODE-002"},
        "reason": "false_positive",
        "note": "n",
        "expires": in_days(3),
    }
    key = uuid4().hex
    first, second = (
        team.server.json("POST", "/api/v1/waivers", entry, token=team.developer, idempotency_key=key)
        for _ in range(2)
    )

    assert (201, first.json) == (second.status, second.json)


def test_waivers_that_act_are_exported_as_openvex(team: Team, tmp_path: Path) -> None:
    """The whole way: requested, approved, exported; one that only waits is not in it."""
    match = {"vulnerability": "CVE-2026-1", "purl": "pkg:pypi/x@1"}
    said = {"match": match, "reason": "vulnerable_code_not_present", "note": "n", "expires": in_days(5)}
    asked = [
        team.server.json(
            "POST", "/api/v1/waivers", {"project": team.project, **said}, token=team.developer
        ).json
        for _ in range(2)
    ]
    body = {"sha256": asked[0]["sha256"]}
    team.server.json("POST", f"/api/v1/waivers/{asked[0]['id']}/approve", body, token=team.approver)
    where = ("--server", team.server.url, "--token", team.developer, "--project", team.project)
    result = gate(tmp_path, "waiver", "export", "--author", "acme", *where)

    assert 0 == result.code, result.err
    assert [("CVE-2026-1", "not_affected", [{"@id": "pkg:pypi/x@1"}])] == [
        (one["vulnerability"]["name"], one["status"], one["products"]) for one in result.json["statements"]
    ]
