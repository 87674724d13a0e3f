"""Teams: made and given projects and namespaces by administrators; their owners say who is in them, as what."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Path, Request
from pydantic import Field
from starlette.responses import Response

from gate.service import answers, asking, memberships
from gate.service.asking import Cursor, Limit, Once, Ours, Who
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import INSTANCE_ONLY, Permission, Role
from gate.service.problems import Refusal, not_found
from gate.service.routing import Body, Routes
from gate.service.submission import Name, Text
from gate.stores import events, teams
from gate.stores.database import Clash, Connection
from gate.stores.idempotency import Answer
from gate.stores.teams import Member, Owned, Team
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "teams")
Named = Annotated[str, Path(max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Key = Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Namespace = Annotated[str, Path(max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
Who_ = Annotated[str, Path(max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
_GIVEN: Final[tuple[str, ...]] = tuple(role for role in Role if role not in INSTANCE_ONLY)
MOST_MEMBERS: Final = 1_000


class TeamIn(Body):
    """A team that is wanted."""

    name: Name


class MemberIn(Body):
    """Somebody who is to be in a team."""

    kind: Literal["person", "group"]
    name: Text
    """`sub` of a person (`subject` of GET /api/v1/session), or a group, as the identity provider says it."""
    roles: Annotated[list[str], Field(max_length=len(_GIVEN), default_factory=list)]
    """In every project of the team."""
    is_owner: bool = False
    """Says who is in the team; gives nobody more than they have there themselves."""


@ROUTES.add("GET", "/teams", Permission.TEAMS_READ)
def list_teams(
    request: Request, service: Ours, who: Who, limit: Limit = 50, cursor: Cursor = None
) -> Response:
    """Teams, newest first; a person sees their own."""
    with service.database.reading() as connection:
        return asking.listed(
            request, lambda: teams.listed(connection, who.team_ids, cursor, limit), _shown_short
        )


@ROUTES.add("POST", "/teams", Permission.TEAMS_WRITE, status_code=201)
def create_team(service: Ours, who: Who, body: TeamIn, once: Once) -> Response:
    """A team of nobody, with nothing."""
    asked = asking.digest("POST", "teams", body.model_dump())
    team_id = service.new_id()

    def work(transaction: Transaction) -> Answer:
        made = Team(id=team_id, name=body.name, created_at=transaction.now, created_by=who.principal)
        teams.created(transaction.connection, made)
        _told(transaction, who, "team.created", made)
        shown = msgspec.json.encode(_shown(transaction.connection, made))
        return Answer(request_sha256=asked, status=201, location=f"/api/v1/teams/{made.name}", body=shown)

    return asking.done_once(service, who, once, asked, work)


@ROUTES.add("GET", "/teams/{team}", Permission.TEAMS_READ)
def show_team(service: Ours, who: Who, team: Named) -> Response:
    """One team: who is in it, what is its."""
    with service.database.reading() as connection:
        return answers.json(_shown(connection, _known(connection, who, team)))


@ROUTES.add("DELETE", "/teams/{team}", Permission.TEAMS_WRITE, status_code=204)
def remove_team(service: Ours, who: Who, team: Named) -> Response:
    """Have there be no such team; 409 while anything is its."""

    def work(transaction: Transaction) -> None:
        found = _known(transaction.connection, who, team)
        if owned := _owned(transaction.connection, found):
            raise Refusal(409, f"the team has {owned[0]}; take away what is its first")
        teams.removed(transaction.connection, found.id)
        _told(transaction, who, "team.removed", found)

    return _done(service, work)


@ROUTES.add("PUT", "/teams/{team}/members", Permission.TEAMS_DELEGATE)
def put_member(service: Ours, who: Who, team: Named, body: MemberIn) -> Response:
    """Take somebody in, or change what they are; an owner gives nothing that they have not there themselves."""
    if unknown := [role for role in body.roles if role not in _GIVEN]:
        raise Refusal(422, f"/roles: found {unknown[0][:40]!r}, expected some of {', '.join(_GIVEN)}")
    if not body.roles and not body.is_owner:
        raise Refusal(422, "/roles: empty; name a role, or take the member out")
    issuer = _issuer(service)

    def work(transaction: Transaction) -> dict[str, Any]:
        found = _known(transaction.connection, who, team)
        before = teams.member(transaction.connection, found.id, issuer, body.kind, body.name)
        # What is taken away counts as well: whoever could not have given it does not take it either.
        _refuse_beyond(who, found, (*body.roles, *(before.roles if before else ())))
        if before is None and len(teams.members(transaction.connection, found.id)) >= MOST_MEMBERS:
            raise Refusal(409, f"the team has {MOST_MEMBERS} members; take in a group instead")
        made = Member(
            kind=body.kind,
            name=body.name,
            issuer=issuer,
            is_owner=body.is_owner,
            roles=tuple(sorted(set(body.roles))),
            added_at=transaction.now,
            added_by=who.principal,
        )
        teams.put(transaction.connection, found.id, made)
        _told(transaction, who, "team.member_put", found, **_facts(made))
        return _shown(transaction.connection, found)

    return _done(service, work)


@ROUTES.add("DELETE", "/teams/{team}/members/{kind}/{name:path}", Permission.TEAMS_DELEGATE, status_code=204)
def remove_member(
    service: Ours, who: Who, team: Named, kind: Literal["person", "group"], name: Who_
) -> Response:
    """Have somebody be in the team no longer, at once."""

    def work(transaction: Transaction) -> None:
        found = _known(transaction.connection, who, team)
        # Those of a provider that was replaced can be taken out, too.
        everybody = teams.members(transaction.connection, found.id)
        theirs = [one for one in everybody if (one.kind, one.name) == (kind, name)]
        if not theirs:
            raise not_found()
        for one in theirs:
            _refuse_beyond(who, found, one.roles)
            teams.left(transaction.connection, found.id, one)
            _told(transaction, who, "team.member_removed", found, **_facts(one))

    return _done(service, work)


@ROUTES.add("PUT", "/teams/{team}/projects/{key:path}", Permission.TEAMS_WRITE)
def give_project(service: Ours, who: Who, team: Named, key: Key) -> Response:
    """Make a project the team's: its members have their roles there, at once."""

    def work(transaction: Transaction) -> dict[str, Any]:
        project = who.project(transaction.connection, key)
        return _given(transaction, who, team, teams.PROJECT, project.id, key, project.id)

    return _done(service, work)


