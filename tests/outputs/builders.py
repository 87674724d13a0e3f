"""Decisions and presentations for the tests of outputs: plausible by default, one fact given."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gate.model import (
    Action,
    Approval,
    Approvals,
    Condition,
    Decision,
    Evidence,
    Finding,
    Kev,
    Kind,
    Location,
    Outcome,
    PolicySet,
    Report,
    Rule,
    Severity,
    State,
    Status,
    Subject,
    Violation,
    Waived,
    WaivedBy,
)
from gate.presentation import Excerpt, Presentation

NOON: Final = "2026-11-22T12:00:00Z"
DECISION_ID: Final = "019aab3c-7d00-7abc-8def-0123456789ab"
SSL: Final = "6f1c9e0a6f1c9e0a6f1c9e0a6f1c9e0a"
ZLIB: Final = "7a2d0f1b7a2d0f1b7a2d0f1b7a2d0f1b"


def digest(character: str) -> str:
    return "sha256:" + character * 64


def a_violation(**given: Any) -> Violation:
    facts: dict[str, Any] = {
        "fingerprint": "a1" * 16,
        "rule": "GATE-K8S-012",
        "policy": "policy.kubernetes.pods",
        "severity": Severity.HIGH,
        "action": Action.DENY,
        "message": "container web runs privileged",
        "remedy": "delete line 37, add allowPrivilegeEscalation: false",
        "object": "Deployment/prod/web",
        "path": "/spec/template/spec/containers/0/securityContext/privileged",
        "location": Location(
            file="k8s/web/deployment.yaml", line=37, column=13, resource="Deployment/prod/web"
        ),
    }
    return Violation(**facts | given)


def a_finding(**given: Any) -> Finding:
    facts: dict[str, Any] = {
        "fingerprint": SSL,
        "kind": Kind.VULNERABILITY,
        "rule": "CVE-2026-31415",
        "title": "openssl: out-of-bounds read",
        "severity": Severity.CRITICAL,
        "kev": Kev(added="2026-10-28"),
        "purl": "pkg:deb/debian/libssl3@3.0.11-1~deb12u2",
        "fixed_versions": ("3.0.11-1~deb12u9",),
        "location": Location(image="registry.example/acme/web"),
        "scanners": ("grype", "trivy"),
    }
    return Finding(**facts | given)


def a_report(**given: Any) -> Report:
    facts: dict[str, Any] = {
        "format": "trivy",
        "scanner": "trivy",
        "scanner_version": "0.72.0",
        "status": Status.OK,
        "sha256": digest("c"),
        "created": "2026-11-22T09:00:00Z",
        "findings": 41,
        "kinds": (Evidence.IMAGE,),
        "path": "reports/trivy.json",
    }
    return Report(**facts | given)


def a_rule(**given: Any) -> Rule:
    facts: dict[str, Any] = {
        "id": "GATE-K8S-012",
        "policy": "policy.kubernetes.pods",
        "title": "Containers do not run privileged",
        "description": "A privileged container has the host's devices and capabilities.",
        "severity": Severity.HIGH,
        "fix": "remove securityContext.privileged",
        "docs": "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
        "frameworks": ("CIS 5.2.2", "PSS baseline"),
        "scope": "object",
        "file": "policies/kubernetes/pods.rego",
        "line": 88,
    }
    return Rule(**facts | given)


def a_decision(**given: Any) -> Decision:
    facts: dict[str, Any] = {
        "decision_id": DECISION_ID,
        "outcome": Outcome.PASS,
        "project": "acme/web",
        "environment": "test",
        "subject": Subject(name="acme/web", commit="a91c3f2" + "0" * 33, branch="feature/x", author="wei"),
        "policy": PolicySet(
            revision=digest("9"),
            engine="opa 1.22.2 (embedded)",
            packages=("policy.evidence", "policy.kubernetes.pods", "policy.vulnerabilities"),
        ),
        "reports": (a_report(),),
        "counts": {"vulnerability": {"critical": 1, "low": 40}},
        "input_sha256": digest("1"),
        "decided_at": NOON,
        "expires_at": "2027-02-20T12:00:00Z",
        "gate_version": "0.3.0",
    }
    return Decision(**facts | given)


RULES: Final = {
    rule.id: rule
    for rule in (
        a_rule(),
        a_rule(
            id="GATE-K8S-044",
            title="Replicas are spread",
            severity=Severity.LOW,
            fix=None,
            frameworks=(),
            line=301,
        ),
        a_rule(
            id="GATE-VULN-001",
            policy="policy.vulnerabilities",
            title="Known exploited vulnerabilities are fixed",
            description="Somebody already uses them.",
            severity=None,
            fix="upgrade the package",
            frameworks=("NIST SSDF RV.2",),
            scope="subject",
            file="policies/vulnerabilities.rego",
            line=41,
        ),
        a_rule(
            id="GATE-EVID-001",
            policy="policy.evidence",
            title="Required evidence is there",
            fix="hand over the missing report",
            scope="subject",
            file="policies/evidence.rego",
            line=12,
        ),
    )
}


def a_presentation(decision: Decision | None = None, **given: Any) -> Presentation:
    decision = decision or a_decision()
    facts: dict[str, Any] = {"rules": RULES, "sources": decision.reports, "elapsed_s": 0.84}
    return Presentation(decision=decision, **facts | given)


def a_warning(**given: Any) -> Violation:
    facts: dict[str, Any] = {
        "fingerprint": "b2" * 16,
        "rule": "GATE-K8S-044",
        "severity": Severity.LOW,
        "action": Action.WARN,
        "message": "no topologySpreadConstraints with 3 replicas",
        "remedy": None,
        "location": Location(file="k8s/web/deployment.yaml", line=22, resource="Deployment/prod/web"),
    }
    return a_violation(**facts | given)


def _reports() -> tuple[Report, ...]:
    return (
        a_report(),
        a_report(
            format="sarif",
            scanner="semgrep",
            findings=6,
            kinds=(Evidence.CODE,),
            path="reports/semgrep.sarif",
        ),
        a_report(
            format="kubernetes",
            scanner="kubernetes",
            findings=0,
            kinds=(Evidence.MANIFESTS,),
            path="k8s/web/deployment.yaml",
        ),
        a_report(
            format="kubernetes",
            scanner="kubernetes",
            findings=0,
            kinds=(Evidence.MANIFESTS,),
            path="k8s/web/service.yaml",
        ),
        a_report(
            format="gitleaks",
            scanner="gitleaks",
            findings=0,
            kinds=(Evidence.SECRETS,),
            path="reports/gitleaks.json",
        ),
        a_report(
            format="cyclonedx",
            scanner="syft",
            findings=0,
            kinds=(Evidence.SBOM,),
            path="reports/bom.cdx.json",
        ),
    )


def _findings() -> dict[str, Finding]:
    waived = a_finding(
        fingerprint=ZLIB,
        rule="CVE-2025-9230",
        title="zlib: overflow",
        severity=Severity.HIGH,
        kev=None,
        scanners=("trivy",),
        state=State.EXISTING,
        waived=WaivedBy(waiver="w-2026-014", expires="2026-11-28T00:00:00Z"),
    )
    return {SSL: a_finding(), ZLIB: waived}


def _excerpt() -> Excerpt:
    lines = ("          securityContext:", "            privileged: true", "            runAsUser: 0")
    return Excerpt(first_line=36, lines=lines, line=37, column=13)


def failing(**given: Any) -> Presentation:
    """The run of the failing mock-up: a vulnerability, a manifest, missing evidence, a waiver."""
    vulnerability = a_violation(
        fingerprint="c3" * 16,
        rule="GATE-VULN-001",
        policy="policy.vulnerabilities",
        severity=Severity.CRITICAL,
        message="CVE-2026-31415 in libssl3 is exploited and fixed in 3.0.11-1~deb12u9",
        remedy="upgrade libssl3 to 3.0.11-1~deb12u9",
        finding=SSL,
        object=None,
        path=None,
        location=Location(image="registry.example/acme/web"),
    )
    evidence = a_violation(
        fingerprint="d4" * 16,
        rule="GATE-EVID-001",
        policy="policy.evidence",
        message="no report is evidence of dependencies",
        remedy=None,
        object=None,
        path=None,
        location=None,
    )
    audited = a_violation(fingerprint="e5" * 16, action=Action.AUDIT, message="container log runs privileged")
    decision = a_decision(
        outcome=Outcome.FAIL,
        violations=(vulnerability, a_violation(), evidence, a_warning(), audited),
        conditions=(
            Condition(
                id="GATE-VULN-001",
                title="Known exploited vulnerabilities are fixed",
                threshold=0,
                actual=1,
                outcome="fail",
            ),
            Condition(
                id="GATE-EVID-001",
                title="dependencies: Required evidence is there",
                threshold="present and complete",
                actual="missing",
                outcome="fail",
            ),
        ),
        waived=(Waived(waiver="w-2026-014", expires="2026-11-28T00:00:00Z", finding=ZLIB),),
        reports=_reports(),
        baseline=digest("4"),
        waivers_sha256=digest("2"),
        notices=("waiver w-2026-009 covers nothing",),
    )
    facts: dict[str, Any] = {
        "findings": _findings(),
        "excerpts": {"a1" * 16: _excerpt()},
        "components": 212,
        "objects": 14,
        "written": ("gate.sarif", "gate.json", "gate.html"),
        "exit_code": 1,
    }
    return a_presentation(decision, **facts | given)


def passing(**given: Any) -> Presentation:
    decision = a_decision(reports=_reports()[:2], baseline=digest("4"))
    return a_presentation(decision, **given)


def warning(**given: Any) -> Presentation:
    facts = msgspec.structs.asdict(failing().decision)
    decision = Decision(**facts | {"outcome": Outcome.WARN, "violations": (a_warning(),), "conditions": ()})
    return a_presentation(decision, **{"findings": _findings(), "components": 212, "objects": 14} | given)


def waiting(**given: Any) -> Presentation:
    approval = Approval(
        digest=digest("d"),
        environment="production",
        by="lin@example.com",
        groups=("release-admins",),
        at="2026-11-22T11:00:00Z",
    )
    decision = a_decision(
        outcome=Outcome.NEEDS_APPROVAL,
        environment="production",
        subject=Subject(type="image", name="registry.example/acme/web", digest=digest("d")),
        approvals=Approvals(required=2, given=(approval,)),
    )
    return a_presentation(decision, **{"exit_code": 4} | given)


def bare(**given: Any) -> Presentation:
    """A decision with as little as one can have: no project, no environment, no report, no rule."""
    decision = a_decision(project=None, environment=None, reports=(), counts={}, expires_at=None)
    return a_presentation(decision, **{"rules": {}} | given)


CASES: Final = {
    "failing": failing,
    "passing": passing,
    "warning": warning,
    "waiting": waiting,
    "bare": bare,
}
