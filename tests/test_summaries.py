"""Reports of any size: the same numbers as when they are kept whole, in little memory, or a refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import reports as made
from gate import bootstrap, summaries
from gate.engines.embedded import Engine
from gate.errors import ReportError
from gate.files import File
from gate.ingest import Read
from gate.summaries import Summary
from tests.command import gate
from tests.data import REPOSITORY, shared_data

FOLDERS = ("sarif", "codeql-sarif", "trivy", "grype", "cyclonedx")
SAMPLES = REPOSITORY / "tests" / "scanners" / "samples"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as one:
        yield one


def summed(data: bytes, engine: Engine, declared: str | None = None) -> Summary:
    with tempfile.TemporaryFile() as stream:
        stream.write(data)
        stream.seek(0)
        return summaries.summary(stream, "r.json", declared, engine)


def whole(data: bytes, engine: Engine) -> Read | None:
    try:
        [read] = bootstrap.ingested((File(path="r.json", data=data),), engine)
    except ReportError:
        return None
    return read


def numbers(read: Read) -> tuple[dict[tuple[str, str], int], int]:
    seen = Counter((one.finding.kind.value, one.finding.severity.value) for one in read.scan.observations)
    return dict(seen), len(read.scan.components)


def told(summary: Summary) -> tuple[dict[tuple[str, str], int], int]:
    counts = {
        (kind, name): number for kind, of in summary.counts.items() for name, number in of.items() if number
    }
    return counts, summary.components


def refused(data: bytes, engine: Engine) -> str:
    with pytest.raises(ReportError) as caught:
        summed(data, engine)
    return caught.value.problems[0].code


def sarif(*results: dict[str, Any], **run: Any) -> dict[str, Any]:
    tool = {"driver": {"name": "any", "rules": [{"id": "r", "defaultConfiguration": {"level": "error"}}]}}
    return {"version": "2.1.0", "runs": [{"tool": tool, "results": list(results), **run}]}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_report_counts_as_when_it_is_kept_whole(folder: str, engine: Engine) -> None:
    wrong: list[str] = []
    counted = 0
    for path in sorted(shared_data("reports", folder).glob("*.json")) + sorted(
        shared_data("reports", folder).glob("*.sarif")
    ):
        data = path.read_bytes()
        read = whole(data, engine)
        if read is None or read.scan.format not in bootstrap.tallies() or read.scan.rejected:
            continue
        try:
            summary = summed(data, engine)
        except ReportError as error:
            wrong.append(f"{path.name}: {error}")
            continue
        counted += 1
        if numbers(read) != told(summary) or read.scan.status != summary.status:
            wrong.append(f"{path.name}: {numbers(read)} {told(summary)}")

    assert [] == wrong
    assert counted > 0


def test_every_sample_of_our_own_counts_so_too(engine: Engine) -> None:
    names = [path for name in bootstrap.tallies() for path in sorted((SAMPLES / name).glob("*.json"))]
    assert names
    for path in names:
        read = whole(path.read_bytes(), engine)
        if read is None or read.scan.rejected or read.scan.format not in bootstrap.tallies():
            continue
        assert numbers(read) == told(summed(path.read_bytes(), engine)), path.name


def test_the_tool_may_stand_after_its_results(engine: Engine) -> None:
    report = sarif({"ruleId": "r", "message": {"text": "a"}})
    run = report["runs"][0]
    turned = {"version": "2.1.0", "runs": [{"results": run["results"], "tool": run["tool"]}]}

    assert {"code": {"high": 1}} == summed(json.dumps(turned).encode(), engine).counts


def test_results_that_say_no_problem_are_not_counted(engine: Engine) -> None:
    report = sarif({"ruleId": "r", "kind": "pass"}, {"ruleId": "r"}, {"ruleId": "r"})

    assert {"code": {"high": 2}} == summed(json.dumps(report).encode(), engine).counts


def test_a_failed_run_stays_failed(engine: Engine) -> None:
    report = sarif(invocations=[{"executionSuccessful": False}])
    summary = summed(json.dumps(report).encode(), engine)

    assert ("failed", 0) == (summary.status.value, summary.findings)
    assert any("failed" in note for note in summary.notes)


def test_no_array_of_results_is_no_clean_report(engine: Engine) -> None:
    report = sarif()
    del report["runs"][0]["results"]

    assert "failed" == summed(json.dumps(report).encode(), engine).status.value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "report_truncated"),
        (b'{"version": "2.1.0"', "report_truncated"),
        (b'{"a": 1, "a": 2}', "report_not_json"),
        (b'{"a": 1, "\\u0061": 2}', "report_not_json"),
        (b'{"runs": [{"results": [{"level": "error", "level": "note"}]}]}', "report_not_json"),
        (b'{"a": NaN}', "report_not_json"),
        (b'{"a": 1e999}', "report_not_json"),
        (b'{"a": 01}', "report_not_json"),
        (b'{"a": "\\ud800"}', "report_not_json"),
        (b'{"a": "\xff"}', "report_encoding"),
        (b'{"a": "\n"}', "report_not_json"),
        (b"{} {}", "report_not_json"),
        (b"[1,]", "report_not_json"),
        (b'{"a": 1,}', "report_not_json"),
        (b'{"a" 1}', "report_not_json"),
        (b"[" * 200 + b"]" * 200, "report_too_deep"),
        (b"<html>", "report_not_json"),
        (b"{}", "format_unknown"),
    ],
)
def test_what_is_no_strict_json_is_refused(data: bytes, code: str, engine: Engine) -> None:
    assert code == refused(data, engine)


def test_a_report_of_another_format_is_refused(engine: Engine) -> None:
    report = {"results": [], "metrics": {"_totals": {}}, "errors": [], "generated_at": "2026-11-22T10:00:00Z"}

    assert refused(json.dumps(report).encode(), engine) in ("format_not_read", "report_wrong_shape")


def test_a_report_that_is_cut_anywhere_is_refused(engine: Engine) -> None:
    data = json.dumps(sarif({"ruleId": "r", "message": {"text": "ä \\u00e4 \\n"}}, {"ruleId": "r"})).encode()
    for end in range(len(data) - 1, 0, -7):
        assert refused(data[:end], engine).startswith("report_")


def test_a_place_is_told(engine: Engine) -> None:
    with pytest.raises(ReportError) as caught:
        summed(b'{\n  "a": 1,\n  "a": 2}', engine)
    [problem] = caught.value.problems

    assert (3, "r.json") == (problem.line, problem.path)


def test_the_command_reads_a_pipe(tmp_path: Path) -> None:
    report = tmp_path / "r.sarif"
    report.write_text(json.dumps(sarif({"ruleId": "r"})))
    result = gate(tmp_path, "convert", "-o", "summary", "r.sarif")

    assert (0, 1) == (result.code, result.json["findings"])


def test_memory_does_not_grow_with_the_report(tmp_path: Path) -> None:
    """48 MB through a pipe, as a process tree: the engine's peak and ours.

    Ours is the kernel's of this program: `getrusage` would count what the parent had before `exec` too.
    """
    report = made.sarif(tmp_path / "r.sarif", 48_000_000, made.SMALL_SARIF)
    code = (
        "import re, resource, sys\n"
        "from gate.cli import run\n"
        "code = run(['convert', '-', '-o', 'summary'])\n"
        "ours = int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024\n"
        "engines = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024\n"
        "print(code, ours, engines, file=sys.stderr)\n"
    )
    with subprocess.Popen(["cat", report.path], stdout=subprocess.PIPE) as pipe:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stdin=pipe.stdout,
            capture_output=True,
            check=True,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ},
        )
    exit_code, ours, engines = map(int, ended.stderr.split())

    assert (0, report.findings) == (exit_code, json.loads(ended.stdout)["findings"])
    assert ours + engines <= 256
