"""XML: bounded while it is read, silent on the network, and never half understood."""

from __future__ import annotations

import socket
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import limits
from gate.documents import xml
from gate.documents.xml import parsed, root
from gate.errors import Problem, ReportError
from tests.data import shared_data

REPORT = '<?xml version="1.0" encoding="UTF-8"?>\n<report xmlns="urn:x"><item n="1">é</item></report>\n'


def refused(data: str | bytes) -> Problem:
    with pytest.raises(ReportError) as caught:
        parsed(data.encode() if isinstance(data, str) else data, "r.xml")
    [problem] = caught.value.problems
    assert "r.xml" == problem.path
    return problem


def doctype(inside: str, body: str = "") -> str:
    return f'<?xml version="1.0"?>\n<!DOCTYPE r {inside}>\n<r>{body}</r>'


def test_a_document_becomes_its_root_with_namespaced_names() -> None:
    root = parsed(REPORT.encode(), "r.xml")
    assert "{urn:x}report" == root.tag
    assert ["é"] == [item.text for item in root.iter("{urn:x}item")]


def test_comments_and_instructions_are_not_content() -> None:
    root = parsed(b"<?xml-stylesheet href='x'?><r>a<!-- b -->c<?pi?>d</r>", "r.xml")
    assert ("acd", 0) == (root.text, len(root))


# ---------------------------------------------------------------------------- declarations, entities


@pytest.mark.parametrize(
    "inside", ["", '[<!ENTITY a "b">]', 'SYSTEM "x.dtd"', 'PUBLIC "-//X" "http://127.0.0.1/x.dtd"', "[]"]
)
def test_a_doctype_is_refused_with_its_place(inside: str) -> None:
    problem = refused(doctype(inside))
    assert ("report_doctype", "a DOCTYPE is refused", 2) == (problem.code, problem.message, problem.line)


BURP = '[\n<!ELEMENT issues (issue*)>\n<!ATTLIST issues burpVersion CDATA "">\n]'


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("issues", BURP),
        ("niktoscan", 'SYSTEM "docs/nikto.dtd"'),
        ("coverage", "SYSTEM 'http://127.0.0.1:1/coverage-04.dtd'"),
        ("report", 'PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd"'),
    ],
)
def test_a_doctype_that_a_report_format_always_writes_is_cut_out_and_places_stay(
    name: str, inside: str
) -> None:
    head = f'<?xml version="1.0"?><!-- made by x -->\n<!DOCTYPE {name} {inside}>\n'

    assert {} == parsed(f"{head}<{name}/>".encode(), "r.xml").attrib
    assert head.count("\n") + 1 == refused(f"{head}<{name}></x>").line


@pytest.mark.parametrize(
    "inside",
    [
        '[<!ENTITY a "b">]',
        '[<!ENTITY % a "b">]',
        '[<!ELEMENT issues (issue*)><!ENTITY a SYSTEM "x">]',
        "[<!ELEMENT issues (issue*)> %a;]",
        '[<!ATTLIST issues a CDATA "&b;">]',
        '[<!ATTLIST issues a CDATA "<!ENTITY">]',
        "[<!NOTATION n SYSTEM 'x'>]",
        '[<![INCLUDE[<!ENTITY a "b">]]>]',
        "[<?x y?>]",
        'SYSTEM "x" "y" "z"',
    ],
)
def test_anything_else_in_such_a_doctype_is_refused(inside: str) -> None:
    with pytest.raises(ReportError):
        parsed(f"<!DOCTYPE issues {inside}><issues>&a;</issues>".encode(), "r.xml")


def test_a_second_doctype_is_refused() -> None:
    with pytest.raises(ReportError):
        parsed(b'<!DOCTYPE issues []><!DOCTYPE issues [<!ENTITY a "b">]><issues>&a;</issues>', "r.xml")


def test_a_billion_laughs_are_refused_before_the_first() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    assert "report_doctype" == refused(doctype(f'[<!ENTITY l0 "ha">{laughs}]', "&l9;")).code


