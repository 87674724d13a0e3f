"""XML as Conftest's rules see it: maps of texts, by the rules of goxml2json, which Conftest reads it with.

An element is its text, or a map where it has attributes or children: `-name` for an attribute, the name for
a child, a list where a name is there more than once, `#content` for its text. Names are without prefix and
namespace. Of a text in several pieces (around children, comments and CDATA) the last piece is kept: rules
written for Conftest know nothing else.

What is no strict XML is refused by `gate/documents/xml.py` first; Conftest would read the part before.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final
from xml.parsers import expat

from gate.documents import xml

_SHOWN: Final = frozenset("LMNPS")
"""First letters of the Unicode categories that do not fall away at the ends of a text."""


class _Element:
    def __init__(self) -> None:
        self.text = ""
        self.children: dict[str, list[Any]] = {}

    def add(self, name: str, value: Any) -> None:
        self.children.setdefault(name, []).append(value)

    @property
    def value(self) -> Any:
        if not self.children:
            return self.text
        content: dict[str, Any] = {"#content": self.text} if self.text else {}
        return content | {n: found if len(found) > 1 else found[0] for n, found in self.children.items()}


class _Builder:
    """Hears a document that is known to be strict."""

    def __init__(self) -> None:
        self.open = [_Element()]
        self._piece: list[str] | None = None

    def start(self, name: str, attributes: list[str]) -> None:
        self.pause()
        element = _Element()
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            element.add(f"-{_local(key)}", value)
        self.open.append(element)

    def end(self, name: str) -> None:
        self.pause()
        ended = self.open.pop()
        self.open[-1].add(_local(name), ended.value)

    def data(self, text: str) -> None:
        if self._piece is None:
            self._piece = []
        self._piece.append(text)

    def section(self) -> None:
        """A CDATA section begins: a piece of its own, even where it is empty."""
        self.pause()
        self._piece = []

    def pause(self, *_: str) -> None:
        """A piece of text has ended, if there is one."""
        if self._piece is not None:
            self.open[-1].text = _trimmed("".join(self._piece))
            self._piece = None


def parsed(data: bytes, path: str) -> Any:
    """The value of one XML document; raises `ReportError` as `gate.documents.xml.parsed` does."""
    xml.parsed(data, path)
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.CommentHandler = builder.pause
    parser.ProcessingInstructionHandler = builder.pause
    parser.StartCdataSectionHandler = builder.section
    parser.EndCdataSectionHandler = builder.pause
    parser.Parse(data, True)
    return builder.open[0].value


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _trimmed(text: str) -> str:
    first, last = 0, len(text)
    while first < last and unicodedata.category(text[first])[0] not in _SHOWN:
        first += 1
    while last > first and unicodedata.category(text[last - 1])[0] not in _SHOWN:
        last -= 1
    return text[first:last]
