"""Teams: what members may, what owners may give, and what nobody reaches by them (THREATS.md F8)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gate import administration
from gate.client import Client
from gate.stores import migrations, teams
from gate.stores.database import Database
from gate.stores.teams import Member, Team
from tests.command import CLEAN_BANDIT, Result, files, gate
from tests.service.provider import Provider
from tests.service.server import ADMIN, Server, submission
from tests.service.test_login import WEI, Browser

Person = Callable[..., Browser]
DECISIONS = "/api/v1/decisions"


@pytest.fixture
def person(believing: Server, provider: Provider) -> Any:
    """Somebody of that `sub` and those groups, logged in."""

    def logged_in(sub: str, *groups: str) -> Browser:
        provider.logs_in({"sub": sub, "preferred_username": sub, "groups": list(groups)})
        browser = Browser(believing, provider)
        assert 200 == browser.log_in().status
        return browser

    yield logged_in
    provider.logs_in(WEI)


class AsAdministrator:
    """A fresh team with a project and a namespace, and what an administrator does with it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.team = f"team-{uuid4().hex[:12]}"
        self.namespace = f"ns-{uuid4().hex[:12]}"
        self.project = server.project(f"team/{uuid4().hex[:12]}")
        self.url = f"/api/v1/teams/{self.team}"
        assert 201 == server.json("POST", "/api/v1/teams", {"name": self.team}).status
        for what in (f"projects/{self.project}", f"namespaces/{self.namespace}"):
            assert 200 == server.json("PUT", f"{self.url}/{what}").status

    def takes_in(self, name: str, *roles: str, kind: str = "person", is_owner: bool = False) -> None:
        body = {"kind": kind, "name": name, "roles": roles, "is_owner": is_owner}
        answer = self.server.json("PUT", f"{self.url}/members", body)
        assert 200 == answer.status, answer.body


@pytest.fixture
def ours(believing: Server) -> AsAdministrator:
    return AsAdministrator(believing)


def decides(browser: Browser, project: str) -> int:
    return browser.change("POST", DECISIONS, submission(project, CLEAN_BANDIT)).status


def puts(browser: Browser, url: str, name: str, *roles: str, is_owner: bool = False) -> tuple[int, str]:
    body = {"kind": "person", "name": name, "roles": roles, "is_owner": is_owner}
    answer = browser.change("PUT", f"{url}/members", body)
    return answer.status, "" if answer.status == 200 else answer.json["code"]


@pytest.mark.parametrize("kind", ["person", "group"])
def test_a_member_has_their_roles_in_the_projects_of_the_team_and_nowhere_else(
    believing: Server, ours: AsAdministrator, person: Person, kind: str
) -> None:
    name, other = uuid4().hex, believing.project(f"team/{uuid4().hex[:12]}")
    wei = person(name) if kind == "person" else person(uuid4().hex, name)
    before = decides(wei, ours.project)
    ours.takes_in(name, "developer", kind=kind)
    within = decides(wei, ours.project), decides(wei, other)
    session = wei.ask("GET", "/api/v1/session").json
    believing.request("DELETE", f"{ours.url}/members/{kind}/{name}")

    assert (403, (201, 404), 403) == (before, within, decides(wei, ours.project))
    assert [{"role": "developer", "project": ours.project}] == session["roles"]
    assert [{"team": ours.team, "is_owner": False, "roles": ["developer"]}] == session["teams"]


