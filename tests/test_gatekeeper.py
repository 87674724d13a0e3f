"""Gatekeeper's policies as they are: its own library, every rule of matching, everything refused."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate import bootstrap, policy_files
from gate.bundle import Bundle
from gate.bundle import bundle as bundle_of
from gate.engines.embedded import Engine
from gate.errors import PolicyError, Problem
from gate.kubernetes import gatekeeper, surroundings
from gate.kubernetes.reviews import Reviewed, reviewed
from gate.model import KubernetesObject, Point
from tests.command import POD, RULE, files, gate
from tests.data import REPOSITORY, shared_data

NOW_NS = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as running:
        yield running


def loaded(engine: Engine, root: Path, *sources: str) -> Bundle:
    given = policy_files.collected(sources, root)
    library = gatekeeper.library(given.manifests, bootstrap.template_reader(engine, given.manifests))
    return bundle_of(given, engine.load, gatekeeper=library)


def asked(
    engine: Engine,
    bundle: Bundle,
    objects: list[dict[str, Any]],
    inventory: list[dict[str, Any]] | None = None,
    point: Point = Point.CI,
) -> Reviewed:
    """What the constraints of `bundle` say of `objects`."""
    assert bundle.gatekeeper is not None
    return reviewed(
        bundle.gatekeeper,
        [KubernetesObject(object=one) for one in objects],
        point,
        lambda entry, base, overlays: engine.evaluate_leniently(
            bundle.gatekeeper_id, [entry], base, overlays, now_ns=NOW_NS, seed="", timeout_s=20
        ),
        around=None
        if inventory is None
        else surroundings.of([KubernetesObject(object=one) for one in inventory]),
    )


# --------------------------------------------------------------------------- Gatekeeper's library

LIBRARY = ("gatekeeper-library", "library")


def suites() -> list[str]:
    """The folders of the library that have a suite, or a name that makes the test skip."""
    data = os.environ.get("GATE_TEST_DATA") or REPOSITORY.parent / "shared" / "data"
    root = Path(data).joinpath(*LIBRARY)
    return sorted(p.parent.relative_to(root).as_posix() for p in root.glob("*/*/suite.yaml")) or ["absent"]


def manifests(path: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def fits(assertion: dict[str, Any], messages: list[str]) -> bool:
    """Whether as many messages as a suite asserts fit its expression."""
    expression = assertion.get("message")
    found = sum(1 for one in messages if expression is None or re.search(expression, one))
    wanted = assertion.get("violations", True)
    return found > 0 if wanted is True or wanted == "yes" else found == (0 if wanted == "no" else int(wanted))


@pytest.mark.parametrize("folder", suites())
def test_the_library_decides_as_its_suites_say(folder: str, engine: Engine) -> None:
    place = shared_data(*LIBRARY, folder)
    wrong: list[str] = []
    for test in manifests(place / "suite.yaml")[0]["tests"]:
        bundle = loaded(engine, place, test["template"], test["constraint"])
        for case in test["cases"]:
            inventory = [one for path in case.get("inventory", ()) for one in manifests(place / path)]
            result = asked(engine, bundle, manifests(place / case["object"]), inventory)
            messages = [one.message for one in result.said]
            wrong += [
                f"{test['name']}/{case['name']}: {assertion}: {messages}"
                for assertion in case["assertions"]
                if not fits(assertion, messages)
            ]

    assert [] == wrong


def test_the_whole_library_is_one_bundle(tmp_path: Path) -> None:
    folder = shared_data(*LIBRARY)
    listed = gate(tmp_path, "policy", "ls", folder, "-o", "json").json

    assert 49 == len({rule["policy"] for rule in listed if rule["policy"].startswith("gatekeeper.")})


# ------------------------------------------------------------------------------------ own samples

TEMPLATE = """apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: k8sowner
  annotations: {metadata.gatekeeper.sh/title: Owners, description: Everything has an owner.}
