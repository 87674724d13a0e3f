"""Reports too large to be held: read piece by piece they say what they say when they are held."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate import bootstrap, stored
from gate.documents.document import Document
from gate.documents.parts import Parts, Piece
from gate.engines.embedded import Engine
from gate.errors import ReportError
from gate.files import File
from gate.ingest import Read, ingest_parts
from gate.model import Scan
from scanners.parts import ARRAYS, MARKS
from tests.data import REPOSITORY, shared_data

SAMPLES = REPOSITORY / "tests" / "scanners" / "samples"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as one:
        yield one


def in_parts(place: Path, engine: Engine, declared: str | None = None) -> Read:
    """The file at `place`, read piece by piece; a test that means something fails where it had to be held."""
    file = File(
        path="r.json", data=b"", stored=stored.Stored(label="r.json", place=str(place)), declared=declared
    )
    [read] = bootstrap.ingested((file,), engine)
    assert b"" == read.data, "it was held"
    return read


def held(place: Path, engine: Engine) -> Read:
    [read] = bootstrap.ingested((File(path="r.json", data=place.read_bytes()),), engine)
    return read


def told(scan: Scan) -> Any:
    """All that a scan says, secrets too, in values that compare."""
    plain = [
        (one.finding, one.context, one.secret.reveal() if one.secret else None) for one in scan.observations
    ]
    return plain, msgspec.structs.replace(scan, observations=())


def refusal(place: Path, engine: Engine) -> ReportError:
    with pytest.raises(ReportError) as caught:
        in_parts(place, engine)
    return caught.value


def written(folder: Path, value: Any) -> Path:
    place = folder / "r.json"
    place.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
    return place


def differences(places: list[Path], engine: Engine) -> tuple[list[str], dict[str, int]]:
    wrong: list[str] = []
    read_so: dict[str, int] = {}
    for place in places:
        head = place.read_bytes()[: stored.HEAD_BYTES]
        if not (stored.may_be_json(head) and any(mark in head for mark in MARKS)):
            continue
        try:
            whole = held(place, engine)
        except ReportError as error:
            expected = error.problems[0].code
            with pytest.raises(ReportError) as caught:
                in_parts(place, engine)
            if caught.value.problems[0].code != expected:
                wrong.append(f"{place.name}: {expected} {caught.value}")
            continue
        if whole.scan.format not in ARRAYS:
            continue
        read = in_parts(place, engine)
        read_so[read.scan.format] = read_so.get(read.scan.format, 0) + 1
        if told(read.scan) != told(whole.scan) or read.report != whole.report or read.why != whole.why:
            wrong.append(f"{place.name}: {str(told(whole.scan))[:300]} {str(told(read.scan))[:300]}")
    return wrong, read_so


def test_every_real_report_says_the_same_in_parts(engine: Engine) -> None:
    places = [place for place in sorted(shared_data("reports").glob("*/*")) if place.is_file()]

    wrong, read_so = differences(places, engine)

    assert [] == wrong
    assert set(ARRAYS) == set(read_so)
    assert sum(read_so.values()) > 140


def test_every_sample_of_our_own_says_the_same_in_parts(engine: Engine) -> None:
    wrong, read_so = differences(sorted(SAMPLES.glob("*/*.json")), engine)

    assert [] == wrong
    assert read_so


def sarif(*results: Any, **run: Any) -> dict[str, Any]:
    tool = {"driver": {"name": "any", "rules": [{"id": "r", "defaultConfiguration": {"level": "error"}}]}}
    return {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}


def results(number: int) -> list[dict[str, Any]]:
    return [{"ruleId": "r", "message": {"text": f"number {n}"}} for n in range(number)]


def test_the_tool_may_stand_after_its_results(tmp_path: Path, engine: Engine) -> None:
    run = sarif(*results(2))["runs"][0]
    turned = {"version": "2.1.0", "runs": [{"results": run["results"], "tool": run["tool"]}]}

    scan = in_parts(written(tmp_path, turned), engine).scan

    assert ["high", "high"] == [one.finding.severity for one in scan.observations]


def test_elements_beyond_one_piece_are_all_read_in_their_order(tmp_path: Path, engine: Engine) -> None:
    scan = in_parts(written(tmp_path, sarif(*results(20_000))), engine).scan

    assert [f"number {n}" for n in range(20_000)] == [one.finding.title for one in scan.observations]


def test_an_element_of_another_shape_is_named_with_its_place(tmp_path: Path, engine: Engine) -> None:
    lines = [json.dumps(one) for one in results(9_000)]
    lines[8_000] = '{"ruleId": "r", "message": {"text":\n   5}}'
    text = '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "any"}},\n"results": [' + ",\n".join(
        lines
    )
    place = written(tmp_path, f"{text}\n]}}]}}".encode())

    [problem] = refusal(place, engine).problems

    assert ("report_wrong_shape", 8003, 4) == (problem.code, problem.line, problem.column)
    assert "JSON path $.runs[0].results[8000].message.text" == problem.found
    with pytest.raises(ReportError) as caught:
        held(place, engine)
    assert caught.value.problems == (problem,)


def test_a_column_in_one_long_line_is_that_of_the_file(tmp_path: Path, engine: Engine) -> None:
    place = written(tmp_path, sarif(*results(9_000), {"ruleId": 5}))

    [problem] = refusal(place, engine).problems

    with pytest.raises(ReportError) as caught:
        held(place, engine)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"version": "2.1.0", "runs": [{"results": [{"a": 1, "a": 2}]}]}', "report_not_json"),
        (b'{"version": "2.1.0", "runs": [{"results": [{"a": NaN}]}]}', "report_not_json"),
        (b'{"version": "2.1.0", "runs": [{"results": [{"a": 1e999}]}]}', "report_not_json"),
        (b'{"version": "2.1.0", "runs": [{"results": [{"a": "\\ud800"}]}]}', "report_not_json"),
        (b'{"version": "2.1.0", "runs": [{"results": [{"a": "\xff"}]}]}', "report_encoding"),
        (b'{"version": "2.1.0", "runs": [{"results": [{"a": 1},]}]}', "report_not_json"),
        (b'{"version": "2.1.0", "runs": [{"results": [' + b"[" * 200, "report_too_deep"),
        (b'{"version": "2.1.0", "runs": [{"results": [' + b"[" * 1_000_000, "report_too_deep"),
        (b'{"version": "2.1.0", "runs": [{"results": [{}', "report_truncated"),
        (b'{"version": "2.1.0", "runs": [{"results": [{}]}]} x', "report_not_json"),
        (b'{"version": "2.1.0", "runs": []}', "report_empty"),
    ],
)
def test_what_is_refused_when_it_is_held_is_refused_in_parts(
    data: bytes, code: str, tmp_path: Path, engine: Engine
) -> None:
    assert code == refusal(written(tmp_path, data), engine).problems[0].code


def test_a_report_that_is_cut_anywhere_never_reads_as_whole(tmp_path: Path, engine: Engine) -> None:
    whole = json.dumps(sarif(*results(40))).encode()
    for end in range(100, len(whole) - 1, 61):
        assert "report_truncated" == refusal(written(tmp_path, whole[:end]), engine).problems[0].code, end


def test_an_escaped_key_is_the_same_key(tmp_path: Path, engine: Engine) -> None:
    data = json.dumps(sarif(*results(3))).replace('"results"', '"r\\u0065sults"').encode()

    assert 3 == len(in_parts(written(tmp_path, data), engine).scan.observations)


PIECE = Piece(offset=0, bytes=2, elements=1, line=1, column=1, sha256="0" * 64)


class Forgetful:
    """An adapter that takes what it finds in the document for all there is."""

    def detect(self, document: Document) -> str | None:
        return "it always is"

    def parse(self, document: Document) -> Scan:
        return Scan(format="sarif", scanner="any", kinds=())


def test_an_array_that_the_adapter_does_not_read_never_vanishes() -> None:
    arrays: Any = {("runs", 0, "results"): (PIECE,), ("runs", 0, "threadFlowLocations"): (PIECE,)}
    parts = Parts(path="r", document=b'{"runs": [{}]}', arrays=arrays, sha256="", read=lambda *_: b"{}")

    with pytest.raises(LookupError, match="did not read"):
        ingest_parts(parts, {"sarif": Forgetful()}, {"sarif": ("runs.*.results",)})


def test_an_adapter_that_asks_for_another_place_is_noticed() -> None:
    parts = Parts(path="r", document=b"{}", arrays={("a",): (PIECE,)}, sha256="", read=lambda *_: b"{}")
    document = Document(path="r", data=b"{}", syntax="json", top={}, parts=parts)

    with pytest.raises(LookupError, match="no array was cut"):
        document.elements([1], int, "anything", "b")
    assert [] == list(document.elements([], int, "anything", "b"))


def test_a_file_that_changes_after_it_was_judged_is_refused() -> None:
    parts = Parts(path="r", document=b"{}", arrays={("a",): (PIECE,)}, sha256="", read=lambda *_: b"{}")

    with pytest.raises(ReportError, match="changed while it was read"):
        list(parts.elements(("a",), dict, "anything"))


def test_a_packed_report_is_read_in_parts_too_and_named_by_its_own_digest(
    tmp_path: Path, engine: Engine
) -> None:
    data = json.dumps(sarif(*results(30_000))).encode()
    place = written(tmp_path, gzip.compress(data))

    read = in_parts(place, engine)

    assert read.report == held(place, engine).report
    assert 30_000 == len(read.scan.observations)


def test_a_format_that_is_not_read_in_parts_is_held(tmp_path: Path, engine: Engine) -> None:
    place = tmp_path / "r.json"
    place.write_bytes(next((SAMPLES / "xeol").glob("*.json")).read_bytes())
    file = File(path="r.json", data=b"", stored=stored.Stored(label="r.json", place=str(place)))

    [read] = bootstrap.ingested((file,), engine)

    assert "xeol" == read.scan.format
    assert b"" != read.data
