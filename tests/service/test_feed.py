"""What admission is told and hands over, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from gate.feed import Admitted, Decided, Page
from tests.command import CLEAN_BANDIT
from tests.service.server import Server


def digest() -> str:
    return f"sha256:{uuid4().hex}{uuid4().hex}"


def page(server: Server, token: str, query: str = "") -> Page:
    answer = server.request("GET", f"/api/v1/admission/changes{query}", token=token)
    assert 200 == answer.status, answer.body
    return msgspec.json.decode(answer.body, type=Page)


def everything(server: Server, token: str) -> tuple[Any, ...]:
    found: list[Any] = []
    last = page(server, token)
    found += last.changes
    while last.has_more:
        last = page(server, token, f"?after={last.last}&epoch={last.epoch}")
        found += last.changes
    return tuple(found)


def a_record(of: str, **changed: Any) -> dict[str, Any]:
    return {
        "record_id": str(uuid4()),
        "writer": "webhook-1",
        "outcome": "pass",
        "first_at": "2026-11-22T10:00:00Z",
        "last_at": "2026-11-22T10:00:00Z",
        "count": 1,
        "namespace": "prod",
        "environment": "production",
        "project": "acme/web",
        "policy_revision": "sha256:x",
        "digests": [of],
        **changed,
    }


def test_a_decision_about_a_digest_is_told(server: Server) -> None:
    settings = "version: 1\nenvironments: [{name: staging}]\n"
    project, of = server.project(f"team/{uuid4().hex[:12]}", settings), digest()
    made = server.decide(
        project, CLEAN_BANDIT, meta={"environment": "staging", "subject": {"name": "web", "digest": of}}
    ).json
    told = [one for one in everything(server, server.token("admission")) if getattr(one, "digest", "") == of]

    assert [made["decision_id"]] == [one.decision_id for one in told if isinstance(one, Decided)]


def test_nothing_new_is_waited_for_and_then_told_of_as_of_now(server: Server) -> None:
    token = server.token("admission")
    everything(server, token)
    first = page(server, token)
    while first.has_more:
        first = page(server, token, f"?after={first.last}&epoch={first.epoch}")
    again = page(server, token, f"?after={first.last}&epoch={first.epoch}&wait=0.3")

    assert ((), first.last) == (again.changes, again.last)
    assert again.as_of > first.as_of


def test_the_first_admission_of_a_digest_is_told_once(server: Server) -> None:
    token, of = server.token("admission"), digest()
    for record in (a_record(of), a_record(of), a_record(digest(), outcome="fail")):
        assert 200 == server.json("POST", "/api/v1/admission/records", [record], token=token).status
    told = [one for one in everything(server, token) if isinstance(one, Admitted) and one.digest == of]

    assert 1 == len(told)


def test_an_older_state_of_a_record_does_not_replace_a_newer(server: Server) -> None:
    token, record = server.token("admission"), a_record(digest(), count=5)
    statuses = [
        server.json("POST", "/api/v1/admission/records", [{**record, "count": count}], token=token).status
        for count in (5, 7, 6)
    ]

    assert [200, 200, 200] == statuses


def test_a_record_of_another_shape_is_refused_with_all_beside_it(server: Server) -> None:
    token, of = server.token("admission"), digest()
    records = [a_record(of), {**a_record(digest()), "outcome": "maybe"}]
    answer = server.json("POST", "/api/v1/admission/records", records, token=token)

    assert 422 == answer.status
    assert [] == [one for one in everything(server, token) if getattr(one, "digest", "") == of]
