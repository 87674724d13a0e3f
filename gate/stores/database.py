"""The database itself: opened once, read from many threads, written by one.

SQLite (THREATS.md findings 7 and 8): versions before 3.51.3 may lose commits when two connections write and
checkpoint at once. So one process has the file (a lock file keeps a second one out), one connection writes and
checkpoints, and readers never do either. PostgreSQL: the same code with any number of processes.
"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import IntegrityError as Clash
from sqlalchemy.pool import StaticPool

from gate.errors import GateError, StoreError, quoted

__all__ = ["Clash", "Connection", "Database", "Unavailable"]

POOL_WAIT_S: Final = 1.0
"""How long a question waits for a connection (THREATS.md J8)."""
READERS: Final = 16
WRITERS: Final = 2
RESTED_S: Final = 1.0
"""Connections to PostgreSQL that were not used for so long are asked whether they live."""
WAL_PAGES: Final = 1_000
_ON_SQLITE: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "trusted_schema=OFF",
)
"""KUBERNETES.md 4.3. FULL: a commit is on the disk before anyone hears of it."""
_ON_POSTGRESQL: Final = {
    "synchronous_commit": "on",
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "20s",
    "timezone": "UTC",
}
_NETWORK_FILE_SYSTEMS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"})
_MOUNTS: Final = Path("/proc/self/mounts")
_MIGRATION_LOCK: Final = 0x67617465
"""Advisory lock of PostgreSQL, "gate" in ASCII; the next two numbers lock the feed and a writer's start."""
FEED_LOCK: Final = _MIGRATION_LOCK + 1


class Unavailable(StoreError):
    """The database did not answer, or not in time: asking again later is right."""

    code = "store_unavailable"


class Database:
    """One opened store: `reading` for questions, `writing` for the one writer. Close it."""

    def __init__(self, url: str, again: Callable[[], str | None] | None = None) -> None:
        """Open `url`: `sqlite:///FILE` or `postgresql://…`; raises `StoreError` where that cannot be.

        `again` gives the URL as it is by now: each further connection uses its user and password.
        """
        self.url = _url(url)
        self._again = again
        self.is_postgresql = self.url.get_backend_name() == "postgresql"
        self._lock_file: int | None = None
        self._one_writes = threading.Lock()
        if self.is_postgresql:
            self._writer = _postgresql(self.url, is_writer=True)
            self._reader = _postgresql(self.url, is_writer=False)
            for engine in (self._writer, self._reader):
                event.listen(engine, "do_connect", self._with_credentials)
        else:
            path = Path(self.url.database or "")
            self._lock_file = _locked(path)
            self._writer = _sqlite(path, is_writer=True)
            self._reader = _sqlite(path, is_writer=False)

    def close(self) -> None:
        """Give every connection back; SQLite's readers first, so that the writer makes the last checkpoint."""
        self._reader.dispose()
        self._writer.dispose()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def url_now(self) -> URL:
        """The URL with the user and password of now; with those of before where they cannot be read."""
        try:
            said = self._again() if self._again is not None else None
            now = _url(said) if said else self.url
        except GateError:
            return self.url
        if now.get_backend_name() == "postgresql" and now.password is not None:
            # Only these: another host or name is another store, which a running process does not change to.
            self.url = self.url.set(username=now.username, password=now.password)
        return self.url

    def _with_credentials(self, _: object, __: object, ___: object, parameters: dict[str, Any]) -> None:
        now = self.url_now()
        if self._again is not None and now.password is not None:
            parameters |= {"user": now.username, "password": now.password}

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to ask with; each statement sees what is committed when it begins."""
        with _translated(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees one state of the store, however many statements and minutes it takes."""
        with _translated(), self._writer_or_reader().connect() as connection:
            if self.is_postgresql:
                connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            else:
                connection.exec_driver_sql("BEGIN")
            yield connection

    def _writer_or_reader(self) -> Engine:
        return self._writer if self.is_postgresql else self._reader

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, committed and on the disk when the block ends; on SQLite one at a time."""
        if self.is_postgresql:
            with _translated(), self._writer.begin() as connection:
                yield connection
        else:
            with self._one_writes, _translated(), self._writer.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    # A full disk ends the transaction by itself; a second ROLLBACK would be an error.
                    if getattr(connection.connection.dbapi_connection, "in_transaction", False):
                        connection.exec_driver_sql("ROLLBACK")
                    raise

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """As `writing`, and no other process migrates meanwhile."""
        with self.writing() as connection:
            if self.is_postgresql:
                connection.execute(text("SET LOCAL lock_timeout = '120s'"))
                connection.execute(text("SET LOCAL statement_timeout = '600s'"))
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            yield connection


def _url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _not_understood("it is no URL") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql" or parsed.drivername == "postgres":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise _not_understood(f"found {quoted(parsed.drivername)}")
    return parsed


def _not_understood(what: str) -> StoreError:
    # Never the URL itself: it may hold a password.
    return StoreError(
        f"the database URL is not understood: {what}",
        code="database_url",
        expected="postgresql://… or sqlite:///FILE",
        fix="correct --database-url or GATE_DATABASE_URL",
    )


# ------------------------------------------------------------------------------------- PostgreSQL


def _postgresql(url: URL, *, is_writer: bool) -> Engine:
    """The writer's engine, or the readers': these ask without a transaction, which saves two round trips."""
    options = " ".join(f"-c {name}={value}" for name, value in _ON_POSTGRESQL.items())
    kind: dict[str, Any] = {"pool_size": WRITERS} if is_writer else {"isolation_level": "AUTOCOMMIT"}
    engine = create_engine(
        url,
        **{"pool_size": READERS, "max_overflow": 4, "pool_pre_ping": is_writer, **kind},
        pool_timeout=POOL_WAIT_S,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 3, "application_name": "gate"},
    )
    if not is_writer:
        event.listen(engine, "checkin", _rested)
        event.listen(engine, "checkout", _refuse_dead)
    return engine


def _rested(_: object, record: Any) -> None:
    record.info["rested_at"] = time.monotonic()


def _refuse_dead(connection: Any, record: Any, _: object) -> None:
    """Ask a connection that rested whether it lives; asking each before each use would double their work."""
    if time.monotonic() - record.info.get("rested_at", math.inf) > RESTED_S:
        try:
            connection.execute("SELECT 1")
        except connection.Error as error:
            raise DisconnectionError(str(error)) from None


# ----------------------------------------------------------------------------------------- SQLite


def is_fixed(version: tuple[int, int, int]) -> bool:
    """Whether SQLite `version` no longer has the WAL-reset race (sqlite.org/wal.html)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def _sqlite(path: Path, *, is_writer: bool) -> Engine:
    options: dict[str, Any] = {"poolclass": StaticPool} if is_writer else {"pool_size": READERS}
    if not is_writer:
        options |= {"max_overflow": 0, "pool_timeout": POOL_WAIT_S * 10}
    engine = create_engine(
        f"sqlite:///{path}",
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None, "cached_statements": 512},
        **options,
    )

    def configured(connection: sqlite3.Connection, _: object) -> None:
        for pragma in _ON_SQLITE:
            connection.execute(f"PRAGMA {pragma}")
        pages = WAL_PAGES if is_writer else 0
        connection.execute(f"PRAGMA wal_autocheckpoint={pages}")
        if not is_writer:
            connection.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", configured)
    if is_writer:
        _refuse_corrupt(engine, path)
    return engine


