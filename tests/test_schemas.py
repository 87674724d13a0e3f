"""Kubernetes objects against the schemas of the cluster's version: what it would refuse or drop is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gate.kubernetes import parameters, schemas, shapes
from gate.kubernetes.versions import RETIRED
from gate.model import KubernetesObject, Said
from tests.command import files, gate
from tests.data import shared_data

NEWEST = schemas.schemas(None)
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"a": "b"}},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx",
                        "resources": {"limits": {"cpu": 1, "memory": "128Mi", "x.example/gpu": 0.5}},
                        "livenessProbe": {"httpGet": {"port": "http"}},
                        "securityContext": None,
                    }
                ]
            },
        },
    },
    "status": {},
}
WIDGETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.acme.example"},
    "spec": {
        "group": "acme.example",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["size"],
                                "properties": {
                                    "size": {"type": "integer"},
                                    "colour": {
                                        "type": "string",
                                        "enum": ["red", "blue"],
                                        "pattern": "(a+)+$",
                                    },
                                    "port": {"x-kubernetes-int-or-string": True},
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "half": {
                                        "type": "object",
                                        "properties": {"a": {"type": "string"}},
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                                    "pod": {"type": "object", "x-kubernetes-embedded-resource": True},
                                    "list": {"type": "array", "items": {"type": "number"}},
                                },
                            }
                        },
                    }
                },
            },
            {
                "name": "v0",
                "served": False,
                "storage": False,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            },
        ],
    },
}


def said(
    *values: dict[str, Any], version: str | None = None, crds: tuple[dict[str, Any], ...] = ()
) -> list[Said]:
    given = schemas.schemas(version, [KubernetesObject(object=one) for one in crds])
    return list(schemas.said(given, [KubernetesObject(object=one) for one in values]))


def changed(*keys: str | int, to: Any) -> dict[str, Any]:
    """`DEPLOYMENT` with another value, or without one (`...`)."""
    value: dict[str, Any] = json.loads(json.dumps(DEPLOYMENT))
    inner: Any = value
    for key in keys[:-1]:
        inner = inner[key]
    if to is ...:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = to
    return value


def test_an_object_as_the_api_wants_it_is_left_alone() -> None:
    assert [] == said(DEPLOYMENT)


@pytest.mark.parametrize(
    ("keys", "to", "rule", "path", "message"),
    [
        (("spec", "replcas"), 1, schemas.UNKNOWN, "/spec/replcas", "spec.replcas is no field"),
        (("metadata", "lables"), {}, schemas.UNKNOWN, "/metadata/lables", "metadata.lables is no field"),
        (("spec", "template", "spec", "containers", 0, "a/b"), 1, schemas.UNKNOWN,
         "/spec/template/spec/containers/0/a~1b", "spec.template.spec.containers[0].a/b is no field"),
        (("spec", "replicas"), "2", schemas.WRONG, "/spec/replicas", "is text, expected an integer"),
        (("spec", "replicas"), True, schemas.WRONG, "/spec/replicas", "is true, expected an integer"),
        (("spec", "replicas"), 1.5, schemas.WRONG, "/spec/replicas", "is the number 1.5, expected an integer"),
        (("spec", "paused"), "yes", schemas.WRONG, "/spec/paused", "expected true or false"),
        (("metadata", "labels"), {"a": 1}, schemas.WRONG, "/metadata/labels/a", "metadata.labels.a is the number 1"),
        (("spec", "template", "spec", "containers"), {}, schemas.WRONG, "/spec/template/spec/containers", "expected a list"),
        (("spec", "template", "spec", "containers"), ["x"], schemas.WRONG, "/spec/template/spec/containers/0", "expected an object"),
        (("spec", "template"), [], schemas.WRONG, "/spec/template", "is a list, expected an object"),
        (("metadata", "labels"), [], schemas.WRONG, "/metadata/labels", "is a list, expected a map"),
        (("spec", "strategy", "rollingUpdate", "maxSurge"), 0.5, schemas.WRONG, "/spec/strategy/rollingUpdate/maxSurge", "an integer or text"),
        (("spec", "template", "spec", "containers", 0, "resources", "limits", "cpu"), True, schemas.WRONG,
         "/spec/template/spec/containers/0/resources/limits/cpu", "a quantity"),
        (("spec", "selector"), ..., schemas.MISSING, "/spec", "spec has no selector"),
        (("spec", "selector"), None, schemas.MISSING, "/spec", "spec has no selector"),
        (("spec", "template", "spec", "containers", 0, "name"), ..., schemas.MISSING,
         "/spec/template/spec/containers/0", "has no name"),
    ],
)  # fmt: skip
def test_what_the_api_would_refuse_is_told_with_its_place(
    keys: tuple[str | int, ...], to: Any, rule: str, path: str, message: str
) -> None:
    [one] = said(changed(*keys, to=to))

    assert (rule, path, "deny", 0) == (one.rule, one.path, one.verb, one.about)
    assert message in one.message


def test_values_of_an_enumeration_are_spelt_as_manifests_spell_them() -> None:
    [fault] = shapes.faults({"e": ["a", True, None, 1.5], "t": "x"}, "b", [])
    [misfit] = parameters.misfits(False, {"type": "boolean", "enum": [True]}, any_field=False)

    assert ("one of a, true, null, 1.5", "one of true") == (fault.expected, misfit.expected)


POD_SPEC = ("spec", "template", "spec")
PORT = (*POD_SPEC, "containers", 0, "ports", 0, "containerPort")
USER = (*POD_SPEC, "securityContext", "runAsUser")
SURGE = ("spec", "strategy", "rollingUpdate", "maxSurge")


@pytest.mark.parametrize(
    ("keys", "bits"),
    [(("spec", "replicas"), 32), (PORT, 32), (SURGE, 32), (USER, 64)],
    ids=["replicas", "port", "surge", "user"],
)
def test_an_integer_that_the_api_has_no_room_for_is_told(keys: tuple[str | int, ...], bits: int) -> None:
    """Go decodes into int32 or int64 and refuses what does not fit; IntOrString's number is an int32."""
    most = 2 ** (bits - 1)
    whole = changed(*POD_SPEC, "securityContext", to={})
    whole["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 1}]

    def found(value: int) -> list[Said]:
        inner: Any = json.loads(json.dumps(whole))
        holder = inner
        for key in keys[:-1]:
            holder = holder[key]
        holder[keys[-1]] = value
        return said(inner)

    assert [[], []] == [found(value) for value in (most - 1, -most)]
    for value in (most, -most - 1, 10**30, 10**5000):
        [one] = found(value)
        assert (schemas.WRONG, "/" + "/".join(map(str, keys))) == (one.rule, one.path)
        assert f"expected an integer of {bits} bits" in one.message


def test_an_integer_of_a_custom_resource_has_64_bits() -> None:
    assert [] == said(a_widget(size=2**63 - 1, port=2**40), crds=(WIDGETS,))
    assert [schemas.WRONG] * 2 == [
        one.rule for one in said(a_widget(size=2**63, port=2**63), crds=(WIDGETS,))
    ]


@pytest.mark.parametrize("name", ["pod.yaml", "pod.json"])
@pytest.mark.parametrize("number", ["9223372036854775808", "1000000000000000000000000000000", "1e30"])
def test_a_user_beyond_64_bits_is_told_from_a_file(tmp_path: Path, name: str, number: str) -> None:
    text = (
        '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "d"}, "spec": {"containers": '
        f'[{{"name": "c", "image": "r.example/a:1", "securityContext": {{"runAsUser": {number}}}}}]}}}}'
    )
    (tmp_path / name).write_text(text)

    found = [
        one["path"]
        for one in gate(tmp_path, "check", name, "-o", "json").json["violations"]
        if one["rule"] == schemas.WRONG
    ]

    assert ["/spec/containers/0/securityContext/runAsUser"] == found


def test_a_misspelt_field_gets_a_suggestion() -> None:
    [one] = said(changed("spec", "template", "spec", "containers", 0, "imagePullPolcy", to="Always"))

    assert "did you mean imagePullPolicy?" == one.remedy


def test_values_of_fields_are_not_repeated_in_messages() -> None:
    [one] = said(changed("spec", "replicas", to="s3cr3t"))

    assert "s3cr3t" not in one.message


@pytest.mark.parametrize("value", [None, [], "x", 7])
def test_an_object_whose_parts_are_of_any_shape_is_judged_and_not_passed_over(value: Any) -> None:
    assert [] != said({**DEPLOYMENT, "spec": value})


def test_thousands_of_faults_of_one_object_are_cut_and_said_to_be() -> None:
    value = changed("spec", "template", "spec", "containers", to=["x"] * 1000)

    found = said(value)

    assert schemas.FAULTS + 1 == len(found)
    assert "more than 50" in found[-1].message


# ------------------------------------------------------------------------------------- versions


@pytest.mark.parametrize(
    ("api_version", "kind", "version", "rule"),
    [
        ("batch/v1beta1", "CronJob", "1.24", schemas.DEPRECATED),
        ("batch/v1beta1", "CronJob", "1.25", schemas.GONE),
        ("batch/v1beta1", "CronJob", None, schemas.GONE),
        ("extensions/v1beta1", "Ingress", "1.22", schemas.GONE),
        ("extensions/v1beta1", "Deployment", None, schemas.GONE),
        ("policy/v1beta1", "PodSecurityPolicy", "1.25", schemas.GONE),
        ("v1", "Endpoints", None, schemas.DEPRECATED),
        ("v1", "ComponentStatus", "1.19", schemas.DEPRECATED),
        ("resource.k8s.io/v1alpha3", "DeviceClass", "1.34", schemas.GONE),
        ("apps/v2", "Deployment", None, schemas.GONE),
        ("v1", "Deployment", None, schemas.GONE),
        ("apps/v1", "Deploymnt", None, schemas.GONE),
    ],
)
def test_a_version_that_ends_is_told(api_version: str, kind: str, version: str | None, rule: str) -> None:
    found = said({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}, version=version)

    assert [rule] == [one.rule for one in found if one.rule in (schemas.DEPRECATED, schemas.GONE)]


def test_what_takes_its_place_is_named() -> None:
    [one] = said({"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": "x"}})

    assert ("use batch/v1", "/apiVersion") == (one.remedy, one.path)


