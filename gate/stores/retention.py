"""What is no longer kept, a batch at a time: payloads go, the record stays whole (CONTRACTS.md, Record).

A decision's line, its row and its place in the chain are never touched, so `gate audit verify` says the same
before and after. What an environment can go back to keeps everything.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, func, or_, select, update

from gate.stores.schema import (
    DECISION_DOCUMENTS,
    DECISION_REPORTS,
    DECISIONS,
    IDEMPOTENCY,
    JOBS,
    RELEASES,
    REPORT_UPLOADS,
    REPORTS,
)

BATCH: Final = 200
RELEASES_KEPT: Final = 20
"""Of each environment: as many as a rollback plan judges."""


def payloads(connection: Connection, before_id: str) -> int:
    """Drop inputs and views of up to a batch of decisions older than `before_id`; how many."""
    rank = (
        func.row_number()
        .over(partition_by=(RELEASES.c.project_id, RELEASES.c.environment), order_by=RELEASES.c.id.desc())
        .label("rank")
    )
    ranked = select(RELEASES.c.decision_id, rank).subquery()
    kept = select(ranked.c.decision_id).where(ranked.c.rank <= RELEASES_KEPT)
    documents = DECISION_DOCUMENTS.c
    has_some = or_(documents.input.is_not(None), documents.view.is_not(None), documents.asked.is_not(None))
    old = (
        select(documents.decision_id)
        .where(documents.decision_id < before_id, has_some, documents.decision_id.not_in(kept))
        .order_by(documents.decision_id)
        .limit(BATCH)
    )
    ids = list(connection.execute(old).scalars())
    if ids:
        is_old = documents.decision_id.in_(ids)
        connection.execute(update(DECISION_DOCUMENTS).where(is_old).values(input=None, view=None, asked=None))
    return len(ids)


def report_bytes(connection: Connection, before_id: str, before: str) -> int:
    """Forget up to a batch of reports that nothing newer was made of; how many.

    Decisions still name their digests; the same bytes may be handed over again.
    """
    used = (
        select(DECISION_REPORTS.c.sha256)
        .join(DECISIONS, DECISIONS.c.id == DECISION_REPORTS.c.decision_id)
        .where(DECISION_REPORTS.c.sha256 == REPORTS.c.sha256, DECISIONS.c.id >= before_id)
    )
    fresh = select(REPORT_UPLOADS.c.sha256).where(
        REPORT_UPLOADS.c.sha256 == REPORTS.c.sha256, REPORT_UPLOADS.c.at >= before
    )
    old = select(REPORTS.c.sha256).where(REPORTS.c.created_at < before, ~used.exists(), ~fresh.exists())
    digests = list(connection.execute(old.limit(BATCH)).scalars())
    if digests:
        connection.execute(delete(REPORT_UPLOADS).where(REPORT_UPLOADS.c.sha256.in_(digests)))
        connection.execute(delete(REPORTS).where(REPORTS.c.sha256.in_(digests)))
    return len(digests)


def finished(connection: Connection, before: str) -> int:
    """Forget up to a batch of idempotency keys and ended jobs of before `before`; how many."""
    key = (IDEMPOTENCY.c.principal, IDEMPOTENCY.c.key)
    keys = connection.execute(select(*key).where(IDEMPOTENCY.c.created_at < before).limit(BATCH)).all()
    for row in keys:
        is_it = (IDEMPOTENCY.c.principal == row.principal) & (IDEMPOTENCY.c.key == row.key)
        connection.execute(delete(IDEMPOTENCY).where(is_it))
    old = select(JOBS.c.id).where(JOBS.c.finished_at < before).limit(BATCH)
    jobs = list(connection.execute(old).scalars())
    if jobs:
        connection.execute(delete(JOBS).where(JOBS.c.id.in_(jobs)))
    return len(keys) + len(jobs)
