"""What the tables of the store are made of; the tables are in `schema` and `identity_schema`."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the column is an INTEGER."""


def needed(name: str, type_: Any = Text, *rest: Any, **options: Any) -> Column[Any]:
    """A column that is never null."""
    return Column(name, type_, *rest, nullable=False, **options)


def project(*, primary_key: bool = False) -> Column[Any]:
    """The project that a row belongs to."""
    return Column("project_id", Text, ForeignKey("projects.id"), nullable=False, primary_key=primary_key)