def test_a_version_before_its_deprecation_is_left_alone() -> None:
    assert [] == [
        one.rule
        for one in said({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "x"}}, version="1.32")
        if one.rule == schemas.DEPRECATED
    ]


def test_every_replacement_is_served_by_the_newest_minor() -> None:
    absent = {
        name
        for name, told in RETIRED.items()
        if told.instead
        and " " not in told.instead
        and f"{told.instead}/{name.rpartition('/')[2]}" not in NEWEST.kinds
    }

    assert set() == absent


def test_a_minor_that_is_not_known_is_checked_against_the_nearest_and_says_so() -> None:
    for version, nearest in (("1.20", "1.34"), ("1.99", schemas.newest()), ("1.36.2", "1.36")):
        given = schemas.schemas(version)

        assert nearest == given.shapes_of
        assert (version == "1.36.2") == (schemas.notices(given) == ())


def test_four_minors_are_here() -> None:
    assert ["1.34", "1.35", "1.36", "1.37"] == [
        f"1.{minor}" for minor in range(30, 40) if schemas.schemas(f"1.{minor}").shapes_of == f"1.{minor}"
    ]


# -------------------------------------------------------------------------------- custom resources


def a_widget(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "acme.example/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1, **spec},
    }


def test_a_kind_without_a_schema_is_told_once() -> None:
    found = said(a_widget(), a_widget(), DEPLOYMENT)

    assert [(schemas.UNCHECKED, "warn", 0)] == [(one.rule, one.verb, one.about) for one in found]


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ({}, None),
        ({"colour": "red", "port": "http", "free": {"x": 1}, "half": {"b": 1}, "labels": {"a": "b"}}, None),
        ({"pod": {"kind": "Pod", "spec": {}}, "list": [1, 2.5]}, None),
        ({"size": "1"}, schemas.WRONG),
        ({"size": None}, schemas.MISSING),
        ({"colour": "green"}, schemas.WRONG),
        ({"color": "red"}, schemas.UNKNOWN),
        ({"half": {"a": 1}}, schemas.WRONG),
        ({"labels": {"a": 1}}, schemas.WRONG),
        ({"list": ["x"]}, schemas.WRONG),
        ({"port": 1.5}, schemas.WRONG),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_custom_resource_is_checked_by_its_definition(
    spec: dict[str, Any], rule: str | None, *, beside: bool
) -> None:
    given = (WIDGETS, a_widget(**spec)) if beside else (a_widget(**spec),)

    assert ([rule] if rule else []) == [one.rule for one in said(*given, crds=() if beside else (WIDGETS,))]


