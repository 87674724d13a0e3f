"""gate's own YAML files are read strictly, within bounds, and with positions."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import limits
from gate.documents import yaml as documents
from gate.errors import GateError, PolicyError, Problem, SettingsError, WaiverError

PATH = "gate.yaml"


@pytest.fixture(params=["libyaml", "python"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the test with libyaml's events and with PyYAML's own."""
    if request.param == "python":
        monkeypatch.setattr(documents, "PARSER", documents._PythonParser)


def value(text: str) -> Any:
    return documents.parsed(text.encode(), PATH).value


def problem(data: str | bytes) -> Problem:
    with pytest.raises(SettingsError) as caught:
        documents.parsed(data.encode() if isinstance(data, str) else data, PATH)
    (only,) = caught.value.problems
    return only


def place(data: str | bytes) -> tuple[int | None, int | None]:
    found = problem(data)
    assert PATH == found.path
    return found.line, found.column


@pytest.mark.usefixtures("either_parser")
class TestValues:
    def test_maps_lists_and_text_become_plain_values(self) -> None:
        assert {"a": [1, {"b": "x"}], "c": "y"} == value("a:\n  - 1\n  - b: x\nc: 'y'\n")

    def test_json_is_read_too(self) -> None:
        assert {"a": [1, 2.5, None, True, "A"]} == value('{"a": [1, 2.5, null, true, "\\u0041"]}')

    @pytest.mark.parametrize("text", ["yes", "no", "on", "off", "y", "n", "Yes", "OFF"])
    def test_only_true_and_false_are_booleans(self, text: str) -> None:
        assert [text, True, False] == value(f"[{text}, true, false]")

    @pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T10:00:00Z", "1:30", "12:30:45"])
    def test_what_looks_like_a_time_stays_text(self, text: str) -> None:
        assert text == value(text)

    def test_versions_stay_text_where_they_are_no_numbers(self) -> None:
        assert ["1.2.3", "v1", "0.0.0", "1e", "-"] == value('[1.2.3, v1, 0.0.0, 1e, "-"]')

    @pytest.mark.parametrize(
        ("text", "expected"), [("0", 0), ("-7", -7), ("+7", 7), ("0.5", 0.5), (".5", 0.5), ("1e3", 1000.0)]
    )
    def test_decimal_numbers_are_numbers(self, text: str, expected: float) -> None:
        assert expected == value(text)

    def test_quoted_numbers_stay_text(self) -> None:
        assert ["1", "0644", "true", "null"] == value("""['1', "0644", 'true', "null"]""")

    def test_core_tags_are_allowed_where_they_fit(self) -> None:
        assert ["12", 12, "x", {}, []] == value("[!!str 12, !!int 12, ! x, !!map {}, !!seq []]")

    def test_an_alias_gives_the_value_again(self) -> None:
        assert {"a": [1], "b": [1]} == value("a: &x [1]\nb: *x\n")

    def test_a_byte_order_mark_is_not_part_of_the_text(self) -> None:
        assert {"a": 1} == documents.parsed(b"\xef\xbb\xbfa: 1\n", PATH).value