@ROUTES.add("DELETE", "/teams/{team}/projects/{key:path}", Permission.TEAMS_WRITE, status_code=204)
def take_project(service: Ours, who: Who, team: Named, key: Key) -> Response:
    """Make a project nobody's."""

    def work(transaction: Transaction) -> None:
        project = who.project(transaction.connection, key)
        _taken(transaction, who, team, teams.PROJECT, project.id, key, project.id)

    return _done(service, work)


@ROUTES.add("PUT", "/teams/{team}/namespaces/{namespace}", Permission.TEAMS_WRITE)
def give_namespace(service: Ours, who: Who, team: Named, namespace: Namespace) -> Response:
    """Make a namespace the team's: its approvers ask for and give break-glass there."""
    return _done(
        service,
        lambda transaction: _given(transaction, who, team, teams.NAMESPACE, namespace, namespace, None),
    )


@ROUTES.add("DELETE", "/teams/{team}/namespaces/{namespace}", Permission.TEAMS_WRITE, status_code=204)
def take_namespace(service: Ours, who: Who, team: Named, namespace: Namespace) -> Response:
    """Make a namespace nobody's."""
    return _done(
        service,
        lambda transaction: _taken(transaction, who, team, teams.NAMESPACE, namespace, namespace, None),
    )


def _given(
    transaction: Transaction,
    who: Caller,
    team: str,
    kind: Owned,
    its_id: str,
    shown: str,
    project_id: str | None,
) -> dict[str, Any]:
    connection = transaction.connection
    found = _known(connection, who, team)
    before = teams.owner(connection, kind, its_id)
    if before is not None and before.id != found.id:
        raise Refusal(409, f"it is of team {before.name}; take it away there first")
    if before is None:
        teams.given(connection, kind, its_id, found.id, who.principal, transaction.now)
        _told(transaction, who, f"team.{_word(kind)}_given", found, project_id, name=shown)
    return _shown(connection, found)


def _taken(
    transaction: Transaction,
    who: Caller,
    team: str,
    kind: Owned,
    its_id: str,
    shown: str,
    project_id: str | None,
) -> None:
    found = _known(transaction.connection, who, team)
    before = teams.owner(transaction.connection, kind, its_id)
    if before is None or before.id != found.id:
        raise not_found()
    teams.taken(transaction.connection, kind, its_id)
    _told(transaction, who, f"team.{_word(kind)}_taken", found, project_id, name=shown)


def _word(kind: Owned) -> str:
    return kind[1].removesuffix("_id")


def _known(connection: Connection, who: Caller, name: str) -> Team:
    """The team; 404 for one that is not there and for one of others alike."""
    found = teams.by_name(connection, name)
    if found is None or (who.team_ids is not None and found.id not in who.team_ids):
        raise not_found()
    return found


def _refuse_beyond(who: Caller, team: Team, roles: tuple[str, ...]) -> None:
    """Raise where an owner gives or takes more than they have in the team; an administrator is not bound."""
    if who.is_everywhere:
        return
    mine = next((one for one in who.teams if one.team_id == team.id), None)
    if mine is None or not memberships.may_give(mine, roles):
        raise Refusal(
            403, "these roles bring more than yours in the team; ask an administrator", code="beyond_own"
        )


def _issuer(service: Service) -> str:
    if service.identity is None or service.identity.login is None:
        raise Refusal(422, "nobody logs in here: the platform's file has no `identity.login`")
    return service.identity.login.issuer


def _done(service: Service, work: Any) -> Response:
    """The answer of `work`; 409 where somebody else was faster."""
    try:
        value = service.writer.submit(work)
    except Clash:
        raise Refusal(409, "somebody else was faster; read it again") from None
    return Response(status_code=204) if value is None else answers.json(value)


def _facts(one: Member) -> dict[str, Any]:
    return {"kind": one.kind, "name": one.name, "roles": list(one.roles), "is_owner": one.is_owner}


def _told(
    transaction: Transaction,
    who: Caller,
    action: str,
    team: Team,
    project_id: str | None = None,
    **facts: Any,
) -> None:
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=project_id,
        by=who.principal,
        action=action,
        target=team.name,
        **facts,
    )


def _owned(connection: Connection, team: Team) -> list[str]:
    found = [f"project {key}" for key in teams.project_keys(connection, team.id)]
    return [*found, *(f"namespace {name}" for name in teams.namespaces(connection, team.id))]


def _shown_short(team: Team) -> dict[str, Any]:
    return {"team": team.name, "created_at": team.created_at, "created_by": team.created_by}


def _shown(connection: Connection, team: Team) -> dict[str, Any]:
    return {
        **_shown_short(team),
        "members": teams.members(connection, team.id),
        "projects": teams.project_keys(connection, team.id),
        "namespaces": teams.namespaces(connection, team.id),
    }
