"""Identifiers made by gate: UUIDv7, which sort by time."""

from __future__ import annotations

from datetime import datetime


def uuid7(at: datetime, randomness: bytes) -> str:
    """The UUIDv7 of the instant `at` (aware) and 10 random bytes.

    Source: RFC 9562, section 5.7. Raises `ValueError` for fewer than 10 bytes.
    """
    if len(randomness) < 10:
        raise ValueError("a UUIDv7 takes 10 random bytes")
    milliseconds = int(at.timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(randomness[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
