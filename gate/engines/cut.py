"""`gate-opa cut`: a report of any size judged once from a file, then read piece by piece (engine/PROTOCOL.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from gate.documents.parts import Parts, Piece
from gate.engines import streams
from gate.errors import ReportError

_FOLLOWED: Final = "after the document"
"""How the engine's message ends where something follows the document: JSON lines, for one."""


class _Array(msgspec.Struct, frozen=True, kw_only=True):
    path: tuple[str | int, ...]
    pieces: tuple[Piece, ...]


class _Cut(msgspec.Struct, frozen=True, kw_only=True):
    document: msgspec.Raw
    arrays: tuple[_Array, ...]
    sha256: str


def parts(
    executable: Path, stream: BinaryIO, arrays: Sequence[Sequence[str]], path: str, sha256: str | None = None
) -> Parts | None:
    """The document in `stream`, a file that stays open while it is read, cut at `arrays` (`*` is each element).

    `path` is what messages call it, `sha256` the digest of what was handed over where that was packed. None
    where it must be read whole: what is outside of the arrays is too large for the process, or another
    document follows. Raises `ReportError` with line and column for what is not strict JSON.
    """
    stream.seek(0)
    try:
        told = streams.told(executable, "cut", arrays, stream, path, _Cut)
    except ReportError as error:
        [problem, *_] = error.problems
        if problem.code == "report_too_large" or problem.message.endswith(_FOLLOWED):
            return None
        raise

    def read(offset: int, number: int) -> bytes:
        stream.seek(offset)
        return stream.read(number)

    return Parts(
        path=path,
        document=bytes(told.document),
        arrays={one.path: one.pieces for one in told.arrays},
        sha256=sha256 or told.sha256,
        read=read,
    )
