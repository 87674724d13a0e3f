"""The record as a file, `.gate/record.jsonl`: appended to and searched, never rewritten.

An entry is acknowledged by `append` returning: its bytes, and the file's name, are on the disk then.
Writers take turns by a lock on the file itself. What the lines mean, and when they are a chain, is
`gate/record.py`'s matter. Nothing here keeps a person with write access from replacing the whole
file: note its last digest elsewhere, or use the service.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gate import limits, record
from gate.errors import StoreError
from gate.model import Decision
from gate.record import Entry

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, exclusive: bool) -> None:  # noqa: ARG001 - Windows has no shared locks
        os.lseek(fd, _LOCK_OFFSET, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(fd: int, exclusive: bool) -> None:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)


T = TypeVar("T")

LINE_BYTES: Final = 256 * limits.MIB
"""Largest entry; `limits.VIOLATIONS` of the longest messages stay below."""
LOCK_TIMEOUT_S: Final = 30.0
"""How long `append` and `newest` wait for other writers; a write takes milliseconds."""
_LOCK_PAUSE_S: Final = 0.01
_LOCK_OFFSET: Final = 2**62
"""Windows locks bytes against reading too: one that no file has."""
_BLOCK_BYTES: Final = 64 * limits.KIB
_FLAGS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""A link at the record's place is refused: a checkout could point it anywhere."""


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """An acknowledged entry."""

    entry: Entry
    notices: tuple[str, ...] = ()
    """What a person should know: a torn line of a writer that died was cut off."""


def append(path: Path, decision: Decision, timeout_s: float = LOCK_TIMEOUT_S) -> Appended:
    """The entry of `decision`, on the disk at the end of the record at `path`.

    Raises `StoreError`, the file as it was, where it cannot be locked within `timeout_s`, its last entry
    is not whole, or it cannot be written.

        1. lock; 2. cut a torn line; 3. check the last entry; 4. write; 5. wait for the disk
    """
    _attempt(path, lambda: path.parent.mkdir(parents=True, exist_ok=True))
    with _opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, timeout_s, exclusive=True) as fd:
        notices = _mended(path, fd)
        size = os.fstat(fd).st_size
        last = _last(path, fd, size)
        sequence = last.sequence + 1 if last else 1
        entry = record.entry(last.digest if last else None, decision, sequence)
        if len(entry.line) > LINE_BYTES:
            raise _error(path, f"the decision is too large: {len(entry.line):,} bytes")
        if last is None:
            # Whoever made the file may have died before its name was on the disk.
            _attempt(path, lambda: _sync_folders(path.parent))
        try:
            _attempt(path, lambda: _write(fd, entry.line))
        except StoreError:
            # Nobody has heard of it, so nobody may find it: a later promotion would count it.
            with suppress(OSError):
                os.ftruncate(fd, size)
                os.fsync(fd)
            raise
    return Appended(entry=entry, notices=notices)


def newest(
    path: Path, digest: str, environment: str, timeout_s: float = LOCK_TIMEOUT_S
) -> dict[str, Any] | None:
    """The last recorded decision about the subject `digest` in `environment`; None where there is none.

    The whole chain is checked on the way: a decision out of a broken record counts for nothing.
    Raises `StoreError` for one, for a torn last line too (`mended` cuts it), and where it cannot be read.
    """
    if not digest or not environment:
        raise ValueError("no digest, or no environment, would match decisions about something else")
    found: Entry | None = None
    for entry in entries(path, timeout_s):
        if entry.subject_digest == digest and entry.environment == environment:
            found = entry
    return found.decision() if found else None


