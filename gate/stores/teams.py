"""Teams: who is in them as what, and which projects and namespaces are theirs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, Table, and_, delete, insert, or_, select
from sqlalchemy.sql.elements import ColumnElement

from gate.stores import paging
from gate.stores.identity_schema import TEAM_MEMBERS, TEAM_NAMESPACES, TEAM_PROJECTS, TEAMS
from gate.stores.paging import Page
from gate.stores.schema import PROJECTS

Kind = Literal["person", "group"]
Owned = tuple[Table, str]
"""What a team owns: where it is kept, and what it is called there."""


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """One team."""

    id: str
    name: str
    created_at: str
    created_by: str


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person, or all of a group of the identity provider."""

    kind: Kind
    name: str
    """`sub` of the person, or the group, as the provider says it."""
    issuer: str
    is_owner: bool
    roles: tuple[str, ...]
    """In every project of the team."""
    added_at: str
    added_by: str


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """What one person is in one team, by every way that leads there."""

    team_id: str
    team: str
    is_owner: bool
    roles: tuple[str, ...]
    project_ids: tuple[str, ...]
    namespaces: tuple[str, ...]


def by_name(connection: Connection, name: str) -> Team | None:
    """The team of that name."""
    row = connection.execute(select(TEAMS).where(TEAMS.c.name == name)).one_or_none()
    return None if row is None else Team(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def listed(
    connection: Connection, visible: Collection[str] | None, cursor: str | None, limit: int
) -> Page[Team]:
    """Teams, newest first; of the ids `visible`, or all where that is None."""
    query = select(TEAMS) if visible is None else select(TEAMS).where(TEAMS.c.id.in_(list(visible)))
    rows = connection.execute(paging.after(query, (TEAMS.c.id,), cursor, limit)).all()
    return paging.page([Team(**row._mapping) for row in rows], limit, ("id",))  # noqa: SLF001 - SQLAlchemy's own name


def created(connection: Connection, team: Team) -> None:
    """Put a team down."""
    connection.execute(insert(TEAMS), msgspec.structs.asdict(team))


def removed(connection: Connection, team_id: str) -> None:
    """Remove a team that owns nothing any more, and its members."""
    connection.execute(delete(TEAM_MEMBERS).where(TEAM_MEMBERS.c.team_id == team_id))
    connection.execute(delete(TEAMS).where(TEAMS.c.id == team_id))


def members(connection: Connection, team_id: str) -> tuple[Member, ...]:
    """Everybody in the team, in the order of their names."""
    query = select(TEAM_MEMBERS).where(TEAM_MEMBERS.c.team_id == team_id)
    columns = (TEAM_MEMBERS.c.kind, TEAM_MEMBERS.c.name, TEAM_MEMBERS.c.issuer)
    return tuple(_member(row) for row in connection.execute(query.order_by(*columns)))


def member(connection: Connection, team_id: str, issuer: str, kind: str, name: str) -> Member | None:
    """One of them."""
    row = connection.execute(select(TEAM_MEMBERS).where(_is(team_id, issuer, kind, name))).one_or_none()
    return None if row is None else _member(row)


def put(connection: Connection, team_id: str, one: Member) -> None:
    """Take somebody in, or change what they are."""
    left(connection, team_id, one)
    row = {
        **msgspec.structs.asdict(one),
        "team_id": team_id,
        "roles": msgspec.json.encode(one.roles).decode(),
    }
    connection.execute(insert(TEAM_MEMBERS), row)


def left(connection: Connection, team_id: str, one: Member) -> None:
    """Have somebody be in the team no longer."""
    connection.execute(delete(TEAM_MEMBERS).where(_is(team_id, one.issuer, one.kind, one.name)))


def project_keys(connection: Connection, team_id: str) -> tuple[str, ...]:
    """Keys of the projects of the team."""
    query = select(PROJECTS.c.key).join(TEAM_PROJECTS, TEAM_PROJECTS.c.project_id == PROJECTS.c.id)
    return tuple(
        connection.execute(query.where(TEAM_PROJECTS.c.team_id == team_id).order_by(PROJECTS.c.key)).scalars()
    )


def namespaces(connection: Connection, team_id: str) -> tuple[str, ...]:
    """Namespaces of the team."""
    query = select(TEAM_NAMESPACES.c.namespace).where(TEAM_NAMESPACES.c.team_id == team_id)
    return tuple(connection.execute(query.order_by(TEAM_NAMESPACES.c.namespace)).scalars())


PROJECT: Final = (TEAM_PROJECTS, "project_id")
NAMESPACE: Final = (TEAM_NAMESPACES, "namespace")


def owner(connection: Connection, kind: Owned, name: str) -> Team | None:
    """Whose it is."""
    table, column = kind
    query = select(TEAMS).join(table, table.c.team_id == TEAMS.c.id).where(table.c[column] == name)
    row = connection.execute(query).one_or_none()
    return None if row is None else Team(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def given(connection: Connection, kind: Owned, name: str, team_id: str, by: str, at: str) -> None:
    """Make it the team's; it is nobody's yet."""
    table, column = kind
    connection.execute(insert(table), {column: name, "team_id": team_id, "given_at": at, "given_by": by})


def taken(connection: Connection, kind: Owned, name: str) -> None:
    """Make it nobody's."""
    table, column = kind
    connection.execute(delete(table).where(table.c[column] == name))


def memberships(
    connection: Connection, issuer: str, subject: str, groups: Collection[str]
) -> tuple[Membership, ...]:
    """What a person is, in each team they are in; every way that leads there is added up."""
    is_person = and_(TEAM_MEMBERS.c.kind == "person", TEAM_MEMBERS.c.name == subject)
    is_group = and_(TEAM_MEMBERS.c.kind == "group", TEAM_MEMBERS.c.name.in_(list(groups)))
    query = (
        select(TEAMS.c.id, TEAMS.c.name, TEAM_MEMBERS.c.is_owner, TEAM_MEMBERS.c.roles)
        .join(TEAM_MEMBERS, TEAM_MEMBERS.c.team_id == TEAMS.c.id)
        .where(TEAM_MEMBERS.c.issuer == issuer, or_(is_person, is_group))
        .order_by(TEAMS.c.id)
    )
    found: dict[str, Membership] = {}
    for row in connection.execute(query):
        before = found.get(row.id)
        roles = msgspec.json.decode(row.roles, type=tuple[str, ...])
        found[row.id] = Membership(
            team_id=row.id,
            team=row.name,
            is_owner=row.is_owner or (before is not None and before.is_owner),
            roles=tuple(dict.fromkeys((*(before.roles if before else ()), *roles))),
            project_ids=(),
            namespaces=(),
        )
    if not found:
        return ()
    owned = {kind[1]: _owned(connection, kind, found) for kind in (PROJECT, NAMESPACE)}
    return tuple(
        msgspec.structs.replace(
            one,
            project_ids=tuple(owned["project_id"].get(one.team_id, ())),
            namespaces=tuple(owned["namespace"].get(one.team_id, ())),
        )
        for one in found.values()
    )


def _owned(connection: Connection, kind: Owned, ids: Collection[str]) -> dict[str, list[str]]:
    """Team -> what is theirs."""
    table, column = kind
    found: dict[str, list[str]] = {}
    query = select(table.c.team_id, table.c[column]).where(table.c.team_id.in_(list(ids)))
    for team_id, name in connection.execute(query.order_by(table.c[column])):
        found.setdefault(team_id, []).append(name)
    return found


def _is(team_id: str, issuer: str, kind: str, name: str) -> ColumnElement[bool]:
    return and_(
        TEAM_MEMBERS.c.team_id == team_id,
        TEAM_MEMBERS.c.issuer == issuer,
        TEAM_MEMBERS.c.kind == kind,
        TEAM_MEMBERS.c.name == name,
    )


def _member(row: Any) -> Member:
    fields = {name: getattr(row, name) for name in Member.__struct_fields__ if name != "roles"}
    return Member(**fields, roles=msgspec.json.decode(row.roles, type=tuple[str, ...]))
