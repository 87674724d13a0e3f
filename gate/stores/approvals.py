"""Approvals that were recorded from an authenticated person, in this store; decisions only read them."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from gate.model import Approval
from gate.stores.schema import APPROVALS

APPROVED = "approved"


def given(connection: Connection, project_id: str, digest: str, environment: str) -> tuple[Approval, ...]:
    """Every yes to this digest in this environment, the earliest first; which count is not decided here."""
    query = select(APPROVALS).where(
        APPROVALS.c.project_id == project_id,
        APPROVALS.c.environment == environment,
        APPROVALS.c.digest == digest,
        APPROVALS.c.state == APPROVED,
        APPROVALS.c.by.is_not(None),
        APPROVALS.c.at.is_not(None),
    )
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
