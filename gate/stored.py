"""Files too large to be held: open on the disk, unpacked and from stdin into a file that has no name.

An edge: it opens files. What a file is, it guesses by its first bytes only, so that what cannot be read
piece by piece is not unpacked for nothing; `content` gives the whole of any.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import BinaryIO, Final

import msgspec

from gate import limits
from gate.documents import envelope
from gate.errors import ReportError

HEAD_BYTES: Final = 64 * limits.KIB
"""Looked at to tell what a file may be."""
_BEGINNINGS: Final = (b"{", b"\xef\xbb\xbf{")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One file that is read from the disk when its turn comes."""

    label: str
    place: str | None = None
    """Where it lies; None for what came from stdin."""
    spooled: BinaryIO | None = None
    """What came from stdin, in a file without a name."""

    def close(self) -> None:
        """Let go of what came from stdin; nobody reads this any more."""
        if self.spooled is not None:
            self.spooled.close()


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A stored file while it is read."""

    stream: BinaryIO
    """A file on the disk that can be read anywhere; its content, unpacked."""
    sha256: str | None
    """Of the file as it was handed over, where that is not what is in `stream`."""


def found(place: str, label: str) -> Stored | None:
    """The file at `place` where it is so large that it is not held, and may be JSON; None for any other.

    One that cannot be opened is none either, as is a pipe: whoever reads it whole says why.
    """
    try:
        about = os.stat(place)  # noqa: PTH116 - as gate/files.py does, for many thousands
        size = about.st_size
        # A pipe must not be opened twice: what is in it would be gone.
        if size < limits.STORED_PACKED_BYTES or not stat.S_ISREG(about.st_mode):
            return None
        with open(place, "rb") as file:  # noqa: PTH123
            head = file.read(64)
            is_packed = head.startswith(envelope.GZIP)
            if is_packed and size <= limits.REPORT_BYTES:
                file.seek(-4, os.SEEK_END)
                size = int.from_bytes(file.read(4), "little")  # what it gives, modulo 4 GiB
    except OSError:
        return None
    is_json = is_packed or may_be_json(head)
    is_large = limits.STORED_BYTES <= size <= limits.REPORT_BYTES
    return Stored(label=label, place=place) if is_json and is_large else None


def may_be_json(head: bytes) -> bool:
    """Whether what begins so may be one JSON object."""
    return head.lstrip().startswith(_BEGINNINGS)


def spooled(head: bytes, rest: BinaryIO, label: str) -> Stored:
    """`head` and what follows it in `rest`; raises `ReportError` where that is more than a report may have."""
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def pieces() -> Iterator[bytes]:
        size, piece = 0, head
        while piece:
            size += len(piece)
            if size > limits.REPORT_BYTES:
                raise ReportError(
                    "the file is too large",
                    code="report_too_large",
                    path=label,
                    expected=f"at most {limits.REPORT_BYTES} bytes",
                )
            yield piece
            piece = rest.read(limits.MIB)

    try:
        _write(file, pieces(), label)
    except ReportError:
        file.close()
        raise
    return Stored(label=label, spooled=file)


def _write(file: BinaryIO, pieces: Iterable[bytes], label: str) -> None:
    try:
        file.writelines(pieces)
        file.flush()
    except OSError as error:
        raise ReportError(
            f"cannot be put into a temporary file: {error.strerror}",
            code="report_unreadable",
            path=label,
            fix=f"make room in {tempfile.gettempdir()}, or name another folder with TMPDIR",
        ) from None


@contextmanager
def opened(stored: Stored) -> Iterator[Opened]:
    """`stored`, open until this ends. Raises `ReportError` for a packed file that gives too much or is cut."""
    with _file(stored) as file:
        file.seek(0)
        is_packed = file.read(2) == envelope.GZIP
        file.seek(0)
        if not is_packed:
            yield Opened(stream=file, sha256=None)
            return
        with tempfile.TemporaryFile() as plain:
            yield Opened(stream=plain, sha256=_unpacked(file, stored.label, plain))


def content(stored: Stored) -> bytes:
    """The bytes of the file as it was handed over, at most one more than a report may have."""
    with _file(stored) as file:
        file.seek(0)
        return file.read(limits.REPORT_BYTES + 1)


def _file(stored: Stored) -> AbstractContextManager[BinaryIO]:
    if stored.spooled is not None:
        return nullcontext(stored.spooled)
    try:
        return open(stored.place or "", "rb")  # noqa: PTH123
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}", path=stored.label) from None


def _unpacked(file: BinaryIO, label: str, into: BinaryIO) -> str:
    """Write what `file` gives; the digest of `file` itself. A bomb is refused before much is written."""
    size = os.fstat(file.fileno()).st_size
    most = min(limits.REPORT_BYTES, size * limits.REPORT_GZIP_RATIO)
    if most == limits.REPORT_BYTES:
        for _ in envelope.inflated(_pieces(file), label, most):
            pass
        file.seek(0)
    digest = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for piece in _pieces(file):
            digest.update(piece)
            yield piece

    _write(into, envelope.inflated(pieces(), label, most), label)
    into.seek(0)
    return digest.hexdigest()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(envelope.INFLATED_AT_ONCE):
        yield piece
