from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import (
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    ReportSubject,
    Scan,
    Severity,
    Status,
    Vex,
)
from scanners import trivy
from tests.scanners.builders import document

DIGEST = f"sha256:{'a' * 64}"


def a_vulnerability(**changes: Any) -> dict[str, Any]:
    return {
        "VulnerabilityID": "CVE-2024-1",
        "PkgName": "openssl",
        "PkgIdentifier": {"PURL": "pkg:apk/alpine/openssl@3.0.1"},
        "InstalledVersion": "3.0.1",
        "Severity": "HIGH",
    } | changes


def a_check(**changes: Any) -> dict[str, Any]:
    return {"ID": "DS-0002", "Title": "runs as root", "Severity": "HIGH", "Status": "FAIL"} | changes


def a_result(**changes: Any) -> dict[str, Any]:
    return {"Target": "alpine:3.11 (alpine 3.11.13)", "Class": "os-pkgs", "Type": "alpine"} | changes


def a_report(*results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    report = {"SchemaVersion": 2, "ArtifactName": "alpine:3.11", "ArtifactType": "container_image"}
    return report | ({"Results": list(results)} if results else {}) | changes


def scan(report: Any) -> Scan:
    return trivy.parse(document(report))


def findings(*results: dict[str, Any], **changes: Any) -> list[Finding]:
    return [seen.finding for seen in scan(a_report(*results, **changes)).observations]


def the_vulnerability(**changes: Any) -> Finding:
    (finding,) = findings(a_result(Vulnerabilities=[a_vulnerability(**changes)]))
    return finding


def the_check(**changes: Any) -> Finding:
    (finding,) = findings(
        a_result(Target="Dockerfile", Class="config", Misconfigurations=[a_check(**changes)])
    )
    return finding


# ------------------------------------------------------------------------------------- detection


@pytest.mark.parametrize(
    "report",
    [
        a_report(),
        {"SchemaVersion": 2, "ArtifactType": "filesystem"},
        {"ClusterName": "", "Resources": []},
        {"ClusterName": "c", "Vulnerabilities": [], "Misconfigurations": []},
        {"invocation": {}, "scanner": {"result": a_report()}},
        [{"Target": "debian", "Vulnerabilities": None}],
    ],
    ids=["report", "type only", "cluster", "cluster before 0.40", "cosign-vuln", "legacy array"],
)
def test_every_form_of_report_is_recognised(report: Any) -> None:
    assert trivy.detect(document(report))


@pytest.mark.parametrize(
    "other",
    [
        None,
        [],
        {},
        {"SchemaVersion": 2},
        {"schemaVersion": 2, "artifactType": "application/spdx+json"},
        {"kind": "VulnerabilityReport", "report": {"artifact": {}, "vulnerabilities": []}},
        {"ClusterName": "c"},
    ],
)
def test_other_documents_are_not_claimed(other: Any) -> None:
    assert trivy.detect(document(other)) is None


# ---------------------------------------------------------------------------------- whole reports


def test_a_report_without_results_is_an_empty_target_and_not_ok() -> None:
    read = scan(a_report())

    assert Status.EMPTY_TARGET == read.status
    assert "Results is absent" in read.notes[0]


def test_a_report_with_an_empty_list_of_results_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == scan(a_report(Results=[])).status


def test_a_declared_null_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == scan(None).status


def test_a_declared_empty_legacy_array_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == scan([]).status


def test_a_legacy_array_is_read() -> None:
    read = scan(
        [{"Target": "debian (debian 10.8)", "Type": "debian", "Vulnerabilities": [a_vulnerability()]}]
    )

    assert 1 == len(read.observations)
    assert (Evidence.DEPENDENCIES,) == read.kinds
    assert Location() == read.observations[0].finding.location


def test_a_cosign_vuln_predicate_is_read_through() -> None:
    result = a_report(a_result(Vulnerabilities=[a_vulnerability()]))

    assert 1 == len(scan({"invocation": {}, "scanner": {"result": result}}).observations)


def test_missing_and_null_lists_are_no_findings() -> None:
    assert [] == findings(a_result(), a_result(Vulnerabilities=None, Secrets=None, Licenses=None))


def test_version_and_time_of_the_scan_are_kept() -> None:
    read = scan(
        a_report(a_result(), CreatedAt="2025-09-19T11:20:26.307908999+02:00", Trivy={"Version": "0.69.1"})
    )

    assert ("0.69.1", "2025-09-19T09:20:26.307908Z") == (read.scanner_version, read.created)


def test_the_subject_is_the_image_with_its_repository_digest_and_never_the_image_id() -> None:
    metadata = {"ImageID": f"sha256:{'b' * 64}", "RepoDigests": [f"alpine@{DIGEST}"]}

    assert ReportSubject(name="alpine:3.11", digest=DIGEST) == scan(a_report(Metadata=metadata)).subject
    del metadata["RepoDigests"]
    assert ReportSubject(name="alpine:3.11") == scan(a_report(Metadata=metadata)).subject


def test_a_file_system_is_no_subject() -> None:
    assert scan(a_report(ArtifactType="filesystem", ArtifactName=".")).subject is None


def test_an_operating_system_at_its_end_of_life_is_a_note() -> None:
    system = {"OS": {"Family": "alpine", "Name": "3.11", "EOSL": True}}

    assert ("the operating system alpine 3.11 is at its end of life",) == scan(
        a_report(a_result(), Metadata=system)
    ).notes


def test_an_image_without_system_packages_is_noted_as_a_gap() -> None:
    read = scan(a_report(a_result(Target="Java", Class="lang-pkgs")))

    assert ("no operating system packages were recognised in the image",) == read.notes


def test_suppressed_findings_are_counted_in_a_note() -> None:
    modified = [{"Type": "vulnerability", "Status": "ignored", "Finding": {}}] * 2

    assert ("2 findings are suppressed in the report (ExperimentalModifiedFindings)",) == scan(
        a_report(a_result(ExperimentalModifiedFindings=modified))
    ).notes


def test_failed_checks_that_the_report_does_not_list_are_noted() -> None:
    summary = {"Successes": 3, "Failures": 8, "Exceptions": 1}
    result = a_result(Class="config", Misconfigurations=[a_check()], MisconfSummary=summary)

    assert (
        "1 failed checks are excepted in the report",
        "the summaries count 8 failed checks, the report lists 1",
    ) == scan(a_report(result, ArtifactType="repository")).notes


# --------------------------------------------------------------------------------------- evidence


@pytest.mark.parametrize(
    ("artifact_type", "class_", "expected"),
    [
        ("container_image", "os-pkgs", (Evidence.IMAGE, Evidence.DEPENDENCIES)),
        ("container_image", "lang-pkgs", (Evidence.IMAGE, Evidence.DEPENDENCIES)),
        ("filesystem", "lang-pkgs", (Evidence.DEPENDENCIES,)),
        ("cyclonedx", "lang-pkgs", (Evidence.DEPENDENCIES,)),
        ("repository", "config", (Evidence.MANIFESTS,)),
        ("repository", "secret", (Evidence.SECRETS,)),
        ("repository", "license", ()),
    ],
)
def test_a_report_proves_what_its_blocks_are_about(
    artifact_type: str, class_: str, expected: tuple[Evidence, ...]
) -> None:
    assert expected == scan(a_report(a_result(Class=class_), ArtifactType=artifact_type)).kinds


@pytest.mark.parametrize("class_", ["secret", "config", "license"])
def test_an_image_report_without_packages_is_no_evidence_of_an_image_scan(class_: str) -> None:
    assert Evidence.IMAGE not in scan(a_report(a_result(Class=class_))).kinds


# -------------------------------------------------------------------------------- vulnerabilities


def test_a_vulnerability_is_read_whole() -> None:
    expected = Finding(
        kind=Kind.VULNERABILITY,
        rule="CVE-2024-1",
        title="a hole",
        severity=Severity.HIGH,
        severity_raw="HIGH",
        aliases=("GHSA-aaaa-bbbb-cccc",),
        cwes=("CWE-79",),
        purl="pkg:apk/alpine/openssl@3.0.1",
        version="3.0.1",
        fixed_versions=("3.0.2",),
        fix_state=FixState.FIXED,
        location=Location(image="alpine:3.11"),
        scanners=("trivy",),
    )

    assert expected == the_vulnerability(
        Title="a hole",
        VendorIDs=["GHSA-aaaa-bbbb-cccc"],
        CweIDs=["CWE-79"],
        FixedVersion="3.0.2",
        Status="fixed",
    )


def test_advisories_that_bundle_flaws_are_no_aliases() -> None:
    assert () == the_vulnerability(VendorIDs=["DSA-4808-1", "RHSA-2019:2304"]).aliases


def test_fixed_versions_are_a_list_and_not_one_version() -> None:
    fixed = the_vulnerability(FixedVersion="11.0.14, 10.1.49, 9.0.112").fixed_versions

    assert ("11.0.14", "10.1.49", "9.0.112") == fixed


@pytest.mark.parametrize("word", ["UNKNOWN", "", "NEGLIGIBLE"])
def test_a_severity_that_is_not_known_is_unknown_and_not_low(word: str) -> None:
    assert Severity.UNKNOWN == the_vulnerability(Severity=word).severity


def test_the_severity_of_the_vendor_is_not_recomputed_from_scores() -> None:
    assert Severity.LOW == the_vulnerability(Severity="LOW", CVSS={"nvd": {"V3Score": 9.8}}).severity


def test_all_scores_of_all_sources_are_kept_and_the_key_of_version_4_is_v40score() -> None:
    vector = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
    cvss = {
        "ghsa": {"V40Vector": vector, "V40Score": 8.7},
        "nvd": {"V2Vector": "AV:N/AC:L/Au:N/C:P/I:P/A:P", "V2Score": 7.5, "V3Score": 9.8},
    }

    assert (
        Cvss(version="4.0", vector=vector, score=8.7, source="ghsa"),
        Cvss(version="2.0", vector="AV:N/AC:L/Au:N/C:P/I:P/A:P", score=7.5, source="nvd"),
        Cvss(version="3.1", score=9.8, source="nvd"),
    ) == the_vulnerability(CVSS=cvss).cvss


@pytest.mark.parametrize("status", ["fixed", "affected", "will_not_fix", "fix_deferred", "end_of_life", ""])
def test_a_status_of_the_vendor_is_no_vex_statement_even_when_it_says_fixed(status: str) -> None:
    assert the_vulnerability(Status=status, FixedVersion="2").vex is None


@pytest.mark.parametrize("status", ["not_affected", "under_investigation"])
def test_a_vulnerability_that_the_vendor_does_not_confirm_stays_and_says_so(status: str) -> None:
    assert Vex(status=status) == the_vulnerability(Status=status).vex


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("affected", FixState.NOT_FIXED),
        ("fix_deferred", FixState.NOT_FIXED),
        ("", FixState.NOT_FIXED),
        ("will_not_fix", FixState.WONT_FIX),
        ("end_of_life", FixState.WONT_FIX),
        ("unknown", FixState.UNKNOWN),
        ("fixed", FixState.FIXED),
    ],
)
def test_without_a_fixed_version_the_status_says_whether_there_is_a_fix(status: str, state: FixState) -> None:
    assert state is the_vulnerability(Status=status, FixedVersion="").fix_state


