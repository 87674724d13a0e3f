"""Who may do what: every operation for every role, in its own project and in another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gate.service.permissions import INSTANCE_ONLY, ROLES, Permission, Role
from tests.command import CLEAN_BANDIT
from tests.data import REPOSITORY
from tests.service.server import Server
from tests.service.test_authorization import operations

MATRIX = REPOSITORY / "docs" / "service.md"


def test_lists_hold_what_the_caller_may_know_of_and_nothing_else(server: Server) -> None:
    server.decide(server.project(f"team/{uuid4().hex[:12]}"), CLEAN_BANDIT)
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
