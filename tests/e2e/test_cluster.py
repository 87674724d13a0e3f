"""gate asking the API server: certificates, registration, audit and adoption, with the rights that the chart gives."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.cluster import access, client, registration
from gate.errors import GateError
from gate.scales import Outcome
from tests.e2e import feed as feeds
from tests.e2e.cluster import TOKEN, Cluster, until
from tests.e2e.test_admission import pod, privileged
from tests.e2e.webhook import CONFIGURATION, OWN_NAMESPACE, PLATFORM, Webhook, configuration
from tests.test_deploy import EVERYTHING, objects, one

RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Secret")
RUNNING, FAILED, UNKNOWN = (f"sha256:{two * 32}" for two in ("a1", "a2", "a3"))
RULES = """# METADATA
# title: pods of this test
# scope: package
# custom: {scope: object, points: [admission, background]}
package policy.kubernetes.team

# METADATA
# title: No privileged container
# custom: {id: E2E-1, severity: high, fix: remove privileged}
deny contains {"rule": "E2E-1", "message": sprintf("container %s is privileged", [c.name])} if {
	some c in input.object.spec.containers
	c.securityContext.privileged
}
"""
REPORT_KINDS = {"reports": "Report", "clusterreports": "ClusterReport"}


@pytest.fixture(scope="module")
def rights(cluster: Cluster, webhook: Webhook) -> None:  # noqa: ARG001 - its namespaces
    """Accounts and rights of the chart."""
    for value in objects(*EVERYTHING):
        if value["kind"] in RIGHTS:
            made = cluster.apply(value)
            assert 0 == made.returncode, made.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Path:
    made = tmp_path_factory.mktemp("person")
    (made / "policies").mkdir()
    (made / "policies" / "team.rego").write_text(RULES)
    (made / "platform.yaml").write_text(PLATFORM)
    (made / "token").write_text(feeds.TOKEN)
    (made / "kubeconfig").write_text(person(cluster.url, cluster.ca, TOKEN))
    return made


def person(url: str, ca: Path, token: str) -> str:
    """A kubeconfig."""
    entries: dict[str, Any] = {
        "clusters": {"cluster": {"server": url, "certificate-authority": str(ca)}},
        "users": {"user": {"token": token}},
        "contexts": {"context": {"cluster": "one", "user": "one"}},
    }
    config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "current-context": "one"}
    return json.dumps(config | {section: [{"name": "one", **entry}] for section, entry in entries.items()})


def gate(
    cluster: Cluster, folder: Path, *arguments: str, account: str | None = None
) -> subprocess.CompletedProcess[str]:
    """What `gate ARGUMENTS` said, as a person or as one of the chart's accounts."""
    more = []
    if account is not None:
        made = cluster.kubectl("create", "token", account, "-n", OWN_NAMESPACE)
        assert 0 == made.returncode, made.stderr
        (folder / "account").write_text(made.stdout)
        more = ["--cluster-token=account"]
    return subprocess.run(
        [str(Path(sys.executable).with_name("gate")), *arguments, "--kubeconfig=kubeconfig", *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def data(cluster: Cluster, name: str) -> dict[str, bytes]:
    _, secret = cluster.request("GET", f"/api/v1/namespaces/{OWN_NAMESPACE}/secrets/{name}")
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


@pytest.mark.usefixtures("rights")
def test_the_rotating_account_fills_its_two_secrets_and_leaves_them_while_they_are_young(
    cluster: Cluster, folder: Path
) -> None:
    first = gate(cluster, folder, "webhook", "certs", account="gate-certificates")
    kept = data(cluster, "gate-webhook-tls")
    again = gate(cluster, folder, "webhook", "certs", account="gate-certificates")

    assert (0, 0) == (first.returncode, again.returncode), first.stderr + again.stderr
    assert "made anew" in first.stdout
    assert "kept" in again.stdout
    assert {"ca.crt", "tls.crt", "tls.key"} == set(kept)
    assert {"ca.crt", "ca.key", "ca-next.key"} == set(data(cluster, "gate-webhook-ca"))
    assert kept == data(cluster, "gate-webhook-tls")


@pytest.mark.usefixtures("rights")
def test_the_registering_account_registers_and_the_rotating_one_tells_it_of_a_new_ca(
    cluster: Cluster, folder: Path
) -> None:
    gate(cluster, folder, "webhook", "certs", account="gate-certificates")
    # A webhook that asks about nothing: it stands beside the one of the other tests.
    config = yaml.safe_load(one("ConfigMap", "gate-registered")["data"]["configuration.yaml"])
    nothing = {"matchLabels": {"kubernetes.io/metadata.name": "nowhere"}}
    config["webhooks"] = [hook | {"namespaceSelector": nothing} for hook in config["webhooks"]]
    (folder / "webhook.yaml").write_text(yaml.safe_dump(config))
    (folder / "ca.crt").write_bytes(data(cluster, "gate-webhook-tls")["ca.crt"])
    asked = ("webhook", "register", "webhook.yaml", "--ca=ca.crt", "--no-probe")
    made = gate(cluster, folder, *asked, account="gate-registration")
    told = gate(cluster, folder, "webhook", "status")
    lost = '{"data":{"ca.key":null}}'
    cluster.kubectl("patch", "secret", "gate-webhook-ca", "-n", OWN_NAMESPACE, "--type=merge", "-p", lost)
    rotated = gate(cluster, folder, "webhook", "certs", account="gate-certificates")
    _, there = cluster.request(
        "GET", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gate"
    )
    gone = gate(cluster, folder, "webhook", "unregister", account="gate-registration")
    again = gate(cluster, folder, "webhook", "unregister", account="gate-registration")

    assert "registered: validate.gate.internal\n" == made.stdout, made.stderr
    assert 0 == told.returncode, told.stdout + told.stderr
    assert "CA: 365 days left" in told.stdout
    assert "made anew" in rotated.stdout, rotated.stderr
    assert data(cluster, "gate-webhook-tls")["ca.crt"] == base64.b64decode(
        there["webhooks"][0]["clientConfig"]["caBundle"]
    )
    assert 2 == data(cluster, "gate-webhook-tls")["ca.crt"].count(b"BEGIN CERTIFICATE")
    assert ("gate: unregistered\n", "gate: was not registered\n") == (gone.stdout, again.stdout)


@pytest.mark.usefixtures("rights")
def test_no_account_of_the_chart_may_do_more_than_its_work(cluster: Cluster, folder: Path) -> None:
    refused = [
        gate(cluster, folder, "webhook", "unregister", account="gate-certificates"),
        gate(cluster, folder, "webhook", "certs", account="gate-registration"),
        gate(cluster, folder, "webhook", "unregister", "--name=other", account="gate-registration"),
    ]

    assert [3, 3, 3] == [done.returncode for done in refused], [done.stdout for done in refused]
    assert all("HTTP 403" in done.stderr for done in refused)


def test_a_webhook_that_does_not_answer_is_not_registered() -> None:
    with pytest.raises(GateError, match="does not answer, so it is not registered"):
        registration.answering("https://127.0.0.1:1/readyz", None, 0.0)


@pytest.fixture(scope="module")
def populated(cluster: Cluster, webhook: Webhook) -> Iterator[None]:
    """Pods that came in before the webhook did, into a namespace that it is not asked about."""
    webhook.feed.decide(RUNNING, Outcome.PASS)
    webhook.feed.decide(FAILED, Outcome.FAIL)
    cluster.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)
    made = [
        cluster.apply(value)
        for value in (
            privileged("drift-privileged"),
            *(
                pod(f"drift-{name}", image=f"registry.example/acme/web@{digest}")
                for name, digest in (("passed", RUNNING), ("failed", FAILED), ("unknown", UNKNOWN))
            ),
        )
    ]
    again = cluster.apply(configuration(webhook))
    assert 0 == again.returncode, again.stderr
    until(
        lambda: "E2E-1" in cluster.apply(privileged("probe"), "--dry-run=server").stderr, "it is asked again"
    )
    assert [0] * 4 == [one.returncode for one in made], [one.stderr for one in made]
    yield
    for name in ("privileged", "passed", "failed", "unknown"):
        cluster.kubectl(
            "delete", "pod", f"drift-{name}", "-n", "prod", "--grace-period=0", "--force", "--wait=false"
        )


JUDGED = ("--policy=policies", "--config=platform.yaml", "--token-file=token")


@pytest.mark.usefixtures("rights", "populated")
def test_the_audit_tells_what_runs_without_a_decision_and_what_would_be_denied(
    cluster: Cluster, webhook: Webhook, folder: Path
) -> None:
    asked = ("audit", "cluster", *JUDGED, f"--feed={webhook.feed.url}", "--record")
    done = gate(cluster, folder, *asked, account="gate-audit")
    same = gate(cluster, folder, *asked, "--report-only", account="gate-audit")

    assert (1, 0) == (done.returncode, same.returncode), done.stderr
    assert "deny  E2E-1 Pod/prod/drift-privileged: container web is privileged" in done.stdout
    assert "GATE-IMAGE-002 Pod/prod/drift-failed" in done.stdout
    assert "GATE-IMAGE-002 Pod/prod/drift-unknown" in done.stdout
    assert "drift-passed" not in done.stdout
    kept = [one for one in webhook.feed.records if one.writer == "audit"]
    assert {(FAILED,), (UNKNOWN,)} <= {one.digests for one in kept}
    assert {"background"} == {one.decision["point"] for one in kept if one.decision}


@pytest.mark.usefixtures("rights", "populated")
def test_reports_are_applied_with_capped_results_and_whole_counts(
    cluster: Cluster, webhook: Webhook, folder: Path
) -> None:
    asked = (
        "audit",
        "cluster",
        *JUDGED,
        f"--feed={webhook.feed.url}",
        "--reports=openreports.io",
        "--report-only",
    )
    unserved = gate(cluster, folder, *asked)
    for plural, kind in REPORT_KINDS.items():
        assert 0 == cluster.apply(definition(plural, kind)).returncode
    path = "/apis/openreports.io/v1alpha1/namespaces/prod/reports"
    for served in (path, "/apis/openreports.io/v1alpha1/clusterreports"):
        until(lambda at=served: cluster.request("GET", at)[0] == 200, "the reports are served")

    first = gate(cluster, folder, *asked, account="gate-audit")
    again = gate(cluster, folder, *asked, account="gate-audit")
    _, report = cluster.request("GET", f"{path}/gate")

    assert 3 == unserved.returncode
    assert "the cluster has no reports of openreports.io/v1alpha1" in " ".join(unserved.stderr.split())
    assert (0, 0) == (first.returncode, again.returncode), first.stderr + again.stderr
    assert report["summary"]["fail"] == sum(1 for one in report["results"] if one["result"] == "fail")
    assert {"drift-privileged", "drift-failed", "drift-unknown"} <= {
        one["resources"][0]["name"] for one in report["results"]
    }
    assert ["gate"] == [one["manager"] for one in report["metadata"]["managedFields"]]


@pytest.mark.usefixtures("populated")
def test_a_list_of_many_pages_is_read_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAGE", 1)
    asked = access.cluster(str(folder / "kubeconfig"), None, {})
    names = [json.loads(item)["metadata"]["name"] for item in asked.items("/api/v1/namespaces")]

    assert {"prod", "default", "kube-system", OWN_NAMESPACE} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.usefixtures("rights")
def test_a_kind_that_may_not_be_listed_ends_the_audit_and_names_what_is_missing(
    cluster: Cluster, folder: Path
) -> None:
    done = gate(cluster, folder, "audit", "cluster", "--policy=policies", account="gate-certificates")

    assert 3 == done.returncode
    assert "HTTP 403" in done.stderr
    assert "pods" in done.stderr


@pytest.mark.usefixtures("rights", "populated")
def test_adopting_records_what_was_decided_and_tells_what_was_not(
    cluster: Cluster, webhook: Webhook, folder: Path
) -> None:
    asked = ("cluster", "adopt", *JUDGED, f"--feed={webhook.feed.url}")
    dry = gate(cluster, folder, *asked, "--dry-run")
    assert [] == [one for one in webhook.feed.records if one.writer == "adopt"]
    done = gate(cluster, folder, *asked, account="gate-audit")

    adopted = [one for one in webhook.feed.records if one.writer == "adopt"]
    assert (1, 1) == (dry.returncode, done.returncode), done.stderr
    assert "drift-" not in done.stdout
    assert (
        f"not decided: registry.example/acme/web@{UNKNOWN} in prod (no decision for production)"
        in done.stdout
    )
    assert f"{FAILED} in prod (decision" in done.stdout
    assert ((RUNNING,), "production", "acme/web", Outcome.PASS) in {
        (one.digests, one.environment, one.project, one.outcome) for one in adopted
    }


def definition(plural: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.openreports.io"},
        "spec": {
            "group": "openreports.io",
            "scope": "Cluster" if plural.startswith("cluster") else "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [version],
        },
    }
