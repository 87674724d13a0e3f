"""What a person is, and where: by groups of the identity provider, and by teams."""

from __future__ import annotations

from collections.abc import Iterable

from gate import globs
from gate.service.identity_settings import GroupRole
from gate.service.permissions import OF_NAMESPACES, Grant, Permission, Role, of_roles
from gate.stores import projects, teams
from gate.stores.database import Connection
from gate.stores.sessions import Session
from gate.stores.teams import Membership


def grants(
    connection: Connection, rules: Iterable[GroupRole], session: Session
) -> tuple[tuple[Grant, ...], tuple[Membership, ...]]:
    """The roles of whoever is logged in, each where it counts, none twice; and their teams."""
    theirs = set(session.groups)
    found: list[Grant] = []
    keys: dict[str, str] | None = None
    for rule in rules:
        if rule.group not in theirs:
            continue
        if rule.projects is None:
            found.append(Grant(role=rule.role, project_id=None))
            continue
        keys = projects.all_keys(connection) if keys is None else keys
        found += [
            Grant(role=rule.role, project_id=project_id)
            for project_id, key in keys.items()
            if any(globs.fits(pattern, key) for pattern in rule.projects)
        ]
    of_teams = teams.memberships(connection, session.issuer, session.subject, session.groups)
    found += [
        Grant(role=Role(role), project_id=project_id)
        for one in of_teams
        for project_id in one.project_ids
        for role in one.roles
    ]
    return tuple(dict.fromkeys(found)), of_teams


def brings(one: Membership, permission: Permission) -> bool:
    """Whether being in a team brings what is about the team, or about a namespace of it."""
    if permission is Permission.TEAMS_READ:
        return True
    if permission is Permission.TEAMS_DELEGATE:
        return one.is_owner
    return permission in OF_NAMESPACES and bool(one.namespaces) and permission in of_roles(one.roles)


def may_give(one: Membership, roles: Iterable[str]) -> bool:
    """Whether an owner may give `roles` in their team: nothing that they could not do there themselves."""
    return one.is_owner and of_roles(roles) <= of_roles(one.roles)
