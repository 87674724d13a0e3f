"""What a Rego text says of itself before it is compiled: its package, and what of `data` it asks for.

It reads what OPA has accepted or will judge right after; it is no parser and finds no mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TEXTS: Final = r'"(?:[^"\\\n]|\\.)*"|`[^`]*`'
_COMMENT_OR_TEXT: Final = re.compile(rf"{_TEXTS}|#[^\n]*")
_PARTS: Final = r"(?:\.\w+|\[[^\[\]]*\])*"
_PACKAGE: Final = re.compile(rf"\ufeff?\s*package\s+(\w+{_PARTS})(?:\s|$)")
_DATA_OR_TEXT: Final = re.compile(rf"{_TEXTS}|(?<![\w.])data(?!\w)({_PARTS})")
_IMPORT: Final = re.compile(rf"^[ \t]*import\s+data({_PARTS})(?:\s+as\s+(\w+))?", re.MULTILINE)
_SEGMENT: Final = re.compile(r"""\.?(\w[^.\[\]]*)|\[\s*"([^"\\]*)"\s*\]|\[\s*`([^`]*)`\s*\]""")


class Reference(NamedTuple):
    """One use of `data`, as far as the text alone says where it leads."""

    path: tuple[str, ...]
    """Empty where it is decided when the rule runs: `data[name]`, `walk(data)`."""
    line: int
    column: int


def without_comments(text: str) -> str:
    """`text` with blanks where comments were, every other character in its place."""
    return _COMMENT_OR_TEXT.sub(lambda m: " " * len(m[0]) if m[0].startswith("#") else m[0], text)


def package(text: str) -> tuple[str, ...]:
    """The segments of the package `text` declares; empty where it does not begin with one."""
    found = _PACKAGE.match(without_comments(text))
    return segments(found[1]) if found else ()


def segments(reference: str) -> tuple[str, ...]:
    """The fixed segments at the beginning of a reference: `a`, `b-c` of `a["b-c"][x].d`."""
    result: list[str] = []
    at = 0
    while found := _SEGMENT.match(reference, at):
        result.append(next(part for part in found.groups() if part is not None))
        at = found.end()
    return tuple(result)


def references(text: str) -> Iterator[Reference]:
    """Every use of `data`, imports and what is asked of an imported name included.

    A name that the text declares again somewhere is left out: it need not mean the import there.
    """
    code = without_comments(text)
    for found in _DATA_OR_TEXT.finditer(code):
        if found[1] is not None:
            yield _reference(code, found.start(), segments(found[1]))
    for imported in _IMPORT.finditer(code):
        path = segments(imported[1])
        name = imported[2] or (path[-1] if path else "")
        declared = (
            rf"\b(?:some|every)\b[^\n]*\b{name}\b|\b{name}\s*:=|\([^()\n]*\b{name}\s*[,)][^\n]*(?:\bif\b|:=)"
        )
        if not path or not name.isidentifier() or re.search(declared, code):
            continue
        for found in re.finditer(rf"{_TEXTS}|(?<![\w.]){name}(?!\w)({_PARTS})", code):
            if found[1]:
                yield _reference(code, found.start(), path + segments(found[1]))


def _reference(code: str, start: int, path: tuple[str, ...]) -> Reference:
    return Reference(path, code.count("\n", 0, start) + 1, start - code.rfind("\n", 0, start))
