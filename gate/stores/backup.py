"""A store as one file, and a store out of it: everything, consistent, while servers go on (THREATS.md J13).

gzip of JSON lines: a head, one line a row table by table, an end with the number of rows and the digest of all
before it. The same file restores into SQLite and PostgreSQL. What cannot be read whole is never restored in part.

Kept: decisions, reports, policies, settings, people's approvals and waivers, digests of tokens. Not kept: idempotency keys,
which count for a day, and the epoch, so that whoever follows the feed begins anew.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, LargeBinary, Table, create_engine, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from gate.errors import StoreError
from gate.stores import chains, migrations
from gate.stores.chains import Verified
from gate.stores.database import Database
from gate.stores.schema import IDEMPOTENCY, METADATA, STATE

SCHEMA: Final = "gate.backup/v1"
ROWS_AT_ONCE: Final = 500
LINE_BYTES: Final = 1024 * 1024 * 1024
"""Longest line read: a row holds one document."""
NOT_KEPT: Final = frozenset({IDEMPOTENCY.name, STATE.name})
TABLES: Final = tuple(table for table in METADATA.sorted_tables if table.name not in NOT_KEPT)
"""In an order in which each refers only to those before it."""


class Head(msgspec.Struct, frozen=True, kw_only=True, tag="head", tag_field="is"):
    """What the file is."""

    schema: str
    revision: str
    """The migration step of the store."""
    gate_version: str
    at: str


class _Rows(msgspec.Struct, frozen=True, kw_only=True, tag="row", tag_field="is"):
    table: str
    row: dict[str, Any]


class _End(msgspec.Struct, frozen=True, kw_only=True, tag="end", tag_field="is"):
    rows: int
    sha256: str
    """Of every line before, line feeds included."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    rows: int
    decisions: int


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was put back, and that its record is whole."""

    rows: int
    at: str
    """When the backup was made."""
    verified: Verified


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """One state of the store at `url`, beside whoever has it open.

    SQLite: a connection that can neither write nor checkpoint, so the rule of one process stays whole.
    """
    if not url.startswith("sqlite:"):
        database = Database(url)
        try:
            with database.snapshot() as connection:
                yield connection
        finally:
            database.close()
        return
    path = Path(url.removeprefix("sqlite:///"))
    if not path.is_file():
        raise StoreError(
            "there is no database", code="database_absent", path=str(path), fix="check --data-dir"
        )
    engine = create_engine(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true", hide_parameters=True)
    event.listen(engine, "connect", _only_reading)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection
    except DBAPIError as error:
        raise StoreError(f"the database cannot be read: {error.orig}", code="store_unavailable") from None
    finally:
        engine.dispose()


def _only_reading(connection: Any, _: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA busy_timeout=5000")


def written(connection: Connection, path: Path, *, gate_version: str, at: str) -> Written:
    """Write everything into `path`, which appears when it is whole and on the disk.

    Raises `StoreError` where it is there already, cannot be written, or the store has another schema.
    """
    if path.exists():
        raise StoreError(
            "the file is there already", code="backup_exists", path=str(path), fix="name another"
        )
    found = migrations.current(connection)
    if found != migrations.head():
        raise StoreError(
            "the database has another schema than this version",
            code="schema_other",
            found=found or "no tables",
            expected=migrations.head(),
            fix="run `gate migrate`, or the version that made it",
        )
    head = Head(schema=SCHEMA, revision=found, gate_version=gate_version, at=at)
    part = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, filename="", mtime=0) as file:
                rows, decisions = _rows_written(connection, file, head)
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"the backup cannot be written: {error.strerror}", code="backup_failed", path=str(path)
        ) from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Written(rows=rows, decisions=decisions)


def _rows_written(connection: Connection, file: gzip.GzipFile, head: Head) -> tuple[int, int]:
    digest = hashlib.sha256()
    counts: dict[str, int] = {}

    def tell(value: msgspec.Struct) -> None:
        line = msgspec.json.encode(value) + b"\n"
        digest.update(line)
        file.write(line)

    tell(head)
    for table in TABLES:
        name, names = str(table.name), [str(column.name) for column in table.columns]
        answer = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
        for row in answer:
            counts[name] = counts.get(name, 0) + 1
            tell(_Rows(table=name, row=dict(zip(names, row, strict=True))))
    total = sum(counts.values())
    file.write(msgspec.json.encode(_End(rows=total, sha256=digest.hexdigest())) + b"\n")
    return total, counts.get("decisions", 0)


def restored(database: Database, path: Path, epoch: str) -> Restored:
    """Put everything of `path` into the empty store `database`, and verify its record, in one transaction.

    Raises `StoreError` where the store is not empty, the file is not whole or of a newer version, or the record is
    broken; then nothing was changed.
    """
    with _opened(path) as file:
        digest = hashlib.sha256()
        head = _head(file.readline(LINE_BYTES), digest, path)
        migrations.migrated(database)
        with database.migrating() as connection:
            _refuse_used(connection)
            rows = _put_back(connection, file, digest, path)
            connection.execute(insert(STATE), {"name": "epoch", "value": epoch})
            if database.is_postgresql:
                _count_on(connection)
            verified = chains.verified(connection)
    return Restored(rows=rows, at=head.at, verified=verified)


@contextmanager
def _opened(path: Path) -> Iterator[gzip.GzipFile]:
    try:
        with gzip.open(path, "rb") as file:
            yield file
    except (OSError, EOFError) as error:
        raise _not_whole(path, f"{type(error).__name__}: it cannot be read to its end") from None


def _head(line: bytes, digest: Any, path: Path) -> Head:
    try:
        head = msgspec.json.decode(line, type=Head)
    except msgspec.DecodeError:
        raise _not_whole(path, "it does not begin as one") from None
    if head.schema != SCHEMA:
        raise _not_whole(path, f"found {head.schema[:40]!r}, expected {SCHEMA}")
    if not migrations.is_known(head.revision):
        raise StoreError(
            "the backup was made by a newer gate",
            code="schema_newer",
            path=str(path),
            found=head.revision[:40],
            expected=f"{migrations.head()} or older",
            fix="restore it with that version",
        )
    digest.update(line)
    return head


def _refuse_used(connection: Connection) -> None:
    used = next(
        (
            table.name
            for table in TABLES
            if connection.execute(select(func.count()).select_from(table)).scalar()
        ),
        None,
    )
    if used is not None:
        raise StoreError(
            "the database is not empty",
            code="database_used",
            found=f"rows in {used}",
            fix="restore into a fresh one; nothing is ever overwritten",
        )
    connection.execute(STATE.delete())


def _put_back(connection: Connection, file: gzip.GzipFile, digest: Any, path: Path) -> int:
    tables = {table.name: table for table in TABLES}
    decoder = msgspec.json.Decoder(_Rows | _End)
    waiting: list[dict[str, Any]] = []
    current: Table | None = None
    rows = 0

    def put() -> None:
        if current is not None and waiting:
            connection.execute(insert(current), waiting)
            waiting.clear()

    while line := file.readline(LINE_BYTES):
        try:
            value = decoder.decode(line)
        except msgspec.DecodeError:
            raise _not_whole(path, f"row {rows + 1} is none") from None
        if isinstance(value, _End):
            put()
            if value.rows != rows or value.sha256 != digest.hexdigest() or file.read(1):
                raise _not_whole(path, "it does not have the rows, or the digest, that it says")
            return rows
        digest.update(line)
        table = tables.get(value.table)
        if table is None or set(value.row) - set(table.c.keys()):
            raise _not_whole(path, f"row {rows + 1} is of a table or has a column that is not known")
        if table is not current or len(waiting) >= ROWS_AT_ONCE:
            put()
            current = table
        waiting.append(_decoded(table, value.row))
        rows += 1
    raise _not_whole(path, "its end is missing")


def _decoded(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value)
        if isinstance(table.c[name].type, LargeBinary) and value is not None
        else value
        for name, value in row.items()
    }


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL number new rows behind those that were put back."""
    for table in TABLES:
        column = next(
            (one for one in table.primary_key if one.autoincrement is True or one.name == "sequence"), None
        )
        if column is None or len(table.primary_key) > 1:
            continue
        # Names are the schema's own.
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608
                f"GREATEST((SELECT COALESCE(MAX({column.name}), 0) FROM {table.name}), 1))"
            )
        )


def _not_whole(path: Path, what: str) -> StoreError:
    return StoreError(
        f"the backup is not whole: {what}",
        code="backup_damaged",
        path=str(path),
        fix="use another copy; nothing was restored",
    )
