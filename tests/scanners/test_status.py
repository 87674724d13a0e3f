"""Ways to fail open in the formats of docs/formats-more.md: nothing looked at, nothing run, less than counted."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.json import encode

from gate.errors import ReportError
from gate.model import Evidence, Severity, Status
from tests.scanners.builders import read

KICS: dict[str, Any] = {"queries": [], "files_scanned": 1, "files_parsed": 1, "queries_total": 9}
PAGE: dict[str, Any] = {"issues": [], "components": []}
SUMMARY = {"valid": 0, "invalid": 0, "errors": 0, "skipped": 0}
ISSUE = {"rule": "r", "component": "c:a", "type": "VULNERABILITY", "status": "OPEN"}


def status(format_: str, report: object) -> Status:
    data = report.encode() if isinstance(report, str) else encode(report)
    return read(data, "report", format_).report.status


@pytest.mark.parametrize(
    ("format_", "report"),
    [
        ("eslint", []),
        ("secretlint", []),
        ("kube-score", None),
        ("kubesec", []),
        ("conftest", []),
        ("kics", KICS | {"files_parsed": 0}),
        ("kube-bench", [{"tests": None, "node_type": "n", "text": "t"}]),
        ("kubescape", {"results": [], "summaryDetails": {"controls": {"C-1": {"scoreFactor": 1}}}}),
        ("kubeconform", {"resources": [], "summary": SUMMARY}),
        ("kubeconform", {"resources": None}),
        ("policyreport", {"kind": "PolicyReport", "apiVersion": "wgpolicyk8s.io/v1alpha2", "summary": {}}),
        ("policyreport", {"items": []}),
        ("junit", "<testsuites/>"),
        ("junit", '<testsuite><testcase name="a"><skipped/></testcase></testsuite>'),
        ("cobertura", '<coverage line-rate="1" lines-valid="0" lines-covered="0"/>'),
        ("jacoco", '<report name="a"><counter type="LINE" missed="0" covered="0"/></report>'),
        ("lcov", "TN:\n"),
    ],
)
def test_what_looked_at_nothing_has_an_empty_target(format_: str, report: object) -> None:
    assert Status.EMPTY_TARGET == status(format_, report)


@pytest.mark.parametrize(
    ("format_", "report"),
    [
        ("kics", KICS | {"queries_total": 0}),
        ("terrascan", {"results": {"violations": None, "scan_summary": {"policies_validated": 0}}}),
        ("detect-secrets", {"results": {}, "plugins_used": []}),
        ("horusec", {"status": "running", "analysisVulnerabilities": []}),
        ("kubescape", {"results": [], "summaryDetails": {"controls": {}}}),
        ("kubescape", {"results": [], "summaryDetails": {}}),
        ("conftest", [{"filename": "a", "namespace": "main", "successes": 0}]),
        ("sonarqube", {"paging": {"total": 0}, "components": []}),
        ("fortify", "<ReportDefinition/>"),
    ],
)
def test_where_nothing_was_run_the_scan_failed(format_: str, report: object) -> None:
    assert Status.FAILED == status(format_, report)


@pytest.mark.parametrize(
    ("format_", "report"),
    [
        ("ggshield", {"total_incidents": 1, "total_occurrences": 1}),
        ("ggshield", {"total_incidents": 0, "scans": []}),
        ("sonarqube", PAGE | {"paging": {"total": 1}}),
        ("sonarqube", PAGE),
        ("checkmarx-one", {"results": [], "totalCount": 1, "scanID": "s"}),
        ("checkmarx-one", {"scanResults": None, "iacScanResults": None}),
        ("veracode", {"_embedded": {"findings": []}, "page": {"total_pages": 2}}),
        ("veracode", {"_embedded": {"findings": []}}),
        ("veracode", '<detailedreport total_flaws="1"/>'),
        ("kubeconform", {"resources": [], "summary": SUMMARY | {"valid": 3, "skipped": 1}}),
        ("kubeconform", {"resources": [], "summary": SUMMARY | {"invalid": 1}}),
        ("kubeconform", {"resources": [{"status": "statusNew"}], "summary": SUMMARY}),
        ("policyreport", {"kind": "Report", "apiVersion": "openreports.io/v1alpha1", "summary": {"fail": 2}}),
        ("spotbugs", "<BugCollection/>"),
        ("spotbugs", '<BugCollection><Errors errors="0" missingClasses="0"/></BugCollection>'),
        ("terraform-plan", {"format_version": "1.2", "complete": False, "planned_values": {}}),
        ("terraform-plan", {"format_version": "1.2", "planned_values": {}, "checks": [{"status": "error"}]}),
        ("terraform-plan", {"format_version": "1.2", "planned_values": {}, "checks": [{"status": "new"}]}),
        ("lcov", "TN:\nSF:a\nDA:1,1\n"),
        ("lcov", "TN:\nSF:a\nDA:1,1\nLF:9\nend_of_record\n"),
        ("lcov", "TN:\nSF:a\nDA:1,1\nSF:b\nDA:1,1\nend_of_record\n"),
    ],
)
def test_fewer_than_counted_or_no_sign_of_an_end_is_partial(format_: str, report: object) -> None:
    assert Status.PARTIAL == status(format_, report)


@pytest.mark.parametrize(
    ("format_", "report"),
    [
        ("kics", {"queries": [], "queries_total": 9}),
        ("terrascan", {"results": {"violations": None}}),
        ("kube-hunter", {"vulnerabilities": []}),
        ("kubescape", {"results": []}),
        ("njsscan", {"njsscan_version": "1", "nodejs": {}, "templates": {}}),
        ("terraform-plan", {"format_version": "2.0", "planned_values": {}}),
        (
            "cobertura",
            '<coverage line-rate="1"><packages><package><classes><class filename="a"><lines><line number="1"/></lines></class></classes></package></packages></coverage>',
        ),
        ("jacoco", '<report name="a"><x/></report>'),
        ("jacoco", '<report name="a"><counter type="LINE" missed="-1" covered="9"/></report>'),
        ("lcov", "TN:\nSF:a\nDA:1,x\nend_of_record\n"),
        ("burp", "<issues/>"),
        ("wapiti", '<report type="security"/>'),
        ("nuclei", ""),
        ("kubeaudit", ""),
    ],
)
def test_a_report_without_what_its_tool_always_writes_is_refused(format_: str, report: object) -> None:
    with pytest.raises(ReportError):
        status(format_, report)


@pytest.mark.parametrize(
    ("format_", "report"),
    [
        ("tfsec", {"results": [{"rule_id": "a", "severity": "", "location": {"filename": "f"}}]}),
        ("kube-bench", [{"tests": [{"results": [{"test_number": "1", "status": "NEW"}]}]}]),
        ("sonarqube", PAGE | {"issues": [ISSUE], "paging": {"total": 1}}),
        (
            "legitify",
            {
                "type": "flattened",
                "content": {
                    "a": {
                        "policyInfo": {"title": "t", "policyName": "n", "severity": "?"},
                        "violations": [{"status": "ODD"}],
                    }
                },
            },
        ),
        (
            "polaris",
            {
                "PolarisOutputVersion": "1",
                "Results": [
                    {"Name": "a", "Kind": "Pod", "Results": {"x": {"Success": False, "Severity": "odd"}}}
                ],
            },
        ),
    ],
)
def test_a_word_that_nobody_knows_counts_with_an_unknown_severity(format_: str, report: object) -> None:
    [seen] = read(encode(report), "report", format_).scan.observations

    assert Severity.UNKNOWN == seen.finding.severity


@pytest.mark.parametrize(
    "report", [{"results": [], "totalCount": 0, "scanID": "s"}, {"scanResults": None, "iacScanResults": None}]
)
def test_checkmarx_results_are_no_evidence_of_an_engine_that_found_nothing(report: dict[str, Any]) -> None:
    kinds = read(encode(report), "report", "checkmarx-one").scan.kinds

    assert Evidence.CODE not in kinds


OBJECT: dict[str, Any] = {
    "object": "Pod/a.b",
    "valid": True,
    "score": -30,
    "message": "Failed with a score of -30 points",
}
TERRASCAN = {"violations": None, "scan_summary": {"policies_validated": 9, "violated_policies": 1}}
WIZ = {"ruleMatches": None, "secrets": None, "scanStatistics": {"filesParsed": 1, "criticalMatches": 1}}
CLAIR: dict[str, Any] = {
    "manifest_hash": "sha256:a",
    "packages": {"1": {"name": "bash", "version": "1"}},
    "vulnerabilities": {"7": {"name": "CVE-2026-0001"}},
}


@pytest.mark.parametrize(
    ("format_", "report"),
    [
        ("npm-audit", {"advisories": {}, "metadata": {"totalDependencies": 9, "vulnerabilities": {"high": 1}}}),
        ("npm-audit", {"vulnerabilities": {}, "metadata": {"dependencies": 9, "vulnerabilities": {"total": 1}}}),
        ("gosec", {"Issues": None, "Stats": {"files": 3, "found": 1}}),
        ("terrascan", {"results": TERRASCAN}),
        ("wizcli-iac", {"status": {"state": "SUCCESS"}, "result": WIZ}),
        ("popeye", {"popeye": {"score": 1, "sanitizers": [{"sanitizer": "pods", "tally": {"error": 1}}]}}),
        ("kubesec", [OBJECT]),
        ("kubescape", {"results": [{"resourceID": "a", "controls": None}], "summaryDetails": {"controls": {"C-1": {"status": "failed"}}}}),
        ("clair", CLAIR | {"package_vulnerabilities": None}),
        ("clair", {"Layer": {"Name": "a", "IndexedByVersion": 1, "Features": [{"Name": "bash"}]}}),
        ("aqua", {"cves": None, "cves_counts": {"total": 1}}),
        ("junit", '<testsuite failures="1"><testcase name="a"/></testsuite>'),
        ("junit", '<testsuites errors="1"><testsuite><testcase name="a"/></testsuite></testsuites>'),
        ("nikto", '<niktoscan><scandetails><statistics itemsfound="1"/></scandetails></niktoscan>'),
        ("spotbugs", '<BugCollection><Errors errors="0" missingClasses="0"/><FindBugsSummary total_classes="1" total_bugs="1"/></BugCollection>'),
    ],
)  # fmt: skip
def test_what_is_counted_and_not_listed_is_not_clean(format_: str, report: object) -> None:
    assert Status.PARTIAL == status(format_, report)


def test_an_image_that_was_described_without_its_flaws_proves_nothing() -> None:
    finished = {"discovery": [{"discovery": {"analysisStatus": "FINISHED_SUCCESS"}}]}
    report = {"image_summary": {"digest": "sha256:a"}, "discovery_summary": finished}

    assert Status.FAILED == status("gcloud-artifact-scan", report)
    assert Status.OK == status(
        "gcloud-artifact-scan", report | {"package_vulnerability_summary": {"vulnerabilities": {}}}
    )


@pytest.mark.parametrize("word", ["Failed", "error", ""])
def test_a_rule_of_kubescape_with_an_unknown_status_has_not_passed(word: str) -> None:
    rule = {"name": "r", "status": word}
    control = {"controlID": "C-1", "rules": [rule]}
    report = {
        "results": [{"resourceID": "a", "controls": [control]}],
        "summaryDetails": {"controls": {"C-1": {"scoreFactor": 1}}},
    }

    assert Status.PARTIAL == status("kubescape", report)
    rule["status"] = "passed"
    assert Status.OK == status("kubescape", report)


@pytest.mark.parametrize("alerts", [{}, {"nodes": None}, {"nodes": 7}, {"nodes": {}}])
def test_dependabot_alerts_without_a_list_of_nodes_are_refused(alerts: object) -> None:
    with pytest.raises(ReportError, match="nodes"):
        status("github", {"data": {"repository": {"vulnerabilityAlerts": alerts}}})


@pytest.mark.parametrize(
    "value", [{"result": 7}, {"result": True, "status": {"state": "s"}}, [{"image_name": "a", "results": 7}]]
)
def test_json_of_somebody_else_is_unknown_and_breaks_no_adapter(value: object) -> None:
    with pytest.raises(ReportError) as caught:
        read(encode(value), "report.json")

    assert "format_unknown" == caught.value.problems[0].code


def test_the_link_of_a_live_secret_is_kept_without_credentials() -> None:
    link = "https://user:plain@host.example/page?token=plain"
    place = {"Data": {"Postman": {"link": link}}}
    found = {"SourceMetadata": place, "DetectorName": "URI", "Verified": True, "Raw": "plain"}
    [seen] = read(encode([found]), "report.json").scan.observations

    assert "https://host.example/page" == seen.finding.location.url
