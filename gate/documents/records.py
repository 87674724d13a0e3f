"""The records of a sound document, each understood for itself.

One element of another shape must not hide the others, and must not vanish: it is kept as `Rejected`
with its place and reason, and the report becomes partial (docs/adr/0009). Where no element at all is
understood, the document is something else, and it is refused.

Also splits JSON lines and concatenated JSON into documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, NamedTuple, TypeVar

from gate.documents import json as json_documents
from gate.errors import ReportError
from gate.model import Rejected

P = TypeVar("P")
T = TypeVar("T")

_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]|[^\s"{}\[\]]+', re.DOTALL)


class Records(NamedTuple, Generic[T]):
    """What was understood, in the document's order, and what was not."""

    good: tuple[T, ...]
    rejected: tuple[Rejected, ...]


def understood(parts: Iterable[tuple[P, str]], make: Callable[[P], T]) -> Records[T]:
    """What `make` gives for each part; those for which it raises `ReportError` are rejected.

    A part comes with its place (`$.results[3]`). Raises the first `ReportError` where every part
    is rejected.
    """
    good: list[T] = []
    rejected: list[Rejected] = []
    first: ReportError | None = None
    for part, where in parts:
        try:
            made = make(part)
        except ReportError as error:
            first = first or error
            [problem, *_] = error.problems
            rejected.append(
                Rejected(where=where, line=problem.line, column=problem.column, reason=problem.message)
            )
        else:
            good.append(made)
    if first is not None and not good:
        raise first
    return Records(tuple(good), tuple(rejected))


def split(data: bytes, path: str) -> list[tuple[bytes, int]]:
    """The objects and arrays that follow one another in `data`, each with its line (1-based).

    Between them stands white space alone. Raises `ReportError` for anything else; what is within
    an element is for the reader of the element to judge.
    """
    found: list[tuple[bytes, int]] = []
    depth = start = counted = 0
    line = 1
    for token in _TOKEN.finditer(data):
        first = token[0][:1]
        if first in b"{[":
            if depth == 0:
                start = token.start()
            depth += 1
        elif depth == 0:
            raise _not_records(data, path, token.start())
        elif first in b"}]":
            depth -= 1
            if depth == 0:
                line, counted = line + data.count(b"\n", counted, start), start
                found.append((data[start : token.end()], line))
    if depth:
        raise ReportError(
            "the file ends too early",
            code="report_truncated",
            path=path,
            line=data.count(b"\n", 0, start) + 1,
            column=1,
            found=f"record {len(found) + 1} without its end",
            expected="complete JSON records",
            fix="make the report again; a part of a report is never judged",
        )
    return found


def _not_records(data: bytes, path: str, offset: int) -> ReportError:
    before = data[:offset].decode("utf-8", "replace")
    return ReportError(
        "not strict JSON: text between two records",
        code="report_not_json",
        path=path,
        line=before.count("\n") + 1,
        column=len(before) - before.rfind("\n"),
        expected="JSON records and nothing else",
        fix="keep the tool's log apart from its report (2>scan.log)",
    )


def parsed(parts: list[tuple[bytes, int]], path: str) -> Any:
    """The first of `parts` as a value, after each was found to be strict JSON.

    Raises `ReportError` with the line in the whole file.
    """
    first: Any = None
    for number, (data, line) in enumerate(parts):
        value = _parsed(data, line, path)
        first = value if number == 0 else first
    return first


def _parsed(data: bytes, line: int, path: str) -> Any:
    try:
        return json_documents.parsed(data, path)
    except ReportError as error:
        raise at_line(error, line) from None


def at_line(error: ReportError, line: int) -> ReportError:
    """`error` of a record that starts on `line`, with its line in the whole file."""
    [problem, *_] = error.problems
    return ReportError(
        problem.message,
        code=problem.code,
        path=problem.path,
        line=(problem.line or 1) + line - 1,
        column=problem.column,
        found=problem.found,
        expected=problem.expected,
        fix=problem.fix,
    )