@pytest.mark.usefixtures("either_parser")
class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a: 1\nb: 2\na: 3\n", (3, 1)),
            ("a: 1\n'a': 2\n", (2, 1)),
            ('x: {a: 1, "\\u0061": 2}\n', (1, 11)),
            ("a: 1\n!!str a: 2\n", (2, 1)),
        ],
    )
    def test_a_key_that_stands_twice(self, text: str, expected: tuple[int, int]) -> None:
        assert expected == place(text)
        assert "the key 'a' stands twice" == problem(text).message

    @pytest.mark.parametrize("key", ["1", "true", "1.5", "~", "[a]", "{a: 1}", "? [a]\n"])
    def test_a_key_that_is_no_text(self, key: str) -> None:
        text = f"{key}: 2" if not key.startswith("?") else key
        assert "a key that is no text" == problem(text).message

    def test_a_merge_key(self) -> None:
        assert (2, 1) == place("a: &x {b: 1}\n<<: *x\n")

    def test_an_alias_as_a_key(self) -> None:
        assert (2, 1) == place("a: &x b\n*x : 1\n")

    def test_an_alias_inside_of_what_it_names(self) -> None:
        assert (1, 8) == place("a: &x [*x]\n")

    def test_an_alias_that_names_nothing(self) -> None:
        assert (1, 4) == place("a: *x\n")

    def test_an_anchor_that_stands_twice(self) -> None:
        assert (2, 4) == place("a: &x 1\nb: &x 2\n")

    @pytest.mark.parametrize("text", ["a: !x 1", "a: !!int x", "a: !!python/name:os.system ''", "a: !!binary eA==",
                                      "a: !!set {}", "a: !!map []", "a: !!timestamp 2026-11-22", "a: !!int '1'"])  # fmt: skip
    def test_a_tag_that_is_not_core_or_does_not_fit(self, text: str) -> None:
        assert ("a tag", 1, 4) == (problem(text).message, *place(text))

    @pytest.mark.parametrize(
        "text",
        [
            ".nan",
            ".inf",
            "-.inf",
            "1e400",
            "0644",
            "0o17",
            "0x1F",
            "0b1",
            "1_000",
            "00.5",
            "9" * 19,
            "9" * 5000,
        ],
    )
    def test_a_number_that_readers_disagree_about(self, text: str) -> None:
        assert (1, 4) == place(f"a: {text}\n")

    @pytest.mark.parametrize(
        ("text", "expected"), [("a:\nb: 1\n", (1, 3)), ("- \n- 1\n", (1, 2)), ("--- \n", (2, 1))]
    )
    def test_a_key_or_element_left_without_a_value(self, text: str, expected: tuple[int, int]) -> None:
        assert "nothing" == problem(text).message
        assert expected[0] == problem(text).line

    @pytest.mark.parametrize("data", ["", " \n", "# only a comment\n"])
    def test_an_empty_file(self, data: str) -> None:
        assert ("the file is empty", 1, 1) == (problem(data).message, *place(data))

    @pytest.mark.parametrize("data", ["a: 1\n---\nb: 2\n", "---\na: 1\n---\n"])
    def test_a_second_document(self, data: str) -> None:
        assert "a second document" == problem(data).message

    @pytest.mark.parametrize(
        "data", ["a: [1\n", "a: 'x\n", "a:\n\tb: 1\n", "{a: 1}}", "a: 1\n b: 2\n", "%YAML 9.9\n--- a"]
    )
    def test_what_is_not_yaml(self, data: str) -> None:
        assert problem(data).message.startswith("not YAML: ")
        assert (problem(data).line or 0) >= 1

    def test_the_place_of_a_syntax_error_is_told(self) -> None:
        assert (3, 1) == place("a: 1\nb: 2\n\tc: 3\n")

    def test_bytes_that_are_not_utf8(self) -> None:
        assert (2, 5) == place("a: 1\nb: é".encode() + b"\xff\n")

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
    def test_other_encodings(self, encoding: str) -> None:
        problem("a: 1\nb: ü\n".encode(encoding))

    @pytest.mark.parametrize(
        "character",
        [
            "\0",
            "\x01",
            "\x1b",
            "\x7f",
            "\x85",
            "\u2028",
            "\u2029",
            "\u202e",
            "\u2066",
            "\ufeff",
            "\ufffe",
            "\r",
        ],
    )
    def test_a_character_that_editors_do_not_show(self, character: str) -> None:
        text = f"a: 1 # harmless{character}b: 2\n"
        assert ("a character that editors do not show", 1, 16) == (problem(text).message, *place(text))

    def test_windows_line_ends_are_fine(self) -> None:
        assert {"a": 1, "b": 2} == value("a: 1\r\nb: 2\r\n")

    @pytest.mark.parametrize("escape", ["\\0", "\\x00", "\\ud800", "\\UFFFFFFFF"])
    def test_an_escape_that_names_nothing_storable(self, escape: str) -> None:
        assert (problem(f'a: "{escape}"').line or 0) == 1


@pytest.mark.usefixtures("either_parser")
class TestLimits:
    @pytest.mark.parametrize("nesting", ["[", "[\n", "{a: ", "- ", "[{a: "])
    def test_too_deep_a_file_is_left_at_once(self, nesting: str) -> None:
        assert "nested too deep" == problem(nesting * 2000).message

    @pytest.mark.parametrize("nesting", ["? ", "- ? ", "? - "])
    def test_deep_keys_are_left_at_the_first(self, nesting: str) -> None:
        assert "a key that is no text" == problem(nesting * 2000).message

    def test_deep_indentation_counts_as_depth(self) -> None:
        text = "".join(f"{' ' * level}a:\n" for level in range(300))
        assert ("nested too deep", 101, 101) == (problem(text).message, *place(text))

    def test_the_deepest_allowed_file_is_read(self) -> None:
        depth = limits.YAML_DEPTH
        read: Any = value("[" * depth + "1" + "]" * depth)
        for _ in range(depth):
            (read,) = read
        assert 1 == read

    def test_an_alias_cannot_add_depth(self) -> None:
        half = limits.YAML_DEPTH // 2 + 1
        text = f"a: &x {'[' * half}1{']' * half}\nb: {'[' * half}*x{']' * half}\n"
        assert "nested too deep" == problem(text).message

    def test_an_alias_bomb_is_counted_before_it_is_walked(self) -> None:
        lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
        lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        assert "too many values" == problem("\n".join(lines)).message

    def test_too_many_aliases(self) -> None:
        text = "a: &x 1\nb: [" + "*x, " * (limits.YAML_ALIASES + 1) + "]"
        assert "too many aliases" == problem(text).message

    def test_too_large_a_file(self) -> None:
        data = b"# " + b"x" * limits.CONFIG_BYTES
        assert ("the file is too large", 1, 1) == (problem(data).message, *place(data))


