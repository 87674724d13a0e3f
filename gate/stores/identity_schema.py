"""The tables of whom the service believes; rules of their own in `schema`, and tokens there too."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Table, Text

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
    Index(None, "expires_at"),
)
"""Browsers that are logged in; the cookie itself is nowhere."""
