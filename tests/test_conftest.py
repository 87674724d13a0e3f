"""Conftest's policies as they are: the same answers as Conftest's own, and nothing that it lets pass unheard."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bench import machine
from gate import bootstrap
from gate.conftest import inputs
from gate.conftest.policies import is_conftest
from gate.errors import ReportError
from tests.command import BANDIT_EVAL, POD, RULE, Result, files, gate
from tests.tools import tool

pytestmark = pytest.mark.xdist_group("conftest")

DENY: Final = 'package main\n\ndeny contains "no team" if not input.metadata.labels.team\n'
TEAM: Final = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {team: shop}}\n"


def conftest(folder: Path, *arguments: str) -> Any:
    """What Conftest itself says, as JSON."""
    command = tool(machine.CONFTEST)
    done = subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def theirs(folder: Path, *arguments: str) -> Counter[tuple[str, str, str]]:
    """Verb, file and message of everything that Conftest says."""
    said: Counter[tuple[str, str, str]] = Counter()
    for one in conftest(folder, "test", "-o", "json", *arguments):
        for verb, key in (("deny", "failures"), ("warn", "warnings")):
            said.update((verb, one["filename"], result["msg"]) for result in one.get(key, []))
    return said


def ours(answer: Result, path: str | None = None) -> Counter[tuple[str, str, str]]:
    """Verb, file and message of everything that gate says."""
    return Counter(
        (one["action"], one["location"]["file"] if one["location"] else str(path), one["message"])
        for one in answer.json["violations"]
    )


def refused(answer: Result) -> dict[str, Any]:
    """The one problem of an answer that is no decision."""
    assert 3 == answer.code, answer.out
    [problem] = answer.json["problems"]
    found: dict[str, Any] = problem
    return found


def asked(folder: Path, *arguments: str) -> Result:
    """What gate says where gate.yaml names the policies."""
    return gate(folder, "check", *arguments, "-o", "json")


def check(folder: Path, *arguments: str) -> Result:
    return gate(folder, "check", "--policy", "p", *arguments, "-o", "json")


# ------------------------------------------------------------------------------ beside Conftest

RULES: Final = """package main

import data.lib.names

deny contains msg if {
	input.kind == "Pod"
	msg := sprintf("%s has no team", [names.of(input)])
	not input.metadata.labels.team
}

deny contains "null" if input == null

deny_host contains {"msg": "host", "details": {"a": 1}} if input.spec.hostNetwork

violation contains {"msg": "privileged", "severity": "high"} if input.spec.containers[_].securityContext.privileged

violation_listed := [msg | some msg in input.listed]

warn contains "old" if input.apiVersion == "v1"

warn_number contains "no number" if to_number(input.metadata.name) > 0

warn_file contains data.conftest.file.name

exception contains ["host"] if input.metadata.name == "free"

exception contains [""] if input.metadata.name == "freer"
"""
LIB: Final = "package lib.names\n\nof(object) := object.metadata.name\n"
NAMED: Final = """package team.shop

