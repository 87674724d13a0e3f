"""Break-glass as the store keeps it: asked for by one person, given by another, told to every webhook.

A grant lives for hours and there are few, so it is a line of the store's state; who did what and when is in the
events, and what a webhook must know is a change of the feed.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from gate.stores.schema import STATE
from gate.stores.writer import Transaction

PREFIX: Final = "grant:"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and what became of it."""

    id: str
    namespace: str
    digests: tuple[str, ...] = ()
    reason: str
    hours: int
    requested_by: str
    requested_at: str
    approved_by: str | None = None
    starts: str | None = None
    until: str | None = None
    ended_by: str | None = None
    """Who took it back."""


def requested(connection: Connection, grant: Grant) -> None:
    """Keep a request, which nobody is told of before somebody else approves."""
    connection.execute(insert(STATE), {"name": f"{PREFIX}{grant.id}", "value": _text(grant)})


def known(connection: Connection, grant_id: str) -> Grant | None:
    """The grant `grant_id`."""
    text = connection.execute(select(STATE.c.value).where(STATE.c.name == f"{PREFIX}{grant_id}")).scalar()
    return None if text is None else msgspec.json.decode(text, type=Grant)


def listed(connection: Connection) -> list[Grant]:
    """Every grant, newest first: ids are UUIDv7."""
    query = select(STATE.c.value).where(STATE.c.name.startswith(PREFIX, autoescape=True))
    rows = connection.execute(query.order_by(STATE.c.name.desc()).limit(200)).scalars()
    return [msgspec.json.decode(text, type=Grant) for text in rows]


def changed(transaction: Transaction, grant: Grant) -> None:
    """Keep what became of a grant, and tell the webhooks of one that somebody approved."""
    is_it = STATE.c.name == f"{PREFIX}{grant.id}"
    transaction.connection.execute(update(STATE).where(is_it).values(value=_text(grant)))
    if grant.approved_by is None:
        return
    change: dict[str, Any] = {
        "kind": "granted",
        "id": grant.id,
        "namespace": grant.namespace,
        "digests": list(grant.digests),
        "reason": grant.reason,
        "requested_by": grant.requested_by,
        "approved_by": grant.approved_by,
        "starts": grant.starts,
        "until": grant.until,
        "is_in_force": grant.ended_by is None,
    }
    transaction.changes.append(change)


def _text(grant: Grant) -> str:
    return msgspec.json.encode(grant).decode()
