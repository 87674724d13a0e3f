"""Objects of a manifest: what is one, what it is called, and lists taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import Problem, ReportError
from gate.kubernetes.objects import expanded, is_object, name

POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}


def pointers(value: object) -> list[tuple[str, str]]:
    return [(name(found), pointer) for found, pointer in expanded(value, "k.yaml", 7)]


def refusal(value: object) -> Problem:
    with pytest.raises(ReportError) as caught:
        list(expanded(value, "k.yaml", 7))
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"name": "web", "namespace": "prod"}, "Pod/prod/web"),
        ({"name": "web"}, "Pod//web"),
        ({"generateName": "web-", "namespace": "prod"}, "Pod/prod/web-*"),
        ({"name": "web", "generateName": "web-"}, "Pod//web"),
        ({"name": None, "namespace": None}, "Pod//"),
        ({}, "Pod//"),
        (None, "Pod//"),
        ([], "Pod//"),
    ],
)
def test_an_object_is_called_by_kind_namespace_and_name(metadata: Any, expected: str) -> None:
    assert expected == name({"kind": "Pod", "metadata": metadata})


@pytest.mark.parametrize(
    ("version", "kind", "expected"),
    [
        ("apps/v1", "Deployment", "Deployment/prod/web"),
        ("extensions/v1beta1", "Ingress", "Ingress/prod/web"),
        ("networking.k8s.io/v1", "Ingress", "Ingress/prod/web"),
        ("evil.example/v1", "Deployment", "Deployment.evil.example/prod/web"),
        ("serving.knative.dev/v1", "Service", "Service.serving.knative.dev/prod/web"),
        ("argoproj.io/v1alpha1", "Rollout", "Rollout/prod/web"),
        ("v1", "Pod", "Pod/prod/web"),
    ],
)
def test_a_custom_resource_is_not_called_as_one_of_kubernetes_own(
    version: str, kind: str, expected: str
) -> None:
    value = {"apiVersion": version, "kind": kind, "metadata": {"name": "web", "namespace": "prod"}}

    assert expected == name(value)


@pytest.mark.parametrize(
    "value",
    [
        None, [], "Pod", {}, {"kind": "Pod"}, {"apiVersion": "v1"}, {"apiVersion": "v1", "kind": ""},
        {"apiVersion": "v1", "kind": None}, {"apiVersion": 1, "kind": "Pod"}, {"apiVersion": "v1", "kind": ["Pod"]},
    ],
)  # fmt: skip
def test_what_does_not_say_its_kind_is_no_object_and_is_refused_with_its_place(value: object) -> None:
    problem = refusal(value)

    assert not is_object(value)
    assert ("manifest_not_an_object", "k.yaml", 7) == (problem.code, problem.path, problem.line)


def test_an_object_is_itself() -> None:
    assert [("Pod//web", "")] == pointers(POD)


def test_members_of_a_list_are_objects_with_their_pointers() -> None:
    assert [("Pod//web", "/items/0"), ("Pod//web", "/items/1")] == pointers(
        {"apiVersion": "v1", "kind": "List", "items": [POD, POD]}
    )


def test_members_of_a_typed_list_get_the_kind_their_list_names() -> None:
    items = [{"metadata": {"name": "web"}}]

    [(pod, pointer)] = expanded({"apiVersion": "v1", "kind": "PodList", "items": items}, "k.yaml", 1)

    assert ({**POD}, "/items/0") == (pod, pointer)


def test_a_list_in_a_list_is_taken_apart_too() -> None:
    inner = {"apiVersion": "v1", "kind": "List", "items": [POD]}

    assert [("Pod//web", "/items/0/items/0")] == pointers({**inner, "items": [inner]})


def test_an_empty_list_holds_no_object() -> None:
    assert [] == pointers({"apiVersion": "v1", "kind": "List", "items": []})


def test_a_kind_that_only_ends_like_a_list_is_an_object() -> None:
    assert [("AllowList//a", "")] == pointers(
        {"apiVersion": "x/v1", "kind": "AllowList", "metadata": {"name": "a"}}
    )


@pytest.mark.parametrize("items", [None, {}, "x", {"a": POD}])
def test_a_list_whose_items_are_no_list_is_refused(items: object) -> None:
    assert (
        "items of a List are no list" == refusal({"apiVersion": "v1", "kind": "List", "items": items}).message
    )


@pytest.mark.parametrize("item", [None, 7, {"a": 1}, {"kind": "Pod"}])
def test_a_member_that_is_no_object_is_refused_and_not_left_out(item: object) -> None:
    assert (
        "manifest_not_an_object" == refusal({"apiVersion": "v1", "kind": "List", "items": [POD, item]}).code
    )