deny contains "shop" if input.kind == "Pod"
"""
STREAM: Final = """apiVersion: v1
kind: Pod
metadata: {name: free}
spec: {hostNetwork: true, containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: freer}
---
apiVersion: v1
kind: Pod
metadata: {name: c}
spec: {hostNetwork: true, containers: [{name: x, image: x, securityContext: {privileged: true}}]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return files(
        tmp_path,
        p__main_rego=RULES,
        p__lib_rego=LIB,
        p__team_rego=NAMED,
        k__stream_yaml=STREAM,
        k__pod_yaml=POD,
        k__plain_yaml="listed: [one, two]\n",
        k__list_json=[{"listed": ["three"]}, {"kind": "Pod", "metadata": {"name": "d"}}],
    )


@pytest.mark.parametrize(
    "arguments",
    [(), ("--namespace", "team.shop"), ("--namespace", "team.*"), ("--all-namespaces",)],
    ids=["main", "named", "glob", "all"],
)
def test_the_same_policies_say_the_same_of_the_same_files(place: Path, arguments: tuple[str, ...]) -> None:
    expected = theirs(place, "--policy", "p", *arguments, "k")

    own = (
        one.replace("--namespace", "--policy-namespace") if one == "--namespace" else one for one in arguments
    )

    assert expected == ours(check(place, *own, "k"))
    assert expected


def test_with_combine_all_files_are_one_list(tmp_path: Path) -> None:
    rule = (
        "package main\n\n"
        'deny contains sprintf("%s: %s", [one.path, one.contents.metadata.name]) if some one in input\n\n'
        'deny contains "many" if count(input) > 2\n'
    )
    files(tmp_path, p__a_rego=rule, k__a_yaml=STREAM, k__b_yaml=POD)

    answer = check(tmp_path, "--combine", "k")

    assert theirs(tmp_path, "--policy", "p", "--combine", "k") == ours(answer, "Combined")
    assert 1 == answer.code


def test_rego_v0_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    files(
        tmp_path, p__a_rego='package main\n\ndeny[msg] { input.kind == "Pod"; msg := "v0" }\n', k__a_yaml=POD
    )

    expected = theirs(tmp_path, "--policy", "p", "--rego-version", "v0", "k")

    assert expected == ours(check(tmp_path, "--rego-version", "v0", "k"))
    assert "--rego-version v0" in check(tmp_path, "k").json["problems"][0]["fix"]


def test_data_stands_below_data(tmp_path: Path) -> None:
    rule = 'package main\n\ndeny contains data.teams[_] if input.kind == "Pod"\n'
    files(tmp_path, p__a_rego=rule, d_yaml="teams: [a, b]\n", k__a_yaml=POD)

    expected = theirs(tmp_path, "--policy", "p", "--data", "d.yaml", "k")

    assert expected == ours(check(tmp_path, "--data", "d.yaml", "k"))
    assert 2 == expected.total()


def test_lists_with_commas_are_several_as_conftest_takes_them(tmp_path: Path) -> None:
    rules = {name: f"package {name}\n\ndeny contains data.{name}_says\n" for name in ("bar", "car")}
    files(tmp_path, p__a_rego=rules["bar"], p__b_rego=rules["car"], k__a_yaml=POD)
    files(tmp_path, x_yaml="bar_says: 'x'\n", y_yaml="car_says: 'y'\n")

    expected = theirs(tmp_path, "--policy", "p", "--namespace", "bar,car", "--data", "x.yaml,y.yaml", "k")

    found = ours(check(tmp_path, "--policy-namespace", "bar,car", "--data", "x.yaml,y.yaml", "k"))
    assert expected == found
    assert 2 == expected.total()


@pytest.mark.parametrize("given", [",", "x.yaml,", "x.yaml,absent.yaml", ""])
def test_a_list_of_data_with_a_hole_is_no_decision(tmp_path: Path, given: str) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=POD, x_yaml="a: 1\n")

    assert check(tmp_path, "--data", given, "k").code in (2, 3)


def test_a_file_of_data_whose_name_has_a_comma_is_one(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego="package main\n\ndeny contains data.a\n", k__a_yaml=POD)
    (tmp_path / "x,y.yaml").write_text("a: 'from it'\n")

    assert ["from it"] == [
        one["message"] for one in check(tmp_path, "--data", "x,y.yaml", "k").json["violations"]
    ]


def test_a_pair_of_escapes_in_json_data_is_one_character(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego="package main\n\ndeny contains data.a\n", k__a_yaml=POD)
    (tmp_path / "d.json").write_text('{"a": "\\ud83d\\ude00 and \\\\ud83d\\\\ude00"}')

    expected = theirs(tmp_path, "--policy", "p", "--data", "d.json", "k")

    assert expected == ours(check(tmp_path, "--data", "d.json", "k"))
    assert ["\U0001f600 and \\ud83d\\ude00"] == [
        one["message"] for one in check(tmp_path, "--data", "d.json", "k").json["violations"]
    ]


def test_half_a_pair_of_escapes_is_refused(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=POD)
    (tmp_path / "d.json").write_text('{"a": "\\ud83d \\ude00"}')

    assert 3 == check(tmp_path, "--data", "d.json", "k").code


DATA: Final = {
    "one": {"x.yaml": "svc: [a]\n"},
    "folders": {"x.yaml": "svc: [a]\n", "sub/y.json": '{"other": 1}', "sub/deep/z.yml": "q: 1\n"},
    "one map": {"a.yaml": "svc: {a: 1}\n", "b.yaml": "svc: {b: 1}\n", "x.txt": "hi"},
    "file and folder": {"sub.yaml": "sub: {a: 1}\n", "sub/a.yaml": "b: 2\n", ".h.yaml": "svc: 1\n"},
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA.keys())
def test_a_folder_of_data_is_mounted_as_conftest_mounts_it(tmp_path: Path, data: dict[str, str]) -> None:
    rule = "package main\n\ndeny contains json.marshal(data.svc)\n\ndeny contains json.marshal(data.sub)\n"
    files(tmp_path, p__a_rego=rule, k__a_yaml=POD)
    for name, text in data.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_text(text, "utf-8")

    expected = theirs(tmp_path, "--policy", "p", "--data", "d", "k")

    assert expected == ours(check(tmp_path, "--data", "d", "k"))
    assert expected


