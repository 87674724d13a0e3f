"""Instants: RFC 3339 text, UTC, `Z`. Nothing here reads a clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

_DURATION: Final = re.compile(r"^(?P<number>[0-9]{1,9}(?:\.[0-9]{1,3})?)(?P<unit>ms|s|m|h|d|w)$")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_FRACTION: Final = re.compile(r"\.(\d{6})\d+")


def rfc3339(at: datetime) -> str:
    """`at` (aware) as RFC 3339 in UTC with `Z`, microseconds only where there are any.

    Raises `ValueError` for a naive time.
    """
    if at.tzinfo is None:
        raise ValueError("a naive time has no place in a record")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def sortable(at: datetime) -> str:
    """`at` (aware) as RFC 3339 with all six digits of microseconds: of these, text order is time order.

    Raises `ValueError` for a naive time.
    """
    if at.tzinfo is None:
        raise ValueError("a naive time has no place in a record")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime | None:
    """The instant that RFC 3339 `text` names, or None where it is none.

    A time without an offset is UTC (bandit, semgrep and others leave it out); a bare date is the
    start of the *next* day UTC (CONTRACTS.md, Words); nanoseconds are cut to microseconds.
    """
    cut = _FRACTION.sub(r".\1", text.strip())
    try:
        if len(cut) == 10:
            return datetime.combine(date.fromisoformat(cut) + timedelta(days=1), time(), UTC)
        at = datetime.fromisoformat(cut)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def normalized(text: str | None) -> str | None:
    """`text` as RFC 3339 UTC, or None where it is absent or no time."""
    at = instant(text) if text else None
    return rfc3339(at) if at else None


def duration_s(text: str) -> float | None:
    """Seconds of `10s`, `24h`, `7d`, `500ms`; None where `text` is no duration."""
    match = _DURATION.match(text.strip())
    return float(match["number"]) * _UNIT_S[match["unit"]] if match else None


def start_of(text: str) -> str | None:
    """The instant from which something dated `text` is in force: a bare date means its first moment."""
    return f"{text}T00:00:00Z" if len(text) == 10 and instant(text) else normalized(text)
