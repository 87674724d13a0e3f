"""The registry of adapters, a literal: format name -> the module that reads it, and its marks.

A new format is one file here and one line below. Adapters import `gate.model`, `gate.errors` and
`gate.documents`, never one another. A module is imported when a document shows one of its marks, or
when somebody names its format: most checks need two or three of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final, NamedTuple, Protocol, cast

from gate.documents.document import Document
from gate.model import Scan


class Adapter(Protocol):
    """What a module of this package offers."""

    def detect(self, document: Document) -> str | None:
        """Why `document` is of this format ("bomFormat is CycloneDX"), or None."""

    def parse(self, document: Document) -> Scan:
        """What `document` says; raises `ReportError` with a position where it cannot be understood."""


@cache
def _imported(module: str) -> Adapter:
    return cast("Adapter", import_module(f"scanners.{module}"))


class Scanner(NamedTuple):
    """One format."""

    module: str
    """Name of its module in this package."""
    marks: tuple[str, ...]
    """At least one of these shows at a first look (`Document.marks`) in every document of the format."""

    @property
    def adapter(self) -> Adapter:
        """The module itself."""
        return _imported(self.module)

    def detect(self, document: Document) -> str | None:
        """Why `document` is of this format, or None."""
        return None if document.marks.isdisjoint(self.marks) else self.adapter.detect(document)

    def parse(self, document: Document) -> Scan:
        """What `document` says; raises `ReportError` with a position where it cannot be understood."""
        return self.adapter.parse(document)


SCANNERS: Final[Mapping[str, Scanner]] = {
    "anchore": Scanner(
        "anchore", ("vulnerability_type", "vulnerabilityType", "securityEvaluation", "packageName")
    ),
    "anchore-policy": Scanner("anchore_policy", ("finalAction", "evaluations", "sha256:")),
    "aqua": Scanner("aqua", ("resources", "results", "cves", "pagesize")),
    "arachni": Scanner("arachni", ("sitemap",)),
    "bandit": Scanner("bandit", ("metrics",)),
    "bearer": Scanner("bearer", ("critical", "high", "medium", "low", "warning")),
    "brakeman": Scanner("brakeman", ("scan_info",)),
    "bundler-audit": Scanner("bundler_audit", ("results", "Name", "Insecure Source URI found")),
    "burp": Scanner("burp", ("issues",)),
    "cargo-audit": Scanner("cargo_audit", ("lockfile",)),
    "cfn-lint": Scanner("cfn_lint", ("Filename",)),
    "checkmarx-one": Scanner("checkmarx_one", ("results", "scanResults")),
    "checkov": Scanner("checkov", ("check_type", "checkov_version")),
    "clair": Scanner("clair", ("manifest_hash", "unapproved", "LayerCount", "Layer")),
    "clover": Scanner("clover", ("coverage",)),
    "cobertura": Scanner("cobertura", ("coverage",)),
    "composer-audit": Scanner("composer_audit", ("advisories",)),
    "conftest": Scanner("conftest_results", ("successes",)),
    "csaf": Scanner("csaf", ("document",)),
    "cyclonedx": Scanner("cyclonedx", ("bomFormat", "bom")),
    "defectdojo-generic": Scanner("defectdojo_generic", ("findings",)),
    "dependency-check": Scanner("dependency_check", ("analysis", "scanInfo")),
    "dependency-track": Scanner("dependency_track", ("meta",)),
    "detect-secrets": Scanner("detect_secrets", ("plugins_used",)),
    "dockle": Scanner("dockle", ("details",)),
    "eslint": Scanner("eslint", ("filePath",)),
    "fortify": Scanner("fortify", ("ReportDefinition", "Scan")),
    "gcloud-artifact-scan": Scanner("gcloud_artifact_scan", ("image_summary", "noteName")),
    "ggshield": Scanner("ggshield", ("total_incidents",)),
    "github": Scanner("github", ("number", "data")),
    "gitlab": Scanner("gitlab", ("vulnerabilities",)),
    "gitlab-codequality": Scanner("code_quality", ("fingerprint",)),
    "gitleaks": Scanner("gitleaks", ("RuleID", "offender")),
    "gosec": Scanner("gosec", ("Issues",)),
    "govulncheck": Scanner("govulncheck", ("config", "Vulns")),
    "grype": Scanner("grype", ("matches",)),
    "hadolint": Scanner("hadolint", ("code",)),
    "harbor": Scanner(
        "harbor",
        (
            "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
            "application/vnd.security.vulnerability.report; version=1.1",
            "generated_at",
        ),
    ),
    "horusec": Scanner("horusec", ("analysisVulnerabilities",)),
    "jacoco": Scanner("jacoco", ("report",)),
    "jfrog-xray": Scanner("jfrog_xray", ("total_rows", "securityViolations", "scannersStatus", "artifacts")),
    "junit": Scanner("junit", ("testsuites", "testsuite")),
    "kics": Scanner("kics", ("queries",)),
    "kube-bench": Scanner("kube_bench", ("Controls", "node_type")),
    "kube-hunter": Scanner("kube_hunter", ("vulnerabilities",)),
    "kube-linter": Scanner("kube_linter", ("Reports",)),
    "kube-score": Scanner("kube_score", ("object_name",)),
    "kubeaudit": Scanner("kubeaudit", ("AuditResultName",)),
    "kubeconform": Scanner("kubeconform", ("resources",)),
    "kubescape": Scanner("kubescape", ("summaryDetails",)),
    "kubesec": Scanner("kubesec", ("valid",)),
    "lcov": Scanner("lcov", ("TN", "SF")),
    "legitify": Scanner("legitify", ("content",)),
    "mend": Scanner("mend", ("supportToken", "vulnerabilities")),
    "neuvector": Scanner("neuvector", ("report",)),
    "nikto": Scanner("nikto", ("niktoscan", "vulnerabilities")),
    "njsscan": Scanner("njsscan", ("njsscan_version",)),
    "noseyparker": Scanner("noseyparker", ("matches",)),
    "npm-audit": Scanner("npm_audit", ("auditReportVersion", "advisories", "error", "data", "children")),
    "nuclei": Scanner("nuclei", ("info",)),
    "openvex": Scanner("openvex", ("@context",)),
    "ort": Scanner("ort", ("rule_violations",)),
    "oss-index": Scanner("oss_index", ("coordinates", "audited")),
    "osv-scanner": Scanner("osv_scanner", ("results",)),
    "pip-audit": Scanner("pip_audit", ("dependencies", "vulns", "skip_reason")),
    "polaris": Scanner("polaris", ("PolarisOutputVersion",)),
    "policyreport": Scanner("policyreport", ("kind",)),
    "popeye": Scanner("popeye", ("popeye",)),
    "prisma": Scanner("prisma", ("results", "vulnerabilityDistribution")),
    "retirejs": Scanner("retirejs", ("data", "results")),
    "rusty-hog": Scanner("rusty_hog", ("stringsFound",)),
    "sarif": Scanner("sarif", ("runs",)),
    "secretlint": Scanner("secretlint", ("filePath",)),
    "semgrep": Scanner("semgrep", ("vulns", "results")),
    "semgrep-findings": Scanner("semgrep_findings", ("findings",)),
    "snyk": Scanner("snyk", ("vulnerabilities", "infrastructureAsCodeIssues", "error")),
    "snyk-issues": Scanner("snyk_issues", ("jsonapi",)),
    "sonarqube": Scanner("sonarqube", ("issues", "hotspots")),
    "spdx": Scanner("spdx", ("spdxVersion", "sbom", "@graph", "SPDXVersion")),
    "spotbugs": Scanner("spotbugs", ("BugCollection",)),
    "stackhawk": Scanner("stackhawk", ("scanCompleted",)),
    "sysdig": Scanner("sysdig", ("panels", "result", "assetType")),
    "terraform-plan": Scanner("terraform_plan", ("format_version",)),
    "terrascan": Scanner("terrascan", ("results",)),
    "tfsec": Scanner("tfsec", ("results",)),
    "trivy": Scanner("trivy", ("SchemaVersion", "ClusterName", "invocation", "Target")),
    "trivy-operator": Scanner(
        "trivy_operator",
        (
            "apiVersion",
            "vulnerabilityreports.aquasecurity.github.io",
            "configauditreports.aquasecurity.github.io",
            "exposedsecretreports.aquasecurity.github.io",
            "sbomreports.aquasecurity.github.io",
            "rbacassessmentreports.aquasecurity.github.io",
        ),
    ),
    "trufflehog": Scanner("trufflehog", ("DetectorName", "stringsFound", "secret")),
    "veracode": Scanner("veracode", ("detailedreport", "findings", "_embedded")),
    "wapiti": Scanner("wapiti", ("report",)),
    "whispers": Scanner("whispers", ("rule_id",)),
    "wizcli-iac": Scanner("wizcli_iac", ("result",)),
    "xeol": Scanner("xeol", ("matches",)),
    "zap": Scanner("zap", ("OWASPZAPReport", "site")),
}