@pytest.mark.parametrize(
    ("second", "message"),
    [("svc: 2\n", "data.svc is given twice"), ("[1]\n", "not an object"), ("", "the file is empty")],
)
def test_a_folder_of_data_that_contradicts_itself_is_refused(
    tmp_path: Path, second: str, message: str
) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=TEAM, d__a_yaml="svc: 1\n", d__b_yaml=second)

    problem = refused(check(tmp_path, "--data", "d", "k"))

    assert ("d/b.yaml", message) == (problem["path"], problem["message"])


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=TEAM, d__a_txt="svc: 1\n")

    assert "the folder holds no data" == refused(check(tmp_path, "--data", "d", "k"))["message"]


@pytest.mark.parametrize("pattern", ["team.[^b]ar", "team.[!b]ar", "team.[a-c]ar", "team.?ar", "te*r"])
def test_a_glob_names_the_namespaces_that_conftest_takes_it_for(tmp_path: Path, pattern: str) -> None:
    one, other = (f'package team.{name}\n\ndeny contains "{name}"\n' for name in ("bar", "car"))
    files(tmp_path, p__a_rego=one, p__b_rego=other, k__a_yaml=POD)

    expected = theirs(tmp_path, "--policy", "p", "--namespace", pattern, "k")

    assert expected == ours(check(tmp_path, "--policy-namespace", pattern, "k"))
    assert expected


# ------------------------------------------------------------------------------------- gate's own


def test_a_rule_is_named_by_namespace_and_name_with_the_severity_it_says(place: Path) -> None:
    found = {one["rule"]: one for one in check(place, "k/pod.yaml").json["violations"]}

    assert "high" == found["main.violation"]["severity"]
    assert "unknown" == found["main.deny"]["severity"]
    assert "conftest.main" == found["main.deny"]["policy"]


def test_metadata_gives_a_rule_its_severity(tmp_path: Path) -> None:
    rule = DENY.replace("deny", "# METADATA\n# title: a team\n# custom: {severity: LOW}\ndeny", 1)
    files(tmp_path, p__a_rego=rule, k__a_yaml=POD)

    [violation] = check(tmp_path, "k").json["violations"]

    assert "low" == violation["severity"]


def test_an_exception_is_told_by_the_message_it_takes_away(place: Path) -> None:
    notices = gate(place, "check", "--policy", "p", "k/stream.yaml").out

    assert "exception: main.deny_host does not count for k/stream.yaml: host" in notices


def test_a_built_in_that_fails_is_told(place: Path) -> None:
    assert (
        "a built-in failed, its rule was left out: p/main.rego:"
        in gate(place, "check", "--policy", "p", "k/pod.yaml").out
    )


def test_actions_of_gate_yaml_apply(tmp_path: Path) -> None:
    files(
        tmp_path,
        p__a_rego=DENY,
        k__a_yaml=POD,
        gate_yaml="version: 1\npolicies: {use: [p], actions: {main.deny: warn}}\n",
    )

    answer = gate(tmp_path, "check", "k", "-o", "json")

    assert 0 == answer.code
    assert ["warn"] == [one["action"] for one in answer.json["violations"]]


WAIVERS: Final = """version: 1
waivers:
  - id: w-1
    match: {{rule: main.deny{object}}}
    reason: accepted_risk
    note: known
    ticket: T-1
    requested_by: a@example.com
    approved_by: b@example.com
    created: {created}
    expires: {expires}
"""


@pytest.mark.parametrize(
    ("object", "days", "left"),
    [("", 5, 0), (", object: Pod/*/a", 5, 1), (", object: Pod/*/b", 5, 2), ("", -1, 2)],
    ids=["the rule", "one object", "another object", "expired"],
)
def test_a_waiver_covers_what_a_rule_of_conftest_says(
    tmp_path: Path, object: str, days: int, left: int
) -> None:
    today = datetime.now(UTC).date()
    text = WAIVERS.format(
        object=object, created=today - timedelta(days=3), expires=today + timedelta(days=days)
    )
    two = "\n---\n".join(TEAM.replace("name: a", f"name: {name}").replace("team", "t") for name in "ac")
    files(tmp_path, p__a_rego=DENY, k__a_yaml=two, w_yaml=text)

    answer = check(tmp_path, "--waivers", "w.yaml", "k")

    assert left == len(answer.json["violations"])
    assert 2 - left == len(answer.json["waived"])


