from __future__ import annotations

import pytest

from gate.model import Severity
from scanners import words


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://user:PLAINTEXT@app.example:8443/a/b?token=PLAINTEXT#c", "https://app.example:8443/a/b"),
        ("app.example:22", "//app.example:22"),
        ("app.example", "//app.example"),
        ("//app.example:443/a?b=c", "//app.example:443/a"),
        ("/a/b?token=PLAINTEXT", "/a/b"),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_of_an_address_scheme_host_and_path_are_kept_and_no_credential(url: str, address: str | None) -> None:
    assert address == words.address(url)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (7, 7),
        ("8", 8),
        (0, None),
        (-1, None),
        ("", None),
        ("7-9", None),
        ("²", None),
        ("9" * 10, None),
        (None, None),
    ],
)
def test_a_line_is_a_number_of_1_and_more(number: int | str | None, line: int | None) -> None:
    assert line == words.positive(number)


@pytest.mark.parametrize("word", [None, "", "severe", "none"])
def test_a_word_that_is_not_in_the_table_is_unknown_and_never_low(word: str | None) -> None:
    assert Severity.UNKNOWN == words.severity(word)
    assert Severity.HIGH == words.severity(" High ")


@pytest.mark.parametrize("secret", ["PLAINTEXT", "secret", "e", "secret credential"])
def test_no_title_quotes_a_secret_whatever_the_secret_is(secret: str) -> None:
    assert secret not in words.without(secret, f"found {secret}", f"secret: {secret}")
