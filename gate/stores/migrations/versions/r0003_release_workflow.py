"""What making a decision again, waivers and approvals need."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0001"


def upgrade() -> None:
    """Add it."""
    op.add_column("decision_documents", sa.Column("asked", sa.LargeBinary(), nullable=True))
    op.add_column("waivers", sa.Column("approved_sha256", sa.Text(), nullable=True))
    op.add_column("waivers", sa.Column("reminded_at", sa.Text(), nullable=True))
    op.add_column("approvals", sa.Column("request_id", sa.Text(), nullable=True))
    op.create_index(op.f("ix_approvals_state_id"), "approvals", ["state", "id"], unique=False)
    op.create_table(
        "decision_waivers",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("waiver", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_decision_waivers_decision_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_decision_waivers_project_id")),
        sa.PrimaryKeyConstraint("project_id", "waiver", "decision_id", name=op.f("pk_decision_waivers")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _queue()


def _queue() -> None:
    """The queue's tables, of the version of procrastinate that is locked; a later one needs a step of its own."""
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - on PostgreSQL alone

    connection = op.get_bind()
    op.execute("CREATE SCHEMA gate_jobs")
    before = connection.execute(sa.text("SHOW search_path")).scalar_one()
    op.execute("SET LOCAL search_path = gate_jobs")
    driver = connection.connection.dbapi_connection
    if driver is None:
        raise RuntimeError("no connection to migrate on")
    # Straight to the driver: many statements at once, whose percent signs are their own.
    driver.execute(SchemaManager.get_schema())
    op.execute(sa.text("SELECT set_config('search_path', :before, true)").bindparams(before=before))
