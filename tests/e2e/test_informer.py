"""Constraints that look around, on a real API server: the informer follows it, is cut off, and finds back."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.data import shared_data
from tests.e2e.cluster import Cluster, until
from tests.e2e.test_cluster import person
from tests.e2e.webhook import OWN_NAMESPACE, Webhook, configuration
from tests.test_deploy import EVERYTHING, objects

LIBRARY = ("gatekeeper-library", "library", "general", "uniqueingresshost")
NAMESPACES = {"edge": {"tier": "front"}, "edge-too": {"tier": "front"}, "inner": {"tier": "back"}}
STALE_AFTER_S = 9
SELECTING = """apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: frontneedsteam}
spec:
  crd: {spec: {names: {kind: FrontNeedsTeam}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package front
        violation[{"msg": "what is in front names a team"}] { not input.review.object.metadata.labels.team }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: FrontNeedsTeam
metadata: {name: front}
spec:
  match:
    kinds: [{apiGroups: [""], kinds: [ConfigMap]}]
    namespaceSelector: {matchLabels: {tier: front}}
"""
RULE = {"apiGroups": ["networking.k8s.io"], "apiVersions": ["*"], "resources": ["ingresses"]}
OF_MAPS = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}


class Cut:
    """A way to the API server that can be cut: connections are passed on until then."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, until_joined: bool) -> None:
        """End every connection; take no new one, where `until_joined`, before `join`."""
        self._is_cut = until_joined
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Take connections again."""
        self._is_cut = False

    def close(self) -> None:
        """End."""
        self.cut(until_joined=True)
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self._listening.accept()
                try:
                    theirs = None if self._is_cut else socket.create_connection(("127.0.0.1", self._to), 5)
                except OSError:
                    theirs = None
                if theirs is None:
                    ours.close()
                    continue
                theirs.settimeout(None)
                self._open |= {ours, theirs}
                for one, other in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._passed, args=(one, other), daemon=True).start()

    def _passed(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._open.discard(end)
        one.close()


class Informed:
    """A webhook with an informer, and the way between."""

    def __init__(self, webhook: Webhook, way: Cut) -> None:
        self.webhook = webhook
        self.way = way

    def state(self) -> dict[str, Any]:
        """What `/readyz` tells of it."""
        told: dict[str, Any] = self.webhook.state()["informer"]
        return told

    def knows(self) -> bool:
        """Whether everything it needs is held and recent."""
        return self.state()["unknown"] is None

    def holds(self, kind: str) -> int:
        """How many objects of a kind it holds."""
        number: int = self.state()["kinds"][kind]["objects"]
        return number


@pytest.fixture(scope="module")
def informed(
    cluster: Cluster, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Informed]:
    """Its account has what the chart gives it, and nothing else."""
    folder = tmp_path_factory.mktemp("informed")
    for value in objects(*EVERYTHING):
        name = value["metadata"]["name"]
        if name == "gate-webhook" and value["kind"] in (
            "ServiceAccount",
            "ClusterRole",
            "ClusterRoleBinding",
        ):
            # tests/e2e/test_cluster.py may have made them already.
            made = cluster.kubectl("apply", "-f", "-", stdin=value)
            assert 0 == made.returncode, made.stderr
    for name, labels in NAMESPACES.items():
        made = cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        )
        assert 0 == made.returncode, made.stderr
    token = cluster.kubectl("create", "token", "gate-webhook", "-n", OWN_NAMESPACE)
    assert 0 == token.returncode, token.stderr
    way = Cut(int(cluster.url.rpartition(":")[2]))
    (folder / "kubeconfig").write_text(person(f"https://127.0.0.1:{way.port}", cluster.ca, token.stdout))
    one = Webhook(
        folder,
        webhook.feed,
        "--informer",
        f"--informer-stale-after={STALE_AFTER_S}",
        "--kubeconfig=kubeconfig",
    )
    source = shared_data(*LIBRARY)
    shutil.copy(source / "template.yaml", one.policies)
    shutil.copy(source / "samples" / "unique-ingress-host" / "constraint.yaml", one.policies)
    (one.policies / "selecting.yaml").write_text(SELECTING)
    try:
        one.start()
        made = cluster.apply(_registered(one))
        assert 0 == made.returncode, made.stderr
        until(lambda: "FrontNeedsTeam" in _map(cluster, "probe", "edge").stderr, "it is asked", 30.0)
        yield Informed(one, way)
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", "gate-informed")
        one.stop()
        way.close()


def _registered(webhook: Webhook) -> dict[str, Any]:
    made = configuration(webhook)
    made["metadata"]["name"] = "gate-informed"
    [one] = [each for each in made["webhooks"] if each["name"].startswith("validate.")]
    one["name"] = "informed.gate.internal"
    one["rules"] = [
        rule | {"operations": ["CREATE", "UPDATE"], "scope": "Namespaced"} for rule in (RULE, OF_MAPS)
    ]
    one["namespaceSelector"] = {
        "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [*NAMESPACES, "later"]}
        ]
    }
    made["webhooks"] = [one]
    return made


def _map(cluster: Cluster, name: str, namespace: str, **labels: str) -> Any:
    value = {"apiVersion": "v1", "kind": "ConfigMap"}
    return cluster.apply(
        value | {"metadata": {"name": name, "namespace": namespace, "labels": labels}}, "--dry-run=server"
    )


def _ingress(cluster: Cluster, name: str, namespace: str, host: str, *more: str) -> Any:
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return cluster.apply(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]},
        },
        *more,
    )


def test_a_namespace_selector_is_judged_by_the_labels_that_the_namespace_has_now(
    cluster: Cluster, informed: Informed
) -> None:
    assert "what is in front names a team" in _map(cluster, "a", "edge").stderr
    assert 0 == _map(cluster, "a", "edge", team="web").returncode
    assert 0 == _map(cluster, "a", "inner").returncode

    cluster.kubectl("label", "namespace", "inner", "tier=front", "--overwrite")
    until(lambda: 0 != _map(cluster, "a", "inner").returncode, "the label is heard of")
    cluster.kubectl("label", "namespace", "inner", "tier=back", "--overwrite")
    until(lambda: 0 == _map(cluster, "a", "inner").returncode, "and the next one")
    assert informed.knows()


def test_a_host_that_another_ingress_has_is_denied_until_that_one_is_gone(
    cluster: Cluster, informed: Informed
) -> None:
    first = _ingress(cluster, "first", "edge", "shop.example")
    assert 0 == first.returncode, first.stderr
    until(lambda: 1 == informed.holds("networking.k8s.io/v1 Ingress"), "the first is held")

    denied = _ingress(cluster, "second", "edge-too", "shop.example")
    other = _ingress(cluster, "third", "edge-too", "blog.example", "--dry-run=server")
    cluster.kubectl("delete", "ingress", "first", "-n", "edge")
    until(lambda: 0 == informed.holds("networking.k8s.io/v1 Ingress"), "it is gone")
    after = _ingress(cluster, "second", "edge-too", "shop.example", "--dry-run=server")

    assert "K8sUniqueIngressHost" in denied.stderr
    assert "shop.example" in denied.stderr
    assert (0, 0) == (other.returncode, after.returncode), other.stderr + after.stderr


def test_a_watch_that_is_cut_goes_on_where_it_was(cluster: Cluster, informed: Informed) -> None:
    lists = informed.state()["kinds"]["v1 Namespace"]["lists"]
    informed.way.cut(until_joined=True)
    made = cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "later", "labels": {"tier": "front"}}}
    )
    assert 0 == made.returncode, made.stderr
    missed = _map(cluster, "a", "later")
    informed.way.join()
    until(lambda: "names a team" in _map(cluster, "a", "later").stderr, "the namespace is heard of", 30.0)

    assert "the labels of namespace 'later' are not known" in missed.stderr
    assert informed.knows()
    assert lists == informed.state()["kinds"]["v1 Namespace"]["lists"]


def test_what_is_older_than_the_limit_does_not_count_and_everything_else_is_judged_on(
    cluster: Cluster, informed: Informed
) -> None:
    informed.way.cut(until_joined=True)
    until(lambda: not informed.knows(), "what is held is old", 30.0)
    stale = _map(cluster, "a", "inner")
    ingress = _ingress(cluster, "old", "edge", "old.example", "--dry-run=server")
    metrics = informed.webhook.text("/metrics")
    is_ready = informed.webhook.is_ready()
    informed.way.join()
    until(informed.knows, "it is heard of again", 40.0)

    assert "the informer has not heard of v1 Namespace for" in stale.stderr
    assert "the informer has not heard of networking.k8s.io/v1 Ingress for" in ingress.stderr
    assert "gate_admission_inventory_unknown 1" in metrics
    assert is_ready
    assert 0 == _map(cluster, "a", "inner").returncode


def test_an_api_server_that_is_restarted_is_followed_on(cluster: Cluster, informed: Informed) -> None:
    cluster.restart()
    until(lambda: 0 == _ingress(cluster, "again", "edge", "again.example").returncode, "it is judged", 40.0)

    until(
        lambda: (
            "again.example" in _ingress(cluster, "b", "edge-too", "again.example", "--dry-run=server").stderr
        ),
        "the ingress is held",
        30.0,
    )
    assert informed.knows()


def test_a_bundle_that_looks_at_more_is_waited_for_and_one_that_says_not_at_what_is_refused(
    cluster: Cluster, informed: Informed
) -> None:
    file = informed.webhook.policies / "template.yaml"
    whole = file.read_text()
    value = yaml.safe_load(whole)
    del value["metadata"]["annotations"]["metadata.gatekeeper.sh/requires-sync-data"]
    before = informed.webhook.state()["revision"]
    file.write_text(yaml.safe_dump(value))
    until(lambda: informed.webhook.state()["policies_refused"], "it is refused")
    told = informed.webhook.state()["policies_refused"]
    file.write_text(whole)
    until(lambda: not informed.webhook.state()["policies_refused"], "the first is back", 40.0)

    assert "looks at data.inventory and does not say at which kinds" in told
    assert before == informed.webhook.state()["revision"]
    assert informed.knows()
    assert 0 == _map(cluster, "a", "inner").returncode


def test_the_account_may_read_what_the_templates_look_at_and_nothing_else(
    cluster: Cluster, informed: Informed
) -> None:
    assert informed.knows()
    who = f"--as=system:serviceaccount:{OWN_NAMESPACE}:gate-webhook"
    may = {
        (verb, kind): cluster.kubectl("auth", "can-i", verb, kind, "-A", who).stdout.strip()
        for verb in ("list", "watch", "get", "create", "delete")
        for kind in ("namespaces", "ingresses", "secrets", "pods")
    }

    assert {(verb, kind) for verb in ("list", "watch") for kind in ("namespaces", "ingresses")} == {
        key for key, said in may.items() if said == "yes"
    }
