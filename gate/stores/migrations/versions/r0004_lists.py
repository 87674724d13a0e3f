"""Indexes for the lists that were searched from end to end: by outcome, branch, environment, kind, severity; components."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

INDEXES: Final = (
    ("decisions", ("outcome", "id")),
    ("decisions", ("environment", "id")),
    ("decisions", ("branch", "id")),
    ("findings", ("kind", "last_seen", "fingerprint", "project_id")),
    ("findings", ("severity", "last_seen", "fingerprint", "project_id")),
    ("components", ("last_seen", "project_id", "subject", "identity")),
)


def upgrade() -> None:
    """Add them."""
    for table, columns in INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)
