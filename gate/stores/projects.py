"""Projects and their settings, every version of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from gate.stores import paging
from gate.stores.often import Often
from gate.stores.paging import Page
from gate.stores.schema import ENVIRONMENTS, PROJECT_SETTINGS, PROJECTS, WAIVERS


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One project as it is now."""

    id: str
    key: str
    version: int
    """Of its settings, from 1."""
    created_at: str
    document: str
    """Its settings: a gate.yaml."""
    updated_at: str
    updated_by: str
    may_have_waivers: bool = True
    """False where none was in force when it was read: nobody needs to ask for them."""


_COLUMNS = (
    PROJECTS.c.id,
    PROJECTS.c.key,
    PROJECTS.c.version,
    PROJECTS.c.created_at,
    PROJECT_SETTINGS.c.document,
    PROJECT_SETTINGS.c.at.label("updated_at"),
    PROJECT_SETTINGS.c.by.label("updated_by"),
)
_JOINED = select(*_COLUMNS).join(
    PROJECT_SETTINGS,
    (PROJECT_SETTINGS.c.project_id == PROJECTS.c.id) & (PROJECT_SETTINGS.c.version == PROJECTS.c.version),
)

_HAS_WAIVERS = exists().where(WAIVERS.c.project_id == PROJECTS.c.id, WAIVERS.c.state == "active")
_BY_KEY = Often(_JOINED.add_columns(_HAS_WAIVERS).where(PROJECTS.c.key == bindparam("its_key")))
_NAMES = ("id", "key", "version", "created_at", "document", "updated_at", "updated_by")


def by_key(connection: Connection, key: str) -> Project | None:
    """The project of that name."""
    row = _BY_KEY.row(connection, its_key=key)
    if row is None:
        return None
    named = dict(zip(_NAMES, row, strict=False))
    return Project(**named, may_have_waivers=bool(row[len(_NAMES)]))


def by_id(connection: Connection, project_id: str) -> Project | None:
    """The project of that id."""
    row = connection.execute(_JOINED.where(PROJECTS.c.id == project_id)).one_or_none()
    return None if row is None else Project(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def settings_of(connection: Connection, project_id: str, version: int) -> str | None:
    """The settings of a version."""
    query = select(PROJECT_SETTINGS.c.document).where(
        PROJECT_SETTINGS.c.project_id == project_id, PROJECT_SETTINGS.c.version == version
    )
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def listed(
    connection: Connection, visible: Collection[str] | None, cursor: str | None, limit: int
) -> Page[Project]:
    """Projects, newest first; of the ids `visible`, or all where that is None."""
    query = _JOINED if visible is None else _JOINED.where(PROJECTS.c.id.in_(list(visible)))
    rows = connection.execute(paging.after(query, (PROJECTS.c.id,), cursor, limit)).all()
    found = [Project(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's own name
    return paging.page(found, limit, ("id",))


def keys(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """Id -> key of those `ids` that are there."""
    rows = connection.execute(select(PROJECTS.c.id, PROJECTS.c.key).where(PROJECTS.c.id.in_(list(ids))))
    return {row.id: row.key for row in rows}


def all_keys(connection: Connection) -> dict[str, str]:
    """Id -> key of every project."""
    return {row.id: row.key for row in connection.execute(select(PROJECTS.c.id, PROJECTS.c.key))}


def created(connection: Connection, project_id: str, key: str, at: str) -> None:
    """Put a project down, without settings yet; `replaced` follows in the same transaction."""
    connection.execute(insert(PROJECTS), {"id": project_id, "key": key, "version": 0, "created_at": at})


def replaced(
    connection: Connection,
    project_id: str,
    before: int,
    document: str,
    environments: Sequence[tuple[str, str]],
    by: str,
    at: str,
) -> bool:
    """Make `document` the settings after version `before`; False where somebody was faster.

    `environments` are name and JSON, in their order.
    """
    bumped = connection.execute(
        update(PROJECTS)
        .where(PROJECTS.c.id == project_id, PROJECTS.c.version == before)
        .values(version=before + 1)
    )
    if bumped.rowcount != 1:
        return False
    row = {
        "project_id": project_id,
        "version": before + 1,
        "document": document,
        "sha256": f"sha256:{hashlib.sha256(document.encode()).hexdigest()}",
        "by": by,
        "at": at,
    }
    connection.execute(insert(PROJECT_SETTINGS), row)
    connection.execute(delete(ENVIRONMENTS).where(ENVIRONMENTS.c.project_id == project_id))
    rows = [
        {"project_id": project_id, "name": name, "position": position, "document": text}
        for position, (name, text) in enumerate(environments)
    ]
    if rows:
        connection.execute(insert(ENVIRONMENTS), rows)
    return True