def test_a_caller_may_allow_more_bytes() -> None:
    data = b"a: " + b"x" * limits.CONFIG_BYTES

    assert limits.CONFIG_BYTES == len(
        documents.parsed(data, PATH, limit_bytes=2 * limits.CONFIG_BYTES).value["a"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "'[' * 50_000", "'[' * 500_000", "'[' * 50_000 + ']' * 50_000", "'{a: ' * 100_000", "'- ' * 400_000",
        "'? ' * 400_000", "'!!a ' * 200_000 + 'x'", "'&a ' * 300_000", "'[\\n' * 300_000", "'*a ' * 300_000",
        "'- !!seq ' * 100_000", "'\"' * 900_000", "':' * 900_000", "'- - ? - ' * 100_000",
    ],
)  # fmt: skip
def test_no_file_ends_the_process(text: str) -> None:
    """PyYAML's own loader dies of SIGSEGV on the first of these (THREATS.md A1)."""
    program = f"""
        from gate.documents import yaml
        from gate.errors import SettingsError
        try:
            yaml.parsed(({text}).encode(), "gate.yaml")
        except SettingsError as error:
            print(error.problems[0].place())
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=60, check=False
    )

    assert (0, b"gate.yaml:") == (child.returncode, child.stdout[:10]), child.stderr[-500:]


@pytest.mark.parametrize("error", [PolicyError, WaiverError, SettingsError, GateError])
def test_the_caller_names_the_kind_of_error(error: type[GateError]) -> None:
    with pytest.raises(error) as caught:
        documents.parsed(b"a: [", PATH, error)

    assert error is type(caught.value)
    assert error.code == caught.value.problems[0].code


class TestPositions:
    parsed = documents.parsed(b"a: 1\nlist:\n  - x\n  - {k: 'v', m: [7]}\nb: &n\n  c: d\ne: *n\n", PATH)

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ((), (1, 1)),
            (("a",), (1, 4)),
            (("list",), (3, 3)),
            (("list", 0), (3, 5)),
            (("list", 1, "k"), (4, 9)),
            (("list", 1, "m", 0), (4, 18)),
            (("b", "c"), (6, 6)),
            (("e", "c"), (6, 6)),
            (("list", 1, "absent", "deeper"), (4, 5)),
            (("list", 9), (3, 3)),
        ],
    )
    def test_of_a_value_or_its_nearest_known_ancestor(
        self, keys: tuple[str | int, ...], expected: tuple[int, int]
    ) -> None:
        assert expected == self.parsed.position(*keys)

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [(("a",), (1, 1)), (("list",), (2, 1)), (("list", 1, "m"), (4, 14)), (("list", 0), (3, 5))],
    )
    def test_of_a_key(self, keys: tuple[str | int, ...], expected: tuple[int, int]) -> None:
        assert expected == self.parsed.key_position(*keys)

    def test_columns_count_characters(self) -> None:
        parsed = documents.parsed("{中文: 1, b: 2}".encode(), PATH)

        assert (1, 12) == parsed.position("b")


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text("aZ0_:-#'é中 \"\\{}[],&*!|>%@`", max_size=8)
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc :#", max_size=4), inner),
    max_leaves=12,
)


@given(_JSON)
def test_every_json_document_reads_as_itself(document: Any) -> None:
    assert document == value(json.dumps(document, ensure_ascii=False))


@given(st.text("ab01.:-#[]{},&*!?'\"\\| \n\t_~", max_size=40))
def test_both_parsers_read_the_same_or_refuse(text: str) -> None:
    """A file must not decide differently on a machine without libyaml."""
    read: list[Any] = []
    for parser in (documents.yaml.cyaml.CParser, documents._PythonParser):  # type: ignore[attr-defined]
        builder = documents._Builder(PATH, SettingsError)
        try:
            for event in documents._events(text, builder, parser):
                builder.take(event)
        except SettingsError:
            read.append("refused")
        else:
            read.append(builder.root.value if builder.root else "empty")

    assert read[0] == read[1] or "refused" in read
