"""The shape of Trivy's JSON, as far as gate reads it. What it means is said in `trivy.py`.

Keys that Trivy always writes are required, so that a foreign or cut document is refused.
Source: aquasecurity/trivy, `pkg/types/report.go`, `pkg/k8s/report/report.go`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import field


class _Go(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """A struct of Trivy's; Go leaves out what is empty."""


class Cvss(_Go, frozen=True):
    v2_vector: str = field(name="V2Vector", default="")
    v3_vector: str = field(name="V3Vector", default="")
    v40_vector: str = field(name="V40Vector", default="")
    v2_score: float | None = field(name="V2Score", default=None)
    v3_score: float | None = field(name="V3Score", default=None)
    v40_score: float | None = field(name="V40Score", default=None)


class PkgIdentifier(_Go, frozen=True):
    purl: str = field(name="PURL", default="")


class Vulnerability(_Go, frozen=True):
    id: str = field(name="VulnerabilityID")
    pkg_name: str
    vendor_ids: list[str] | None = field(name="VendorIDs", default=None)
    pkg_path: str = ""
    pkg_identifier: PkgIdentifier = PkgIdentifier()
    installed_version: str = ""
    fixed_version: str = ""
    status: str = ""
    severity: str = ""
    title: str = ""
    cwe_ids: list[str] | None = field(name="CweIDs", default=None)
    cvss: dict[str, Cvss] | None = field(name="CVSS", default=None)


class Cause(_Go, frozen=True):
    resource: str = ""
    start_line: int = 0


class Misconfiguration(_Go, frozen=True):
    id: str = field(name="ID")
    avdid: str = field(name="AVDID", default="")
    title: str = ""
    message: str = ""
    severity: str = ""
    status: str = ""
    cause_metadata: Cause = Cause()


class Summary(_Go, frozen=True):
    failures: int = 0
    exceptions: int = 0


class Secret(_Go, frozen=True):
    rule_id: str = field(name="RuleID")
    severity: str = ""
    title: str = ""
    start_line: int = 0
    match: str = ""


class License(_Go, frozen=True):
    name: str
    severity: str = ""
    pkg_name: str = ""
    file_path: str = ""


class Result(_Go, frozen=True):
    target: str
    class_: str = field(name="Class", default="")
    type: str = ""
    vulnerabilities: list[Vulnerability] | None = None
    misconfigurations: list[Misconfiguration] | None = None
    misconf_summary: Summary = Summary()
    secrets: list[Secret] | None = None
    licenses: list[License] | None = None
    modified: list[msgspec.Raw] | None = field(name="ExperimentalModifiedFindings", default=None)

    @property
    def holds_packages(self) -> bool:
        """Whether packages were looked at; before 0.21 there was no class, only package results."""
        return self.class_ in ("", "os-pkgs", "lang-pkgs")

    @property
    def is_system(self) -> bool:
        """Whether these are the packages of an operating system, target `alpine:3.11 (alpine 3.11.13)`."""
        return self.class_ == "os-pkgs" or (not self.class_ and self.target.endswith(")"))


class System(_Go, frozen=True):
    family: str = ""
    name: str = ""
    eosl: bool = field(name="EOSL", default=False)


class Metadata(_Go, frozen=True):
    os: System = field(name="OS", default_factory=System)
    repo_digests: list[str] | None = None


class Tool(_Go, frozen=True):
    version: str | None = None


class Report(_Go, frozen=True):
    schema_version: Literal[2]
    artifact_name: str = ""
    artifact_type: str = ""
    created_at: str | None = None
    metadata: Metadata = Metadata()
    results: list[Result] | None = None
    trivy: Tool = Tool()


class PredicateScanner(msgspec.Struct, frozen=True):
    result: Report


class Predicate(msgspec.Struct, frozen=True):
    scanner: PredicateScanner


class Resource(_Go, frozen=True):
    kind: str
    name: str
    namespace: str = ""
    results: list[Result] | None = None
    error: str = ""


class Cluster(_Go, frozen=True):
    cluster_name: str
    resources: list[Resource] | None = None
    vulnerabilities: list[Resource] | None = None
    misconfigurations: list[Resource] | None = None
    findings: list[Resource] | None = None
