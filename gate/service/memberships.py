"""What a person is, and where: by groups of the identity provider."""

from __future__ import annotations

from collections.abc import Iterable

from gate import globs
from gate.service.identity_settings import GroupRole
from gate.service.permissions import Grant
from gate.stores import projects
from gate.stores.database import Connection
from gate.stores.sessions import Session


def grants(connection: Connection, rules: Iterable[GroupRole], session: Session) -> tuple[Grant, ...]:
    """The roles of whoever is logged in, each where it counts; none twice."""
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
    return tuple(dict.fromkeys(found))
