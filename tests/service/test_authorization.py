"""Every operation for every caller, in their own project, in another's and in one that is not there.

The table is authorization.tsv: a row an operation, a column a caller and what is asked about. `yes` is whatever
comes after the permission check, also 422; else the status. A new route has no row and fails; `UPDATE=1` writes the
rows, `test_the_table_follows_from_the_roles` says whether they may stand.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final
from uuid import uuid4

import pytest

from gate.service.app import ROUTES
from gate.service.permissions import INSTANCE_ONLY, INSTANCE_WIDE, ROLES, Permission, Role
from tests.command import CLEAN_BANDIT
from tests.data import REPOSITORY
from tests.service.server import Server, submission

TABLE: Final = REPOSITORY / "tests" / "service" / "authorization.tsv"
OF_A_PROJECT: Final = [role for role in Role if role not in INSTANCE_ONLY]
COLUMNS: Final = [
    "anonymous",
    *(f"{role} {where}" for role in OF_A_PROJECT for where in ("own", "other", "absent")),
    *(f"instance-{role} {where}" for role in Role for where in ("own", "absent")),
]
LISTS: Final = ("reports", "findings", "decisions", "audit", "tokens", "trusts")
"""Lists that can be asked for one project."""
NO_REFUSAL: Final = "yes"


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


def table() -> dict[tuple[str, str], dict[str, str]]:
    """Operation -> column -> cell."""
    header, *rows = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()]
    assert ["operation", *COLUMNS] == header
    found = {}
    for operation, *cells in rows:
        method, _, path = operation.partition(" ")
        found[method, path] = dict(zip(COLUMNS, cells, strict=True))
    return found


class Place:
    """One project with something of everything, or names of what is not there."""

    def __init__(self, server: Server, *, there: bool) -> None:
        self._server = server
        self._there = there
        self.project = f"team/{uuid4().hex[:12]}"
        # Of its own: what two projects have handed over, both may read.
        self.report = {**CLEAN_BANDIT, "metrics": {"_totals": {"loc": 10}, self.project: {"loc": 10}}}
        self.known = {"decision_id": str(uuid4()), "sha256": "sha256:" + uuid4().hex * 2}
        if there:
            server.project(self.project)
            made = server.decide(self.project, self.report).json
            self.known = {"decision_id": made["decision_id"], "sha256": made["reports"][0]["sha256"]}
        self.known |= {"token_id": self._token(), "trust_id": self._trust()}

    def _token(self) -> str:
        if not self._there:
            return uuid4().hex[:16]
        wanted = {"name": "t", "owner": "o", "role": "viewer", "project": self.project}
        made: str = self._server.json("POST", "/api/v1/tokens", wanted).json["id"]
        return made

    def _trust(self) -> str:
        if not self._there:
            return str(uuid4())
        made: str = self._server.json("POST", "/api/v1/trusts", trust(self.project)).json["id"]
        return made

    def asked(self, method: str, path: str) -> tuple[str, object]:
        """The path, filled in, and a body that fits it."""
        if method == "DELETE":
            # Whoever was let through before has taken it away.
            self.known |= {"token_id": self._token(), "trust_id": self._trust()}
        filled = path.replace("{key:path}", self.project)
        for name in re.findall(r"\{(\w+)\}", filled):
            assert name in self.known, f"{path}: say in Place what {name} is"
            filled = filled.replace(f"{{{name}}}", self.known[name])
        if method == "GET" and filled.removeprefix("/api/v1/") in LISTS:
            filled += f"?project={self.project}"
        if filled == "/api/v1/components":
            filled += f"?name=log4j&project={self.project}"
        return filled, self._body(method, path)

    def _body(self, method: str, path: str) -> object:
        bodies: dict[tuple[str, str], object] = {
            ("PUT", "/api/v1/projects/{key:path}"): {"settings": "version: 1\n"},
            ("POST", "/api/v1/decisions"): submission(self.project, self.report),
            ("POST", "/api/v1/evaluate"): submission(self.project, self.report),
            ("POST", "/api/v1/reports"): submission(self.project, self.report),
            ("POST", "/api/v1/tokens"): {
                "name": "t",
                "owner": "o",
                "role": "viewer",
                "project": self.project,
            },
            ("POST", "/api/v1/trusts"): trust(self.project),
            ("POST", "/api/v1/admission/records"): [],
        }
        return bodies.get((method, path), {} if method in ("POST", "PUT", "PATCH") else None)


def trust(project: str) -> dict[str, Any]:
    return {"project": project, "provider": "github", "repository": project, "repository_id": "1001"}


def cell(server: Server, place: Place, method: str, path: str, token: str | None) -> str:
    """What comes of it."""
    filled, body = place.asked(method, path)
    answer = server.json(method, filled, body, token=token)
    assert answer.status < 500, (method, filled, answer.body)
    return str(answer.status) if answer.status in (401, 403, 404) else NO_REFUSAL


def rows(server: Server) -> dict[tuple[str, str], dict[str, str]]:
    """What every caller is answered to every operation."""
    places = {
        "own": Place(server, there=True),
        "other": Place(server, there=True),
        "absent": Place(server, there=False),
    }
    tokens: dict[str, str | None] = {"anonymous": None}
    tokens |= {str(role): server.token(role, places["own"].project) for role in OF_A_PROJECT}
    tokens |= {f"instance-{role}": server.token(role) for role in Role}
    found: dict[tuple[str, str], dict[str, str]] = {}
    for method, path, _ in operations():
        found[method, path] = {}
        for column in COLUMNS:
            who, _, where = column.partition(" ")
            place = places[where or "own"]
            if (method, path) == ("PUT", "/api/v1/projects/{key:path}") and where == "absent":
                # Whoever may makes it, and it would be there from then on.
                place = Place(server, there=False)
            found[method, path][column] = cell(server, place, method, path, tokens[who])
    return found


def test_every_operation_answers_every_caller_as_the_table_says(believing: Server) -> None:
    found = rows(believing)
    if os.environ.get("UPDATE") == "1":
        lines = ["\t".join(["operation", *COLUMNS])]
        lines += ["\t".join([" ".join(key), *row.values()]) for key, row in found.items()]
        TABLE.write_text("\n".join(lines) + "\n", "utf-8")
    wrong = {
        (*key, column): (expected[column], actual)
        for key, expected in table().items()
        for column, actual in found.get(key, dict.fromkeys(COLUMNS, "no such operation")).items()
        if actual != expected[column]
    }

    assert {} == wrong


def test_every_operation_has_a_row() -> None:
    assert {(method, path) for method, path, _ in operations()} == set(table())


def test_the_table_has_a_thousand_cells() -> None:
    assert 1_000 <= sum(len(row) for row in table().values())


@pytest.mark.parametrize(("method", "path", "permission"), operations())
def test_the_table_follows_from_the_roles(method: str, path: str, permission: Permission) -> None:
    """What a role does not bring is never `yes`, and what belongs to others is answered as what is not there."""
    row = table()[method, path]
    is_public = permission is Permission.PUBLIC
    wrong = {
        column: value
        for column, value in row.items()
        if not is_public and value == NO_REFUSAL and not _brings(column, permission)
    }
    lacking = {
        column: value
        for column, value in row.items()
        if column.endswith(" own") and _brings(column, permission) and value != NO_REFUSAL
    }
    told = {
        role: (row[f"{role} other"], row[f"{role} absent"])
        for role in OF_A_PROJECT
        if row[f"{role} other"] != row[f"{role} absent"]
    }

    assert ({}, {}, {}) == (wrong, lacking, told)
    assert is_public or "401" == row["anonymous"]


def _brings(column: str, permission: Permission) -> bool:
    who, _, _ = column.partition(" ")
    if who == "anonymous":
        return False
    of_instance = who.startswith("instance-")
    role = Role(who.removeprefix("instance-"))
    return permission in ROLES[role] and (of_instance or permission not in INSTANCE_WIDE)


@pytest.mark.parametrize(("method", "path", "permission"), operations())
def test_nobody_reaches_into_another_project(method: str, path: str, permission: Permission) -> None:
    row = table()[method, path]
    names_one = (
        "{" in path or (method != "GET" and "admission" not in path) or path.rpartition("/")[2] in LISTS
    )
    reached = [role for role in OF_A_PROJECT if row[f"{role} other"] == NO_REFUSAL]

    assert [] == reached or permission in (Permission.PUBLIC, Permission.SELF_READ) or not names_one
