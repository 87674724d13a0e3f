from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import (
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kev,
    Kind,
    Location,
    ReportSubject,
    Scan,
    Severity,
    Status,
)
from scanners import grype
from tests.scanners.builders import document

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
IMAGE = {"userInput": "busybox:latest", "manifestDigest": B, "repoDigests": [f"busybox@{A}"]}


def a_match(
    related: Any = (), details: Any = (), artifact: Any = None, **vulnerability: Any
) -> dict[str, Any]:
    return {
        "vulnerability": {"id": "CVE-2024-1", "severity": "High"} | vulnerability,
        "relatedVulnerabilities": list(related),
        "matchDetails": list(details) if isinstance(details, (list, tuple)) else details,
        "artifact": {"name": "jira", "version": "2.0.0", "purl": "pkg:pypi/jira@2.0.0"} | (artifact or {}),
    }


def a_report(*matches: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "matches": list(matches),
        "source": {"type": "image", "target": IMAGE},
        "distro": {"name": "debian", "version": "12"},
        "descriptor": {"name": "grype", "version": "0.96.0"},
    } | changes


def scan(report: Any) -> Scan:
    return grype.parse(document(report))


def the_finding(match: dict[str, Any]) -> Finding:
    (seen,) = scan(a_report(match)).observations
    return seen.finding


def described(**descriptor: Any) -> Scan:
    return scan(a_report(descriptor={"name": "grype", "version": "0.96.0"} | descriptor))


# ------------------------------------------------------------------------------ the whole report


def test_a_report_names_itself() -> None:
    assert "it has matches and descriptor.name is grype" == grype.detect(document(a_report()))


@pytest.mark.parametrize(
    "other", [{}, [], None, {"matches": []}, {"matches": [], "descriptor": {"name": "other"}}]
)
def test_other_documents_are_not_claimed(other: Any) -> None:
    assert grype.detect(document(other)) is None


def test_an_image_is_the_subject_with_its_repository_digest() -> None:
    read = scan(a_report())

    assert ReportSubject(name="busybox:latest", digest=A) == read.subject
    assert (Evidence.IMAGE, Evidence.DEPENDENCIES) == read.kinds


def test_an_image_without_a_repository_digest_has_that_of_its_manifest() -> None:
    target = IMAGE | {"repoDigests": ["REDACTED"]}

    assert (
        ReportSubject(name="busybox:latest", digest=B)
        == scan(a_report(source={"type": "image", "target": target})).subject
    )


@pytest.mark.parametrize("target", [".", {"path": "."}, None])
def test_a_directory_is_evidence_of_dependencies_alone(target: Any) -> None:
    read = scan(a_report(source={"type": "directory", "target": target}))

    assert ((Evidence.DEPENDENCIES,), None) == (read.kinds, read.subject)


def test_version_and_time_of_the_scan_are_kept() -> None:
    read = described(timestamp="2024-02-22T19:46:26.372724916+01:00")

    assert ("0.96.0", "2024-02-22T18:46:26.372724Z") == (read.scanner_version, read.created)


@pytest.mark.parametrize(
    "db", [{"built": "2024-02-20T01:00:00Z"}, {"status": {"built": "2024-02-20T01:00:00Z", "valid": True}}]
)
def test_the_age_of_the_database_is_a_note(db: dict[str, Any]) -> None:
    read = described(timestamp="2024-02-27T19:00:00Z", db=db)

    assert ("vulnerability database of 2024-02-20T01:00:00Z, 7 days before the scan",) == read.notes
    assert Status.OK == read.status


@pytest.mark.parametrize(
    "db", [{"error": "checksum"}, {"status": {"valid": False}}, {"status": {"error": "x"}}]
)
def test_a_database_that_was_not_usable_makes_the_report_partial(db: dict[str, Any]) -> None:
    read = described(db=db)

    assert Status.PARTIAL == read.status
    assert "not usable" in read.notes[0]


@pytest.mark.parametrize(
    ("configuration", "word"),
    [
        ({"only-fixed": True}, "(only-fixed)"),
        ({"only-notfixed": True}, "(only-notfixed)"),
        ({"ignore": [{"vulnerability": "CVE-2024-1"}]}, "(ignore)"),
        ({"ignore-wontfix": "wont-fix"}, "(ignore-wontfix)"),
        ({"vex-documents": ["a.json"]}, "(vex-documents)"),
        ({"exclude": ["./vendor/**"]}, "(exclude)"),
    ],
)
def test_what_was_filtered_before_is_a_note(configuration: dict[str, Any], word: str) -> None:
    (note,) = described(configuration=configuration).notes

    assert word in note


def test_settings_that_filter_nothing_are_no_note() -> None:
    settings: dict[str, Any] = {
        "only-fixed": False,
        "ignore": None,
        "ignore-wontfix": "",
        "vex-documents": [],
    }

    assert () == described(configuration=settings).notes


def test_suppressed_matches_are_counted_in_a_note() -> None:
    read = scan(a_report(ignoredMatches=[a_match(), a_match()]))

    assert ("2 matches are suppressed in the report (ignoredMatches)",) == read.notes