def test_what_the_baseline_knows_of_a_rule_of_conftest_is_told_and_new_is_denied(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=TEAM.replace("team", "t"))
    made = gate(tmp_path, "baseline", "write", "--policy", "p", "k")
    assert 0 == made.code, made.out

    known = check(tmp_path, "--baseline", ".gate/baseline.json", "k")
    files(tmp_path, k__b_yaml=TEAM.replace("team", "t").replace("name: a", "name: b"))
    new = check(tmp_path, "--baseline", ".gate/baseline.json", "k")

    assert 0 == known.code
    assert 1 == new.code


def test_a_namespace_that_is_not_asked_is_told(place: Path) -> None:
    out = gate(place, "check", "--policy", "p", "k/pod.yaml").out

    assert "Conftest rules of namespace 'team.shop' are not asked" in out


def test_reports_are_judged_as_ever_beside_conftest(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__b_json=BANDIT_EVAL)

    answer = gate(tmp_path, "check", "--policy", "p", "--policy", "builtin:code", "k", "-o", "json")

    assert {"main.deny", "GATE-CODE-002"} <= {one["rule"] for one in answer.json["violations"]}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([DENY], True),
        (['package kubernetes\n\nwarn_x contains "a" if true\n'], True),
        (["package main\n\ndeny[msg] { msg := 1 }\n"], True),
        (["package lib\n\ndenied := 1\n"], False),
        (["package lib\n\n# deny contains 1\n"], False),
        ([RULE.replace("policy.team", "main")], False),
        ([], False),
    ],
)
def test_a_source_is_conftests_by_its_rules_and_packages(texts: list[str], expected: bool) -> None:
    assert expected == is_conftest({str(number): text for number, text in enumerate(texts)})


# ---------------------------------------------------------------- where Conftest says nothing


def test_a_namespace_without_rules_is_no_pass(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY.replace("main", "team"), k__a_yaml=TEAM)

    problem = refused(check(tmp_path, "k"))

    assert ("no_policies", "rules in 'team'") == (problem["code"], problem["found"])


def test_a_misspelt_namespace_is_no_pass(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=TEAM)

    assert "no_policies" == refused(check(tmp_path, "--policy-namespace", "mian", "k"))["code"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ('deny contains ""', "policy_shape"),
        ("deny contains 7", "policy_shape"),
        ('deny contains {"message": "x"}', "policy_shape"),
        ('deny contains ["x"]', "policy_shape"),
        ("deny := true", "policy_not_a_set"),
        ("default deny := false", "policy_not_a_set"),
        ("deny if input.kind", "policy_not_a_set"),
        ('deny["x"] if input.kind', "policy_not_a_set"),
        ('deny := {"msg": "x"}', "policy_not_a_set"),
    ],
)
def test_what_conftest_would_lose_is_an_error(tmp_path: Path, rule: str, code: str) -> None:
    files(tmp_path, p__a_rego=f"package main\n\n{rule}\n", k__a_yaml=TEAM)

    assert code == refused(check(tmp_path, "k"))["code"]


def test_rules_that_contradict_each_other_are_told_with_their_place(tmp_path: Path) -> None:
    rule = 'package main\n\nf(x) := 1 if x\n\nf(x) := 2 if x\n\ndeny contains "f" if f(true) == 1\n'
    files(tmp_path, p__a_rego=rule, k__a_yaml=TEAM)

    problem = refused(check(tmp_path, "k"))

    assert ("eval_conflict_error", "p/a.rego", 5) == (problem["code"], problem["path"], problem["line"])


def test_a_folder_of_both_kinds_is_refused(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, p__b_rego=RULE, k__a_yaml=TEAM)

    problem = refused(check(tmp_path, "k"))

    assert "p/a.rego" == problem["path"]
    assert "a folder of their own" in problem["fix"]


@pytest.mark.parametrize(
    "flag", ["--all-namespaces", "--combine", "--policy-namespace=main", "--rego-version=v0"]
)
def test_flags_of_conftest_without_its_policies_are_refused(tmp_path: Path, flag: str) -> None:
    files(tmp_path, p__a_rego=RULE, k__a_json=BANDIT_EVAL)

    assert 2 == check(tmp_path, flag, "k").code


