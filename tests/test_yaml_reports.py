"""Reports that are written as YAML: the same as their JSON, and never a manifest that passes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import yaml

from gate import bootstrap
from gate.documents import manifests
from gate.engines import manifests as engine_manifests
from gate.engines.embedded import Engine
from gate.errors import ReportError
from gate.ingest import Read, ingest
from gate.model import Status
from gate.normalize import normalize
from scanners import SCANNERS
from tests.data import REPOSITORY, shared_data
from tests.scanners.builders import read as read_json

SAMPLES: Final = REPOSITORY / "tests" / "scanners" / "samples"
Reading = Callable[..., Read]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def read(engine: Engine) -> Reading:
    def documents(data: bytes, path: str) -> list[manifests.Document]:
        [answer] = engine_manifests.answers(engine, [data])
        refusal = engine_manifests.refused(answer, path)
        if refusal is not None:
            raise refusal
        return answer.documents

    def one(text: str, declared: str | None = None, path: str = "report.yaml") -> Read:
        return ingest(text.encode(), path, SCANNERS, documents, declared)

    return one


def samples() -> list[str]:
    named = [
        one for folder in ("policyreport", "trivy-operator") for one in (SAMPLES / folder).glob("*.json")
    ]
    found = {path.relative_to(SAMPLES).as_posix() for path in named} | {"spdx/one.json"}
    return sorted(
        found - {"policyreport/list.json"}
    )  # it has a Pod in it; of YAML that is refused, see below


@pytest.mark.parametrize("name", samples())
def test_a_report_in_yaml_says_what_its_json_says(read: Reading, name: str) -> None:
    data = (SAMPLES / name).read_bytes()
    text = yaml.safe_dump(json.loads(data), sort_keys=False)
    wanted = read_json(data, name).scan

    made = read(text).scan

    assert normalize([wanted]) == normalize([made])
    assert (wanted.format, wanted.status, wanted.kinds) == (made.format, made.status, made.kinds)


def a_report(**changes: Any) -> dict[str, Any]:
    facts = {
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport",
        "metadata": {"name": "r", "namespace": "shop"},
        "summary": {"fail": 1},
        "results": [{"policy": "p", "rule": "r", "result": "fail", "severity": "high", "message": "m"}],
    }
    return facts | changes


POD: Final = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


def test_several_reports_of_one_stream_are_all_read(read: Reading) -> None:
    made = read(yaml.safe_dump_all([a_report(), a_report(metadata={"name": "s", "namespace": "shop"})]))

    assert ("policyreport", Status.OK, 2) == (made.scan.format, made.scan.status, len(made.scan.observations))


@pytest.mark.parametrize("documents", [[a_report(), POD], [POD, a_report()]])
def test_reports_among_manifests_are_refused(read: Reading, documents: list[Any]) -> None:
    with pytest.raises(ReportError, match="not a manifest"):
        read(yaml.safe_dump_all(documents))


@pytest.mark.parametrize(
    "document",
    [
        a_report(apiVersion="aquasecurity.github.io/v1alpha1", kind="NewKindOfReport"),
        {"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "ClusterInfraAssessmentReport"},
    ],
)
def test_a_report_of_a_kind_that_nobody_reads_is_refused(read: Reading, document: Any) -> None:
    with pytest.raises(ReportError):
        read(yaml.safe_dump(document))


def test_a_report_that_is_cut_is_refused_or_partial(read: Reading) -> None:
    """YAML has no end of its own: a report is whole only as far as its own counts say."""
    text = yaml.safe_dump(a_report(), sort_keys=True)
    cut = yaml.safe_dump(a_report(results=[]))

    assert Status.PARTIAL is read(cut).scan.status
    for end in range(len(text)):
        try:
            part = read(text[:end])
        except ReportError:
            continue
        assert part.scan.observations or part.scan.status is not Status.OK, end


def test_a_declared_format_is_read_from_yaml_too(read: Reading) -> None:
    assert "policyreport" == read(yaml.safe_dump(a_report()), "policyreport").scan.format


def test_a_declared_report_beside_something_else_is_refused(read: Reading) -> None:
    with pytest.raises(ReportError, match="2 YAML documents"):
        read(yaml.safe_dump_all([a_report(), POD]), "policyreport")


def test_an_error_in_a_report_names_the_line_where_it_begins(read: Reading) -> None:
    with pytest.raises(ReportError) as caught:
        read("# reports\n---\n" + yaml.safe_dump(a_report(summary="none")))

    assert ("report.yaml", 3) == (caught.value.problems[0].path, caught.value.problems[0].line)


def test_yaml_that_is_no_report_stays_a_manifest(read: Reading) -> None:
    assert "kubernetes" == read(yaml.safe_dump(POD)).scan.format
    with pytest.raises(ReportError, match="no Kubernetes object"):
        read("a: 1\n")


def test_the_yaml_example_of_spdx_is_refused_for_its_quotes(read: Reading) -> None:
    """Its noticeText holds quotes that end the text: no YAML reader takes it."""
    path = shared_data("reports", "spdx", "spdxs__SPDXYAMLExample-2.2.spdx.yaml")

    with pytest.raises(ReportError, match="cannot be read"):
        read(path.read_text(encoding="utf-8"))