def test_an_image_without_distribution_is_noted_as_a_gap() -> None:
    read = scan(a_report(distro={"name": "", "version": ""}))

    assert (
        "no distribution was recognised in the image: its system packages were not matched",
    ) == read.notes


# ---------------------------------------------------------------------------------------- matches


def test_a_match_is_read_whole() -> None:
    match = a_match(
        related=[{"id": "CVE-2024-1"}],
        details=[{"type": "exact-direct-match", "matcher": "python-matcher"}],
        artifact={"locations": [{"path": "/usr/lib/a"}, {"path": "/usr/lib/b"}]},
        id="GHSA-aaaa-bbbb-cccc",
        fix={"versions": ["2.0.1"], "state": "fixed"},
        cvss=[{"source": "nvd@nist.gov", "version": "3.1", "vector": V3, "metrics": {"baseScore": 9.8}}],
    )

    assert Finding(
        kind=Kind.VULNERABILITY,
        rule="GHSA-aaaa-bbbb-cccc",
        title="GHSA-aaaa-bbbb-cccc in jira 2.0.0",
        severity=Severity.HIGH,
        severity_raw="High",
        aliases=("CVE-2024-1",),
        cvss=(Cvss(version="3.1", vector=V3, score=9.8, source="nvd@nist.gov"),),
        purl="pkg:pypi/jira@2.0.0",
        version="2.0.0",
        fixed_versions=("2.0.1",),
        fix_state=FixState.FIXED,
        location=Location(file="/usr/lib/a", image="busybox:latest"),
        scanners=("grype",),
        confidence="high",
    ) == the_finding(match)


@pytest.mark.parametrize("type_", ["apk", "deb", "rpm", "alpm", "portage"])
def test_the_database_of_a_package_manager_is_no_place_of_a_package(type_: str) -> None:
    match = a_match(artifact={"type": type_, "locations": [{"path": "/var/lib/dpkg/status"}]})

    assert Location(image="busybox:latest") == the_finding(match).location


@pytest.mark.parametrize(
    ("fix", "state"),
    [
        ({"versions": ["2"], "state": "fixed"}, FixState.FIXED),
        ({"versions": ["2"], "state": "wont-fix"}, FixState.FIXED),
        ({"versions": [], "state": "fixed"}, FixState.FIXED),
        ({"versions": [], "state": "not-fixed"}, FixState.NOT_FIXED),
        ({"versions": None, "state": "wont-fix"}, FixState.WONT_FIX),
        ({"versions": [], "state": "unknown"}, FixState.UNKNOWN),
        ({"versions": [], "state": ""}, FixState.UNKNOWN),
        ({"versions": [], "state": "a new word"}, FixState.UNKNOWN),
        ({}, FixState.UNKNOWN),
        (None, FixState.UNKNOWN),
    ],
)
def test_what_grype_does_not_know_of_a_fix_is_unknown(fix: object, state: FixState) -> None:
    assert state is the_finding(a_match(fix=fix)).fix_state


def test_all_related_vulnerabilities_are_aliases_and_not_the_first_alone() -> None:
    match = a_match(related=[{"id": "CVE-2024-2"}, {"id": "CVE-2024-1"}], id="GHSA-aaaa-bbbb-cccc")

    assert ("CVE-2024-1", "CVE-2024-2") == the_finding(match).aliases


def test_by_cve_the_advisory_is_the_alias() -> None:
    assert ("GHSA-aaaa-bbbb-cccc",) == the_finding(a_match(related=[{"id": "GHSA-aaaa-bbbb-cccc"}])).aliases


def test_the_same_id_in_another_namespace_is_no_alias() -> None:
    assert () == the_finding(a_match(related=[{"id": "CVE-2024-1"}])).aliases


def test_an_advisory_that_bundles_flaws_does_not_make_them_aliases_of_each_other() -> None:
    related = [{"id": "CVE-2024-37370"}, {"id": "CVE-2024-37371"}]

    assert () == the_finding(a_match(related=related, id="ALAS-2024-2595")).aliases


def test_an_advisory_with_a_single_flaw_has_it_as_alias() -> None:
    assert ("CVE-2024-5535",) == the_finding(
        a_match(related=[{"id": "CVE-2024-5535"}], id="ALAS-2024-2604")
    ).aliases


def test_scores_come_from_the_related_record_where_the_own_has_none() -> None:
    related = [{"id": "CVE-2024-2", "cvss": [{"version": "3.1", "vector": V3}]}]

    assert (Cvss(version="3.1", vector=V3, score=9.8),) == the_finding(a_match(related=related, cvss=[])).cvss


