"""One flaw that many tools saw, each in its own report: one finding with all of them as its sources."""

from __future__ import annotations

from typing import Any, Final

import pytest

from gate.model import Finding, Scan, Severity
from gate.normalize import normalize
from tests.scanners.builders import document, read

CVSS: Final = "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H"
DIGEST: Final = "sha256:" + "0123456789abcdef" * 4


def one(*reports: Any) -> tuple[Finding, ...]:
    """The findings of all `reports`, which are recognised by themselves."""
    scans: list[Scan] = [read(document(report).data).scan for report in reports]
    return normalize(scans)[0]


def trivy(system: str, name: str, version: str, id_: str, **facts: Any) -> dict[str, Any]:
    result = {
        "Target": facts.pop("file", "shop (debian 12)"),
        "Class": facts.pop("kind", "lang-pkgs"),
        "Type": system,
        "Vulnerabilities": [
            {
                "VulnerabilityID": id_,
                "PkgName": name,
                "InstalledVersion": version,
                "Severity": "HIGH",
                **facts,
            }
        ],
    }
    return {
        "SchemaVersion": 2,
        "ArtifactName": "shop",
        "ArtifactType": "filesystem",
        "Results": [result],
    }


def grype(purl: str, id_: str, *related: str, file: str | None = None) -> dict[str, Any]:
    name, _, version = purl.rpartition("/")[2].partition("@")
    return {
        "matches": [
            {
                "vulnerability": {"id": id_, "severity": "High", "fix": {"versions": [], "state": "unknown"}},
                "relatedVulnerabilities": [{"id": name_} for name_ in related],
                "matchDetails": [{"type": "exact-direct-match"}],
                "artifact": {
                    "name": name,
                    "version": version,
                    "type": "npm",
                    "purl": purl,
                    "locations": [{"path": file}] if file else [],
                },
            }
        ],
        "source": {"type": "directory", "target": "."},
        "distro": {"name": "", "version": ""},
        "descriptor": {"name": "grype", "version": "0.90.0", "configuration": {}},
    }


def osv(ecosystem: str, name: str, version: str, *ids: str, file: str) -> dict[str, Any]:
    package = {"name": name, "version": version, "ecosystem": ecosystem}
    flaws = [{"id": ids[0], "aliases": list(ids[1:]), "summary": "a flaw"}]
    group = {"ids": [ids[0]], "aliases": list(ids), "max_severity": "7.2"}
    return {
        "results": [
            {
                "source": {"path": file, "type": "lockfile"},
                "packages": [{"package": package, "vulnerabilities": flaws, "groups": [group]}],
            }
        ]
    }


def dependency_track(purl: str, id_: str, **aliases: str) -> dict[str, Any]:
    name, _, version = purl.rpartition("/")[2].partition("@")
    return {
        "version": "1.3",
        "meta": {"application": "Dependency-Track", "version": "4.14.1"},
        "project": {"name": "shop"},
        "findings": [
            {
                "component": {"name": name, "version": version, "purl": purl},
                "vulnerability": {"vulnId": id_, "severity": "HIGH", "aliases": [aliases]},
                "analysis": {"isSuppressed": False},
            }
        ],
    }


def oss_index(purl: str, cve: str) -> list[dict[str, Any]]:
    flaw = {"id": cve, "title": cve, "cvssScore": 7.2, "cvssVector": CVSS, "cve": cve}
    return [{"coordinates": purl, "vulnerabilities": [flaw]}]


