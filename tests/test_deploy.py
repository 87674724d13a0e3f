"""The chart: what it renders is what the code says, what gate itself lets pass, and what the plain manifests hold."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate import bootstrap
from gate.admission import configuration, coverage, defaults, platform
from gate.admission.configuration import Wanted
from gate.cli import run
from gate.errors import SettingsError
from tests.data import REPOSITORY
from tests.tools import HELM, tool

CHART = REPOSITORY / "deploy" / "helm" / "gate"
PLAIN = REPOSITORY / "deploy" / "kubernetes"
DIGEST = "sha256:" + "ab" * 32
PLACEHOLDER = "sha256:" + "0" * 64
EVERYTHING = (
    "audit.enabled=true",
    "audit.reports=true",
    "audit.record=true",
    "monitoring.serviceMonitor=true",
    "monitoring.rules=true",
    "monitoring.dashboard=true",
    "namespace.create=true",
    "webhook.autoscaling.enabled=true",
    "api.autoscaling.enabled=true",
    "webhook.delete=true",
    "webhook.connect=true",
    "webhook.scale=true",
    "webhook.clientCASecret=callers",
    "webhook.informer.enabled=true",
    "webhook.informer.kinds[0].apiGroups={networking.k8s.io}",
    "webhook.informer.kinds[0].resources={ingresses}",
    "networkPolicy.apiServers={10.0.0.0/28}",
    "networkPolicy.database.cidr=10.1.0.0/16",
    "networkPolicy.egress={10.2.0.0/16}",
)
SQLITE = ("database.mode=sqlite", "api.replicas=1")
CERT_MANAGER = ("webhook.certificates.mode=cert-manager",)
SETS = {"default": (), "everything": EVERYTHING, "sqlite": SQLITE, "cert-manager": CERT_MANAGER}
ACCEPTED = {
    "GATE-K8S-112",  # it registers itself, by name, with an account that no webhook has
    "GATE-K8S-163",  # evicted last: without it nothing is created (KUBERNETES.md 4.2)
    "GATE-K8S-020",  # the three accounts that speak to the API server
    "GATE-K8S-198",  # who rotates certificates once a day may be away for an hour; SQLite is one process
    "GATE-K8S-053",  # cert-manager's and Prometheus' kinds
}
"""Warnings of gate's own rules about the chart, each with its reason; none denies."""


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(tool(HELM)), *arguments, "--kube-version=1.36.3", "--namespace=gate-system"]
    env = {"PATH": os.environ["PATH"], "HOME": str(REPOSITORY / "nowhere")}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=env)


@lru_cache
def text(*values: str, digest: str = DIGEST) -> str:
    sets = [part for one in (*values, f"image.digest={digest}") for part in ("--set", one)]
    done = helm("template", "gate", str(CHART), *sets)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def objects(*values: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(text(*values)) if one]


def one(kind: str, name: str, *values: str) -> dict[str, Any]:
    [found] = [o for o in objects(*values) if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def refusal(*values: str) -> str:
    done = helm("template", "gate", str(CHART), *(part for one in values for part in ("--set", one)))
    assert 0 != done.returncode
    return done.stderr


def pods(*values: str) -> dict[str, dict[str, Any]]:
    specs = {}
    for o in objects(*values):
        at: Any = o["spec"].get("jobTemplate", o)["spec"] if "spec" in o else {}
        if "template" in at:
            specs[f"{o['kind']}/{o['metadata']['name']}"] = at["template"]["spec"]
    return specs


def registered(*values: str) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(
        one("ConfigMap", "gate-registered", *values)["data"]["configuration.yaml"]
    )
    return value


# ---------------------------------------------------------------------------- one truth for code, chart and docs


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ((), Wanted()),
        (
            ("webhook.delete=true", "webhook.scale=true", "webhook.connect=true"),
            Wanted(deletes=True, scales=True, connects=True),
        ),
        (
            ("webhook.excludedNamespaces={a,b}", "webhook.timeoutSeconds=3", "webhook.failurePolicy=Ignore"),
            Wanted(excluded=("a", "b"), timeout_s=3, failure_policy="Ignore"),
        ),
        (CERT_MANAGER, Wanted(cert_manager="gate-system/gate-webhook")),
    ],
    ids=["default", "all", "values", "cert-manager"],
)
def test_the_chart_registers_what_gate_webhook_render_prints(values: Sequence[str], wanted: Wanted) -> None:
    ours = configuration.rendered((), wanted)
    theirs = registered(*values)

    assert ours == theirs