def test_scores_of_the_record_itself_stand_alone() -> None:
    own = [{"version": "3.1", "metrics": {"baseScore": 5.0}}]
    related = [{"id": "CVE-2024-2", "cvss": [{"version": "3.1", "vector": V3}]}]

    assert (Cvss(version="3.1", score=5.0),) == the_finding(a_match(related=related, cvss=own)).cvss


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Critical", Severity.CRITICAL),
        ("Negligible", Severity.INFO),
        ("Unknown", Severity.UNKNOWN),
        ("", Severity.UNKNOWN),
        ("Severe", Severity.UNKNOWN),
    ],
)
def test_negligible_is_information_and_unknown_stays_unknown(word: str, expected: Severity) -> None:
    assert expected == the_finding(a_match(severity=word)).severity


def test_a_match_without_severity_is_unknown() -> None:
    match = a_match()
    del match["vulnerability"]["severity"]

    assert (Severity.UNKNOWN, None) == (the_finding(match).severity, the_finding(match).severity_raw)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["cpe-match"], "low"),
        (["exact-indirect-match"], "medium"),
        (["exact-direct-match"], "high"),
        (["cpe-match", "exact-direct-match"], "high"),
        (["new-kind-of-match"], None),
        ([], None),
    ],
)
def test_the_kind_of_match_is_its_confidence(types: list[str], expected: str | None) -> None:
    assert expected == the_finding(a_match(details=[{"type": type_} for type_ in types])).confidence


@pytest.mark.parametrize(
    "details",
    [
        {"matcher": "python-matcher", "searchKey": {"cpe": "cpe:2.3:a:*:jira"}, "matchedOn": {}},
        [{"matcher": "stock-matcher", "searchedBy": {"cpes": ["cpe:2.3:a:*:jira"]}}],
    ],
    ids=["0.7", "0.24"],
)
def test_a_search_by_cpe_in_an_old_report_has_low_confidence(details: Any) -> None:
    assert "low" == the_finding(a_match(details=details)).confidence


def test_an_old_report_has_its_scores_and_fix_elsewhere() -> None:
    match = a_match(
        cvssV2={"baseScore": 7.5, "vector": "AV:N/AC:L/Au:N/C:P/I:P/A:P"},
        cvssV3={"baseScore": -1, "vector": ""},
        fixedInVersion="3.27.2",
    )
    finding = the_finding(match)

    assert (Cvss(version="2.0", vector="AV:N/AC:L/Au:N/C:P/I:P/A:P", score=7.5),) == finding.cvss
    assert ("3.27.2",) == finding.fixed_versions


@pytest.mark.parametrize("state", ["not-fixed", "wont-fix", "unknown", ""])
def test_a_match_without_fix_has_no_fixed_version(state: str) -> None:
    assert () == the_finding(a_match(fix={"versions": [], "state": state})).fixed_versions


def test_the_highest_probability_counts() -> None:
    epss = [
        {"cve": "CVE-1", "epss": 0.01, "percentile": 0.9},
        {"cve": "CVE-2", "epss": 0.5, "percentile": 0.1},
    ]

    assert 0.5 == the_finding(a_match(epss=epss)).epss


def test_no_data_about_exploitation_is_not_zero() -> None:
    finding = the_finding(a_match(epss=[]))

    assert (None, None) == (finding.epss, finding.kev)


def test_known_exploitation_is_kept_with_its_earliest_date() -> None:
    known = [
        {"cve": "CVE-2", "dateAdded": "2024-05-01", "dueDate": "2024-05-22"},
        {"cve": "CVE-1", "dateAdded": "2024-04-01", "knownRansomwareCampaignUse": "Known"},
    ]

    assert (
        Kev(added="2024-04-01", due="2024-05-22", ransomware=True)
        == the_finding(a_match(knownExploited=known)).kev
    )


def test_unknown_use_by_ransomware_stays_unknown() -> None:
    known = [{"dateAdded": "2024-04-01", "knownRansomwareCampaignUse": "Unknown"}]

    assert (
        Kev(added="2024-04-01")
        == the_finding(a_match(related=[{"id": "CVE-2", "knownExploited": known}])).kev
    )


def test_a_package_without_purl_keeps_its_name_as_context() -> None:
    (seen,) = scan(a_report(a_match(artifact={"purl": "", "version": None}))).observations

    assert (None, None, "jira") == (seen.finding.purl, seen.finding.version, seen.context)


# ----------------------------------------------------------------------------------- wrong shapes


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"matches": []}', "report.json:1:1"),
        ('{"matches": null,\n "descriptor": {"name": "grype", "version": "1"}}', "report.json:1:13"),
        ('{"matches": [],\n "descriptor": {"name": "syft", "version": "1"}}', "report.json:2:25"),
        (
            '{"descriptor": {"name": "grype", "version": "1"},\n "matches": [{"artifact": {"name": "a"}}]}',
            "report.json:2:14",
        ),
        (
            (
                '{"descriptor": {"name": "grype", "version": "1"},\n'
                ' "matches": [{"artifact": {"name": "a"}, "vulnerability": {"id": 7}}]}'
            ),
            "report.json:2:66",
        ),
    ],
)
def test_another_shape_is_refused_with_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as caught:
        grype.parse(document(source))

    assert place == caught.value.problems[0].place()