def test_quadratic_blowup_is_refused() -> None:
    assert "report_doctype" == refused(doctype(f'[<!ENTITY a "{"a" * 50_000}">]', "&a;" * 50_000)).code


@pytest.mark.parametrize(
    "inside",
    [
        'SYSTEM "http://{address}/x.dtd"',
        '[<!ENTITY x SYSTEM "http://{address}/x">]',
        '[<!ENTITY % p SYSTEM "http://{address}/p"> %p;]',
        '[<!NOTATION n SYSTEM "http://{address}/n"><!ENTITY u SYSTEM "http://{address}/u" NDATA n>]',
    ],
)
def test_an_external_entity_opens_no_connection(inside: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        host, port = listener.getsockname()
        data = doctype(inside.format(address=f"{host}:{port}"), "&x;").encode()
        for read in (parsed, root):
            with pytest.raises(ReportError):
                read(data, "r.xml")
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "hint", ["schemaLocation='u http://{address}/x.xsd'", "noNamespaceSchemaLocation='{address}'"]
)
def test_a_schema_hint_opens_no_connection(hint: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        host, port = listener.getsockname()
        attribute = "i:" + hint.format(address=f"{host}:{port}")
        data = f"<r xmlns:i='http://www.w3.org/2001/XMLSchema-instance' {attribute}/>".encode()
        assert isinstance(parsed(data, "r.xml"), Element)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_external_entity_reads_no_file(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("canary-text")
    problem = refused(doctype(f'[<!ENTITY x SYSTEM "{canary.as_uri()}">]', "&x;"))
    assert "canary-text" not in str(problem)


def test_an_undeclared_entity_is_refused() -> None:
    assert "undefined entity" in refused("<r>&x;</r>").message


# ----------------------------------------------------------------------------------------- bounds


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = limits.XML_DEPTH
    assert "a" == parsed(b"<a>" * depth + b"</a>" * depth, "r.xml").tag


@pytest.mark.parametrize("depth", [limits.XML_DEPTH + 1, 100_000])
@pytest.mark.parametrize("is_closed", [True, False])
def test_deeper_nesting_is_refused_at_its_place(depth: int, is_closed: bool) -> None:
    problem = refused("<a>" * depth + "</a>" * (depth if is_closed else 0))
    assert ("nested too deep", 1, limits.XML_DEPTH * 3 + 4) == (problem.message, problem.line, problem.column)


def test_too_many_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "XML_NODES", 1_000)
    assert isinstance(parsed(b"<r>" + b"<a/>" * 999 + b"</r>", "r.xml"), Element)
    assert "too many elements and attributes" == refused("<r>" + "<a/>" * 1_000 + "</r>").message


def test_attributes_count_like_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "XML_NODES", 1_000)
    assert "too many elements and attributes" == refused("<r>" + "<a b='' c=''/>" * 334 + "</r>").message


def test_too_many_attributes_of_one_element_are_refused() -> None:
    names = " ".join(f"a{n}=''" for n in range(xml.ATTRIBUTES + 1))
    assert "too many attributes on one element" == refused(f"<r {names}/>").message


@pytest.mark.parametrize("text", ["x" * 101, "&lt;" * 101, "<![CDATA[" + "x" * 101 + "]]>", "x\n" * 51])
def test_a_text_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(xml, "TEXT_CHARACTERS", 100)
    assert "a text is too long" == refused(f"<r>{text}</r>").message


def test_an_attribute_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "TEXT_CHARACTERS", 100)
    assert "an attribute is too long" == refused(f"<r a='{'x' * 101}'/>").message


def test_texts_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "TEXT_CHARACTERS", 100)
    assert isinstance(parsed(b"<r>" + (b"x" * 60 + b"<a/>") * 9 + b"</r>", "r.xml"), Element)


# -------------------------------------------------------------------------------- what is no XML