def test_metadata_of_a_custom_resource_is_the_cluster_s() -> None:
    value = a_widget() | {"metadata": {"name": "w", "lables": {}}}

    assert [schemas.UNKNOWN] == [one.rule for one in said(WIDGETS, value)]


def test_a_version_that_is_not_served_has_no_schema() -> None:
    value = a_widget() | {"apiVersion": "acme.example/v0"}

    assert [schemas.UNCHECKED] == [one.rule for one in said(WIDGETS, value)]


@pytest.mark.parametrize(
    "schema", [None, [], "x", {"type": "object", "properties": []}, {"properties": {"spec": {"$ref": "#"}}}]
)
def test_a_definition_of_any_shape_is_read(schema: Any) -> None:
    crd = json.loads(json.dumps(WIDGETS))
    crd["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}

    assert [] == [one.rule for one in said(a_widget(), crds=(crd,))]


def test_a_schema_deeper_than_it_may_be_is_open_below() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for _ in range(1000):
        schema = {"type": "object", "properties": {"a": schema}}
    crd = json.loads(json.dumps(WIDGETS))
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema

    assert [schemas.UNKNOWN] == [one.rule for one in said(a_widget(), crds=(crd,))]


# ------------------------------------------------------------------------------------ real manifests


def test_objects_of_real_projects_are_of_the_shape_the_api_wants() -> None:
    """All that is told of these pods is what the fixtures are about: they are made by the Kubernetes project."""
    root = shared_data("pss")
    texts = sorted(root.glob("*/v1.37/*/*.yaml"))
    assert texts

    for path in texts[:40]:
        value = gate(path.parent, "check", path.name, "--policy", "builtin:kubernetes", "-o", "json").json
        assert [] == [one["message"] for one in value["violations"] if one["rule"] in schemas.RULES], path


# ------------------------------------------------------------------------------------- command line

BROKEN = """apiVersion: v1
kind: Pod
metadata: {name: web, namespace: prod}
spec:
  containers:
    - name: web
      imagee: nginx
"""
FRIENDLY = """# METADATA
# scope: package
# custom: {scope: object}
package policy.friendly

# METADATA
# title: never
# custom: {id: FRIENDLY, severity: low}
deny contains {"rule": "FRIENDLY", "message": "no"} if input.object.kind == "Nothing"
"""


def rules(folder: Path, *arguments: str) -> list[tuple[str, int]]:
    value = gate(folder, "check", *arguments, "-o", "json").json
    return [
        (one["rule"], one["location"]["line"]) for one in value["violations"] if one["rule"] in schemas.RULES
    ]


def test_it_speaks_with_the_kubernetes_rules_and_points_at_the_field(tmp_path: Path) -> None:
    files(tmp_path, pod_yaml=BROKEN)

    assert [(schemas.UNKNOWN, 7)] == rules(tmp_path, "pod.yaml")


def test_with_policies_of_ones_own_it_speaks_when_asked(tmp_path: Path) -> None:
    files(tmp_path, pod_yaml=BROKEN, own__p_rego=FRIENDLY)

    assert [] == rules(tmp_path, "pod.yaml", "--policy", "own")
    assert [(schemas.UNKNOWN, 7)] == rules(
        tmp_path, "pod.yaml", "--policy", "own", "--kubernetes-version", "1.36"
    )


def test_its_actions_are_gate_yaml_s(tmp_path: Path) -> None:
    text = f"version: 1\npolicies: {{actions: {{{schemas.UNKNOWN}: audit}}}}\n"
    files(tmp_path, pod_yaml=BROKEN, gate_yaml=text)

    result = gate(tmp_path, "check", "pod.yaml", "-o", "json")

    assert [(schemas.UNKNOWN, "audit")] == [
        (one["rule"], one["action"]) for one in result.json["violations"] if one["rule"] in schemas.RULES
    ]


def test_definitions_are_read_from_the_folder_that_gate_yaml_names(tmp_path: Path) -> None:
    files(
        tmp_path,
        gate_yaml="version: 1\nkubernetes: {schemas: [crds/]}\n",
        crds__widget_json=WIDGETS,
        widget_json=a_widget(size="1"),
    )

    assert [(schemas.WRONG, 1)] == rules(tmp_path, "widget.json")


@pytest.mark.parametrize("given", ["absent/", "empty.yaml"])
def test_schemas_that_are_not_there_are_an_error(tmp_path: Path, given: str) -> None:
    files(
        tmp_path,
        gate_yaml=f"version: 1\nkubernetes: {{schemas: [{given}]}}\n",
        pod_yaml=BROKEN,
        empty_yaml="# no\n",
    )

    assert 2 == gate(tmp_path, "check", "pod.yaml").code


@pytest.mark.parametrize("version", ["36", "1", "latest", "1.x"])
def test_a_version_that_is_none_is_a_usage_error(tmp_path: Path, version: str) -> None:
    files(tmp_path, pod_yaml=BROKEN)

    assert 2 == gate(tmp_path, "check", "pod.yaml", "--kubernetes-version", version).code


def test_one_version_of_several_is_asked_for(tmp_path: Path) -> None:
    text = 'version: 1\ninputs:\n  - {path: pod.yaml, as: kubernetes, kubernetes_version: "1.36"}\n  - {path: pod.yaml, as: kubernetes, kubernetes_version: "1.35"}\n'
    files(tmp_path, pod_yaml=BROKEN, gate_yaml=text)

    assert 2 == gate(tmp_path, "check").code


def test_a_waiver_covers_it(tmp_path: Path) -> None:
    waiver = (
        "version: 1\nwaivers:\n  - {id: w-1, match: {rule: GATE-K8S-050, object: Pod/prod/web}, reason: accepted_risk, note: because, "
        "requested_by: a@x.example, approved_by: b@x.example, created: 2026-11-01, expires: 2099-01-01}\n"
    )
    files(tmp_path, pod_yaml=BROKEN, w_yaml=waiver.replace("2099-01-01", "2027-01-20"))

    value = gate(tmp_path, "check", "pod.yaml", "--waivers", "w.yaml", "-o", "json").json

    assert ["GATE-K8S-050"] == [one["violation"]["rule"] for one in value["waived"]] or value["notices"]


def test_explain_knows_the_rules(tmp_path: Path) -> None:
    assert "Field that the API does not know" in gate(tmp_path, "explain", schemas.UNKNOWN).out


def test_a_value_of_a_shape_that_names_itself_ends() -> None:
    types = [{"p": {"inner": 0}}]
    value: dict[str, Any] = {"inner": {"inner": {"innr": 1}}}

    assert ["/inner/inner/innr"] == [one.pointer for one in shapes.faults(0, value, types)]
