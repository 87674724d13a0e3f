"""What admission answered, on the disk before it is answered (CONTRACTS.md, Record; docs/adr/0006).

One thread writes: whatever waits is written together and fsynced once (group commit). Each process is
a writer with a hash chain of its own. Denials stand whole; identical allows are one record whose count
grows: its first is on the disk before its answer, its later counts every few seconds and at the end.
A process that dies loses counts of allows, never a decision. A store gets the lines later, in order.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from gate import times
from gate.errors import StoreError
from gate.feed import AdmissionRecord

AGGREGATES: Final = 20_000
"""Allows told apart at once; the oldest is written and forgotten beyond that."""
BATCH: Final = 512
CLOSE_TIMEOUT_S: Final = 10.0
_ENCODER: Final = msgspec.json.Encoder()


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    previous: str | None
    record: AdmissionRecord


class _Aggregate(msgspec.Struct, kw_only=True):
    """One record that grows."""

    record: AdmissionRecord
    written: Future[None]
    until: datetime
    last: datetime
    more: int = 0
    """Allows counted since it was written."""


_Waiting = tuple[AdmissionRecord, Future[None]]


class Spool:
    """The records of one process, in `folder`/`writer`.jsonl."""

    def __init__(self, folder: Path, writer: str, *, sync: Callable[[int], None] = os.fsync) -> None:
        self.path = folder / f"{writer}.jsonl"
        self.writer = writer
        self._sync = sync
        self._aggregates: dict[Hashable, _Aggregate] = {}
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._file: int | None = None
        self._sequence = 0
        self._last: str | None = None
        self._size = 0
        self._thread = threading.Thread(target=self._run, name="admission spool", daemon=True)
        self._thread.start()

    def keep(self, record: AdmissionRecord) -> Future[None]:
        """Done once `record` is on the disk; fails with `StoreError` where it cannot be."""
        written: Future[None] = Future()
        # Many wait for one: that one of them gives up must not cancel it for the others.
        written.set_running_or_notify_cancel()
        self._waiting.put((record, written))
        return written

    def count(
        self, key: Hashable, now: datetime, record: Callable[[], AdmissionRecord]
    ) -> tuple[str, Future[None]]:
        """The id under which an allow is kept, and when that is on the disk.

        Allows of one `key` share the record of the first, within its hour; only for it is `record` asked.
        Called from one thread.
        """
        known = self._aggregates.get(key)
        if known is not None and now < known.until and not _failed(known.written):
            known.more += 1
            known.last = now
            return known.record.record_id, known.written
        if known is not None:
            self._grown(known)
        elif len(self._aggregates) >= AGGREGATES:
            self._grown(self._aggregates.pop(next(iter(self._aggregates))))
        until = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        made = record()
        written = self.keep(made)
        self._aggregates[key] = _Aggregate(record=made, written=written, until=until, last=now)
        return made.record_id, written

    def flush(self, now: datetime) -> None:
        """Hand over the counts that have grown, and forget allows of hours past. Called by whoever counts."""
        for key, one in list(self._aggregates.items()):
            self._grown(one)
            if now >= one.until:
                del self._aggregates[key]

    def close(self) -> None:
        """Write what waits and stop."""
        for one in self._aggregates.values():
            self._grown(one)
        self._waiting.put(None)
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _grown(self, one: _Aggregate) -> None:
        if one.more:
            one.record = msgspec.structs.replace(
                one.record, count=one.record.count + one.more, last_at=times.rfc3339(one.last)
            )
            one.more = 0
            self.keep(one.record)

    # ------------------------------------------------------------------------- the writing thread

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            if first is None:
                return
            batch: list[_Waiting] = [first]
            ends = False
            while len(batch) < BATCH and not self._waiting.empty():
                one = self._waiting.get()
                if one is None:
                    ends = True
                    break
                batch.append(one)
            self._write(batch)
            if ends:
                return

    def _write(self, batch: list[_Waiting]) -> None:
        sequence, last = self._sequence, self._last
        lines: list[bytes] = []
        for record, _ in batch:
            sequence += 1
            line, last = _line(sequence, last, record)
            lines.append(line)
        try:
            self._append(b"".join(lines))
        except OSError as error:
            failure = StoreError(
                "the record of admission cannot be written",
                code="spool_unwritable",
                path=str(self.path),
                found=error.strerror or str(error),
                fix="make room or mend the folder (--data-dir)",
            )
            for _, written in batch:
                written.set_exception(failure)
            return
        self._sequence, self._last = sequence, last
        for _, written in batch:
            written.set_result(None)

    def _append(self, data: bytes) -> None:
        """Write whole or not at all: what a failed write left is cut away before the next."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            _sync_folder(self.path.parent)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._file, left) :]
            self._sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)


def record(
    record_id: str,
    writer: str,
    decision: dict[str, object] | None,
    *,
    now: datetime,
    **facts: object,
) -> AdmissionRecord:
    """One record of one answer."""
    at = times.rfc3339(now)
    return msgspec.convert(
        {
            "record_id": record_id,
            "writer": writer,
            "first_at": at,
            "last_at": at,
            "count": 1,
            "decision": decision,
            **facts,
        },
        AdmissionRecord,
    )


def _line(sequence: int, previous: str | None, record: AdmissionRecord) -> tuple[bytes, str]:
    """A line of the chain and its digest, which covers every byte of it but itself (gate/record.py)."""
    body = _ENCODER.encode(_Line(sequence=sequence, previous=previous, record=record))
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return body[:-1] + b',"digest":"' + digest.encode() + b'"}\n', digest


def _failed(written: Future[None]) -> bool:
    return written.done() and written.exception() is not None


def _sync_folder(folder: Path) -> None:
    """A file's name is on the disk once its folder is."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