@pytest.mark.parametrize("data", [b"", b" \n\t"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert "report_empty" == refused(data).code


def test_a_report_cut_anywhere_is_refused() -> None:
    data = REPORT.rstrip().encode()
    codes = {refused(data[:end]).code for end in range(1, len(data))}
    assert codes <= {"report_truncated", "report_not_xml"}


def test_a_file_that_ends_too_early_says_so_with_its_place() -> None:
    problem = refused("<r>\n  <a>")
    assert ("report_truncated", "the file ends too early", 2) == (problem.code, problem.message, problem.line)


@pytest.mark.parametrize(
    ("data", "what", "place"),
    [
        ("<a>\n</b>", "mismatched tag", (2, 3)),
        ("<a/>\n<a/>", "junk after document element", (2, 1)),
        ("<a b='' b=''/>", "duplicate attribute", (1, 9)),
        ("<p:a/>", "unbound prefix", (1, 1)),
        ("text", "syntax error", (1, 1)),
        ("<a>\n&#0;</a>", "reference to invalid character number", (2, 1)),
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_place(
    data: str, what: str, place: tuple[int, int]
) -> None:
    problem = refused(data)
    assert what in problem.message
    assert place == (problem.line, problem.column)


def test_columns_count_characters_not_bytes() -> None:
    assert 9 == refused("<a>ééé</b>").column


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"])
def test_bytes_that_are_no_utf8_are_refused(bad: bytes) -> None:
    assert "not well-formed XML: a byte that is no UTF-8" == refused(b"<a>" + bad + b"</a>").message


@pytest.mark.parametrize("name", ["ISO-8859-1", "windows-1252", "GBK", "UTF-7", "IBM037", "x-unknown"])
def test_another_encoding_is_refused(name: str) -> None:
    problem = refused(f'<?xml version="1.0" encoding="{name}"?><a>'.encode() + b"\xc3\xa9</a>")
    assert "report_encoding" == problem.code


def test_plain_ascii_means_the_same_in_the_encodings_built_on_it() -> None:
    assert "x" == parsed(b'<?xml version="1.0" encoding="ISO-8859-1"?><a>x</a>', "r.xml").text


@pytest.mark.parametrize("name", ["UTF-7", "IBM037", "UTF-32"])
def test_plain_ascii_is_refused_in_encodings_that_read_it_differently(name: str) -> None:
    assert "report_encoding" == refused(f'<?xml version="1.0" encoding="{name}"?><a>+ADw-</a>').code


def test_a_file_that_was_utf16_before_it_was_decoded_is_read() -> None:
    assert "é" == parsed('<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode(), "r.xml").text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_that_was_not_decoded_is_refused(encoding: str) -> None:
    assert "report_encoding" == refused("<a>x</a>".encode(encoding)).code


@given(st.binary(max_size=200))
def test_any_bytes_are_a_tree_or_a_report_error(data: bytes) -> None:
    try:
        root = parsed(b"<r>" + data, "r.xml")
    except ReportError:
        return
    assert "r" == root.tag


# ------------------------------------------------------------------------------------- the root's name


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("<r/>", "r"),
        (REPORT, "{urn:x}report"),
        ("\n<!-- <fake/> --><?pi <fake/>?>\n<x:r xmlns:x='urn:y'>", "{urn:y}r"),
        ("<r><unclosed", "r"),
        ("<!--" + "-x" * 100_000 + "--><r/>", "r"),
    ],
)
def test_the_root_is_named_without_reading_on(data: str, expected: str) -> None:
    assert expected == root(data.encode())[0]


@pytest.mark.parametrize("data", ["", "<", "<r", "x", "<!-- <r/>", doctype("")])
def test_a_root_that_cannot_be_seen_is_not_guessed(data: str) -> None:
    with pytest.raises(ReportError):
        root(data.encode(), "r.xml")


def test_every_real_report_is_read_whole() -> None:
    files = sorted(shared_data("reports").rglob("*.xml"))
    assert len(files) > 100
    for file in files:
        data = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            data = data.decode("utf-16").encode()
        assert root(data)[0] == parsed(data, file.name).tag
