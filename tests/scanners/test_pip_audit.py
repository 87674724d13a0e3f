from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Evidence, Finding, FixState, Kind, Scan, Severity, Status
from scanners import pip_audit
from tests.scanners.builders import document


def a_row(*flaws: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"name": "aiohttp", "version": "3.6.2", "vulns": list(flaws)} | facts


def a_flaw(**facts: Any) -> dict[str, Any]:
    return {"id": "PYSEC-2021-76", "fix_versions": ["3.7.4"], "aliases": ["CVE-2021-21330"]} | facts


def scan(*rows: dict[str, Any]) -> Scan:
    return pip_audit.parse(document({"dependencies": list(rows), "fixes": []}))


def finding(row: dict[str, Any]) -> Finding:
    [observation] = scan(row).observations
    return observation.finding


@pytest.mark.parametrize("row", [a_row(), {"name": "a", "skip_reason": "x"}])
@pytest.mark.parametrize("legacy", [False, True])
def test_dependencies_with_vulns_or_skip_reason_are_pip_audits(row: dict[str, Any], legacy: bool) -> None:
    source = [row] if legacy else {"dependencies": [row]}

    assert "dependencies with vulns or skip_reason" == pip_audit.detect(document(source))


def test_empty_dependencies_and_nothing_else_are_pip_audits() -> None:
    assert None is not pip_audit.detect(document({"dependencies": [], "fixes": []}))


@pytest.mark.parametrize(
    "other",
    [
        {"bomFormat": "CycloneDX", "dependencies": [a_row()]},
        {"dependencies": [], "version": 1},
        {"dependencies": [{"name": "a", "version": "1"}]},
        {"dependencies": {}},
        {},
        [],
        None,
        [{"name": "a"}],
    ],
)
def test_other_documents_are_not_pip_audits(other: object) -> None:
    assert None is pip_audit.detect(document(other))


def test_a_vulnerability_becomes_a_finding_of_unknown_severity() -> None:
    assert Finding(
        kind=Kind.VULNERABILITY,
        rule="PYSEC-2021-76",
        title="aiohttp 3.6.2 is affected by PYSEC-2021-76",
        severity=Severity.UNKNOWN,
        aliases=("CVE-2021-21330",),
        purl="pkg:pypi/aiohttp@3.6.2",
        version="3.6.2",
        fixed_versions=("3.7.4",),
        fix_state=FixState.FIXED,
        scanners=("pip-audit",),
    ) == finding(a_row(a_flaw()))


@pytest.mark.parametrize("name", ["Ruamel.Yaml_Clib", "ruamel--yaml.clib"])
def test_names_are_normalised_in_the_package_url(name: str) -> None:
    assert (
        "pkg:pypi/ruamel-yaml-clib@1.0%2Blocal"
        == finding(a_row(a_flaw(), name=name, version="1.0+local")).purl
    )


def test_a_flaw_without_description_aliases_or_fix_is_a_finding() -> None:
    one = finding(a_row({"id": "GHSA-8495-4g3g-x7pr", "fix_versions": []}))

    assert ((), ()) == (one.fixed_versions, one.aliases)


def test_an_empty_list_of_fixes_says_that_there_is_none_and_no_list_says_nothing() -> None:
    assert FixState.NOT_FIXED is finding(a_row(a_flaw(fix_versions=[]))).fix_state
    assert FixState.UNKNOWN is finding(a_row({"id": "GHSA-8495-4g3g-x7pr"})).fix_state


def test_the_bare_array_of_the_first_versions_is_read() -> None:
    assert 1 == len(pip_audit.parse(document([a_row(a_flaw())])).observations)


def test_a_clean_report_is_ok() -> None:
    one = scan(a_row())

    assert (Status.OK, (), (Evidence.DEPENDENCIES,)) == (one.status, one.notes, one.kinds)


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ({"name": "azure", "skip_reason": "not on PyPI"}, "'azure' was not audited: 'not on PyPI'"),
        ({"name": "azure", "vulns": []}, "'azure' was not audited: 'no reason given'"),
        ({"name": "azure", "version": "1"}, "'azure' was not audited: 'no reason given'"),
        ({"name": "azure", "version": "", "vulns": []}, "'azure' was not audited: 'no reason given'"),
    ],
)
def test_a_row_that_was_not_audited_is_a_coverage_gap(row: dict[str, Any], note: str) -> None:
    one = scan(a_row(), row)

    assert (Status.PARTIAL, (note,)) == (one.status, one.notes)


def test_no_dependency_at_all_is_an_empty_target() -> None:
    assert (Status.EMPTY_TARGET, ("no dependency was audited",)) == (scan().status, scan().notes)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("{}", "report.json:1:1"),
        ("null", "report.json:1:1"),
        ('{"dependencies": null}', "report.json:1:18"),
        ('{"dependencies": [{"version": "1"}]}', "report.json:1:19"),
        ('{"dependencies": [\n{"name": "a", "version": 1}]}', "report.json:2:26"),
        ('[{"name": "a", "vulns": [{"aliases": []}]}]', "report.json:1:26"),
    ],
)
def test_another_shape_is_refused_at_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as refused:
        pip_audit.parse(document(source))

    assert place == refused.value.problems[0].place()
