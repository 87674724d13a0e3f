"""Teams: their members, and the projects and namespaces that are theirs."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0005"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "teams",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("name", name=op.f("uq_teams_name")),
    )
    op.create_table(
        "team_members",
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("added_at", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id")),
        sa.PrimaryKeyConstraint("team_id", "issuer", "kind", "name", name=op.f("pk_team_members")),
    )
    op.create_index(
        op.f("ix_team_members_issuer_kind_name"), "team_members", ["issuer", "kind", "name"], unique=False
    )
    op.create_table(
        "team_projects",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("given_at", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_team_projects_project_id")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_projects_team_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_team_projects")),
    )
    op.create_index(
        op.f("ix_team_projects_team_id_project_id"), "team_projects", ["team_id", "project_id"], unique=False
    )
    op.create_table(
        "team_namespaces",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text(), nullable=False),
        sa.Column("given_at", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_namespaces_team_id")),
        sa.PrimaryKeyConstraint("namespace", name=op.f("pk_team_namespaces")),
    )
    op.create_index(
        op.f("ix_team_namespaces_team_id_namespace"),
        "team_namespaces",
        ["team_id", "namespace"],
        unique=False,
    )
    # A session that nobody uses ends before its time; null: it was last used when it began.
    op.add_column("sessions", sa.Column("used_at", sa.Text(), nullable=True))
