"""What holds for every rule about Kubernetes together: no place, wrapping or odd type lets a flaw through.

Each rule by itself is tested beside it, in Rego.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate import bootstrap
from gate.assemble import Facts, assemble
from gate.documents import manifests
from gate.engines.embedded import Engine
from gate.errors import GateError
from gate.evaluate import evaluate
from gate.model import KubernetesObject, Point, Source, Subject
from tests.command import gate
from tests.data import REPOSITORY, shared_data

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETS = ["builtin:kubernetes", "builtin:hardening", "builtin:pod-security/restricted"]
"""Those that judge an object by itself, wherever it is."""
Said = set[tuple[str, str, str]]
"""Verb, rule, path in the pod template."""
Judge = Callable[[Sequence[dict[str, Any]]], list[Said]]

TEMPLATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Pod": ("v1", ()),
    "PodTemplate": ("v1", ("template",)),
    "ReplicationController": ("v1", ("spec", "template")),
    "ReplicaSet": ("apps/v1", ("spec", "template")),
    "Deployment": ("apps/v1", ("spec", "template")),
    "StatefulSet": ("apps/v1", ("spec", "template")),
    "DaemonSet": ("apps/v1", ("spec", "template")),
    "Job": ("batch/v1", ("spec", "template")),
    "CronJob": ("batch/v1", ("spec", "jobTemplate", "spec", "template")),
    "Rollout": ("argoproj.io/v1alpha1", ("spec", "template")),
}
"""Kind -> its version and where its pod template is; the last is a custom resource."""

IMAGE = "registry.example/acme/web:1@sha256:" + "a" * 64
GOOD: dict[str, Any] = {
    "name": "web",
    "image": IMAGE,
    "resources": {"limits": {"memory": "64Mi"}},
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
POD: dict[str, Any] = {
    "automountServiceAccountToken": False,
    "serviceAccountName": "web",
    "containers": [GOOD],
}

CONTAINER_FLAWS: dict[str, dict[str, Any]] = {
    "privileged": {"securityContext": {"privileged": True}},
    "capability": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}},
    "escalation": {"securityContext": {"allowPrivilegeEscalation": True}},
    "root": {"securityContext": {"runAsNonRoot": False, "runAsUser": 0}},
    "unmasked": {"securityContext": {"procMount": "Unmasked"}},
    "unconfined": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "apparmor": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
    "selinux": {"securityContext": {"seLinuxOptions": {"user": "root"}}},
    "windows": {"securityContext": {"windowsOptions": {"hostProcess": True}}},
    "host port": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "probe": {"livenessProbe": {"httpGet": {"host": "192.0.2.1", "port": 80}}},
    "tag": {"image": "registry.example/acme/web:latest"},
    "variable": {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
    "argument": {"args": ["--db-password=hunter2"]},
    "two arguments": {"command": ["web", "--token", "hunter2"]},
    "propagation": {"volumeMounts": [{"name": "x", "mountPath": "/x", "mountPropagation": "Bidirectional"}]},
    "node": {"volumeMounts": [{"name": "node", "mountPath": "/x"}]},
}
"""Changes of a good container that are denied wherever it stands."""
POD_FLAWS: dict[str, dict[str, Any]] = {
    "network": {"hostNetwork": True},
    "processes": {"hostPID": True},
    "memory": {"hostIPC": True},
    "path": {"volumes": [{"name": "data", "hostPath": {"path": "/data"}}]},
    "socket": {"volumes": [{"name": "run", "hostPath": {"path": "/var/run/docker.sock"}}]},
    "keys": {"volumes": [{"name": "keys", "hostPath": {"path": "/etc/kubernetes"}}]},
    "sysctl": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    "volume": {"volumes": [{"name": "nfs", "nfs": {"server": "a", "path": "/"}}]},
    "image volume": {"volumes": [{"name": "i", "image": {"reference": "registry.example/web:latest"}}]},
}
"""Changes of a good pod that are denied."""
RBAC = "rbac.authorization.k8s.io/v1"
OBJECT_FLAWS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "wildcard": (RBAC, "Role", {"rules": [{"apiGroups": ["apps"], "resources": ["a"], "verbs": ["*"]}]}),
    "escalation": (
        RBAC,
        "ClusterRole",
        {"rules": [{"apiGroups": [""], "resources": ["a"], "verbs": ["bind"]}]},
    ),
    "kubelets": (
        RBAC,
        "Role",
        {"rules": [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}]},
    ),
    "administrator": (
        RBAC,
        "ClusterRoleBinding",
        {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}},
    ),
    "masters": (RBAC, "RoleBinding", {"subjects": [{"kind": "Group", "name": "system:masters"}]}),
    "everybody": (RBAC, "RoleBinding", {"subjects": [{"kind": "Group", "name": "system:authenticated"}]}),
    "default account": (RBAC, "RoleBinding", {"subjects": [{"kind": "ServiceAccount", "name": "default"}]}),
    "addresses": ("v1", "Service", {"spec": {"externalIPs": ["192.0.2.1"]}}),
    "balancer": (
        "v1",
        "Service",
        {"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["0.0.0.0/0"]}},
    ),
    "snippet": (
        "networking.k8s.io/v1",
        "Ingress",
        {"metadata": {"annotations": {"nginx.org/server-snippets": "x"}}},
    ),
    "tls": (
        "networking.k8s.io/v1",
        "Ingress",
        {"spec": {"tls": [{"hosts": ["a.example"]}], "rules": [{"host": "b.example"}, {"host": ""}]}},
    ),
    "policy": (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"spec": {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": []}]}},
    ),
    "map": ("v1", "ConfigMap", {"data": {"password": "hunter2"}}),
    "secret": ("v1", "Secret", {"type": "Opaque", "data": {"a": "aGk="}, "stringData": {"b": "hi"}}),
    "account": ("v1", "ServiceAccount", {"automountServiceAccountToken": True}),
    "namespace": ("v1", "Namespace", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "x"}}}),
    "volume": ("v1", "PersistentVolume", {"spec": {"hostPath": {"path": "/data"}}}),
    "claim": ("v1", "PersistentVolumeClaim", {"spec": {"accessModes": ["ReadWriteOnce"]}}),
    "webhook": (
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        {"webhooks": [{"name": "a", "failurePolicy": "Ignore", "timeoutSeconds": 30}]},
    ),
    "api": ("apiregistration.k8s.io/v1", "APIService", {"spec": {"insecureSkipTLSVerify": True}}),
    "definition": (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {"spec": {"preserveUnknownFields": True}},
    ),
    "gateway": (
        "gateway.networking.k8s.io/v1",
        "Gateway",
        {"spec": {"listeners": [{"protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}]}},
    ),
    "grant": ("gateway.networking.k8s.io/v1", "ReferenceGrant", {"spec": {"to": [{"kind": "Secret"}]}}),
    "budget": ("policy/v1", "PodDisruptionBudget", {"spec": {"minAvailable": "100%", "selector": {}}}),
    "autoscaler": (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {"spec": {"minReplicas": 3, "maxReplicas": 3, "metrics": []}},
    ),
}
"""What is wrong with objects that run no pods: version, kind, the fields that say it."""
IN_CI_ONLY = {"secret"}
LISTS = ("containers", "initContainers", "ephemeralContainers")


def merged(one: Any, other: Any) -> Any:
    """Objects merged key by key; anything else replaced."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return copy.deepcopy(other)
    both = {key: merged(one[key], other[key]) if key in one else copy.deepcopy(other[key]) for key in other}
    return {**copy.deepcopy(one), **both}


