"""Rules of projects about runs of CI systems: which repository, ref, environment and workflow get which role."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from gate.stores import paging
from gate.stores.identity_schema import TRUSTS
from gate.stores.paging import Page


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a run must be; every key that is given must fit."""

    repository: str
    """Its path, exactly."""
    role: str
    refs: tuple[str, ...] | None = None
    """Globs over whole refs."""
    environments: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
    """Globs over where the job is defined."""
    protected: bool = False
    changes: bool = False
    """Whether a proposed change (pull or merge request) keeps a role that writes."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """One rule."""

    id: str
    project_id: str
    provider: str
    repository_id: str
    """Never given to another repository, whatever is renamed."""
    conditions: Conditions
    created_at: str
    created_by: str


def created(connection: Connection, trust: Trust) -> None:
    """Put it down."""
    row = msgspec.structs.asdict(trust)
    row["document"] = msgspec.json.encode(row.pop("conditions")).decode()
    connection.execute(insert(TRUSTS), row)


def about(connection: Connection, provider: str, repository_id: str) -> list[Trust]:
    """Every rule about a repository, of all projects."""
    query = select(TRUSTS).where(TRUSTS.c.provider == provider, TRUSTS.c.repository_id == repository_id)
    return [_trust(row) for row in connection.execute(query.order_by(TRUSTS.c.id))]


def by_id(connection: Connection, trust_id: str) -> Trust | None:
    """The rule of that id."""
    row = connection.execute(select(TRUSTS).where(TRUSTS.c.id == trust_id)).one_or_none()
    return None if row is None else _trust(row)


def listed(
    connection: Connection, project_ids: tuple[str, ...] | None, cursor: str | None, limit: int
) -> Page[Trust]:
    """Rules of these projects, or (None) of all, newest first."""
    query = select(TRUSTS)
    if project_ids is not None:
        query = query.where(TRUSTS.c.project_id.in_(project_ids))
    rows = connection.execute(paging.after(query, (TRUSTS.c.id,), cursor, limit)).all()
    return paging.page([_trust(row) for row in rows], limit, ("id",))


def removed(connection: Connection, trust_id: str) -> None:
    """Take it away; tokens that it gave count until they expire."""
    connection.execute(delete(TRUSTS).where(TRUSTS.c.id == trust_id))


def _trust(row: object) -> Trust:
    fields = {name: getattr(row, name) for name in Trust.__struct_fields__ if name != "conditions"}
    document: str = row.document  # type: ignore[attr-defined]  # a row of TRUSTS
    return Trust(conditions=msgspec.json.decode(document, type=Conditions), **fields)
