"""Who may be one person: whatever somebody writes to be taken for another is found the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.principals import is_named, may_be_same

SAME = [
    ("dev@x", "dev@x"),
    ("dev@x", "d\u200bev@x"),  # zero width space
    ("dev@x", "d\u00adev@x"),  # soft hyphen
    ("dev@x", "d\u034fev@x"),  # combining grapheme joiner
    ("dev@x", "d\u3164ev@x"),  # Hangul filler, a letter by category
    ("dev@x", "dev\ufe0f@x"),  # variation selector
    ("dev@x", "\u202edev@x\u202c"),  # direction marks
    ("dev@x", "d ev@x"),
    ("dev@x", "d\u00a0ev @ x"),
    ("dev@x", "dev\x00@x"),
    ("dev@x", "DEV@X"),
    ("dev@x", "ｄｅｖ＠x"),
    ("dev@x", "dev@x."),
    ("wei@example.com", "wei@EXAMPLE.com."),
    ("wei@example.com", "wei"),
    ("wei", "WEI"),
    ("wei", "@wei"),
    ("wei", "<wei@example.com>"),
    ("wei", "Wei Li <wei@example.com>"),
    ("Wei Li <wei@example.com>", "Wei Li"),
    ("Wei Li <wei@example.com>", "Li, Wei"),
    ("Wei Li <wei@example.com>", "wei-li"),
    ("Wei Li <wei@example.com>", "wei@example.com (Wei Li)"),
    ("Wei Li <wei@example.com>", "Wei Li <other@example.org>"),
    ("Wei Li <wei@example.com>", "Lin Ma <wei@example.com>"),
    ("Wei Li <wei@example.com>", '"Li, Wei" <w.li@example.org>'),
    ("Wei Li <wei@example.com>", "wei@example.com Wei Li"),
    ("wei.li@example.com", "Wei Li"),
    ("wei@example.com", "wei+approver@example.com"),
    ("12345+wei@users.noreply.example", "wei"),
    ("wei@example.com", "mailto:wei@example.com"),
    ("wei@example.com", "CORP\\wei"),
    ("wei@example.com", "forge.example/wei"),
    ("José Ruß", "jose russ"),
    ("José", "Jose\u0301"),
    ("renovate[bot]", "Renovate [Bot]"),
    ("wei", ""),
    ("wei", " \u200b "),
    ("wei", "🙂"),
    ("", ""),
]
DIFFERENT = [
    ("wei@example.com", "lin@example.com"),
    ("wei@example.com", "wei@example.org"),
    ("wei", "lin"),
    ("wei", "weil"),
    ("wei", "Wei Li"),
    ("Wei Li", "Wei Lin"),
    ("Wei Li <wei@example.com>", "Lin Ma <lin@example.com>"),
    ("wei+a@example.com", "lin+b@example.com"),
    ("CORP\\wei", "CORP\\lin"),
    ("mailto:wei@example.com", "mailto:lin@example.com"),
    ("uid=wei,ou=people,dc=x", "uid=lin,ou=people,dc=x"),
    ("王伟", "李娜"),
    ("dev1", "dev2"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_may_be_one_person(one: str, other: str) -> None:
    assert may_be_same(one, other)
    assert may_be_same(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_persons_are_two(one: str, other: str) -> None:
    assert not may_be_same(one, other)
    assert not may_be_same(other, one)


@pytest.mark.parametrize("nobody", ["", " ", "<>", "-", "@", "\u200b", "\u3164", "🙂", "<\u00ad@\u200b>"])
def test_a_text_without_a_letter_that_can_be_seen_names_nobody(nobody: str) -> None:
    assert not is_named(nobody)


@given(
    person=st.sampled_from(["wei", "Wei Li", "wei@example.com", "Wei Li <wei@example.com>"]),
    extra=st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"]),
    data=st.data(),
)
def test_nothing_invisible_makes_another_person(person: str, extra: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(person)))

    assert may_be_same(person, person[:at] + extra + person[at:])


@given(st.text(), st.text())
def test_the_answer_does_not_depend_on_who_is_asked_about_first(one: str, other: str) -> None:
    assert may_be_same(one, other) == may_be_same(other, one)
    assert may_be_same(one, one)
