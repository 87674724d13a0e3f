"""What the adapters of package and image tools share: aliases, severities, versions, package URLs."""

from __future__ import annotations

import pytest

from gate.ingest import Read
from gate.model import FixState, Severity, Status
from scanners import flaws
from tests.scanners.builders import document, read

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("id_", "names", "aliases"),
    [
        ("CVE-2026-0001", ["GHSA-a", "CVE-2026-0001"], ("GHSA-a",)),
        ("XRAY-1", ["CVE-2026-0001"], ("CVE-2026-0001",)),
        ("XRAY-1", ["CVE-2026-0001", "CVE-2026-0002"], ()),
        ("CVE-2026-0001", ["CVE-2026-0002", "GHSA-a"], ("GHSA-a",)),
        ("CVE-2026-0001", ["DSA-5283-1", "RHSA-2019:0109", ""], ()),
    ],
)
def test_an_alias_names_one_flaw_and_no_other(id_: str, names: list[str], aliases: tuple[str, ...]) -> None:
    assert aliases == flaws.aliases(id_, names)


def test_a_word_that_nobody_explains_is_unknown() -> None:
    assert Severity.UNKNOWN is flaws.worded("catastrophic")
    assert Severity.UNKNOWN is flaws.worded(None, {"none": Severity.INFO})
    assert Severity.INFO is flaws.worded(" None ", {"none": Severity.INFO})


def test_a_package_of_a_system_that_is_not_known_has_no_package_url_and_keeps_its_name() -> None:
    seen = flaws.observed(flaws.Flaw(id="CVE-2026-0001", package="openssl", system="windows"), "tool")

    assert (None, "windows:openssl") == (seen.finding.purl, seen.context)


@pytest.mark.parametrize(
    ("fixed", "state"), [(["1.2", ""], FixState.FIXED), ([""], FixState.NOT_FIXED), ([], FixState.NOT_FIXED)]
)
def test_an_empty_version_is_no_fix(fixed: list[str], state: FixState) -> None:
    flaw = flaws.Flaw(id="CVE-2026-0001", package="a", fixed=fixed, unfixed=FixState.NOT_FIXED)

    assert state is flaws.observed(flaw, "tool").finding.fix_state


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_an_epss_that_is_no_probability_is_none(value: float) -> None:
    assert flaws.observed(flaws.Flaw(id="x", package="a", epss=value), "tool").finding.epss is None


# ------------------------------------------------------------------------------ ways to fail open


def found(report: object) -> Read:
    return read(document(report).data)


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (
            {"meta": {"application": "Dependency-Track"}, "project": {}, "findings": None},
            Status.FAILED,
        ),
        ({"total_rows": 1, "rows": []}, Status.PARTIAL),
        ({"LayerCount": 0, "Vulnerabilities": {}}, Status.EMPTY_TARGET),
        ({"image": "a", "unapproved": ["CVE-2026-0001"], "vulnerabilities": []}, Status.PARTIAL),
        ({"image_summary": {"digest": DIGEST}, "discovery_summary": {"discovery": []}}, Status.FAILED),
        ({"count": 9, "page": 1, "pagesize": 50, "query": {}, "result": []}, Status.PARTIAL),
        ({"response": [], "supportToken": "", "additionalData": {"totalItems": 1}}, Status.PARTIAL),
        ({"advisories": [], "abandoned": [], "unreachable-repositories": ["r"]}, Status.PARTIAL),
        ({"config": {"scanner_name": "govulncheck"}}, Status.PARTIAL),
        (
            {"summary": {"fatal": 1, "warn": 0, "info": 0, "pass": 0}, "details": None},
            Status.PARTIAL,
        ),
        ({"panels": [{"data": []}], "zones": []}, Status.EMPTY_TARGET),
    ],
    ids=[
        "dependency-track", "jfrog-xray", "klar", "clair-scanner", "gcloud", "aqua", "mend", "composer",
        "govulncheck", "dockle", "sysdig",
    ],
)  # fmt: skip
def test_a_report_without_findings_that_proves_nothing_is_not_ok(report: object, status: Status) -> None:
    assert (status, ()) == (found(report).scan.status, found(report).scan.observations)


def test_what_nancy_lists_as_audited_alone_is_not_lost() -> None:
    flaw = {"ID": "CVE-2026-0001", "Title": "a", "CvssScore": "9.8", "Cve": "CVE-2026-0001"}
    package = {"Coordinates": "pkg:golang/a/b@v1", "Vulnerabilities": [flaw]}
    report = {"audited": [package], "vulnerable": [], "num_audited": 1, "num_vulnerable": 0, "invalid": []}

    assert Status.PARTIAL is found(report).scan.status


def test_an_evaluation_that_failed_without_a_row_is_partial() -> None:
    report = {
        "evaluatedTag": "a:1",
        "evaluations": [{"status": "fail", "finalAction": "stop", "details": []}],
    }

    assert Status.PARTIAL is found(report).scan.status


def test_a_roll_out_makes_no_finding_of_the_operator_new() -> None:
    def report(replica_set: str) -> object:
        labels = {
            "trivy-operator.resource.kind": "ReplicaSet",
            "trivy-operator.resource.name": replica_set,
            "trivy-operator.resource.namespace": "shop",
        }
        checks = [{"checkID": "KSV014", "severity": "LOW", "success": False, "title": "a"}]
        return {
            "apiVersion": "aquasecurity.github.io/v1alpha1",
            "kind": "ConfigAuditReport",
            "metadata": {"name": "r", "labels": labels},
            "report": {"checks": checks, "summary": {"lowCount": 1}},
        }

    [old], [new] = (found(report(name)).scan.observations for name in ("web-7d4b9c6f5d", "web-6c8f7b9d44"))

    assert "ReplicaSet/shop/web" == old.finding.location.resource == new.finding.location.resource
