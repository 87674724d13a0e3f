"""Pages of a list: where the last one ended is all that the next one needs, however long the list is."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, Generic, TypeVar

import msgspec
from sqlalchemy import Select, tuple_
from sqlalchemy.sql.elements import ColumnElement

T = TypeVar("T")

MOST: Final = 500
DEFAULT: Final = 50


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some items, and where to go on; `cursor` is None at the end."""

    items: tuple[T, ...]
    cursor: str | None


class CursorError(ValueError):
    """The cursor is none that this list gave."""


def after(
    query: Select[Any], keys: tuple[ColumnElement[Any], ...], cursor: str | None, limit: int
) -> Select[Any]:
    """`query` in descending order of `keys` from behind `cursor`, one row more than `limit`."""
    if cursor is not None:
        values = _values(cursor, len(keys))
        query = query.where(tuple_(*keys) < tuple_(*values))
    return query.order_by(*(key.desc() for key in keys)).limit(limit + 1)


def page(rows: list[T], limit: int, keys: tuple[str, ...]) -> Page[T]:
    """The page of `rows` (one more than `limit` where there are more), by the attributes `keys`."""
    items = rows[:limit]
    last = items[-1] if len(rows) > limit else None
    cursor = None if last is None else cursor_of([getattr(last, key) for key in keys])
    return Page(items=tuple(items), cursor=cursor)


def cursor_of(values: list[str]) -> str:
    """Where the row with these values of the list's keys stands, as text for a URL."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _values(cursor: str, count: int) -> list[str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str])
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise CursorError from None
    if len(values) != count or any("\x00" in value for value in values):
        raise CursorError
    return values
