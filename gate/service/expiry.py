"""Waivers that end: reminded of once, expired by the service's own clock, and what rested on them looked at."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from gate import times
from gate.service import waiving
from gate.service.context import Service
from gate.stores import events, projects, waivers
from gate.stores.waivers import State, Stored
from gate.stores.writer import Transaction
from gate.waivers import SOON_DAYS

SWEEPER: Final = "gate"
AT_ONCE: Final = 100
MOST_LOOKED_AT: Final = 10_000


def swept(service: Service) -> int:
    """How many were reminded of or expired. Any number of processes may do it: each is told of once."""
    now = service.now()
    soon = times.sortable(now + timedelta(days=SOON_DAYS))
    with service.database.reading() as connection:
        over = waivers.ending(connection, times.sortable(now), AT_ONCE, reminded=True)
        soonest = waivers.ending(connection, soon, MOST_LOOKED_AT, reminded=False)
    ending = [one for one in soonest if _is_near(one, times.sortable(now))][:AT_ONCE]
    if not over and not ending:
        return 0
    ended = {one.id for one in over}

    def work(transaction: Transaction) -> int:
        count = sum(_expired(transaction, service, one.id) for one in over)
        return count + sum(_reminded(transaction, one.id) for one in ending if one.id not in ended)

    return service.writer.submit(work)


def _expired(transaction: Transaction, service: Service, waiver_id: str) -> bool:
    connection = transaction.connection
    found = waivers.by_id(connection, waiver_id, to_change=True)
    if found is None or found.state is not State.ACTIVE or found.expires_at > transaction.now:
        return False
    after = msgspec.structs.replace(found, state=State.EXPIRED, updated_at=transaction.now)
    if not waivers.replaced(connection, found, after):
        return False
    project = projects.by_id(connection, found.project_id)
    if project is not None:
        waiving.changed(transaction, service, project, after, SWEEPER, "expired")
    return True


def _is_near(found: Stored, now: str) -> bool:
    """Whether it has lasted two thirds of its life: a short one is not told of on its first day."""
    at, begun, ends = (times.instant(text) for text in (now, found.created_at, found.expires_at))
    return at is None or begun is None or ends is None or ends - at <= (ends - begun) / 3


def _reminded(transaction: Transaction, waiver_id: str) -> bool:
    connection = transaction.connection
    found = waivers.by_id(connection, waiver_id, to_change=True)
    if found is None or found.state is not State.ACTIVE or found.reminded_at is not None:
        return False
    after = msgspec.structs.replace(found, reminded_at=transaction.now)
    if not waivers.replaced(connection, found, after):
        return False
    events.told(
        connection,
        at=transaction.now,
        project_id=found.project_id,
        by=SWEEPER,
        action="waiver.expiring",
        target=found.id,
        expires_at=found.expires_at,
        owner=found.document.get("owner") or found.requested_by,
    )
    return True
