"""The feed for admission (docs/adr/0006): changes in the order in which they became visible."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, insert, select

from gate.feed import Change, Page
from gate.stores.schema import CHANGES, STATE

MOST: int = 1_000
"""Changes in one answer."""


def epoch(connection: Connection) -> str:
    """Of this store; a restored one gets another."""
    value: str = connection.execute(select(STATE.c.value).where(STATE.c.name == "epoch")).scalar_one()
    return value


def begun(connection: Connection, fresh: str) -> None:
    """Give the store its epoch, if it has none."""
    has_one = connection.execute(select(STATE.c.value).where(STATE.c.name == "epoch")).first()
    if has_one is None:
        connection.execute(insert(STATE), {"name": "epoch", "value": fresh})


def page(connection: Connection, asked_epoch: str | None, after: int, now: str, limit: int = MOST) -> Page:
    """The changes behind number `after`; from the first where `asked_epoch` is not this store's.

    `now` is read before the question is asked: everything committed until then is in the answer.
    """
    ours = epoch(connection)
    start = after if asked_epoch == ours else 0
    query = select(CHANGES).where(CHANGES.c.sequence > start).order_by(CHANGES.c.sequence)
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    changes = tuple(
        msgspec.convert({**msgspec.json.decode(row.document), "sequence": row.sequence, "at": row.at}, Change)
        for row in shown
    )
    return Page(
        epoch=ours,
        as_of=now,
        last=shown[-1].sequence if shown else start,
        has_more=len(rows) > limit,
        changes=changes,
    )


def last(connection: Connection) -> int:
    """The number of the newest change; 0 where there is none."""
    return connection.execute(select(func.max(CHANGES.c.sequence))).scalar() or 0
