"""The one writer of a process: what many threads hand over is committed together, and acknowledged after.

A commit waits for the disk; waiting once for everything that came meanwhile is what makes many small decisions
a second possible, and so does inserting the rows of all in one statement for each table. A piece of work that
fails takes nothing else with it: the transaction is undone, and each is done again in a savepoint of its own. The
hash chain of this process is continued here alone, so it has no gaps (CONTRACTS.md, Record).

    1. take what waits; 2. begin; 3. all of it, and where one fails, each in its savepoint; 4. the feed's changes
    last, under its lock; 5. commit; 6. tell everybody
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Executable, and_, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from gate import ids, record, times
from gate.model import Decision
from gate.record import Entry
from gate.stores.database import FEED_LOCK, Database, Unavailable
from gate.stores.schema import ANCHORS, CHANGES, DECISIONS, WRITERS

T = TypeVar("T")

TOGETHER: Final = 64
"""Most pieces of work in one commit."""
WAIT_S: Final = 30.0
TRIES: Final = 3
_TRY_AGAIN: Final = ("40001", "40P01")
"""PostgreSQL: serialization failure and deadlock; the transaction is gone, doing it again is right."""


class _Later:
    """Rows that wait to be written with others of their table."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._waiting: dict[int, tuple[Executable, list[tuple[str, dict[str, Any]]]]] = {}

    def add(self, statement: Executable, row: dict[str, Any], order: str) -> None:
        self._waiting.setdefault(id(statement), (statement, []))[1].append((order, row))

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for statement, rows in waiting.values():
            rows.sort(key=itemgetter(0))
            self.connection.execute(statement, [row for _, row in rows])


class Transaction:
    """What one piece of work may use: its connection, the chain, the feed."""

    def __init__(self, later: _Later, chain: _Chain, now: str) -> None:
        self._later = later
        self.now = now
        """RFC 3339 UTC: when this is recorded."""
        self.changes: list[dict[str, Any]] = []
        """For the feed, in order: gate/feed.py without `sequence` and `at`."""
        self._chain = chain

    @property
    def connection(self) -> Connection:
        """To ask and to write with; it sees everything that was to be written later."""
        self._later.flush()
        return self._later.connection

    @property
    def is_postgresql(self) -> bool:
        """Which of the two stores it is."""
        return self._later.connection.dialect.name == "postgresql"

    def later(self, statement: Executable, row: dict[str, Any], order: str = "") -> None:
        """Have `statement`, always the same object, executed for `row` with those of other pieces of work.

        `order`: where others may write the same row, its key, so that two transactions never wait for one another.
        """
        self._later.add(statement, row, order)

    @property
    def writer(self) -> str:
        """The name of this process's chain."""
        return self._chain.writer

    def entry(self, decision: Decision) -> Entry:
        """The next entry of the chain, which is the caller's to insert."""
        return self._chain.next(decision)


class _Chain:
    """The end of this process's chain."""

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self.sequence = 0
        self.digest: str | None = None
        self.is_registered = False

    def next(self, decision: Decision) -> Entry:
        entry = record.entry(self.digest, decision, self.sequence + 1)
        self.sequence, self.digest = entry.sequence, entry.digest
        return entry


Work = Callable[[Transaction], T]
"""Run once or, after a deadlock, again: it changes nothing but the database."""


class _Piece(msgspec.Struct):
    work: Work[Any]
    done: Future[Any]


