"""JSON with comments as Conftest reads it: `//` and `#` up to the end of the line, and between `/*` and `*/`."""

from __future__ import annotations

import re
from typing import Any, Final

from gate.documents import json as json_documents
from gate.documents.lines import text_of

# What does not end goes to the end of the text, so that it is looked at once; the JSON reader then refuses it.
_PART: Final = re.compile(
    r"(?P<text>\"(?:\\.|[^\"\\])*(?:\"|\Z))|/\*.*?(?:\*/|(?P<open>\Z))|(?://|\#)[^\n]*", re.DOTALL
)


def parsed(data: bytes, path: str) -> Any:
    """The value; raises `ReportError` with its place for what is not strict JSON once the comments are blank."""
    return json_documents.parsed(_PART.sub(_blank, text_of(data, path)).encode(), path)


def _blank(found: re.Match[str]) -> str:
    """As long as the comment, with its line breaks: places stay what they are."""
    if found["text"] is not None or found["open"] is not None:
        return found[0]
    return re.sub(r"[^\n]", " ", found[0])
