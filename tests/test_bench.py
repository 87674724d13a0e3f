"""The benchmarks' own parts, on tiny sizes: what they generate and what they read. Nothing is timed here."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import big, gatekeeper, machine, manifests, processes, reports, reviews, stream, throughput
from bench.table import Row, Table, percentile, slope, text
from gate.bootstrap import manifest_reader
from gate.documents.json import parsed
from gate.engines.embedded import Engine
from gate.engines.protocol import Op
from gate.ingest import ingest
from gate.model import Scan, Severity
from gate.normalize import normalize
from scanners import SCANNERS
from tests.command import gate


def no_manifests(*_: object) -> Any:
    raise AssertionError("a report was taken for a manifest")


@pytest.fixture
def engine() -> Iterator[Engine]:
    with machine.engine() as one:
        yield one


def scan(path: Path) -> Scan:
    return ingest(path.read_bytes(), path.name, SCANNERS, no_manifests).scan


# -------------------------------------------------------------------------------------- reports


@pytest.mark.parametrize("name", big.VARIANTS)
def test_a_report_has_its_size_and_every_finding_is_read(tmp_path: Path, name: str) -> None:
    write, sample, stand_in = big.VARIANTS[name]

    written = write(tmp_path / "report.json", 800_000, big.real_sample(sample) or stand_in)
    found = scan(written.path)

    assert written.size_bytes == written.path.stat().st_size
    assert 800_000 <= written.size_bytes < 900_000
    assert written.findings == len(found.observations)


@pytest.mark.parametrize(
    ("write", "sample"), [(reports.sarif, reports.SMALL_SARIF), (reports.trivy, reports.SMALL_TRIVY)]
)
def test_no_two_copies_are_one_finding(tmp_path: Path, write: big.Write, sample: dict[str, Any]) -> None:
    written = write(tmp_path / "report.json", 100_000, sample)

    findings, _ = normalize([scan(written.path)])

    assert written.findings == len(findings)


def test_a_tenth_of_the_made_up_flaws_is_critical_and_a_tenth_high(tmp_path: Path) -> None:
    written = reports.trivy(tmp_path / "report.json", 50_000, reports.SMALL_TRIVY)
    first = [seen.finding.severity for seen in scan(written.path).observations[:100]]

    assert (10, 10) == (first.count(Severity.CRITICAL), first.count(Severity.HIGH))


def test_a_written_report_is_strict_json(tmp_path: Path) -> None:
    written = reports.sarif(tmp_path / "report.json", 10_000, reports.SMALL_SARIF)

    value = parsed(written.path.read_bytes(), "report.json")

    assert written.findings == len(value["runs"][0]["results"])


def test_a_sample_without_findings_cannot_be_grown(tmp_path: Path) -> None:
    empty = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": []}]}

    with pytest.raises(ValueError, match="holds no finding"):
        reports.sarif(tmp_path / "report.json", 10_000, empty)


# ---------------------------------------------------------------------------- reviews and manifests


def test_the_review_is_about_five_kilobytes() -> None:
    assert 5_000 <= len(reviews.encoded(reviews.pod_review())) <= 6_500


def test_the_eleven_rules_allow_the_pod_and_deny_it_once_it_is_privileged(engine: Engine) -> None:
    throughput.loaded(engine)
    good = reviews.encoded(reviews.pod_review())
    bad = good.replace(b'"privileged":false', b'"privileged":true', 1)

    said = []
    for body in (good, bad):
        answer = engine.ask(Op.EVALUATE, throughput.header(1), body, timeout_s=10.0, bundle=throughput.BUNDLE)
        said.append(msgspec.json.decode(answer)["results"][throughput.ENTRY])

    assert [[], ['container "migrate" is privileged']] == said


def test_the_module_has_eleven_rules() -> None:
    assert 11 == throughput.POLICY.read_text("utf-8").count("\ndeny contains ")


def test_the_deployments_are_read_and_no_two_have_one_name(tmp_path: Path, engine: Engine) -> None:
    manifests.written(tmp_path / "k8s", 5)

    names = set()
    for path in sorted((tmp_path / "k8s").iterdir()):
        [found] = ingest(path.read_bytes(), path.name, SCANNERS, manifest_reader(engine)).scan.objects
        names.add(found.object["metadata"]["name"])

    assert {f"web-{number}" for number in range(5)} == names


@pytest.mark.parametrize("policy", ["builtin:kubernetes", str(manifests.FOLDER / "deployments_gate.rego")])
def test_one_deployment_in_a_hundred_fails(tmp_path: Path, policy: str) -> None:
    manifests.written(tmp_path / "k8s", 2)

    first, second = (
        gate(tmp_path, "check", f"k8s/deployment-{number:05}.yaml", "--policy", policy) for number in (0, 1)
    )

    assert (1, 0) == (first.code, second.code)


# ------------------------------------------------------------------------------- reading of answers


def test_a_request_says_how_long_its_body_is() -> None:
    head, _, body = throughput.request("/v1/data/a", b"{}").partition(b"\r\n\r\n")

    assert (b"POST /v1/data/a HTTP/1.1", b"{}") == (head.split(b"\r\n")[0], body)
    assert b"Content-Length: 2" in head.split(b"\r\n")


def test_the_length_of_an_answer_is_found_in_any_spelling() -> None:
    assert 13 == throughput.content_length(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 13\r\n\r\n")


def test_an_answer_that_is_an_error_is_no_answer() -> None:
    with pytest.raises(RuntimeError, match="500"):
        throughput.content_length(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")


def test_memory_is_read_from_the_kernels_words() -> None:
    status = "Name:\tgate-opa\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t9\n"

    assert (1024 * 1024, 2048 * 1024) == processes.memory(status)


def test_memory_of_a_process_that_has_gone_is_nothing() -> None:
    assert (0, 0) == processes.memory("")


def test_a_run_tells_its_exit_code_its_words_and_its_memory(tmp_path: Path) -> None:
    run = processes.run([sys.executable, "-c", "print('said'); raise SystemExit(4)"], cwd=tmp_path)

    assert (4, "said\n") == (run.code, run.out)
    assert 0 < max(run.peaks.values())


def test_bytecode_is_kept_although_the_caller_forbids_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    env = machine.environment(tmp_path)

    assert ("PYTHONDONTWRITEBYTECODE" in env, str(tmp_path)) == (False, env["PYTHONPYCACHEPREFIX"])


def test_a_peer_that_is_there_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool-1.0").write_bytes(b"")
    monkeypatch.setattr(machine, "CACHE", tmp_path)

    assert tmp_path / "tool-1.0" == machine.peer(("tool", "example.invalid/tool", "1.0"))


def test_a_peer_without_go_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr(sys, "executable", os.fspath(tmp_path / "python"))

    with pytest.raises(machine.PeerMissing, match=r"tool 1\.0: there is no Go"):
        machine.peer(("tool", "example.invalid/tool", "1.0"))


# ------------------------------------------------------------------------------------------- tables


def test_every_row_has_its_bar_beside_its_figure() -> None:
    table = Table(
        name="start",
        title="of one thing",
        rows=(
            Row(what="wall", figure="0.2 s", bar="0.3 s", holds=True),
            Row(what="memory", figure="12 MiB", bar="9 MiB", holds=False, note="a note"),
        ),
    )

    assert [
        "start: of one thing",
        "          figure    bar",
        "  wall     0.2 s  0.3 s  holds",
        "  memory  12 MiB  9 MiB  MISSED  a note",
    ] == text(table).splitlines()


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 2), (99, 4), (100, 4)])
def test_percentiles_are_values_that_were_seen(percent: float, expected: float) -> None:
    assert expected == percentile([4, 1, 3, 2], percent)


def test_the_slope_of_a_line_is_its_rise() -> None:
    assert 2.0 == slope([(0, 1), (1, 3), (2, 5)])


def test_points_above_one_another_have_no_slope() -> None:
    assert 0.0 == slope([(1, 1), (1, 9)])


# ----------------------------------------------------------------------------------- gatekeeper


def test_violations_of_gate_and_gator_are_compared_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "constraint-000.yaml").write_text("spec: {match: {namespaces: [default]}}", "utf-8")
    pod = {"kind": "Pod", "metadata": {"name": "web", "namespace": "prod"}}
    told = [
        {"constraint": {"kind": "K", "metadata": {"name": "c1"}}, "violatingObject": pod, "msg": message}
        for message in ("no owner", "template:5: eval_conflict_error: two outputs", "only gator")
    ]
    given = [
        {"rule": "K.c1", "object": "Pod/prod/web", "message": "no owner"},
        {"rule": "K.c1", "object": "Pod/prod/web", "message": "the template contradicts itself about it"},
        {"rule": "K.c0", "object": "Pod//web", "message": "no owner"},
    ]
    (tmp_path / "gator.json").write_bytes(msgspec.json.encode(told))
    (tmp_path / "gate.json").write_bytes(msgspec.json.encode({"violations": given}))

    both, missed, more = gatekeeper.compared(
        gatekeeper.by_gate(tmp_path / "gate.json"), gatekeeper.by_gator(tmp_path / "gator.json"), tmp_path
    )

    assert ("2", "1", "1") == (both.figure, missed.figure, more.figure)
    assert missed.holds is False
    assert more.note.startswith("1 of objects without a namespace")


def test_a_streamed_log_holds_its_block_as_often_as_it_says(tmp_path: Path) -> None:
    block = tmp_path / "block.sarif"
    count = reports.sarif(block, 20_000, reports.SMALL_SARIF).findings
    out = io.BytesIO()
    stream.written(block, 100_000, out)

    assert count * stream.parts(block, 100_000)[2] == len(
        msgspec.json.decode(out.getvalue())["runs"][0]["results"]
    )
