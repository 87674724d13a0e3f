"""What passed into each environment, newest last: baselines, and what one can go back to."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, func, insert, select

from gate.stores.schema import ADMISSION_RECORDS, DECISIONS, RELEASES
from gate.stores.writer import Transaction


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One digest that may run in one environment."""

    id: str
    project_id: str
    environment: str
    subject_digest: str
    decision_id: str
    at: str


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """One digest that admission let in, by what it handed over."""

    digest: str
    namespaces: tuple[str, ...]
    last_at: str


_COLUMNS = tuple(RELEASES.c[name] for name in Release.__struct_fields__)
_INSERT = insert(RELEASES)
MOST_REPORTED = 1_000
"""Records of admission looked at."""


def released(transaction: Transaction, given: Release, asked_first: str | None) -> None:
    """Put a release down.

    A decision that was made again without being asked for (`asked_first` names the one that was) replaces no
    release that came after the asking: what passes at last is not what runs.
    """
    if asked_first is not None:
        later = select(RELEASES.c.id).where(
            RELEASES.c.project_id == given.project_id,
            RELEASES.c.environment == given.environment,
            RELEASES.c.id > asked_first,
            RELEASES.c.subject_digest != given.subject_digest,
        )
        if transaction.connection.execute(later.limit(1)).first() is not None:
            return
    transaction.later(_INSERT, msgspec.structs.asdict(given))


def newest_first(connection: Connection, project_id: str, environment: str, limit: int) -> list[Release]:
    """The newest release of each digest, none whose decision was revoked; the newest first.

    Bounded by the last `limit` releases.
    """
    query = (
        select(*_COLUMNS)
        .join(DECISIONS, DECISIONS.c.id == RELEASES.c.decision_id)
        .where(
            RELEASES.c.project_id == project_id,
            RELEASES.c.environment == environment,
            DECISIONS.c.revoked_at.is_(None),
        )
        .order_by(RELEASES.c.id.desc())
        .limit(limit)
    )
    found: dict[str, Release] = {}
    for row in connection.execute(query):
        found.setdefault(row.subject_digest, _release(row))
    return list(found.values())


def baselines(connection: Connection, project_id: str) -> dict[str, Release]:
    """Environment -> its newest release whose decision was not revoked."""
    last = (
        select(RELEASES.c.environment, func.max(RELEASES.c.id).label("last"))
        .join(DECISIONS, DECISIONS.c.id == RELEASES.c.decision_id)
        .where(RELEASES.c.project_id == project_id, DECISIONS.c.revoked_at.is_(None))
        .group_by(RELEASES.c.environment)
        .subquery()
    )
    query = select(*_COLUMNS).join(
        last, and_(RELEASES.c.id == last.c.last, RELEASES.c.environment == last.c.environment)
    )
    rows = connection.execute(query.where(RELEASES.c.project_id == project_id))
    return {row.environment: _release(row) for row in rows}


def reported(connection: Connection, project: str, environment: str, since: str) -> list[Reported]:
    """What admission let into the environment at `since` or later, the last first."""
    query = (
        select(ADMISSION_RECORDS.c.digests, ADMISSION_RECORDS.c.namespace, ADMISSION_RECORDS.c.last_at)
        .where(
            ADMISSION_RECORDS.c.last_at >= since,
            ADMISSION_RECORDS.c.project == project,
            ADMISSION_RECORDS.c.environment == environment,
            ADMISSION_RECORDS.c.outcome.in_(("pass", "warn")),
        )
        .order_by(ADMISSION_RECORDS.c.last_at.desc())
        .limit(MOST_REPORTED)
    )
    namespaces: dict[str, set[str]] = {}
    last: dict[str, str] = {}
    for row in connection.execute(query):
        for digest in msgspec.json.decode(row.digests, type=list[str]):
            namespaces.setdefault(digest, set()).update([row.namespace] if row.namespace else [])
            last.setdefault(digest, row.last_at)
    return [
        Reported(digest=digest, namespaces=tuple(sorted(namespaces[digest])), last_at=at)
        for digest, at in last.items()
    ]


def _release(row: Row[Any]) -> Release:
    return Release(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name