LODASH: Final = ("CVE-2021-23337", "GHSA-35jh-r3h4-6jhm")
OF_NPM: Final[dict[str, Any]] = {
    "trivy": trivy("npm", "lodash", "4.17.20", LODASH[0], file="package-lock.json"),
    "grype": grype("pkg:npm/lodash@4.17.20", LODASH[1], LODASH[0], file="/package-lock.json"),
    "osv-scanner": osv("npm", "lodash", "4.17.20", *reversed(LODASH), file="./package-lock.json"),
    "dependency-track": dependency_track("pkg:npm/lodash@4.17.20", "1673", cveId=LODASH[0], ghsaId=LODASH[1]),
    "auditjs": oss_index("pkg:npm/lodash@4.17.20", LODASH[0]),
    "npm-audit": {
        "auditReportVersion": 2,
        "vulnerabilities": {
            "lodash": {
                "name": "lodash",
                "severity": "high",
                "via": [
                    {
                        "source": 1106913,
                        "name": "lodash",
                        "title": "Command Injection in lodash",
                        "url": f"https://github.com/advisories/{LODASH[1]}",
                        "severity": "high",
                        "range": "<4.17.21",
                    }
                ],
                "effects": [],
                "range": "<4.17.21",
                "nodes": ["node_modules/lodash"],
                "fixAvailable": True,
            }
        },
        "metadata": {"vulnerabilities": {"total": 1}},
    },
    "snyk": {
        "ok": False,
        "packageManager": "npm",
        "dependencyCount": 1,
        "displayTargetFile": "package-lock.json",
        "vulnerabilities": [
            {
                "id": "SNYK-JS-LODASH-1040724",
                "title": "Command Injection",
                "severity": "high",
                "packageName": "lodash",
                "version": "4.17.20",
                "identifiers": {"CVE": [LODASH[0]], "CWE": ["CWE-78"], "GHSA": [LODASH[1]]},
                "from": ["shop@1.0.0", "lodash@4.17.20"],
                "fixedIn": ["4.17.21"],
            }
        ],
    },
    "jfrog-xray": {
        "total_rows": 1,
        "rows": [
            {
                "issue_id": "XRAY-140562",
                "severity": "High",
                "vulnerable_component": "npm://lodash:4.17.20",
                "cves": [{"cve": LODASH[0]}],
                "fixed_versions": ["4.17.21"],
            }
        ],
    },
}
OF_GO: Final[dict[str, Any]] = {
    "govulncheck": [
        {"config": {"protocol_version": "v1.0.0", "scanner_name": "govulncheck", "go_version": "go1.24"}},
        {"osv": {"id": "GO-2025-3900", "aliases": ["CVE-2025-58058"], "summary": "memory"}},
        {
            "finding": {
                "osv": "GO-2025-3900",
                "trace": [{"module": "github.com/ulikunitz/xz", "version": "v0.5.9"}],
            }
        },
    ],
    "nancy": {
        "audited": [],
        "invalid": [],
        "num_audited": 0,
        "num_vulnerable": 1,
        "vulnerable": [
            {
                "Coordinates": "pkg:golang/github.com/ulikunitz/xz@v0.5.9",
                "Vulnerabilities": [
                    {"ID": "CVE-2025-58058", "Title": "xz", "CvssScore": "5.3", "Cve": "CVE-2025-58058"}
                ],
            }
        ],
    },
    "trivy": trivy("gomod", "github.com/ulikunitz/xz", "0.5.9", "CVE-2025-58058", file="go.mod"),
    "osv-scanner": osv(
        "Go", "github.com/ulikunitz/xz", "0.5.9", "GO-2025-3900", "CVE-2025-58058", file="go.mod"
    ),
}
OF_PYPI: Final[dict[str, Any]] = {
    "pip-audit": {
        "dependencies": [
            {
                "name": "zope.interface",
                "version": "5.0",
                "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["5.1"], "aliases": ["CVE-2026-0021"]}],
            }
        ],
        "fixes": [],
    },
    "grype": grype("pkg:pypi/Zope-Interface@5.0", "GHSA-aaaa-bbbb-cccc", "CVE-2026-0021"),
    "dependency-track": dependency_track(
        "pkg:pypi/zope_interface@5.0", "GHSA-aaaa-bbbb-cccc", ghsaId="GHSA-aaaa-bbbb-cccc"
    ),
    "osv-scanner": osv(
        "PyPI", "Zope.Interface", "5.0", "PYSEC-2026-1", "GHSA-aaaa-bbbb-cccc", file="requirements.txt"
    ),
}
OF_DEBIAN: Final[dict[str, Any]] = {
    "trivy": trivy(
        "debian",
        "zlib1g",
        "1:1.2.13",
        "CVE-2023-45853",
        kind="os-pkgs",
        PkgIdentifier={"PURL": "pkg:deb/debian/zlib1g@1.2.13?arch=amd64&distro=debian-12&epoch=1"},
    ),
    "clair": {
        "manifest_hash": DIGEST,
        "packages": {"1": {"name": "zlib1g", "version": "1:1.2.13"}},
        "vulnerabilities": {
            "9": {
                "name": "CVE-2023-45853",
                "normalized_severity": "Critical",
                "distribution": {"did": "debian", "version_id": "12"},
            }
        },
        "package_vulnerabilities": {"1": ["9"]},
    },
    "aqua": {
        "image": "shop",
        "os": "debian",
        "resources": [
            {
                "resource": {"format": "deb", "name": "zlib1g", "version": "1:1.2.13"},
                "vulnerabilities": [{"name": "CVE-2023-45853", "aqua_severity": "high"}],
            }
        ],
        "vulnerability_summary": {"total": 1},
    },
    "prisma": {
        "results": [
            {
                "distro": "Debian GNU/Linux 12 (bookworm)",
                "packages": [{"type": "os", "name": "zlib1g", "version": "1:1.2.13"}],
                "vulnerabilities": [
                    {
                        "id": "CVE-2023-45853",
                        "severity": "high",
                        "packageName": "zlib1g",
                        "packageVersion": "1:1.2.13",
                    }
                ],
                "vulnerabilityDistribution": {"total": 1},
                "complianceDistribution": {"total": 0},
            }
        ]
    },
    "anchore": {
        "imageDigest": DIGEST,
        "vulnerability_type": "os",
        "vulnerabilities": [
            {
                "vuln": "CVE-2023-45853",
                "severity": "Negligible",
                "package": "zlib1g-1:1.2.13",
                "package_name": "zlib1g",
                "package_version": "1:1.2.13",
                "package_type": "dpkg",
                "feed_group": "debian:12",
                "fix": "None",
            }
        ],
    },
}


