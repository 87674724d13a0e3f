"""Ingest: bytes of any kind become evidence, or an error that says why not."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from gate import bootstrap, limits
from gate.documents import manifests
from gate.documents.document import Document
from gate.documents.envelope import decoded, uncompressed
from gate.errors import Problem, ReportError
from gate.ingest import Adapter, Read, ingest
from gate.model import Evidence, Scan, Status
from tests.data import REPOSITORY

REPORT = b'{"tool": "one", "results": []}'
POD = b'{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}'


class Stub(NamedTuple):
    """An adapter of one line."""

    detect: Callable[[Document], str | None]
    parse: Callable[[Document], Scan]


def a_scan(document: Document, name: str) -> Scan:
    return Scan(format=name, scanner=name, kinds=(Evidence.CODE,), notes=(document.syntax,))


def adapters(**keys: str) -> dict[str, Adapter]:
    """Adapters by name, each of which wants one key at the top."""

    def stub(name: str, key: str) -> Stub:
        return Stub(
            lambda document: f"it has {key}" if key in document.keys else None,
            lambda document: a_scan(document, name),
        )

    return {name: stub(name, key) for name, key in keys.items()}


def no_manifests(data: bytes, path: str) -> Any:
    raise AssertionError(f"no manifest was expected: {path}, {data!r}")


def read(data: bytes, path: str = "r.json", declared: str | None = None, **keys: str) -> Read:
    return ingest(data, path, adapters(**(keys or {"one": "tool"})), no_manifests, declared)


def refusal(data: bytes, path: str = "r.json", declared: str | None = None, **keys: str) -> Problem:
    with pytest.raises(ReportError) as caught:
        read(data, path, declared, **keys)
    [problem] = caught.value.problems
    assert path == problem.path
    return problem


# ------------------------------------------------------------------------------- which format


def test_the_content_decides_the_format_and_says_why() -> None:
    found = read(REPORT)

    assert ("one", "it has tool") == (found.scan.format, found.why)


def test_a_report_is_known_by_the_digest_of_its_bytes_as_handed_over() -> None:
    packed = gzip.compress(REPORT)

    assert f"sha256:{hashlib.sha256(packed).hexdigest()}" == read(packed).report.sha256


def test_a_name_decides_nothing() -> None:
    assert "one" == read(REPORT, "picture.png").scan.format


def test_a_format_nobody_knows_is_refused_with_what_it_looks_like() -> None:
    problem = refusal(b'{"x": 1, "token": "hunter2"}')

    assert ("format_unknown", 1, 1) == (problem.code, problem.line, problem.column)
    assert "JSON object with the keys ['token', 'x']" in problem.message
    assert ("one of kubernetes, one", True) == (problem.expected, "hunter2" not in str(problem))


def test_two_formats_that_match_are_refused_with_both_reasons() -> None:
    problem = refusal(REPORT, a="tool", b="results")

    assert ("format_ambiguous", "a: it has tool; b: it has results") == (problem.code, problem.found)
    assert "name the right one: --as a=r.json" == problem.fix


def test_a_report_that_also_looks_like_an_object_is_refused() -> None:
    both = POD.replace(b"{", b'{"tool": 1, ', 1)

    assert "format_ambiguous" == refusal(both).code


def test_a_declared_format_decides_without_looking() -> None:
    found = read(REPORT, declared="b", a="tool", b="absent")

    assert ("b", "declared") == (found.scan.format, found.why)


def test_a_declared_format_that_is_none_is_refused() -> None:
    problem = refusal(REPORT, declared="tryvy", trivy="SchemaVersion")

    assert ("format 'tryvy' is not known", "one of kubernetes, trivy") == (problem.message, problem.expected)


@pytest.mark.parametrize("data", [b"", b"\n", b'{"a"', b"text", b"nul"])
def test_a_declared_format_makes_nothing_of_what_is_no_document(data: bytes) -> None:
    with pytest.raises(ReportError):
        read(data, declared="one")


def test_xml_is_xml_whatever_is_before_it() -> None:
    problem = refusal(b"\n  <report xmlns='urn:x'/>")

    assert "kind not recognised (looked like: xml with the root '{urn:x}report')" == problem.message


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><p>503",
        b"<!doctype HTML>",
        b"\n<html lang='en'>",
        b"<HTML>",
        codecs.BOM_UTF8 + b"<html>",
    ],
)
def test_a_web_page_is_told_to_be_one(page: bytes) -> None:
    assert "report_web_page" == refusal(page).code


# ------------------------------------------------------------------------------------ encodings


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_with_its_mark_is_read_and_that_is_noted(encoding: str) -> None:
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")

    found = read(mark + REPORT.decode().encode(encoding))

    assert (REPORT, "one") == (found.data, found.scan.format)
    assert "read as UTF-16 (its byte order mark says so)" in found.report.notes


def test_a_utf_8_mark_is_taken_off() -> None:
    assert (REPORT, ()) == decoded(codecs.BOM_UTF8 + REPORT, "r.json")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (codecs.BOM_UTF16_LE + b"{\x00\x00", "broken UTF-16 at byte 2"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8{\x00", "broken UTF-16 at byte 0"),
        (codecs.BOM_UTF32_LE + "{}".encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF32_BE + "{}".encode("utf-32-be"), "UTF-32"),
        ("{}".encode("utf-16-le"), None),
        (b'{"a": "\xe4"}', "byte 0xe4"),
        (b"\xed\xa0\x80", "byte 0xed"),
        (b"\xc0\xaf", "byte 0xc0"),
    ],
)
def test_an_encoding_is_never_guessed(data: bytes, found: str | None) -> None:
    problem = refusal(data)

    assert problem.code in ("report_encoding", "report_not_json")
    assert found is None or found == problem.found


def test_a_byte_that_is_no_utf_8_is_told_with_its_line_and_column_in_characters() -> None:
    problem = refusal('{\n "ä": "漢'.encode() + b'\xff"}')

    assert (2, 9) == (problem.line, problem.column)


def test_a_report_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REPORT_BYTES", len(REPORT) - 1)

    assert ("report_too_large", f"{len(REPORT)} bytes") == ((p := refusal(REPORT)).code, p.found)


# ----------------------------------------------------------------------------------------- gzip


def test_a_compressed_report_is_read() -> None:
    assert "one" == read(gzip.compress(REPORT), "r.json.gz").scan.format


def test_what_is_not_compressed_stays_as_it_is() -> None:
    assert REPORT == uncompressed(REPORT, "r.json")


@pytest.mark.parametrize("megabytes", [1, 64])
def test_a_bomb_is_refused_before_it_is_blown_up(megabytes: int) -> None:
    bomb = gzip.compress(bytes(megabytes << 20))

    problem = refusal(bomb)

    assert "report_too_large" == problem.code
    assert "(100 to 1)" in (problem.expected or "")


def test_a_compressed_report_within_the_ratio_but_too_large_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "REPORT_BYTES", 10)

    assert "report_too_large" == refusal(gzip.compress(REPORT)).code


def test_only_one_envelope_is_opened() -> None:
    assert "report_encoding" == refusal(gzip.compress(gzip.compress(REPORT))).code


def bomb(gives: int, ratio: int) -> bytes:
    """A gzip member that gives about `gives` bytes, `ratio` to one."""
    noise = hashlib.shake_256(b"noise").digest(4096)
    block = noise + bytes(4096 * (ratio - 1))
    packer = zlib.compressobj(6, wbits=31)
    parts = [packer.compress(block) for _ in range(gives // len(block))]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize(("gives", "ratio"), [(5 * limits.GIB // 4, 1000), (5 * limits.GIB // 4, 80)])
def test_a_bomb_is_refused_in_little_memory_and_soon(gives: int, ratio: int, tmp_path: Path) -> None:
    """In a process of its own: a peak is a process's. `getrusage` would count the parent's before `exec` too."""
    file = tmp_path / "bomb.gz"
    file.write_bytes(bomb(gives, ratio))
    code = (
        "import re, sys, time\n"
        "from gate.errors import ReportError\n"
        "from gate.documents.envelope import uncompressed\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "started = time.process_time()\n"
        "try:\n"
        "    uncompressed(data, 'bomb.gz')\n"
        "except ReportError as error:\n"
        "    status = open('/proc/self/status').read()\n"
        "    peak = int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024\n"
        "    print(error.problems[0].code, peak, time.process_time() - started)\n"
    )
    told = subprocess.check_output([sys.executable, "-c", code, file], text=True, cwd=REPOSITORY).split()

    assert "report_too_large" == told[0]
    assert int(told[1]) <= 256
    assert float(told[2]) <= 10.0  # 2 on a machine with nothing else to do


PACKED = gzip.compress(REPORT * 50, mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        *(PACKED[:cut] for cut in (2, 9, 20, len(PACKED) - 8, len(PACKED) - 1)),
        PACKED + b"x",
        PACKED + gzip.compress(b'{"more": 1}', mtime=0),
        PACKED[:-4] + b"\0\0\0\0",
        PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
        b"\x1f\x8b\x07" + PACKED[3:],
    ],
)
def test_a_damaged_envelope_or_anything_behind_it_is_refused(data: bytes) -> None:
    assert "report_truncated" == refusal(data).code


# ------------------------------------------------------------------------------------- manifests


@pytest.fixture(scope="module")
def reader() -> Iterator[manifests.ReadMany]:
    with bootstrap.engine() as engine:
        yield bootstrap.manifest_reader(engine)


def names(reader: manifests.ReadMany, data: bytes, path: str, declared: str | None = None) -> list[str]:
    found = ingest(data, path, adapters(one="tool"), reader, declared)
    assert (("kubernetes", (Evidence.MANIFESTS,))) == (found.scan.format, found.scan.kinds)
    return [one.object["metadata"]["name"] for one in found.scan.objects]


@pytest.mark.parametrize("path", ["k.yaml", "k.YML"])
def test_yaml_is_a_manifest(reader: manifests.ReadMany, path: str) -> None:
    assert ["a"] == names(reader, b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", path)


@pytest.mark.parametrize("path", ["k.json", "k.yaml", "k"])
def test_a_json_object_with_a_kind_is_a_manifest(reader: manifests.ReadMany, path: str) -> None:
    assert ["a"] == names(reader, POD, path)


def test_members_of_a_list_in_json_are_objects(reader: manifests.ReadMany) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [msgspec.json.decode(POD)] * 2}

    assert ["a", "a"] == names(reader, msgspec.json.encode(listed), "k.json")


def test_a_declared_manifest_needs_no_ending(reader: manifests.ReadMany) -> None:
    assert ["a"] == names(
        reader, b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "rendered", "kubernetes"
    )


def test_utf_16_manifests_are_read(reader: manifests.ReadMany) -> None:
    assert ["a"] == names(reader, POD.decode().encode("utf-16"), "k.yaml")


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"---\n---\n", b"\n\n", b"null\n"])
def test_a_manifest_without_an_object_is_no_complete_evidence(
    reader: manifests.ReadMany, text: bytes
) -> None:
    try:
        found = ingest(text, "k.yaml", adapters(one="tool"), reader)
    except ReportError:
        return  # an error is as good: neither passes
    assert (Status.EMPTY_TARGET, 0) == (found.report.status, len(found.scan.objects))


def test_a_report_in_a_yaml_file_is_read_and_what_nobody_knows_is_refused(reader: manifests.ReadMany) -> None:
    assert "one" == ingest(b"tool: one\n", "r.yaml", adapters(one="tool"), reader).scan.format
    for text in (b"other: one\n", b"tool: one\n---\ntool: two\n"):
        with pytest.raises(ReportError, match="no Kubernetes object"):
            ingest(text, "r.yaml", adapters(one="tool"), reader)


def test_xml_in_a_yaml_file_is_refused(reader: manifests.ReadMany) -> None:
    with pytest.raises(ReportError):
        ingest(b"<report/>", "r.yaml", adapters(one="tool"), reader)
