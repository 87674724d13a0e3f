"""`gate-opa tally`: a report of any size read once from a stream, equal elements counted (engine/PROTOCOL.md)."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from gate.errors import PolicyError, ReportError

MEMORY_MIB: Final = 192
"""Of the process; it ends itself above."""


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


class _Refused(msgspec.Struct):
    code: str
    message: str
    line: int
    column: int


def tallied(executable: Path, stream: BinaryIO, arrays: Sequence[Mapping[str, Any]], path: str) -> Tallied:
    """What stands in `stream`, a file or a pipe; `path` is what messages call it.

    Raises `ReportError` with line and column for what is not strict JSON, and where too much would have
    to be kept.
    """
    command = [
        str(executable),
        "tally",
        "--memory-limit-mib",
        str(MEMORY_MIB),
        msgspec.json.encode(arrays).decode(),
    ]
    try:
        ended = subprocess.run(command, stdin=stream, capture_output=True, check=False, env={})
    except OSError as error:
        raise PolicyError(
            f"the engine does not start: {error.strerror}",
            code="engine_missing",
            path=str(executable),
            fix="install the package gate-opa for this platform, or run `make dev`",
        ) from None
    if ended.returncode == 0:
        return msgspec.json.decode(ended.stdout, type=Tallied)
    try:
        told = msgspec.json.decode(ended.stdout, type=_Refused)
    except msgspec.DecodeError:
        said = ended.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ReportError(
            f"the report could not be counted: {said or f'the engine ended with code {ended.returncode}'}",
            code="report_too_large",
            path=path,
            fix="hand it over in parts",
        ) from None
    raise ReportError(
        told.message,
        code=told.code,
        path=path,
        line=told.line,
        column=told.column,
        expected="one complete strict JSON document in UTF-8",
        fix="make the report again; a part of a report is never judged",
    )