def test_gate_yaml_says_how_conftests_policies_are_asked(place: Path) -> None:
    files(place, gate_yaml="version: 1\npolicies:\n  use: [p]\n  conftest: {namespaces: [team.shop]}\n")

    assert theirs(place, "--policy", "p", "--namespace", "team.shop", "k") == ours(asked(place, "k"))
    assert theirs(place, "--policy", "p", "--all-namespaces", "k") == ours(
        asked(place, "--all-namespaces", "k")
    )
    assert theirs(place, "--policy", "p", "k") == ours(asked(place, "--policy", "p", "k"))


def test_gate_yaml_combines_files_for_conftests_policies(tmp_path: Path) -> None:
    rule = 'package main\n\ndeny[msg] { count(input) == 2; msg := "two" }\n'
    files(
        tmp_path,
        gate_yaml="version: 1\npolicies:\n  use: [p]\n  conftest: {combine: true, rego_version: v0}\n",
        p__a_rego=rule,
        k__a_yaml=TEAM,
        k__b_yaml=TEAM,
    )

    assert [("deny", "two")] == [(v["action"], v["message"]) for v in asked(tmp_path, "k").json["violations"]]


@pytest.mark.parametrize(
    ("use", "conftest", "message"),
    [
        ("builtin:default", "{combine: true}", "policies.conftest without Conftest's policies"),
        (
            "p",
            "{namespaces: [a], all_namespaces: true}",
            "policies.conftest has namespaces and all_namespaces",
        ),
        ("p", "{namespace: a}", "unknown key"),
        ("p", "{namespaces: []}", ""),
        ("p", "{rego_version: v2}", ""),
    ],
)
def test_what_gate_yaml_cannot_mean_of_conftest_is_refused(
    tmp_path: Path, use: str, conftest: str, message: str
) -> None:
    policies = f"policies:\n  use: [{use}]\n  conftest: {conftest}\n"
    files(tmp_path, gate_yaml=f"version: 1\n{policies}", p__a_rego=DENY, k__a_yaml=TEAM)

    answer = asked(tmp_path, "k")

    assert 2 == answer.code
    assert "gate.yaml" == answer.json["problems"][0]["path"]
    assert message in answer.json["problems"][0]["message"]


PARSING: Final = """package main

deny contains sprintf("text %d", [value.a]) if value := parse_config("yaml", "a: 1")

deny contains sprintf("text %d", [value.b.c]) if value := parse_config("toml", "[b]\\nc = 2")

deny contains sprintf("file %v", [value.team]) if value := parse_config_file("team.yaml")

deny contains sprintf("files %d", [count(values)]) if values := parse_combined_config_files(["team.yaml", "../k/a.yaml"])
"""


def test_what_rules_parse_themselves_is_parsed_as_by_conftest(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=PARSING, p__team_yaml="team: shop\n", k__a_yaml=TEAM)

    answer = check(tmp_path, "k/a.yaml")

    assert 4 == len(ours(answer))
    assert theirs(tmp_path, "--policy", "p", "k/a.yaml") == ours(answer)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ('parse_config("cue", "a: 1")', "a parser that is not here"),
        ('parse_config("yaml", "a: [")', "parse_config"),
        ('parse_config_file("absent.yaml")', "absent.yaml"),
        ('parse_config_file("../../etc/passwd")', "not below the working directory"),
        ('parse_config_file(concat("", ["team", ".yaml"]))', "named by a literal text"),
        ('parse_config_file("broken.yaml")', "broken.yaml"),
    ],
)
def test_what_rules_cannot_parse_is_no_decision(tmp_path: Path, call: str, says: str) -> None:
    """Conftest leaves the rule out, and passes."""
    rule = f'package main\n\ndeny contains "x" if {call}.a\n'
    files(tmp_path, p__a_rego=rule, p__team_yaml="team: shop\n", p__broken_yaml="a: [\n", k__a_yaml=TEAM)

    answer = check(tmp_path, "k/a.yaml")

    assert 3 == answer.code
    assert says in answer.out


@pytest.mark.parametrize(
    "text",
    ["apiVersion: v1\n", "kind: Pod\n", "a: 1\n---\napiVersion: v1\nkind: Pod\n", "a: 1\na: 2\n", "a: [\n"],
)
def test_what_may_be_a_manifest_must_be_one(tmp_path: Path, text: str) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=text)

    assert 3 == check(tmp_path, "k").code


def test_a_report_that_is_broken_is_no_configuration(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_json='{"results": [')

    assert 3 == check(tmp_path, "k").code