class Writer:
    """The thread that writes; closing it finishes what was handed over."""

    def __init__(
        self, database: Database, randomness: Callable[[int], bytes], clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._randomness = randomness
        self._clock = clock
        self._waiting: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._chain = self._new_chain()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """A name of this process that no other has: the one of its chain."""
        return self._chain.writer

    def submit(self, work: Work[T], timeout_s: float = WAIT_S) -> T:
        """What `work` gives, once it is on the disk.

        Raises what `work` raises, and `Unavailable` where the database did not do it or not in time; it may
        then have been done all the same, which only an idempotency key can tell.
        """
        if self._closed:
            raise Unavailable("the service is stopping", fix="ask again")
        done: Future[T] = Future()
        self._waiting.put(_Piece(work, done))
        try:
            return done.result(timeout_s)
        except NotInTime:
            raise Unavailable(
                f"the database did not do it within {timeout_s:g} s",
                fix="ask again, with the same Idempotency-Key",
            ) from None

    def close(self) -> None:
        """Finish what waits, and end."""
        self._closed = True
        self._waiting.put(None)
        self._thread.join(WAIT_S)

    def _new_chain(self) -> _Chain:
        return _Chain(ids.uuid7(self._clock(), self._randomness(10)))

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            pieces = [first]
            is_last = False
            while len(pieces) < TOGETHER and not self._waiting.empty():
                piece = self._waiting.get()
                if piece is None:
                    is_last = True
                    break
                pieces.append(piece)
            self._settle(pieces)
            if is_last:
                break

    def _settle(self, pieces: list[_Piece]) -> None:
        """Commit `pieces` together and tell each what became of it."""
        for left in reversed(range(TRIES)):
            try:
                outcomes = self._committed(pieces)
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                # Whether the commit happened is not known: a chain that might have gone on is left as it is.
                self._chain = self._new_chain()
                if left and _is_worth_another_try(error):
                    continue
                for piece in pieces:
                    piece.done.set_exception(error)
                return
            for piece, (value, failure) in zip(pieces, outcomes, strict=True):
                if failure is not None:
                    piece.done.set_exception(failure)
                else:
                    piece.done.set_result(value)
            return

    def _committed(self, pieces: list[_Piece]) -> list[tuple[Any, Exception | None]]:
        sequence, digest = self._chain.sequence, self._chain.digest
        try:
            return self._together(pieces)
        except Exception as error:
            if _is_worth_another_try(error) or _is_lost(error):
                raise
            # Undone as a whole, so nothing of it is in the chain.
            self._chain.sequence, self._chain.digest = sequence, digest
            if len(pieces) == 1:
                return [(None, error)]
        return self._one_by_one(pieces)

    def _together(self, pieces: list[_Piece]) -> list[tuple[Any, Exception | None]]:
        changes: list[dict[str, Any]] = []
        outcomes: list[tuple[Any, Exception | None]] = []
        with self._database.writing() as connection:
            now = times.sortable(self._clock())
            self._register(connection, now)
            later = _Later(connection)
            for piece in pieces:
                transaction = Transaction(later, self._chain, now)
                outcomes.append((piece.work(transaction), None))
                changes.extend(transaction.changes)
            later.flush()
            self._tell(connection, now, changes)
        self._chain.is_registered = True
        return outcomes

    def _one_by_one(self, pieces: list[_Piece]) -> list[tuple[Any, Exception | None]]:
        changes: list[dict[str, Any]] = []
        with self._database.writing() as connection:
            now = times.sortable(self._clock())
            self._register(connection, now)
            outcomes = [self._done(piece, connection, now, changes) for piece in pieces]
            self._tell(connection, now, changes)
        self._chain.is_registered = True
        return outcomes

    def _done(
        self, piece: _Piece, connection: Connection, now: str, changes: list[dict[str, Any]]
    ) -> tuple[Any, Exception | None]:
        later = _Later(connection)
        transaction = Transaction(later, self._chain, now)
        sequence, digest = self._chain.sequence, self._chain.digest
        savepoint = connection.begin_nested()
        try:
            value = piece.work(transaction)
            later.flush()
        except Exception as error:
            self._chain.sequence, self._chain.digest = sequence, digest
            if _is_worth_another_try(error) or _is_lost(error):
                raise
            savepoint.rollback()
            return None, error
        savepoint.commit()
        changes.extend(transaction.changes)
        return value, None

    def _tell(self, connection: Connection, now: str, changes: list[dict[str, Any]]) -> None:
        if not changes:
            return
        # Held until the commit, so that numbers become visible in their order (docs/adr/0006).
        if self._database.is_postgresql:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({FEED_LOCK})"))
        rows = [{"at": now, "document": msgspec.json.encode(change).decode()} for change in changes]
        connection.execute(insert(CHANGES), rows)

    def _register(self, connection: Connection, now: str) -> None:
        """Put this chain's name down, and what the other chains end in."""
        if self._chain.is_registered:
            return
        connection.execute(
            insert(WRITERS), {"id": self._chain.writer, "host": socket.gethostname(), "started_at": now}
        )
        last = select(DECISIONS.c.writer, func.max(DECISIONS.c.sequence).label("last"))
        ends = last.group_by(DECISIONS.c.writer).subquery()
        is_end = and_(DECISIONS.c.writer == ends.c.writer, DECISIONS.c.sequence == ends.c.last)
        found = connection.execute(
            select(DECISIONS.c.writer, DECISIONS.c.sequence, DECISIONS.c.digest).join(ends, is_end)
        ).all()
        if found:
            rows = [
                {
                    "writer": self._chain.writer,
                    "chain": chain,
                    "sequence": number,
                    "digest": digest,
                    "at": now,
                }
                for chain, number, digest in found
            ]
            connection.execute(insert(ANCHORS), rows)


def _is_worth_another_try(error: BaseException) -> bool:
    """Whether PostgreSQL undid the transaction for another's sake."""
    original = error.orig if isinstance(error, DBAPIError) else error.__cause__
    if isinstance(original, DBAPIError):
        original = original.orig
    return getattr(original, "sqlstate", None) in _TRY_AGAIN


def _is_lost(error: BaseException) -> bool:
    """Whether the connection or the disk failed, so that the whole transaction is gone."""
    return isinstance(error, Unavailable) or (
        isinstance(error, DBAPIError) and type(error).__name__ in ("OperationalError", "InternalError")
    )
