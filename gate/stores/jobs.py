"""Work that is to be done, written down in the transaction of what makes it necessary.

A job is done once: its result is written in the transaction of its effect, and only by who still holds it. Whoever
dies while holding one is waited for until `locked_until`; then somebody else takes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from gate import times
from gate.stores.schema import JOBS


class State(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work."""

    id: str
    project_id: str | None
    kind: str
    state: State
    document: dict[str, Any]
    result: dict[str, Any] | None
    attempts: int
    by: str
    created_at: str
    run_at: str
    finished_at: str | None


_COLUMNS = tuple(JOBS.c[name] for name in Job.__struct_fields__)


def queued(
    connection: Connection,
    job_id: str,
    *,
    kind: str,
    project_id: str | None,
    document: dict[str, Any],
    by: str,
    at: str,
) -> None:
    """Put a job down, to be done from `at` on."""
    row = {
        "id": job_id,
        "project_id": project_id,
        "kind": kind,
        "state": State.QUEUED.value,
        "document": msgspec.json.encode(document).decode(),
        "by": by,
        "created_at": at,
        "run_at": at,
    }
    connection.execute(insert(JOBS), row)
    _handed_over(connection, job_id, None)


def _handed_over(connection: Connection, job_id: str, run_at: str | None) -> None:
    if connection.dialect.name == "postgresql":
        from gate.stores import delivery  # noqa: PLC0415 - with PostgreSQL alone

        delivery.handed_over(connection, job_id, times.instant(run_at) if run_at else None)


def by_id(connection: Connection, job_id: str) -> Job | None:
    """The job of that id."""
    row = connection.execute(select(*_COLUMNS).where(JOBS.c.id == job_id)).one_or_none()
    return None if row is None else _job(row)


def waiting(connection: Connection, now: str) -> str | None:
    """The job that has waited longest; one whose holder has not been heard of counts as waiting."""
    query = select(JOBS.c.id).where(_is_free(now)).order_by(JOBS.c.run_at, JOBS.c.id).limit(1)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def taken(connection: Connection, job_id: str, holder: str, now: str, until: str) -> Job | None:
    """The job, held by `holder` until `until`; None where somebody else has it or it is done."""
    done = connection.execute(
        update(JOBS)
        .where(JOBS.c.id == job_id, _is_free(now))
        .values(state=State.RUNNING.value, locked_by=holder, locked_until=until, attempts=JOBS.c.attempts + 1)
    )
    return by_id(connection, job_id) if done.rowcount == 1 else None


def settled(
    connection: Connection, job: Job, holder: str, state: State, result: dict[str, Any], at: str
) -> bool:
    """Write down what became of it; False where `holder` no longer has it, and then nothing of it may count."""
    done = connection.execute(
        update(JOBS)
        .where(_is_held(job, holder))
        .values(
            state=state.value,
            result=msgspec.json.encode(result).decode(),
            finished_at=at,
            locked_by=None,
            locked_until=None,
        )
    )
    return done.rowcount == 1


def put_back(connection: Connection, job: Job, holder: str, run_at: str) -> bool:
    """Let it be tried again from `run_at` on."""
    done = connection.execute(
        update(JOBS)
        .where(_is_held(job, holder))
        .values(state=State.QUEUED.value, run_at=run_at, locked_by=None, locked_until=None)
    )
    if done.rowcount == 1:
        _handed_over(connection, job.id, run_at)
    return done.rowcount == 1


def prolonged(connection: Connection, job: Job, holder: str, until: str) -> bool:
    """Hold it longer; False where it is not `holder`'s any more."""
    done = connection.execute(update(JOBS).where(_is_held(job, holder)).values(locked_until=until))
    return done.rowcount == 1


def _is_free(now: str) -> Any:
    is_waiting = and_(JOBS.c.state == State.QUEUED.value, JOBS.c.run_at <= now)
    is_lost = and_(JOBS.c.state == State.RUNNING.value, JOBS.c.locked_until < now)
    return or_(is_waiting, is_lost)


def _is_held(job: Job, holder: str) -> Any:
    return and_(
        JOBS.c.id == job.id,
        JOBS.c.state == State.RUNNING.value,
        JOBS.c.locked_by == holder,
        JOBS.c.attempts == job.attempts,
    )


def _job(row: Row[Any]) -> Job:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name
    values["document"] = msgspec.json.decode(row.document)
    values["result"] = msgspec.json.decode(row.result) if row.result else None
    values["state"] = State(row.state)
    return Job(**values)
