"""Whatever a report says, no output obeys it (THREATS.md C1 to C4, B4)."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import pytest
from defusedxml import ElementTree
from jsonschema import Draft7Validator
from markdown_it import MarkdownIt

from gate.errors import Problem
from gate.outputs import OUTPUTS
from gate.outputs.markdown import COMMENT_BYTES
from gate.outputs.problems import problems_json, problems_text
from gate.presentation import Presentation
from tests.data import shared_data
from tests.outputs.builders import CASES, failing
from tests.outputs.hostile import ALL, LONG, each_field_poisoned, poisoned

EVERYTHING: Final = " ".join(ALL)


def _presentations() -> list[Presentation]:
    """Every payload everywhere and behind every text that is there; in every case the worst ones."""
    single = [
        poisoned(failing(verbosity=1), payload, keep) for payload in (*ALL, *LONG) for keep in (False, True)
    ]
    cases = [poisoned(case(), payload) for case in CASES.values() for payload in (*LONG[:2], EVERYTHING)]
    return single + cases


@pytest.fixture(scope="module")
def hostile() -> list[Presentation]:
    fields = [changed for _, changed in each_field_poisoned(failing(verbosity=1), EVERYTHING)]
    return _presentations() + fields


# ---------------------------------------------------------------------------------------------- terminal


def _assert_obeyed_by_no_terminal(page: str) -> None:
    unseen = {c for c in page if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"}}
    assert set() == unseen
    assert [] == [line for line in page.split("\n") if line.lstrip().startswith("::")]
    assert None is re.search(r"##[a-z]*\[|section_(start|end):|travis_fold:", page, re.IGNORECASE)


def test_no_terminal_and_no_log_obeys_the_text_output(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        _assert_obeyed_by_no_terminal(OUTPUTS["text"](presentation).decode())


def test_no_text_forges_the_last_line(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        lines = OUTPUTS["text"](presentation).decode().splitlines()
        assert lines[-1].endswith(f"exit {presentation.exit_code}")


def test_a_terminal_without_unicode_gets_ascii_alone(hostile: list[Presentation]) -> None:
    for presentation in hostile[:200]:
        page = OUTPUTS["text"](msgspec.structs.replace(presentation, unicode=False)).decode("ascii")
        _assert_obeyed_by_no_terminal(page)


def test_colours_are_the_only_escapes_of_a_coloured_page(hostile: list[Presentation]) -> None:
    for presentation in hostile[:200]:
        page = OUTPUTS["text"](msgspec.structs.replace(presentation, color=True)).decode()
        _assert_obeyed_by_no_terminal(re.sub(r"\x1b\[(?:0|2|31|32|33)m", "", page))


@pytest.mark.parametrize("width", [20, 40, 80, 100])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    for payload in (*LONG, EVERYTHING):
        page = OUTPUTS["text"](poisoned(failing(width=width), payload)).decode()
        assert width >= max(map(_cells, page.splitlines()))


def _cells(line: str) -> int:
    seen = [c for c in line if not unicodedata.combining(c)]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in seen)


@pytest.mark.parametrize("payload", [*ALL, *LONG])
def test_no_terminal_obeys_a_problem(payload: str) -> None:
    problem = Problem(
        code="x", message=payload, path=payload, line=1, found=payload, expected=payload, fix=payload
    )
    _assert_obeyed_by_no_terminal(problems_text([problem]).decode())
    assert payload == json.loads(problems_json([problem]))["problems"][0]["message"]


# -------------------------------------------------------------------------------------------------- html


class _Structure(HTMLParser):
    """Elements with their attributes, and comments, as a browser's tokenizer finds them."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[tuple[str, tuple[tuple[str, str | None], ...]]] = set()
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, tuple(attrs)))

    def handle_comment(self, data: str) -> None:
        self.found.add(("comment", ((data, None),)))

    def handle_pi(self, data: str) -> None:
        self.found.add(("instruction", ((data, None),)))

    def unknown_decl(self, data: str) -> None:
        self.found.add(("declaration", ((data, None),)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_no_text_makes_an_element_or_an_attribute_of_the_page(hostile: list[Presentation]) -> None:
    benign = [OUTPUTS["html"](case(verbosity=1)).decode() for case in CASES.values()]
    known = set().union(*(_Structure(page).found for page in benign))
    for presentation in hostile:
        page = OUTPUTS["html"](presentation).decode()
        assert set() == _Structure(page).found - known
        assert 1 == page.count("<style>") == page.count("</html>")


def test_the_page_has_no_script_no_link_and_no_event_handler() -> None:
    found = _Structure(OUTPUTS["html"](failing()).decode()).found
    assert set() == {tag for tag, _ in found} & {"script", "a", "img", "link", "iframe", "form", "object"}
    assert set() == {name for _, attributes in found for name, _ in attributes if name.startswith("on")}


def test_bidirectional_overrides_are_shown_not_obeyed_in_the_page(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        page = OUTPUTS["html"](presentation).decode()
        assert set() == {c for c in page if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"}


# --------------------------------------------------------------------------------------------- documents


def test_the_json_output_is_the_decision_unchanged(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        document = json.loads(OUTPUTS["json"](presentation))
        assert json.loads(msgspec.json.encode(presentation.decision)) == document


def test_no_text_makes_an_element_of_the_junit_report(hostile: list[Presentation]) -> None:
    tags = {"testsuites", "testsuite", "testcase", "failure", "skipped", "system-out"}
    names = {
        *("name", "tests", "failures", "errors", "skipped", "time", "timestamp", "classname"),
        *("message", "type"),
    }
    for presentation in hostile:
        root = ElementTree.fromstring(OUTPUTS["junit"](presentation), forbid_dtd=True)
        assert set() == {element.tag for element in root.iter()} - tags
        assert set() == {name for element in root.iter() for name in element.attrib} - names


def test_a_hostile_sarif_log_still_fits_its_schema() -> None:
    schema = Draft7Validator(json.loads(shared_data("schemas", "sarif-schema-2.1.0.json").read_text()))
    for payload in (*ALL, EVERYTHING):
        log = json.loads(OUTPUTS["sarif"](poisoned(failing(), payload)))
        assert [] == [f"{payload!r} {e.json_path}: {e.message[:99]}" for e in schema.iter_errors(log)]


def test_every_uri_of_a_sarif_log_is_relative_and_stays_inside(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        for uri in _uris(json.loads(OUTPUTS["sarif"](presentation))):
            parts = urlsplit(uri)
            assert ("", "", "", "") == (parts.scheme, parts.netloc, parts.query, parts.fragment)
            assert not uri.startswith("/")
            assert ".." not in uri.split("/")
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)


def _uris(value: Any) -> list[str]:
    if isinstance(value, dict):
        mine = [value["uri"]] if "uri" in value else []
        return mine + [uri for item in value.values() for uri in _uris(item)]
    return [uri for item in value for uri in _uris(item)] if isinstance(value, list) else []


def test_no_message_of_a_sarif_log_has_a_link(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        run = json.loads(OUTPUTS["sarif"](presentation))["runs"][0]
        assert [] == [r for r in run["results"] if "](" in r["message"]["text"]]


# ---------------------------------------------------------------------------------------------- markdown

_OURS: Final = re.compile(
    r"<!-- gate:sticky project=[\w%./~-]* environment=[\w%./~-]* -->"
    r"|<details><summary>(?:Lines that block|Warnings|Checks|Waived): [\w ,()]+</summary>|</details>"
)
_RENDERER: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def test_no_text_makes_markup_of_the_comment(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        page = OUTPUTS["markdown"](presentation).decode()
        tokens = [t for top in _RENDERER.parse(page) for t in [top, *(top.children or [])]]
        kinds = {token.type for token in tokens}
        assert set() == kinds & {"link_open", "image", "html_inline", "hr", "blockquote_open", "s_open"}
        html = [line for t in tokens if t.type == "html_block" for line in t.content.splitlines() if line]
        assert [] == [line for line in html if not _OURS.fullmatch(line)]
        assert 1 == page.count("<!--")
        assert 1 == sum(1 for token in tokens if token.type == "heading_open")
        assert page.startswith("<!-- gate:sticky project=")


def test_no_text_pings_anybody_or_links_anywhere(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        tokens = _RENDERER.parse(OUTPUTS["markdown"](presentation).decode())
        texts = [t.content for top in tokens for t in (top.children or []) if t.type == "text"]
        obeyed = r"[@#]\w|(?<!\w)[!%&~$^]\w|https?://|\bwww\.|:[\w+-]+:(?!\d)|\bGH-\d"
        assert [] == [text for text in texts if re.search(obeyed, text)]


def test_no_line_of_the_comment_is_a_command_of_a_forge(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        lines = OUTPUTS["markdown"](presentation).decode().split("\n")
        assert [] == [line for line in lines if line.startswith("/")]


def test_every_row_of_a_table_has_as_many_cells_as_its_head(hostile: list[Presentation]) -> None:
    for presentation in hostile:
        columns, rows = 0, []
        for token in _RENDERER.parse(OUTPUTS["markdown"](presentation).decode()):
            columns = 0 if token.type == "thead_open" else columns + (token.type == "th_open")
            rows += [(columns, 0)] if token.type == "tr_open" and columns else []
            if token.type == "td_open":
                rows[-1] = (rows[-1][0], rows[-1][1] + 1)
        assert [] == [row for row in rows if row[0] != row[1]]


def test_a_comment_is_short_enough_for_every_forge(hostile: list[Presentation]) -> None:
    assert COMMENT_BYTES > max(len(OUTPUTS["markdown"](presentation)) for presentation in hostile)
