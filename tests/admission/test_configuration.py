"""The webhook configuration asks about everything it must, and never about what a cluster needs to start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import bootstrap
from gate.admission import configuration, coverage, defaults
from gate.admission.configuration import Wanted
from gate.bundle import Bundle
from gate.engines.embedded import Engine
from gate.errors import PolicyError, SettingsError
from gate.kubernetes import resources
from tests.admission.registered import asked, request
from tests.data import REPOSITORY

NODE = {"user": "system:node:n1", "groups": ("system:nodes", "system:authenticated")}
MIRROR = {"kubernetes.io/config.mirror": "x"}
SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "gate-system")
WORKLOADS = (
    "pods",
    "replicationcontrollers",
    "podtemplates",
    "apps/deployments",
    "apps/replicasets",
    "apps/statefulsets",
    "apps/daemonsets",
    "batch/jobs",
    "batch/cronjobs",
)


def critical() -> Iterator[dict[str, Any]]:
    """What nodes, controllers and the API server itself do while no webhook runs."""
    for namespace in SYSTEM:
        for resource in (*WORKLOADS, "secrets"):
            yield request(resource, namespace)
    for operation in ("CREATE", "UPDATE", "DELETE"):
        yield request("nodes", operation=operation, **NODE)  # type: ignore[arg-type]
        yield request("coordination.k8s.io/leases", "kube-node-lease", operation=operation)
        yield request("coordination.k8s.io/leases", "default", operation=operation)
        yield request("certificates.k8s.io/certificatesigningrequests", operation=operation)
        yield request("namespaces", operation=operation)
        yield request("pods", "prod", operation="DELETE")
        yield request(f"{defaults.UNASKED}/validatingwebhookconfigurations", operation=operation)
        yield request("rbac.authorization.k8s.io/clusterroles", user="system:apiserver", operation=operation)
        yield request("apiregistration.k8s.io/apiservices", user="system:apiserver", operation=operation)
    for resource in (
        "pods/status",
        "pods/binding",
        "pods/eviction",
        "apps/deployments/status",
        "events",
        "endpoints",
    ):
        yield request(resource, "prod")
        yield request(resource, "prod", operation="UPDATE")
    for resource in (
        "nodes/status",
        "persistentvolumes",
        "storage.k8s.io/csinodes",
        "authentication.k8s.io/tokenreviews",
    ):
        yield request(resource)
    yield request("serviceaccounts/token", "prod")
    yield request("pods", "prod", annotations=MIRROR, **NODE)  # type: ignore[arg-type]
    yield request("pods", "prod", operation="DELETE", annotations=MIRROR, **NODE)  # type: ignore[arg-type]


def must_be_asked() -> Iterator[dict[str, Any]]:
    """Every way in which a pod, or what makes one, comes to be or changes."""
    for resource in WORKLOADS:
        for operation in ("CREATE", "UPDATE"):
            for namespace in ("default", "prod", "kube-system-2"):
                yield request(resource, namespace, operation=operation)
    for sub in ("pods/ephemeralcontainers", "pods/resize"):
        yield request(sub, "prod", operation="UPDATE")
    yield request("pods", "prod", annotations=MIRROR)
    yield request("pods", "prod", **NODE)  # type: ignore[arg-type]
    yield request("pods", "prod", user="admin", groups=("system:masters",))
    yield request("pods", "prod", user="system:apiserver")
    yield request("pods", "prod", user="system:serviceaccount:kube-system:replicaset-controller")


def bundle(engine: Engine, *names: str) -> Bundle:
    return bootstrap.bundle(names, REPOSITORY, engine, python=False)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as one:
        yield one


@pytest.fixture(scope="module")
def default(engine: Engine) -> dict[str, Any]:
    speaks, _ = coverage.spoken(bundle(engine, "builtin:default"), {})
    return configuration.rendered(speaks, Wanted())


def test_sixty_requests_that_a_cluster_needs_to_start_are_never_asked_about(default: dict[str, Any]) -> None:
    requests = list(critical())

    assert 60 <= len(requests)
    assert [] == [one for one in requests if asked(default, one)]


def test_sixty_requests_that_bring_a_pod_are_all_asked_about(default: dict[str, Any]) -> None:
    requests = list(must_be_asked())

    assert 60 <= len(requests)
    assert [] == [one for one in requests if not asked(default, one)]


def test_a_bundle_about_everything_still_leaves_a_cluster_able_to_start(engine: Engine) -> None:
    speaks, _ = coverage.spoken(bundle(engine, "builtin:hardening", "builtin:reliability"), {})
    everything = Wanted(deletes=True, scales=True, connects=True, cluster_scoped=True)
    made = configuration.rendered(speaks, everything)
    chosen = {"namespaces", "persistentvolumes", "pods"}
    never = [one for one in critical() if one["resource"] not in chosen or one["namespace"] in SYSTEM]

    assert 50 <= len(never)
    assert [] == [one for one in never if asked(made, one)]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (request("pods", "prod", operation="DELETE"), Wanted(deletes=True)),
        (request("pods/exec", "prod", operation="CONNECT"), Wanted(connects=True)),
        (request("pods/attach", "prod", operation="CONNECT"), Wanted(connects=True)),
        (request("apps/deployments/scale", "prod", operation="UPDATE"), Wanted(scales=True)),
        (request("replicationcontrollers/scale", "prod", operation="UPDATE"), Wanted(scales=True)),
    ],
    ids=lambda one: one["resource"] if isinstance(one, dict) else "",
)
def test_what_is_rare_is_asked_about_only_where_somebody_wants_it(
    given: dict[str, Any], wanted: Wanted
) -> None:
    assert not asked(configuration.rendered((), Wanted()), given)
    assert asked(configuration.rendered((), wanted), given)


def test_the_rendered_values_are_those_of_the_constants(default: dict[str, Any]) -> None:
    [webhook] = default["webhooks"]

    assert ("Fail", 5, "NoneOnDryRun", "Equivalent", ["v1"], {}) == tuple(
        webhook[key]
        for key in (
            "failurePolicy",
            "timeoutSeconds",
            "sideEffects",
            "matchPolicy",
            "admissionReviewVersions",
            "objectSelector",
        )
    )
    assert {"Namespaced"} == {rule["scope"] for rule in webhook["rules"]}
    assert {"*"}.isdisjoint(name for rule in webhook["rules"] for name in rule["resources"])
    assert "/admission/validate" == webhook["clientConfig"]["service"]["path"]


def test_a_timeout_that_holds_up_a_cluster_is_refused() -> None:
    with pytest.raises(SettingsError, match="1 to 10 s"):
        Wanted(timeout_s=11)


def test_plain_http_is_refused() -> None:
    with pytest.raises(SettingsError, match="https only"):
        Wanted(url="http://127.0.0.1/admission/validate")


def test_kinds_of_a_bundle_that_no_webhook_asks_about_are_told_with_what_to_do(engine: Engine) -> None:
    speaks, unknown = coverage.spoken(bundle(engine, "builtin:hardening"), {})
    narrow = configuration.rendered((), Wanted())["webhooks"]

    gaps = {gap.kind: gap for gap in coverage.gaps(speaks, narrow)}

    assert () == unknown
    assert "render the configuration anew" == gaps["Secret"].why
    assert "render with --cluster-scoped" == gaps["ClusterRole.rbac.authorization.k8s.io"].why
    assert gaps[f"ValidatingWebhookConfiguration.{defaults.UNASKED}"].is_final
    assert "Pod" not in gaps


def test_after_rendering_for_the_bundle_only_what_nobody_can_ask_about_is_left(engine: Engine) -> None:
    speaks, _ = coverage.spoken(bundle(engine, "builtin:hardening"), {})
    made = configuration.rendered(speaks, Wanted(cluster_scoped=True))["webhooks"]

    assert {defaults.UNASKED} == {gap.kind.partition(".")[2] for gap in coverage.gaps(speaks, made)}


def test_every_kind_that_a_shipped_rule_compares_is_in_its_metadata(engine: Engine) -> None:
    """A rule about a kind that its METADATA does not name would never be asked at admission."""
    said = {
        package.name: {one.kind for one in resources.listed(package.kinds)}
        for name in (
            "kubernetes",
            "hardening",
            "reliability",
            "pod-security/baseline",
            "pod-security/restricted",
        )
        for package in bundle(engine, f"builtin:{name}").packages
        if package.scope == "object"
    }
    missing = []
    for path in sorted((REPOSITORY / "policies").rglob("*.rego")):
        text = path.read_text("utf-8")
        package = re.search(r"^package (\S+)", text, re.MULTILINE)
        if path.stem.endswith("_test") or package is None or package[1] not in said:
            continue
        compared = re.findall(r"input\.object\.kind (?:==|in) (\{[^}]*\}|\"\w+\")", text)
        named = {kind for some in compared for kind in re.findall(r"\"(\w+)\"", some)}
        missing += [(path.name, kind) for kind in named - said[package[1]]]

    assert [] == missing
    assert 30 <= len(said)


POLICY = """# METADATA
# scope: package
# custom: {{scope: object, points: [admission], kinds: {kinds}}}
package policy.kubernetes.team

