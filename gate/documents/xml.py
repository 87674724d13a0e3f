"""Strict, bounded XML: bytes to an element tree, or a `ReportError` with line and column.

Strict means: well-formed UTF-8, no DOCTYPE (so no entities and nothing external) but what
four report formats always write, which is cut out before anything reads it; and depth, nodes,
attributes and text bounded while reading, not afterwards. No schema is read and nothing is fetched.
defusedxml refuses the declarations, expat the grammar; this file counts and says where.
UTF-16 with a byte order mark has become UTF-8 before (gate/ingest.py).
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

# The types alone: everything is parsed by defusedxml's parser.
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException, DTDForbidden
from defusedxml.ElementTree import DefusedXMLParser

from gate import limits
from gate.errors import ReportError, quoted

ATTRIBUTES: Final = 256
"""Most attributes of one element."""
TEXT_CHARACTERS: Final = 32 * limits.MIB
"""Longest text or attribute value; ZAP and Burp put whole HTTP bodies into one."""
_CHUNK_BYTES: Final = 64 * limits.KIB
"""Fed at a time: expat finishes a chunk even after a limit has stopped the reading."""
_DECLARED: Final = re.compile(rb"""\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_UTF8_NAMES: Final = frozenset({"utf-8", "utf8", "utf-16", "utf16"})
"""What a declaration may say of UTF-8 bytes; UTF-16 is what it said before ingest decoded them."""
_ASCII_BASED: Final = re.compile(r"us-ascii|ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d|gb2312|gbk|gb18030")
"""Encodings in which plain ASCII bytes mean the same as in UTF-8."""
_KNOWN_DOCTYPE: Final = re.compile(
    rb"""\A\s*+(?:<\?xml\s[^<>]{0,200}\?>)?+\s*+(?:<!--(?:(?!-->).){0,4000}+-->\s*+){0,20}+"""
    rb"""(<!DOCTYPE\s++(?:coverage|issues|niktoscan|report)"""
    rb"""(?:\s++(?:SYSTEM|PUBLIC)(?:\s++(?:"[^"<>&%]{0,300}+"|'[^'<>&%]{0,300}+')){1,2}+)?+"""
    rb"""\s*+(?:\[(?:\s|<!(?:ELEMENT|ATTLIST)\s[^<>&%\[\]]{1,4000}+>)*+\]\s*+)?+>)""",
    re.DOTALL,
)
"""What Cobertura, JaCoCo, Burp and Nikto always write: names and shapes, no entity of any kind."""
_EARLY_END: Final = frozenset({3, 5, 6, 20})
"""expat's codes: no element found, unclosed token, partial character, unclosed CDATA section."""


class _RootSeen(Exception):
    """A signal, not an error."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes


class _Limit(Exception):
    """Translated at once, with its place."""

    def __init__(self, what: str, most: int, unit: str) -> None:
        self.what, self.expected = what, f"at most {most:,} {unit}"


class _Root:
    """Stops at the first element."""

    def start(self, tag: str, attributes: dict[str, str]) -> NoReturn:
        raise _RootSeen(tag, attributes)


class _Bounded:
    """Builds the tree and counts while it grows."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._depth = self._nodes = self._text = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth, self._nodes, self._text = self._depth + 1, self._nodes + 1 + len(attributes), 0
        if self._depth > limits.XML_DEPTH:
            raise _Limit("nested too deep", limits.XML_DEPTH, "levels")
        if len(attributes) > ATTRIBUTES:
            raise _Limit("too many attributes on one element", ATTRIBUTES, "")
        if self._nodes > limits.XML_NODES:
            raise _Limit("too many elements and attributes", limits.XML_NODES, "")
        if any(len(value) > TEXT_CHARACTERS for value in attributes.values()):
            raise _Limit("an attribute is too long", TEXT_CHARACTERS, "characters")
        self._tree.start(tag, attributes)

    def end(self, tag: str) -> None:
        self._depth, self._text = self._depth - 1, 0
        self._tree.end(tag)

    def data(self, text: str) -> None:
        self._text += len(text)
        if self._text > TEXT_CHARACTERS:
            raise _Limit("a text is too long", TEXT_CHARACTERS, "characters")
        self._tree.data(text)

    def close(self) -> Element:
        return self._tree.close()