@pytest.mark.parametrize("status", ["affected", "will_not_fix", ""])
def test_a_fixed_version_is_a_fix_whatever_the_status(status: str) -> None:
    assert FixState.FIXED is the_vulnerability(Status=status, FixedVersion="2").fix_state


def test_the_file_of_a_package_is_its_path() -> None:
    found = a_vulnerability(PkgPath="app/a.jar")
    (finding,) = findings(a_result(Target="Java", Class="lang-pkgs", Vulnerabilities=[found]))

    assert "app/a.jar" == finding.location.file


def test_a_package_of_the_system_has_no_file() -> None:
    assert the_vulnerability(PkgPath="lib/apk/db/installed").location.file is None


def test_the_file_of_a_locked_package_is_the_lock_file() -> None:
    result = a_result(Target="package-lock.json", Class="lang-pkgs", Vulnerabilities=[a_vulnerability()])
    (finding,) = findings(result, ArtifactType="filesystem")

    assert Location(file="package-lock.json") == finding.location


@pytest.mark.parametrize("target", ["Java", "Node.js", "Python"])
def test_a_word_for_many_files_is_no_file(target: str) -> None:
    (finding,) = findings(a_result(Target=target, Class="lang-pkgs", Vulnerabilities=[a_vulnerability()]))

    assert finding.location.file is None