def test_without_conftests_policies_its_inputs_stay_unknown(tmp_path: Path) -> None:
    files(tmp_path, k__Dockerfile_x="FROM alpine\n")
    (tmp_path / "k" / "Dockerfile.x").rename(tmp_path / "k" / "Dockerfile")

    assert 3 == gate(tmp_path, "check", "k/Dockerfile").code


# -------------------------------------------------------------------------------- other inputs

DOCKERFILE: Final = """# syntax=docker/dockerfile:1
# first
FROM --platform=linux/amd64 alpine:3.20 AS base
LABEL a="b c" d=e
ENV X 1 2
ENV Y=1 Z="a b"
ARG V=1 W
# about run
RUN apk add \\
    # inner
    curl \\
    && echo "x"
RUN ["a", "b"]
RUN <<EOF
USER root
EOF
COPY --chown=1:1 --from=base a b /c/
ADD ["a b", "c"]
EXPOSE 80 443/tcp
HEALTHCHECK --interval=5s CMD curl -f x || exit 1
ONBUILD RUN echo x
FROM base
USER nobody
VOLUME /a /b
WORKDIR /x y
ENTRYPOINT ["x"]
CMD run it
"""
TOML: Final = 'a = 1\nb = [1, 2.5, "x"]\nt = 1979-05-27T07:32:00Z\n[s.u]\nk = true\n[[l]]\nn = 1\n'
INI: Final = """top = 1
[a]
x = 1
y = true
z = hello ; comment
q = "quoted text"
f = 1.5
u: v
url = http://x/y#z
[b.c]
k = no
"""
DOTENV: Final = 'A=1\nexport B="x y"\nC=\'lit $A\'\nD=$A-${B}\nE=a # c\nF=\nG="a\\nb"\n'
XML: Final = """<?xml version="1.0"?>
<!-- first -->
<p:project xmlns="urn:a" xmlns:p="urn:b" p:id="1" q="&lt;&quot;x&#10;">
  <name> web\u00a0shop </name>
  <empty/><blank>  </blank>
  <dep scope="test">a</dep><dep>b</dep><p:dep><v>1</v></p:dep>
  <mixed>before<b>in</b>after</mixed>
  <lost>before<b>in</b>
  </lost>
  <cut>one<!-- x -->two</cut><cut>one<?x y?>two</cut>
  <data>one<![CDATA[<two> & ]]></data><data>one<![CDATA[]]></data><data><![CDATA[x]]>\r\n y</data>
</p:project>
"""
PROPERTIES: Final = (
    "a=b\nc.d: e\n# x\n  ! y\nf g\n\th = i \nj\\:k=l\\\n   m\nn\no=\\u00e9\\t\\q\\\\\np==q\r\nr:=s\n"
    "t=${a}\nu = v\\\\\nw\\ x y\n"
)
JSONC: Final = '{// first\n"a": 1, /* b\n */ "c": "// no # /* */", # h\n "d\\"//": [1, 2]} // last'
IGNORE: Final = "*.o\n!x\n# a comment \n\nd/  \ne\\ \nf\\\\g\\h\n\\#x\n \r\n"
INPUTS: Final = {
    "Dockerfile": DOCKERFILE,
    "a.toml": TOML,
    "a.ini": INI,
    ".env": DOTENV,
    "a.properties": PROPERTIES,
    "a.jsonc": JSONC,
    ".gitignore": IGNORE,
    ".dockerignore": "a",
}


