from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Finding, Kind, Location, Scan, Severity, Status
from scanners import hadolint
from tests.scanners.builders import document


def a_record(**facts: Any) -> dict[str, Any]:
    return {
        "file": "Dockerfile",
        "line": 9,
        "column": 1,
        "code": "DL3008",
        "level": "warning",
        "message": "Pin versions in apt get install.",
    } | facts


def scan(*records: dict[str, Any]) -> Scan:
    return hadolint.parse(document(list(records)))


def test_records_with_code_and_level_are_hadolints() -> None:
    assert "an array of records with code, level, line and file" == hadolint.detect(document([a_record()]))


@pytest.mark.parametrize("other", [[], None, {}, [{"code": "x"}], [[]]])
def test_other_and_empty_documents_are_not_recognised(other: object) -> None:
    assert None is hadolint.detect(document(other))


def test_a_record_becomes_a_finding() -> None:
    assert (
        Finding(
            kind=Kind.MISCONFIGURATION,
            rule="DL3008",
            title="Pin versions in apt get install.",
            severity=Severity.MEDIUM,
            severity_raw="warning",
            location=Location(file="Dockerfile", line=9, column=1),
            scanners=("hadolint",),
        )
        == scan(a_record()).observations[0].finding
    )


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("error", Severity.HIGH),
        ("info", Severity.LOW),
        ("style", Severity.INFO),
        ("fatal", Severity.UNKNOWN),
    ],
)
def test_levels_become_severities(level: str, severity: Severity) -> None:
    assert severity == scan(a_record(level=level)).observations[0].finding.severity


def test_an_empty_array_that_somebody_calls_hadolints_is_clean() -> None:
    assert (Status.OK, ()) == (scan().status, scan().observations)


def test_a_dockerfile_is_no_evidence_about_manifests() -> None:
    assert () == scan().kinds


def test_a_dockerfile_that_could_not_be_read_makes_it_partial() -> None:
    one = scan(a_record(code="DL1000", level="error"), a_record(file="b/Dockerfile"))

    assert (Status.PARTIAL, 2) == (one.status, len(one.observations))
    assert ("'Dockerfile' could not be read as a Dockerfile (DL1000)",) == one.notes


def test_a_record_without_column_has_none() -> None:
    assert None is scan(a_record(column=None, line=0)).observations[0].finding.location.column


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{}", "report.json:1:1"),
        ("null", "report.json:1:1"),
        ('[{"file": "D", "line": 1, "code": "X", "level": "info"}]', "report.json:1:2"),
        ('[{"file": "D",\n "line": "1"}]', "report.json:2:10"),
        ('[{"file": null}]', "report.json:1:11"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as refused:
        hadolint.parse(document(source))

    assert place == refused.value.problems[0].place()
