"""Text inside YAML that is a program: what a compiler says of it is told at its place in the file.

A block (`rego: |`) stands in the file as it is, only indented: a number added to the lines and the columns is
enough. What is quoted or folded has no such lines; there the place is the scalar's own, and the line
within it is told in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from gate.errors import Problem


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One program and where it stands."""

    file: str
    text: str
    lines: Sequence[str]
    """Of the file."""
    place: Callable[[], Mapping[str, int]]
    """`line` and `column`, 1-based, where the scalar begins in the file; asked for only where there are problems."""


def placed(problem: Problem, blocks: Mapping[str, Block]) -> Problem:
    """`problem` of a program, by its label in `blocks`, as a problem of the file it stands in."""
    found = blocks.get(problem.path or "")
    if found is None:
        return problem
    place = found.place()
    line, column = place["line"], place["column"]
    indent = _indent(found.lines[line:], found.text.rstrip("\n").split("\n"))
    inner = problem.line or 1
    if indent is not None:
        at = problem.column + indent if problem.column is not None else None
        return msgspec.structs.replace(problem, path=found.file, line=line + inner, column=at)
    first, end, rest = problem.message.partition("\n")
    return msgspec.structs.replace(
        problem,
        path=found.file,
        line=line,
        column=column,
        message=f"{first} (line {inner} of the text here){end}{rest}",
    )


def _indent(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """By how much `lines` begin with `wanted`, indented; None where they do not."""
    pairs = [(line, text) for line, text in zip(lines, wanted, strict=False) if text.strip()]
    if len(lines) < len(wanted) or not pairs:
        return None
    indent = len(pairs[0][0]) - len(pairs[0][1])
    fits = indent >= 0 and all(line[:indent].strip() == "" and line[indent:] == text for line, text in pairs)
    return indent if fits else None


def pointer(*steps: Any) -> str:
    """The JSON pointer of keys and indexes."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