def test_the_description_of_the_image_block_is_no_file() -> None:
    assert the_vulnerability().location.file is None


@pytest.mark.parametrize(
    ("type_", "name", "version", "expected"),
    [
        ("debian", "passwd", "1:4.5-1.1", "pkg:deb/debian/passwd@1:4.5-1.1"),
        ("npm", "@angular/core", "1.0.0", "pkg:npm/%40angular/core@1.0.0"),
        ("gomod", "golang.org/x/text", "v0.3.6", "pkg:golang/golang.org/x/text@v0.3.6"),
        ("pom", "org.slf4j:slf4j-api", "1.7", "pkg:maven/org.slf4j/slf4j-api@1.7"),
        ("pom", "slf4j-api", "1.7", None),
        ("pip", "Foo_Bar", "1", "pkg:pypi/foo-bar@1"),
        ("centos", "bash", "4.2", None),
        ("npm", "", "1", None),
    ],
)
def test_a_package_without_purl_gets_one_only_where_the_mapping_is_certain(
    type_: str, name: str, version: str, expected: str | None
) -> None:
    bare = a_vulnerability(PkgName=name, InstalledVersion=version, PkgIdentifier={})
    (seen,) = scan(a_report(a_result(Type=type_, Vulnerabilities=[bare]))).observations

    assert expected == seen.finding.purl
    assert ("" if expected else name) == seen.context


