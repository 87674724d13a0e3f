"""Indexes for lists of one project by outcome, environment and branch, and for findings of one rule in their order.

Made while nobody writes, as every step. Where the tables are so large that this would take long, make them before
`gate migrate`, while the service runs: `CREATE INDEX CONCURRENTLY IF NOT EXISTS` with these names and columns
(docs/operations.md); what is there already is left as it is.
"""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"

INDEXES: Final = (
    ("decisions", ("project_id", "outcome", "id")),
    ("decisions", ("project_id", "environment", "id")),
    ("decisions", ("project_id", "branch", "id")),
    ("report_uploads", ("project_id", "at", "sha256")),
    ("findings", ("rule", "last_seen", "fingerprint", "project_id")),
)


def upgrade() -> None:
    """Add them; the one that a longer one replaces goes."""
    for table, columns in INDEXES:
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, list(columns), unique=False, if_not_exists=True)
    op.drop_index(op.f("ix_findings_rule_project_id"), "findings", if_exists=True)
