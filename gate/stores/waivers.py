"""Waivers of a project: requested, approved or rejected, revoked, expired, in this store.

Who may do which is not decided here. What acts is approved as it stands: a digest over everything that was asked
for is kept with the approval, and an entry whose digest is another waives nothing (THREATS.md F10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from gate.stores import paging
from gate.stores.paging import Page
from gate.stores.schema import WAIVERS


class State(StrEnum):
    """Where a waiver is on its way; whether an active one ends soon is the clock's matter."""

    REQUESTED = "requested"
    ACTIVE = "active"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One waiver."""

    id: str
    project_id: str
    name: str
    """What decisions call it."""
    state: State
    version: int
    document: dict[str, Any]
    """An entry of the waiver file without `id`, `requested_by` and `approved_by`."""
    sha256: str
    requested_by: str
    approved_by: str | None
    created_at: str
    updated_at: str
    expires_at: str
    approved_sha256: str | None
    reminded_at: str | None

    def entry(self) -> dict[str, Any]:
        """The entry of a waiver file (CONTRACTS.md, Waivers), approved only where what stands was approved."""
        approved = self.approved_by if self.is_approved_as_it_stands() else None
        whole = {
            **self.document,
            "id": self.name,
            "requested_by": self.requested_by,
            "approved_by": approved or "",
        }
        return {key: value for key, value in whole.items() if value is not None}

    def is_approved_as_it_stands(self) -> bool:
        """Whether somebody approved exactly this: an edit of any part makes it another."""
        ours = digest(self.project_id, self.name, self.requested_by, self.document)
        return self.state is State.ACTIVE and self.approved_sha256 == self.sha256 == ours


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which waivers a list wants; None says nothing."""

    project_ids: tuple[str, ...] | None = None
    state: str | None = None
    expires_before: str | None = None


_ACTIVE = (
    select(WAIVERS)
    .where(
        WAIVERS.c.project_id == bindparam("its_project"),
        WAIVERS.c.state == State.ACTIVE.value,
        WAIVERS.c.expires_at > bindparam("now"),
    )
    .order_by(WAIVERS.c.name)
)
"""Made once: every decision asks it."""


def digest(project_id: str, name: str, requested_by: str, document: dict[str, Any]) -> str:
    """`sha256:` over everything that is approved."""
    whole = msgspec.json.encode([project_id, name, requested_by, document], order="deterministic")
    return f"sha256:{hashlib.sha256(whole).hexdigest()}"


def active(connection: Connection, project_id: str, now: str) -> list[dict[str, Any]]:
    """Entries of the waiver file (CONTRACTS.md, Waivers) that are approved and have not expired at `now`."""
    stored = [_stored(row) for row in connection.execute(_ACTIVE, {"its_project": project_id, "now": now})]
    return [one.entry() for one in stored if one.is_approved_as_it_stands()]


def in_force(connection: Connection, project_id: str, names: Collection[str], now: str) -> frozenset[str]:
    """Those of `names` that act at `now`; nobody revokes one until this transaction has ended (THREATS.md G8)."""
    query = select(WAIVERS).where(WAIVERS.c.project_id == project_id, WAIVERS.c.name.in_(sorted(names)))
    rows = connection.execute(query.order_by(WAIVERS.c.name).with_for_update(read=True))
    stored = [_stored(row) for row in rows]
    return frozenset(one.name for one in stored if one.is_approved_as_it_stands() and one.expires_at > now)


def created(connection: Connection, given: Stored) -> None:
    """Put a waiver down."""
    row = msgspec.structs.asdict(given)
    row["document"] = msgspec.json.encode(given.document).decode()
    row["state"] = given.state.value
    connection.execute(insert(WAIVERS), row)


def replaced(connection: Connection, before: Stored, after: Stored) -> bool:
    """Make `before` what `after` is, one version on; False where somebody was faster."""
    row = msgspec.structs.asdict(after)
    row |= {
        "document": msgspec.json.encode(after.document).decode(),
        "state": after.state.value,
        "version": before.version + 1,
    }
    row.pop("id")
    is_it = (WAIVERS.c.id == before.id) & (WAIVERS.c.version == before.version)
    return connection.execute(update(WAIVERS).where(is_it).values(row)).rowcount == 1


def by_id(connection: Connection, waiver_id: str, *, to_change: bool = False) -> Stored | None:
    """The waiver of that id; with `to_change` nobody else changes it until this transaction has ended."""
    query = select(WAIVERS).where(WAIVERS.c.id == waiver_id)
    row = connection.execute(query.with_for_update() if to_change else query).one_or_none()
    return None if row is None else _stored(row)


def listed(connection: Connection, wanted: Filter, cursor: str | None, limit: int) -> Page[Stored]:
    """Waivers, newest first."""
    query = select(WAIVERS)
    if wanted.project_ids is not None:
        query = query.where(WAIVERS.c.project_id.in_(wanted.project_ids))
    if wanted.state is not None:
        query = query.where(WAIVERS.c.state == wanted.state)
    if wanted.expires_before is not None:
        query = query.where(WAIVERS.c.expires_at < wanted.expires_before)
    rows = connection.execute(paging.after(query, (WAIVERS.c.id,), cursor, limit)).all()
    return paging.page([_stored(row) for row in rows], limit, ("id",))


def ending(connection: Connection, before: str, limit: int, *, reminded: bool) -> list[Stored]:
    """Active ones whose end is before `before`, the first to end first; without `reminded` those not yet told of."""
    query = select(WAIVERS).where(WAIVERS.c.state == State.ACTIVE.value, WAIVERS.c.expires_at <= before)
    if not reminded:
        query = query.where(WAIVERS.c.reminded_at.is_(None))
    return [_stored(row) for row in connection.execute(query.order_by(WAIVERS.c.expires_at).limit(limit))]


def _stored(row: Row[Any]) -> Stored:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name
    values["document"] = msgspec.json.decode(row.document)
    values["state"] = State(row.state)
    return Stored(**values)