def parsed(data: bytes, path: str) -> Element:
    """The root element of one strict XML document, names as `{namespace}name`.

    Raises `ReportError` with the position of (or right behind) what is not strict, and beyond
    `limits.XML_DEPTH`, `limits.XML_NODES` (elements and attributes), `ATTRIBUTES`, `TEXT_CHARACTERS`.
    """
    data = _without_known_doctype(data)
    tree = _Bounded()
    parser = DefusedXMLParser(target=tree, encoding="utf-8", forbid_dtd=True)
    _read(data, path, parser)
    return tree.close()


def root(data: bytes, path: str = "") -> tuple[str, dict[str, str]]:
    """`{namespace}name` and attributes of the root element; what follows its start tag is not looked at.

    Raises `ReportError` as `parsed` does for what stands before.
    """
    data = _without_known_doctype(data)
    parser = DefusedXMLParser(target=_Root(), encoding="utf-8", forbid_dtd=True)
    try:
        _read(data, path, parser)
    except _RootSeen as seen:
        return seen.tag, seen.attributes
    raise AssertionError("a document that is read to its end has a root")


def _without_known_doctype(data: bytes) -> bytes:
    """`data` with white space in place of a document type that declares no entity (docs/adr/0011).

    It never reaches the parser, so nothing is declared, defaulted or fetched; any other is refused there.
    """
    match = _KNOWN_DOCTYPE.match(data)
    if not match:
        return data
    blank = re.sub(rb"[^\n]", b" ", match[1])
    return data[: match.start(1)] + blank + data[match.end(1) :]


def _read(data: bytes, path: str, parser: DefusedXMLParser) -> None:
    """Read all of `data`, every way it can fail as a `ReportError` with its place."""
    if not data.strip():
        raise ReportError(
            "the file is empty",
            code="report_empty",
            path=path,
            line=1,
            column=1,
            expected="an XML document",
            fix="check that the scanner finished; an empty file is never read as 'no findings'",
        )
    _check_encoding(data, path)
    expat: Any = parser.parser  # the stubs do not know it
    try:
        _feed(data, parser)
    except ParseError as error:
        raise _syntax_error(error, data, path) from None
    except DefusedXmlException as error:
        raise _declaration_error(error, path, expat) from None
    except _Limit as limit:
        raise ReportError(
            limit.what,
            code="report_too_large",
            path=path,
            line=expat.CurrentLineNumber,
            column=expat.CurrentColumnNumber + 1,
            expected=limit.expected.rstrip(),
            fix="no known tool writes this; check where the file comes from",
        ) from None


def _feed(data: bytes, parser: DefusedXMLParser) -> None:
    view = memoryview(data)
    for start in range(0, len(data), _CHUNK_BYTES):
        parser.feed(view[start : start + _CHUNK_BYTES])
    parser.close()  # only now can expat tell an early end


def _check_encoding(data: bytes, path: str) -> None:
    declared = _DECLARED.match(data)
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    # expat looks for UTF-16 by itself, whatever encoding it is given; every such file holds a NUL.
    has_nul = b"\0" in data
    if not has_nul and (name in _UTF8_NAMES or (_ASCII_BASED.fullmatch(name) and data.isascii())):
        return
    raise ReportError(
        "the file is not in UTF-8",
        code="report_encoding",
        path=path,
        line=1,
        column=1,
        found="a NUL byte, as in UTF-16" if has_nul else f"the declared encoding {quoted(name)}",
        expected="UTF-8",
        fix="convert the file to UTF-8 and correct its first line",
    )


def _syntax_error(error: ParseError, data: bytes, path: str) -> ReportError:
    line, column = error.position
    what = str(error).partition(":")[0]
    is_early = error.code in _EARLY_END
    fix = "make the report again; a part of a report is never judged"
    if not is_early and not _is_utf8(data):
        what, fix = "a byte that is no UTF-8", "save or convert the file as UTF-8"
    return ReportError(
        "the file ends too early" if is_early else f"not well-formed XML: {what}",
        code="report_truncated" if is_early else "report_not_xml",
        path=path,
        line=line,
        column=column + 1,
        found=what if is_early else None,
        expected="one complete XML document in UTF-8",
        fix=fix,
    )


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _declaration_error(error: DefusedXmlException, path: str, expat: Any) -> ReportError:
    name = getattr(error, "name", None)
    what = "a DOCTYPE" if isinstance(error, DTDForbidden) else "an entity declaration or reference"
    return ReportError(
        f"{what} is refused",
        code="report_doctype",
        path=path,
        line=expat.CurrentLineNumber,
        column=expat.CurrentColumnNumber + 1,
        found=quoted(name) if name else None,
        expected="XML without a document type: through one a file can read other files and open connections",
        fix="export the report as JSON or without its DOCTYPE",
    )
