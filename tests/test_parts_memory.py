"""Reports too large to be held, as whole commands: in how much memory they are read, and what is refused in little."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gate import limits
from tests.command import files, gate
from tests.data import REPOSITORY
from tests.test_ingest import bomb
from tests.test_parts import results, sarif

CODE = (
    "import re, resource, sys, time\n"
    "from gate.cli import run\n"
    "started = time.process_time()\n"
    "code = run(sys.argv[1:])\n"
    "status = open('/proc/self/status').read()\n"
    "peak = int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024\n"
    "children = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
    "seconds = time.process_time() - started + children.ru_utime + children.ru_stime\n"
    "print('\\n', code, peak, seconds)\n"
)


class Ran(NamedTuple):
    """One command in a process of its own: a peak is a process's."""

    code: int
    peak_mib: int
    """Of Python."""
    seconds: float
    """CPU, of the engine too."""
    out: str


def ran(folder: Path, *arguments: str) -> Ran:
    told = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=True,
    )
    out, _, last = told.stdout.strip().rpartition("\n")
    code, peak, seconds = last.split()
    return Ran(int(code), int(peak), float(seconds), out + told.stderr)


def long_results(number: int, bytes_each: int) -> list[dict[str, Any]]:
    """Results that are long by what nobody reads, as code flows are."""
    return [{**one, "codeFlows": [{"message": {"text": "x" * bytes_each}}]} for one in results(number)]


def test_a_check_takes_memory_for_its_findings_not_for_the_report(tmp_path: Path) -> None:
    files(tmp_path, small_json=sarif(*results(10)), large_json=sarif(*long_results(600, 100_000)))

    small = ran(tmp_path, "check", "small.json", "--ci", "none", "-o", "json")
    large = ran(tmp_path, "check", "large.json", "--ci", "none", "-o", "json")

    assert (1, 1) == (small.code, large.code)
    assert large.peak_mib <= small.peak_mib + 16  # the report has 60 MB; held it took 150 more


def test_a_report_from_stdin_is_not_held_either(tmp_path: Path) -> None:
    report = json.dumps(sarif(*({"ruleId": f"r{n}"} for n in range(60_000)))).encode()
    assert len(report) > limits.STORED_BYTES

    from_stdin = gate(tmp_path, "convert", "-", "-o", "json", stdin=report)
    files(tmp_path, r_json=report)
    from_file = gate(tmp_path, "convert", "r.json", "-o", "json")

    assert (0, 0) == (from_stdin.code, from_file.code)
    assert 60_000 == len(from_stdin.json["findings"])
    assert from_file.json == from_stdin.json


def test_manifests_from_stdin_are_read_whole_however_many(tmp_path: Path) -> None:
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "x" * 2_000_000}}
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [one]}).encode()

    assert "kubernetes · kubernetes · status ok" in gate(tmp_path, "convert", "-", stdin=listed).out


@pytest.mark.parametrize(("gives", "ratio"), [(5 * limits.GIB // 4, 1000), (5 * limits.GIB // 4, 80)])
def test_a_packed_bomb_is_refused_in_little_memory_and_soon(gives: int, ratio: int, tmp_path: Path) -> None:
    (tmp_path / "bomb.json.gz").write_bytes(bomb(gives, ratio))

    told = ran(tmp_path, "check", "bomb.json.gz", "--ci", "none")

    assert 3 == told.code
    assert "the compressed file gives too much" in told.out
    assert told.peak_mib <= 256
    assert told.seconds <= 10.0  # 2 on a machine with nothing else to do


def test_a_bomb_that_begins_as_a_report_is_refused_too(tmp_path: Path) -> None:
    head = b'{"version": "2.1.0", "runs": [{"results": ['
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(head + b" " * (256 * limits.MIB), 1))

    told = ran(tmp_path, "check", "bomb.json.gz", "--ci", "none")

    assert 3 == told.code
    assert told.peak_mib <= 256


@pytest.mark.parametrize("piece", [b"[", b'{"a":', b'{"a":['])
def test_nesting_without_end_is_refused_in_little_memory_and_soon(piece: bytes, tmp_path: Path) -> None:
    head = b'{"version": "2.1.0", "runs": [{"results": ['
    (tmp_path / "deep.json").write_bytes(head + piece * (64 * limits.MIB // len(piece)))

    told = ran(tmp_path, "check", "deep.json", "--ci", "none", "-o", "json")

    assert 3 == told.code
    assert "report_too_deep" in told.out
    assert told.peak_mib <= 256
    assert told.seconds <= 10.0


def test_one_text_of_a_hundred_megabytes_is_read_whole_or_refused_and_never_clean(tmp_path: Path) -> None:
    files(tmp_path, r_json=sarif({"ruleId": "r", "message": {"text": "x" * 100_000_000}}))

    told = gate(tmp_path, "check", "r.json", "--ci", "none", "-o", "json")

    assert told.code in (1, 3)


def test_a_report_beyond_the_limit_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REPORT_BYTES", 2 * limits.MIB)
    files(tmp_path, r_json=sarif(*results(50_000)))

    [problem] = gate(tmp_path, "check", "r.json", "--ci", "none", "-o", "json").json["problems"]

    assert "report_too_large" == problem["code"]
    from_stdin = gate(tmp_path, "convert", "-", "-o", "json", stdin=(tmp_path / "r.json").read_bytes())
    assert "report_too_large" == from_stdin.json["problems"][0]["code"]


def test_more_findings_than_a_decision_can_hold_are_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, r_json=sarif(*({"ruleId": f"r{n}"} for n in range(4))))
    monkeypatch.setattr(limits, "FINDINGS", 4)
    assert 0 == gate(tmp_path, "check", "r.json", "--ci", "none").code
    monkeypatch.setattr(limits, "FINDINGS", 3)

    told = gate(tmp_path, "check", "r.json", "--ci", "none", "-o", "json")

    assert 3 == told.code
    [problem] = told.json["problems"]
    assert ("too_many_findings", "r.json") == (problem["code"], problem["path"])
    assert "4 in 1 reports" in problem["found"]
    assert "gate convert FILE -o summary" in problem["fix"]


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes there")
def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    report = json.dumps(sarif(*({"ruleId": f"r{n}"} for n in range(60_000)))).encode()
    files(tmp_path, r_json=report)
    os.mkfifo(tmp_path / "pipe.json")
    with subprocess.Popen(["dd", "if=r.json", "of=pipe.json", "status=none"], cwd=tmp_path) as writer:
        told = gate(tmp_path, "convert", "--as", "sarif", "pipe.json")

    assert 0 == writer.returncode
    assert "60000 findings, 0 components" in told.out


@pytest.mark.skipif(sys.platform != "linux", reason="no disk that is always full there")
def test_no_room_for_what_is_unpacked_is_an_error_that_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = json.dumps(sarif(*({"ruleId": f"r{n}"} for n in range(60_000)))).encode()
    (tmp_path / "r.json.gz").write_bytes(gzip.compress(report))
    full = Path("/dev/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: full.open("r+b", buffering=0))

    told = gate(tmp_path, "check", "r.json.gz", "--ci", "none", "-o", "json")

    assert 3 == told.code
    [problem] = told.json["problems"]
    assert "temporary file" in problem["message"]
    assert "TMPDIR" in problem["fix"]
