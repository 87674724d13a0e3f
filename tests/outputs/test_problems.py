"""Why nothing was decided, told to people."""

from __future__ import annotations

from gate.errors import Problem
from gate.outputs.problems import problems_text


def _lines(*problems: Problem, exit_code: int = 3) -> list[str]:
    return problems_text(problems, exit_code=exit_code).decode().splitlines()


def test_a_problem_has_its_place_its_message_and_its_fix() -> None:
    problem = Problem(
        code="x", message="not strict JSON", path="a.json", line=1, column=5, fix="make it again"
    )
    assert ["‼ a.json:1:5  not strict JSON", "    fix    make it again"] == _lines(problem)[:2]


def test_what_was_found_and_expected_stand_behind_the_message() -> None:
    problem = Problem(code="x", message="no list", found="text", expected="a list")
    assert "‼ no list, found text, expected a list" == _lines(problem)[0]


def test_the_last_line_says_that_no_decision_was_made() -> None:
    last = _lines(Problem(code="x", message="m"), Problem(code="y", message="n"), exit_code=2)[-1]
    assert last.startswith("GATE ERROR · no decision was made · 2 problems")
    assert last.endswith("exit 2")


def test_no_problem_at_all_is_a_problem() -> None:
    assert "GATE ERROR · no decision was made · 1 problem" in _lines()[-1]


def test_a_caret_below_a_message_keeps_its_column() -> None:
    page = _lines(Problem(code="x", message="undefined\n  input.x\n        ^"))
    assert ["      input.x", "            ^"] == page[1:3]
