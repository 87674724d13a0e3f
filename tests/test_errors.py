"""Errors: what a person reads, and that nothing untrusted gets into it at length."""

from __future__ import annotations

import pytest

from gate.errors import (
    GateError,
    PolicyError,
    Problem,
    ReportError,
    SettingsError,
    StoreError,
    WaiverError,
    quoted,
)


def test_a_message_has_place_found_expected_and_remedy_in_this_order() -> None:
    problem = Problem(
        code="c", message="wrong", path="a.json", line=3, column=7, found="x", expected="y", fix="do z"
    )

    assert "a.json:3:7: wrong, found x, expected y; do z" == str(problem)


def test_what_is_not_known_is_left_out() -> None:
    assert "wrong" == str(Problem(code="c", message="wrong"))


@pytest.mark.parametrize(("line", "column", "place"), [(None, None, "a"), (3, None, "a:3"), (3, 7, "a:3:7")])
def test_a_place_is_as_exact_as_is_known(line: int | None, column: int | None, place: str) -> None:
    assert place == Problem(code="c", message="m", path="a", line=line, column=column).place()


def test_without_a_file_a_line_is_no_place() -> None:
    assert "" == Problem(code="c", message="m", line=3).place()


def test_an_error_tells_all_of_its_problems() -> None:
    problems = tuple(Problem(code="c", message=name) for name in "ab")

    assert "a\nb" == str(ReportError(problems=problems))


@pytest.mark.parametrize("kind", [GateError, ReportError, PolicyError, WaiverError, StoreError])
def test_no_decision_is_exit_code_three_and_a_reason_is_never_missing(kind: type[GateError]) -> None:
    error = kind("m")

    assert (3, [kind.code]) == (error.exit_code, [problem.code for problem in error.problems])


def test_wrong_settings_are_exit_code_two() -> None:
    assert 2 == SettingsError("m").exit_code


def test_an_error_keeps_the_code_it_was_given() -> None:
    assert "no_inputs" == ReportError("m", code="no_inputs").problems[0].code


def test_untrusted_text_is_quoted_with_its_control_characters_shown() -> None:
    assert r"'a\x1b[2J\n'" == quoted("a\x1b[2J\n")


def test_untrusted_text_is_cut_at_eighty_characters() -> None:
    text = quoted("x" * 1_000)

    assert (80, True) == (len(text), text.endswith("…"))
    assert repr("x" * 78) == quoted("x" * 78)
