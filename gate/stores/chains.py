"""The record verified: every chain from its first entry to its last, against its own digests.

Also compared: the columns that lists and promotions read with the line they repeat, and what other
processes saw at the end of a chain with what is there now.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select

from gate import record
from gate.errors import StoreError
from gate.model import Decision
from gate.record import Entry
from gate.stores.decisions import about
from gate.stores.packing import unpacked
from gate.stores.schema import ANCHORS, DECISION_DOCUMENTS, DECISIONS

BATCH = 200


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole record comes to."""

    decisions: int
    chains: int
    ends: dict[str, str]
    """Chain -> digest of its last entry: note them elsewhere."""


def verified(connection: Connection) -> Verified:
    """How many decisions are recorded, if all are whole.

    Raises `StoreError` naming the first decision that is not, and why.
    """
    ends: dict[str, Entry] = {}
    count = 0
    seen: dict[tuple[str, int], str] = {}
    anchored = {(row.chain, row.sequence): row.digest for row in connection.execute(select(ANCHORS))}
    for row_id, writer, columns, entry in _entries(connection):
        place = f"chain {writer}"
        record.follows(entry, ends.get(writer), entry.sequence, place)
        _refuse_other_columns(row_id, columns, entry)
        ends[writer] = entry
        if (writer, entry.sequence) in anchored:
            seen[writer, entry.sequence] = entry.digest
        count += 1
    for (chain, sequence), digest in sorted(anchored.items()):
        if seen.get((chain, sequence)) != digest:
            raise StoreError(
                f"chain {chain}: entry {sequence} was there when another process began, and is not now",
                code="record_truncated",
                fix="restore the database from a backup; the record is never mended silently",
            )
    return Verified(
        decisions=count, chains=len(ends), ends={name: entry.digest for name, entry in sorted(ends.items())}
    )


def lines(connection: Connection) -> Iterator[bytes]:
    """Every line of the record, chain by chain."""
    for _, _, _, entry in _entries(connection):
        yield entry.line


def rows(connection: Connection) -> Iterator[dict[str, object]]:
    """The columns of every decision beside its line, chain by chain."""
    for _, _, columns, _ in _entries(connection):
        yield {name: value for name, value in columns.items() if name != "line"}


def _entries(connection: Connection) -> Iterator[tuple[str, str, dict[str, object], Entry]]:
    query = (
        select(DECISIONS, DECISION_DOCUMENTS.c.line)
        .join(DECISION_DOCUMENTS, DECISION_DOCUMENTS.c.decision_id == DECISIONS.c.id, isouter=True)
        .order_by(DECISIONS.c.writer, DECISIONS.c.sequence)
    )
    with closing(connection.execution_options(yield_per=BATCH).execute(query)) as rows:
        yield from map(_entry, rows)


def _entry(row: Row[Any]) -> tuple[str, str, dict[str, object], Entry]:
    place = f"chain {row.writer}"
    if row.line is None:
        raise StoreError(
            f"decision {row.id}: its line of the record is gone",
            code="record_gap",
            path=place,
            line=row.sequence,
            fix="restore the database from a backup",
        )
    entry = record.read(unpacked(row.line), row.sequence, place)
    columns = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name
    return row.id, row.writer, columns, entry


def _refuse_other_columns(row_id: str, columns: dict[str, object], entry: Entry) -> None:
    decision = msgspec.convert(entry.decision(), Decision)
    said = {
        **about(decision),
        "id": decision.decision_id,
        "sequence": entry.sequence,
        "previous": entry.previous,
        "digest": entry.digest,
    }
    changed = sorted(name for name, value in said.items() if columns[name] != value)
    if changed:
        raise StoreError(
            f"decision {row_id}: {', '.join(changed)} of its row is not what its line says",
            code="record_changed",
            path=f"chain {columns['writer']}",
            line=entry.sequence,
            fix="somebody changed the database; restore it from a backup",
        )
