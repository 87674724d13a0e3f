"""What a person with kubectl sees, and what the cluster does when the webhook is in trouble."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import Any

import pytest

from gate.scales import Outcome
from tests.e2e.cluster import DEVELOPER, Cluster, until
from tests.e2e.webhook import NAME, POLICY, Webhook

DIGEST = "sha256:" + "ab" * 32
IMAGE = f"registry.example/acme/web:1@{DIGEST}"


def pod(name: str, namespace: str = "prod", image: str = "nginx:1.27", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "web"}},
        "spec": {"containers": [{"name": "web", "image": image}], **spec},
    }


def privileged(name: str, namespace: str = "prod", **spec: Any) -> dict[str, Any]:
    value = pod(name, namespace, **spec)
    value["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    return value


def deployment(name: str, template: dict[str, Any]) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "prod"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
        },
    }


def test_a_good_pod_is_admitted_and_the_audit_log_names_the_decision(
    cluster: Cluster, webhook: Webhook
) -> None:
    made = cluster.apply(pod("good"))

    assert (0, "") == (made.returncode, made.stderr)
    annotations = cluster.audited("good")[0]
    assert webhook.state()["revision"] == annotations[f"{NAME}/bundle-revision"]
    decision = annotations[f"{NAME}/decision-id"]
    until(lambda: decision in {one.record_id for one in webhook.feed.records}, "the store has the record")


def test_a_bad_pod_is_denied_with_every_reason_in_one_message(cluster: Cluster, webhook: Webhook) -> None:
    value = privileged("bad", image="refused.example/a", hostNetwork=True, hostPID=True)
    value["metadata"]["labels"] = {}

    denied = cluster.apply(value)

    assert 1 == denied.returncode
    assert f'admission webhook "{NAME}" denied the request: 5 reasons: ' in denied.stderr
    assert "and 2 more: " in denied.stderr
    for rule in ("GATE-IMAGE-004", "E2E-1", "E2E-2", "E2E-3", "E2E-4"):
        assert rule in denied.stderr
    decision = cluster.audited("bad")[0][f"{NAME}/decision-id"]
    assert f"gate explain {decision}" in denied.stderr
    until(lambda: decision in {one.record_id for one in webhook.feed.records}, "the store has the record")
    kept = next(one for one in webhook.feed.records if one.record_id == decision)
    assert kept.decision is not None
    assert 5 == len(kept.decision["violations"])


@pytest.mark.usefixtures("webhook")
def test_in_warn_mode_the_pod_is_admitted_with_warnings(cluster: Cluster) -> None:
    made = cluster.apply(privileged("bad", "warned"))

    assert 0 == made.returncode
    assert "Warning: E2E-1: container web is privileged" in made.stderr


@pytest.mark.usefixtures("webhook")
def test_in_audit_mode_nobody_is_warned_and_the_audit_log_tells(cluster: Cluster) -> None:
    made = cluster.apply(privileged("watched-pod", "watched"))

    assert (0, "") == (made.returncode, made.stderr)
    assert "E2E-1" == cluster.audited("watched-pod")[0][f"{NAME}/audited"]


def test_a_dry_run_is_answered_alike_and_leaves_no_record(cluster: Cluster, webhook: Webhook) -> None:
    denied = cluster.apply(privileged("dry"), "--dry-run=server")
    allowed = cluster.apply(pod("dry"), "--dry-run=server")

    assert "E2E-1" in denied.stderr
    assert "gate explain" not in denied.stderr
    assert 0 == allowed.returncode
    assert all(f"{NAME}/decision-id" not in one for one in cluster.audited("dry"))
    spools = [path.read_text("utf-8") for path in (webhook.folder / "data" / "spool").glob("*.jsonl")]
    assert not any("Pod/prod/dry" in text for text in spools)


@pytest.mark.usefixtures("webhook")
def test_a_deployment_is_denied_through_its_template(cluster: Cluster) -> None:
    denied = cluster.apply(deployment("bad", privileged("template")))

    assert "E2E-1: container web is privileged" in denied.stderr


@pytest.mark.usefixtures("webhook")
def test_an_ephemeral_container_is_denied_as_kubectl_debug_adds_it(cluster: Cluster) -> None:
    assert 0 == cluster.apply(pod("debugged")).returncode

    denied = cluster.kubectl(
        "debug", "debugged", "-n", "prod", "--image=nginx:1.27", "--profile=sysadmin", "-c", "shell"
    )
    foreign = cluster.kubectl(
        "debug", "debugged", "-n", "prod", "--image=refused.example/shell", "-c", "shell"
    )
    allowed = cluster.kubectl(
        "debug", "debugged", "-n", "prod", "--image=nginx:1.27", "--profile=restricted", "-c", "shell"
    )

    assert "E2E-1: container shell is privileged" in denied.stderr
    assert "GATE-IMAGE-004" in foreign.stderr
    assert 0 == allowed.returncode, allowed.stderr


@pytest.mark.usefixtures("webhook")
def test_a_scale_is_judged_as_what_it_is(cluster: Cluster) -> None:
    assert 0 == cluster.apply(deployment("scaled", pod("template"))).returncode

    allowed = cluster.kubectl("scale", "deployment/scaled", "-n", "prod", "--replicas=3")
    denied = cluster.kubectl("scale", "deployment/scaled", "-n", "prod", "--replicas=11")

    assert 0 == allowed.returncode, allowed.stderr
    assert "E2E-7: 11 replicas" in denied.stderr


@pytest.mark.usefixtures("webhook")
def test_a_deletion_is_judged_by_what_is_deleted(cluster: Cluster) -> None:
    protected = pod("protected")
    protected["metadata"]["labels"]["protected"] = "yes"
    assert 0 == cluster.apply(protected).returncode
    assert 0 == cluster.apply(pod("unprotected")).returncode
    now = ("--grace-period=0", "--force", "--wait=false")

    denied = cluster.kubectl("delete", "pod", "protected", "-n", "prod", *now)
    allowed = cluster.kubectl("delete", "pod", "unprotected", "-n", "prod", *now)

    assert "E2E-5: it is protected" in denied.stderr
    assert 0 == allowed.returncode, allowed.stderr


@pytest.mark.usefixtures("webhook")
def test_an_exec_is_denied_where_a_rule_speaks_of_it(cluster: Cluster) -> None:
    cluster.apply(pod("entered"))

    denied = cluster.kubectl("exec", "entered", "-n", "prod", "--", "sh")

    assert "E2E-6" in denied.stderr


def test_an_image_that_failed_is_admitted_after_its_new_decision_without_a_restart(
    cluster: Cluster, webhook: Webhook
) -> None:
    unknown = cluster.apply(pod("image", image=IMAGE))
    webhook.feed.decide(DIGEST, Outcome.FAIL)
    until(lambda: webhook.state()["store"]["digests"] == 1, "the change arrived")
    failed = cluster.apply(pod("image", image=IMAGE))
    webhook.feed.decide(DIGEST, Outcome.PASS)
    until(lambda: cluster.apply(pod("image", image=IMAGE)).returncode == 0, "it is admitted")

    tagged = cluster.apply(pod("tagged", image="registry.example/acme/web:1"))

    assert "no decision for production" in unknown.stderr
    assert "decision decision-1 for production is fail" in failed.stderr
    assert "GATE-IMAGE-001" in tagged.stderr


def test_a_namespace_without_an_environment_cannot_have_decisions(cluster: Cluster, webhook: Webhook) -> None:
    webhook.feed.decide(DIGEST, Outcome.PASS)

    denied = cluster.apply(pod("image", "unmapped", image=IMAGE))

    assert "GATE-IMAGE-005" in denied.stderr


def test_without_the_store_known_digests_are_admitted_and_unknown_ones_denied(
    cluster: Cluster, webhook: Webhook
) -> None:
    known, unknown = ("sha256:" + two * 32 for two in ("0c", "0d"))
    before = webhook.state()["store"]["digests"]
    webhook.feed.decide(known, Outcome.PASS)
    until(lambda: webhook.state()["store"]["digests"] > before, "the change arrived")
    webhook.feed.is_away = True
    try:
        until(lambda: webhook.state()["store"]["error"] is not None, "the webhook notices")
        allowed = cluster.apply(pod("known", image=f"registry.example/acme/web@{known}"))
        denied = cluster.apply(pod("unknown", image=f"registry.example/acme/web@{unknown}"))
        webhook.stop()
        webhook.start()
        again = cluster.apply(pod("again", image=f"registry.example/acme/web@{known}"))
    finally:
        webhook.feed.is_away = False

    assert 0 == allowed.returncode, allowed.stderr
    assert "GATE-IMAGE-002" in denied.stderr
    assert 0 == again.returncode, again.stderr
    until(lambda: webhook.state()["records_waiting_because"] is None, "the records arrive after all")


def test_while_the_webhook_is_dead_creates_fail_closed_and_the_cluster_goes_on(
    cluster: Cluster, webhook: Webhook
) -> None:
    webhook.kill()
    try:
        closed = cluster.apply(pod("closed"))
        own = cluster.apply(pod("own", "gate-system"))
        system = cluster.apply(pod("system", "kube-system"))
        lease = cluster.apply(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "node-1", "namespace": "kube-node-lease"},
            }
        )
        node = cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    finally:
        webhook.start()
    recovered = cluster.apply(pod("recovered"))

    assert f'failed calling webhook "{NAME}"' in closed.stderr
    assert [0] * 5 == [one.returncode for one in (own, system, lease, node, recovered)]


def test_no_call_fails_while_the_certificate_is_replaced_under_load(
    cluster: Cluster, webhook: Webhook
) -> None:
    with Load(cluster) as answers:
        for _ in range(3):
            count = _metric(webhook, "gate_admission_certificates_replaced_total")
            webhook.renew()
            until(
                lambda was=count: _metric(webhook, "gate_admission_certificates_replaced_total") > was,
                "the new certificate is served",
            )

    assert {201} == {code for code, _ in answers}


def test_every_answer_is_of_one_revision_while_policies_are_replaced_under_load(
    cluster: Cluster, webhook: Webhook
) -> None:
    file = webhook.policies / "e2e.rego"
    first = webhook.state()["revision"]
    try:
        with Load(cluster) as answers:
            file.write_text(POLICY.replace("is privileged", "is very privileged"), "utf-8")
            until(lambda: webhook.state()["revision"] != first, "the new policies judge")
            file.write_text(POLICY + "\nthis is no rego", "utf-8")
            until(lambda: webhook.state()["policies_refused"] is not None, "the broken ones are refused")
        second = webhook.state()["revision"]
        still = cluster.apply(privileged("second"))
    finally:
        file.write_text(POLICY, "utf-8")
    until(lambda: webhook.state()["revision"] == first, "the first policies judge again")

    assert {201} == {code for code, _ in answers}
    assert first != second
    assert "container web is very privileged" in still.stderr
    assert webhook.state()["policies_refused"] is None


@pytest.mark.usefixtures("webhook")
def test_a_developer_cannot_label_a_pod_or_a_namespace_out_of_judgement(
    cluster: Cluster,
) -> None:
    cluster.kubectl("create", "clusterrole", "developer", "--verb=create", "--resource=pods")
    cluster.kubectl(
        "create", "clusterrolebinding", "developer", "--clusterrole=developer", "--group=developers"
    )
    value = privileged("labelled", nodeName="node-1")
    value["metadata"]["labels"] |= {"gate.example/ignore": "true", "app.kubernetes.io/name": "gate"}
    value["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}

    denied = cluster.kubectl("create", "-f", "-", stdin=value, token=DEVELOPER)
    namespace = cluster.kubectl(
        "label", "namespace", "prod", "kubernetes.io/metadata.name=x", token=DEVELOPER
    )

    assert "E2E-1" in denied.stderr
    assert "forbidden" in namespace.stderr


class Load:
    """Pods created in dry run by eight callers while the block runs; (status, body) of each."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._ends = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(8)
        self.answers: list[tuple[int, Any]] = []

    def __enter__(self) -> list[tuple[int, Any]]:
        self._asked = [self._pool.submit(self._one) for _ in range(8)]
        until(lambda: len(self.answers) > 20, "the load has begun")
        return self.answers

    def __exit__(self, *_: object) -> None:
        before = len(self.answers)
        until(lambda: len(self.answers) > before + 20, "the load goes on")
        self._ends.set()
        for one in self._asked:
            one.result()
        self._pool.shutdown()

    def _one(self) -> None:
        path = "/api/v1/namespaces/prod/pods?dryRun=All"
        while not self._ends.is_set():
            self.answers.append(self._cluster.request("POST", path, pod("load")))


def _metric(webhook: Webhook, name: str) -> float:
    line = next(line for line in webhook.text("/metrics").splitlines() if line.startswith(name))
    return float(line.split()[-1])
