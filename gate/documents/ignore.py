"""Files that list what to ignore (`.gitignore`, `.dockerignore`) as Conftest reads them: line by line, with its kind."""

from __future__ import annotations

import re
from typing import Any

from gate.documents.lines import text_of


def parsed(data: bytes, path: str) -> Any:
    """One document: the lines as `{"Kind", "Value", "Original"}`, what is after the last line break among them."""
    return [[_entry(line) for line in text_of(data, path).split("\n")]]


def _entry(line: str) -> dict[str, str]:
    text = line.rstrip(" ")
    if text.endswith("\\") and text != line:
        text += " "
    if not text:
        kind, value = "Empty", line
    elif line.startswith("#"):
        kind, value = "Comment", text[1:].strip()
    elif line.startswith("!"):
        kind, value = "NegatedPath", _unescaped(text[1:])
    else:
        kind, value = "Path", _unescaped(text)
    return {"Kind": kind, "Value": value, "Original": line}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(\\?)", r"\1", text)
