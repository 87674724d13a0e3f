"""Components of every project's subjects: where is log4j?"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, or_, select

from gate.model import Component
from gate.stores import paging, rows
from gate.stores.paging import Page
from gate.stores.schema import COMPONENTS
from gate.stores.writer import Transaction


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one decision."""

    identity: str
    """Its package URL, or name@version."""
    purl: str | None
    name: str
    version: str | None
    license: str | None


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One component of one subject."""

    project_id: str
    subject: str
    identity: str
    purl: str | None
    name: str
    version: str | None
    license: str | None
    first_seen: str
    last_seen: str
    decision_id: str


_COLUMNS = tuple(COMPONENTS.c[name] for name in Known.__struct_fields__)
_REPLACED = ("license", "last_seen", "decision_id")


def ready(component: Component) -> Seen:
    """What is kept of a component."""
    return Seen(
        identity=component.purl or f"{component.name}@{component.version or ''}",
        purl=component.purl,
        name=component.name,
        version=component.version,
        license=component.license,
    )


def seen(
    transaction: Transaction,
    project_id: str,
    subject: str,
    decision_id: str,
    given: Iterable[Seen],
    at: str,
) -> None:
    """Put `given` down as part of `subject` at `at`."""
    common = {
        "project_id": project_id,
        "subject": subject,
        "first_seen": at,
        "last_seen": at,
        "decision_id": decision_id,
    }
    each = {one.identity: one for one in given}
    ordered = [each[name] for name in sorted(each)]
    order = f"{project_id}/{subject}/{ordered[0].identity}" if ordered else ""
    rows.upserted(transaction, COMPONENTS, ordered, common, _REPLACED, order=order)


def listed(
    connection: Connection,
    project_ids: tuple[str, ...] | None,
    *,
    name: str | None,
    purl: str | None,
    cursor: str | None,
    limit: int,
) -> Page[Known]:
    """Components of that name, or of that package URL with or without its version; last seen first."""
    query = select(*_COLUMNS)
    if project_ids is not None:
        query = query.where(COMPONENTS.c.project_id.in_(project_ids))
    if name is not None:
        query = query.where(COMPONENTS.c.name == name)
    if purl is not None:
        # `@` ends the name of a package URL, `A` follows it: a range that an index can walk.
        versions = COMPONENTS.c.purl.between(f"{purl}@", f"{purl}A")
        query = query.where(or_(COMPONENTS.c.purl == purl, versions))
    keys = (
        COMPONENTS.c.last_seen,
        COMPONENTS.c.project_id,
        COMPONENTS.c.subject,
        COMPONENTS.c.identity,
    )
    found = connection.execute(paging.after(query, keys, cursor, limit)).all()
    known = [Known(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's own name
    return paging.page(known, limit, ("last_seen", "project_id", "subject", "identity"))
