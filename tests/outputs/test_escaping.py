"""Each target's escape on its own: nothing unseen is left, and what is shown is the text."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from html.parser import HTMLParser
from xml.etree.ElementTree import Element, tostring

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gate.outputs import escaping

_NASTY = st.text(
    alphabet=st.sampled_from("ab0 \\`*_[]()<>&|~#@!:/.-+$^%'\"\x00\x1b\n\r\t\u202e\u200b界{}=?,;")
)
_ANY = st.text() | _NASTY | st.text(alphabet=st.characters())
_RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@given(_ANY)
def test_visible_text_has_nothing_unseen(text: str) -> None:
    seen = escaping.visible(text)
    assert set() == {c for c in seen if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


@given(st.text(alphabet=st.characters(categories=("L", "N", "P", "S", "M"))))
def test_text_that_can_be_seen_is_not_changed(text: str) -> None:
    assert text == escaping.visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("\u202e", "\\u202e"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\ufffe", "\\ufffe"),
        ("日本\u3000語", "日本\u3000語"),
    ],
)
def test_what_cannot_be_seen_is_written_as_an_escape(text: str, shown: str) -> None:
    assert shown == escaping.visible(text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("::error::x", "\\::error::x"),
        ("    ::error::x", "    \\::error::x"),
        ("a\n::stop-commands::x", "a\n\\::stop-commands::x"),
        ("\x1b[31m::error::x", "\x1b[31m\\::error::x"),
        ("std::string", "std::string"),
        ("a ##vso[task]", "a #\\#vso[task]"),
        ("##[group]", "#\\#[group]"),
        ("## heading", "## heading"),
        ("section_start:1:x", "section\\_start:1:x"),
        ("travis_fold:start", "travis\\_fold:start"),
    ],
)
def test_a_log_line_is_no_command(line: str, shown: str) -> None:
    assert shown == escaping.log(line)


class _Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(_ANY)
def test_html_shows_the_text(text: str) -> None:
    page = _Text(f'<p title="{escaping.html(text)}">{escaping.html(text)}</p>')
    assert escaping.visible(text) == page.text
    assert [("title", escaping.visible(text))] == page.attributes


@given(_ANY)
def test_xml_holds_the_text(text: str) -> None:
    element = Element("x", a=escaping.xml(text))
    element.text = escaping.xml(text)
    read = ElementTree.fromstring(tostring(element, encoding="utf-8"))
    assert (escaping.visible(text), escaping.visible(text)) == (read.text or "", read.get("a"))


def _cell(source: str) -> str:
    """What a table cell with `source` shows."""
    tokens = _RENDERER.parse(f"| a | b |\n|---|---|\n| x | {source} |\n")
    cells = [t for t in tokens if t.type == "inline"]
    assert 4 == len(cells)
    return "".join(t.content for t in cells[3].children or []).replace("\u200b", "")


@given(_ANY)
def test_markdown_in_a_table_renders_as_the_text(text: str) -> None:
    shown = escaping.cut(escaping.visible(text)).strip(" \u3000\u00a0")
    assert shown.replace("\u00a0", " ") == _cell(escaping.markdown(text)).strip(" \u3000\u00a0").replace(
        "\u00a0", " "
    )


@given(_ANY)
def test_markdown_code_in_a_table_renders_as_the_text(text: str) -> None:
    shown = escaping.cut(escaping.visible(text))
    assert shown.split() == _cell(escaping.markdown_code(text)).split()


@given(st.lists(_ANY, min_size=1, max_size=4))
def test_a_fence_is_closed_by_nothing_inside(lines: list[str]) -> None:
    tokens = _RENDERER.parse(escaping.markdown_fence(lines))
    assert ["fence"] == [token.type for token in tokens]
    assert len(lines) == len(tokens[0].content.splitlines())


@given(_ANY)
def test_nothing_ends_an_html_comment(text: str) -> None:
    value = escaping.html_comment(text)
    assert set() == set(value) & set("<>!\"' \n")
    assert "--" not in value


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../../etc/passwd", "a/../../b", "\\\\host\\share", "C:/windows", "C:\\windows"),
        *("//host/share", "", ".", "a//b", "./", "a/.."),
    ],
)
def test_a_path_out_of_the_repository_is_no_uri(path: str) -> None:
    assert None is escaping.relative_uri(path)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("src/a.py", "src/a.py"),
        ("./src/a b.py", "src/a%20b.py"),
        ("http://evil.example", None),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("a?b#c%d", "a%3Fb%23c%25d"),
        ("源/a", "%E6%BA%90/a"),
    ],
)
def test_a_path_becomes_a_relative_uri(path: str, uri: str | None) -> None:
    assert uri == escaping.relative_uri(path)


def test_text_alone_does_not_import_html() -> None:
    code = (
        "import sys; from gate.outputs import OUTPUTS; from gate.outputs import text;"
        "print([m for m in ('html', 'sarif', 'junit', 'markdown') if 'gate.outputs.' + m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == run.stdout
