"""Approvals that were recorded from an authenticated person, in this store: what is asked for, and the answers.

A request is a row without `by`; each answer is a row of its own that names its request. Which answers count is
not decided here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from gate.model import Approval
from gate.stores import paging
from gate.stores.paging import Page
from gate.stores.schema import APPROVALS, DECISIONS


class State(StrEnum):
    """Of a request or an answer; `void` is a yes that a later no took away."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    VOID = "void"


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    id: str
    project_id: str
    environment: str
    digest: str
    decision_id: str | None
    state: State
    requested_by: str | None
    by: str | None
    groups: tuple[str, ...] = ()
    note: str | None
    created_at: str
    at: str | None
    expires_at: str | None
    request_id: str | None
    """None for a request."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests a list wants; None says nothing."""

    project_ids: tuple[str, ...] | None = None
    environment: str | None = None
    digest: str | None = None
    state: str | None = None


def given(
    connection: Connection, project_id: str, digest: str, environment: str, *, to_rest_on: bool = False
) -> tuple[Approval, ...]:
    """Every yes to this digest in this environment, the earliest first; which count is not decided here.

    With `to_rest_on` nobody takes one away until this transaction has ended.
    """
    query = select(APPROVALS).where(
        *_about(project_id, digest, environment),
        APPROVALS.c.state == State.APPROVED.value,
        APPROVALS.c.by.is_not(None),
        APPROVALS.c.at.is_not(None),
    )
    if to_rest_on:
        query = query.with_for_update(read=True)
    return tuple(
        Approval(
            digest=row.digest,
            environment=row.environment,
            by=row.by,
            groups=tuple(msgspec.json.decode(row.groups, type=list[str])),
            at=row.at,
            expires=row.expires_at,
        )
        for row in connection.execute(query.order_by(APPROVALS.c.at))
    )


def askers(connection: Connection, project_id: str, digest: str, environment: str) -> frozenset[str]:
    """Everybody who ever asked whether the digest may enter the environment, or asked for its approval."""
    asked = select(DECISIONS.c.by).where(
        DECISIONS.c.subject_digest == digest,
        DECISIONS.c.environment == environment,
        DECISIONS.c.project_id == project_id,
    )
    wanted = select(APPROVALS.c.requested_by).where(
        *_about(project_id, digest, environment), APPROVALS.c.requested_by.is_not(None)
    )
    found = [
        *connection.execute(asked.distinct()).scalars(),
        *connection.execute(wanted.distinct()).scalars(),
    ]
    return frozenset(str(one) for one in found)


def created(connection: Connection, row: Stored) -> None:
    """Put a request or an answer down."""
    values = msgspec.structs.asdict(row)
    values |= {"groups": msgspec.json.encode(row.groups).decode(), "state": row.state.value}
    connection.execute(insert(APPROVALS), values)


def by_id(connection: Connection, request_id: str, *, to_change: bool = False) -> Stored | None:
    """The request of that id; an answer is none."""
    query = select(APPROVALS).where(APPROVALS.c.id == request_id, APPROVALS.c.request_id.is_(None))
    row = connection.execute(query.with_for_update() if to_change else query).one_or_none()
    return None if row is None else _stored(row)


def open_request(connection: Connection, project_id: str, digest: str, environment: str) -> Stored | None:
    """The request about this digest in this environment that nobody has settled yet."""
    query = select(APPROVALS).where(
        *_about(project_id, digest, environment),
        APPROVALS.c.state == State.REQUESTED.value,
        APPROVALS.c.request_id.is_(None),
    )
    row = connection.execute(query.order_by(APPROVALS.c.id).limit(1)).one_or_none()
    return None if row is None else _stored(row)


def answers(connection: Connection, request_id: str) -> tuple[Stored, ...]:
    """The answers to a request, the first first."""
    query = select(APPROVALS).where(APPROVALS.c.request_id == request_id).order_by(APPROVALS.c.id)
    return tuple(_stored(row) for row in connection.execute(query))


def settled(connection: Connection, project_id: str, digest: str, environment: str, state: State) -> None:
    """Close every open request about the pair; where it is rejected no yes that was given counts any more."""
    about = _about(project_id, digest, environment)
    is_open = (APPROVALS.c.state == State.REQUESTED.value) & APPROVALS.c.request_id.is_(None)
    connection.execute(update(APPROVALS).where(*about, is_open).values(state=state.value))
    if state is State.REJECTED:
        is_yes = (APPROVALS.c.state == State.APPROVED.value) & APPROVALS.c.request_id.is_not(None)
        connection.execute(update(APPROVALS).where(*about, is_yes).values(state=State.VOID.value))


def listed(connection: Connection, wanted: Filter, cursor: str | None, limit: int) -> Page[Stored]:
    """Requests, newest first."""
    query = select(APPROVALS).where(APPROVALS.c.request_id.is_(None))
    if wanted.project_ids is not None:
        query = query.where(APPROVALS.c.project_id.in_(wanted.project_ids))
    for column, value in (
        (APPROVALS.c.environment, wanted.environment),
        (APPROVALS.c.digest, wanted.digest),
        (APPROVALS.c.state, wanted.state),
    ):
        if value is not None:
            query = query.where(column == value)
    rows = connection.execute(paging.after(query, (APPROVALS.c.id,), cursor, limit)).all()
    return paging.page([_stored(row) for row in rows], limit, ("id",))


def _about(project_id: str, digest: str, environment: str) -> tuple[Any, ...]:
    if not digest or not environment:
        raise ValueError("no digest, or no environment, would match approvals of something else")
    return (
        APPROVALS.c.project_id == project_id,
        APPROVALS.c.environment == environment,
        APPROVALS.c.digest == digest,
    )


def _stored(row: Row[Any]) -> Stored:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name
    values["groups"] = tuple(msgspec.json.decode(row.groups, type=list[str]))
    values["state"] = State(row.state)
    return Stored(**values)