# ------------------------------------------------------------------------------- other findings


def test_a_check_is_a_finding_only_when_it_did_not_pass() -> None:
    checks = [a_check(ID=status, Status=status) for status in ("PASS", "EXCEPTION", "FAIL")]

    assert ["FAIL"] == [f.rule for f in findings(a_result(Class="config", Misconfigurations=checks))]


@pytest.mark.parametrize("status", ["", "WARN", "fail"])
def test_a_check_whose_status_is_not_known_does_not_vanish(status: str) -> None:
    assert Kind.MISCONFIGURATION == the_check(Status=status).kind


def test_a_check_stands_at_its_cause() -> None:
    cause = {"Resource": "aws_s3_bucket.logs", "StartLine": 12, "EndLine": 14}

    assert (
        Location(file="Dockerfile", line=12, resource="aws_s3_bucket.logs", image="alpine:3.11")
        == the_check(CauseMetadata=cause).location
    )


def test_two_checks_of_one_file_differ_by_resource_or_message() -> None:
    checks = [
        a_check(Message="container a runs as root"),
        a_check(Message="container b runs as root"),
        a_check(Message="m", CauseMetadata={"Resource": "r"}),
    ]
    read = scan(a_report(a_result(Class="config", Misconfigurations=checks)))

    assert ["container a runs as root", "container b runs as root", "r"] == [
        o.context for o in read.observations
    ]


@pytest.mark.parametrize(
    ("id_", "avdid", "expected"),
    [
        ("DS002", "AVD-DS-0002", ("AVD-DS-0002", "DS-0002")),
        ("KSV-0001", "", ()),
        ("AVD-AWS-0089", "AVD-AWS-0089", ("AWS-0089",)),
        ("custom.rule", "", ()),
    ],
)
def test_the_three_spellings_of_a_check_are_aliases(id_: str, avdid: str, expected: tuple[str, ...]) -> None:
    assert expected == the_check(ID=id_, AVDID=avdid).aliases


def test_the_line_of_a_secret_is_kept_apart_and_never_in_the_finding() -> None:
    found = {
        "RuleID": "github-pat",
        "Severity": "CRITICAL",
        "Title": "GitHub token",
        "StartLine": 3,
        "Match": "TOKEN=*****plaintext",
    }
    (seen,) = scan(a_report(a_result(Target=".env", Class="secret", Secrets=[found]))).observations

    assert "plaintext" not in repr(seen)
    assert seen.secret is not None
    assert "TOKEN=*****plaintext" == seen.secret.reveal()
    assert Finding(
        kind=Kind.SECRET,
        rule="github-pat",
        title="GitHub token",
        severity=Severity.CRITICAL,
        severity_raw="CRITICAL",
        location=Location(file=".env", line=3, image="alpine:3.11"),
        scanners=("trivy",),
    ) == (seen.finding)


