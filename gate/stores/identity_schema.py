"""The tables of whom the service believes, and of teams; rules of their own in `schema`, and tokens there too."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text

from gate.stores.columns import METADATA, needed, project

TRUSTS: Final = Table(
    "trusts",
    METADATA,
    Column("id", Text, primary_key=True),
    project(),
    needed("provider"),
    needed("repository_id"),
    needed("document"),
    needed("created_at"),
    needed("created_by"),
    Index(None, "provider", "repository_id"),
    Index(None, "project_id", "id"),
)
"""Which runs of which repository get a token of the project."""
SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("id", Text, primary_key=True),
    needed("sha256"),
    needed("principal"),
    needed("issuer"),
    needed("subject"),
    needed("groups"),
    needed("created_at"),
    needed("expires_at"),
    Column("ended_at", Text),
    Column("used_at", Text),
    Index(None, "expires_at"),
)
"""Browsers that are logged in; the cookie itself is nowhere."""
TEAMS: Final = Table(
    "teams",
    METADATA,
    Column("id", Text, primary_key=True),
    needed("name", Text, unique=True),
    needed("created_at"),
    needed("created_by"),
)
TEAM_MEMBERS: Final = Table(
    "team_members",
    METADATA,
    Column("team_id", Text, ForeignKey("teams.id"), primary_key=True),
    Column("issuer", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    needed("is_owner", Boolean),
    needed("roles"),
    needed("added_at"),
    needed("added_by"),
    Index(None, "issuer", "kind", "name"),
)
"""A person by `sub`, or a group, of one identity provider: the same name at another provider is somebody else."""
TEAM_PROJECTS: Final = Table(
    "team_projects",
    METADATA,
    project(primary_key=True),
    needed("team_id", Text, ForeignKey("teams.id")),
    needed("given_at"),
    needed("given_by"),
    Index(None, "team_id", "project_id"),
)
"""A project belongs to one team, or to none."""
TEAM_NAMESPACES: Final = Table(
    "team_namespaces",
    METADATA,
    Column("namespace", Text, primary_key=True),
    needed("team_id", Text, ForeignKey("teams.id")),
    needed("given_at"),
    needed("given_by"),
    Index(None, "team_id", "namespace"),
)
