"""More ways to fail open between a folder and a decision: none of them passes unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gate import limits
from tests.command import CLEAN_BANDIT, POD, files, gate

HARMLESS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: harmless}\n"
ITEM = "\n".join("    " + line for line in POD.splitlines()).replace("    apiVersion", "  - apiVersion", 1)


@pytest.mark.parametrize("kind", ["ConfigMap", "Thing", "list", "List", "PodList"])
def test_members_of_whatever_has_items_are_judged(tmp_path: Path, kind: str) -> None:
    files(tmp_path, k_yaml=f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: harmless}}\nitems:\n{ITEM}\n")

    assert 1 == gate(tmp_path, "check", "k.yaml").code


def test_items_that_are_no_list_are_refused(tmp_path: Path) -> None:
    files(tmp_path, k_yaml=HARMLESS + "items: {a: 1}\n")

    assert 3 == gate(tmp_path, "check", "k.yaml").code


@pytest.mark.parametrize(
    "group", ["aquasecurity.github.io/v1alpha1", "wgpolicyk8s.io/v1alpha2", "openreports.io/v1alpha1"]
)
def test_a_report_in_the_shape_of_an_object_is_no_harmless_manifest(tmp_path: Path, group: str) -> None:
    one = {"apiVersion": group, "kind": "VulnerabilityReport", "metadata": {"name": "r"}}
    files(tmp_path, r_json=one, l_json={"apiVersion": "v1", "kind": "List", "items": [one]})

    assert {3} == {gate(tmp_path, "check", name).code for name in ("r.json", "l.json")}


def test_what_a_folder_hides_is_named(tmp_path: Path) -> None:
    files(tmp_path, k__a_yaml=HARMLESS, k__node_modules__x_yaml=POD, k__pod_txt=POD)
    (tmp_path / "k" / ".hidden.yaml").write_text(POD)

    notices = " ".join(gate(tmp_path, "check", "k", "-o", "json").json["notices"])

    assert all(name in notices for name in (".hidden.yaml", "node_modules/x.yaml", "pod.txt"))


def test_a_manifest_that_calls_itself_gate_yaml_is_judged(tmp_path: Path) -> None:
    files(tmp_path, k__a_yaml=HARMLESS, k__gate_yaml=POD)

    assert 1 == gate(tmp_path, "check", "k").code


@pytest.mark.parametrize(
    "disguised",
    [
        POD.replace("kind:", '"kind":'),
        POD.replace("kind:", '"\\x6bind":'),
        POD.replace("kind:", "!!str kind:"),
        POD.replace("kind: Pod", "? kind\n: Pod"),
        "".join(f"  {line}\n" for line in POD.splitlines()),
        "version: 1\n---\n" + POD,
        "version: 1\nitems:\n- " + POD.replace("\n", "\n  ").rstrip() + "\n",
        POD + "#" * limits.CONFIG_BYTES,
    ],
)
@pytest.mark.parametrize("name", ["gate.yaml", "gate.yml"])
def test_no_way_to_write_a_manifest_makes_it_pass_for_gate_yaml(
    tmp_path: Path, disguised: str, name: str
) -> None:
    files(tmp_path, k__a_yaml=HARMLESS)
    (tmp_path / "k" / name).write_text(disguised)

    assert gate(tmp_path, "check", "k").code in (1, 3)


def test_the_configuration_of_a_folder_is_no_input(tmp_path: Path) -> None:
    files(tmp_path, k__a_yaml=HARMLESS, k__gate_yaml="version: 1\nproject: acme/kind\n")

    assert 0 == gate(tmp_path, "check", "k").code


def test_a_folder_declared_as_manifests_gives_its_hidden_files_too(tmp_path: Path) -> None:
    files(tmp_path, k__a_yaml=HARMLESS)
    (tmp_path / "k" / ".hidden.yaml").write_text(POD)

    assert 1 == gate(tmp_path, "check", "--as", "kubernetes=k").code


def test_a_link_to_a_folder_is_refused(tmp_path: Path) -> None:
    files(tmp_path, k__a_yaml=HARMLESS, other__pod_yaml=POD)
    (tmp_path / "k" / "more").symlink_to("../other")

    assert 3 == gate(tmp_path, "check", "k").code


def test_manifests_come_through_a_pipe(tmp_path: Path) -> None:
    assert 1 == gate(tmp_path, "check", "-", stdin=POD.encode()).code


@pytest.mark.parametrize(
    "arguments", [["-qo", "json"], ["-ojson"], ["--output", "json"], ["--output=json"], ["-o", "json=-"]]
)
def test_an_error_is_json_however_json_was_asked_for(tmp_path: Path, arguments: list[str]) -> None:
    result = gate(tmp_path, "check", "nosuch", *arguments)

    assert (3, "gate.error/v1") == (result.code, result.json["schema"])


def test_a_name_that_is_no_text_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad\udcff.yaml").write_text("kind: [")
    (tmp_path / "good\udcff.yaml").write_text(POD)

    broken = gate(tmp_path, "check", "bad\udcff.yaml", "-o", "json")
    absent = gate(tmp_path, "check", "nosuch\udcff", "-o", "json")
    judged = gate(tmp_path, "check", "good\udcff.yaml", "-o", "json")

    assert [3, 3, 1] == [broken.code, absent.code, judged.code]
    assert {"gate.error/v1"} == {broken.json["schema"], absent.json["schema"]}


def test_an_output_never_replaces_what_was_judged(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)
    before = (tmp_path / "r.json").read_bytes()

    assert 3 == gate(tmp_path, "check", "r.json", "-o", "json=./r.json").code
    assert before == (tmp_path / "r.json").read_bytes()


def test_lines_beside_a_violation_show_no_credential(tmp_path: Path) -> None:
    block = "      env:\n        - name: A\n          value: |\n            hunter2secret\n      image: x:latest\n"
    flag = "      args:\n        - --password=hunter3secret\n      image: x:latest\n"
    folded = '      env:\n        - name: A\n          value:\n            "hunter5secret"\n      image: x:latest\n'
    head = POD.split("      image")[0]
    files(tmp_path, a_yaml=head + block, b_yaml=head + flag, c_yaml=head + folded)

    shown = [gate(tmp_path, "check", "-v", ".", "-o", name).out for name in ("text", "html", "markdown")]

    assert not any("hunter" in text for text in shown)


def test_a_kustomization_among_manifests_says_to_name_its_folder(tmp_path: Path) -> None:
    files(tmp_path, k__kustomization_yaml="resources: [a.yaml]\n", k__a_yaml=HARMLESS)

    [problem] = gate(tmp_path, "check", "k/kustomization.yaml", "-o", "json").json["problems"]

    assert "name the folder of the kustomization" in problem["fix"]


KUSTOMIZATION = (
    "apiVersion: kustomize.config.k8s.io/{version}\nkind: {kind}\nresources: [../base/a.yaml]\npatches:\n"
    "- target: {{kind: Deployment}}\n"
    '  patch: "- {{op: add, path: /spec/template/spec/hostNetwork, value: true}}"\n'
)


NOT_BUILT = "GATE-K8S-060"


def unbuilt(answer: Any) -> list[dict[str, Any]]:
    return [one for one in answer.json["violations"] if one["rule"] == NOT_BUILT]


@pytest.mark.parametrize(
    ("name", "version", "kind"),
    [
        ("kustomization.yaml", "v1beta1", "Kustomization"),
        ("kustomization.yml", "v1", "Kustomization"),
        ("Kustomization", "v1beta1", "Kustomization"),
        ("kustomization.yaml", "v1alpha1", "Component"),
        ("other.yaml", "v1beta1", "Kustomization"),
    ],
)
@pytest.mark.parametrize("given", [["k"], ["--as", "kubernetes=k"], ["k/*/*"]])
def test_a_kustomization_below_a_folder_is_no_harmless_object(
    tmp_path: Path, name: str, version: str, kind: str, given: list[str]
) -> None:
    files(tmp_path, k__base__a_yaml=HARMLESS, k__base__p_yaml=POD)
    (tmp_path / "k" / "prod").mkdir()
    (tmp_path / "k" / "prod" / name).write_text(
        "# built from\n" + KUSTOMIZATION.format(version=version, kind=kind)
    )

    answer = gate(tmp_path, "check", *given, "-o", "json")

    assert 1 == answer.code
    [violation] = unbuilt(answer)
    at = violation["location"]
    assert ("deny", f"k/prod/{name}", 2, 1) == (violation["action"], at["file"], at["line"], at["column"])
    assert f"the {kind} was not built" in violation["message"]
    # Everything else is told as ever.
    assert "Pod" in {str(one["object"]).partition("/")[0] for one in answer.json["violations"]}


def test_what_is_to_be_done_about_an_unbuilt_kustomization_is_a_command_that_builds_it(
    tmp_path: Path,
) -> None:
    files(tmp_path, k__base__kustomization_yaml="resources: [a.yaml]\n", k__base__a_yaml=HARMLESS)

    [violation] = unbuilt(gate(tmp_path, "check", "k", "-o", "json"))

    assert "gate check k/base" == violation["remedy"]

    (tmp_path / "k" / "base").rename(tmp_path / "k" / "a b; c")
    [violation] = unbuilt(gate(tmp_path, "check", "k", "-o", "json"))
    assert "gate check 'k/a b; c'" == violation["remedy"]


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
@pytest.mark.parametrize(
    "said", ["", "kind: Kustomization\n", "apiVersion: kustomize.config.k8s.io/v1\n", "kind: Component\n"]
)
def test_a_kustomization_without_kind_or_version_is_found_under_each_of_its_names(
    tmp_path: Path, name: str, said: str
) -> None:
    files(tmp_path, k__base__a_yaml=HARMLESS)
    (tmp_path / "k" / "base" / name).write_text(said + "resources: [a.yaml]\n")

    answer = gate(tmp_path, "check", "k", "-o", "json")

    assert (1, [f"k/base/{name}"]) == (answer.code, [one["location"]["file"] for one in unbuilt(answer)])


@pytest.mark.parametrize(
    "text",
    [
        "- a.yaml\n",
        "{}\n",
        "resources: [a.yaml\n",
        "apiVersion: 1\nresources: []\n",
        "apiVersion: other.example/v1\nresources: []\n",
        "kind: Other\nresources: []\n",
    ],
)
def test_a_file_called_kustomization_that_is_none_is_no_decision(tmp_path: Path, text: str) -> None:
    files(tmp_path, k__a_yaml=HARMLESS, k__b__kustomization_yaml=text)

    answer = gate(tmp_path, "check", "k", "-o", "json")

    assert 3 == answer.code
    assert "k/b/kustomization.yaml" == answer.json["problems"][0]["path"]


def test_each_of_several_unbuilt_kustomizations_is_told_also_from_a_list(tmp_path: Path) -> None:
    one = '{"apiVersion":"kustomize.config.k8s.io/v1beta1","kind":"Kustomization","resources":["a.yaml"]}'
    files(
        tmp_path,
        k__a_yaml=HARMLESS,
        k__x__kustomization_yaml="resources: [../a.yaml]\n",
        k__y__kustomization_yaml="resources: [../a.yaml]\n",
        k__list_json=f'{{"apiVersion":"v1","kind":"List","items":[{one}]}}',
    )

    said = unbuilt(gate(tmp_path, "check", "k", "-o", "json"))

    assert ["k/list.json", "k/x/kustomization.yaml", "k/y/kustomization.yaml"] == sorted(
        one["location"]["file"] for one in said
    )


def test_a_kustomization_on_stdin_is_no_decision(tmp_path: Path) -> None:
    text = KUSTOMIZATION.format(version="v1beta1", kind="Kustomization").encode()

    answer = gate(tmp_path, "check", "-", "-o", "json", stdin=text)

    assert (3, "kustomization") == (answer.code, answer.json["problems"][0]["code"])


def test_a_kustomization_named_by_itself_is_no_decision_whatever_is_named_beside_it(tmp_path: Path) -> None:
    text = KUSTOMIZATION.format(version="v1beta1", kind="Kustomization")
    files(tmp_path, k__kustomization_yaml=text, other__a_yaml=HARMLESS)

    answer = gate(tmp_path, "check", "other", "./k/kustomization.yaml", "-o", "json")

    assert (3, ["kustomization"]) == (answer.code, [one["code"] for one in answer.json["problems"]])


def test_actions_and_waivers_speak_of_an_unbuilt_kustomization(tmp_path: Path) -> None:
    named = "metadata: {name: base}\nresources: [a.yaml]\n"
    files(tmp_path, k__a_yaml=HARMLESS, k__kustomization_yaml=named)
    warned = "version: 1\npolicies: {use: [builtin:kubernetes], actions: {GATE-K8S-060: warn}}\n"
    files(tmp_path, gate_yaml=warned)

    answer = gate(tmp_path, "check", "k/*", "-o", "json")

    assert ["warn"] == [one["action"] for one in unbuilt(answer)]
    assert "Kustomization//base" == unbuilt(answer)[0]["object"]


def test_explain_knows_the_rule_about_unbuilt_kustomizations(tmp_path: Path) -> None:
    answer = gate(tmp_path, "explain", NOT_BUILT)

    assert 0 == answer.code
    assert "A kustomization was not built   medium" in answer.out


def test_a_rule_of_ones_own_does_not_silence_the_kustomization(tmp_path: Path) -> None:
    """Also where nobody asked for the shipped Kubernetes rules."""
    rule = (
        "# METADATA\n# scope: package\n# custom:\n#   scope: object\npackage policy.t\n\n"
        "# METADATA\n# title: T\n# custom:\n#   id: T-1\n#   severity: low\n"
        'deny contains {"rule": "T-1", "message": "m"} if input.object.kind == "Nothing"\n'
    )
    files(tmp_path, p__t_rego=rule, k__a_yaml=HARMLESS, k__b__kustomization_yaml="resources: [../a.yaml]\n")

    answer = gate(tmp_path, "check", "k", "--policy", "p", "-o", "json")

    assert (1, [NOT_BUILT]) == (answer.code, [one["rule"] for one in answer.json["violations"]])


def test_conftests_policies_see_a_kustomization_and_gate_speaks_where_others_judge_too(
    tmp_path: Path,
) -> None:
    rule = 'package main\n\nimport rego.v1\n\ndeny contains "patched" if input.patches\n'
    text = KUSTOMIZATION.format(version="v1beta1", kind="Kustomization")
    plain = "resources: [a.yaml]\npatches: [{path: p.yaml}]\n"
    files(tmp_path, p__main_rego=rule, k__kustomization_yaml=text, k__b__kustomization_yaml=plain)

    alone = gate(tmp_path, "check", "k/*/*", "k/kustomization.yaml", "--policy", "p", "-o", "json")
    both = gate(tmp_path, "check", "k/*/*", "--policy", "p", "--policy", "builtin:kubernetes", "-o", "json")

    assert ["patched", "patched"] == [one["message"] for one in alone.json["violations"]]
    assert 1 == len(unbuilt(both))
    assert "patched" in [one["message"] for one in both.json["violations"]]


POD_JSON = (
    '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"d"},"spec":{"containers":'
    '[{"name":"c","image":"r.example/a:1","securityContext":{"privileged":true}}]}}'
)
HARMLESS_JSON = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"d"}}'


@pytest.mark.parametrize("between", ["", "\n", "\n\n", " "])
def test_every_object_of_a_stream_of_json_is_judged(tmp_path: Path, between: str) -> None:
    """kubectl applies each of them."""
    files(tmp_path, k_json=(HARMLESS_JSON + between + POD_JSON).encode())

    answer = gate(tmp_path, "check", "k.json", "-o", "json")

    assert 1 == answer.code
    assert "GATE-K8S-002" in {one["rule"] for one in answer.json["violations"]}


def test_every_object_of_a_stream_of_json_is_seen_by_conftests_rules(tmp_path: Path) -> None:
    rule = 'package main\n\ndeny contains "a pod" if input.kind == "Pod"\n'
    files(tmp_path, k_json=(HARMLESS_JSON + "\n" + POD_JSON).encode(), p__a_rego=rule)

    answer = gate(tmp_path, "check", "--policy", "p", "k.json", "-o", "json")

    assert ["a pod"] == [one["message"] for one in answer.json["violations"]]


def test_a_stream_of_json_that_breaks_off_is_no_decision(tmp_path: Path) -> None:
    files(tmp_path, k_json=(HARMLESS_JSON + "\n" + POD_JSON[:-1]).encode())

    assert 3 == gate(tmp_path, "check", "k.json", "-o", "json").code


def test_yaml_under_the_name_of_json_says_how_to_name_it(tmp_path: Path) -> None:
    files(tmp_path, k_json=HARMLESS.encode())

    [problem] = gate(tmp_path, "check", "k.json", "-o", "json").json["problems"]

    assert "--as kubernetes=k.json" in problem["fix"]
    assert 0 == gate(tmp_path, "check", "--as", "kubernetes=k.json").code


@pytest.mark.parametrize(
    ("item", "found"),
    [("null", "null"), ("{}", "an empty object"), ('{"a": 1}', "an object with ['a']"), ("[]", "[]")],
)
def test_a_member_of_a_list_that_is_no_object_is_named(tmp_path: Path, item: str, found: str) -> None:
    files(
        tmp_path,
        k_json=f'{{"apiVersion":"v1","kind":"List","items":[{POD_JSON},{{"apiVersion":"v1","kind":"List",'
        f'"items":[{item}]}}]}}'.encode(),
    )

    [problem] = gate(tmp_path, "check", "k.json", "-o", "json").json["problems"]

    assert ("items[1].items[0] is no Kubernetes object", found) == (problem["message"], problem["found"])


@pytest.mark.parametrize(("version", "code"), [("apps/v1", 0), ("evil.example/v1", 1)])
def test_a_waiver_for_an_object_waives_nothing_of_its_namesake_in_another_group(
    tmp_path: Path, version: str, code: int
) -> None:
    created, expires = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 10))
    waiver = (
        "version: 1\nwaivers:\n  - id: w-1\n    match: {rule: GATE-K8S-002, object: Deployment/prod/web}\n"
        "    reason: accepted_risk\n    note: known\n    requested_by: wei@example.com\n"
        f"    approved_by: lin@example.com\n    created: {created:%Y-%m-%d}\n    expires: {expires:%Y-%m-%d}\n"
    )
    workload = (
        f"apiVersion: {version}\nkind: Deployment\nmetadata: {{name: web, namespace: prod}}\nspec:\n"
        "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n"
        "      containers:\n      - {name: c, image: r.example/a:1, securityContext: {privileged: true}}\n"
    )
    files(tmp_path, k__a_yaml=workload, w_yaml=waiver)

    answer = gate(tmp_path, "check", "k", "--waivers", "w.yaml", "-o", "json")

    assert code == answer.code


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_manifest_is_called_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.yaml").write_text(text)

    answer = gate(tmp_path, "check", "k.yaml", "-o", "json")

    [problem] = answer.json["problems"]
    assert (3, "report_empty", "at least one manifest") == (answer.code, problem["code"], problem["expected"])