@pytest.mark.parametrize("name", INPUTS)
def test_a_file_is_read_as_conftest_reads_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(INPUTS[name], "utf-8")
    parser = inputs.parser(name)
    assert parser is not None

    found = [one.value for one in inputs.read(INPUTS[name].encode(), name, parser, inputs.readers())]

    assert [one["contents"] for one in conftest(tmp_path, "parse", "--combine", name)] == found


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.properties", "a=1\n=b\n", 2),
        ("a.properties", "a=1\na:2\n", 2),
        ("a.properties", "a=1\nb=2\\", 2),
        ("a.properties", "a=1\nb\\\n =1", 2),
        ("a.properties", "a=\\u12\n", 1),
        ("a.properties", "a=\\ud83d\n", 1),
        ("a.jsonc", '{"a": 1 /* open }', 1),
        ("a.jsonc", '{"a": "open // x\n}', 2),
        ("a.jsonc", '{\n// a\n"a": 1,}', 3),
        ("a.jsonc", '{"a": 1,\n/* x */ "a": 2}', 2),
        ("a.jsonc", "// nothing\n", 1),
        (".gitignore", "a\nb\0c\n", 2),
    ],
)
def test_configuration_that_is_not_understood_has_its_line(
    tmp_path: Path, name: str, text: str, line: int
) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    files(tmp_path, p__a_rego=DENY)

    problem = refused(check(tmp_path, name))

    assert (name, line) == (problem["path"], problem["line"])


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.jsonc", '{"' + '\\"' * 500_000), ("a.jsonc", "/*" * 500_000), ("a.properties", "\\\n" * 300_000)],
    ids=["quotes", "comments", "lines"],
)
def test_configuration_made_to_take_long_is_refused_at_once(name: str, text: str) -> None:
    began = time.process_time()
    parser = inputs.parser(name) or ""

    with pytest.raises(ReportError):
        inputs.read(text.encode(), name, parser, inputs.readers())

    assert 2 > time.process_time() - began


UNREAD: Final = (
    "CODEOWNERS",
    "Jenkinsfile",
    "Jenkinsfile.prod",
    "nginx.conf",
    "a.cue",
    "a.edn",
    "a.groovy",
    "a.hcl1",
    "a.hocon",
    "a.jsonnet",
    "a.textpb",
    "a.textproto",
    "a.vcl",
)


@pytest.mark.parametrize("name", UNREAD)
def test_what_conftest_would_judge_in_a_folder_and_gate_cannot_read_is_no_pass(
    tmp_path: Path, name: str
) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=TEAM)
    (tmp_path / "k" / name).write_text("x\n", "utf-8")

    problem = refused(check(tmp_path, "k"))

    assert ("format_not_read", f"k/{name}") == (problem["code"], problem["path"])


def test_a_rule_that_parses_what_gate_cannot_read_is_no_pass(tmp_path: Path) -> None:
    rule = 'package main\n\ndeny contains "x" if parse_config_file("a.vcl").x\n'
    files(tmp_path, p__a_rego=rule, p__a_vcl="x", k__a_yaml=TEAM)

    assert "format_not_read" == refused(check(tmp_path, "k"))["code"]


TERRAFORM: Final = {
    "main.tf": """# a comment
terraform {
  required_version = ">= 1.5"
  backend "s3" {}
}
resource "aws_s3_bucket" "logs" {
  bucket = "logs-${var.name}"   // another
  tags   = { Name = "x", "a b" = 1, (var.key) = true, n = null }
  versioning {
    enabled = true
  }
  versioning { enabled = false }
  lifecycle_rule {
    expiration { days = 30 }
  }
}
resource "aws_s3_bucket" "other" { bucket = "other" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*" }] })
  text   = <<-EOT
    hello ${var.name}
      %{ if var.on }on%{ else }off%{ endif }
    %{ for x in var.list ~}
    - ${x}
    %{ endfor ~}
  EOT
  raw    = <<EOT
$${kept} "quoted" \\n
EOT
}
/* several
   lines */
