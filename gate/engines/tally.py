"""`gate-opa tally`: a report of any size read once from a stream, equal elements counted (engine/PROTOCOL.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from gate.engines import streams


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted in one array of the document that is left."""

    path: tuple[str | int, ...]
    counts: tuple[int, ...]
    """How often each of its elements stood there."""


class Tallied(msgspec.Struct, frozen=True, kw_only=True):
    """A document with each of the equal elements of its arrays once."""

    document: msgspec.Raw
    arrays: tuple[Tally, ...]
    bytes: int
    """Size of the whole."""


def tallied(executable: Path, stream: BinaryIO, arrays: Sequence[Mapping[str, Any]], path: str) -> Tallied:
    """What stands in `stream`, a file or a pipe; `path` is what messages call it.

    Raises `ReportError` with line and column for what is not strict JSON, and where too much would have
    to be kept.
    """
    return streams.told(executable, "tally", arrays, stream, path, Tallied)
