from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Severity, Status
from scanners import gosec
from tests.scanners.builders import document


def an_issue(**facts: Any) -> dict[str, Any]:
    return {
        "rule_id": "G304",
        "details": "Potential file inclusion",
        "file": "a.go",
        "line": "7",
        "severity": "HIGH",
    } | facts


def a_report(*issues: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"Golang errors": {}, "Issues": list(issues), "Stats": {"files": 1}} | facts


@pytest.mark.parametrize(
    ("word", "severity"),
    [("HIGH", Severity.HIGH), ("low", Severity.LOW), ("UNDEFINED", Severity.UNKNOWN)],
)
def test_a_severity_is_the_word_or_unknown(word: str, severity: Severity) -> None:
    [seen] = gosec.parse(document(a_report(an_issue(severity=word)))).observations

    assert severity == seen.finding.severity


def test_the_identity_is_the_flagged_line_without_its_number() -> None:
    [seen] = gosec.parse(document(a_report(an_issue(code="6: x\n7: y()\n8: z\n")))).observations

    assert "y()" == seen.context


@pytest.mark.parametrize(
    "code", ['7: key := "PLAINTEXT"', "7: key := `PLAINTEXT`", '7: key := "a\\"PLAINTEXT', '"PLAINTEXT"']
)
def test_a_hardcoded_credential_is_in_no_part_of_what_is_read(code: str) -> None:
    [seen] = gosec.parse(document(a_report(an_issue(rule_id="G101", code=code)))).observations

    assert "PLAINTEXT" not in repr(seen)


def test_a_package_that_does_not_compile_is_never_clean() -> None:
    broken = {"a.go": [{"error": "expected declaration"}]}

    assert Status.PARTIAL == gosec.parse(document(a_report(**{"Golang errors": broken}))).status
    assert (
        Status.FAILED
        == gosec.parse(document(a_report(**{"Golang errors": broken, "Stats": {"files": 0}}))).status
    )


def test_no_file_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == gosec.parse(document(a_report(Stats={"files": 0}))).status


@pytest.mark.parametrize("source", ["{}", '{"Stats": {"files": 1}}', '{"Issues": []}'])
def test_a_report_without_its_issues_or_its_statistics_is_refused(source: str) -> None:
    with pytest.raises(ReportError):
        gosec.parse(document(source))
