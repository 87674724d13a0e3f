"""Many rows in one statement: handed over as one JSON text, taken apart by the database.

Ten thousand findings by a statement each are ten thousand round trips; so they are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Integer, Table, TextClause, text

from gate.stores.writer import Transaction


def upserted(
    transaction: Transaction,
    table: Table,
    rows: Sequence[msgspec.Struct],
    common: Mapping[str, Any],
    replaced: tuple[str, ...],
    *,
    order: str,
    where: str = "",
) -> None:
    """Insert `rows` (their keys are columns), each with the columns `common`; replace `replaced` of those there.

    `where` bounds which are replaced. Rows are taken in their order, which should be that of the primary key;
    `order` is the key of the first.
    """
    if not rows:
        return
    names = rows[0].__struct_fields__
    statement = _upsert(transaction.is_postgresql, table, names, tuple(common), replaced, where)
    # PostgreSQL's text has no NUL; what it stands for in a title is no name of anything.
    document = msgspec.json.encode(rows).replace(b"\\u0000", b"\\ufffd").decode()
    transaction.later(statement, {"rows": document, **common}, order)


@lru_cache
def _upsert(
    is_postgresql: bool,
    table: Table,
    own: tuple[str, ...],
    common: tuple[str, ...],
    replaced: tuple[str, ...],
    where: str,
) -> TextClause:
    if is_postgresql:
        types = ", ".join(f'"{name}" {_type(table, name)}' for name in own)
        source = f"json_to_recordset(CAST(:rows AS json)) AS r({types})"
        selected = ", ".join(f'r."{name}"' for name in own)
    else:
        source = "json_each(:rows) AS r"
        selected = ", ".join(f"json_extract(r.value, '$.{name}')" for name in own)
    names = ", ".join(f'"{name}"' for name in (*own, *common))
    given = ", ".join(f":{name}" for name in common)
    key = ", ".join(f'"{column.name}"' for column in table.primary_key)
    update = ", ".join(f'"{name}" = excluded."{name}"' for name in replaced)
    # Every name is one of the schema's; values travel as parameters.
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {selected}, {given} FROM {source} WHERE true "  # noqa: S608
        f"ON CONFLICT ({key}) DO UPDATE SET {update} {where}"
    )


def _type(table: Table, name: str) -> str:
    return "integer" if isinstance(table.c[name].type, Integer) else "text"
