"""How many of what there is in which state: the numbers that an operator watches."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, func, select

from gate import times
from gate.stores.schema import APPROVALS, JOBS, WAIVERS

STATES = ("requested", "active", "rejected", "revoked", "expired")
"""Of waivers; any other word of a later version counts as `other`."""
KINDS = 50
"""Most kinds of jobs told apart."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers."""

    waivers: dict[str, int]
    next_expiry: float | None
    """Seconds since 1970 when the next active waiver ends."""
    approvals_pending: int
    jobs: dict[tuple[str, str], int]
    """Kind and state -> number."""


def of(connection: Connection) -> Standing:
    """The numbers now."""
    waivers = dict.fromkeys(STATES, 0)
    for state, number in connection.execute(select(WAIVERS.c.state, func.count()).group_by(WAIVERS.c.state)):
        name = state if state in waivers else "other"
        waivers[name] = waivers.get(name, 0) + number
    soonest = connection.execute(
        select(func.min(WAIVERS.c.expires_at)).where(WAIVERS.c.state == "active")
    ).scalar()
    ends = times.instant(soonest) if soonest else None
    pending = select(func.count()).select_from(APPROVALS).where(APPROVALS.c.state == "requested")
    grouped = select(JOBS.c.kind, JOBS.c.state, func.count()).group_by(JOBS.c.kind, JOBS.c.state)
    jobs = {(kind, state): number for kind, state, number in connection.execute(grouped.limit(KINDS * 5))}
    return Standing(
        waivers=waivers,
        next_expiry=ends.timestamp() if ends else None,
        approvals_pending=connection.execute(pending).scalar_one(),
        jobs=jobs,
    )