def entries(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[Entry]:
    """The entries in order, each checked before it is given; none where there is no record.

    Raises `StoreError` at the first line that is not whole or does not continue the chain.
    """
    if not os.path.lexists(path):
        return
    last: Entry | None = None
    with _opened(path, os.O_RDONLY, timeout_s, exclusive=False) as fd:
        for number, line in enumerate(_lines(path, fd), 1):
            last = record.follows(record.read(line, number, str(path)), last, number, str(path))
            yield last


def mended(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> tuple[str, ...]:
    """What was cut from the end of the record, as notices: nothing, or the line of a writer that died.

    Only bytes behind the last line feed go. `append` returns after the whole line is on the disk, so
    nobody was ever told of them; and the lock is free, so nobody is still writing them.
    """
    if not os.path.lexists(path):
        return ()
    with _opened(path, os.O_RDWR | os.O_APPEND, timeout_s, exclusive=True) as fd:
        return _mended(path, fd)


@contextmanager
def _opened(path: Path, flags: int, timeout_s: float, *, exclusive: bool) -> Iterator[int]:
    """The locked file; a regular one, and still the one at `path`."""
    fd = _attempt(path, lambda: os.open(path, flags | _FLAGS, 0o644))
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _error(path, "is no regular file")
        _wait_for_lock(path, fd, timeout_s, exclusive)
        if not os.path.samestat(os.fstat(fd), _attempt(path, path.stat)):
            raise _error(path, "was replaced by another file while waiting for its lock")
        yield fd
    finally:
        os.close(fd)


def _wait_for_lock(path: Path, fd: int, timeout_s: float, exclusive: bool) -> None:
    until = time.monotonic() + timeout_s
    while True:
        try:
            return _lock(fd, exclusive)
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= until:
                raise _error(path, f"locked by another process for {timeout_s:g} s") from None
        except OSError as error:
            raise _error(path, f"cannot be locked: {error.strerror}") from None
        time.sleep(_LOCK_PAUSE_S)


def _mended(path: Path, fd: int) -> tuple[str, ...]:
    size = os.fstat(fd).st_size
    start = _line_start(path, fd, size)
    if start == size:
        return ()
    torn = _read_at(path, fd, start, min(size - start, len(record.START)))
    _last(path, fd, start)
    if not record.START.startswith(torn):
        # `record: package.json` must not cost anyone a file.
        raise _error(path, "it does not end in an entry, nor in the beginning of one")
    _attempt(path, lambda: os.ftruncate(fd, start))
    _attempt(path, lambda: os.fsync(fd))
    cut = f"cut {size - start} bytes of an entry that its writer never finished or acknowledged"
    return (f"{path}: {cut}",)


def _last(path: Path, fd: int, end: int) -> Entry | None:
    """The entry whose line feed stands right before `end`, checked by itself; None where `end` is 0."""
    if end == 0:
        return None
    start = _line_start(path, fd, end - 1)
    if end - start > LINE_BYTES:
        raise _error(path, "its last line is too long for an entry")
    found = record.read(_read_at(path, fd, start, end - start), None, str(path))
    if (start == 0) != (found.sequence == 1):
        raise _error(path, "its last entry has another number than its place allows")
    return found


def _line_start(path: Path, fd: int, end: int) -> int:
    """Offset right behind the last line feed before `end`; 0 where there is none."""
    while end > 0:
        start = max(end - _BLOCK_BYTES, 0)
        found = _read_at(path, fd, start, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _lines(path: Path, fd: int) -> Iterator[bytes]:
    """Every line with its line feed, the last perhaps without."""
    with os.fdopen(os.dup(fd), "rb") as file:
        while line := _attempt(path, lambda: file.readline(LINE_BYTES + 1)):
            yield line


def _read_at(path: Path, fd: int, start: int, size: int) -> bytes:
    os.lseek(fd, start, os.SEEK_SET)
    parts: list[bytes] = []
    while (missing := size - sum(map(len, parts))) > 0:
        part = _attempt(path, partial(os.read, fd, missing))
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _write(fd: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.fsync(fd)


def _sync_folders(folder: Path) -> None:
    """`folder`'s entry for the file, and its own in its parent, on the disk."""
    if sys.platform == "win32":
        return  # a folder cannot be opened there; NTFS journals names
    for place in (folder, folder.resolve().parent):
        fd = os.open(place, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _attempt(path: Path, action: Callable[[], T]) -> T:
    try:
        return action()
    except OSError as error:
        raise _error(path, f"{error.strerror}") from None


def _error(path: Path, what: str) -> StoreError:
    return StoreError(
        f"the record cannot be used: {what}",
        path=str(path),
        fix="a decision that is not recorded is not given; mend this, or take `record` out of gate.yaml",
    )
