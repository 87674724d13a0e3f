"""Approvals over HTTP: nobody says yes to their own change, and a yes is heard at once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.command import CLEAN_BANDIT
from tests.service.server import Answer, Server

SETTINGS = "version: 1\nenvironments: [{{name: production, approvals: {{number: {number}{more}}}}}]\n"


class Team:
    """A project whose production wants approvals."""

    def __init__(self, server: Server, number: int = 1, more: str = "") -> None:
        self.server = server
        settings = SETTINGS.format(number=number, more=more)
        self.project = server.project(f"team/{uuid4().hex[:12]}", settings)
        self.digest = f"sha256:{uuid4().hex}{uuid4().hex}"

    def decide(self, owner: str = "ci-bot", author: str | None = "wei@example.com") -> dict[str, Any]:
        subject = {"name": "web", "digest": self.digest, "author": author}
        made = self.server.decide(
            self.project,
            CLEAN_BANDIT,
            meta={"environment": "production", "subject": subject},
            token=self.server.token("ci", self.project, owner),
        )
        assert made.status == 201, made.body
        found: dict[str, Any] = made.json
        return found

    def waiting(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.request(
            "GET", f"/api/v1/approvals?project={self.project}&state=requested"
        ).json["items"]
        return found

    def answer(self, approval_id: str, owner: str, verb: str = "approve") -> Answer:
        token = self.server.token("approver", self.project, owner)
        return self.server.json("POST", f"/api/v1/approvals/{approval_id}/{verb}", {}, token=token)


def test_a_yes_makes_the_decision_pass_at_once(server: Server) -> None:
    team = Team(server)
    waits = team.decide()
    [request] = team.waiting()
    answered = team.answer(request["id"], "lin@example.com")
    newest = server.request("GET", f"/api/v1/decisions/{answered.json['decision']['decision_id']}").json

    assert ("needs_approval", waits["decision_id"]) == (waits["outcome"], request["decision_id"])
    assert (200, "pass", "approved") == (answered.status, newest["outcome"], answered.json["state"])
    assert ["lin@example.com"] == [one["by"] for one in newest["approvals"]["given"]]
    assert waits["input_sha256"] != newest["input_sha256"]
    assert [] == team.waiting()


def test_asking_again_meanwhile_asks_for_no_second_approval(server: Server) -> None:
    team = Team(server)
    team.decide()
    team.decide()

    assert 1 == len(team.waiting())


def test_two_approvals_take_two_persons(server: Server) -> None:
    team = Team(server, number=2)
    team.decide()
    [request] = team.waiting()
    one = team.answer(request["id"], "lin@example.com")
    same = team.answer(request["id"], "Lin <lin@example.com>")
    two = team.answer(request["id"], "mo@example.com")

    assert ("needs_approval", 409, "pass") == (
        one.json["decision"]["outcome"],
        same.status,
        two.json["decision"]["outcome"],
    )


@pytest.mark.parametrize(
    "owner", ["wei@example.com", "Wei Li <wei@example.com>", "ci-bot", "CI-Bot", "wei+second@example.com"]
)
def test_the_author_and_whoever_asked_do_not_answer(server: Server, owner: str) -> None:
    team = Team(server)
    team.decide()
    [request] = team.waiting()
    yes, no = (team.answer(request["id"], owner, verb) for verb in ("approve", "reject"))

    assert [(403, "own_request")] * 2 == [(one.status, one.json["code"]) for one in (yes, no)]
    assert "needs_approval" == team.decide()["outcome"]


def test_whoever_asks_again_after_having_approved_has_not_approved(server: Server) -> None:
    team = Team(server)
    team.decide()
    [request] = team.waiting()
    team.answer(request["id"], "lin@example.com")

    assert "needs_approval" == team.decide(owner="lin@example.com")["outcome"]


def test_an_author_who_is_named_otherwise_the_next_time_still_does_not_answer(server: Server) -> None:
    team = Team(server)
    team.decide(author="wei@example.com")
    team.decide(author="nobody@example.com")
    [request] = team.waiting()
    answered = team.answer(request["id"], "wei@example.com")

    assert (403, "own_request") == (answered.status, answered.json["code"])


def test_whoever_turns_out_to_be_an_author_has_not_approved(server: Server) -> None:
    team = Team(server)
    team.decide(author="nobody@example.com")
    [request] = team.waiting()
    team.answer(request["id"], "lin@example.com")
    team.decide(author="lin@example.com")

    assert "needs_approval" == team.decide(author="nobody@example.com")["outcome"]


def test_without_a_known_author_nobody_can_be_told_apart_from_them(server: Server) -> None:
    team = Team(server)
    team.decide(author=None)
    [request] = team.waiting()
    answered = team.answer(request["id"], "lin@example.com")

    assert (409, "author_unknown") == (answered.status, answered.json["code"])


def test_a_no_takes_every_yes_away(server: Server) -> None:
    team = Team(server, number=2)
    team.decide()
    [request] = team.waiting()
    team.answer(request["id"], "lin@example.com")
    team.answer(request["id"], "mo@example.com", "reject")
    late = team.answer(request["id"], "ann@example.com")
    again = team.decide()
    [fresh] = team.waiting()

    assert (409, "needs_approval", []) == (late.status, again["outcome"], again["approvals"]["given"])
    assert request["id"] != fresh["id"]


def test_an_environment_that_wants_a_group_takes_nobody_else(server: Server) -> None:
    team = Team(server, more=", groups: [release-admins]")
    team.decide()
    [request] = team.waiting()

    assert "needs_approval" == team.answer(request["id"], "lin@example.com").json["decision"]["outcome"]


def test_a_yes_counts_for_no_other_digest(server: Server) -> None:
    team = Team(server)
    team.decide()
    [request] = team.waiting()
    team.answer(request["id"], "lin@example.com")
    team.digest = f"sha256:{uuid4().hex}{uuid4().hex}"

    assert "needs_approval" == team.decide()["outcome"]


def test_what_was_approved_is_not_rejected_afterwards(server: Server) -> None:
    team = Team(server, number=1)
    team.decide()
    [request] = team.waiting()
    passed = team.answer(request["id"], "lin@example.com").json["decision"]
    late = team.answer(request["id"], "mo@example.com", "reject")

    assert ("pass", 409) == (passed["outcome"], late.status)