def _refuse_corrupt(engine: Engine, path: Path) -> None:
    """Raise where SQLite itself says that the file is damaged; it is never mended or replaced."""
    try:
        with engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except DBAPIError as error:
        said = str(error.orig)
    if said != "ok":
        engine.dispose()
        raise StoreError(
            f"the database is damaged or no database: {quoted(said)}",
            code="database_damaged",
            path=str(path),
            fix="restore it from a backup; it is never mended silently",
        )


def _locked(path: Path) -> int:
    """The descriptor of the lock beside `path`, held while it is open; raises where another process has it."""
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_network(path.parent)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise StoreError(
            f"the data folder cannot be used: {error.strerror}",
            code="data_dir",
            path=str(path.parent),
            fix="name a folder that this user may write: --data-dir",
        ) from None
    if not _is_ours(descriptor):
        holder = os.read(descriptor, 100).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StoreError(
            f"another process has this database open{f' (process {holder})' if holder.isdigit() else ''}",
            code="database_in_use",
            path=str(path),
            expected="one process for a SQLite file",
            fix="ask the running server (--server URL), stop it first, or use PostgreSQL for several",
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    path.touch(0o600)
    return descriptor


def _is_ours(descriptor: int) -> bool:
    """Whether the lock could be taken at once."""
    if sys.platform == "win32":
        return True  # SQLite's own locks still hold; two servers on one file are not supported there
    import fcntl  # noqa: PLC0415 - not on Windows

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_network(folder: Path) -> None:
    """Raise for a network file system: WAL needs shared memory (sqlite.org/wal.html; THREATS.md J6)."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "replace")
    except OSError:
        return
    here = str(folder.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        _, place, its_kind, *_ = [*line.split(" "), "", "", ""]
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place)
        if (here + "/").startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
            best, kind = mount, its_kind
    if kind in _NETWORK_FILE_SYSTEMS:
        raise StoreError(
            "SQLite on a network file system loses data",
            code="data_dir",
            path=str(folder),
            found=kind,
            fix="use a local disk, or PostgreSQL",
        )


@contextmanager
def _translated() -> Iterator[None]:
    """What the driver raises when the database is away, slow or full, as `Unavailable`; bugs stay bugs."""
    try:
        yield
    except DBAPIError as error:
        if type(error).__name__ in ("IntegrityError", "ProgrammingError", "DataError"):
            raise
        raise _unavailable(str(error.orig)) from error
    except SQLAlchemyError as error:
        if type(error).__name__ != "TimeoutError":
            raise
        raise _unavailable("no connection was free in time") from error


def _unavailable(what: str) -> Unavailable:
    first = what.strip().splitlines()[0] if what.strip() else "no answer"
    return Unavailable(
        f"the database did not do it: {quoted(first)}",
        fix="nothing was acknowledged; ask again, with the same Idempotency-Key",
    )
