"""A JSON document too large to be held: what is outside of its long arrays, and their elements piece by piece.

The document was judged whole (documents/json.py says what strict means) by whoever cut it, and each piece
has the digest of what was judged. This file reads no file: it is given a function that does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from gate.documents import json as json_documents
from gate.errors import ReportError

T = TypeVar("T")

Path = tuple[str | int, ...]
"""Where an array is: keys and indexes from the top."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Some elements of an array that follow one another, with the commas between them."""

    offset: int
    """Bytes from the start of the file."""
    bytes: int
    elements: int
    line: int
    column: int
    """1-based, in bytes."""
    sha256: str
    """64 hex characters."""


@dataclass(frozen=True)
class Parts:
    """The long arrays of one document."""

    path: str
    """Label of the file, for messages."""
    document: bytes
    """The document without white space, each of the arrays with its first element only."""
    arrays: Mapping[Path, tuple[Piece, ...]]
    sha256: str
    """Of the whole file as it was handed over, 64 hex characters."""
    read: Callable[[int, int], bytes]
    """Offset and number of bytes -> what stands there."""
    asked: set[Path] = field(default_factory=set)
    """The arrays that somebody has asked for."""

    def left(self, arrays: Iterable[str]) -> list[Path]:
        """Those of `arrays` (dotted, `*` is each element) that hold something and nobody asked for."""
        patterns = [pattern.split(".") for pattern in arrays]
        return [
            at
            for at, pieces in self.arrays.items()
            if pieces and at not in self.asked and any(_is_at(at, pattern) for pattern in patterns)
        ]

    def number(self, at: Path) -> int:
        """How many elements the array `at` has; 0 where there is no such array."""
        self.asked.add(at)
        return sum(piece.elements for piece in self.arrays.get(at, ()))

    def elements(self, at: Path, type_: type[T], expected: str) -> Iterator[T]:
        """Each element of the array `at` as a `type_`, read as they are asked for; none where there is no such array.

        `expected` names the format in the message. Raises `ReportError` at the value that has another
        shape, and where the file is no longer what was judged.
        """
        self.asked.add(at)
        return self._elements(self.arrays.get(at, ()), at, type_, expected)

    def _elements(self, pieces: Iterable[Piece], at: Path, type_: type[T], expected: str) -> Iterator[T]:
        first = 0
        for piece in pieces:
            data = self.read(piece.offset, piece.bytes)
            if hashlib.sha256(data).hexdigest() != piece.sha256:
                raise _changed(self.path)
            try:
                # A list of the type: one call for hundreds of elements.
                some = json_documents.decoded(b"[%b]" % data, list[type_], self.path, expected)  # type: ignore[valid-type]
            except ReportError as error:
                raise _placed(error, piece, at, first) from None
            if len(some) != piece.elements:
                raise _changed(self.path)
            first += len(some)
            del data
            yield from some


def _is_at(at: Path, pattern: Sequence[str]) -> bool:
    return len(at) == len(pattern) and all(
        isinstance(step, int) if wanted == "*" else step == wanted
        for step, wanted in zip(at, pattern, strict=True)
    )


def _changed(path: str) -> ReportError:
    return ReportError(
        "the file changed while it was read",
        code="report_changed",
        path=path,
        expected="a report that nobody writes to any more",
        fix="check again when the tool has finished",
    )


_FOUND: Final = "JSON path $["


def _placed(error: ReportError, piece: Piece, at: Path, first: int) -> ReportError:
    """`error` of a piece in brackets, with its place in the whole document."""
    [problem, *_] = error.problems
    line, column = problem.line or 1, problem.column or 1
    number, _, inner = (problem.found or "").removeprefix(_FOUND).partition("]")
    where = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at)
    index = f"[{first + int(number)}]" if number.isdigit() else ""
    return ReportError(
        problem.message,
        code=problem.code,
        path=problem.path,
        line=piece.line + line - 1,
        # The bracket before the first line is not in the file.
        column=piece.column + column - 2 if line == 1 else column,
        found=f"JSON path {where}{index}{inner}",
        fix=problem.fix,
    )
