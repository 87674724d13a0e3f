"""Strict JSON: every strictness, with the exact place of what broke it."""

from __future__ import annotations

import msgspec
import pytest

from gate import limits
from gate.documents.json import decoded, described, outline, parsed, position
from gate.errors import Problem, ReportError


def problem_of(data: bytes) -> Problem:
    with pytest.raises(ReportError) as caught:
        parsed(data, "r.json")
    [problem] = caught.value.problems
    assert "r.json" == problem.path
    return problem


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"", "report_empty", 1, 1),
        (b" \n\t", "report_empty", 1, 1),
        (b'{"a": 1,\n "b": }', "report_not_json", 2, 7),
        (b'{"a": 1,\n "a": 2}', "report_not_json", 2, 6),
        (b'{"a": 1} x', "report_not_json", 1, 10),
        (b"[1,\n2,]", "report_not_json", 2, 3),
        (b"[01]", "report_not_json", 1, 3),
        (b"[NaN]", "report_not_json", 1, 2),
        (b"[Infinity]", "report_not_json", 1, 2),
        (b"[-Infinity]", "report_not_json", 1, 3),
        (b"['a']", "report_not_json", 1, 2),
        (b"// no\n1", "report_not_json", 1, 1),
        (b'["a\tb"]', "report_not_json", 1, 4),
        (b'["\\ud800"]', "report_not_json", 1, 9),
        (b'["\\x"]', "report_not_json", 1, 4),
        (b"True", "report_not_json", 1, 1),
        (b'{"a": [1, 2', "report_truncated", 1, 11),
        (b'{"a": "b', "report_truncated", 1, 8),
        (b"tru", "report_truncated", 1, 3),
    ],
)
def test_what_is_not_strict_json_is_refused_at_its_place(
    data: bytes, code: str, line: int, column: int
) -> None:
    problem = problem_of(data)

    assert (code, line, column) == (problem.code, problem.line, problem.column)


@pytest.mark.parametrize("before", ["aaa", "äöü", "漢字語", "😀😀😀"])
def test_a_column_counts_characters_not_bytes(before: str) -> None:
    problem = problem_of(f'[1,\n{{"{before}": 1, "b" 2}}]'.encode())

    assert (2, 16) == (problem.line, problem.column)


def test_lines_that_end_like_on_windows_count_once() -> None:
    assert 3 == problem_of(b'{"a": 1,\r\n"b": 2,\r\n"c": ?}').line


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1E+400", "123456e999", "1" + "0" * 400 + ".0"])
def test_a_number_no_float_can_hold_is_refused(number: str) -> None:
    assert "a number is out of range" == problem_of(f'{{"a": [{number}]}}'.encode()).message


@pytest.mark.parametrize(
    ("number", "value"), [("1e-400", 0.0), ("1e300", 1e300), ('"1e400"', "1e400"), ("1" + "0" * 400, 10**400)]
)
def test_a_number_that_only_looks_too_large_is_read(number: str, value: object) -> None:
    assert [value] == parsed(f"[{number}]".encode(), "r.json")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded_exactly(opening: str, closing: str) -> None:
    def nested(levels: int) -> bytes:
        return (opening * levels + ("1" if "{" in opening else "") + closing * levels).encode()

    parsed(nested(limits.JSON_DEPTH), "r.json")

    assert "report_too_deep" == problem_of(nested(limits.JSON_DEPTH + 1)).code


def test_brackets_in_texts_are_no_depth() -> None:
    assert ["[" * 500] == parsed(b'["' + b"[" * 500 + b'"]', "r.json")


def test_many_brackets_side_by_side_are_no_depth() -> None:
    assert [[]] * 500 == parsed(b"[" + b",".join([b"[]"] * 500) + b"]", "r.json")


class Inner(msgspec.Struct):
    name: str


class Outer(msgspec.Struct):
    items: list[Inner]
    more: dict[str, Inner] = {}


def wrong_shape(text: str) -> Problem:
    with pytest.raises(ReportError) as caught:
        decoded(text.encode(), Outer, "r.json", "a test report")
    return caught.value.problems[0]


def test_a_value_of_the_right_shape_is_decoded() -> None:
    assert Outer(items=[Inner(name="a")]) == decoded(b'{"items": [{"name": "a"}]}', Outer, "r", "a report")


def test_a_wrong_shape_is_told_with_the_place_and_path_of_the_value() -> None:
    problem = wrong_shape('{\n "x": [{}, 1],\n "items": [{"name": "ä"},\n  {"name": 7}]}')

    assert ("report_wrong_shape", 4, 12) == (problem.code, problem.line, problem.column)
    assert "JSON path $.items[1].name" == problem.found
    assert "not a test report: expected `str`, got `int`" == problem.message


def test_a_missing_key_is_told_at_the_object_that_lacks_it() -> None:
    problem = wrong_shape('{"items": [{"name": "a"}, {"nam": "b"}]}')

    assert (1, 27) == (problem.line, problem.column)
    assert "missing required field `name`" in problem.message


def test_a_wrong_shape_at_the_top_is_told_at_the_top() -> None:
    problem = wrong_shape("[]")

    assert (1, 1, "JSON path $") == (problem.line, problem.column, problem.found)


DOCUMENT = b'{\n  "a": {"b": [10, {"c": "x"}]},\n  "d.e": 1, "\\u0061a": 2\n}'


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("$", (1, 1)),
        ("$.a", (2, 8)),
        ("$.a.b", (2, 14)),
        ("$.a.b[0]", (2, 15)),
        ("$.a.b[1]", (2, 19)),
        ("$.a.b[1].c", (2, 25)),
        ("$.aa", (3, 24)),
        ("$.a.b[1].absent", (2, 19)),
        ("$.a.b[7]", (2, 14)),
        ("$.absent.c", (1, 1)),
        ("$.a.b[...].c", (2, 14)),
        ("$[3]", (1, 1)),
    ],
)
def test_a_path_has_the_place_of_its_value_or_of_its_nearest_ancestor(
    path: str, place: tuple[int, int]
) -> None:
    assert place == position(DOCUMENT, path)


def test_an_outline_keeps_the_first_element_of_arrays_and_six_levels() -> None:
    value = {"a": [{"b": 1}, {"b": 2}], "c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}

    assert {"a": [{"b": 1}], "c": {"d": {"e": {"f": {"g": {"h": 1}}}}}} == outline(value)
    assert {"a": [{}], "c": {"d": {}}} == outline(value, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": 2}, "JSON object with the keys ['a', 'b']"),
        ([], "an empty JSON array"),
        ([{"a": 1}, 2], "JSON array, its first element a JSON object with the keys ['a']"),
        ("secret", "JSON str"),
    ],
)
def test_a_value_is_described_without_its_content(value: object, text: str) -> None:
    assert text == described(value)