@pytest.mark.parametrize(
    ("reports", "rule"),
    [
        (OF_NPM, "CVE-2021-23337"),
        (OF_GO, "CVE-2025-58058"),
        (OF_PYPI, "CVE-2026-0021"),
        (OF_DEBIAN, "CVE-2023-45853"),
    ],
    ids=["npm", "go", "pypi", "debian"],
)
def test_one_flaw_of_one_package_in_many_reports_is_one_finding(reports: dict[str, Any], rule: str) -> None:
    findings = one(*reports.values())

    assert [(rule, tuple(sorted(reports)))] == [(f.rule, f.scanners) for f in findings]


@pytest.mark.parametrize("reports", [OF_NPM, OF_GO, OF_PYPI, OF_DEBIAN], ids=["npm", "go", "pypi", "debian"])
def test_the_name_of_a_flaw_is_the_same_from_every_tool_that_knows_its_cve(reports: dict[str, Any]) -> None:
    together = {f.fingerprint for f in one(*reports.values())}
    # A report without the CVE learns it from another.
    learnt = {f.fingerprint for report in reports.values() for f in one(report, *reports.values())}

    assert together == learnt
    assert 1 == len(together)


def test_the_worst_that_any_tool_says_of_a_flaw_counts() -> None:
    assert [Severity.CRITICAL] == [f.severity for f in one(*OF_DEBIAN.values())]


def test_a_row_of_xray_for_two_cves_is_the_alias_of_neither() -> None:
    """One waiver for one of the two must not cover the other."""
    row = OF_NPM["jfrog-xray"]["rows"][0]
    both = {**row, "cves": [{"cve": LODASH[0]}, {"cve": "CVE-2021-99999"}]}
    findings = one({"total_rows": 1, "rows": [both]}, OF_NPM["trivy"])

    assert {("XRAY-140562", ()), (LODASH[0], ())} == {(f.rule, f.aliases) for f in findings}
