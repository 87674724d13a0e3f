from __future__ import annotations

import json
from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Status
from scanners import npm_audit
from tests.scanners.builders import document, read

NPM6: dict[str, Any] = {"advisories": {}}
NPM7: dict[str, Any] = {"auditReportVersion": 2, "vulnerabilities": {}}


def lines(*values: object) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values) + b"\n"


def a_summary(**counts: int) -> dict[str, Any]:
    return {"type": "auditSummary", "data": {"vulnerabilities": {"high": 0}, **counts}}


def an_advisory(name: str, **children: Any) -> dict[str, Any]:
    return {"value": name, "children": {"ID": 1, "Issue": "flaw", "Severity": "high", **children}}


@pytest.mark.parametrize(
    ("report", "metadata"),
    [
        (NPM6, {"dependencies": 0, "totalDependencies": 0}),
        (NPM6, {"dependencies": 0}),
        (NPM7, {"dependencies": {"prod": 1, "total": 0}}),
    ],
)
def test_a_clean_audit_of_no_package_has_an_empty_target(
    report: dict[str, Any], metadata: dict[str, Any]
) -> None:
    assert Status.EMPTY_TARGET == npm_audit.parse(document(report | {"metadata": metadata})).status


@pytest.mark.parametrize("report", [NPM6, NPM7])
@pytest.mark.parametrize("metadata", [{}, {"metadata": {}}, {"metadata": {"dependencies": {}}}])
def test_a_clean_audit_that_does_not_say_of_how_much_is_partial(
    report: dict[str, Any], metadata: dict[str, Any]
) -> None:
    assert Status.PARTIAL == npm_audit.parse(document(report | metadata)).status


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ([a_summary(totalDependencies=47)], Status.OK),
        ([a_summary(totalDependencies=0)], Status.EMPTY_TARGET),
        ([a_summary()], Status.PARTIAL),
        ([], Status.PARTIAL),
        (
            [{"type": "info", "data": "No lockfile found."}, a_summary(totalDependencies=3)],
            Status.EMPTY_TARGET,
        ),
        ([{"type": "error", "data": "no network"}, a_summary(totalDependencies=3)], Status.FAILED),
    ],
)
def test_clean_lines_of_yarn_1_are_clean_of_what_their_summary_counts(
    last: list[dict[str, Any]], status: Status
) -> None:
    data = lines({"type": "info", "data": "auditing"}, *last)

    assert status == npm_audit.parse(document(data)).status


def test_one_malformed_advisory_of_yarn_2_is_rejected_and_the_others_are_read() -> None:
    data = lines(an_advisory("a"), an_advisory("b", Severity=None), an_advisory("c"))
    found = read(data, "yarn.ndjson")

    assert ["flaw", "flaw"] == [seen.finding.title for seen in found.scan.observations]
    assert ["the advisory of 'b'"] == [one.where for one in found.scan.rejected]
    assert Status.PARTIAL == found.report.status


def test_lines_of_yarn_2_without_any_sound_advisory_are_refused() -> None:
    with pytest.raises(ReportError):
        npm_audit.parse(document(lines(an_advisory("a", Issue=None), an_advisory("b", Issue=3))))
