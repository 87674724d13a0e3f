"""Projects: settings in versions, nothing in them that only a checkout has."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.command import BANDIT_EVAL
from tests.service.server import Server

REFUSED = {
    "policies: {use: [../../etc]}": "policies.use",
    "policies: {use: [/etc]}": "policies.use",
    "policies: {use: ['oci://x/y@sha256:" + "a" * 64 + "']}": "policies.use",
    "policies: {data: [x.yaml]}": "policies.data",
    "policies: {python: true}": "policies.python",
    "engine: {opa: 'http://169.254.169.254/'}": "engine",
    "baseline: {mode: file}": "baseline.mode",
    "unknown: 1": "unknown",
    "policies: {actions: {NO-SUCH-RULE: off}}": "policies.actions",
}


def test_settings_are_replaced_only_by_who_has_read_them(server: Server, project: str) -> None:
    path = f"/api/v1/projects/{project}"
    etag = server.request("GET", path).headers["ETag"]
    body = {"settings": "version: 1\nthresholds: {code: {high: 5}}\n"}
    without = server.json("PUT", path, body)
    stale = server.json("PUT", path, body, if_match='"77"')
    done = server.json("PUT", path, body, if_match=etag)
    again = server.json("PUT", path, body, if_match=etag)

    assert [428, 412, 200, 412] == [answer.status for answer in (without, stale, done, again)]
    assert 2 == done.json["version"]


def test_settings_judge_from_the_next_decision_on(server: Server, project: str) -> None:
    before = server.decide(project, BANDIT_EVAL).json["outcome"]
    server.project(
        project, "version: 1\nthresholds: {code: {high: 5}}\npolicies: {actions: {GATE-CODE-002: audit}}\n"
    )
    after = server.decide(project, BANDIT_EVAL).json["outcome"]

    assert ("fail", "pass") == (before, after)


@pytest.mark.parametrize("line", REFUSED)
def test_settings_that_reach_outside_are_refused(server: Server, line: str) -> None:
    answer = server.json("PUT", f"/api/v1/projects/x-{uuid4().hex}", {"settings": f"version: 1\n{line}\n"})

    assert 422 == answer.status
    assert REFUSED[line] in answer.body.decode()


def test_settings_of_another_project_are_refused(server: Server) -> None:
    answer = server.json("PUT", "/api/v1/projects/one", {"settings": "version: 1\nproject: two\n"})

    assert 422 == answer.status


def test_what_has_no_meaning_here_is_told(server: Server) -> None:
    settings = "version: 1\ninputs: [{path: reports/}]\noutputs: [{format: sarif}]\n"
    made = server.json("PUT", f"/api/v1/projects/x-{uuid4().hex}", {"settings": settings})

    assert (201, ["inputs", "outputs"]) == (made.status, made.json["not_used"])


def test_who_changed_what_is_in_the_audit_log(server: Server, project: str) -> None:
    server.project(project, "version: 1\nthresholds: {secrets: 0}\n")
    items = server.request("GET", f"/api/v1/audit?project={project}").json["items"]

    assert ["project.settings_replaced", "project.created"] == [item["action"] for item in items]
    assert {"bootstrap"} == {item["by"] for item in items}
