"""Identifiers of decisions: the layout of RFC 9562, and their order."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from gate.ids import uuid7

NOON = datetime(2026, 11, 22, 12, 0, 0, 123_000, UTC)


def test_the_layout_is_that_of_the_specification() -> None:
    made = uuid.UUID(uuid7(NOON, bytes(range(10))))

    assert (7, uuid.RFC_4122) == (made.version, made.variant)
    assert int(NOON.timestamp() * 1000) == made.int >> 80


def test_the_example_of_the_specification_comes_out() -> None:
    """RFC 9562, appendix A.6."""
    at = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)

    assert "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" == uuid7(at, bytes.fromhex("0cc318c4dc0c0c07398f"))


def test_randomness_fills_everything_but_time_version_and_variant() -> None:
    none, all_ = (int(uuid.UUID(uuid7(NOON, byte * 10)).int) for byte in (b"\x00", b"\xff"))

    assert 74 == (none ^ all_).bit_count()


def test_identifiers_sort_by_time() -> None:
    times = [NOON + timedelta(milliseconds=step) for step in range(0, 100_000, 997)]
    made = [uuid7(at, bytes([255 - number] * 10)) for number, at in enumerate(times)]

    assert sorted(made) == made


def test_more_randomness_than_needed_is_not_used() -> None:
    assert uuid7(NOON, b"0123456789") == uuid7(NOON, b"0123456789abc")


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(NOON, b"123456789")
