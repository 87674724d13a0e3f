"""A report cut anywhere is no report: never `pass`, whatever was left of it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from gate.errors import ReportError
from gate.ingest import ingest
from gate.model import Scan, Status
from scanners import SCANNERS
from tests.data import shared_data

SAMPLES = {
    "bandit": "dd__one_vuln.json",
    "cyclonedx": "dd__valid-vulnerability-1.4.json",
    "gitleaks": "dd__gitleaks8_many.json",
    "grype": "dd__no_vuln.json",
    "hadolint": "jam__hadolint.json",
    "pip-audit": "dd__zero_vulns.json",
    "sarif": "dd__appendix_k.sarif",
    "semgrep": "dd__one_finding.json",
    "spdx": "spdxe__03-SBOMwDependency.json",
    "trivy": "dd__scheme_2_no_vuln.json",
}
"""One of each format, the clean ones where there are any: what is cut off a clean one is still clean."""
EVERY_BYTES = 200


def read(data: bytes, declared: str | None) -> Scan:
    def no_manifests(_data: bytes, path: str) -> NoReturn:
        raise ReportError("not a manifest", path=path)

    return ingest(data, "r.json", SCANNERS, no_manifests, declared).scan


def test_every_format_has_a_sample() -> None:
    assert set(SCANNERS) == set(SAMPLES)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "detected"])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_report_cut_before_its_last_bracket_is_refused(name: str, declared: bool) -> None:
    whole = sample(name).read_bytes()
    format_ = name if declared else None
    end = max(whole.rfind(b"}"), whole.rfind(b"]"))
    cuts = sorted({*range(0, end, EVERY_BYTES), 1, end // 2, end - 1, end})

    for cut in cuts:
        with pytest.raises(ReportError) as caught:
            read(whole[:cut], format_)
        assert "r.json" == caught.value.problems[0].path, cut


@pytest.mark.parametrize("name", SAMPLES)
def test_the_whole_sample_is_read(name: str) -> None:
    assert read(sample(name).read_bytes(), name).status in tuple(Status)


def sample(name: str) -> Path:
    return shared_data("reports", name, SAMPLES[name])
