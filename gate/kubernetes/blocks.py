"""Text inside YAML that is a program: given to a compiler so that its places are the file's places.

A block (`rego: |`) stands in the file as it is, only indented: empty lines before it and a number
added to the columns are enough. What is quoted or folded has no such lines; there the place is the
scalar's own, and the line within it is told in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gate.errors import Problem


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One program and where it stands."""

    file: str
    text: str
    """With the empty lines before it."""
    line: int
    """1-based, where the scalar begins in the file."""
    column: int
    indent: int | None = None
    """How many characters further right the file has it; None where the file has other lines."""


def block(file: str, lines: Sequence[str], value: str, place: Mapping[str, int]) -> Block:
    """`value`, the scalar at `place` of a file with these `lines`, ready for a compiler."""
    line, column = place["line"], place["column"]
    indent = _indent(lines[line:], value.rstrip("\n").split("\n"))
    before = line if indent is not None else line - 1
    return Block(file=file, text="\n" * before + value, line=line, column=column, indent=indent)


def placed(problem: Problem, blocks: Mapping[str, Block]) -> Problem:
    """`problem` of a program, by its label in `blocks`, as a problem of the file it stands in."""
    found = blocks.get(problem.path or "")
    if found is None:
        return problem
    if found.indent is not None:
        column = problem.column + found.indent if problem.column is not None else None
        return msgspec.structs.replace(problem, path=found.file, column=column)
    inner = (problem.line or found.line) - found.line + 1
    first, end, rest = problem.message.partition("\n")
    return msgspec.structs.replace(
        problem,
        path=found.file,
        line=found.line,
        column=found.column,
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
