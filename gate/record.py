r"""The record: what one entry of it is, and whether a chain of them is whole. No file, no clock.

An entry is one line of JSON. Its `digest` covers every byte of the line but itself, its `previous`
is the digest of the line before. Anyone can check one without gate:

    head -n 1 record.jsonl | sed 's/,"digest":"[^"]*"}$/}/' | tr -d '\n' | sha256sum

A chain shows changes, gaps and reordering. It cannot show that lines at its *end* are gone, or that
all of it was written anew: for that, note a digest elsewhere and give it to `verified`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from gate.documents import json as json_documents
from gate.errors import ReportError, StoreError, quoted
from gate.model import Decision, Outcome

SCHEMA: Final = "gate.record/v1"
START: Final = b'{"schema":"gate.record/v1","sequence":'
"""How every line begins; what does not was never written by gate."""
_TAIL: Final = re.compile(rb',"digest":"(sha256:[0-9a-f]{64})"\}\n\Z')


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """A line without its own digest; the order of its keys is the order in the line."""

    schema: str = SCHEMA
    sequence: int
    previous: str | None
    kind: str = "decision"
    decision: Decision


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    digest: str | None


class _About(msgspec.Struct, frozen=True, kw_only=True):
    """What of a decision it is looked up by; the rest is any later version's matter."""

    subject: _Subject
    environment: str | None
    outcome: Outcome


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line as it must be to count."""

    schema: Literal["gate.record/v1"]
    sequence: int
    previous: str | None
    kind: Literal["decision"]
    decision: _About
    digest: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain."""

    sequence: int
    """1 for the first."""
    previous: str | None
    digest: str
    subject_digest: str | None
    environment: str | None
    """Both of the decision."""
    line: bytes
    """With its line feed."""

    def decision(self) -> dict[str, Any]:
        """The decision as gate.decision/v1."""
        value: dict[str, Any] = msgspec.json.decode(self.line)["decision"]
        return value


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole chain comes to."""

    count: int
    last_digest: str | None
    """None for a record without entries."""


def entry(previous: str | None, decision: Decision, sequence: int) -> Entry:
    """The entry that follows the one with the digest `previous`; None exactly for sequence 1.

    Raises `TypeError` where the decision holds what cannot be written (a `Secret` among them).
    """
    if sequence < 1 or (previous is None) != (sequence == 1):
        raise ValueError(f"entry {sequence} cannot follow {previous}")
    body = msgspec.json.encode(_Body(sequence=sequence, previous=previous, decision=decision))
    digest = _digest(body)
    line = body[:-1] + b',"digest":"' + digest.encode() + b'"}\n'
    return Entry(
        sequence=sequence,
        previous=previous,
        digest=digest,
        subject_digest=decision.subject.digest,
        environment=decision.environment,
        line=line,
    )


def read(line: bytes, number: int | None, path: str = "") -> Entry:
    """The entry in `line`, which must be whole and unchanged; its link is `follows`' matter.

    Raises `StoreError` naming line `number` (None: the last) and what is wrong with it.
    """
    if not line.endswith(b"\n"):
        raise _broken("cut off: no line feed ends it", number, path, "record_truncated")
    tail = _TAIL.search(line)
    digest = tail[1].decode() if tail else ""
    body = line[: tail.start()] + b"}" if tail else b""
    try:
        parts = _parts(line, path)
    except ReportError as error:
        what = error.problems[0].message
        raise _broken(f"no entry of {SCHEMA}: {what}", number, path, "record_unreadable") from None
    if _digest(body) != digest:
        raise _broken("changed: it has not the digest it says", number, path, "record_changed")
    if parts.sequence < 1 or (parts.previous is None) != (parts.sequence == 1):
        raise _broken(
            "it names no entry before it, or is the first and names one", number, path, "record_changed"
        )
    return Entry(
        sequence=parts.sequence,
        previous=parts.previous,
        digest=digest,
        subject_digest=parts.decision.subject.digest,
        environment=parts.decision.environment,
        line=line,
    )


def follows(found: Entry, before: Entry | None, number: int, path: str = "") -> Entry:
    """`found`, if it is the entry after `before` (None: the first).

    Raises `StoreError` saying whether entries are missing, out of order, or of another chain.
    """
    expected = before.sequence + 1 if before else 1
    if found.sequence > expected:
        gap = f"{found.sequence - expected} entries before it are missing"
        raise _broken(gap, number, path, "record_gap", str(found.sequence), str(expected))
    if found.sequence < expected:
        sides = (str(found.sequence), str(expected))
        raise _broken("out of order, or there twice", number, path, "record_reordered", *sides)
    if found.previous != (before.digest if before else None):
        raise _broken(
            "it does not continue the line before it; one of the two was changed",
            number,
            path,
            "record_changed",
        )
    return found


def verified(lines: Iterable[bytes], known: str | None = None, path: str = "") -> Verified:
    """How many entries the chain has and where it ends, if all of `lines` (with line feeds) are whole.

    `known` is a digest noted earlier that must be among them. Raises `StoreError` naming the first bad line
    and why.
    """
    last: Entry | None = None
    is_known = known is None
    for number, line in enumerate(lines, 1):
        last = follows(read(line, number, path), last, number, path)
        is_known = is_known or last.digest == known
    if not is_known:
        raise _broken(
            f"the chain ends here without {quoted(known)}: later entries are missing",
            last.sequence if last else None,
            path,
            "record_truncated",
        )
    return Verified(count=last.sequence if last else 0, last_digest=last.digest if last else None)


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _parts(line: bytes, path: str) -> _Line:
    """The parts of a line, strict: what two readers might read differently is refused."""
    json_documents.parsed(line, path)
    return json_documents.decoded(line, _Line, path, SCHEMA)


def _broken(
    what: str, number: int | None, path: str, code: str, found: str | None = None, expected: str | None = None
) -> StoreError:
    return StoreError(
        f"record line {number}: {what}" if number else f"last line of the record: {what}",
        code=code,
        path=path or None,
        line=number,
        found=f"sequence {found}" if found else None,
        expected=f"sequence {expected}" if expected else None,
        fix="restore the record from a copy, or move it away and begin a new one; it is never mended silently",
    )
