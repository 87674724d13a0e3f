"""What was changed, by whom: the audit log beside the chain of decisions, and the outbox of notifiers."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, insert, select

from gate.stores.paging import Page
from gate.stores.schema import EVENTS


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done."""

    sequence: int
    at: str
    project_id: str | None
    by: str
    action: str
    """`token.created`, `project.settings_replaced` …"""
    target: str
    document: dict[str, Any]


def told(
    connection: Connection,
    *,
    at: str,
    project_id: str | None,
    by: str,
    action: str,
    target: str,
    **document: Any,
) -> None:
    """Put down what is done in this transaction."""
    row = {
        "at": at,
        "project_id": project_id,
        "by": by,
        "action": action,
        "target": target,
        "document": msgspec.json.encode(document).decode(),
    }
    connection.execute(insert(EVENTS), row)


def listed(
    connection: Connection, project_ids: tuple[str, ...] | None, before: int | None, limit: int
) -> Page[Event]:
    """Events, newest first, of these projects or (None) of everything; `before` is where to go on."""
    query = select(EVENTS)
    if project_ids is not None:
        query = query.where(EVENTS.c.project_id.in_(project_ids))
    if before is not None:
        query = query.where(EVENTS.c.sequence < before)
    rows = connection.execute(query.order_by(EVENTS.c.sequence.desc()).limit(limit + 1)).all()
    shown = tuple(_event(row) for row in rows[:limit])
    return Page(items=shown, cursor=str(shown[-1].sequence) if len(rows) > limit else None)


def following(
    connection: Connection, project_ids: tuple[str, ...] | None, after: int, limit: int
) -> list[Event]:
    """Events behind number `after`, oldest first, of these projects or (None) of everything."""
    query = select(EVENTS).where(EVENTS.c.sequence > after)
    if project_ids is not None:
        query = query.where(EVENTS.c.project_id.in_(project_ids))
    return [_event(row) for row in connection.execute(query.order_by(EVENTS.c.sequence).limit(limit))]


def last(connection: Connection) -> int:
    """The number of the newest event; 0 where there is none."""
    return connection.execute(select(func.max(EVENTS.c.sequence))).scalar() or 0


def _event(row: Row[Any]) -> Event:
    return Event(
        sequence=row.sequence,
        at=row.at,
        project_id=row.project_id,
        by=row.by,
        action=row.action,
        target=row.target,
        document=msgspec.json.decode(row.document),
    )
