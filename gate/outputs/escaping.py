"""Untrusted text on its way out: one function for each place where it can land.

Everything that came from a report, a manifest, a policy or a waiver passes through here exactly once
before it reaches a terminal, a comment, a page or a document (THREATS.md C1 to C4). Nothing here
decides what is shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

FIELD_CHARACTERS: Final = 600
"""Longest single value shown to a person; the whole value is in `-o json`."""
_COMMENT_CHARACTERS: Final = 200
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORT_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BREAK: Final = "\u200b"
"""Zero-width space: between the characters that a forge would turn into a mention or a link."""


def visible(text: str) -> str:
    r"""`text` on one line, every character that cannot be seen written as an escape (`\x1b`, `\u202e`).

    Unseen are control and format characters (C0, C1, ANSI's ESC, bidi overrides, zero-width ones), line
    separators, lone surrogates and noncharacters; what is left is legal in XML 1.0, too.
    """
    if text.isprintable():
        return text
    return "".join(character if _is_seen(character) else _escape(character) for character in text)


def _is_seen(character: str) -> bool:
    code = ord(character)
    is_noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return not is_noncharacter and unicodedata.category(character) not in _UNSEEN


def _escape(character: str) -> str:
    code = ord(character)
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def cut(text: str, characters: int = FIELD_CHARACTERS) -> str:
    """`text`, or its beginning with an ellipsis where it is longer than `characters`."""
    return text if len(text) <= characters else text[: max(characters - 1, 0)] + "…"


def _shown(text: str, characters: int = FIELD_CHARACTERS) -> str:
    # Escapes only lengthen, so what lies behind the cut need not be looked at.
    return cut(visible(text[: characters + 1]), characters)


# --------------------------------------------------------------------------- terminals and CI logs

_LOG_COMMANDS: Final = re.compile(
    r"#(?=#[a-z]*\[)"  # ##[command], ##vso[…], ##teamcity[…]: found anywhere in a line
    r"|(?:section|travis)(?=_(?:start|end|fold|time):)",  # folding markers
    re.IGNORECASE,
)
_AT_LINE_START: Final = re.compile(r"^((?:\x1b\[[0-9;]*m|\s)*)::", re.MULTILINE)


def terminal(text: str) -> str:
    """`text` as one cut line fragment that no terminal obeys."""
    return _shown(text)


def log(page: str) -> str:
    r"""A finished `page` in which no CI system finds a command: `::`, `##vso[`, `section_start:` get a `\`.

    The last step before encoding, as wrapping may move a harmless `::` to the start of a line. The only
    ESC characters left in `page` by then are gate's own colours.
    """
    page = _LOG_COMMANDS.sub(lambda found: found[0] + "\\", page)
    return _AT_LINE_START.sub(r"\1\\::", page)


# ---------------------------------------------------------------------------------------- markdown

_FORGE_SYNTAX: Final = re.compile(
    r"[@#]"  # mentions, issues
    r"|(?:[!%&$^*]|(?<!\w)~)(?=[\w\"])"  # merge requests, milestones, epics, snippets, alerts, labels
    r"|:(?=//|[\w+-]+:)"  # links, :emoji:
    r"|\bwww(?=\.)|\bGH(?=-\d)",
    re.IGNORECASE,
)
_MARKDOWN: Final = str.maketrans(
    {character: "\\" + character for character in "\\`*_[]~$^"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}
)
_BACKTICKS: Final = re.compile(r"`+")


def markdown(text: str, characters: int = FIELD_CHARACTERS) -> str:
    """`text` as inline Markdown that renders as itself, also in a table cell.

    Mentions, references, emoji names and links are broken by a zero-width space: a backslash does not
    stop the forges, which look for them after rendering. Not for the start of a line.
    """
    broken = _FORGE_SYNTAX.sub(lambda found: found[0] + _BREAK, _shown(text, characters))
    return broken.translate(_MARKDOWN)


def markdown_code(text: str, characters: int = FIELD_CHARACTERS) -> str:
    """`text` as an inline code span, or as plain text where that is not safe.

    A `|` would cut a table cell; a `<!--` looks like the marker by which gate finds its comment.
    """
    shown = _shown(text, characters)
    if not shown.strip() or "|" in shown or "<!--" in shown:
        return markdown(text, characters)
    ticks = "`" * (max(map(len, _BACKTICKS.findall(shown)), default=0) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def markdown_fence(lines: Sequence[str]) -> str:
    """`lines` as a fenced block that nothing inside can close."""
    shown = [_shown(line).replace("<!--", f"<{_BREAK}!--") for line in lines]
    longest = max((len(run) for line in shown for run in _BACKTICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + "text", *shown, fence])


def html_comment(value: str) -> str:
    """`value` percent-encoded so far that it can end neither an HTML comment nor its own word."""
    encoded = quote(cut(value, _COMMENT_CHARACTERS), safe="/", errors="replace")
    return encoded.replace("-", "%2D") if "--" in encoded else encoded


# ----------------------------------------------------------------------------- html, xml and SARIF


def html(text: str) -> str:
    """`text` for HTML content and for attribute values in double quotes."""
    import html  # noqa: PLC0415 - its table of entities takes long to build

    return html.escape(visible(text), quote=True)


def xml(text: str) -> str:
    """`text` with only characters that XML 1.0 allows; markup is the serializer's work."""
    return visible(text)


def sarif(text: str) -> str:
    """`text` for a SARIF message: a viewer finds no `[link](target)` in it (SARIF 2.1.0, 3.11.6)."""
    return visible(text).replace("](", "] (")


def relative_uri(path: str) -> str | None:
    """`path` as a percent-encoded relative reference; None where it leads out of the repository.

    Absolute paths, drive letters, backslashes, `..` and empty paths give None (THREATS.md B4).
    """
    parts = [part for part in path.split("/") if part != "."]
    leads_out = not parts or ".." in parts or "\\" in path or path[1:2] == ":"
    if leads_out or not all(parts):
        return None
    return quote("/".join(parts), safe="/", errors="replace")
