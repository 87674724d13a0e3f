"""Instants as text: one spelling, UTC, and nothing that is no instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gate.times import duration_s, instant, normalized, rfc3339, start_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_an_instant_is_written_in_utc_with_z() -> None:
    assert "2026-11-22T12:00:00Z" == rfc3339(NOON.astimezone(timezone(timedelta(hours=8))))


def test_microseconds_are_written_where_there_are_any() -> None:
    assert "2026-11-22T12:00:00.000007Z" == rfc3339(NOON.replace(microsecond=7))


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        rfc3339(NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T20:00:00+08:00", NOON),
        ("2026-11-22T12:00:00", NOON),
        ("2026-11-22 12:00:00", NOON),
        (" 2026-11-22T12:00:00Z\n", NOON),
        ("2026-11-22T12:00:00.000000999Z", NOON),
        ("2026-11-22T12:00:00.1234567+00:00", NOON.replace(microsecond=123_456)),
        ("2026-11-21", NOON.replace(hour=0)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_text_names_an_instant(text: str, expected: datetime) -> None:
    assert expected == instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "2026-13-01", "2026-02-30", "2026-11-22T25:00:00Z", "9999-12-31", "2026-11-22Z", "1700000000",
        "0001-01-01T00:00:00+14:00", "2026-11-22T12:00:00+99:00",
    ],
)  # fmt: skip
def test_whatever_is_no_instant_is_none(text: str) -> None:
    assert (None, None) == (instant(text), normalized(text))


def test_an_absent_text_has_no_instant() -> None:
    assert None is normalized(None)


@pytest.mark.parametrize("text", ["2026-11-22T12:00:00Z", "2026-11-22T12:00:00.5Z"])
def test_what_was_written_is_read_as_it_was(text: str) -> None:
    at = instant(text)

    assert at is not None
    assert at == instant(rfc3339(at))


def test_an_expiry_that_is_a_bare_date_lasts_that_day_and_a_beginning_starts_it() -> None:
    assert ("2026-11-23T00:00:00Z", "2026-11-22T00:00:00Z") == (
        normalized("2026-11-22"),
        start_of("2026-11-22"),
    )


def test_a_beginning_with_an_hour_is_that_hour() -> None:
    assert "2026-11-22T12:00:00Z" == start_of("2026-11-22T20:00:00+08:00")


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30", "aaaa-bb-cc"])
def test_a_beginning_that_is_no_date_is_none(text: str) -> None:
    assert None is start_of(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10.0), ("500ms", 0.5), ("1.5h", 5400.0), ("24h", 86_400.0), ("7d", 604_800.0), ("2w", 1_209_600.0), (" 5m ", 300.0), ("0s", 0.0)],
)  # fmt: skip
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert seconds == duration_s(text)


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-1s", "1 s", "1S", "1e3s", "1d12h", "1.2345s", "9999999999s", "١s"]
)
def test_whatever_is_no_duration_is_none(text: str) -> None:
    assert None is duration_s(text)
