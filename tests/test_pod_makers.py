"""Containers that no rule about pods sees are named, so that nobody believes they were judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate.kubernetes import pod_makers
from gate.model import KubernetesObject
from tests.command import files, gate

BAD = {"image": "evil.example/x", "securityContext": {"privileged": True}}
SAID = "custom resources whose containers are not judged here, only the pods made of them, at admission: "


def an_object(version: str, kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "d"}, "spec": spec}


ARGO, TEKTON = "argoproj.io/v1alpha1", "tekton.dev/v1"
MAKERS = [
    an_object(ARGO, "Workflow", templates=[{"name": "a", "container": {"image": "x"}}]),
    an_object(ARGO, "CronWorkflow", workflowSpec={"templates": [{"script": {"image": "x", "source": "id"}}]}),
    an_object(ARGO, "WorkflowTemplate", templates=[{"sidecars": [{"name": "s", "image": "x"}]}]),
    an_object(TEKTON, "Task", steps=[{"name": "a", "image": "x"}]),
    an_object(TEKTON, "TaskRun", taskSpec={"sidecars": [BAD]}),
    an_object(TEKTON, "Pipeline", tasks=[{"taskSpec": {"steps": [BAD]}}]),
    an_object("acme.example/v1", "Worker", deep=[[{"any": [{"image": "x", "command": ["sh"]}]}]]),
]


@pytest.mark.parametrize("value", MAKERS, ids=[str(one["kind"]) for one in MAKERS])
def test_a_custom_resource_with_containers_of_its_own_is_named(value: dict[str, Any]) -> None:
    [notice] = pod_makers.notices([KubernetesObject(object=value)])

    kind, group = value["kind"], value["apiVersion"].partition("/")[0]
    assert f"{SAID}1 ('{kind} of {group}')" == notice


@pytest.mark.parametrize(
    "value",
    [
        an_object("v1", "Pod", containers=[BAD]),
        an_object("apps/v1", "Deployment", template={"spec": {"containers": [BAD]}}),
        # Judged: policies/lib/pods.rego finds pod specs in custom resources.
        an_object(ARGO, "Rollout", template={"spec": {"containers": [BAD], "initContainers": [BAD]}}),
        an_object(ARGO, "Application", kustomize={"images": ["a:1"]}, image="x"),
        an_object("acme.example/v1", "Site", image={"command": "x"}, steps=["image"]),
        an_object("networking.k8s.io/v1", "Ingress", steps=[{"image": "x"}]),
    ],
)
def test_what_is_judged_or_holds_no_container_is_not_named(value: dict[str, Any]) -> None:
    assert () == pod_makers.notices([KubernetesObject(object=value)])


def test_many_kinds_are_counted_and_the_first_named() -> None:
    [notice] = pod_makers.notices([KubernetesObject(object=one) for one in (*MAKERS, *MAKERS)])

    assert notice.startswith(f"{SAID}14 ('CronWorkflow of argoproj.io', ")
    assert notice.endswith(", …)")


def test_the_notice_is_part_of_the_decision(tmp_path: Path) -> None:
    files(tmp_path, w_json=MAKERS[0])

    answer = gate(tmp_path, "check", "w.json", "-o", "json")

    assert [f"{SAID}1 ('Workflow of argoproj.io')"] == [
        one for one in answer.json["notices"] if one.startswith("custom")
    ]
