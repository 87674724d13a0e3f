"""Who may do what: every operation for every role, in its own project and in another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gate.service.app import ROUTES
from gate.service.permissions import INSTANCE_ONLY, INSTANCE_WIDE, ROLES, Permission, Role
from tests.command import CLEAN_BANDIT
from tests.data import REPOSITORY
from tests.service.server import Server, submission

MATRIX = REPOSITORY / "docs" / "service.md"
A_WAIVER = {
    "match": {"rule": "GATE-CODE-002"},
    "reason": "false_positive",
    "note": "a constant",
    "expires": f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}",
}
WAITS = "version: 1\nenvironments: [{name: production, approvals: {number: 1}}]\n"
SETTLED = (409, 412, 428)
"""Answers to who may: it is there, was changed meanwhile, or is decided already."""
ROLES_OF_A_PROJECT = [role for role in Role if role not in INSTANCE_ONLY]


def operations() -> list[tuple[str, str, Permission]]:
    """Method, path and permission of every route."""
    return [
        (
            options["methods"][0],
            f"{routes.prefix}{path}",
            Permission(options["openapi_extra"]["x-permission"]),
        )
        for routes in ROUTES
        for path, _, options in routes.declared
    ]


def asked(method: str, path: str, project: str, known: dict[str, str]) -> tuple[str, object]:
    """A path that is filled in and a body that fits it."""
    filled = path.replace("{key:path}", project)
    for name, value in known.items():
        filled = filled.replace(f"{{{name}}}", value)
    if filled in ("/api/v1/reports", "/api/v1/findings", "/api/v1/decisions") and method == "GET":
        filled += f"?project={project}"
    if filled == "/api/v1/components":
        filled += f"?name=log4j&project={project}"
    bodies: dict[tuple[str, str], object] = {
        ("PUT", "/api/v1/projects/{key:path}"): {"settings": "version: 1\n"},
        ("POST", "/api/v1/decisions"): submission(project, CLEAN_BANDIT),
        ("POST", "/api/v1/evaluate"): submission(project, CLEAN_BANDIT),
        ("POST", "/api/v1/reports"): submission(project, CLEAN_BANDIT),
        ("POST", "/api/v1/tokens"): {"name": "t", "owner": "o", "role": "viewer", "project": project},
        ("POST", "/api/v1/admission/records"): [],
        ("POST", "/api/v1/waivers"): {"project": project, **A_WAIVER},
        ("PATCH", "/api/v1/waivers/{waiver_id}"): {"note": "another"},
        ("POST", "/api/v1/waivers/{waiver_id}/approve"): {"sha256": known.get("waiver_sha256")},
        ("POST", "/api/v1/waivers/bulk"): {
            "action": "revoke",
            "items": [{"id": known.get("waiver_id", "of-nobody")}],
        },
        ("POST", "/api/v1/admission/grants"): {"namespace": "prod", "reason": "r"},
    }
    bodies["POST", "/api/v1/promotions"] = {
        "project": project,
        "environment": "production",
        "digest": known.get("digest"),
    }
    if path == "/api/v1/events":
        filled += f"?seconds=0&project={project}"
    if "baselines" in path:
        filled += f"?project={project}"
    if path.endswith("/diff"):
        filled += f"?base={known['decision_id']}"
    if path == "/api/v1/decisions/{decision_id}/revoke":
        filled = filled.replace(known.get("decision_id", ""), known.get("other_id", ""))
    if path.endswith(("/reject", "/revoke", "/re-evaluate")) or (
        path.endswith("/approve") and "approvals" in path
    ):
        return filled, {}
    return filled, bodies.get((method, path))


@pytest.fixture(scope="module")
def known(server: Server) -> dict[str, str]:
    """A project with one of everything, and a token that may be revoked."""
    project = server.project(f"team/{uuid4().hex[:12]}", WAITS)
    subject = {"name": "web", "digest": f"sha256:{uuid4().hex}{uuid4().hex}", "author": "wei"}
    meta = {"environment": "production", "subject": subject}
    made = server.decide(project, CLEAN_BANDIT, meta=meta, token=server.token("ci", project, "bot")).json
    waiver = server.json("POST", "/api/v1/waivers", {"project": project, **A_WAIVER}).json
    [approval] = server.request("GET", f"/api/v1/approvals?project={project}").json["items"]
    token = server.json(
        "POST", "/api/v1/tokens", {"name": "t", "owner": "o", "role": "viewer", "project": project}
    )
    return {
        "project": project,
        "decision_id": made["decision_id"],
        "other_id": server.decide(project, CLEAN_BANDIT).json["decision_id"],
        "sha256": made["reports"][0]["sha256"],
        "token_id": token.json["id"],
        "digest": subject["digest"],
        "environment": "production",
        "waiver_id": waiver["id"],
        "waiver_sha256": waiver["sha256"],
        "approval_id": approval["id"],
        "job_id": _a_job(server, project),
    }


def _a_job(server: Server, project: str) -> str:
    """The id of a job of the project: a waiver that begins to act makes one."""
    asks, approves = server.token("developer", project, "mo"), server.token("approver", project, "ann")
    waiver = server.json("POST", "/api/v1/waivers", {"project": project, **A_WAIVER}, token=asks).json
    path = f"/api/v1/waivers/{waiver['id']}/approve"
    server.json("POST", path, {"sha256": waiver["sha256"]}, token=approves)
    [approval] = server.request("GET", f"/api/v1/approvals?project={project}").json["items"]
    answer = server.json("POST", f"/api/v1/approvals/{approval['id']}/approve", {}, token=approves)
    job: str = answer.json["job_id"]
    return job


@pytest.mark.parametrize("role", ROLES_OF_A_PROJECT)
def test_a_role_may_do_in_its_project_what_its_permissions_say_and_nothing_else(
    server: Server, known: dict[str, str], role: Role
) -> None:
    token = server.token(role, known["project"])
    wrong = []
    for method, path, permission in operations():
        filled, body = asked(method, path, known["project"], known)
        answer = server.json(method, filled, body, token=token)
        status = answer.status
        may = permission in (*ROLES[role], Permission.PUBLIC) and permission not in INSTANCE_WIDE
        is_own_matter = status == 403 and b" has not " not in answer.body
        if (status < 300 or status in SETTLED or is_own_matter) != may:
            wrong.append((method, path, status, may))

    assert [] == wrong


@pytest.mark.parametrize("role", ROLES_OF_A_PROJECT)
def test_what_belongs_to_another_project_is_as_if_it_were_not_there(
    server: Server, known: dict[str, str], role: Role
) -> None:
    token = server.token(role, server.project(f"team/{uuid4().hex[:12]}"))
    seen = []
    for method, path, permission in operations():
        filled, body = asked(method, path, known["project"], known)
        is_about_one = known["project"] in filled or (isinstance(body, dict) and "project" in body)
        is_about_one = is_about_one or "{" in path
        if path == "/api/v1/waivers/bulk":
            is_about_one = False  # it answers with a list: what is not there is told of in it
        answer = server.json(method, filled, body, token=token)
        if permission is not Permission.PUBLIC and is_about_one and answer.status not in (403, 404):
            seen.append((method, path, answer.status))
        if known["project"].encode() in answer.body.replace(filled.encode(), b""):
            seen.append((method, path, answer.status))

    assert [] == seen


@pytest.mark.usefixtures("known")
def test_lists_hold_what_the_caller_may_know_of_and_nothing_else(server: Server) -> None:
    mine = server.project(f"team/{uuid4().hex[:12]}")
    server.decide(mine, CLEAN_BANDIT)
    token = server.token("auditor", mine)
    lists = ("/api/v1/projects", "/api/v1/decisions", "/api/v1/findings", "/api/v1/audit")
    items = [item for path in lists for item in server.request("GET", path, token=token).json["items"]]

    assert {mine} == {item["project"] for item in items}


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer wrong", "Bearer " + "x" * 5_000, "bearer\tx", "Token x"],
)
def test_without_a_valid_token_nothing_is_answered(server: Server, header: str) -> None:
    statuses = {
        (method, path): server.json(
            method, path, {}, token=None, **({"authorization": header} if header else {})
        )
        for method, path, permission in operations()
        if permission is not Permission.PUBLIC
    }

    assert {401} == {answer.status for answer in statuses.values()}
    assert all("Bearer" in answer.headers["WWW-Authenticate"] for answer in statuses.values())


def test_a_revoked_token_counts_no_longer(server: Server, project: str) -> None:
    token = server.token("viewer", project)
    its_id = server.request("GET", "/api/v1/tokens/self", token=token).json["id"]
    revoked = server.request("DELETE", f"/api/v1/tokens/{its_id}")

    assert 204 == revoked.status
    assert 401 == server.request("GET", "/api/v1/tokens/self", token=token).status


@pytest.mark.parametrize("role", sorted(INSTANCE_ONLY))
def test_a_role_of_the_instance_is_not_for_one_project(server: Server, project: str, role: str) -> None:
    wanted = {"name": "t", "owner": "o", "role": role, "project": project}

    assert 422 == server.json("POST", "/api/v1/tokens", wanted).status


def test_nobody_sets_what_the_service_sets(server: Server, project: str) -> None:
    wanted = {"name": "t", "owner": "o", "role": "viewer", "project": project, "created_by": "somebody else"}

    assert 422 == server.json("POST", "/api/v1/tokens", wanted).status


def test_a_token_is_in_no_list_and_not_in_the_database(server: Server, project: str) -> None:
    token = server.token("viewer", project)
    listed = server.request("GET", f"/api/v1/tokens?project={project}").body
    files = [path for path in server.folder.rglob("gate.db*") if path.is_file()]

    assert token.encode() not in listed
    assert [] == [path.name for path in files if token.encode() in path.read_bytes()]


def test_the_documentation_has_every_role_and_permission() -> None:
    text = Path(MATRIX).read_text("utf-8")
    rows: dict[str, set[str]] = {}
    for line in text.splitlines():
        cells: list[Any] = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if cells[0] in tuple(Role):
            rows[cells[0]] = {name.strip().strip("`") for name in cells[1].split(",")}

    assert {role.value: {p.value for p in ROLES[role]} for role in Role} == rows
