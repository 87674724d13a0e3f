"""INI as Conftest reads it: sections of keys; numbers and truth values become such; no section, no key.

What go-ini does with lines that continue, or with quotes that do not close, is refused rather than guessed.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from gate.documents.lines import refused, text_of

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_ODD_NUMBER: Final = re.compile(r"[+-]?0[xX][\da-fA-F_.]+(?:[pP][+-]?\d+)?")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_KEY: Final = re.compile(r"(?P<key>[^=:\"`][^=:]*?)\s*[=:](?P<value>.*)")
_COMMENT: Final = re.compile(r"[#;]")
UNNAMED: Final = "DEFAULT"


def parsed(data: bytes, path: str) -> Any:
    """Section -> key -> value; raises `ReportError` with the line that is not understood.

    Keys before the first section, and those of `[DEFAULT]`, are left out, as Conftest does.
    """
    sections: dict[str, dict[str, Any]] = {}
    name, keys = UNNAMED, dict[str, Any]()
    for number, raw in enumerate(text_of(data, path).splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            end = line.rfind("]")
            if end < 1 or (line[end + 1 :].strip() and line[end + 1 :].strip()[0] not in "#;"):
                raise refused(path, number, "a section that does not end", expected="[name]")
            name = line[1:end].strip()
            keys = {} if name == UNNAMED else sections.setdefault(name, {})
            continue
        found = _KEY.fullmatch(line)
        if found is None:
            raise refused(path, number, "a line without a value", expected="key = value")
        key = found["key"]
        if key in keys:
            raise refused(
                path, number, f"key {key!r:.80} is given twice", expected="each key once in a section"
            )
        keys[key] = _value(found["value"].strip(), path, number)
    return sections


def _value(text: str, path: str, line: int) -> Any:
    if text.endswith("\\") or text.startswith(('"""', "`")):
        raise refused(path, line, "a value of several lines is not read", expected="one line")
    if len(text) > 1 and text[0] in "\"'":
        end = text.find(text[0], 1)
        if end != len(text) - 1:
            raise refused(path, line, "a quote inside of a quoted value", expected="one pair of quotes")
        text = text[1:-1]
    elif found := _COMMENT.search(text):
        text = text[: found.start()].rstrip()
    if _ODD_NUMBER.fullmatch(text):
        raise refused(
            path, line, "a hexadecimal number is not read", expected="a decimal number, or another text"
        )
    if _NUMBER.fullmatch(text):
        number = float(text)
        # Conftest makes every number a float; as JSON a whole one has no fraction.
        return text if math.isinf(number) else int(number) if number.is_integer() else number
    return True if text in _TRUE else False if text in _FALSE else text
