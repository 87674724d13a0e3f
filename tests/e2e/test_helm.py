"""The chart installed by helm into a real API server: every object is taken, strictly, and nothing stays behind.

No kubelet runs, so nothing is waited for, and the hooks are done by hand, with the arguments and the account that
the chart gives them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.cluster import TOKEN, Cluster
from tests.e2e.test_cluster import person
from tests.e2e.webhook import OTHER_GATE
from tests.test_deploy import CHART, DIGEST, EVERYTHING, SQLITE
from tests.tools import HELM, tool

RELEASE, NAMESPACE = "chart", OTHER_GATE
FOREIGN = ("monitoring.serviceMonitor=true", "monitoring.rules=true", "namespace.create=true")
"""Kinds of others, that this API server does not have; and the namespace is there already."""
VALUES = tuple(one for one in EVERYTHING if one not in FOREIGN)
KINDS = "deployments,services,configmaps,cronjobs,poddisruptionbudgets,networkpolicies,statefulsets,jobs"


class Helm:
    """helm, with the rights of an administrator."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        (folder / "kubeconfig").write_text(person(cluster.url, cluster.ca, TOKEN))

    def __call__(self, *arguments: str) -> str:
        """What it printed; fails where it does."""
        done = subprocess.run(
            [
                str(tool(HELM)),
                f"--namespace={NAMESPACE}",
                f"--kubeconfig={self.folder / 'kubeconfig'}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout


def values(*given: str) -> list[str]:
    return [part for one in (*given, f"image.digest={DIGEST}") for part in ("--set", one)]


@pytest.fixture(scope="module")
def helm(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Helm]:
    """The chart, installed."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    one = Helm(tmp_path_factory.mktemp("helm"), cluster)
    one("install", RELEASE, str(CHART), "--no-hooks", *values(*VALUES))
    yield one
    one("uninstall", RELEASE, "--no-hooks", "--ignore-not-found")


def hooks(helm: Helm) -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load_all(helm("get", "hooks", RELEASE))
    return {one["metadata"]["name"]: one for one in listed if one}


def strictly(cluster: Cluster, value: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Whether the API server takes it, with an unknown or doubled member as an error."""
    kind = ("--dry-run=server", "--validate=strict", "--namespace", NAMESPACE)
    return cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", *kind, stdin=value)


def test_what_helm_installed_is_there(cluster: Cluster, helm: Helm) -> None:
    listed = json.loads(helm("status", RELEASE, "-o", "json"))
    made = cluster.kubectl("get", KINDS, "-n", NAMESPACE, "-o", "name").stdout.split()
    role = cluster.kubectl("get", "clusterrole", f"{RELEASE}-webhook", "-o", "name")

    assert "deployed" == listed["info"]["status"]
    assert {
        f"deployment.apps/{RELEASE}-{name}" for name in ("api", "worker", "webhook", "certificates")
    } <= set(made)
    assert 0 == role.returncode


@pytest.mark.parametrize("given", [VALUES, SQLITE, ()], ids=["everything", "sqlite", "default"])
def test_an_upgrade_is_taken_by_the_api_server(helm: Helm, given: tuple[str, ...]) -> None:
    told = helm("upgrade", RELEASE, str(CHART), "--dry-run=server", *values(*given))

    assert "STATUS: pending-upgrade" in told


def test_every_object_and_hook_is_taken_strictly(cluster: Cluster, helm: Helm) -> None:
    every = [one for one in yaml.safe_load_all(helm("get", "manifest", RELEASE)) if one]
    every += hooks(helm).values()
    done = strictly(cluster, {"apiVersion": "v1", "kind": "List", "items": every})

    assert len(every) > 30
    assert (0, len(every)) == (done.returncode, done.stdout.count("(server dry run)")), done.stderr


def test_a_member_that_does_not_exist_would_be_refused(cluster: Cluster, helm: Helm) -> None:
    wrong = next(iter(hooks(helm).values()))
    wrong["spec"]["template"]["spec"]["restartPolice"] = "Never"

    assert "restartPolice" in strictly(cluster, wrong).stderr


def test_uninstalling_takes_the_webhook_away_first(cluster: Cluster, helm: Helm) -> None:
    job = hooks(helm)[f"{RELEASE}-unregister"]
    pod = job["spec"]["template"]["spec"]
    kept = cluster.kubectl("get", "configmap", f"{RELEASE}-registered", "-n", NAMESPACE, "-o", "json")
    configuration = yaml.safe_load(json.loads(kept.stdout)["data"]["configuration.yaml"])
    for one in configuration["webhooks"]:
        one["clientConfig"] = {"url": "https://127.0.0.1:1/nobody"}
        one["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": "nowhere"}}
    made = cluster.apply(configuration)
    token = cluster.kubectl("create", "token", pod["serviceAccountName"], "-n", NAMESPACE)
    (helm.folder / "token").write_text(token.stdout)
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("gate")),
            *pod["containers"][0]["args"],
            "--kubeconfig=kubeconfig",
            "--cluster-token=token",
        ],
        cwd=helm.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    there = cluster.kubectl("get", "validatingwebhookconfiguration", RELEASE)
    helm("uninstall", RELEASE, "--no-hooks")
    left = cluster.kubectl("get", KINDS, "-n", NAMESPACE, "-o", "name").stdout

    assert 0 == made.returncode, made.stderr
    assert "pre-delete" == job["metadata"]["annotations"]["helm.sh/hook"]
    assert 0 == done.returncode, done.stderr
    assert f"{RELEASE}: unregistered" in done.stdout
    assert "NotFound" in there.stderr
    assert "" == left
