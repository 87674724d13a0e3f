"""Every operation for every caller, in their own project, in another's and in one that is not there.

The table is authorization.tsv: a row an operation, a column a caller and what is asked about. `yes` is whatever
comes after the permission check, also 422; else the status. A new route has no row and fails; `UPDATE=1` writes the
rows, `test_the_table_follows_from_the_roles` says whether they may stand.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from gate.service.app import ROUTES
from gate.service.permissions import INSTANCE_ONLY, INSTANCE_WIDE, OF_NAMESPACES, ROLES, Permission, Role
from tests.command import CLEAN_BANDIT
from tests.data import REPOSITORY
from tests.service.provider import Provider
from tests.service.server import Server, submission
from tests.service.test_login import Browser

TABLE: Final = REPOSITORY / "tests" / "service" / "authorization.tsv"
OF_A_PROJECT: Final = [role for role in Role if role not in INSTANCE_ONLY]
COLUMNS: Final = [
    "anonymous",
    *(f"{role} {where}" for role in OF_A_PROJECT for where in ("own", "other", "absent")),
    *(f"instance-{role} {where}" for role in Role for where in ("own", "absent")),
    *(f"{who} {where}" for who in ("team-owner", "team-member") for where in ("own", "other", "absent")),
]
IN_A_TEAM: Final = {"team-owner": Role.DEVELOPER, "team-member": Role.APPROVER}
"""People who are something by their team alone; `own` is the project and the namespace of that team."""
LISTS: Final = (
    "reports",
    "findings",
    "decisions",
    "audit",
    "tokens",
    "trusts",
    "waivers",
    "approvals",
)
"""Lists that can be asked for one project."""
NO_REFUSAL: Final = "yes"
TELLS_OF_EACH: Final = "/api/v1/waivers/bulk"
"""It answers with a list: what is not there is told of in it."""
A_WAIVER: Final = {
    "match": {"rule": "GATE-CODE-002"},
    "reason": "false_positive",
    "note": "a constant",
    "expires": f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}",
}
WAITS: Final = "version: 1\nenvironments: [{name: production, approvals: {number: 1}}]\n"


HAVE_NONE: Final = {(who, "/api/v1/tokens/self") for who in IN_A_TEAM}
"""Whoever has logged in has no token to be told of."""


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
        self.team = self.namespace = f"team-{uuid4().hex[:12]}"
        # Of its own: what two projects have handed over, both may read.
        self.report = {**CLEAN_BANDIT, "metrics": {"_totals": {"loc": 10}, self.project: {"loc": 10}}}
        self.known = self._everything() if there else absent()
        self.known |= self._taken_away()
        self._may_lack = True

    def _owned(self) -> None:
        """Give the team what is its, whatever was taken away."""
        if not self._there:
            return
        server, team = self._server, f"/api/v1/teams/{self.team}"
        server.json("POST", "/api/v1/teams", {"name": self.team})
        member = {"kind": "person", "name": "leaves", "roles": ["viewer"]}
        for path, body in (
            (f"{team}/projects/{self.project}", None),
            (f"{team}/namespaces/{self.namespace}", None),
            (f"{team}/members", member),
        ):
            answer = server.json("PUT", path, body)
            assert answer.status == 200, answer.body

    def _everything(self) -> dict[str, str]:
        server, project = self._server, server_project(self._server, self.project)
        subject = {"name": "web", "digest": f"sha256:{uuid4().hex}{uuid4().hex}", "author": "wei"}
        meta = {"environment": "production", "subject": subject}
        made = server.decide(project, self.report, meta=meta, token=server.token("ci", project, "bot")).json
        waiver = server.json("POST", "/api/v1/waivers", {"project": project, **A_WAIVER}).json
        [approval] = server.request("GET", f"/api/v1/approvals?project={project}").json["items"]
        return {
            "decision_id": made["decision_id"],
            "other_id": server.decide(project, self.report).json["decision_id"],
            "sha256": made["reports"][0]["sha256"],
            "digest": subject["digest"],
            "environment": "production",
            "waiver_id": waiver["id"],
            "waiver_sha256": waiver["sha256"],
            "approval_id": approval["id"],
            "job_id": self._job(),
        }

    def _job(self) -> str:
        """The id of a job of the project: an approval makes one."""
        server, project = self._server, self.project
        approves = server.token("approver", project, "ann")
        [approval] = server.request("GET", f"/api/v1/approvals?project={project}").json["items"]
        made: str = server.json(
            "POST", f"/api/v1/approvals/{approval['id']}/approve", {}, token=approves
        ).json["job_id"]
        return made

    def _taken_away(self) -> dict[str, str]:
        """What a DELETE leaves nothing of."""
        return {"token_id": self._token(), "trust_id": self._trust(), "grant_id": self._grant()}

    def _grant(self) -> str:
        if not self._there:
            return str(uuid4())
        wanted = {"namespace": self.namespace, "reason": "r"}
        made: str = self._server.json("POST", "/api/v1/admission/grants", wanted).json["id"]
        return made

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
            self.known |= self._taken_away()
        if path.startswith("/api/v1/teams"):
            if self._may_lack:
                self._owned()
            self._may_lack = method == "DELETE"
        filled = path.replace("{key:path}", self.project)
        filled = filled.replace("{kind}/{name:path}", "person/leaves")
        filled = filled.replace("{team}", self.team).replace("{namespace}", self.namespace)
        if path == "/api/v1/decisions/{decision_id}/revoke":
            filled = filled.replace("decision_id", "other_id")
        for name in re.findall(r"\{(\w+)\}", filled):
            assert name in self.known, f"{path}: say in Place what {name} is"
            filled = filled.replace(f"{{{name}}}", self.known[name])
        if method == "GET" and filled.removeprefix("/api/v1/") in LISTS:
            filled += f"?project={self.project}"
        if filled == "/api/v1/components":
            filled += f"?name=log4j&project={self.project}"
        if "baselines" in path:
            filled += f"?project={self.project}"
        if path == "/api/v1/events":
            filled += f"?seconds=0&project={self.project}"
        if path.endswith("/diff"):
            filled += f"?base={self.known['decision_id']}"
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
            ("POST", "/api/v1/admission/grants"): {"namespace": self.namespace, "reason": "r"},
            ("POST", "/api/v1/teams"): {"name": f"another-{uuid4().hex[:12]}"},
            ("PUT", "/api/v1/teams/{team}/members"): {
                "kind": "group",
                "name": "some",
                "roles": ["viewer"],
            },
            ("POST", "/api/v1/waivers"): {"project": self.project, **A_WAIVER},
            ("PATCH", "/api/v1/waivers/{waiver_id}"): {"note": "another"},
            ("POST", "/api/v1/waivers/{waiver_id}/approve"): {"sha256": self.known["waiver_sha256"]},
            ("POST", "/api/v1/waivers/bulk"): {
                "action": "revoke",
                "items": [{"id": self.known["waiver_id"]}],
            },
            ("POST", "/api/v1/promotions"): {
                "project": self.project,
                "environment": "production",
                "digest": self.known["digest"],
            },
        }
        return bodies.get((method, path), {} if method in ("POST", "PUT", "PATCH") else None)


def server_project(server: Server, key: str) -> str:
    return server.project(key, WAITS)


def absent() -> dict[str, str]:
    """Names of what is not there."""
    ids = ("decision_id", "other_id", "waiver_id", "approval_id", "job_id")
    digests = {name: f"sha256:{uuid4().hex}{uuid4().hex}" for name in ("sha256", "digest", "waiver_sha256")}
    return {name: str(uuid4()) for name in ids} | digests | {"environment": "production"}


def trust(project: str) -> dict[str, Any]:
    return {"project": project, "provider": "github", "repository": project, "repository_id": "1001"}


def in_a_team(server: Server, provider: Provider, place: Place, role: Role, *, is_owner: bool) -> Browser:
    """Somebody who has logged in and is in the team of `place`."""
    name = uuid4().hex
    place._owned()
    member = {"kind": "person", "name": name, "roles": [role], "is_owner": is_owner}
    assert 200 == server.json("PUT", f"/api/v1/teams/{place.team}/members", member).status
    provider.logs_in({"sub": name, "preferred_username": name, "groups": []})
    browser = Browser(server, provider)
    assert 200 == browser.log_in().status
    return browser


def cell(server: Server, place: Place, method: str, path: str, caller: str | Browser | None) -> str:
    """What comes of it."""
    filled, body = place.asked(method, path)
    if isinstance(caller, Browser):
        kept = dict(caller.cookies)
        # The session is needed further on: logging out is asked for without its token, which is refused last.
        ask = caller.ask if path == "/auth/logout" else caller.change
        answer = ask(method, filled, body)
        caller.cookies = kept
    else:
        answer = server.json(method, filled, body, token=caller)
    assert answer.status < 500, (method, filled, answer.body)
    # One's own matter (who asked does not approve) is refused to somebody who may.
    is_refused = answer.status in (401, 404) or (answer.status == 403 and b" has not " in answer.body)
    return str(answer.status) if is_refused else NO_REFUSAL


def rows(server: Server, provider: Provider) -> dict[tuple[str, str], dict[str, str]]:
    """What every caller is answered to every operation."""
    places = {
        "own": Place(server, there=True),
        "other": Place(server, there=True),
        "absent": Place(server, there=False),
    }
    callers: dict[str, str | Browser | None] = {"anonymous": None}
    callers |= {
        who: in_a_team(server, provider, places["own"], role, is_owner=who == "team-owner")
        for who, role in IN_A_TEAM.items()
    }
    callers |= {str(role): server.token(role, places["own"].project) for role in OF_A_PROJECT}
    callers |= {f"instance-{role}": server.token(role) for role in Role}
    found: dict[tuple[str, str], dict[str, str]] = {}
    for method, path, _ in operations():
        found[method, path] = {}
        for column in COLUMNS:
            who, _, where = column.partition(" ")
            place = places[where or "own"]
            if (method, path) == ("PUT", "/api/v1/projects/{key:path}") and where == "absent":
                # Whoever may makes it, and it would be there from then on.
                place = Place(server, there=False)
            found[method, path][column] = cell(server, place, method, path, callers[who])
    return found


def test_every_operation_answers_every_caller_as_the_table_says(
    believing: Server, provider: Provider
) -> None:
    found = rows(believing, provider)
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
        if column.endswith(" own")
        and (who_of(column), path) not in HAVE_NONE
        and _brings(column, permission)
        and value != NO_REFUSAL
    }
    told = {
        role: (row[f"{role} other"], row[f"{role} absent"])
        for role in (*OF_A_PROJECT, *IN_A_TEAM)
        if row[f"{role} other"] != row[f"{role} absent"]
    }

    assert ({}, {}, {}) == (wrong, lacking, told)
    assert is_public or "401" == row["anonymous"]


def who_of(column: str) -> str:
    return column.partition(" ")[0]


def _brings(column: str, permission: Permission) -> bool:
    who, _, _ = column.partition(" ")
    if who == "anonymous":
        return False
    if who in IN_A_TEAM:
        of_team = {Permission.TEAMS_READ, *OF_NAMESPACES & ROLES[IN_A_TEAM[who]]}
        is_owners = who == "team-owner" and permission is Permission.TEAMS_DELEGATE
        here = permission in ROLES[IN_A_TEAM[who]] and permission not in INSTANCE_WIDE
        return is_owners or here or permission in of_team
    of_instance = who.startswith("instance-")
    role = Role(who.removeprefix("instance-"))
    return permission in ROLES[role] and (of_instance or permission not in INSTANCE_WIDE)


@pytest.mark.parametrize(("method", "path", "permission"), operations())
def test_nobody_reaches_into_another_project(method: str, path: str, permission: Permission) -> None:
    row = table()[method, path]
    names_one = path != TELLS_OF_EACH and (
        "{" in path or (method != "GET" and "admission" not in path) or path.rpartition("/")[2] in LISTS
    )
    reached = [role for role in (*OF_A_PROJECT, *IN_A_TEAM) if row[f"{role} other"] == NO_REFUSAL]

    assert [] == reached or permission in (Permission.PUBLIC, Permission.SELF_READ) or not names_one
