"""The record: what was acknowledged stays, and what was touched shows."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate import record
from gate.errors import StoreError
from gate.model import Condition, Decision, Outcome, PolicySet, Secret, Subject
from gate.stores import record_file
from tests.data import REPOSITORY

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def a_decision(number: int = 0, **facts: Any) -> Decision:
    given: dict[str, Any] = {
        "decision_id": f"d-{number}",
        "outcome": Outcome.PASS,
        "project": "acme/web",
        "environment": "test",
        "subject": Subject(type="image", name="web", digest=DIGEST),
        "policy": PolicySet(revision=DIGEST, engine="opa", packages=("policy.a",)),
        "input_sha256": DIGEST,
        "decided_at": "2026-11-22T12:00:00Z",
        "gate_version": "0",
    }
    return Decision(**given | facts)


def a_chain(length: int) -> list[bytes]:
    lines: list[bytes] = []
    previous = None
    for number in range(1, length + 1):
        entry = record.entry(previous, a_decision(number), number)
        previous = entry.digest
        lines.append(entry.line)
    return lines


def broken(lines: list[bytes], known: str | None = None) -> tuple[int | None, str]:
    with pytest.raises(StoreError) as caught:
        record.verified(lines, known, "r")
    [problem] = caught.value.problems
    return problem.line, problem.code


def a_file(path: Path, length: int = 3) -> Path:
    for number in range(1, length + 1):
        record_file.append(path, a_decision(number))
    return path


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


# ----------------------------------------------------------------------------------------- entries


def test_an_entry_is_one_line_of_the_contracts_shape() -> None:
    line = record.entry(None, a_decision(), 1).line
    value = json.loads(line)
    assert ["schema", "sequence", "previous", "kind", "decision", "digest"] == list(value)
    assert ("gate.record/v1", 1, None, "decision") == tuple(value.values())[:4]
    assert "gate.decision/v1" == value["decision"]["schema"]
    assert 1 == line.count(b"\n")


def test_the_digest_is_over_the_line_without_the_digest() -> None:
    entry = record.entry(None, a_decision(), 1)
    value = json.loads(entry.line)
    del value["digest"]
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == entry.digest


def test_an_entry_names_the_one_before() -> None:
    first = record.entry(None, a_decision(), 1)
    assert first.digest == json.loads(record.entry(first.digest, a_decision(), 2).line)["previous"]


@pytest.mark.parametrize(("previous", "sequence"), [(None, 2), (DIGEST, 1), (None, 0), (DIGEST, -1)])
def test_an_entry_without_its_place_in_a_chain_cannot_be_made(previous: str | None, sequence: int) -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        record.entry(previous, a_decision(), sequence)


def test_a_line_feed_in_a_decision_does_not_end_the_line() -> None:
    line = record.entry(None, a_decision(project='a\n{"x":1},"digest":"b"}\n'), 1).line
    assert 1 == line.count(b"\n")
    assert 1 == record.verified([line]).count


def test_a_plaintext_secret_cannot_be_recorded() -> None:
    condition = Condition(id="x", title="x", threshold=0, actual=Secret("hunter2"), outcome="fail")
    with pytest.raises(TypeError) as caught:
        record.entry(None, a_decision(conditions=(condition,)), 1)
    assert "hunter2" not in str(caught.value)


# ------------------------------------------------------------------------------------------ chains


def test_a_whole_chain_is_counted_to_its_end() -> None:
    lines = a_chain(5)
    assert record.Verified(count=5, last_digest=json.loads(lines[-1])["digest"]) == record.verified(lines)


def test_no_lines_are_a_chain_of_none() -> None:
    assert record.Verified(count=0, last_digest=None) == record.verified([])


def test_a_changed_line_is_named() -> None:
    lines = a_chain(5)
    lines[2] = lines[2].replace(b'"outcome":"pass"', b'"outcome":"fail"')
    assert (3, "record_changed") == broken(lines)


def test_every_changed_byte_is_seen() -> None:
    [line] = a_chain(1)
    for at in range(len(line)):
        with pytest.raises(StoreError):
            record.verified([line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]])


def test_a_line_written_anew_with_its_own_digest_breaks_the_next() -> None:
    lines = a_chain(5)
    previous = json.loads(lines[1])["digest"]
    lines[2] = record.entry(previous, a_decision(3, outcome=Outcome.FAIL), 3).line
    assert (4, "record_changed") == broken(lines)


def test_a_missing_line_is_named() -> None:
    lines = a_chain(5)
    assert (3, "record_gap") == broken([*lines[:2], *lines[3:]])
    assert (1, "record_gap") == broken(lines[1:])


def test_lines_out_of_order_are_named() -> None:
    a, b, c = a_chain(3)
    assert (2, "record_gap") == broken([a, c, b])
    assert (3, "record_reordered") == broken([a, b, b])
    assert (2, "record_reordered") == broken([a, a, b])


def test_the_line_of_another_chain_is_named() -> None:
    first = record.entry(None, a_decision(9), 1)
    stranger = record.entry(first.digest, a_decision(9), 2).line
    assert (2, "record_changed") == broken([a_chain(1)[0], stranger])


def test_a_last_line_cut_anywhere_is_named() -> None:
    a, b = a_chain(2)
    assert {(2, "record_truncated")} == {broken([a, b[:end]]) for end in range(1, len(b))}


def test_lines_gone_from_the_end_show_against_a_digest_noted_before() -> None:
    lines = a_chain(3)
    noted = json.loads(lines[2])["digest"]
    assert 3 == record.verified(lines, noted).count
    assert (2, "record_truncated") == broken(lines[:2], noted)
    assert (None, "record_truncated") == broken([], noted)


def edited(line: bytes, **facts: Any) -> bytes:
    """`line` with other values and a digest that is right for them."""
    value = json.loads(line) | facts
    del value["digest"]
    body = json.dumps(value, separators=(",", ":")).encode()
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + f',"digest":"sha256:{digest}"}}\n'.encode()


@pytest.mark.parametrize(
    "facts",
    [
        {"schema": "gate.record/v2"},
        {"kind": "approval"},
        {"sequence": "1"},
        {"sequence": 1.5},
        {"sequence": True},
        {"decision": None},
        {"decision": {}},
        {"decision": []},
        {"extra": 1},
    ],
)
def test_a_line_of_an_unknown_shape_is_not_read_over(facts: dict[str, Any]) -> None:
    assert (1, "record_unreadable") == broken([edited(a_chain(1)[0], **facts)])


@pytest.mark.parametrize("facts", [{"sequence": 2}, {"sequence": 0}, {"previous": DIGEST}])
def test_a_line_without_its_place_in_a_chain_is_refused_by_itself(facts: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="names no entry before it"):
        record.read(edited(a_chain(1)[0], **facts), None)


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"null\n", b"text\n", b"\xff\n", b"[" * 10_000 + b"\n"])
def test_a_line_that_is_no_entry_is_not_skipped(line: bytes) -> None:
    assert 2 == broken([a_chain(1)[0], line])[0]


def test_a_key_that_stands_twice_is_refused_though_its_digest_fits() -> None:
    line = record.entry(None, a_decision(), 1).line
    body = line[: line.rindex(b',"digest"')].replace(b'"kind":', b'"kind":"decision","kind":', 1) + b"}"
    forged = body[:-1] + f',"digest":"sha256:{hashlib.sha256(body).hexdigest()}"}}\n'.encode()
    assert (1, "record_unreadable") == broken([forged])


# ---------------------------------------------------------------------------------------- the file


def test_appended_entries_are_one_chain(tmp_path: Path) -> None:
    path = a_file(tmp_path / ".gate" / "record.jsonl", 4)
    assert 4 == record.verified(lines_of(path)).count


def test_an_append_says_what_it_wrote(tmp_path: Path) -> None:
    appended = record_file.append(tmp_path / "r", a_decision())
    assert appended.entry.line == (tmp_path / "r").read_bytes()
    assert () == appended.notices


def test_an_entry_larger_than_a_block_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "r"
    record_file.append(path, a_decision(notices=("x" * 500_000,)))
    record_file.append(path, a_decision())
    assert 2 == record.verified(lines_of(path)).count


def test_a_changed_last_entry_is_not_continued(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    before = path.read_bytes().replace(b'"d-3"', b'"d-9"')
    path.write_bytes(before)
    with pytest.raises(StoreError, match="last line of the record: changed"):
        record_file.append(path, a_decision())
    assert before == path.read_bytes()


def test_a_last_entry_whose_beginning_is_gone_is_not_continued(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    path.write_bytes(lines_of(path)[-1])
    with pytest.raises(StoreError, match="another number"):
        record_file.append(path, a_decision())


@pytest.mark.parametrize("length", [0, 2])
def test_a_torn_last_line_is_cut_and_said_wherever_it_tore(tmp_path: Path, length: int) -> None:
    path = a_file(tmp_path / "r", length + 1)
    whole = lines_of(path)
    for end in (1, 20, len(record.START), len(record.START) + 1, 400, len(whole[-1]) - 1):
        path.write_bytes(b"".join(whole[:-1]) + whole[-1][:end])
        appended = record_file.append(path, a_decision())
        assert [
            f"{path}: cut {end} bytes of an entry that its writer never finished or acknowledged"
        ] == list(appended.notices)
        assert length + 1 == record.verified(lines_of(path)).count


@pytest.mark.parametrize("content", [b"text", b'{"name": "web"}', b"\0" * 100, b'{"schema":"gate.record/v2"'])
def test_a_file_that_is_no_record_is_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "package.json"
    for data in (content, content + b"\n", b"{}\n" + content, b'text\n{"schema":"gate.rec'):
        path.write_bytes(data)
        with pytest.raises(StoreError):
            record_file.append(path, a_decision())
        with pytest.raises(StoreError):
            record_file.newest(path, DIGEST, "test")
        assert data == path.read_bytes()


def test_a_tail_of_zeros_behind_a_record_is_not_cut(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    path.write_bytes(data := path.read_bytes() + b"\0" * 4096)
    with pytest.raises(StoreError, match="does not end in an entry"):
        record_file.append(path, a_decision())
    assert data == path.read_bytes()


def test_a_link_at_the_records_place_is_refused(tmp_path: Path) -> None:
    target = a_file(tmp_path / "target")
    (tmp_path / "r").symlink_to(target)
    with pytest.raises(StoreError):
        record_file.append(tmp_path / "r", a_decision())
    with pytest.raises(StoreError):
        record_file.newest(tmp_path / "r", DIGEST, "test")
    assert 3 == len(lines_of(target))


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_that_swallows_entries_is_refused(device: str) -> None:
    with pytest.raises(StoreError, match="no regular file"):
        record_file.append(Path(device), a_decision())


def test_a_folder_at_the_records_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used"):
        record_file.append(tmp_path, a_decision())


def test_a_record_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be used"):
        record_file.append(tmp_path / "file" / "r", a_decision())


def test_a_read_only_place_is_a_store_error() -> None:
    place = Path("/proc/gate-record.jsonl")
    if not place.parent.is_dir():
        pytest.skip("no /proc here")
    with pytest.raises(StoreError, match="cannot be used"):
        record_file.append(place, a_decision())


def test_a_lock_that_is_held_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    with path.open("rb") as file:
        record_file._lock(file.fileno(), True)
        with pytest.raises(StoreError, match="locked by another process"):
            record_file.append(path, a_decision(), timeout_s=0)
        with pytest.raises(StoreError, match="locked by another process"):
            record_file.newest(path, DIGEST, "test", timeout_s=0)
    assert 4 == record.verified([*lines_of(path), record_file.append(path, a_decision()).entry.line]).count


def raising(number: int) -> Callable[..., None]:
    def action(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return action


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_disk_that_fails_leaves_no_entry_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    path = a_file(tmp_path / "r")
    before = path.read_bytes()
    monkeypatch.setattr(os, call, raising(number))
    with pytest.raises(StoreError, match="cannot be used"):
        record_file.append(path, a_decision(outcome=Outcome.PASS))
    monkeypatch.undo()
    assert before == path.read_bytes()


# ---------------------------------------------------------------------------------------- look-ups


def test_the_newest_decision_about_a_digest_for_an_environment_is_found(tmp_path: Path) -> None:
    path = tmp_path / "r"
    about = Subject(type="image", name="web", digest=OTHER)
    for decision in (
        a_decision(1),
        a_decision(2, outcome=Outcome.FAIL),
        a_decision(3, environment="staging"),
        a_decision(4, subject=about),
        a_decision(5, environment=None),
        a_decision(6, subject=Subject(name="web")),
    ):
        record_file.append(path, decision)
    found = record_file.newest(path, DIGEST, "test")
    assert found is not None
    assert a_decision(2, outcome=Outcome.FAIL) == msgspec.convert(found, Decision)


def test_no_decision_about_the_digest_is_none(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    assert record_file.newest(path, OTHER, "test") is None
    assert record_file.newest(path, DIGEST, "production") is None


def test_no_record_is_no_decision(tmp_path: Path) -> None:
    assert record_file.newest(tmp_path / "none", DIGEST, "test") is None


@pytest.mark.parametrize(("digest", "environment"), [("", "test"), (DIGEST, "")])
def test_a_look_up_of_nothing_finds_nothing(tmp_path: Path, digest: str, environment: str) -> None:
    record_file.append(tmp_path / "r", a_decision(subject=Subject(name="web"), environment=None))
    with pytest.raises(ValueError, match="no digest"):
        record_file.newest(tmp_path / "r", digest, environment)


def test_a_decision_out_of_a_broken_record_counts_for_nothing(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    path.write_bytes(path.read_bytes().replace(b'"d-1"', b'"d-9"'))
    with pytest.raises(StoreError, match="record line 1: changed"):
        record_file.newest(path, DIGEST, "test")


def test_a_refusal_that_was_torn_off_does_not_revive_the_pass_before_it(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r", 1)
    whole = path.read_bytes()
    record_file.append(path, a_decision(2, outcome=Outcome.FAIL))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="record line 2: cut off"):
        record_file.newest(path, DIGEST, "test")
    assert whole != path.read_bytes()


def test_mending_cuts_a_torn_line_and_nothing_else(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r")
    whole = path.read_bytes()
    assert () == record_file.mended(path)
    path.write_bytes(whole + whole[:100])
    assert 1 == len(record_file.mended(path))
    assert whole == path.read_bytes()
    assert () == record_file.mended(tmp_path / "none")


# -------------------------------------------------------------------------------- crashes and crowds

WRITER = """
import sys
from pathlib import Path
from gate.stores import record_file
from tests.test_record import a_decision
for number in range(int(sys.argv[2])):
    entry = record_file.append(Path(sys.argv[1]), a_decision(number, notices=("x" * 20_000,))).entry
    print(entry.digest, flush=True)
"""


def a_writer(path: Path, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / ".gate" / "record.jsonl"
    acknowledged: list[str] = []
    for heard in range(1, 9):
        with a_writer(path, 100_000) as writer:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline().strip() for _ in range(heard)]
            writer.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
        record_file.mended(path)
        digests = [entry.digest for entry in record_file.entries(path)]
        assert [] == [digest for digest in acknowledged if digest not in digests]
    assert len(digests) == record.verified(lines_of(path)).count


def test_eight_writers_at_once_keep_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    writers = [a_writer(path, 10) for _ in range(8)]
    acknowledged = [digest for writer in writers for digest in writer.communicate()[0].split()]
    digests = [entry.digest for entry in record_file.entries(path)]
    assert (80, sorted(digests)) == (len(digests), sorted(acknowledged))


def test_a_full_disk_in_the_middle_of_a_line_leaves_the_chain_whole(tmp_path: Path) -> None:
    path = a_file(tmp_path / "r", 2)
    before = path.read_bytes()
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 99},) * 2)\n{WRITER}"
    )
    command = [sys.executable, "-c", limited, str(path), "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert "StoreError" in done.stderr
    assert ("", before) == (done.stdout, path.read_bytes())