def test_rules_of_a_wider_bundle_are_registered_beside_the_workloads() -> None:
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["services"],
    }
    cluster = rule | {"resources": ["namespaces"]}
    given = [f"webhook.extraRules={json.dumps([rule])}", f"webhook.clusterRules={json.dumps([cluster])}"]
    done = helm(
        "template",
        "gate",
        str(CHART),
        *(p for o in given for p in ("--set-json", o)),
        "--set",
        f"image.digest={DIGEST}",
    )
    assert 0 == done.returncode, done.stderr
    [kept] = [o for o in yaml.safe_load_all(done.stdout) if o and o["metadata"]["name"] == "gate-registered"]
    validate, of_cluster = yaml.safe_load(kept["data"]["configuration.yaml"])["webhooks"]

    assert rule | {"scope": "Namespaced"} in validate["rules"]
    assert [cluster | {"scope": "Cluster"}] == of_cluster["rules"]
    assert defaults.NOT_API_SERVER[1] == of_cluster["matchConditions"][0]["expression"]


def test_the_numbers_of_the_chart_are_those_of_the_code() -> None:
    deployment = one("Deployment", "gate-webhook")
    spec = deployment["spec"]["template"]["spec"]
    [container] = spec["containers"]
    resources = container["resources"]

    assert defaults.REPLICAS == deployment["spec"]["replicas"]
    assert {"maxUnavailable": 0, "maxSurge": 1} == deployment["spec"]["strategy"]["rollingUpdate"]
    assert defaults.UNAVAILABLE == one("PodDisruptionBudget", "gate-webhook")["spec"]["maxUnavailable"]
    assert (defaults.CPU_REQUEST, defaults.MEMORY_REQUEST) == (
        resources["requests"]["cpu"],
        resources["requests"]["memory"],
    )
    assert defaults.MEMORY_LIMIT == resources["limits"]["memory"]
    assert "cpu" not in resources["limits"]
    assert {"webhook": defaults.PORT, "health": defaults.HEALTH_PORT} == {
        port["name"]: port["containerPort"] for port in container["ports"]
    }
    assert f"--health-port={defaults.HEALTH_PORT}" in container["args"]
    assert defaults.PRE_STOP_S == container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert defaults.GRACE_S + defaults.PRE_STOP_S <= spec["terminationGracePeriodSeconds"]
    assert defaults.USER == spec["securityContext"]["runAsUser"]
    service = one("Service", defaults.SERVICE)
    assert [defaults.SERVICE_PORT, defaults.HEALTH_PORT] == [
        port["port"] for port in service["spec"]["ports"]
    ]