locals {
  a = [for s in var.list : upper(s) if s != ""]
  m = { for k, v in var.map : k => v... }
  c = var.on ? 1 : -2
  n = [1, -1, 1.5, 1e3, 0.1, 12345678901, true, !var.on, (1 + 2) * 3]
  i = "${var.whole}"
  e = "\\u00e9 é %%{x} $${y} <&>"
  f = merge(var.a, { b = var.c[0].d["e"] }, var.l[*].id)
}
locals { z = 1 }
module "net" { source = "./net" }
output "id" {
  value = aws_s3_bucket.logs.id
}
""",
    "a.tfvars": 'name = "x"\nlist = ["a", { b = 1 }]\n',
    "empty.tf": "",
    "nested.hcl": 'a "b" "c" {\n  d "e" {}\n  d "f" { g = 1 }\n  d "f" { g = 2 }\n}\n',
}


@pytest.mark.parametrize("name", TERRAFORM)
def test_hcl_is_read_as_conftest_reads_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TERRAFORM[name], "utf-8")

    with bootstrap.engine() as engine:
        readers = bootstrap.configuration_readers(engine)
        [found] = inputs.read(TERRAFORM[name].encode(), name, "hcl2", readers)

    assert conftest(tmp_path, "parse", "--combine", name)[0]["contents"] == found.value


def test_a_rule_sees_terraform(tmp_path: Path) -> None:
    rule = (
        "package main\n\ndeny contains name if {\n"
        "\tsome name, [b] in input.resource.aws_s3_bucket\n\tnot b.versioning\n}\n"
    )
    files(tmp_path, p__a_rego=rule, k__main_tf=TERRAFORM["main.tf"])

    answer = check(tmp_path, "k")

    assert theirs(tmp_path, "--policy", "p", "k") == ours(answer)
    assert ["other"] == [one["message"] for one in answer.json["violations"]]


HCL_REFUSED: Final = {
    "no value": ("a = 1\nb = \n", 2, 5),
    "characters before": ('a = "é" }\n', 1, 9),
    "an argument twice": ("a = 1\na = 2\n", 2, 1),
    "no end": ('x "y" {\n', 1, 7),
    "a key twice": ("a = { b = 1, b = 2 }\n", 1, 14),
    "a key twice, quoted": ('a = { b = 1, "b" = 2 }\n', 1, 14),
    "block and argument": ("a {}\na = 1\n", 1, 1),
    "deep blocks": ("a " + "{\na " * 101 + "{}" + "\n}" * 101 + "\n", 101, 3),
    "deep lists": ("a = " + "[" * 50_000, 1, 105),
    "deep parentheses": ("a = " + "(" * 50_000, 1, 105),
    "deep templates": ('a = "' + '${"' * 50_000, 1, 155),
    "unary": ("a = " + "!" * 50_000 + "b\n", 1, 20_005),
    "ternary": ("a = " + "b ? 1 : " * 50_000 + "1\n", 1, 160_007),
    "too large a number": ("a = 1e400\n", 1, 1),
    "NUL": ("a = \0\n", 1, 5),
}


@pytest.mark.parametrize("case", HCL_REFUSED)
def test_hcl_that_is_not_understood_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    text, line, column = HCL_REFUSED[case]
    files(tmp_path, p__a_rego=DENY, main_tf=text)

    problem = refused(check(tmp_path, "main.tf"))

    assert ("main.tf", line, column) == (problem["path"], problem["line"], problem["column"])


def test_xml_is_read_as_conftest_reads_it(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(XML.encode())

    found = inputs.values(XML.encode(), "a.xml", "xml")

    assert conftest(tmp_path, "parse", "--combine", "a.xml")[0]["contents"] == found[0].value


def test_a_rule_sees_an_xml_file_that_is_no_report(tmp_path: Path) -> None:
    rule = 'package main\n\ndeny contains input.project["-id"] if input.project.dep[0]["#content"] == "a"\n'
    files(tmp_path, p__a_rego=rule, k__pom_xml=XML)

    answer = check(tmp_path, "k")

    assert theirs(tmp_path, "--policy", "p", "k") == ours(answer)
    assert 1 == answer.code


@pytest.mark.parametrize(
    "text",
    [
        "<a><b></a>",
        "<a>",
        "<a/><b/>",
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        "<html></html>",
        "<a>" * 5_000 + "</a>" * 5_000,
    ],
)
def test_xml_that_is_not_strict_is_refused(tmp_path: Path, text: str) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_xml=text)

    assert "k/a.xml" == refused(check(tmp_path, "k"))["path"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Dockerfile", ""),
        ("Dockerfile", "# nothing\n"),
        ("Dockerfile", "FROM a\nFRUN b\n"),
        ("Dockerfile", "FROM a\nRUN <<EOF\nUSER root\n"),
        ("Dockerfile", "FROM a\nUSER\n"),
        ("a.toml", "a = 1\na = 2\n"),
        ("a.toml", "a = [\n"),
        ("a.toml", "a = " + "[" * 2_000 + "]" * 2_000),
        ("a.toml", "a = nan\n"),
        ("a.toml", "a = 1979-05-27\n"),
        ("a.ini", "[a]\nx = 1\nx = 2\n"),
        ("a.ini", "[a\n"),
        ("a.ini", "[a]\nx\n"),
        (".env", "A=1\nA=2\n"),
        (".env", 'A="x\n'),
        (".env", "nothing\n"),
        ("a.toml", "a = '\0'\n"),
    ],
)
def test_an_input_that_is_not_understood_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str
) -> None:
    files(tmp_path, p__a_rego=DENY)
    (tmp_path / name).write_text(text, "utf-8")

    problem = refused(check(tmp_path, name))

    assert name == problem["path"]


def test_inputs_are_found_in_a_folder_hidden_ones_too(tmp_path: Path) -> None:
    files(tmp_path, p__a_rego=DENY, k__a_yaml=TEAM)
    for name, text in INPUTS.items():
        (tmp_path / "k" / name).write_text(text, "utf-8")

    said = {one["location"]["file"] for one in check(tmp_path, "k").json["violations"]}

    assert {f"k/{name}" for name in INPUTS} == said
