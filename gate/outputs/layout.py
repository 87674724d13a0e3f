"""Text in columns: how wide it is on a terminal, cut, padded and wrapped to a width.

Knows cells, not meaning; escaping is done before, colours after.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Generator, Iterator


def cells(text: str) -> int:
    """Columns that `text` takes: two for wide East Asian characters, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fitted(text: str, width: int) -> str:
    """`text`, or its beginning with an ellipsis, in at most `width` cells."""
    if cells(text) <= width:
        return text
    return _head(text, max(width - 1, 0)) + "…"


def fitted_left(text: str, width: int) -> str:
    """`text`, or its end behind an ellipsis: of a long path the end says most."""
    if cells(text) <= width:
        return text
    return "…" + _head(text[::-1], max(width - 1, 0))[::-1]


def _head(text: str, width: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += _cell(character)
        if used > width:
            return text[:index]
    return text


def padded(text: str, width: int, right: bool = False) -> str:
    """`text` filled with spaces to `width` cells; `right` puts the spaces before it."""
    space = " " * max(width - cells(text), 0)
    return space + text if right else text + space


def wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of at most `width` cells; `first` begins the first, `rest` (else as many spaces) the others.

    Breaks at spaces, and inside a word only where the word alone is wider than a line.
    """
    rest = " " * cells(first) if rest is None else rest
    room = max(width - max(cells(first), cells(rest)), 8)
    lines = list(_broken(text, room)) or [""]
    return [(rest if index else first) + line for index, line in enumerate(lines)]


def _broken(text: str, room: int) -> Iterator[str]:
    first, *words = text.split(" ")
    line = yield from _split(first, room)
    is_wrapped = False
    for word in words:
        # Spaces at the beginning of the text are kept (carets stand there), at a break they go.
        candidate = f"{line} {word}" if line or not is_wrapped else word
        if cells(candidate) <= room:
            line = candidate
            continue
        if line.strip():
            yield line
        is_wrapped = True
        line = yield from _split(word, room)
    if line:
        yield line


def _split(word: str, room: int) -> Generator[str, None, str]:
    """Full lines of a word wider than `room`; what is left of it is the value."""
    while cells(word) > room:
        head = _head(word, room) or word[0]
        yield head
        word = word[len(head) :]
    return word


def table(rows: list[list[str]], right: frozenset[int]) -> list[str]:
    """`rows` in aligned columns with two or more spaces between them; columns in `right` align right."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        shown = [padded(text, widths[i], right=i in right) for i, text in enumerate(row)]
        lines.append("  ".join(shown).rstrip())
    return lines