def test_cert_manager_makes_what_gate_would_make() -> None:
    leaf, ca = (
        one("Certificate", name, *CERT_MANAGER)["spec"] for name in ("gate-webhook", "gate-webhook-ca")
    )

    assert (f"{defaults.LEAF_DAYS * 24}h", f"{defaults.LEAF_DAYS * 24 // 3}h") == (
        leaf["duration"],
        leaf["renewBefore"],
    )
    assert (f"{defaults.CA_DAYS * 24}h", f"{defaults.CA_DAYS * 24 // 3}h") == (
        ca["duration"],
        ca["renewBefore"],
    )
    assert {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"} == leaf["privateKey"]
    assert f"{defaults.SERVICE}.{defaults.NAMESPACE}.svc" in leaf["dnsNames"]


# ------------------------------------------------------------------------------------------- secure by default


@pytest.mark.parametrize("name", SETS)
def test_gate_lets_its_own_chart_pass(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "chart.yaml").write_text(text(*SETS[name]), "utf-8")
    policies = ("pod-security/restricted", "kubernetes", "hardening", "reliability")
    asked = [part for policy in policies for part in ("--policy", f"builtin:{policy}")]

    code = run(["check", str(tmp_path / "chart.yaml"), *asked, "-o", "json"])
    decision = json.loads(capsys.readouterr().out)

    assert 0 == code, decision
    assert [] == [v for v in decision["violations"] if v["action"] == "deny"]
    assert {v["rule"] for v in decision["violations"]} <= ACCEPTED


@pytest.mark.parametrize("name", SETS)
def test_no_pod_runs_as_root_writes_its_disk_or_can_become_more(name: str) -> None:
    for spec in pods(*SETS[name]).values():
        assert "RuntimeDefault" == spec["securityContext"]["seccompProfile"]["type"]
        for container in spec["containers"]:
            context = container["securityContext"]
            assert (True, False, True, False, {"drop": ["ALL"]}) == (
                context["runAsNonRoot"],
                context["allowPrivilegeEscalation"],
                context["readOnlyRootFilesystem"],
                context["privileged"],
                context["capabilities"],
            )
            assert re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", container["image"])


def test_only_what_speaks_to_the_api_server_has_a_token_and_an_account_of_its_own() -> None:
    with_token = {
        name: spec["serviceAccountName"]
        for name, spec in pods(*EVERYTHING).items()
        if spec["automountServiceAccountToken"]
    }

    assert {
        "Deployment/gate-certificates": "gate-certificates",
        "Job/gate-register": "gate-registration",
        "Job/gate-unregister": "gate-registration",
        "CronJob/gate-audit": "gate-audit",
        "Deployment/gate-webhook": "gate-webhook",
    } == with_token


def test_a_webhook_without_an_informer_has_no_token_and_one_with_it_may_only_read() -> None:
    assert not pods()["Deployment/gate-webhook"]["automountServiceAccountToken"]
    role = one("ClusterRole", "gate-webhook", *EVERYTHING)
    assert {("list", "watch")} == {tuple(rule["verbs"]) for rule in role["rules"]}
    assert [["namespaces"], ["ingresses"]] == [rule["resources"] for rule in role["rules"]]
    assert "informer" in refusal(
        f"image.digest={DIGEST}",
        "webhook.informer.kinds[0].apiGroups={*}",
        "webhook.informer.kinds[0].resources={pods}",
    )


def test_rights_are_about_named_objects_and_no_account_reads_secrets_of_others() -> None:
    for o in objects(*EVERYTHING):
        for rule in o.get("rules", ()) if o["kind"] in ("Role", "ClusterRole") else ():
            assert "*" not in (*rule["verbs"], *rule["resources"], *rule["apiGroups"])
            if "secrets" in rule["resources"] or "validatingwebhookconfigurations" in rule["resources"]:
                assert rule["resourceNames"]
            if o["metadata"]["name"] == "gate-audit" and rule["apiGroups"] != ["openreports.io"]:
                assert ["list"] == rule["verbs"]


def test_secrets_are_mounted_files_of_the_process_alone_and_never_in_the_environment() -> None:
    for spec in pods(*EVERYTHING).values():
        for container in spec["containers"]:
            assert not [env for env in container.get("env", ()) if "valueFrom" in env]
        for volume in spec["volumes"]:
            assert 0o400 == volume.get("secret", {}).get("defaultMode", 0o400)


@pytest.mark.parametrize("name", SETS)
def test_every_pod_is_chosen_by_a_network_policy_for_both_ways(name: str) -> None:
    policies = [o["spec"] for o in objects(*SETS[name]) if o["kind"] == "NetworkPolicy"]
    for o in objects(*SETS[name]):
        at = o.get("spec", {}).get("jobTemplate", o).get("spec", {})
        if "template" not in at:
            continue
        labels = at["template"]["metadata"]["labels"]
        chosen = [p for p in policies if p["podSelector"]["matchLabels"].items() <= labels.items()]
        assert ["Ingress", "Egress"] == [kind for p in chosen for kind in p["policyTypes"]], o["metadata"][
            "name"
        ]


def test_no_network_policy_lets_anybody_reach_link_local_addresses() -> None:
    for values in SETS.values():
        for o in objects(*values):
            for rule in o["spec"].get("egress", ()) if o["kind"] == "NetworkPolicy" else ():
                for peer in rule["to"]:
                    block = peer.get("ipBlock", {"cidr": ""})
                    assert "0.0.0.0/0" != block["cidr"] or ["169.254.0.0/16"] == block["except"]


def test_the_webhook_is_registered_after_its_pods_and_goes_before_them() -> None:
    register, unregister = (
        one("Job", f"gate-{name}")["metadata"]["annotations"] for name in ("register", "unregister")
    )

    assert [] == [o for o in objects() if o["kind"] == "ValidatingWebhookConfiguration"]
    assert {"post-install", "post-upgrade", "post-rollback"} == set(register["helm.sh/hook"].split(","))
    assert "pre-delete" == unregister["helm.sh/hook"]


def test_where_callers_need_a_certificate_the_probe_asks_the_port_that_wants_none() -> None:
    values = ("webhook.clientCASecret=callers",)
    [container] = pods(*values)["Job/gate-register"]["containers"]
    policies = {o["metadata"]["name"]: o["spec"] for o in objects(*values) if o["kind"] == "NetworkPolicy"}
    labels = {"app.kubernetes.io/component": "registration"}
    let_in = [
        rule["ports"]
        for rule in policies["gate-webhook"]["ingress"]
        for peer in rule["from"]
        if labels.items() <= peer.get("podSelector", {}).get("matchLabels", {}).items()
    ]

    assert "--probe=http://gate-webhook.gate-system.svc:8081/readyz" in container["args"]
    assert [[{"protocol": "TCP", "port": defaults.HEALTH_PORT}]] == let_in
    assert {defaults.PORT, defaults.HEALTH_PORT} <= {
        port["port"] for rule in policies["gate-registration"]["egress"] for port in rule["ports"]
    }


# ----------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), "image.digest is empty"),
        (("image.digest=latest",), "digest"),
        ((f"image.digest={DIGEST}", "database.mode=sqlite"), "set api.replicas to 1"),
        ((f"image.digest={DIGEST}", *SQLITE, "api.autoscaling.enabled=true"), "switch api.autoscaling off"),
        ((f"image.digest={DIGEST}", "webhook.timeoutSeconds=11"), "timeoutSeconds"),
        ((f"image.digest={DIGEST}", "webhook.failurePolicy=fail"), "failurePolicy"),
        ((f"image.digest={DIGEST}", "mode=off"), "mode"),
        ((f"image.digest={DIGEST}", "webhok.replicas=3"), "webhok"),
    ],
    ids=["no digest", "a tag", "two of SQLite", "many of SQLite", "slow", "policy", "mode", "misspelt"],
)
def test_values_that_would_not_hold_are_refused(values: Sequence[str], expected: str) -> None:
    assert expected in refusal(*values)


