"""What the reports of many tools write alike: words for severities, line numbers, addresses, secrets in titles.

It knows no report format; a tool whose words mean something else keeps its own table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from gate.model import Severity

COMMON: Final[Mapping[str, Severity]] = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "informational": Severity.INFO,
    "information": Severity.INFO,
}
LEVELS: Final[Mapping[str, Severity]] = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "info": Severity.LOW,
}
"""Of linters: how loud, not how bad; `error` is high as in SARIF."""


def severity(word: str | None, known: Mapping[str, Severity] = COMMON) -> Severity:
    """What `word` means in `known`, letter case aside; `unknown` for any other word and for none."""
    return known.get((word or "").strip().lower(), Severity.UNKNOWN)


def positive(number: int | str | None) -> int | None:
    """A line or column, 1 and more, from a number or its digits; anything else is None."""
    if isinstance(number, str):
        number = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0
    return number if number and number > 0 else None


def address(url: str) -> str | None:
    """Scheme, host and path of `url`; a query or a user's name may be what nobody should keep.

    A text without a scheme that is no path is a host with its port.
    """
    try:
        parts = urlsplit(url if "://" in url or url.startswith("/") else f"//{url}")
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    return f"{scheme}//{host}{parts.path}" if host else parts.path or None


def without(secret: str, title: str, otherwise: str = "") -> str:
    """`title` where it does not quote `secret`, else `otherwise`, else a word that does not."""
    if not secret:
        return title
    candidates = (title, otherwise, "secret", "credential")
    return next((text for text in candidates if text and secret not in text), "…")
