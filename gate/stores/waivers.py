"""Waivers of a project that somebody else than their author approved, in this store.

Requesting and approving is not here: decisions only read what is in force.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select

from gate.stores.schema import WAIVERS

ACTIVE = "active"
_ACTIVE = (
    select(WAIVERS)
    .where(
        WAIVERS.c.project_id == bindparam("its_project"),
        WAIVERS.c.state == ACTIVE,
        WAIVERS.c.expires_at > bindparam("now"),
    )
    .order_by(WAIVERS.c.name)
)
"""Made once: every decision asks it."""


def active(connection: Connection, project_id: str, now: str) -> list[dict[str, Any]]:
    """Entries of the waiver file (CONTRACTS.md, Waivers) that are approved and have not expired at `now`."""
    return [
        {
            **msgspec.json.decode(row.document),
            "id": row.name,
            "requested_by": row.requested_by,
            "approved_by": row.approved_by,
        }
        for row in connection.execute(_ACTIVE, {"its_project": project_id, "now": now})
    ]