def test_sqlite_is_one_process_with_a_disk_and_no_worker() -> None:
    deployment = one("Deployment", "gate-api", *SQLITE)

    assert (1, "Recreate") == (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"])
    assert ["ReadWriteOnce"] == one("PersistentVolumeClaim", "gate-data", *SQLITE)["spec"]["accessModes"]
    assert "Deployment/gate-worker" not in pods(*SQLITE)


def test_a_gate_that_is_new_warns_and_denies_where_a_namespace_says_so() -> None:
    content = one("ConfigMap", "gate-platform")["data"]["platform.yaml"]
    namespaces = (
        '[{"match":"prod","environment":"production","mode":"deny"},{"match":"*","environment":"test"}]'
    )
    done = helm(
        "template",
        "gate",
        str(CHART),
        "--set",
        f"image.digest={DIGEST}",
        "--set-json",
        f"platform.namespaces={namespaces}",
    )
    [chosen] = [o for o in yaml.safe_load_all(done.stdout) if o and o["metadata"]["name"] == "gate-platform"]
    rules = platform.rules(chosen["data"]["platform.yaml"].encode(), "platform.yaml")

    assert "warn" == platform.rules(content.encode(), "platform.yaml").place("anything").mode
    assert ("deny", "warn") == (rules.place("prod").mode, rules.place("dev").mode)


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError):
        platform.rules(b"version: 1\nadmission: {mode: off}\n", "platform.yaml")


# ------------------------------------------------------------------------------------------------ plain manifests


def plain() -> dict[str, str]:
    """The files of deploy/kubernetes: what is there first, what registers it, what takes it away."""
    given = text("namespace.create=true", digest=PLACEHOLDER)
    parts: dict[str, list[str]] = {"install.yaml": [], "register.yaml": [], "unregister.yaml": []}
    for document in re.split(r"^---\n", given, flags=re.MULTILINE):
        if not document.strip() or not yaml.safe_load(document):
            continue
        is_job = "helm.sh/hook:" in document
        name = (
            "install.yaml"
            if not is_job
            else "unregister.yaml"
            if "pre-delete" in document
            else "register.yaml"
        )
        parts[name].append(document)
    head = "# Rendered from deploy/helm/gate: change it there, then `make test UPDATE=1 PYTEST=tests/test_deploy.py`.\n"
    return {name: head + "---\n" + "---\n".join(documents) for name, documents in parts.items()}


@pytest.mark.parametrize("name", ["install.yaml", "register.yaml", "unregister.yaml"])
def test_the_plain_manifests_are_what_the_chart_renders(name: str) -> None:
    made = plain()[name]
    if os.environ.get("UPDATE"):
        (PLAIN / name).write_text(made, "utf-8")

    assert made == (PLAIN / name).read_text("utf-8")


def test_the_commands_of_the_chart_are_commands_of_gate(capsys: pytest.CaptureFixture[str]) -> None:
    """An option that is misspelt in the chart would be a Pod that never starts."""
    for name, spec in pods(*EVERYTHING).items():
        arguments = spec["containers"][0]["args"]
        words = [word for word in arguments if not word.startswith(("-", "/"))]
        assert 0 == run([*words, "--help"]), name
        told = capsys.readouterr().out
        for option in (word.partition("=")[0] for word in arguments if word.startswith("--")):
            assert f"{option} " in told or f"{option}\n" in told, (name, option)


def test_what_the_alerts_ask_for_is_what_the_webhook_tells() -> None:
    asked = set(re.findall(r"\b(gate_\w+)", text(*EVERYTHING)))
    telling = ("service/webhook.py", "admission/inventory.py", "admission/desk.py")
    told = "".join((REPOSITORY / "gate" / name).read_text("utf-8") for name in telling)

    assert 5 <= len(asked)
    assert [] == sorted(name for name in asked if name not in told)


def test_the_bundle_of_the_chart_is_wholly_covered_by_what_it_registers() -> None:
    with bootstrap.engine() as engine:
        bundle = bootstrap.bundle(("builtin:default",), REPOSITORY, engine, python=False)

    assert () == coverage.Registered(registered()["webhooks"]).gaps(bundle)
