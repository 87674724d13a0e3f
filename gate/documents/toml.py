"""TOML as Conftest reads it: Python's own reader, times as text, every error with its place."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any, Final

from gate.documents.lines import refuse_deep, text_of
from gate.errors import ReportError

_PLACE: Final = re.compile(
    r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$"
)


def parsed(data: bytes, path: str) -> Any:
    """The value of one TOML document; raises `ReportError` with line and column."""
    import tomllib  # noqa: PLC0415 - only Conftest's policies ask for it

    text = text_of(data, path)
    try:
        value = tomllib.loads(text)
    except ValueError as error:
        found = _PLACE.match(str(error))
        line = int(found["line"]) if found and found["line"] else text.count("\n") + 1
        raise ReportError(
            f"no TOML: {(found['what'] if found else str(error)).lower()}",
            code="configuration_invalid",
            path=path,
            line=line,
            column=int(found["column"]) if found and found["column"] else 1,
        ) from None
    except RecursionError:
        raise ReportError("nested too deep", code="report_too_deep", path=path, line=1, column=1) from None
    refuse_deep(value, path)
    return _plain(value, path)


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, path) for item in value]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (date, time)):
        # Conftest gives a local time the zone of the machine it runs on: no decision may hang on that.
        raise ReportError(
            f"{value.isoformat()} is a time without a zone",
            code="configuration_invalid",
            path=path,
            expected="a time with a zone, such as 2026-11-22T09:00:00Z",
            fix="write it as text, in quotes",
        )
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        raise ReportError(
            "a number that JSON cannot hold", code="configuration_invalid", path=path, found=str(value)
        )
    return value
