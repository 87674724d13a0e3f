"""Which test is for which entry of the threats about identity, availability, storage and operations.

The table is threats.tsv: an entry, its tests, and what of it none of them covers. A test that was renamed or taken
away shows here; an entry without a test says why.
"""

from __future__ import annotations

import ast
from typing import Final

import pytest

from tests.data import REPOSITORY

TABLE: Final = REPOSITORY / "tests" / "threats.tsv"
ENTRIES: Final = [
    f"{area}{number}"
    for area, last in (("F", 14), ("I", 9), ("J", 15), ("K", 5))
    for number in range(1, last + 1)
]


def rows() -> dict[str, tuple[list[str], str]]:
    """Entry -> names of tests, and what is not tested."""
    head, *lines = TABLE.read_text("utf-8").splitlines()
    assert head == "threat\ttests\twhat is not tested"
    cells = [line.split("\t") for line in lines]
    return {entry: (names.split(), lacking) for entry, names, lacking in cells}


def every_test() -> set[str]:
    """Every test there is."""
    return {
        node.name
        for path in (REPOSITORY / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_entry_has_its_row() -> None:
    assert ENTRIES == list(rows())


def test_every_test_that_is_named_is_there() -> None:
    named = {name for names, _ in rows().values() for name in names}

    assert set() == named - every_test()


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_has_a_test_or_says_why_not(entry: str) -> None:
    names, lacking = rows()[entry]

    assert names or lacking
