"""Java's properties as Conftest reads them: names and texts, escapes replaced, `${…}` left as it stands."""

from __future__ import annotations

import re
from typing import Any, Final

from gate.documents.lines import refused, text_of

_SPACE: Final = " \t\f"
_NAME: Final = re.compile(r"(?:\\.|[^\\ \t\f:=])*", re.DOTALL)
_LINE: Final = re.compile(r"(?P<name>(?:\\.|[^\\ \t\f:=])+)[ \t\f]*[:=]?[ \t\f]*(?P<value>.*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|(?P<other>.))", re.DOTALL)
_MEANT: Final = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def parsed(data: bytes, path: str) -> Any:
    """Name -> text; raises `ReportError` with the line that is not understood, and for a name given twice."""
    values: dict[str, str] = {}
    lines = re.split(r"\r\n|\r|\n", text_of(data, path))
    number = 0
    while number < len(lines):
        first, parts = number + 1, [lines[number].lstrip(_SPACE)]
        number += 1
        if not parts[0] or parts[0][0] in "#!":
            continue
        while _is_continued(parts[-1]):
            if number == len(lines):
                raise refused(path, number, "a line that goes on after the end", expected="another line")
            parts[-1] = parts[-1][:-1]
            if len(parts) == 1 and _NAME.fullmatch(parts[0]):
                raise refused(path, first, "a name that goes on in the next line", expected="name=value")
            parts.append(lines[number].lstrip(_SPACE))
            number += 1
        found = _LINE.fullmatch("".join(parts))
        if found is None:
            raise refused(path, first, "a line without a name", expected="name=value")
        name = _unescaped(found["name"], path, first)
        if name in values:
            raise refused(path, first, f"{name[:80]!r} is set twice", expected="each name once")
        values[name] = _unescaped(found["value"], path, first)
    return values


def _is_continued(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescaped(text: str, path: str, line: int) -> str:
    def meant(found: re.Match[str]) -> str:
        if found["code"] is None:
            if found["other"] == "u":
                raise refused(
                    path, line, "\\u without four digits", expected="\\u and four hexadecimal digits"
                )
            return _MEANT.get(found["other"], found["other"])
        if 0xD800 <= int(found["code"], 16) <= 0xDFFF:
            raise refused(path, line, f"\\u{found['code']} is half a character", expected="a whole one")
        return chr(int(found["code"], 16))

    return _ESCAPE.sub(meant, text)
