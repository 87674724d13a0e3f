"""Globs: anchored, exact, and never slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.globs import fits


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", False),
        ("a/**", "a/b/c", True),
        ("**/c", "a/b/c", True),
        ("**/c", "c", True),
        ("a/**/d", "a/d", True),
        ("a/**/d", "a/b/c/d", True),
        ("a/**/d", "a/b/c/e", False),
        ("*.py", "x.py", True),
        ("*.py", "d/x.py", False),
        ("?.py", "x.py", True),
        ("?.py", ".py", False),
        ("a?c", "a/c", False),
        ("a/x*y*z", "a/x1y2z", True),
        ("a/b**", "a/bcd", True),
        ("a/b**", "a/b/c", False),
        ("A", "a", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_a_glob_fits_the_whole_text_or_not_at_all(glob: str, text: str, expected: bool) -> None:
    assert expected is fits(glob, text)


def test_brackets_are_letters() -> None:
    assert fits("pages/[id].tsx", "pages/[id].tsx")
    assert not fits("pages/[id].tsx", "pages/i.tsx")


def test_a_glob_made_to_be_slow_is_not() -> None:
    assert not fits("a*" * 2_000 + "b", "a" * 20_000)
    assert not fits("**/a/" * 500 + "b", "a/" * 5_000 + "c")


@given(st.text("ab/*", max_size=8), st.text("ab/", max_size=10))
def test_globs_mean_what_the_same_regular_expression_means(glob: str, text: str) -> None:
    body = ""
    for index, segment in enumerate(segments := glob.split("/")):
        if segment == "**":
            # As many whole segments as there are, with the slash that joins them to the rest.
            body += r"(?:[^/]*/)*" if index < len(segments) - 1 else r"(?:[^/]*(?:/[^/]*)*)?"
            continue
        body += re.sub(r"\*+", "[^/]*", segment) + ("/" if index < len(segments) - 1 else "")
    # `a/**` also fits `a`: the slash before a last `**` is optional.
    body = re.sub(r"/(\(\?:\[\^/\]\*\(\?:/\[\^/\]\*\)\*\)\?)$", r"(?:/\1)?", body)
    assert (re.fullmatch(body, text) is not None) == fits(glob, text)
