"""`gate-opa tally` and `gate-opa cut`: a report of any size read once from a stream, by a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from gate.errors import PolicyError, ReportError

MEMORY_MIB: Final = 192
"""Of the process; it ends itself above."""
T = TypeVar("T")


class _Refused(msgspec.Struct):
    code: str
    message: str
    line: int
    column: int


def told(
    executable: Path, command: str, asked: Sequence[Any], stream: BinaryIO, path: str, type_: type[T]
) -> T:
    """What `command` says of `stream`, a file or a pipe, asked for `asked`; `path` is what messages call it.

    Raises `ReportError` with line and column for what is not strict JSON, and where too much would have
    to be kept.
    """
    argument = msgspec.json.encode(asked).decode()
    arguments = [str(executable), command, "--memory-limit-mib", str(MEMORY_MIB), argument]
    try:
        ended = subprocess.run(arguments, stdin=stream, capture_output=True, check=False, env={})
    except OSError as error:
        raise PolicyError(
            f"the engine does not start: {error.strerror}",
            code="engine_missing",
            path=str(executable),
            fix="install the package gate-opa for this platform, or run `make dev`",
        ) from None
    if ended.returncode == 0:
        return msgspec.json.decode(ended.stdout, type=type_)
    try:
        refused = msgspec.json.decode(ended.stdout, type=_Refused)
    except msgspec.DecodeError:
        said = ended.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise ReportError(
            f"the report could not be counted: {said or f'the engine ended with code {ended.returncode}'}",
            code="report_too_large",
            path=path,
            fix="hand it over in parts",
        ) from None
    raise ReportError(
        refused.message,
        code=refused.code,
        path=path,
        line=refused.line,
        column=refused.column,
        expected="one complete strict JSON document in UTF-8",
        fix="make the report again; a part of a report is never judged",
    )