spec:
  crd:
    spec:
      names: {kind: K8sOwner}
      validation:
        openAPIV3Schema:
          type: object
          properties:
            label: {type: string, default: owner}
            teams: {type: array, items: {type: string}, minItems: 1}
            level: {type: integer, minimum: 1, maximum: 3}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package k8sowner

        import data.lib.labels.missing

        violation[{"msg": msg, "details": {}}] {
          missing(input.review.object, input.parameters.label)
          msg := sprintf("no label <%v> (%v)", [input.parameters.label, input.review.operation])
        }
      libs:
        - |
          package lib.labels

          missing(object, label) { not object.metadata.labels[label] }
"""
CONSTRAINT = """apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sOwner
metadata: {name: all}
spec: {parameters: {}}
"""
WEB: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "prod"}}


def constraint(name: str = "all", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": "K8sOwner",
        "metadata": {"name": name},
        "spec": {"parameters": {}, **spec},
    }


def written(folder: Path, *constraints: dict[str, Any], template: str = TEMPLATE) -> Path:
    return files(
        folder,
        policies__template_yaml=template,
        policies__constraints_yaml=yaml.safe_dump_all(constraints or [yaml.safe_load(CONSTRAINT)]),
        k8s__pod_yaml=POD,
    )


def refused(engine: Engine, folder: Path) -> Problem:
    """The one problem of the policies in `folder`."""
    with pytest.raises(PolicyError) as caught:
        loaded(engine, folder, "policies")
    assert 1 == len(caught.value.problems), caught.value
    return caught.value.problems[0]


def test_a_constraint_judges_a_manifest(tmp_path: Path) -> None:
    result = gate(written(tmp_path), "check", "--policy", "policies", "k8s", "-o", "json")
    violation = result.json["violations"][0]

    assert 1 == result.code
    assert ("K8sOwner.all", "gatekeeper.K8sOwner", "deny") == (
        violation["rule"],
        violation["policy"],
        violation["action"],
    )
    assert "no label <owner> (CREATE)" == violation["message"]
    assert "Pod/prod/web" == violation["object"]
    assert ("k8s/pod.yaml", 1) == (violation["location"]["file"], violation["location"]["line"])
    assert "gatekeeper.K8sOwner" in result.json["policy"]["packages"]


def test_native_rules_and_constraints_share_a_folder(tmp_path: Path) -> None:
    native = (
        RULE.replace("scope: subject", "scope: object")
        .replace(', "finding": f.fingerprint', "")
        .replace(
            'some f in input.findings\n\tf.waived == null\n\tf.state == "new"', 'input.object.kind == "Pod"'
        )
    )
    files(written(tmp_path), policies__team_rego=native)
    result = gate(tmp_path, "check", "--policy", "policies", "k8s", "-o", "json")

    assert ["K8sOwner.all", "TEAM-1"] == sorted(one["rule"] for one in result.json["violations"])


def test_policy_ls_lists_constraints_and_check_tells_of_idle_templates(tmp_path: Path) -> None:
    other = TEMPLATE.replace("k8sowner", "k8sidle").replace("K8sOwner", "K8sIdle")
    written(tmp_path, template=f"{TEMPLATE}---\n{other}")

    assert "K8sOwner.all" in gate(tmp_path, "policy", "ls", "policies").out
    assert (
        "template K8sIdle (policies/template.yaml) has no constraint"
        in gate(tmp_path, "policy", "check", "policies").out
    )


def test_actions_of_gate_yaml_reach_constraints(tmp_path: Path) -> None:
    written(tmp_path)
    files(tmp_path, gate_yaml="version: 1\npolicies: {use: [policies], actions: {K8sOwner.*: warn}}\n")
    result = gate(tmp_path, "check", "k8s", "-o", "json")

    assert "warn" == result.json["outcome"]


# ---------------------------------------------------------------------------------------- meaning


def test_defaults_of_the_schema_reach_the_template(engine: Engine, tmp_path: Path) -> None:
    bundle = loaded(engine, written(tmp_path, constraint(parameters={"level": 1})), "policies")

    assert ["no label <owner> (CREATE)"] == [one.message for one in asked(engine, bundle, [WEB]).said]


def test_a_template_sees_the_request_of_a_review(engine: Engine, tmp_path: Path) -> None:
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"operation": "UPDATE", "object": WEB},
    }
    bundle = loaded(engine, written(tmp_path), "policies")

    assert ["no label <owner> (UPDATE)"] == [one.message for one in asked(engine, bundle, [review]).said]


def test_a_deleted_object_is_judged_as_it_was(engine: Engine, tmp_path: Path) -> None:
    request = {"operation": "DELETE", "object": None, "oldObject": WEB}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    bundle = loaded(engine, written(tmp_path), "policies")

    assert ["no label <owner> (DELETE)"] == [one.message for one in asked(engine, bundle, [review]).said]


def test_a_review_without_an_object_is_an_error(engine: Engine, tmp_path: Path) -> None:
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {}}
    bundle = loaded(engine, written(tmp_path), "policies")

    with pytest.raises(PolicyError, match="no object to judge"):
        asked(engine, bundle, [review])


def rego(text: str) -> str:
    """The template with other Rego, one rule body on one line."""
    start = TEMPLATE.index("      rego: |")
    return f"{TEMPLATE[:start]}      rego: |\n        package k8sowner\n        {text}\n"


def test_the_inventory_is_what_was_given(engine: Engine, tmp_path: Path) -> None:
    other = 'violation[{"msg": m}] { data.inventory.namespace[n]["v1"]["Pod"][m]; m != input.review.name }'
    cluster = 'violation[{"msg": m}] { data.inventory.cluster["v1"]["Namespace"][m] }'
    bundle = loaded(engine, written(tmp_path, template=rego(f"{other}\n        {cluster}")), "policies")
    db = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db", "namespace": "prod"}}
    prod = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}
    said = asked(engine, bundle, [WEB], [WEB, db, prod]).said

    assert ["db", "prod"] == sorted(one.message for one in said)


def test_an_inventory_in_disguise_is_there_too(engine: Engine, tmp_path: Path) -> None:
    text = 'violation[{"msg": m}] { data["inv\\u0065ntory"].cluster["v1"]["Node"][m] }'
    bundle = loaded(engine, written(tmp_path, template=rego(text)), "policies")

    assert ["web"] == [one.message for one in asked(engine, bundle, [WEB], [NODE]).said]


def test_the_namespace_of_an_object_is_beside_it(engine: Engine, tmp_path: Path) -> None:
    text = 'violation[{"msg": m}] { m := input.review._unstable.namespace.metadata.labels.env }'
    bundle = loaded(engine, written(tmp_path, template=rego(text)), "policies")
    prod = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod", "labels": {"env": "p"}}}

    assert ["p"] == [one.message for one in asked(engine, bundle, [WEB], [prod]).said]


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('violation contains {"msg": "v1"} if { some x in [1]; x == 1 }', "version: v1"),
        ('violation[{"msg": "v1"}] { re_match("^w", input.review.name) }', "version: v0"),
        ('violation[{"msg": "v1"}] { re_match("^w", input.review.name) }', 'version: ""'),
    ],
)
def test_code_says_its_version_of_rego(engine: Engine, tmp_path: Path, text: str, version: str) -> None:
    start = TEMPLATE.index("      rego: |")
    code = f"""      code:
        - engine: K8sNativeValidation
          source: {{validations: [{{expression: "false"}}]}}
        - engine: Rego
          source:
            {version}
            rego: |
              package anything.at.all
              {text}
