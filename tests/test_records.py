"""gate/documents/records.py and what `Document` and ingest make of it: nothing is dropped in silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gate import ingest
from gate.documents import records
from gate.documents.document import Document
from gate.errors import ReportError
from gate.model import Evidence, Rejected, Scan, Status
from tests.scanners.builders import document


class Row(msgspec.Struct):
    id: str


def refusal(data: str) -> ReportError:
    with pytest.raises(ReportError) as caught:
        document(data)
    return caught.value


# ----------------------------------------------------------------------------------------- syntax


def test_one_object_is_json_and_several_are_lines() -> None:
    assert "json" == document('{"id": "a"}').syntax
    assert "ndjson" == document('{"id": "a"}\n{"id": "b"}\n').syntax


@pytest.mark.parametrize("between", ["\n", "", "\n\n  ", "\r\n"])
def test_objects_that_follow_one_another_are_records_whatever_white_space_is_between(between: str) -> None:
    found = document(f'{{\n"id": "a}}{{"}}{between}{{"id": "b"}}').records(Row, "rows")

    assert ["a}{", "b"] == [row.id for row in found.good]


def test_the_first_record_is_what_detection_sees() -> None:
    read = document('{"id": "a"}\n{"other": 1}\n')

    assert {"id": "a"} == read.first == read.record
    assert frozenset({"id"}) == read.marks


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        ('{"id": "a"}\n{"id": ', "report_truncated", 2),
        ('{"id": "a"}\nscan finished\n', "report_not_json", 2),
        ('{"id": "a"}\n{"id": "b", "id": "c"}\n', "report_not_json", 2),
        ('{"id": "a"}\n{"id": NaN}\n', "report_not_json", 2),
        ('{"id": "a"}\n}\n', "report_not_json", 2),
        ('{"id": "a"}]', "report_not_json", 1),
    ],
)
def test_lines_that_are_not_all_strict_json_are_refused_with_their_line(
    data: str, code: str, line: int
) -> None:
    problem = refusal(data).problems[0]

    assert (code, line) == (problem.code, problem.line)


@pytest.mark.parametrize("data", ["SPDXVersion: SPDX-2.3\n", "# made by hand\n\nTN:\nSF:a.py\n"])
def test_a_first_line_of_tag_and_value_is_text(data: str) -> None:
    assert "text" == document(data).syntax


@pytest.mark.parametrize("data", ["nul", "hello", "tru", "12a", "# only a comment"])
def test_anything_else_is_broken_json(data: str) -> None:
    assert "report_not_json" == refusal(data).problems[0].code.replace("truncated", "not_json")


def test_text_that_nobody_knows_is_refused_by_its_first_word() -> None:
    with pytest.raises(ReportError, match="looked like: text that begins with 'Error'"):
        ingest.ingest(b"Error: cannot reach the registry", "r.json", {}, lambda *_: ())


# --------------------------------------------------------------------------------------- elements


def test_an_element_of_another_shape_is_rejected_with_its_place_and_the_others_are_kept() -> None:
    found = document('[{"id": "a"},\n {"id": 7},\n {"id": "c"}]').records(Row, "rows")

    assert ["a", "c"] == [row.id for row in found.good]
    assert (Rejected(where="$[1]", line=2, column=9, reason="not rows: expected `str`, got `int`"),) == (
        found.rejected
    )


def test_a_line_of_another_shape_is_rejected_with_its_line() -> None:
    found = document('{"id": "a"}\n{}\n').records(Row, "rows")

    assert [("line 2", 2)] == [(one.where, one.line) for one in found.rejected]


def test_where_no_element_is_understood_the_document_is_refused() -> None:
    with pytest.raises(ReportError, match="not rows"):
        document('[{"id": 1}, {}]').records(Row, "rows")


def test_no_elements_are_no_reason_to_refuse() -> None:
    assert ((), ()) == document("[]").records(Row, "rows")


def test_a_bug_is_not_a_rejected_element() -> None:
    def bug(_part: int) -> int:
        raise KeyError("x")

    with pytest.raises(KeyError):
        records.understood([(1, "$[0]")], bug)


@pytest.mark.parametrize("method", ["element", "lines"])
def test_a_document_of_another_syntax_is_refused(method: str) -> None:
    with pytest.raises(ReportError, match="not a thing"):
        getattr(document("{}"), method)("a thing")


class OneBad:
    """An adapter that keeps one record and rejects the others."""

    def __init__(self, status: Status) -> None:
        self.status = status

    def detect(self, document: Document) -> str | None:
        return "it is"

    def parse(self, document: Document) -> Scan:
        found = document.records(Row, "rows")
        return Scan(
            format="x",
            scanner="x",
            status=self.status,
            kinds=(Evidence.CODE,),
            rejected=found.rejected,
            notes=("first",),
        )


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (Status.OK, Status.PARTIAL),
        (Status.EMPTY_TARGET, Status.PARTIAL),
        (Status.PARTIAL, Status.PARTIAL),
        (Status.FAILED, Status.FAILED),
    ],
)
@pytest.mark.parametrize("configuration", [None, {}])
def test_rejected_elements_make_a_report_partial_and_are_told(
    said: Status, becomes: Status, configuration: dict[str, Any] | None
) -> None:
    data = b'[{"id": "a"}, ' + b", ".join([b'{"id": 1}'] * 25) + b"]"
    found = ingest.ingest(data, "r.json", {"x": OneBad(said)}, lambda *_: (), configuration=configuration)

    assert becomes == found.scan.status == found.report.status
    assert "first" == found.report.notes[0]
    assert "not understood and left out: $[1] (line 1): " in found.report.notes[1]
    assert "… and 5 more of 25" == found.report.notes[-1]
    assert 25 == len(found.scan.rejected)


@pytest.mark.parametrize("data", [b'{"a": 1}\n{"a": 2}\n', b"Error: no registry\n"])
def test_what_no_format_claims_stays_refused_where_configuration_is_judged_unless_it_is_one_value(
    data: bytes,
) -> None:
    with pytest.raises(ReportError, match="kind not recognised"):
        ingest.ingest(data, "r.json", {}, lambda *_: (), configuration={})
