from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Severity, Status
from scanners import brakeman
from tests.scanners.builders import document


def a_report(**facts: Any) -> dict[str, Any]:
    run = {"brakeman_version": "7.0.0", "checks_performed": ["SQL"], "number_of_controllers": 1}
    return {"scan_info": run | facts.pop("run", {}), "warnings": [], "errors": []} | facts


def a_warning(**facts: Any) -> dict[str, Any]:
    return {"warning_type": "SQL Injection", "fingerprint": "f1", "message": "m", "file": "a.rb"} | facts


@pytest.mark.parametrize(("word", "confidence"), [("High", "high"), ("Weak", "low"), (None, None)])
def test_a_confidence_never_becomes_a_severity(word: str | None, confidence: str | None) -> None:
    [seen] = brakeman.parse(document(a_report(warnings=[a_warning(confidence=word)]))).observations

    assert (Severity.UNKNOWN, confidence) == (seen.finding.severity, seen.finding.confidence)


def test_the_start_of_the_run_is_read_with_its_offset() -> None:
    scan = brakeman.parse(document(a_report(run={"start_time": "2020-04-11 20:15:42 -0700"})))

    assert "2020-04-12T03:15:42Z" == scan.created


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, Status.OK),
        ({"errors": [{"error": "parse error"}]}, Status.PARTIAL),
        ({"run": {"checks_performed": []}}, Status.FAILED),
        (
            {"run": {"number_of_controllers": 0, "number_of_models": 0, "number_of_templates": 0}},
            Status.EMPTY_TARGET,
        ),
    ],
)
def test_the_status_is_what_the_run_says_of_itself(facts: dict[str, Any], status: Status) -> None:
    assert status == brakeman.parse(document(a_report(**facts))).status


@pytest.mark.parametrize("missing", ["scan_info", "warnings", "errors"])
def test_a_report_without_one_of_its_parts_is_refused(missing: str) -> None:
    with pytest.raises(ReportError):
        brakeman.parse(document({key: part for key, part in a_report().items() if key != missing}))
