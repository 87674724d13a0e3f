from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Severity, Status
from scanners import kube_linter
from tests.scanners.builders import document, read


def a_report(*records: dict[str, Any], **facts: Any) -> dict[str, Any]:
    summary = {"ChecksStatus": "Passed", "KubeLinterVersion": "0.8.3"}
    return {"Checks": [{"name": "run-as-non-root"}], "Reports": list(records), "Summary": summary} | facts


def a_record(namespace: str) -> dict[str, Any]:
    named = {"Name": "api", "Namespace": namespace, "GroupVersionKind": {"Kind": "Pod"}}
    return {"Check": "c", "Diagnostic": {"Message": "m"}, "Object": {"K8sObject": named}}


@pytest.mark.parametrize(("namespace", "resource"), [("shop", "Pod/shop/api"), ("", "Pod/api")])
def test_an_empty_namespace_is_not_default_and_no_severity_is_guessed(namespace: str, resource: str) -> None:
    [seen] = kube_linter.parse(document(a_report(a_record(namespace)))).observations

    assert (resource, Severity.UNKNOWN) == (seen.finding.location.resource, seen.finding.severity)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({}, Status.OK),
        ({"Reports": None}, Status.OK),
        ({"Checks": None}, Status.FAILED),
        ({"Checks": []}, Status.FAILED),
        ({"Summary": None}, Status.FAILED),
        ({"Summary": {"ChecksStatus": "Failed"}}, Status.FAILED),
        ({"Summary": {}}, Status.FAILED),
    ],
)
def test_nothing_reported_is_clean_only_where_checks_ran_and_passed(
    facts: dict[str, Any], status: Status
) -> None:
    assert status == kube_linter.parse(document(a_report(**facts))).status


def test_a_report_without_reports_is_refused() -> None:
    with pytest.raises(ReportError):
        kube_linter.parse(document('{"Summary": {"KubeLinterVersion": "0.8.3"}}'))


def test_over_no_object_kube_linter_writes_nothing_and_nothing_is_refused_even_where_declared() -> None:
    with pytest.raises(ReportError):
        read(b"", "kube-linter.json", "kube-linter")
