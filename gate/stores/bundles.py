"""Policies by revision, so that a decision can be made again with exactly those that made it."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from gate.stores.packing import packed, unpacked
from gate.stores.schema import BUNDLES


def kept(connection: Connection, revision: str, content: bytes, rules: bytes, at: str) -> None:
    """Keep a bundle; one of the same revision stays as it is."""
    row = {"revision": revision, "content": packed(content), "rules": packed(rules), "created_at": at}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(BUNDLES).values(row).on_conflict_do_nothing())


def content(connection: Connection, revision: str) -> bytes | None:
    """What was kept of a revision."""
    found = connection.execute(select(BUNDLES.c.content).where(BUNDLES.c.revision == revision)).first()
    return None if found is None else unpacked(found.content)
