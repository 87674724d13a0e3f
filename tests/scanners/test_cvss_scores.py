from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.model import Cvss
from scanners.cvss_scores import Scored, rating, scored

V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V3_METRICS = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        (V2, Scored("2.0", 7.5)),
        (f"({V2})", Scored("2.0", 7.5)),
        (f"CVSS:3.0/{V3_METRICS}", Scored("3.0", 9.8)),
        (f"CVSS:3.1/{V3_METRICS}", Scored("3.1", 9.8)),
        (V4, Scored("4.0", 9.3)),
    ],
)
def test_a_vector_says_its_version_and_base_score(vector: str, expected: Scored) -> None:
    assert expected == scored(vector)


def test_a_vector_without_prefix_is_read_as_the_version_given() -> None:
    assert Scored("3.1", 9.8) == scored(V3_METRICS, "3.1")


def test_a_prefix_stands_above_the_version_given() -> None:
    assert Scored("3.0", 9.8) == scored(f"CVSS:3.0/{V3_METRICS}", "3.1")


@pytest.mark.parametrize("vector", ["", " ", "CVSS:3.1/", "CVSS:9.9/AV:N", "high", V3_METRICS, "A" * 100_000])
def test_what_is_no_vector_has_no_score(vector: str) -> None:
    assert scored(vector) is None


def test_a_version_that_does_not_exist_has_no_score() -> None:
    assert scored(V2, "1.0") is None


@settings(database=None, deadline=None)
@given(st.text(max_size=80), st.sampled_from([None, "2.0", "3.0", "3.1", "4.0", "5"]))
def test_no_text_makes_it_raise(vector: str, version: str | None) -> None:
    read = scored(vector, version)

    assert read is None or 0.0 <= read.score <= 10.0


def test_a_rating_keeps_the_score_of_the_report() -> None:
    vector = f"CVSS:3.1/{V3_METRICS}"

    assert Cvss(version="3.1", vector=vector, score=7.0, source="nvd") == rating(
        vector=vector, score=7.0, source="nvd"
    )


@pytest.mark.parametrize("score", [None, -1.0, 10.1, 1e308])
def test_a_rating_without_a_usable_score_gets_that_of_its_vector(score: float | None) -> None:
    assert Cvss(version="2.0", vector=V2, score=7.5) == rating(version="2.0", vector=V2, score=score)


def test_a_rating_whose_vector_lacks_the_prefix_gets_it() -> None:
    assert Cvss(version="3.1", vector=f"CVSS:3.1/{V3_METRICS}", score=9.8) == rating(
        version="3.1", vector=V3_METRICS
    )


def test_a_rating_of_a_vector_that_cannot_be_read_has_no_score() -> None:
    assert Cvss(version="3.1", vector="CVSS:3.1/AV:?", score=None) == rating(vector="CVSS:3.1/AV:?")


def test_a_rating_without_version_vector_and_score_is_none() -> None:
    assert rating(version="3.1") is None
    assert rating(score=9.8) is None
    assert rating(vector="nonsense") is None
