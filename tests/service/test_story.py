"""The story of a release, through the command line and the service, on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from gate.service import deciding, recording, reevaluation
from gate.stores import projects
from gate.stores.decisions import Overtaken
from gate.stores.packing import packed, unpacked
from gate.stores.schema import DECISION_DOCUMENTS
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, Result, files, gate
from tests.service.clocked import Clocked

SETTINGS = """version: 1
environments:
  - {name: test, branches: ["**"]}
  - {name: staging, branches: [main], requires: {environment: test}}
  - name: production
    branches: [main]
    requires: {environment: staging, soak: 1h}
    approvals: {number: 1}
"""


@pytest.fixture
def server(tmp_path: Path, store_url: str) -> Iterator[Clocked]:
    running = Clocked(tmp_path / "service", store_url)
    with running:
        yield running


class Team:
    """People at their command lines."""

    def __init__(self, server: Clocked, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.project = server.project("acme/web", SETTINGS)
        roles = {"ci-bot": "ci", "wei@example.com": "developer", "lin@example.com": "approver"}
        self.tokens = {owner: server.token(role, self.project, owner) for owner, role in roles.items()}
        self.tokens["audit@example.com"] = server.token("auditor", None, "audit@example.com")
        files(folder, clean__b_json=CLEAN_BANDIT, flawed__b_json=BANDIT_EVAL)

    def run(self, who: str, *arguments: str) -> Result:
        return gate(self.folder, *arguments, "--server", self.server.url, "--token", self.tokens[who])

    def check(self, environment: str, of: str, report: str = "clean") -> Result:
        return self.run(
            "ci-bot",
            "check",
            report,
            *("--project", self.project, "--environment", environment, "--subject", f"web@{of}"),
            *("--branch", "main", "--commit", of[7:47], "--author", "wei@example.com", "-o", "json"),
        )

    def promote(self, environment: str, of: str) -> Result:
        return self.run(
            "ci-bot",
            *("decision", "promote", environment, f"web@{of}", "--project", self.project, "-o", "json"),
        )

    def waits(self) -> dict[str, Any]:
        [found] = self.run("lin@example.com", "decision", "waiting", "-o", "json").json["items"]
        waiting: dict[str, Any] = found
        return waiting

    def released(self, of: str) -> None:
        """Test, staging, production, with everybody's word."""
        assert self.check("test", of).code == 0
        assert self.promote("staging", of).code == 0
        self.server.forward(timedelta(hours=1))
        assert self.promote("production", of).code == 4
        assert self.run("lin@example.com", "decision", "approve", self.waits()["id"]).code == 0


def digest() -> str:
    return f"sha256:{uuid4().hex}{uuid4().hex}"


def test_a_release_goes_from_test_through_staging_and_an_approval_into_production(
    server: Clocked, tmp_path: Path
) -> None:
    team, of = Team(server, tmp_path), digest()
    skipped = team.promote("staging", digest())
    tested, staged = team.check("test", of), team.promote("staging", of)
    early = team.promote("production", of)
    server.forward(timedelta(hours=1))
    waiting = team.promote("production", of)
    approval = team.waits()["id"]
    by_author = team.run("wei@example.com", "decision", "approve", approval)
    own = server.token("approver", team.project, "Wei <wei@example.com>")
    by_own_token = server.json("POST", f"/api/v1/approvals/{approval}/approve", {}, token=own)
    approved = team.run("lin@example.com", "decision", "approve", approval, "-o", "json")
    shown = team.run(
        "wei@example.com", "decision", "show", approved.json["decision"]["decision_id"], "-o", "json"
    )
    baseline = team.run("wei@example.com", "baseline", "show", "production", "--project", team.project)

    assert (3, 0, 0, 1, 4) == (skipped.code, tested.code, staged.code, early.code, waiting.code)
    assert ["GATE-ENV-003"] == [one["rule"] for one in early.json["violations"]]
    assert (3, 403, 0) == (by_author.code, by_own_token.status, approved.code)
    assert ("pass", 0) == (shown.json["outcome"], shown.code)
    assert of in baseline.out
    assert "approved by lin@example.com" in baseline.out


def test_a_digest_that_skipped_staging_is_refused_by_the_command_line(
    server: Clocked, tmp_path: Path
) -> None:
    team, of = Team(server, tmp_path), digest()
    team.check("test", of)
    refused = team.promote("production", of)

    assert (1, ["GATE-ENV-003"]) == (refused.code, [one["rule"] for one in refused.json["violations"]])


def test_a_waiver_is_requested_approved_and_expires_by_the_clock_of_the_service(
    server: Clocked, tmp_path: Path
) -> None:
    team, of = Team(server, tmp_path), digest()
    before = team.check("test", of, "flawed")
    until = f"{server.now() + timedelta(days=3):%Y-%m-%d}"
    requested = team.run(
        "wei@example.com",
        *("waiver", "request", "--rule", "GATE-CODE-002", "--project", team.project, "--until", until),
        *("--reason", "accepted_risk", "--note", "replaced next week", "-o", "json"),
    ).json
    waiting = team.check("test", of, "flawed")
    by_author = team.run("wei@example.com", "waiver", "approve", requested["id"])
    approved = team.run("lin@example.com", "waiver", "approve", requested["id"])
    server.settle()
    newest = server.request("GET", f"/api/v1/decisions?digest={of}").json["items"][0]
    server.forward(timedelta(days=3))
    server.settle()
    reminded = events(server)
    server.forward(timedelta(days=2))
    late = team.check("test", of, "flawed")
    server.settle()
    listed = team.run("wei@example.com", "waiver", "ls", "--state", "expired", "-o", "json").json["items"]

    assert (1, 1, 3, 0) == (before.code, waiting.code, by_author.code, approved.code)
    assert "pass" == newest["outcome"]
    assert "waiver.expiring" in reminded
    assert 1 == late.code
    assert [requested["id"]] == [one["id"] for one in listed]
    assert "waiver.expired" in events(server)