"""
    bundle = loaded(engine, written(tmp_path, template=TEMPLATE[:start] + code), "policies")

    assert ["v1"] == [one.message for one in asked(engine, bundle, [WEB]).said]


def test_two_templates_have_libraries_of_one_name(engine: Engine, tmp_path: Path) -> None:
    other = (
        TEMPLATE.replace("k8sowner", "k8sother")
        .replace("K8sOwner", "K8sOther")
        .replace("{ not object.metadata.labels[label] }", "{ false; object; label }")
    )
    second = {**constraint(), "kind": "K8sOther"}
    bundle = loaded(
        engine, written(tmp_path, constraint(), second, template=f"{TEMPLATE}---\n{other}"), "policies"
    )

    assert ["K8sOwner.all"] == [one.rule for one in asked(engine, bundle, [WEB]).said]


def test_a_failing_built_in_leaves_its_rule_out_and_is_told_with_its_place(
    engine: Engine, tmp_path: Path
) -> None:
    text = 'violation[{"msg": "a"}] { to_number(input.review.name) > 0 } { true }'
    result = asked(engine, loaded(engine, written(tmp_path, template=rego(text)), "policies"), [WEB])
    line = rego(text).split("\n").index(f"        {text}") + 1

    assert ["a"] == [one.message for one in result.said]
    assert [True] == [f"policies/template.yaml:{line}:35" in notice for notice in result.notices], (
        result.notices
    )


def test_constraints_of_one_name_that_differ_are_all_applied(engine: Engine, tmp_path: Path) -> None:
    folder = written(tmp_path, constraint(), constraint(parameters={"label": "team"}), constraint())
    result = asked(engine, loaded(engine, folder, "policies"), [WEB])

    assert ["no label <owner> (CREATE)", "no label <team> (CREATE)"] == sorted(o.message for o in result.said)
    assert "is given 2 times, and they differ" in result.notices[0]


# ---------------------------------------------------------------------------------------- actions

CI, ADMISSION, BACKGROUND = "gator.gatekeeper.sh", "validation.gatekeeper.sh", "audit.gatekeeper.sh"


def scoped(*pairs: tuple[str, tuple[str, ...]]) -> dict[str, Any]:
    entries = [{"action": a, "enforcementPoints": [{"name": n} for n in names]} for a, names in pairs]
    return {"enforcementAction": "scoped", "scopedEnforcementActions": entries}


@pytest.mark.parametrize(
    ("spec", "verbs"),
    [
        ({}, "deny deny deny"),
        ({"enforcementAction": "warn"}, "warn warn warn"),
        ({"enforcementAction": "dryrun"}, "audit audit audit"),
        ({"enforcementAction": ""}, "deny deny deny"),
        (scoped(("deny", (CI,))), "deny - -"),
        (scoped(("deny", (CI,)), ("warn", (ADMISSION,)), ("dryrun", (BACKGROUND,))), "deny warn audit"),
        (scoped(("warn", ("*",)), ("deny", (ADMISSION,))), "warn deny warn"),
        (scoped(("deny", ("vap.k8s.io",)), ("warn", (BACKGROUND,))), "- - warn"),
    ],
)
def test_an_action_follows_at_each_point(
    engine: Engine, tmp_path: Path, spec: dict[str, Any], verbs: str
) -> None:
    bundle = loaded(engine, written(tmp_path, constraint(**spec)), "policies")
    results = [asked(engine, bundle, [WEB], point=point) for point in Point]

    assert verbs.split() == [next((one.verb for one in result.said), "-") for result in results]
    assert [verb == "-" for verb in verbs.split()] == [
        any("is not enforced at" in notice for notice in result.notices) for result in results
    ]


# --------------------------------------------------------------------------------------- matching


def thing(kind: str = "Pod", group: str = "v1", name: str = "web", namespace: str = "", **more: Any) -> Any:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more}
    return {"apiVersion": group, "kind": kind, "metadata": metadata}


POD_IN_PROD = thing(namespace="prod", labels={"app": "web"})
NODE = thing("Node", labels={"app": "node"})
PROD = thing("Namespace", name="prod", labels={"env": "p"})
DEPLOYMENT = thing("Deployment", "apps/v1", namespace="kube-system")
GENERATED = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "job-", "namespace": "prod"}}
YES, NO = True, False


@pytest.mark.parametrize(
    ("match", "value", "expected"),
    [
        ({}, POD_IN_PROD, YES),
        ({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}, POD_IN_PROD, YES),
        ({"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}, DEPLOYMENT, NO),
        ({"kinds": [{"apiGroups": ["apps"], "kinds": ["Pod"]}, {"kinds": ["Deployment"]}]}, DEPLOYMENT, YES),
        ({"kinds": [{"apiGroups": ["*"], "kinds": ["*"]}]}, DEPLOYMENT, YES),
        ({"kinds": [{"apiGroups": ["batch"]}]}, DEPLOYMENT, NO),
        ({"kinds": []}, DEPLOYMENT, YES),
        ({"kinds": None, "labelSelector": None}, DEPLOYMENT, YES),
        ({"scope": "Namespaced"}, POD_IN_PROD, YES),
        ({"scope": "Namespaced"}, NODE, NO),
        ({"scope": "Namespaced"}, PROD, NO),
        ({"scope": "Cluster"}, NODE, YES),
        ({"scope": "Cluster"}, PROD, YES),
        ({"scope": "Cluster"}, POD_IN_PROD, NO),
        # Where a manifest leaves its namespace to `kubectl -n`, its kind tells; a custom one may be either.
        ({"scope": "Namespaced"}, thing(), YES),
        ({"scope": "Cluster"}, thing(), NO),
        ({"scope": "Namespaced"}, thing("Rollout", "argoproj.io/v1"), YES),
        ({"scope": "Cluster"}, thing("Rollout", "argoproj.io/v1"), YES),
        ({"scope": "Cluster"}, thing("Rollout", "argoproj.io/v1", namespace="prod"), NO),
        # A namespace that the API server takes away excludes nothing.
        ({"scope": "Cluster"}, thing("Node", namespace="kube-system"), YES),
        ({"excludedNamespaces": ["kube-*"]}, thing("Node", namespace="kube-system"), YES),
        ({"namespaces": ["prod"]}, POD_IN_PROD, YES),
        ({"namespaces": ["prod"]}, PROD, YES),
        ({"namespaces": ["prod"]}, DEPLOYMENT, NO),
        ({"namespaces": ["prod"]}, NODE, YES),
        ({"namespaces": ["kube-*"]}, DEPLOYMENT, YES),
        ({"namespaces": ["*-system"]}, DEPLOYMENT, YES),
        ({"namespaces": ["*-sys*"]}, DEPLOYMENT, YES),
        ({"excludedNamespaces": ["kube-*"]}, DEPLOYMENT, NO),
        ({"excludedNamespaces": ["*-system"]}, DEPLOYMENT, NO),
        ({"excludedNamespaces": ["kube-*"]}, POD_IN_PROD, YES),
        ({"excludedNamespaces": ["*"]}, NODE, YES),
        ({"excludedNamespaces": ["prod"]}, PROD, NO),
        ({"labelSelector": {"matchLabels": {"app": "web"}}}, POD_IN_PROD, YES),
        ({"labelSelector": {"matchLabels": {"app": "web"}}}, NODE, NO),
        ({"labelSelector": {"matchLabels": {"app": "web"}}}, DEPLOYMENT, NO),
        ({"labelSelector": {}}, DEPLOYMENT, YES),
        ({"labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, NODE, YES),
        ({"labelSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}, NODE, NO),
        (
            {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}},
            POD_IN_PROD,
            YES,
        ),
        (
            {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}},
            DEPLOYMENT,
            YES,
        ),
        ({"namespaceSelector": {"matchLabels": {"env": "p"}}}, POD_IN_PROD, YES),
        ({"namespaceSelector": {"matchLabels": {"env": "q"}}}, POD_IN_PROD, NO),
        ({"namespaceSelector": {"matchLabels": {"env": "p"}}}, PROD, YES),
        ({"namespaceSelector": {"matchLabels": {"env": "q"}}}, PROD, NO),
        ({"namespaceSelector": {"matchLabels": {"env": "q"}}}, NODE, YES),
        (
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
            DEPLOYMENT,
            YES,
        ),
        ({"name": "web"}, POD_IN_PROD, YES),
        ({"name": "w*"}, POD_IN_PROD, YES),
        ({"name": "db"}, POD_IN_PROD, NO),
        ({"name": "job-*"}, GENERATED, YES),
        ({"name": "job-1"}, GENERATED, NO),
        ({"source": "Original"}, POD_IN_PROD, YES),
        ({"source": "Generated"}, POD_IN_PROD, NO),
    ],
)
def test_a_constraint_is_about_what_its_match_says(
    engine: Engine, tmp_path: Path, match: dict[str, Any], value: dict[str, Any], expected: bool
) -> None:
    bundle = loaded(engine, written(tmp_path, constraint(match=match)), "policies")
    result = asked(engine, bundle, [value], [PROD])

    assert expected == bool(result.said)


def test_a_namespace_that_is_not_known_does_not_let_an_object_through(engine: Engine, tmp_path: Path) -> None:
    selector = {"namespaceSelector": {"matchLabels": {"exempt": "no"}}}
    bundle = loaded(engine, written(tmp_path, constraint(match=selector)), "policies")

    assert [("K8sOwner.all", "deny", True)] == [
        (one.rule, one.verb, "the labels of namespace 'prod' are not known" in one.message)
        for one in asked(engine, bundle, [WEB], []).said
    ]


def test_the_old_object_counts_as_much_as_the_new_one(engine: Engine, tmp_path: Path) -> None:
    old = {**WEB, "metadata": {**WEB["metadata"], "labels": {"app": "web"}}}
    request = {"operation": "UPDATE", "object": WEB, "oldObject": old}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    selector = {"labelSelector": {"matchLabels": {"app": "web"}}}
    bundle = loaded(engine, written(tmp_path, constraint(match=selector)), "policies")

    assert 1 == len(asked(engine, bundle, [review]).said)


# ----------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("old", "new", "message", "text"),
    [
        ("missing(input.review.object, ", "absent(input.review.object, ", "absent", "absent("),
        ("package lib.labels", "package labels", "data.inventory or data.lib", "package labels"),
        (
            "import data.lib.labels.missing",
            "import data.secrets.missing",
            "data.secrets",
            "import data.secrets",
        ),
        ("not object.metadata", "http.send(object); not object.metadata", "http.send", "http.send"),
        ("violation[{", "violations[{", "no rule `violation`", "apiVersion: templates"),
        ("kind: K8sOwner", "kind: K8s Owner", "is no kind", "names:"),
        ("name: k8sowner", "name: owner", "has another name", "name: owner"),
        ("target: admission.k8s.gatekeeper.sh", "target: other.sh", "other targets", "targets:"),
        ("templates.gatekeeper.sh/v1", "templates.gatekeeper.sh/v3", "is not known", "apiVersion:"),
        ("kind: ConstraintTemplate", "kind: Template", "is not known", "kind: Template"),
        ("  targets:", "  target:", "missing required field", "spec:"),
        ("rego: |", "regos: |", "carries no Rego", "- target:"),
    ],
)
def test_a_template_that_cannot_judge_is_refused_with_its_place(
    engine: Engine, tmp_path: Path, old: str, new: str, message: str, text: str
) -> None:
    template = TEMPLATE.replace(old, new, 1)
    problem = refused(engine, written(tmp_path, template=template))
    line = next(i for i, one in enumerate(template.split("\n"), 1) if text in one)

    assert message in problem.message
    assert ("policies/template.yaml", line) == (problem.path, problem.line)


def test_a_place_in_rego_is_the_place_in_the_file(engine: Engine, tmp_path: Path) -> None:
    template = TEMPLATE.replace("  missing(input", "  absent(input", 1)
    problem = refused(engine, written(tmp_path, template=template))
    lines = template.split("\n")
    line = next(i for i, one in enumerate(lines) if "absent(" in one)

    assert (line + 1, lines[line].index("absent") + 1) == (problem.line, problem.column)


def test_rego_in_quotes_is_placed_at_its_scalar(engine: Engine, tmp_path: Path) -> None:
    start = TEMPLATE.index("      rego: |")
    template = TEMPLATE[:start] + '      rego: "package a\\n\\nviolation[1] { nothing(1) }"\n'
    problem = refused(engine, written(tmp_path, template=template))

    assert (template.count("\n"), 13) == (problem.line, problem.column)
    assert "(line 3 of the text here)" in problem.message


def test_a_template_with_cel_alone_is_refused_by_name(engine: Engine, tmp_path: Path) -> None:
    start = TEMPLATE.index("      rego: |")
    code = "      code: [{engine: K8sNativeValidation, source: {validations: [{expression: 'true'}]}}]\n"
    problem = refused(engine, written(tmp_path, template=TEMPLATE[:start] + code))

    assert "template_without_rego" == problem.code
    assert "template K8sOwner carries no Rego, only K8sNativeValidation" == problem.message


@pytest.mark.parametrize(
    ("value", "message", "text"),
    [
        ({**constraint(), "kind": "K8sOwners"}, "no template makes constraints of kind 'K8sOwners'", "kind:"),
        ({**constraint(), "apiVersion": "constraints.gatekeeper.sh/v1"}, "is not known", "apiVersion:"),
        (constraint("All"), "no usable name", "name: All"),
        ({**constraint(), "metadata": ["all"]}, "no usable name", "metadata:"),
        ({**constraint(), "spec": "all"}, "spec: expected `object`", "spec:"),
        (constraint(parameters={"lable": "x"}), "unknown field 'lable'", "lable:"),
        (constraint(parameters={"label": 3}), "spec.parameters.label: found 3", "label:"),
        (constraint(parameters={"teams": []}), "spec.parameters.teams: found a list", "teams:"),
        (constraint(parameters={"teams": ["a", 1]}), "spec.parameters.teams.1: found 1", "- 1"),
        (constraint(parameters={"level": 4}), "spec.parameters.level: found 4", "level:"),
        (constraint(parameters={"level": True}), "spec.parameters.level: found True", "level:"),
        (constraint(parameters=[1]), "spec.parameters: found a list", "parameters:"),
        (
            constraint(enforcementAction="denny"),
            "enforcement action 'denny' is not known",
            "enforcementAction",
        ),
        (constraint(enforcementAction="scoped"), "no scope is given", "enforcementAction"),
        (constraint(**scoped(("deny", ("ci",)))), "enforcement point 'ci' is not known", "name: ci"),
        (constraint(**scoped(("deny", ()))), "no enforcement point", "- action"),
        (constraint(**scoped(("block", (CI,)))), "enforcement action 'block'", "action: block"),
        (constraint(match={"kind": ["Pod"]}), "unknown field `kind`", "match:"),
        (constraint(match={"scope": "cluster"}), "spec.match.scope: invalid enum value 'cluster'", "scope:"),
        (constraint(match={"namespaces": "prod"}), "spec.match.namespaces: expected `array`", "namespaces:"),
        (
            constraint(match={"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            "operator In needs values",
            "- key",
        ),
        (constraint(match={"name": "we*b"}), "name: 'we*b' fits no name", "match:"),
        (constraint(match={"name": "Web"}), "name: 'Web' fits no name", "match:"),
        (constraint(match={"namespaces": ["a", " b"]}), "namespaces: ' b' fits no name", "match:"),
        (constraint(match={"excludedNamespaces": ["p*d"]}), "excludedNamespaces: 'p*d' fits", "match:"),
        (constraint(macth={}), "unknown field `macth`", "spec:"),
    ],
)
def test_a_constraint_that_a_cluster_would_not_take_is_refused_with_its_place(
    engine: Engine, tmp_path: Path, value: dict[str, Any], message: str, text: str
) -> None:
    problem = refused(engine, written(tmp_path, value))
    lines = (tmp_path / "policies" / "constraints.yaml").read_text("utf-8").split("\n")

    assert message in problem.message
    assert "policies/constraints.yaml" == problem.path
    assert text in lines[(problem.line or 0) - 1]


def test_a_constraint_without_its_template_is_refused(engine: Engine, tmp_path: Path) -> None:
    files(tmp_path, policies__constraint_yaml=CONSTRAINT)

    assert "template_unknown" == refused(engine, tmp_path).code


def test_templates_without_a_constraint_are_no_policies(engine: Engine, tmp_path: Path) -> None:
    files(tmp_path, policies__template_yaml=TEMPLATE)
    problem = refused(engine, tmp_path)

    assert ("no_policies", "templates without a constraint: K8sOwner") == (problem.code, problem.found)


def test_two_templates_of_one_kind_that_differ_are_refused(engine: Engine, tmp_path: Path) -> None:
    files(written(tmp_path), policies__z_yaml=TEMPLATE.replace("no label", "no such label"))

    assert "is given twice, and they differ" in refused(engine, tmp_path).message


def test_a_policy_file_that_does_not_parse_is_refused_with_its_place(engine: Engine, tmp_path: Path) -> None:
    files(written(tmp_path), policies__z_yaml=f"{CONSTRAINT}kind: Again\n")
    problem = refused(engine, tmp_path)

    assert ("policies/z.yaml", 5) == (problem.path, problem.line)


def test_a_policy_file_in_utf_16_is_not_passed_over(engine: Engine, tmp_path: Path) -> None:
    files(written(tmp_path), policies__z_yaml=CONSTRAINT.encode("utf-16"))

    assert "policies/z.yaml" == refused(engine, tmp_path).path


def test_an_expansion_template_is_refused(engine: Engine, tmp_path: Path) -> None:
    files(
        written(tmp_path),
        policies__z_yaml="apiVersion: expansion.gatekeeper.sh/v1\nkind: ExpansionTemplate\nmetadata: {name: a}\n",
    )

    assert "is not read by this version" in refused(engine, tmp_path).message


def test_other_manifests_in_the_folder_are_no_policies(engine: Engine, tmp_path: Path) -> None:
    files(written(tmp_path), policies__samples__pod_yaml=POD, policies__broken_yaml="{")
    bundle = loaded(engine, tmp_path, "policies")

    assert ["K8sOwner.all"] == [rule for rule in bundle.rules if rule.startswith("K8s")]


@pytest.mark.parametrize("item", ['"text"', '{"message": "a"}', '{"msg": 1}'])
def test_a_violation_without_a_message_is_an_error_and_not_lost(
    engine: Engine, tmp_path: Path, item: str
) -> None:
    bundle = loaded(engine, written(tmp_path, template=rego(f"violation[v] {{ v := {item} }}")), "policies")

    with pytest.raises(PolicyError, match="violation without a message"):
        asked(engine, bundle, [WEB])


CONTRADICTION = 'violation[{"msg": x}] { x := f }\n        f = "a" { true }\n        f = "b" { true }'


def test_rules_that_contradict_each_other_violate_every_constraint_of_their_template(
    engine: Engine, tmp_path: Path
) -> None:
    given = written(tmp_path, constraint("one"), constraint("two"), template=rego(CONTRADICTION))

    found = asked(engine, loaded(engine, given, "policies"), [WEB])

    assert [("K8sOwner.one", 0), ("K8sOwner.two", 0)] == [(one.rule, one.about) for one in found.said]
    assert "contradicts itself about this object: policies/template.yaml:" in found.said[0].message


def test_a_template_that_contradicts_itself_silences_no_other_template_and_no_other_object(
    engine: Engine, tmp_path: Path
) -> None:
    other = TEMPLATE.replace("k8sowner", "k8sother").replace("K8sOwner", "K8sOther")
    second = {**constraint("labels"), "kind": "K8sOther"}
    only_pods = constraint("all", match={"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]})
    given = written(tmp_path, only_pods, second, template=f"{rego(CONTRADICTION)}---\n{other}")
    secret = {**WEB, "kind": "Secret"}

    found = asked(engine, loaded(engine, given, "policies"), [secret, WEB])

    assert {("K8sOwner.all", 1), ("K8sOther.labels", 0), ("K8sOther.labels", 1)} == {
        (one.rule, one.about) for one in found.said
    }


def test_a_contradiction_is_told_with_the_action_of_its_constraint(engine: Engine, tmp_path: Path) -> None:
    given = written(tmp_path, constraint(enforcementAction="warn"), template=rego(CONTRADICTION))

    assert ["warn"] == [one.verb for one in asked(engine, loaded(engine, given, "policies"), [WEB]).said]
