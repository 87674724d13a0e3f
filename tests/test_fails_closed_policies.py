"""Ways to fail open by way of the policies themselves: taken over, never asked, or about something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.errors import PolicyError
from gate.evaluate import refuse_if_off, speaking
from gate.model import Action, Point
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, POD, RULE, Result, files, gate
from tests.test_evaluate import a_bundle, a_package

ABOUT_PODS = """# METADATA
# scope: package
# custom: {scope: object, points: [POINTS]}
package policy.team

# METADATA
# title: t
# custom: {id: TEAM-1}
deny contains {"rule": "TEAM-1", "message": "m"} if input.object.kind == "Pod"
"""


def refusal(result: Result) -> tuple[int, str, str | None, int | None]:
    problem = result.json["problems"][0]
    return result.code, problem["code"], problem.get("path"), problem.get("line")


def beside(folder: Path, text: str, *uses: str, **more: object) -> Result:
    """`gate check` with a good policy, `text` as a second one, and built-in sets."""
    files(folder, r_json=BANDIT_EVAL, p__a_rego=RULE, p__b_rego=text, **more)
    named = [part for use in ("p", *uses) for part in ("--policy", use)]
    return gate(folder, "check", "r.json", *named, "-o", "json")


# ------------------------------------------------------------------- taking over what others mean


@pytest.mark.parametrize(
    "text",
    [
        'package policy\n\nvulnerabilities._excused(f) if f.kind == "vulnerability"\n',
        "package lib\n\nkubernetes.pods._is_custom if true\n",
        "package policy\n\nevidence._is_fresh(_, _) if true\n",
        "package policy.evidence\n\n_is_fresh(_, _) if true\n",
        'package policy["evidence"]\n\n_is_fresh(_, _) if true\n',
        'package policy[ "evidence" ]\n\n_is_fresh(_, _) if true\n',
        'package policy["evi\\u0064ence"]\n\n_is_fresh(_, _) if true\n',
        "package policy.evidence.sub\n\nx := 1\n",
        'package policy.evidence["sub"]\n\nx := 1\n',
        "package policy.kubernetes\n\nhost.deny contains 1 if false\n",
        'package lib["findings"]\n\ncounted(_) := set()\n',
        "package lib.own\n\nx := 1\n",
        "# package policy.team\npackage policy # .team\n\nevidence._required := []\n",
        "package\n# .team\npolicy.evidence\n\nx := `\npackage policy.team\n`\n",
        "\ufeffpackage policy.evidence\n\nx := `\npackage policy.team\n`\n",
    ],
)
def test_a_package_in_above_or_below_a_built_in_one_is_refused(tmp_path: Path, text: str) -> None:
    result = beside(tmp_path, text, "builtin:default")

    assert (3, "policy_invalid", "p/b.rego", 1) == refusal(result)
    assert "belongs to the built-in policies" in result.json["problems"][0]["message"]


@pytest.mark.parametrize("name", ["policy.evidences", "policy.kubernetes.team", "library", "policy.team.lib"])
def test_a_package_beside_the_built_in_ones_is_welcome(tmp_path: Path, name: str) -> None:
    assert 1 == beside(tmp_path, f"package {name}\n\nx := 1\n", "builtin:default").code


def test_data_cannot_stand_in_for_a_built_in_rule(tmp_path: Path) -> None:
    partial = {**CLEAN_BANDIT, "errors": [{"filename": "a.py", "reason": "syntax error"}]}
    data = {"policy": {"evidence": {"deny": [], "_status": "ok"}}}
    files(tmp_path, r_json=partial, p__a_rego=RULE, p__data_json=data)

    assert gate(tmp_path, "check", "r.json", "--policy", "p").code in (1, 3)


# --------------------------------------------------------------------------------- never asked


@pytest.mark.parametrize("points", ["[]", "{}", '""'])
def test_points_without_a_point_are_refused(tmp_path: Path, points: str) -> None:
    text = RULE.replace("{scope: subject}", f"{{scope: subject, points: {points}}}")
    files(tmp_path, r_json=CLEAN_BANDIT, p_rego=text)

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "-o", "json")

    assert (3, "policy_invalid") == refusal(result)[:2]
    assert "points is empty" in result.json["problems"][0]["message"]


def test_policies_that_speak_at_another_point_only_judge_nothing_here(tmp_path: Path) -> None:
    files(tmp_path, pod_yaml=POD, p_rego=ABOUT_PODS.replace("POINTS", "admission"))

    result = gate(tmp_path, "check", "pod.yaml", "--policy", "p.rego", "-o", "json")

    assert (3, "no_policies") == refusal(result)[:2]


def test_a_rule_whose_own_points_lie_outside_its_package_judges_nothing(tmp_path: Path) -> None:
    text = ABOUT_PODS.replace("POINTS", "ci").replace("id: TEAM-1", "id: TEAM-1, points: [admission]")
    files(tmp_path, pod_yaml=POD, p_rego=text)

    assert 3 == gate(tmp_path, "check", "pod.yaml", "--policy", "p.rego").code


def test_the_floor_alone_judges_nothing() -> None:
    floor = a_package("policy.t", is_own=False)

    assert [] == speaking(a_bundle(floor), Point.CI)
    assert ["T-1"] == [rule.id for rule in speaking(a_bundle(), Point.CI)]


def test_python_policies_do_not_speak_at_admission() -> None:
    bundle = a_bundle(a_package("policy.t"), python=True)

    assert ["P-1", "T-1"] == sorted(rule.id for rule in speaking(bundle, Point.CI))
    assert [] == speaking(bundle, Point.ADMISSION)


def test_rules_that_are_all_switched_off_are_an_error() -> None:
    with pytest.raises(PolicyError, match="every rule is switched off"):
        refuse_if_off(a_bundle(), Point.CI, lambda *_: Action.OFF)


@pytest.mark.parametrize("left", [Action.DENY, Action.WARN, Action.AUDIT])
def test_one_rule_that_is_left_is_enough(left: Action) -> None:
    refuse_if_off(a_bundle(), Point.CI, lambda *_: left)


@pytest.mark.parametrize(
    "head",
    [
        "deny_eval contains {}",
        "warn_eval contains {}",
        "violation_eval contains {}",
        "deny.eval contains {}",
        'deny["eval"] contains {}',
        "deny_eval := {}",
    ],
)
def test_a_rule_that_conftest_would_ask_and_gate_would_not_is_refused(tmp_path: Path, head: str) -> None:
    said = '{"rule": "TEAM-2", "message": "m"} if input.point == "ci"'
    result = beside(tmp_path, f"package policy.two\n\n{head.format(said)}\n")

    assert (3, "policy_invalid", "p/b.rego", 3) == refusal(result)
    assert "would never be asked" in result.json["problems"][0]["message"]


def test_the_main_package_of_conftest_is_refused_too(tmp_path: Path) -> None:
    assert 3 == beside(tmp_path, 'package main\n\ndeny_eval contains "x" if input.point == "ci"\n').code


def test_a_function_or_a_name_of_its_own_may_begin_like_a_verb(tmp_path: Path) -> None:
    text = "package policy.two\n\ndeny_message(f) := f.rule\n\ndenied := {1}\n"

    assert 1 == beside(tmp_path, text).code


# ------------------------------------------------------------------------------ about something else


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("x if data.nothere.x > 5", "data.nothere.x"),
        ('x if data["nothere"].x > 5', "data.nothere.x"),
        ("x if data[`nothere`] > 5", "data.nothere"),
        ("x if data.limits.hihg > 5", "data.limits.hihg"),
        ("x if data.limits.high.deep > 5", "data.limits.high.deep"),
        ('x if sprintf("#%v", [data.nothere]) == ""', "data.nothere"),
        ("x if data.policy.team.denny[_]", "data.policy.team.denny"),
        ("import data.nothere\n\nx if nothere.y", "data.nothere"),
        ("import data.limits as l\n\nx if l.hihg > 5", "data.limits.hihg"),
        ("import data.lib.settings\n\nx if settings.limits", "data.lib.settings.limits"),
    ],
)
def test_a_rule_about_data_that_is_not_there_is_refused(tmp_path: Path, line: str, name: str) -> None:
    result = beside(tmp_path, f"package team.two\n\n{line}\n", p__data_json={"limits": {"high": 5}})

    assert (3, "policy_invalid", "p/b.rego") == refusal(result)[:3]
    assert f"{name} is nowhere in the bundle" in result.out


@pytest.mark.parametrize("line", ["x if data[input.point].y", "x if walk(data, [_, 1])", "x if data[_]"])
def test_data_under_a_name_that_only_the_run_knows_is_refused(tmp_path: Path, line: str) -> None:
    result = beside(tmp_path, f"package team.two\n\n{line}\n")

    assert 3 == result.code


@pytest.mark.parametrize(
    "line",
    [
        "x if data.limits.high > 5",
        'x if data["limits"][input.point] > 5',
        "x if data.list[0] == 1",
        "x if count(data.policy.team.deny) > 5",
        "x if data.policy.team == {}",
        'x if data.lib.settings.limit("a.b") == 0',
        "import data.limits as l\n\nx if l.high > 5",
        "import data.lib.text\n\nx if text.listed(set())",
        'import data.limits\n\ny if limits.high\n\nx if {\n\tsome limits in [{"q": 2}]\n\tlimits.q\n}',
        'x if input.point == "data.nothere" # data.nothere',
        "x if input.settings.data.nothere",
    ],
)
def test_data_that_is_there_may_be_asked_for(tmp_path: Path, line: str) -> None:
    data = {"limits": {"high": 5}, "list": [1]}

    result = beside(tmp_path, f"package team.two\n\n{line}\n", p__data_json=data)

    assert (1, "") == (result.code, "" if result.code == 1 else result.out)


# -------------------------------------------------------------------------- what the rules look at


@pytest.mark.parametrize(
    ("version", "kind", "inside"),
    [
        ("argoproj.io/v1alpha1", "Rollout", "spec: {template: {spec: SPEC}}"),
        ("apps.openshift.io/v1", "DeploymentConfig", "spec: {template: {spec: SPEC}}"),
        ("serving.knative.dev/v1", "Service", "spec: {template: {spec: SPEC}}"),
        ("apps.kruise.io/v1alpha1", "CloneSet", "spec: {template: {spec: SPEC}}"),
        ("template.openshift.io/v1", "Template", "objects: [{apiVersion: v1, kind: Pod, spec: SPEC}]"),
        ("acme.example/v1", "Agent", "spec: {agents: [{podSpec: SPEC}]}"),
    ],
)
def test_a_pod_inside_a_kind_nobody_knows_does_not_pass(
    tmp_path: Path, version: str, kind: str, inside: str
) -> None:
    spec = "{hostPID: true, containers: [{name: web, image: 'web:1'}]}"
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\n{inside.replace('SPEC', spec)}\n"
    files(tmp_path, web_yaml=text)

    result = gate(tmp_path, "check", "web.yaml", "--policy", "builtin:kubernetes", "-o", "json")

    assert 1 == result.code
    assert "GATE-K8S-011" in {violation["rule"] for violation in result.json["violations"]}


def test_with_every_rule_switched_off_nothing_is_judged(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, gate_yaml='version: 1\npolicies: {actions: {"*": "off"}}\n')

    assert 3 == gate(tmp_path, "check", "r.json").code
