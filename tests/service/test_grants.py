"""Break-glass in the service: one asks, another gives, everybody is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.service.server import Server

GRANTS = "/api/v1/admission/grants"
WANTED = {"namespace": "prod", "reason": "the shop is down", "hours": 2}


@pytest.fixture
def token(server: Server) -> Callable[..., str]:
    def made(owner: str, role: str = "approver") -> str:
        body = {"name": owner, "owner": owner, "role": role}
        text: str = server.json("POST", "/api/v1/tokens", body).json["token"]
        return text

    return made


def requested(server: Server, token: str, **facts: object) -> str:
    answer = server.json("POST", GRANTS, WANTED | facts, token=token)
    assert 201 == answer.status, answer.json
    text: str = answer.json["id"]
    return text


def changes(server: Server, token: str, grant: str) -> list[dict[str, object]]:
    page = server.request("GET", "/api/v1/admission/changes", token=token).json
    return [one for one in page["changes"] if one["kind"] == "granted" and one["id"] == grant]


def test_what_another_person_approved_is_told_to_the_webhooks_and_in_the_audit_log(
    server: Server, token: Callable[..., str]
) -> None:
    wei, lin, cluster = token("wei"), token("lin"), token("cluster", "admission")
    grant = requested(server, wei)
    before = changes(server, cluster, grant)
    given = server.json("POST", f"{GRANTS}/{grant}/approve", {}, token=lin)
    [told] = changes(server, cluster, grant)
    events = [
        one["action"]
        for one in server.request("GET", "/api/v1/audit").json["items"]
        if one["target"] == grant
    ]

    assert [] == before
    assert 200 == given.status, given.json
    assert ("prod", "wei", "lin", True) == tuple(
        told[key] for key in ("namespace", "requested_by", "approved_by", "is_in_force")
    )
    assert ["grant.approved", "grant.requested"] == events


def test_whoever_asks_does_not_approve(server: Server, token: Callable[..., str]) -> None:
    wei, same, cluster = token("wei"), token("Wei@example.com"), token("cluster", "admission")
    grant = requested(server, wei)

    assert [403, 403] == [
        server.json("POST", f"{GRANTS}/{grant}/approve", {}, token=one).status for one in (wei, same)
    ]
    assert [] == changes(server, cluster, grant)


def test_an_administrator_does_not_approve(server: Server, token: Callable[..., str]) -> None:
    grant = requested(server, token("wei"))

    assert 403 == server.json("POST", f"{GRANTS}/{grant}/approve", {}).status


def test_one_person_takes_it_back_and_nobody_gives_it_again(
    server: Server, token: Callable[..., str]
) -> None:
    wei, lin, cluster = token("wei"), token("lin"), token("cluster", "admission")
    grant = requested(server, wei)
    server.json("POST", f"{GRANTS}/{grant}/approve", {}, token=lin)
    ended = server.request("DELETE", f"{GRANTS}/{grant}", token=wei)
    again = server.json("POST", f"{GRANTS}/{grant}/approve", {}, token=lin)

    assert (200, 409) == (ended.status, again.status)
    assert [True, False] == [one["is_in_force"] for one in changes(server, cluster, grant)]


@pytest.mark.parametrize(
    "facts",
    [
        {"hours": 5},
        {"hours": 0},
        {"namespace": "*"},
        {"namespace": ""},
        {"digests": ["latest"]},
        {"reason": ""},
        {"until": "2030-01-01"},
    ],
    ids=str,
)
def test_a_request_for_more_than_may_be_given_is_refused(
    server: Server, token: Callable[..., str], facts: dict[str, object]
) -> None:
    assert 422 == server.json("POST", GRANTS, WANTED | facts, token=token("wei")).status


def test_an_unknown_grant_is_not_found(server: Server, token: Callable[..., str]) -> None:
    assert 404 == server.json("POST", f"{GRANTS}/none/approve", {}, token=token("lin")).status
