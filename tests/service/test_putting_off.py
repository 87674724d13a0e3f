"""Decisions that are put off: accepted once everything is on the disk, made by a job, told the same."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest

from gate import limits
from gate.client import Client
from gate.files import File
from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.data import REPOSITORY
from tests.service.server import Answer, Server

ASYNC: dict[str, Any] = {"prefer": "respond-async, wait=1"}


def done(server: Server, accepted: Answer) -> dict[str, Any]:
    """The job, once it is no longer waited for."""
    until = time.monotonic() + 30
    while True:
        job: dict[str, Any] = server.request("GET", accepted.headers["Location"]).json
        if job["state"] not in ("queued", "running") or time.monotonic() > until:
            return job


def test_a_decision_that_is_put_off_comes_out_the_same(server: Server, project: str) -> None:
    at_once = server.decide(project, BANDIT_EVAL).json
    accepted = server.decide(project, BANDIT_EVAL, **ASYNC)
    job = done(server, accepted)
    answered = server.request("GET", accepted.headers["Location"])
    made = server.request("GET", answered.headers["Location"]).json

    assert (202, "respond-async") == (accepted.status, accepted.headers["Preference-Applied"])
    assert ("succeeded", "fail") == (job["state"], job["result"]["outcome"]), job
    for key in ("violations", "reports", "conditions", "counts", "subject", "policy"):
        assert at_once[key] == made[key]


def test_much_is_put_off_unless_the_client_waits(server: Server, project: str) -> None:
    files = {"_totals": {"loc": 1}} | {f"src/{number}{'x' * 1_000}.py": {"loc": 1} for number in range(5_300)}
    big = {"errors": [], "generated_at": "2026-11-22T10:00:00Z", "results": [], "metrics": files}
    put_off = server.decide(project, big)
    waited = server.decide(project, big, prefer="wait=30")

    assert 5 * limits.MIB == limits.SERVICE_AT_ONCE_BYTES
    assert (202, 201) == (put_off.status, waited.status), put_off.body
    assert "succeeded" == done(server, put_off)["state"]


def test_what_could_never_be_decided_is_not_accepted(server: Server, project: str) -> None:
    refused = [
        server.decide(project, "[]", **ASYNC).status,
        server.decide(project, CLEAN_BANDIT, meta={"environment": "moon"}, **ASYNC).status,
        server.decide(project, **ASYNC).status,
    ]

    assert [422, 422, 422] == refused


def test_the_same_key_puts_off_once(server: Server, project: str) -> None:
    key = uuid4().hex
    first, second = (server.decide(project, CLEAN_BANDIT, idempotency_key=key, **ASYNC) for _ in range(2))
    done(server, first)

    assert (202, 202) == (first.status, second.status)
    assert first.headers["Location"] == second.headers["Location"]
    assert 1 == len(server.request("GET", f"/api/v1/decisions?project={project}").json["items"])


def test_what_holds_secrets_is_not_kept_for_later(server: Server, project: str) -> None:
    sample = next((REPOSITORY / "tests/scanners/samples/gitleaks").glob("*.json"))
    made = server.decide(project, sample.read_text("utf-8"), **ASYNC)

    assert 201 == made.status, made.body


def test_a_project_that_changed_meanwhile_judges_by_what_it_says_now(server: Server, project: str) -> None:
    accepted = server.decide(project, CLEAN_BANDIT, meta={"require": ["sbom"]}, **ASYNC)

    assert "fail" == done(server, accepted)["result"]["outcome"]


def test_nobody_of_another_project_sees_the_job(server: Server, project: str) -> None:
    accepted = server.decide(project, CLEAN_BANDIT, **ASYNC)
    stranger = server.token("ci", server.project(f"team/{uuid4().hex[:12]}"))

    assert 404 == server.request("GET", accepted.headers["Location"], token=stranger).status


def test_the_client_waits_for_the_job(
    server: Server,
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gate.client.WAITED_FOR_BYTES", 0)
    report = (REPOSITORY / "tests/scanners/samples/bandit").glob("*.json")
    data = next(iter(sorted(report))).read_bytes()
    client = Client(server.url, server.token("ci", project))
    shown = client.decide({"project": project}, [File(path="b.json", data=data, declared=None)], uuid4().hex)

    assert project == shown.decision.project
