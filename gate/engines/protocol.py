"""Frames of the `gate-opa` protocol (engine/PROTOCOL.md): bytes in, bytes out, no process, no socket."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from gate.errors import GateError, PolicyError, Problem, ReportError

VERSION: Final = 1
_HEAD: Final = struct.Struct(">IIBI")
_ANSWER: Final = struct.Struct(">IIB")
ANSWER_BYTES: Final = _ANSWER.size
_PART: Final = struct.Struct(">I")
HEAD_START_S: Final = 0.05
"""How much earlier than the parent the child's own deadline is, so that it can say what timed out."""


class Op(IntEnum):
    """Operations, numbered as in engine/PROTOCOL.md."""

    HELLO = 1
    COMPILE = 2
    EVALUATE = 3
    EVALUATE_MANY = 4
    MANIFESTS = 5
    TEST = 6
    DROP = 7
    FORMAT = 8
    MANIFESTS_MANY = 9
    HCL = 10
    REVIEW = 11


class ReviewHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The header of REVIEW."""

    bundle: str
    now_ns: int
    seed: str
    deadline_ms: int
    images: bool
    """Whether the images of the object are told."""


class Trouble(msgspec.Struct):
    """One problem as the engine tells it (engine/PROTOCOL.md, Failures)."""

    code: str = ""
    message: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    caret: str = ""


class _Failure(msgspec.Struct):
    code: str
    message: str
    problems: list[Trouble] = []


_FAILURES: Final = msgspec.json.Decoder(_Failure)


def request(number: int, op: Op, header: bytes, body_bytes: int) -> bytes:
    """The head of a request frame; `body_bytes` bytes of body follow it."""
    length = _HEAD.size - 4 + len(header) + body_bytes
    return _HEAD.pack(length, number, op, len(header)) + header


def answer_head(head: bytes) -> tuple[int, int, bool]:
    """Payload length, request number and success of an answer's first `ANSWER_BYTES` bytes."""
    length, number, status = _ANSWER.unpack(head)
    return length - 5, number, status == 0


def parts(documents: Iterable[bytes]) -> bytes:
    """Documents with their lengths before them, as `evaluate_many` wants its body."""
    return b"".join(piece for document in documents for piece in (_PART.pack(len(document)), document))


def child_deadline_ms(timeout_s: float) -> int:
    """The child's own deadline: a little before the parent's, at least half of it."""
    return max(int(1000 * max(timeout_s - HEAD_START_S, timeout_s / 2)), 1)


def evaluation_header(
    bundle: str, entrypoints: Sequence[str], now_ns: int, seed: str, timeout_s: float, *, strict: bool
) -> dict[str, Any]:
    """The header of EVALUATE and EVALUATE_MANY."""
    return {
        "bundle": bundle,
        "entrypoints": list(entrypoints),
        "now_ns": now_ns,
        "seed": seed,
        "deadline_ms": child_deadline_ms(timeout_s),
        "strict_builtin_errors": strict,
    }


_FIXES: Final = {
    "builtin_not_allowed": "put the facts into a data.json beside the policy, or into its settings; "
    "a rule whose built-in cannot answer never fires",
    "compile_error": "correct the policy; `gate policy check` shows all problems",
    "undefined": "give the rule a default, or write it as `deny contains …`",
    "timeout": "make the policy cheaper, or raise limits.evaluation_timeout",
    "conflict": "two definitions give different values for the same input; make them exclusive",
    "builtin_error": "guard the call, so that it cannot fail on this input",
    "too_large": "split the input",
}


def failure(payload: Any) -> PolicyError:
    """The error that a failed answer's payload stands for."""
    told = _FAILURES.decode(payload)
    if told.code == "timeout":
        told.message = "the policies did not finish before their deadline"
    fix = _FIXES.get(told.code)
    problems = tuple(problem(one, code=told.code, message=told.message, fix=fix) for one in told.problems)
    return PolicyError(told.message, code=told.code, fix=fix, problems=problems)


def problem(told: Trouble, *, code: str = "", message: str = "", fix: str | None = None) -> Problem:
    """What the engine tells, as a problem of ours; `code`, `message`, `fix` where it tells none."""
    return Problem(
        code=told.code or code,
        message="\n".join(filter(None, [told.message or message, told.caret])),
        path=told.path or None,
        line=told.line or None,
        column=told.column or None,
        fix=_FIXES.get(told.code, fix),
    )


def as_report_error(error: GateError, path: str) -> ReportError:
    """The same problems as the fault of the file `path`: what a manifest did to its reader."""
    return ReportError(
        problems=tuple(msgspec.structs.replace(problem, path=path) for problem in error.problems)
    )
