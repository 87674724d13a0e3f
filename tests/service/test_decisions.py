"""Decisions over HTTP: judged by the project's own settings, recorded before they are answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import urllib3

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, gate
from tests.service.server import ADMIN, Server, submission

DIGEST = "sha256:" + "a" * 64
ENVIRONMENTS = """version: 1
environments:
  - {name: staging, branches: [main]}
  - {name: production, requires: {environment: staging}}
"""


def test_a_clean_report_passes_and_the_decision_can_be_read_again(server: Server, project: str) -> None:
    made = server.decide(project, CLEAN_BANDIT)
    again = server.request("GET", made.headers["Location"])

    assert (201, "pass") == (made.status, made.json["outcome"])
    assert made.json == again.json


def test_a_denied_gate_is_no_http_error(server: Server, project: str) -> None:
    made = server.decide(project, BANDIT_EVAL)

    assert (201, "fail", ["GATE-CODE-002"]) == (
        made.status,
        made.json["outcome"],
        [violation["rule"] for violation in made.json["violations"]],
    )


def test_multipart_and_json_give_the_same_decision(server: Server, project: str) -> None:
    fields: list[tuple[str, Any]] = [
        ("meta", (None, msgspec.json.encode({"project": project}), "application/json")),
        ("report[]", ("report-0.json", msgspec.json.encode(BANDIT_EVAL), "application/json")),
    ]
    body, content_type = urllib3.encode_multipart_formdata(fields)
    made = server.request("POST", "/api/v1/decisions", body, content_type=content_type)
    other = server.decide(project, BANDIT_EVAL)

    assert other.json["violations"] == made.json["violations"]
    assert other.json["reports"] == made.json["reports"]


def test_the_command_line_prints_the_same_with_a_server_as_without(
    server: Server, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bandit.json").write_bytes(msgspec.json.encode(BANDIT_EVAL))
    monkeypatch.setenv("GATE_TOKEN", server.token("ci", project))
    here = gate(tmp_path, "check", "bandit.json", "--project", project, "-o", "json")
    there = gate(tmp_path, "check", "bandit.json", "--project", project, "-o", "json", "--server", server.url)
    changing = ("decision_id", "decided_at", "expires_at", "input_sha256")

    assert (1, 1) == (here.code, there.code), there.err
    assert {**here.json, **dict.fromkeys(changing)} == {**there.json, **dict.fromkeys(changing)}


def test_a_promotion_wants_the_same_digest_to_have_passed_before(server: Server) -> None:
    project = server.project(f"team/{uuid4().hex[:12]}", ENVIRONMENTS)
    subject = {"name": "web", "digest": DIGEST, "branch": "main"}
    skipped = server.decide(project, CLEAN_BANDIT, meta={"environment": "production", "subject": subject})
    staged = server.decide(project, CLEAN_BANDIT, meta={"environment": "staging", "subject": subject})
    promoted = server.decide(project, CLEAN_BANDIT, meta={"environment": "production", "subject": subject})

    assert ["GATE-ENV-003"] == [violation["rule"] for violation in skipped.json["violations"]]
    assert ("pass", "pass") == (staged.json["outcome"], promoted.json["outcome"])


def test_a_digest_that_passed_in_another_project_counts_for_nothing(server: Server) -> None:
    one, other = (server.project(f"team/{uuid4().hex[:12]}", ENVIRONMENTS) for _ in range(2))
    subject = {"name": "web", "digest": "sha256:" + "b" * 64, "branch": "main"}
    server.decide(one, CLEAN_BANDIT, meta={"environment": "staging", "subject": subject})
    promoted = server.decide(other, CLEAN_BANDIT, meta={"environment": "production", "subject": subject})

    assert "fail" == promoted.json["outcome"]


def test_an_environment_that_wants_approvals_waits_for_them(server: Server) -> None:
    settings = "version: 1\nenvironments: [{name: production, approvals: {number: 1}}]\n"
    project = server.project(f"team/{uuid4().hex[:12]}", settings)
    made = server.decide(
        project,
        CLEAN_BANDIT,
        meta={"environment": "production", "subject": {"name": "web", "digest": DIGEST}},
    )

    assert "needs_approval" == made.json["outcome"]


def test_a_request_can_only_ask_for_more_evidence(server: Server, project: str) -> None:
    made = server.decide(project, CLEAN_BANDIT, meta={"require": ["sbom"]})

    assert ["GATE-EVID-001"] == [violation["rule"] for violation in made.json["violations"]]


def test_no_reports_is_no_decision(server: Server, project: str) -> None:
    made = server.decide(project)

    assert (422, "no_inputs") == (made.status, made.json["code"])


@pytest.mark.parametrize("report", ["", "[]", '{"results": []}', '{"errors": [], "results"'])
def test_a_report_that_is_not_understood_is_no_decision(server: Server, project: str, report: str) -> None:
    before = server.request("GET", f"/api/v1/decisions?project={project}").json["items"]
    made = server.decide(project, CLEAN_BANDIT, report)
    after = server.request("GET", f"/api/v1/decisions?project={project}").json["items"]

    assert 422 == made.status
    assert before == after


def test_evaluating_records_nothing(server: Server, project: str) -> None:
    made = server.json("POST", "/api/v1/evaluate", submission(project, BANDIT_EVAL))

    assert (200, "fail") == (made.status, made.json["outcome"])
    assert [] == server.request("GET", f"/api/v1/decisions?project={project}").json["items"]
    assert 404 == server.request("GET", f"/api/v1/decisions/{made.json['decision_id']}").status


def test_the_same_key_decides_once_and_another_body_under_it_is_refused(server: Server, project: str) -> None:
    key = uuid4().hex
    first = server.decide(project, CLEAN_BANDIT, idempotency_key=key)
    second = server.decide(project, CLEAN_BANDIT, idempotency_key=key)
    other = server.decide(project, BANDIT_EVAL, idempotency_key=key)

    assert (201, 201, first.json) == (first.status, second.status, second.json)
    assert (422, "idempotency_reused") == (other.status, other.json["code"])
    assert 1 == len(server.request("GET", f"/api/v1/decisions?project={project}").json["items"])


def test_one_key_used_by_many_at_once_decides_once(server: Server, project: str) -> None:
    key = uuid4().hex
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: server.decide(project, CLEAN_BANDIT, idempotency_key=key), range(16)))

    assert {201} == {answer.status for answer in made}
    assert 1 == len({answer.json["decision_id"] for answer in made})
    assert 1 == len(server.request("GET", f"/api/v1/decisions?project={project}").json["items"])


def test_one_report_handed_over_by_64_at_once_is_kept_once(server: Server, project: str) -> None:
    def hand_over(_: int) -> int:
        given = submission(project, BANDIT_EVAL)
        return server.json("POST", "/api/v1/reports", given).status

    with ThreadPoolExecutor(64) as pool:
        statuses = set(pool.map(hand_over, range(64)))
    kept = server.request("GET", f"/api/v1/reports?project={project}").json["items"]

    assert statuses <= {200, 201}
    assert 1 == len(kept)


def test_the_same_report_judged_by_64_at_once_gives_no_error(server: Server, project: str) -> None:
    with ThreadPoolExecutor(64) as pool:
        made = list(pool.map(lambda _: server.decide(project, BANDIT_EVAL), range(64)))
    findings = server.request("GET", f"/api/v1/findings?project={project}").json["items"]
    kept = server.request("GET", f"/api/v1/reports?project={project}").json["items"]

    assert {(201, "fail")} == {(answer.status, answer.json["outcome"]) for answer in made}
    assert (1, 1) == (len(findings), len(kept))


def test_the_record_is_whole_whatever_was_written_at_once(server: Server) -> None:
    verified = server.request("GET", "/api/v1/audit/verify")
    exported = server.request("GET", "/api/v1/audit/export").body.splitlines()

    assert 200 == verified.status, verified.body
    assert verified.json["decisions"] == len(exported)


def test_a_report_that_was_handed_over_before_is_named_by_its_digest(server: Server, project: str) -> None:
    kept = server.json("POST", "/api/v1/reports", submission(project, BANDIT_EVAL)).json["items"][0]
    made = server.decide(project, meta={"report_ids": [kept["sha256"]]})
    other = server.project(f"team/{uuid4().hex[:12]}")
    foreign = server.decide(other, meta={"report_ids": [kept["sha256"]]})

    assert "fail" == made.json["outcome"]
    assert (422, "report_unknown") == (foreign.status, foreign.json["code"])


def test_pages_follow_one_another_to_the_end(server: Server, project: str) -> None:
    made = [server.decide(project, CLEAN_BANDIT).json["decision_id"] for _ in range(5)]
    path, seen = f"/api/v1/decisions?project={project}&limit=2", []
    for _ in range(3):
        page = server.request("GET", path).json
        seen += [item["decision_id"] for item in page["items"]]
        path = f"/api/v1/decisions?project={project}&limit=2&cursor={page['next']}"

    assert made[::-1] == seen
    assert page["next"] is None


def test_a_decision_comes_in_every_format(server: Server, project: str) -> None:
    location = server.decide(project, BANDIT_EVAL).headers["Location"]
    formats = {
        "application/json": b'"gate.decision/v1"',
        "application/sarif+json": b'"version":"2.1.0"',
        "text/html": b"<!doctype html>",
        "text/markdown": b"gate:sticky",
        "application/junit+xml": b"<testsuites",
    }
    answers = {name: server.request("GET", location, accept=name) for name in formats}

    assert dict.fromkeys(formats, 200) == {name: answer.status for name, answer in answers.items()}
    assert all(mark in answers[name].body for name, mark in formats.items())
    assert 406 == server.request("GET", location, accept="image/png").status


def test_what_a_secret_scanner_found_is_not_kept(server: Server, project: str) -> None:
    leak = "glpat-0123456789abcdefghij"
    report = [
        {
            "RuleID": "gitlab-pat",
            "Description": "a token",
            "StartLine": 1,
            "EndLine": 1,
            "StartColumn": 1,
            "EndColumn": 20,
            "Match": leak,
            "Secret": leak,
            "File": "src/app.py",
            "SymlinkFile": "",
            "Commit": "",
            "Entropy": 4.0,
            "Author": "",
            "Email": "",
            "Date": "",
            "Message": "",
            "Tags": [],
            "Fingerprint": "src/app.py:gitlab-pat:1",
        }
    ]
    made = server.decide(project, report)
    digest = made.json["reports"][0]["sha256"]

    assert "fail" == made.json["outcome"]
    assert 410 == server.request("GET", f"/api/v1/reports/{digest}").status
    assert leak.encode() not in server.request("GET", f"/api/v1/findings?project={project}").body
    assert ADMIN.encode() not in made.body