def test_a_licence_is_a_finding_of_its_package() -> None:
    found = {"Severity": "HIGH", "Category": "restricted", "PkgName": "musl", "Name": "GPL-2.0"}
    (seen,) = scan(a_report(a_result(Class="license", Licenses=[found]))).observations

    assert (Kind.LICENSE, "GPL-2.0", "licence GPL-2.0 of musl", "musl") == (
        seen.finding.kind,
        seen.finding.rule,
        seen.finding.title,
        seen.context,
    )


# --------------------------------------------------------------------------------------- clusters


def a_resource(**changes: Any) -> dict[str, Any]:
    return {"Namespace": "prod", "Kind": "Deployment", "Name": "web", "Results": []} | changes


@pytest.mark.parametrize("key", ["Resources", "Vulnerabilities", "Misconfigurations", "Findings"])
def test_findings_of_a_cluster_carry_their_resource_and_image(key: str) -> None:
    result = a_result(Target="docker.io/redis:6 (debian 10.4)", Vulnerabilities=[a_vulnerability()])
    (seen,) = scan({"ClusterName": "c", key: [a_resource(Results=[result])]}).observations

    assert Location(resource="Deployment/prod/web", image="docker.io/redis:6") == seen.finding.location


def test_the_target_of_a_cluster_check_is_no_file() -> None:
    result = a_result(Target="Deployment/web", Class="config", Misconfigurations=[a_check()])
    read = scan({"ClusterName": "c", "Resources": [a_resource(Results=[result])]})

    assert Location(resource="Deployment/prod/web") == read.observations[0].finding.location
    assert (Evidence.MANIFESTS,) == read.kinds


def test_a_resource_that_was_not_scanned_makes_a_cluster_report_partial() -> None:
    read = scan({"ClusterName": "c", "Resources": [a_resource(Error="cannot pull", Results=None)]})

    assert Status.PARTIAL == read.status
    assert ("Deployment/prod/web was not scanned: 'cannot pull'",) == read.notes


def test_a_cluster_without_results_is_an_empty_target() -> None:
    assert Status.EMPTY_TARGET == scan({"ClusterName": "c", "Resources": [a_resource()]}).status


def test_a_cluster_report_is_no_evidence_of_an_image_scan() -> None:
    resources = [a_resource(Results=[a_result(Vulnerabilities=[a_vulnerability()])])]

    assert () == scan({"ClusterName": "c", "Resources": resources}).kinds


# ---------------------------------------------------------------------------------- wrong shapes


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"SchemaVersion": 3,\n "ArtifactName": "a"}', "report.json:1:19"),
        ('{"SchemaVersion": 2,\n "Results": {}}', "report.json:2:13"),
        ('{"SchemaVersion": 2,\n "Results": [{"Class": "os-pkgs"}]}', "report.json:2:14"),
        (
            '{"SchemaVersion": 2,\n "Results": [{"Target": "t", "Vulnerabilities": [\n  {"PkgName": "p"}]}]}',
            "report.json:3:3",
        ),
        (
            '{"SchemaVersion": 2,\n "Results": [{"Target": "t", "Secrets": [\n  {"VulnerabilityID": "x"}]}]}',
            "report.json:3:3",
        ),
        ('{"ClusterName": "c",\n "Resources": [{}]}', "report.json:2:16"),
        ('[\n{"Vulnerabilities": []}]', "report.json:2:1"),
        ('"a text"', "report.json:1:1"),
    ],
)
def test_another_shape_is_refused_with_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as caught:
        trivy.parse(document(source))

    assert place == caught.value.problems[0].place()


def test_a_secret_is_not_quoted_when_the_shape_is_wrong() -> None:
    report = a_report(a_result(Secrets=[{"RuleID": 7, "Match": "hunter2-hunter2"}]))

    with pytest.raises(ReportError) as caught:
        scan(report)

    assert "hunter2" not in str(caught.value)