def test_a_project_that_is_taken_away_is_no_longer_reached(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    name = uuid4().hex
    ours.takes_in(name, "developer")
    wei = person(name)
    before = decides(wei, ours.project)
    taken = believing.request("DELETE", f"{ours.url}/projects/{ours.project}")

    assert (201, 204, 403) == (before, taken.status, decides(wei, ours.project))


def test_roles_of_two_teams_are_not_added_up(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    name, theirs = uuid4().hex, AsAdministrator(believing)
    ours.takes_in(name, "developer")
    theirs.takes_in(name, "viewer")
    wei = person(name)

    assert (201, 403) == (decides(wei, ours.project), decides(wei, theirs.project))


def test_an_owner_gives_what_they_have_and_nothing_above(ours: AsAdministrator, person: Person) -> None:
    name, one = uuid4().hex, uuid4().hex
    ours.takes_in(name, "developer", is_owner=True)
    owner = person(name)

    assert [(200, ""), (200, ""), (403, "beyond_own"), (403, "beyond_own"), (403, "beyond_own")] == [
        puts(owner, ours.url, one, "viewer"),
        puts(owner, ours.url, one, "developer", is_owner=True),
        puts(owner, ours.url, one, "approver"),
        puts(owner, ours.url, one, "viewer", "policy_owner"),
        puts(owner, ours.url, name, "developer", "approver", is_owner=True),
    ]
    assert 201 == decides(person(one), ours.project)


def test_an_owner_takes_nothing_away_that_they_could_not_give(ours: AsAdministrator, person: Person) -> None:
    name, lin = uuid4().hex, uuid4().hex
    ours.takes_in(name, "developer", is_owner=True)
    ours.takes_in(lin, "approver")
    owner = person(name)
    lowered = puts(owner, ours.url, lin, "viewer")
    removed = owner.change("DELETE", f"{ours.url}/members/person/{lin}")

    assert ((403, "beyond_own"), 403) == (lowered, removed.status)


def test_roles_from_elsewhere_are_no_ground_to_give_them_in_the_team(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    """An approver of another team, or by the platform's file, is none in this one."""
    name, theirs = uuid4().hex, AsAdministrator(believing)
    theirs.takes_in(name, "approver", is_owner=True)
    ours.takes_in(name, "viewer", is_owner=True)
    owner = person(name, "approvers")

    assert (403, "beyond_own") == puts(owner, ours.url, uuid4().hex, "approver")
    assert (200, "") == puts(owner, theirs.url, uuid4().hex, "approver")


def test_a_member_who_is_no_owner_changes_nobody(ours: AsAdministrator, person: Person) -> None:
    name = uuid4().hex
    ours.takes_in(name, "approver")

    assert (403, "forbidden") == puts(person(name), ours.url, uuid4().hex, "viewer")


def test_an_owner_is_none_in_another_team_and_gives_no_projects(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    name, theirs = uuid4().hex, AsAdministrator(believing)
    ours.takes_in(name, "developer", is_owner=True)
    owner = person(name)
    listed = [one["team"] for one in owner.ask("GET", "/api/v1/teams").json["items"]]
    given = owner.change("PUT", f"{ours.url}/projects/{theirs.project}").status

    assert (404, "not_found") == puts(owner, theirs.url, uuid4().hex, "viewer")
    assert ([ours.team], 403, 404) == (listed, given, owner.ask("GET", theirs.url).status)


def test_a_project_and_a_namespace_are_of_one_team(believing: Server, ours: AsAdministrator) -> None:
    theirs = AsAdministrator(believing)
    answers = [
        believing.json("PUT", f"{theirs.url}/{what}").status
        for what in (f"projects/{ours.project}", f"namespaces/{ours.namespace}")
    ]
    taken = believing.request("DELETE", f"{theirs.url}/projects/{ours.project}").status

    assert ([409, 409], 404) == (answers, taken)
    assert [ours.project] == believing.request("GET", ours.url).json["projects"]


def test_a_team_goes_when_nothing_is_its_any_more(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    name = uuid4().hex
    ours.takes_in(name, "viewer", is_owner=True)
    full = believing.request("DELETE", ours.url).status
    for what in (f"projects/{ours.project}", f"namespaces/{ours.namespace}"):
        believing.request("DELETE", f"{ours.url}/{what}")
    empty = believing.request("DELETE", ours.url).status

    assert (409, 204, 404) == (full, empty, believing.request("GET", ours.url).status)
    assert [] == person(name).ask("GET", "/api/v1/session").json["teams"]


def test_approvers_of_a_team_give_break_glass_in_its_namespaces_and_in_no_other(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    grants, wanted = "/api/v1/admission/grants", {"namespace": ours.namespace, "reason": "the shop is down"}
    names = [uuid4().hex, uuid4().hex]
    for name in names:
        ours.takes_in(name, "approver")
    wei, lin = (person(name) for name in names)
    asked = wei.change("POST", grants, wanted)
    itself = wei.change("POST", f"{grants}/{asked.json['id']}/approve", {})
    given = lin.change("POST", f"{grants}/{asked.json['id']}/approve", {})
    elsewhere = wei.change("POST", grants, {**wanted, "namespace": "kube-public"})
    of_others = believing.json("POST", grants, {**wanted, "namespace": "kube-public"}).json["id"]
    over_there = lin.change("POST", f"{grants}/{of_others}/approve", {})
    listed = {one["namespace"] for one in lin.ask("GET", grants).json["items"]}

    assert (201, 403, 200) == (asked.status, itself.status, given.status), given.body
    assert "self_approval" == itself.json["code"]
    assert (403, 404, {ours.namespace}) == (elsewhere.status, over_there.status, listed)


def test_a_developer_of_a_team_gives_no_break_glass(ours: AsAdministrator, person: Person) -> None:
    name = uuid4().hex
    ours.takes_in(name, "developer", is_owner=True)
    wanted = {"namespace": ours.namespace, "reason": "r"}

    assert 403 == person(name).change("POST", "/api/v1/admission/grants", wanted).status


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "person", "name": "x", "roles": ["admin"]},
        {"kind": "person", "name": "x", "roles": ["admission"]},
        {"kind": "person", "name": "x", "roles": ["root"]},
        {"kind": "person", "name": "x", "roles": []},
        {"kind": "token", "name": "x", "roles": ["viewer"]},
        {"kind": "person", "name": "", "roles": ["viewer"]},
        {"kind": "person", "name": "x", "roles": ["viewer"], "issuer": "https://other.example"},
    ],
    ids=str,
)
def test_what_no_member_can_be_is_refused(
    believing: Server, ours: AsAdministrator, body: dict[str, object]
) -> None:
    assert 422 == believing.json("PUT", f"{ours.url}/members", body).status
    assert [] == believing.request("GET", ours.url).json["members"]


def test_everything_that_is_done_to_a_team_is_in_the_audit_log(
    believing: Server, ours: AsAdministrator, person: Person
) -> None:
    name = uuid4().hex
    ours.takes_in(name, "viewer", is_owner=True)
    puts(person(name), ours.url, "somebody", "viewer")
    believing.request("DELETE", f"{ours.url}/members/person/somebody")
    for what in (f"projects/{ours.project}", f"namespaces/{ours.namespace}"):
        believing.request("DELETE", f"{ours.url}/{what}")
    believing.request("DELETE", ours.url)
    events = believing.request("GET", "/api/v1/audit?limit=500").json["items"]
    told = [(one["action"], one["by"]) for one in reversed(events) if one["target"] == ours.team]

    assert [
        "team.created",
        "team.project_given",
        "team.namespace_given",
        "team.member_put",
        "team.member_put",
        "team.member_removed",
        "team.project_taken",
        "team.namespace_taken",
        "team.removed",
    ] == [action for action, _ in told]
    assert name == told[4][1]


def test_a_service_where_nobody_logs_in_takes_nobody_into_a_team(server: Server) -> None:
    team = f"team-{uuid4().hex[:12]}"
    server.json("POST", "/api/v1/teams", {"name": team})
    body = {"kind": "person", "name": "x", "roles": ["viewer"]}

    assert 422 == server.json("PUT", f"/api/v1/teams/{team}/members", body).status


def test_the_same_name_at_another_provider_is_somebody_else(store_url: str) -> None:
    member = Member(
        kind="person",
        name="42",
        issuer="https://idp.example",
        is_owner=True,
        roles=("approver",),
        added_at="",
        added_by="",
    )
    with closing(Database(store_url)) as database:
        migrations.migrated(database)
        with database.writing() as connection:
            teams.created(connection, Team(id="1", name="web", created_at="", created_by=""))
            teams.put(connection, "1", member)
        with database.reading() as connection:
            found = [
                teams.memberships(connection, issuer, subject, groups)
                for issuer, subject, groups in (
                    ("https://idp.example", "42", ()),
                    ("https://other.example", "42", ()),
                    # A group called as a person, and a person called as a group.
                    ("https://idp.example", "43", ("42",)),
                )
            ]

    assert [1, 0, 0] == [len(one) for one in found]


def run(server: Server, folder: Path, *arguments: str) -> Result:
    return gate(folder, *arguments, "--server", server.url, "--token", ADMIN)


def test_a_newcomer_sets_up_a_project_a_token_and_a_team_from_the_command_line(
    believing: Server, person: Person, tmp_path: Path
) -> None:
    files(
        tmp_path,
        g_yaml="version: 1\nenvironments: [{name: test}, {name: live, branches: [main], requires: {environment: test}, approvals: {number: 2}}]\n",
        b_json=CLEAN_BANDIT,
    )
    project, team, name = f"team/{uuid4().hex[:12]}", f"team-{uuid4().hex[:12]}", uuid4().hex
    made = run(believing, tmp_path, "project", "put", project, "g.yaml")
    again = run(believing, tmp_path, "project", "put", project, "g.yaml")
    late = run(believing, tmp_path, "project", "put", project, "g.yaml", "--version", "1")
    wants = run(believing, tmp_path, "project", "environments", project)
    token = run(
        believing,
        tmp_path,
        "token",
        "create",
        "--name",
        "ci",
        "--owner",
        "bot",
        "--role",
        "ci",
        "--project",
        project,
    )
    checked = gate(
        tmp_path,
        "check",
        "b.json",
        "--server",
        believing.url,
        "--token",
        token.out.strip(),
        "--project",
        project,
    )
    steps = [
        run(believing, tmp_path, "team", "create", team),
        run(believing, tmp_path, "team", "give", team, "--project", project),
        run(believing, tmp_path, "team", "add", team, "--person", name, "--role", "developer", "--owner"),
    ]
    shown = run(believing, tmp_path, "team", "show", team, "-o", "json").json

    assert [0, 0, 3] == [made.code, again.code, late.code], late.err
    assert (f"{project}: version 1\n", f"{project}: version 2\n") == (made.out, again.out)
    assert "test: no rules of its own\nlive: from main; after test; approvals: 2\n" == wants.out
    assert (0, 0) == (token.code, checked.code), checked.err
    assert [0, 0, 0] == [step.code for step in steps], steps
    assert ([project], [name]) == (shown["projects"], [one["name"] for one in shown["members"]])
    assert 201 == decides(person(name), project)


def test_a_token_is_listed_and_revoked_from_the_command_line(
    believing: Server, project_here: str, tmp_path: Path
) -> None:
    token = believing.token("viewer", project_here)
    listed = run(believing, tmp_path, "token", "list", "--project", project_here, "-o", "json").json
    revoked = run(believing, tmp_path, "token", "revoke", listed[0]["id"])
    unknown = run(believing, tmp_path, "token", "revoke", "0" * 16)
    text = run(believing, tmp_path, "token", "list", "--project", project_here).out

    assert (1, 0, 3) == (len(listed), revoked.code, unknown.code)
    assert 401 == believing.request("GET", "/api/v1/tokens/self", token=token).status
    assert "revoked" in text
    assert token not in text


@pytest.fixture
def project_here(believing: Server) -> str:
    return believing.project(f"team/{uuid4().hex[:12]}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("team", "add", "web", "--role", "viewer"),
        ("team", "add", "web", "--person", "a", "--group", "b", "--role", "viewer"),
        ("team", "give", "web"),
        ("team", "take", "web", "--project", "a", "--namespace", "b"),
    ],
    ids=str,
)
def test_who_and_what_is_named_once(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert 2 == gate(tmp_path, *arguments, "--server", "http://127.0.0.1:9", "--token", "x").code


def test_a_list_of_several_pages_is_whole(believing: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(administration, "_PAGE", 2)
    project = believing.project(f"team/{uuid4().hex[:12]}")
    for _ in range(5):
        believing.token("viewer", project)
    found = administration.Administration(Client(believing.url, ADMIN)).tokens(project)

    assert 5 == len({one.id for one in found})
