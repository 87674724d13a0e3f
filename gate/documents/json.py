"""Strict JSON: bytes to values, or a `ReportError` with line and column.

Strict means: UTF-8 only, no duplicate keys, no NaN or Infinity, no number out of range, no lone
surrogate, nothing after the document, at most `limits.JSON_DEPTH` levels. Grammar and duplicates
are jiter's work, typed decoding is msgspec's; this file joins them and finds positions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined]  # stable since 2.6, not in typeshed
from typing import Any, Final, TypeVar

import jiter
import msgspec

from gate import limits
from gate.errors import ReportError, quoted

T = TypeVar("T")

_PLACE: Final = re.compile(r"^(?P<what>.*) at line (?P<line>\d+) column (?P<column>\d+)$", re.DOTALL)
_HUGE_EXPONENT: Final = re.compile(rb"\d[eE]\+?0*[1-9]\d{2,}")
_LONG_NUMBER: Final = re.compile(rb"[0-9]{309}")
_DIGITS_SAMPLED: Final = re.compile(rb"[0-9]{9}")
_STEP: Final = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+|\.\.\.)\]|(?P<any>\[\.\.\.\])")


def parsed(data: bytes, path: str) -> Any:
    """The generic value of one strict JSON document.

    Raises `ReportError` with the position of whatever is not strict JSON (module docstring).
    """
    if not data or data.isspace():
        is_yaml = path.lower().endswith((".yaml", ".yml"))
        raise ReportError(
            "the file is empty",
            code="report_empty",
            path=path,
            line=1,
            column=1,
            expected="at least one manifest" if is_yaml else "a JSON document",
            fix="write it, or remove the file; an empty file is never read as 'nothing wrong'"
            if is_yaml
            else "check that the scanner finished; an empty file is never read as 'no findings'",
        )
    try:
        value = jiter.from_json(data, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise _syntax_error(str(error), data, path) from None
    _refuse_too_deep(value, data, path)
    if _HUGE_EXPONENT.search(data) or _has_long_number(data):
        _refuse_infinite(value, path)
    return value


def outline(value: Any, levels: int = 6) -> Any:
    """`value` cut down to what detection looks at: the first element of arrays, `levels` deep.

    A generic tree of a 100 MB report takes 0.5 GB; it must not live on beside the typed one.
    """
    if isinstance(value, dict):
        return {key: outline(item, levels - 1) for key, item in value.items()} if levels else {}
    if isinstance(value, list):
        return [outline(item, levels - 1) for item in value[:1]] if levels else []
    return value


def decoded(data: bytes, type_: type[T], path: str, expected: str) -> T:
    """`data`, already known to be strict JSON, as a `type_`.

    `expected` names the format in the message. Raises `ReportError` at the value that has another
    shape.
    """
    decoder: msgspec.json.Decoder[T] = _decoder(type_)  # type: ignore[arg-type]  # a type is hashable
    try:
        value: T = decoder.decode(data)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `")
        line, column = position(data, where.rstrip("`"))
        raise ReportError(
            f"not {expected}: {what[:1].lower()}{what[1:]}",
            code="report_wrong_shape",
            path=path,
            line=line,
            column=column,
            found=f"JSON path {where.rstrip('`') or '$'}",
            fix="is the file complete, and from a supported version of the tool?",
        ) from None
    except msgspec.DecodeError as error:
        raise ReportError(
            str(error), code="report_not_json", path=path, line=1, column=1, expected=expected
        ) from None
    return value


@lru_cache(maxsize=256)
def _decoder(type_: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(type_)


def _syntax_error(text: str, data: bytes, path: str) -> ReportError:
    match = _PLACE.match(text)
    what = match["what"] if match else text
    line = int(match["line"]) if match else 1
    column = int(match["column"]) if match else 1
    if match:
        before = data.split(b"\n", line)[line - 1][: max(column - 1, 0)]
        column = len(before.decode("utf-8", "replace")) + 1
    truncated = what.startswith("EOF")
    return ReportError(
        "the file ends too early" if truncated else f"not strict JSON: {what[:1].lower()}{what[1:]}",
        code="report_truncated" if truncated else "report_not_json",
        path=path,
        line=line,
        column=max(column, 1),
        found=what if truncated else None,
        expected="one complete JSON document in UTF-8",
        fix="make the report again; a part of a report is never judged",
    )


def _refuse_too_deep(value: object, data: bytes, path: str) -> None:
    """Raise when arrays and objects nest deeper than `limits.JSON_DEPTH`."""
    # Fewer opening brackets than the bound cannot nest deeper than it: almost every document.
    if data.count(b"[") + data.count(b"{") <= limits.JSON_DEPTH:
        return
    level: list[Any] = [value]
    for _ in range(limits.JSON_DEPTH):
        deeper: list[Any] = []
        for item in level:
            children = item.values() if type(item) is dict else item if type(item) is list else ()
            deeper.extend(child for child in children if type(child) is dict or type(child) is list)
        level = deeper
        if not level:
            return
    raise ReportError(
        "nested too deep",
        code="report_too_deep",
        path=path,
        line=1,
        column=1,
        expected=f"at most {limits.JSON_DEPTH} levels",
        fix="no known tool nests so deep; check where the file comes from",
    )


def _has_long_number(data: bytes) -> bool:
    """Whether 309 digits stand in a row, the least that overflow a float without an exponent."""
    # Every 32nd byte of such a row is a digit, nine times or more: a search of a second in 100 MB
    # becomes one of 30 ms, and the slow one is for the few documents that pass it.
    return _DIGITS_SAMPLED.search(data[::32]) is not None and _LONG_NUMBER.search(data) is not None


def _refuse_infinite(value: object, path: str) -> None:
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            stack.extend(item.values())
        elif type(item) is list:
            stack.extend(item)
        elif type(item) is float and item in (float("inf"), float("-inf")):
            raise ReportError(
                "a number is out of range",
                code="report_not_json",
                path=path,
                line=1,
                column=1,
                expected="numbers that a 64-bit float can hold",
                fix="such a number compares wrongly; correct the report",
            )


def position(data: bytes, where: str) -> tuple[int, int]:
    """1-based line and column of the value at msgspec's JSON path `where` (`$.runs[0].tool`).

    The nearest known ancestor where the path cannot be followed. Slow: for messages only.
    """
    text = data.decode("utf-8", "replace")
    offset = _skip(text, 0)
    for step in _STEP.finditer(where):
        key, index = step["key"], step["index"]
        if key is None and (index is None or not index.isdigit()):
            break
        found = _child(text, offset, key if key is not None else int(index))
        if found is None:
            break
        offset = found
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def _skip(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] in " \t\r\n":
        offset += 1
    return offset


def _child(text: str, offset: int, wanted: str | int) -> int | None:
    """Offset of the member `wanted` of the array or object that starts at `offset`."""
    scan = json.JSONDecoder(strict=False).raw_decode
    opening = text[offset : offset + 1]
    if opening != ("{" if isinstance(wanted, str) else "["):
        return None
    offset, index = _skip(text, offset + 1), 0
    while offset < len(text) and text[offset] not in "]}":
        key: str | int = index
        if opening == "{":
            key, offset = scanstring(text, offset + 1, False)
            offset = _skip(text, _skip(text, offset) + 1)
        if key == wanted:
            return offset
        _, offset = scan(text, offset)
        offset, index = _skip(text, offset), index + 1
        if text[offset : offset + 1] == ",":
            offset = _skip(text, offset + 1)
    return None


def described(value: object) -> str:
    """What a JSON value looks like, for "kind not recognised (looked like: …)"."""
    if isinstance(value, dict):
        return f"JSON object with the keys {quoted(sorted(map(str, value))[:8])}"
    if isinstance(value, list):
        return f"JSON array, its first element a {described(value[0])}" if value else "an empty JSON array"
    return f"JSON {type(value).__name__}"