def in_kind(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """The pod `spec` in an object of `kind`."""
    version, path = TEMPLATES[kind]
    inner: Any = {"metadata": {"name": "web", "namespace": "prod"}, "spec": spec}
    for key in reversed(path):
        inner = {key: inner}
    return {
        "apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "prod"}, **inner
    }  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def judge(engine: Engine) -> Judge:
    return judging(engine, SETS)


@pytest.fixture(scope="module")
def judge_by_all(engine: Engine) -> Judge:
    return judging(engine, [*SETS, "builtin:reliability"])


def judging(engine: Engine, sets: Sequence[str]) -> Judge:
    """What judges objects by `sets`, as admission does."""
    bundle = bootstrap.bundle(sets, Path(), engine, python=False)

    def judged(objects: Sequence[dict[str, Any]]) -> list[Said]:
        facts = Facts(
            now=NOON, point=Point.ADMISSION, project=None, environment=None, settings=bundle.settings,
            subject=Subject(type="manifests", name="pods", claimed=True),
            objects=tuple(
                KubernetesObject(object=value, source=Source(file="a.yaml", line=1), document=0, pointer="")
                for value in objects
            ),
        )  # fmt: skip
        found: list[Said] = [set() for _ in objects]
        for one in evaluate(
            engine, None, bundle, assemble(facts), frozenset(), point=Point.ADMISSION, now_ns=0, timeout_s=60.0
        ):  # fmt: skip
            assert one.about is not None
            prefix = "".join(f"/{key}" for key in TEMPLATES.get(str(objects[one.about]["kind"]), ("", ()))[1])
            found[one.about].add((one.verb, one.rule, (one.path or "").removeprefix(prefix)))
        return found

    return judged


def denials(said: Said) -> set[str]:
    return {rule for verb, rule, _ in said if verb == "deny"}


def with_node(spec: dict[str, Any]) -> dict[str, Any]:
    """The pod with the volume that the flaw `node` mounts."""
    return {**spec, "volumes": [*spec.get("volumes", []), {"name": "node", "hostPath": {"path": "/data"}}]}


def test_a_good_pod_has_no_violation_in_any_kind(judge: Judge) -> None:
    objects = [in_kind(kind, POD) for kind in TEMPLATES]

    assert [set() for _ in objects] == judge(objects)


@pytest.mark.parametrize("flaw", CONTAINER_FLAWS)
def test_moving_a_container_between_the_lists_keeps_every_denial(flaw: str, judge: Judge) -> None:
    bad = merged(GOOD, {"name": "bad", **CONTAINER_FLAWS[flaw]})
    there, *elsewhere = judge(
        [in_kind("Pod", with_node({**POD, "containers": [GOOD], name: [bad]})) for name in LISTS]
    )
    without, *_ = judge([in_kind("Pod", with_node(POD))])

    assert denials(there) > denials(without)
    assert [denials(there)] * 2 == [denials(said) for said in elsewhere]


@given(
    flaws=st.lists(st.sampled_from(sorted(CONTAINER_FLAWS)), min_size=1, max_size=4, unique=True),
    about_pod=st.lists(st.sampled_from(sorted(POD_FLAWS)), max_size=2, unique=True),
    list_=st.sampled_from(LISTS),
    name=st.sampled_from(["bad", "web", "", "a/b", "istio-proxy"]),
)
@settings(max_examples=40, deadline=None)
def test_wrapping_a_pod_into_a_workload_keeps_every_violation(
    judge: Judge, flaws: list[str], about_pod: list[str], list_: str, name: str
) -> None:
    bad = merged(GOOD, {"name": name})
    for flaw in flaws:
        bad = merged(bad, CONTAINER_FLAWS[flaw])
    spec = with_node(merged(POD, {list_: [bad]}))
    for flaw in about_pod:
        volumes = [*spec["volumes"], *POD_FLAWS[flaw].get("volumes", [])]
        spec = {**merged(spec, POD_FLAWS[flaw]), "volumes": volumes}

    pod, *workloads = judge([in_kind(kind, spec) for kind in TEMPLATES])

    assert denials(pod)
    assert [pod] * len(workloads) == workloads


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in `value`, but of `value` itself."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from leaves(below, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    result = copy.deepcopy(value)
    at = result
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return result


ODD: tuple[Any, ...] = ({}, {"a": 1}, [], ["x"], [[]], [None], "x", 7, True)
NAMES = {"name", "mountPath", "containerPort", "port", "server", "path"}
"""Fields whose value decides nothing by itself; another type there is no way to hide."""

SWITCHES = {"value", "password"}
"""Where true is a switch, as in ALLOW_EMPTY_PASSWORD, and no credential."""


def odd_versions(flaw: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The flaw with each of its values replaced by every value of another type."""
    found = []
    for path in leaves(flaw):
        old: Any = flaw
        for key in path:
            old = old[key]
        if path[-1] in NAMES and not isinstance(old, dict | list):
            continue
        odd = [
            new for new in ODD if type(new) is not type(old) and not (new is True and path[-1] in SWITCHES)
        ]
        found += [(f"{path} {new!r}", replaced(flaw, path, new)) for new in odd]
    return found


@pytest.mark.parametrize("flaw", CONTAINER_FLAWS)
def test_a_value_of_another_type_hides_no_flaw_of_a_container(flaw: str, judge: Judge) -> None:
    cases = odd_versions(CONTAINER_FLAWS[flaw])
    bad = [merged(GOOD, changes) for _, changes in cases]
    pods = [in_kind("Pod", {**POD, "containers": [one]}) for one in bad]

    passed = [case for (case, _), said in zip(cases, judge(pods), strict=True) if not denials(said)]

    assert [] == passed


@pytest.mark.parametrize("flaw", POD_FLAWS)
def test_a_value_of_another_type_hides_no_flaw_of_a_pod(flaw: str, judge: Judge) -> None:
    cases = odd_versions(POD_FLAWS[flaw])
    pods = [in_kind("Pod", merged(POD, changes)) for _, changes in cases]

    passed = [case for (case, _), said in zip(cases, judge(pods), strict=True) if not denials(said)]

    assert [] == passed


@pytest.mark.parametrize("flaw", OBJECT_FLAWS)
def test_a_value_of_another_type_hides_no_flaw_of_another_object(flaw: str, judge_by_all: Judge) -> None:
    """Nothing that was denied passes, and no rule fails: a failing rule is an error about every object."""
    version, kind, fields = OBJECT_FLAWS[flaw]
    base = {"apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "prod"}}
    cases = odd_versions(fields)
    (was,), said = judge_by_all([merged(base, fields)]), judge_by_all([merged(base, odd) for _, odd in cases])

    passed = [case for (case, _), one in zip(cases, said, strict=True) if not denials(one)]

    assert was or flaw in IN_CI_ONLY | {"claim"}
    assert not denials(was) or [] == passed


@pytest.mark.parametrize("kind", ["Pod", "Rollout"])
def test_no_rule_fails_whatever_stands_in_a_pod(kind: str, judge_by_all: Judge) -> None:
    container = GOOD
    for flaw in CONTAINER_FLAWS.values():
        container = merged(container, flaw)
    spec = merged(POD, {"containers": [container], "initContainers": [container]})
    for flaw in POD_FLAWS.values():
        spec = merged(spec, flaw)
    whole = in_kind(kind, spec)

    odd: tuple[Any, ...] = (7, "x", {}, [None])

    said = judge_by_all([whole, *(replaced(whole, path, new) for path in leaves(whole) for new in odd)])

    assert denials(said[0])


def test_real_pods_are_judged_the_same_in_every_workload(judge: Judge, engine: Engine) -> None:
    read, root = bootstrap.manifest_reader(engine), shared_data("manifests")
    specs = []
    for path in sorted(root.glob("ku*/**/*.yaml")):
        try:
            objects = manifests.kubernetes_objects(read, path.read_bytes(), path.name)
        except GateError:
            continue
        specs += [one.object["spec"] for one in objects if one.object["kind"] == "Pod"]
    kinds = [kind for kind in TEMPLATES if kind != "Rollout"]

    said = judge([in_kind(kind, spec) for spec in specs for kind in kinds])

    assert len(specs) > 20
    for start in range(0, len(said), len(kinds)):
        pod, *workloads = said[start : start + len(kinds)]
        assert [pod] * len(workloads) == workloads


def test_every_line_of_every_rule_is_reached_by_a_test(tmp_path: Path) -> None:
    result = gate(tmp_path, "policy", "test", REPOSITORY / "policies", "--coverage", "-o", "json")

    files = result.json["coverage"]["files"]
    assert 0 == result.code
    assert {} == {name: one["not_covered"] for name, one in files.items() if one["not_covered"]}