# METADATA
# custom: {{id: TEAM-1, severity: low}}
deny contains {{"rule": "TEAM-1", "message": "no"}} if input.object.kind == "Rollout"
"""


def test_a_custom_resource_is_registered_by_the_plural_that_its_rule_says(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "team.rego").write_text(POLICY.format(kinds="[Rollout.argoproj.io/rollouts]"), "utf-8")
    speaks, _ = coverage.spoken(bootstrap.bundle((str(tmp_path),), tmp_path, engine, python=False), {})

    assert asked(configuration.rendered(speaks, Wanted()), request("argoproj.io/rollouts", "prod"))


@pytest.mark.parametrize("kinds", ["[Rollout.argoproj.io]", "[pods]", "[]", "Pod", "[1]"])
def test_a_kind_that_no_webhook_could_be_registered_for_is_refused_at_load(
    engine: Engine, tmp_path: Path, kinds: str
) -> None:
    (tmp_path / "team.rego").write_text(POLICY.format(kinds=kinds), "utf-8")

    with pytest.raises(PolicyError, match=r"kind"):
        bootstrap.bundle((str(tmp_path),), tmp_path, engine, python=False)


CONSTRAINT = """apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {{name: never}}
spec:
  crd: {{spec: {{names: {{kind: Never}}}}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package never
        violation[{{"msg": "no"}}] {{ input.review.object.metadata.name == "bad" }}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Never
metadata: {{name: never}}
spec: {{match: {{kinds: [{kinds}]}}}}
"""


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("{apiGroups: [''], kinds: [Service]}", []),
        ("{apiGroups: [argoproj.io], kinds: [Rollout]}", ["Rollout.argoproj.io"]),
        ("{apiGroups: ['*'], kinds: ['*']}", ["*"]),
        ("", ["*"]),
    ],
)
def test_the_kinds_of_a_constraint_are_registered_or_told(
    engine: Engine, tmp_path: Path, kinds: str, expected: list[str]
) -> None:
    (tmp_path / "never.yaml").write_text(CONSTRAINT.format(kinds=kinds), "utf-8")
    made = bootstrap.bundle((str(tmp_path),), tmp_path, engine, python=False)

    speaks, unknown = coverage.spoken(made, {})

    assert expected == [gap.kind for gap in unknown]
    if not expected:
        assert asked(configuration.rendered(speaks, Wanted()), request("services", "prod"))


def test_break_glass_is_one_line_that_the_api_server_asks_nobody_about() -> None:
    assert "kubectl delete validatingwebhookconfiguration gate\n" in configuration.break_glass("gate")


@pytest.mark.parametrize("value", [None, [], {"kind": "Pod"}, {"kind": configuration.KIND, "webhooks": 1}])
def test_what_is_no_configuration_is_refused(value: object) -> None:
    with pytest.raises(SettingsError, match="no webhook configuration"):
        coverage.webhooks(value, "file")
