from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners import bandit
from tests.scanners.builders import document

PLAINTEXT = "hunter2-Zebra"


def a_result(**facts: Any) -> dict[str, Any]:
    return {
        "test_id": "B101",
        "filename": "./src/a.py",
        "issue_severity": "LOW",
        "issue_confidence": "HIGH",
        "issue_text": "Use of assert detected.",
        "line_number": 2,
        "code": "1 import os\n2 assert  x\n3 \n",
    } | facts


def a_report(*results: dict[str, Any], **facts: Any) -> dict[str, Any]:
    metrics = {"_totals": {"loc": 2, "nosec": 0}, "./src/a.py": {"loc": 2}}
    return {"results": list(results), "errors": [], "metrics": metrics, "generated_at": "x"} | facts


def scan(*results: dict[str, Any], **facts: Any) -> Scan:
    return bandit.parse(document(a_report(*results, **facts)))


def seen(**facts: Any) -> Observation:
    [observation] = scan(a_result(**facts)).observations
    return observation


def test_results_with_metrics_totals_are_bandits() -> None:
    assert "results, and metrics with _totals" == bandit.detect(document(a_report()))


@pytest.mark.parametrize("other", [{"results": [], "errors": []}, {"metrics": {"_totals": {}}}, [], None])
def test_other_documents_are_not_bandits(other: object) -> None:
    assert None is bandit.detect(document(other))


def test_a_result_becomes_a_finding() -> None:
    assert (
        Finding(
            kind=Kind.CODE,
            rule="B101",
            title="Use of assert detected.",
            severity=Severity.LOW,
            severity_raw="LOW",
            cwes=("CWE-703",),
            location=Location(file="./src/a.py", line=2, column=1),
            scanners=("bandit",),
            confidence="high",
        )
        == seen(issue_cwe={"id": 703, "link": "x"}, col_offset=0).finding
    )


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("HIGH", Severity.HIGH),
        ("MEDIUM", Severity.MEDIUM),
        ("UNDEFINED", Severity.UNKNOWN),
        ("X", Severity.UNKNOWN),
    ],
)
def test_severities(word: str, severity: Severity) -> None:
    assert (severity, word) == (seen(issue_severity=word).finding.severity, word)


@pytest.mark.parametrize("cwe", [{}, {"id": 0}, {"id": -1}, {"id": None}, None])
def test_an_unset_cwe_is_none(cwe: object) -> None:
    assert () == seen(issue_cwe=cwe).finding.cwes


@pytest.mark.parametrize("column", [-1, None])
def test_an_unset_column_is_unknown(column: int | None) -> None:
    assert None is seen(col_offset=column).finding.location.column


def test_the_context_is_the_flagged_line_without_number_and_space() -> None:
    assert "assertx" == seen().context


def test_the_context_survives_a_shift_of_lines() -> None:
    assert seen().context == seen(line_number=12, code="11 y\n12   assert x\n").context


@pytest.mark.parametrize("code", ["", None, "7 other\n", "no number\n"])
def test_code_without_the_flagged_line_is_no_context(code: str | None) -> None:
    assert "" == seen(code=code).context


def test_a_quoted_password_leaves_title_and_context() -> None:
    code = f"2 password = '{PLAINTEXT}'\n"
    one = seen(test_id="B105", issue_text=f"Possible hardcoded password: '{PLAINTEXT}'", code=code)

    assert ("Possible hardcoded password: …", "password=''") == (one.finding.title, one.context)
    assert PLAINTEXT not in repr(one)


def test_an_empty_quoted_password_changes_no_context() -> None:
    one = seen(issue_text="Possible hardcoded password: ''", code="2 token = ''\n")

    assert ("Possible hardcoded password: …", "token=''") == (one.finding.title, one.context)


def test_the_report_says_when_and_what() -> None:
    one = scan(generated_at="2026-07-30T10:03:39Z")

    assert ("2026-07-30T10:03:39Z", (Evidence.CODE,), Status.OK) == (one.created, one.kinds, one.status)


def test_files_that_were_not_analysed_make_it_partial() -> None:
    one = scan(errors=[{"filename": "src/b.py", "reason": "syntax error while parsing AST from file"}])

    assert Status.PARTIAL == one.status
    assert (
        "1 files were not analysed, the first: 'src/b.py' ('syntax error while parsing AST from file')",
    ) == one.notes


def test_a_report_where_every_file_failed_has_failed() -> None:
    metrics = {"_totals": {"loc": 2}, "src/b.py": {"loc": 2}}

    assert Status.FAILED == scan(metrics=metrics, errors=[{"filename": "src/b.py", "reason": "x"}]).status


def test_a_report_about_no_python_file_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == scan(metrics={"_totals": {"loc": 0}}).status


def test_nosec_comments_are_counted_in_a_note() -> None:
    metrics = {"_totals": {"loc": 9, "nosec": 3.0, "skipped_tests": 1}, "a.py": {"loc": 9}}

    assert ("4 findings are switched off by #nosec comments",) == scan(metrics=metrics).notes


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"errors": [], "metrics": {"_totals": {}}}', "report.json:1:1"),
        ('{"results": [], "metrics": {"_totals": {}}}', "report.json:1:1"),
        ('{"results": [], "errors": []}', "report.json:1:1"),
        ('{"results": null, "errors": [], "metrics": {}}', "report.json:1:13"),
        (
            '{"errors": [], "metrics": {},\n "results": [{"test_id": "B1", "filename": "a"}]}',
            "report.json:2:14",
        ),
        ('{"errors": [], "metrics": {},\n "results": [{"test_id": 7}]}', "report.json:2:26"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as refused:
        bandit.parse(document(source))

    assert place == refused.value.problems[0].place()
