"""The envelope of a file: gzip and encodings come off, bounded, and UTF-8 text is left."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from gate import limits
from gate.errors import ReportError

GZIP: Final = b"\x1f\x8b"
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
INFLATED_AT_ONCE: Final = 32 * limits.KIB
"""Compressed bytes in one step."""
_INFLATED_FREELY: Final = 64 * limits.MIB
"""Up to here the ratio counts at the end alone: a file may begin with what compresses well."""


def is_wrapped(data: bytes) -> bool:
    """Whether `data` is not read as it is."""
    return data.startswith((GZIP, codecs.BOM_UTF8, *_UTF16))


def uncompressed(data: bytes, path: str) -> bytes:
    """`data` without its gzip envelope, if it has one; bounded in size and ratio."""
    if not data.startswith(GZIP):
        return data
    most = min(limits.REPORT_BYTES, max(len(data), 1) * limits.REPORT_GZIP_RATIO)
    if most == limits.REPORT_BYTES:
        # What it says at its end (modulo 4 GiB) can only be less than it gives. Then it is counted before
        # anything is kept: a bomb is to be refused in little memory.
        if int.from_bytes(data[-4:], "little") > most:
            raise _gives_too_much(path, most)
        for _ in _all_inflated(data, path, most):
            pass
    return b"".join(_all_inflated(data, path, most))


def _all_inflated(data: bytes, path: str, most: int) -> Iterator[bytes]:
    starts = range(0, len(data), INFLATED_AT_ONCE)
    return inflated((data[start : start + INFLATED_AT_ONCE] for start in starts), path, most)


def inflated(packed: Iterable[bytes], path: str, most: int) -> Iterator[bytes]:
    """What the pieces of one gzip member give, each of `INFLATED_AT_ONCE` bytes at most.

    Raises `ReportError` beyond `most` bytes and the ratio, and for anything but one complete member.
    """
    inflate = zlib.decompressobj(wbits=31)
    size = taken = 0
    pieces = iter(packed)
    for given in pieces:
        taken += len(given)
        try:
            # One compressed byte gives at most 1,032: a piece has its bound.
            piece = inflate.decompress(given)
        except zlib.error as error:
            raise ReportError(f"broken gzip data: {error}", code="report_truncated", path=path) from None
        size += len(piece)
        is_bomb = size > _INFLATED_FREELY and size > taken * limits.REPORT_GZIP_RATIO
        if size > most or is_bomb:
            raise _gives_too_much(path, most)
        yield piece
        if inflate.eof:
            break
    if not inflate.eof or inflate.unused_data or next(pieces, None) is not None:
        raise ReportError(
            "the gzip data does not end where the file ends",
            code="report_truncated",
            path=path,
            expected="one complete gzip member",
            fix="make the report again",
        )


def _gives_too_much(path: str, most: int) -> ReportError:
    return ReportError(
        "the compressed file gives too much",
        code="report_too_large",
        path=path,
        expected=f"at most {most} bytes ({limits.REPORT_GZIP_RATIO} to 1)",
    )


def decoded(data: bytes, path: str) -> tuple[bytes, tuple[str, ...]]:
    """`data` as UTF-8 without a byte order mark, and notices about what was done to it.

    UTF-16 is read where a byte order mark says so (PowerShell writes it), nothing is ever guessed.
    """
    if len(data) > limits.REPORT_BYTES:
        raise ReportError(
            "the file is too large",
            code="report_too_large",
            path=path,
            found=f"{len(data)} bytes",
            expected=f"at most {limits.REPORT_BYTES}",
        )
    if data.startswith(_UTF32):
        raise _encoding_error(path, "UTF-32", 1, 1)
    for mark, encoding in _UTF16.items():
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise _encoding_error(path, f"broken UTF-16 at byte {error.start}", 1, 1) from None
            return text.encode(), ("read as UTF-16 (its byte order mark says so)",)
    plain = data.removeprefix(codecs.BOM_UTF8)
    try:
        plain.decode("utf-8")
    except UnicodeDecodeError as error:
        before = plain[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise _encoding_error(path, f"byte 0x{plain[error.start]:02x}", line, column) from None
    return plain, ()


def _encoding_error(path: str, found: str, line: int, column: int) -> ReportError:
    return ReportError(
        "not UTF-8",
        code="report_encoding",
        path=path,
        line=line,
        column=column,
        found=found,
        expected="UTF-8, or UTF-16 with a byte order mark",
        fix="write the file as UTF-8",
    )