def events(server: Clocked) -> list[str]:
    return [one["action"] for one in server.request("GET", "/api/v1/audit?limit=500").json["items"]]


def test_the_way_back_is_planned_asked_for_and_becomes_the_baseline(server: Clocked, tmp_path: Path) -> None:
    team, first, second = Team(server, tmp_path), digest(), digest()
    for of in (first, second):
        team.released(of)
    planned = team.run("wei@example.com", "rollback", "plan", "production", "--project", team.project)
    back = team.promote("production", first)
    baseline = team.run(
        "wei@example.com", "baseline", "show", "production", "--project", team.project, "-o", "json"
    ).json["baseline"]

    assert 0 == planned.code, planned.err
    assert f"back to {first}" in planned.out
    assert f"commit: {second[7:47]} -> {first[7:47]}" in planned.out
    assert (0, first) == (back.code, baseline["digest"])


def test_every_decision_of_the_story_is_made_again_bit_for_bit(server: Clocked, tmp_path: Path) -> None:
    team = Team(server, tmp_path)
    team.released(digest())
    team.check("test", digest(), "flawed")
    made = server.request("GET", "/api/v1/decisions").json["items"]
    replayed = [team.run("audit@example.com", "decision", "replay", one["decision_id"]) for one in made]

    assert 5 == len(made)
    assert [0] * len(made) == [one.code for one in replayed], [one.out for one in replayed]


def test_one_flipped_bit_is_found_by_verify_and_by_replay(server: Clocked, tmp_path: Path) -> None:
    team = Team(server, tmp_path)
    made = team.check("test", digest()).json["decision_id"]
    whole = server.request("GET", "/api/v1/audit/verify")
    _flip(server, made, "input", b'"findings":[]', b'"findings":[ ]')
    replayed = team.run("audit@example.com", "decision", "replay", made)
    _flip(server, made, "line", b'"outcome":"pass"', b'"outcome":"passs"')
    broken = server.request("GET", "/api/v1/audit/verify")

    assert (200, 500) == (whole.status, broken.status)
    assert 1 == replayed.code


def _flip(server: Clocked, decision_id: str, column: str, before: bytes, after: bytes) -> None:
    is_it = DECISION_DOCUMENTS.c.decision_id == decision_id
    with server.service.database.writing() as connection:
        stored = unpacked(connection.execute(select(DECISION_DOCUMENTS.c[column]).where(is_it)).scalar_one())
        assert before in stored
        value = packed(stored.replace(before, after, 1))
        connection.execute(update(DECISION_DOCUMENTS).where(is_it).values({column: value}))


def test_no_client_says_what_time_it_is(server: Clocked, tmp_path: Path) -> None:
    team = Team(server, tmp_path)
    wanted = {"project": team.project, "environment": "staging", "digest": digest(), "now": "2020-01-01"}

    assert 422 == server.json("POST", "/api/v1/promotions", wanted).status


def test_a_waiver_that_is_revoked_while_it_is_decided_wins(server: Clocked, tmp_path: Path) -> None:
    team, of = Team(server, tmp_path), digest()
    until = f"{server.now() + timedelta(days=3):%Y-%m-%d}"
    requested = team.run(
        "wei@example.com",
        *("waiver", "request", "--rule", "GATE-CODE-002", "--project", team.project, "--until", until),
        *("--reason", "accepted_risk", "--note", "replaced next week", "-o", "json"),
    ).json
    team.run("lin@example.com", "waiver", "approve", requested["id"])
    made = team.check("test", of, "flawed").json
    service = server.service
    with service.database.reading() as connection:
        project = projects.by_key(connection, team.project)
    assert project is not None
    given = reevaluation.again(service, project, made["decision_id"], "test")
    ready = deciding.recording(given, "ci-bot", project)
    team.run("wei@example.com", "waiver", "revoke", requested["id"])

    assert ("pass", "pass") == (made["outcome"], given.judgement.decision.outcome)
    with pytest.raises(Overtaken):
        service.writer.submit(lambda transaction: recording.recorded(transaction, service, ready))
    assert "fail" == team.check("test", of, "flawed").json["outcome"]


def test_what_cannot_be_made_again_stays_taken_back(server: Clocked, tmp_path: Path) -> None:
    team, of = Team(server, tmp_path), digest()
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: n}\ndata: {a: UExBSU5URVhU}\n"
    files(tmp_path, flawed__s_yaml=secret)
    until = f"{server.now() + timedelta(days=3):%Y-%m-%d}"
    waivers = [
        team.run(
            "wei@example.com",
            *("waiver", "request", "--rule", rule, "--project", team.project, "--until", until),
            *("--reason", "accepted_risk", "--note", "replaced next week", "-o", "json"),
        ).json["id"]
        for rule in ("GATE-CODE-002",)
    ]
    for one in waivers:
        team.run("lin@example.com", "waiver", "approve", one)
    passed = team.check("test", of, "flawed")
    team.run("lin@example.com", "waiver", "revoke", waivers[0])
    server.settle()
    left = server.request("GET", f"/api/v1/decisions?digest={of}").json["items"]
    promoted = team.promote("staging", of)

    assert 0 == passed.code, passed.out
    assert [True] == [one["revoked_at"] is not None for one in left]
    assert 3 == promoted.code
