"""Promotions, baselines, the way back, replay: what follows from decisions that were recorded."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.service.server import Answer, Server
from tests.service.test_waivers import feed

SETTINGS = """version: 1
environments:
  - {name: staging}
  - {name: production, aliases: [prod], branches: [main], requires: {environment: staging}}
"""
SOAKING = SETTINGS.replace("environment: staging}}", "environment: staging, soak: 1h}}")
MANIFEST = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "prod"},
    "spec": {
        "containers": [
            {"name": "web", "image": "registry.example/web:1", "securityContext": {"privileged": True}}
        ]
    },
}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "n"},
    "data": {"a": "UExBSU5URVhU"},
}


class Team:
    """A project with staging and production."""

    def __init__(self, server: Server, settings: str = SETTINGS) -> None:
        self.server = server
        self.project = server.project(f"team/{uuid4().hex[:12]}", settings)
        self.ci = server.token("ci", self.project, "ci-bot")

    def decide(
        self, of: str, *reports: object, environment: str = "staging", **subject: Any
    ) -> dict[str, Any]:
        meta = {
            "environment": environment,
            "subject": {"name": "web", "digest": of, "branch": "main", "author": "wei", **subject},
        }
        made = self.server.decide(self.project, *(reports or (CLEAN_BANDIT,)), meta=meta, token=self.ci)
        assert made.status == 201, made.body
        found: dict[str, Any] = made.json
        return found

    def promote(self, of: str, environment: str = "production", **more: Any) -> Answer:
        body = {"project": self.project, "environment": environment, "digest": of, **more}
        return self.server.json("POST", "/api/v1/promotions", body, token=self.ci)

    def get(self, path: str) -> Answer:
        mark = "&" if "?" in path else "?"
        return self.server.request("GET", f"/api/v1/{path}{mark}project={self.project}", token=self.ci)

    def replace(self, settings: str) -> None:
        self.server.project(self.project, settings)


def digest() -> str:
    return f"sha256:{uuid4().hex}{uuid4().hex}"


@pytest.fixture
def team(server: Server) -> Team:
    return Team(server)


# ----------------------------------------------------------------------------------- promotions


def test_a_digest_that_passed_staging_enters_production_on_the_same_evidence(team: Team) -> None:
    of = digest()
    staged = team.decide(of)
    promoted = team.promote(of)

    assert (201, "pass", "production") == (
        promoted.status,
        promoted.json["outcome"],
        promoted.json["environment"],
    )
    assert staged["reports"] == promoted.json["reports"]
    assert staged["subject"] == promoted.json["subject"]
    assert promoted.json == team.server.request("GET", promoted.headers["Location"]).json


def test_a_digest_that_skipped_staging_is_refused(server: Server) -> None:
    team = Team(server, SETTINGS.replace("  - {name: staging}", "  - {name: test}\n  - {name: staging}"))
    of = digest()
    team.decide(of, environment="test")
    promoted = team.promote(of)

    assert ("fail", ["GATE-ENV-003"]) == (
        promoted.json["outcome"],
        [one["rule"] for one in promoted.json["violations"]],
    )


def test_a_digest_that_has_not_soaked_is_refused(server: Server) -> None:
    team = Team(server, SOAKING)
    of = digest()
    team.decide(of)

    assert ["GATE-ENV-003"] == [one["rule"] for one in team.promote(of).json["violations"]]


def test_a_digest_that_failed_staging_is_refused_whatever_it_was_before(team: Team) -> None:
    of = digest()
    team.decide(of)
    team.decide(of, BANDIT_EVAL)

    assert "fail" == team.promote(of).json["outcome"]


def test_the_branch_that_asks_is_judged(team: Team) -> None:
    of = digest()
    team.decide(of)
    promoted = team.promote(of, branch="feature/x")

    assert ["GATE-ENV-001"] == [one["rule"] for one in promoted.json["violations"]]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"digest": digest()}, "evidence_unknown"),
        ({"environment": "moon"}, "environment_unknown"),
        ({"digest": "web:latest"}, "invalid"),
        ({"digest": ""}, "invalid"),
        ({"outcome": "pass"}, "invalid"),
        ({"now": "2020-01-01T00:00:00Z"}, "invalid"),
    ],
)
def test_what_is_not_known_is_no_promotion(team: Team, changed: dict[str, Any], code: str) -> None:
    of = digest()
    team.decide(of)
    refused = team.promote(of, **changed)

    assert (422, code) == (refused.status, refused.json["code"])


def test_the_same_key_promotes_once(team: Team) -> None:
    of = digest()
    team.decide(of)
    body = {"project": team.project, "environment": "production", "digest": of}
    key = uuid4().hex
    first, second = (
        team.server.json("POST", "/api/v1/promotions", body, token=team.ci, idempotency_key=key)
        for _ in range(2)
    )

    assert first.json == second.json


def test_evidence_with_masked_values_is_handed_over_again(team: Team) -> None:
    of = digest()
    team.decide(of, CLEAN_BANDIT, SECRET)
    refused = team.promote(of)

    assert (422, "evidence_masked") == (refused.status, refused.json["code"])


def test_older_evidence_does_not_come_out_on_top(team: Team) -> None:
    of = digest()
    clean = team.decide(of)
    team.decide(of, BANDIT_EVAL)
    path = f"/api/v1/decisions/{clean['decision_id']}/re-evaluate"

    assert (409, "not_newest") == (
        (refused := team.server.json("POST", path, {}, token=team.ci)).status,
        refused.json["code"],
    )


def test_settings_of_today_judge_what_is_asked_again(team: Team) -> None:
    of = digest()
    passed = team.decide(of)
    team.replace(SETTINGS.replace("{name: staging}", "{name: staging, evidence: {require: [sbom]}}"))
    again = team.server.json(
        "POST", f"/api/v1/decisions/{passed['decision_id']}/re-evaluate", {}, token=team.ci
    )

    assert (201, ["GATE-EVID-001"]) == (again.status, [one["rule"] for one in again.json["violations"]])


def test_a_decision_that_was_taken_back_counts_for_nothing(team: Team) -> None:
    of, earlier = digest(), digest()
    for one in (earlier, of):
        team.decide(one)
        team.promote(one)
    released = team.get("baselines/production").json["baseline"]
    approver = team.server.token("approver", team.project, "lin")
    path = f"/api/v1/decisions/{released['decision_id']}/revoke"
    by_ci = team.server.json("POST", path, {}, token=team.ci)
    taken, twice = (team.server.json("POST", path, {"note": "n"}, token=approver) for _ in range(2))
    left = team.get("baselines/production").json["baseline"]
    told = [one for one in feed(team.server) if one.get("decision_id") == released["decision_id"]]

    assert (403, 200, 409) == (by_ci.status, taken.status, twice.status)
    assert (of, earlier) == (released["digest"], left["digest"])
    assert 200 == team.server.request("GET", "/api/v1/audit/verify").status
    assert [False, True] == [one["revoked_at"] is not None for one in told]


# ------------------------------------------------------------------------- baselines, the way back


def test_the_last_passing_release_is_the_baseline(team: Team) -> None:
    first, second, failing = digest(), digest(), digest()
    for of in (first, second):
        team.decide(of, commit=of[7:47])
        team.promote(of)
    team.decide(failing, BANDIT_EVAL)
    team.promote(failing)
    found = team.get("baselines/prod").json
    listed = team.get("baselines").json["items"]

    assert (second, second[7:47], "unreported") == (
        found["baseline"]["digest"],
        found["baseline"]["commit"],
        found["drift"]["state"],
    )
    assert [("staging", second), ("production", second)] == [
        (one["environment"], one["baseline"]["digest"]) for one in listed
    ]


def test_what_admission_reports_beside_the_release_is_drift(team: Team) -> None:
    old, new = digest(), digest()
    for of in (old, new):
        team.decide(of)
        team.promote(of)
    cluster = team.server.token("admission")

    def reported(of: str) -> str:
        record = {
            "record_id": str(uuid4()),
            "writer": "w",
            "outcome": "pass",
            "first_at": "2126-01-01T00:00:00.000000Z",
            "last_at": "2126-01-01T00:00:00.000000Z",
            "count": 1,
            "namespace": "prod",
            "environment": "production",
            "project": team.project,
            "policy_revision": digest(),
            "digests": [of],
        }
        kept = team.server.json("POST", "/api/v1/admission/records", [record], token=cluster)
        assert kept.status == 200, kept.body
        state: str = team.get("baselines/production").json["drift"]["state"]
        return state

    assert ("none", "drifted") == (reported(new), reported(old))


def test_the_way_back_is_the_newest_earlier_release_that_still_passes(team: Team) -> None:
    oldest, older, current = digest(), digest(), digest()
    for of in (oldest, older, current):
        team.decide(of, *((CLEAN_BANDIT, MANIFEST) if of == older else (CLEAN_BANDIT,)))
        team.promote(of)
    relaxed = SETTINGS + "policies: {actions: {GATE-*: audit}}\n"
    team.replace(relaxed)
    team.decide(older, CLEAN_BANDIT, MANIFEST)
    team.promote(older)
    team.promote(current)
    before = team.get("baselines/production/rollback").json
    team.replace(SETTINGS)
    after = team.get("baselines/production/rollback").json

    assert (current, older) == (before["current"]["digest"], before["target"]["digest"])
    assert (oldest, [older]) == (after["target"]["digest"], [one["digest"] for one in after["rejected"]])
    assert after["rejected"][0]["against"]
    assert current == after["differs"]["base"]["digest"]


def test_planning_records_nothing(team: Team) -> None:
    for of in (digest(), digest()):
        team.decide(of)
        team.promote(of)
    before = team.get("decisions").json["items"]
    team.get("baselines/production/rollback")

    assert before == team.get("decisions").json["items"]


def test_without_a_release_there_is_no_baseline_and_no_way_back(team: Team) -> None:
    assert [(404, "nothing_released")] * 2 == [
        (one.status, one.json["code"])
        for one in map(team.get, ("baselines/production", "baselines/production/rollback"))
    ]


# ------------------------------------------------------------------------------ replay and difference


@pytest.mark.parametrize(
    "reports", [(CLEAN_BANDIT,), (BANDIT_EVAL,), (BANDIT_EVAL, MANIFEST)], ids=["clean", "fail", "manifest"]
)
def test_a_decision_is_made_again_bit_for_bit(team: Team, reports: tuple[object, ...]) -> None:
    made = team.decide(digest(), *reports)
    team.replace(SETTINGS + "policies: {use: [builtin:pod-security/restricted], actions: {GATE-*: off}}\n")
    replayed = team.server.request("POST", f"/api/v1/decisions/{made['decision_id']}/replay")

    assert 200 == replayed.status, replayed.body
    assert (True, []) == (replayed.json["reproduced"], replayed.json["differences"]), replayed.json


def test_what_one_decision_has_and_another_has_not_is_told(team: Team) -> None:
    base = team.decide(digest())
    other = team.decide(digest(), BANDIT_EVAL)
    told = team.get(f"decisions/{other['decision_id']}/diff?base={base['decision_id']}").json
    back = team.get(f"decisions/{base['decision_id']}/diff?base={other['decision_id']}").json

    assert [one["fingerprint"] for one in told["introduced"]] == [one["fingerprint"] for one in back["fixed"]]
    assert (1, [], ["GATE-CODE-002"]) == (
        len(told["introduced"]),
        told["fixed"],
        [one["rule"] for one in told["violations_introduced"]],
    )
