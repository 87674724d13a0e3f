"""Dotenv files as Conftest reads them: names and texts, escapes and earlier names replaced.

A name that the file itself does not set stays empty: Conftest asks its own environment, and no decision may
hang on where it is made.
"""

from __future__ import annotations

import re
from typing import Any, Final

from gate.documents.lines import refused, text_of

_LINE: Final = re.compile(
    r"\s*(?:export\s+)?(?P<name>[A-Za-z0-9_.]+)(?:\s*=\s*|:\s+?)"
    r"(?P<value>'[^']*'|\"(?:\\.|[^\"\\])*\"|[^#'\"\n][^#\n]*)?\s*(?:#.*)?",
    re.DOTALL,
)
_VARIABLE: Final = re.compile(r"\\?\$\{?(?P<name>[A-Z0-9_]+)?\}?")


def parsed(data: bytes, path: str) -> Any:
    """Name -> text; raises `ReportError` with the line that is not understood."""
    values: dict[str, str] = {}
    lines = re.split(r"\r\n|\r|\n", text_of(data, path))
    number = 0
    while number < len(lines):
        first, line = number + 1, lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        while (found := _LINE.fullmatch(line)) is None and _is_open(line) and number < len(lines):
            line += "\n" + lines[number]
            number += 1
        if found is None:
            raise refused(
                path, first, "a line that sets nothing, or a quote that does not end", expected="NAME=value"
            )
        if found["name"] in values:
            raise refused(path, first, f"{found['name'][:80]} is set twice", expected="each name once")
        values[found["name"]] = _value((found["value"] or "").strip(), values)
    return values


def _is_open(line: str) -> bool:
    """Whether a value begins with a quote that may end on a later line."""
    value = line.partition("=")[2].strip()
    return value[:1] in ("'", '"')


def _value(text: str, known: dict[str, str]) -> str:
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\([^$])", r"\1", text[1:-1].replace("\\n", "\n").replace("\\r", "\r"))

    def replaced(found: re.Match[str]) -> str:
        if found[0].startswith("\\"):
            return found[0][1:]
        return known.get(found["name"], "") if found["name"] else found[0]

    return _VARIABLE.sub(replaced, text)
