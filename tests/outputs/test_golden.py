"""Whole outputs as they are printed; GATE_UPDATE_GOLDEN=1 writes them anew, the diff is read by eye."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest

from gate.errors import Problem
from gate.outputs import OUTPUTS
from gate.outputs.problems import problems_json, problems_text
from tests.outputs.builders import CASES

GOLDEN: Final = Path(__file__).parent / "golden"
SUFFIXES: Final = {"markdown": "md", "junit": "junit.xml", "sarif": "sarif", "text": "txt"}
TEXT_VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "quiet": {"verbosity": -1},
    "verbose": {"verbosity": 1},
    "ascii-narrow": {"unicode": False, "width": 60},
    "color": {"color": True},
}
PROBLEMS: Final = (
    Problem(
        code="builtin_not_allowed",
        message='http.send is not allowed in policies: the rule "deny" could never fire',
        path="policies/supply.rego",
        line=12,
        column=5,
        fix="put the data into data.* (--data)",
    ),
    Problem(
        code="compile_error",
        message="undefined ref: input.findigs\n  input.findigs\n        ^",
        path="policies/vuln.rego",
        line=3,
        column=11,
    ),
    Problem(
        code="format_unknown",
        message="kind not recognised",
        path="reports/zap.json",
        line=1,
        column=1,
        found="JSON array of 3, the first: JSON str",
        expected="a report of a known tool",
        fix="--as zap=reports/zap.json, or remove it; unknown files are never skipped silently",
    ),
    Problem(code="no_inputs", message="there is nothing to judge"),
)


def _compare(name: str, actual: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("GATE_UPDATE_GOLDEN") == "1":
        path.write_bytes(actual)
    assert path.read_text() == actual.decode()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_is_as_it_was(name: str, case: str) -> None:
    _compare(f"{case}.{SUFFIXES.get(name, name)}", OUTPUTS[name](CASES[case]()))


@pytest.mark.parametrize("variant", TEXT_VARIANTS)
def test_a_text_output_is_as_it_was_on_other_terminals(variant: str) -> None:
    _compare(f"failing.{variant}.txt", OUTPUTS["text"](CASES["failing"](**TEXT_VARIANTS[variant])))


def test_problems_as_text_are_as_they_were() -> None:
    _compare("problems.txt", problems_text(PROBLEMS))


def test_problems_as_json_are_as_they_were() -> None:
    _compare("problems.json", problems_json(PROBLEMS))
