"""gate.yaml: every key of the contract is read, every other is refused with its place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from gate import settings
from gate.documents import yaml
from gate.errors import Problem, SettingsError
from gate.model import Action, Evidence, Point, Severity
from tests.data import REPOSITORY

SCHEMA_FILE = REPOSITORY / "gate" / "schemas" / "gate.v1.schema.json"
EXAMPLE = """\
version: 1
project: acme/web
environments:
  - {name: test,       branches: ["feature/*"]}
  - {name: staging,    aliases: [pre-release], branches: [latest],  evidence: {require: [sbom, image, code], max_age: 24h}}
  - {name: production, branches: [master],     evidence: {require: [sbom, image, code, secrets], max_age: 24h},
     requires: {environment: staging, soak: 1h}, approvals: {number: 1, groups: [release-admins]}}
inputs:
  - {path: reports/**/*.json}
  - {path: reports/zap.xml, as: zap}
  - {path: k8s/, as: kubernetes, kubernetes_version: "1.36"}
  - {run: [bandit, -q, -r, src, -f, json], as: bandit}
policies:
  use: [builtin:default, policies/]
  data: [settings.yaml]
  actions: {GATE-K8S-044: warn, GATE-PSS-*: {ci: deny, admission: audit}}
  python: false
engine: embedded
limits: {evaluation_timeout: 10s}
thresholds: {vulnerabilities: {critical: 0, high: 0, only: fixable, kev: 0}, code: {high: 0}, secrets: 0, licenses: {deny: [AGPL-3.0-only]}}
baseline: {mode: file, file: .gate/baseline.json}
waivers: {files: [.gate/waivers.yaml], max_days: {critical: 7}}
record: .gate/record.jsonl
outputs: [{format: sarif, path: gate.sarif}]
"""


def read(text: str) -> settings.Settings:
    return settings.settings(yaml.parsed(text.encode(), settings.FILE))


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        read(text if text.startswith("version") else f"version: 1\n{text}\n")
    assert 2 == caught.value.exit_code
    return caught.value.problems


def said(text: str) -> str:
    """The one problem of `text`, as a person reads it."""
    (only,) = problems(text)
    assert only.line is not None
    assert only.column is not None
    return str(only)


# ------------------------------------------------------------------------------------- the example


def test_the_example_reads_key_for_key() -> None:
    value = read(EXAMPLE)
    test, staging, production = value.environments

    assert "acme/web" == value.project
    assert ("feature/*",) == test.branches
    assert ("pre-release",) == staging.aliases
    assert (Evidence.SBOM, Evidence.IMAGE, Evidence.CODE) == staging.evidence.require
    assert 86_400.0 == staging.evidence.max_age_s
    assert settings.Requires(environment="staging", soak_s=settings.Duration(3600)) == production.requires
    assert settings.ApprovalSettings(number=1, groups=("release-admins",)) == production.approvals
    assert ("zap", "1.36", ("bandit", "-q", "-r", "src", "-f", "json")) == (
        value.inputs[1].as_,
        value.inputs[2].kubernetes_version,
        value.inputs[3].run,
    )
    assert ("builtin:default", "policies/") == value.policies.use
    assert ("settings.yaml",) == value.policies.data
    assert not value.policies.python
    assert "embedded" == value.engine
    assert 10.0 == value.limits.evaluation_timeout_s
    assert settings.Baseline(mode="file", file=".gate/baseline.json") == value.baseline
    assert (".gate/waivers.yaml",) == value.waivers.files
    assert 7 == value.waivers.longest_days(Severity.CRITICAL)
    assert ".gate/record.jsonl" == value.record
    assert (settings.Output(format="sarif", path="gate.sarif"),) == value.outputs


def test_the_example_fits_the_schema() -> None:
    jsonschema.validate(yaml.parsed(EXAMPLE.encode(), settings.FILE).value, settings.json_schema())


def test_the_example_of_the_contract_is_this_one() -> None:
    contracts = REPOSITORY.parent / "shared" / "design" / "CONTRACTS.md"
    if not contracts.exists():
        pytest.skip("the design texts are absent")
    text = contracts.read_text(encoding="utf-8")
    block = text[text.index("## gate.yaml") :].split("```yaml\n", 1)[1].split("```", 1)[0]

    assert yaml.parsed(EXAMPLE.encode(), "").value == yaml.parsed(block.encode(), "").value


def test_the_committed_schema_is_the_generated_one() -> None:
    made = json.dumps(settings.json_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE") == "1":
        SCHEMA_FILE.write_text(made, encoding="utf-8")

    assert made == SCHEMA_FILE.read_text(encoding="utf-8"), "run with UPDATE=1 to write it again"


def test_the_schema_is_a_valid_one_and_closed_everywhere() -> None:
    schema = settings.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    objects = [schema, *(part for part in schema["$defs"].values() if part.get("type") == "object")]

    assert [] == [part["title"] for part in objects if part["additionalProperties"] is not False]
    assert [] == [name for name, part in schema["properties"].items() if not part.get("description")]


# ---------------------------------------------------------------------------------- every misspelling


def paths_of_keys(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from paths_of_keys(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths_of_keys(item, (*path, index))


FULL: dict[str, Any] = yaml.parsed(EXAMPLE.encode(), settings.FILE).value | {
    "engine": {"opa": "http://127.0.0.1:8181"},
    "thresholds": {
        "vulnerabilities": {
            "critical": 0, "high": 1, "medium": 2, "low": None, "unknown": 0, "kev": 0, "epss": 0.5, "only": "all",
        },
        "malware": 0, "code": {"high": 0}, "secrets": 0, "dast": {"high": 0}, "misconfigurations": {"high": 0},
        "licenses": {"deny": ["X"], "allow": [], "exceptions": [], "unknown": "deny"},
    },
}  # fmt: skip
ACTION_NAMES = ("policies", "actions")
MISSPELLINGS = [path for path in paths_of_keys(FULL) if path[:2] != ACTION_NAMES or len(path) != 3]


@pytest.mark.parametrize("path", MISSPELLINGS, ids=lambda path: ".".join(map(str, path)))
def test_every_key_misspelt_is_refused_by_name(path: tuple[str | int, ...]) -> None:
    document: Any = json.loads(json.dumps(FULL))
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    wrong = f"{path[-1]}x"
    holder[wrong] = holder.pop(path[-1])
    text = json.dumps(document, indent=1)

    with pytest.raises(SettingsError) as caught:
        read(text)

    named = [one for one in caught.value.problems if f"unknown key '{wrong}'" in one.message]
    assert 2 == caught.value.exit_code
    assert [f"did you mean {path[-1]!r}?"] == [one.fix for one in named]
    line = text.splitlines()[(named[0].line or 0) - 1]
    assert f'"{wrong}"' == line[(named[0].column or 0) - 1 :][: len(wrong) + 2]


def test_the_full_example_itself_is_read() -> None:
    assert "http://127.0.0.1:8181" == msgspec.to_builtins(read(json.dumps(FULL)).engine)["opa"]


@pytest.mark.parametrize("path", MISSPELLINGS, ids=lambda path: ".".join(map(str, path)))
def test_null_never_stands_for_absent(path: tuple[str | int, ...]) -> None:
    """`branches: null` must not read as "any branch"; only a threshold means something by null."""
    document: Any = json.loads(json.dumps(FULL))
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = None
    limits = {"critical", "high", "medium", "low", "unknown", "kev", "epss", "malware", "secrets"}
    if path[0] == "thresholds" and path[-1] in limits and path[-2] != "licenses":
        read(json.dumps(document))
        return

    with pytest.raises(SettingsError):
        read(json.dumps(document))


# ------------------------------------------------------------------------------------- each refusal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 2\nfuture: 1\n", "gate.yaml:1:10: version does not fit, found 2 (a whole number), expected 1"),
        ("version: '1'\n", "gate.yaml:1:10: version does not fit, found '1' (text), expected 1"),
        ("version: true\n", "gate.yaml:1:10: version does not fit, found True (true or false), expected 1"),
        ("brances: []", "gate.yaml:2:1: unknown key 'brances', expected one of version, project, "),
        ("record: null", "gate.yaml:2:9: record does not fit, found null, expected text; give it a value"),
        ("record: ''", "gate.yaml:2:9: record does not fit, found '' (text), expected text"),
        ("project: [x]", "gate.yaml:2:10: project does not fit, found a list, expected a name such as acme/web"),
        ('project: "a\\n"', "gate.yaml:2:10: project does not fit, found 'a\\n' (text)"),
        ("policies: {python: yes}", "gate.yaml:2:20: policies.python does not fit, found 'yes' (text), expected true or false; write true or false"),
        ("policies: {use: []}", "gate.yaml:2:17: policies.use does not fit, found a list, expected at least one element"),
        ("policies: {use: builtin:default}", "gate.yaml:2:17: policies.use does not fit, found 'builtin:default' (text), expected a list"),
        ("policies: {use: ['oci://r/x:latest']}", "gate.yaml:2:18: a bundle that may change, found 'oci://r/x:latest', expected oci://NAME@sha256:"),
        ("policies: {actions: {GATE-X: dney}}", "gate.yaml:2:30: policies.actions.GATE-X does not fit, found 'dney' (text), expected one of audit, deny, off, warn; did you mean 'deny'?"),
        ("policies: {actions: {GATE-X: {ci: dney}}}", "gate.yaml:2:35: policies.actions.GATE-X.ci does not fit, found 'dney' (text)"),
        ("policies: {actions: {GATE-X: {cii: deny}}}", "gate.yaml:2:31: unknown key 'cii' in policies.actions.GATE-X, expected one of ci, admission, background; did you mean 'ci'?"),
        ("policies: {actions: {GATE-X: {}}}", "gate.yaml:2:30: no action, expected ci, admission or background"),
        ("policies: {actions: {'GATE X': deny}}", "gate.yaml:2:22: unknown key 'GATE X' in policies.actions, expected a rule id, or a pattern"),
        ("policies: {actions: {'GATE-[VX]': deny}}", "gate.yaml:2:22: unknown key 'GATE-[VX]'"),
        ("engine: opa", "gate.yaml:2:9: engine does not fit, found 'opa' (text), expected embedded"),
        ("engine: {opa: 'http://u:secret@h'}", "gate.yaml:2:15: engine.opa does not fit, found a value not shown (text), expected an http or https URL"),
        ("limits: {evaluation_timeout: 10}", "gate.yaml:2:30: limits.evaluation_timeout does not fit, found 10 (a whole number), expected a duration such as 10s, 90m, 24h or 7d; give it a unit: 10s"),
        ("limits: {evaluation_timeout: 0s}", "gate.yaml:2:30: a deadline out of bounds, expected more than 0s, at most 600s"),
        ("limits: {evaluation_timeout: 1d}", "gate.yaml:2:30: a deadline out of bounds"),
        ("limits: {evaluation_timeout: 10 s}", "gate.yaml:2:30: limits.evaluation_timeout does not fit, found '10 s' (text)"),
        ("thresholds: {secrets: -1}", "gate.yaml:2:23: thresholds.secrets does not fit, found -1 (a whole number), expected a whole number, 0 or more"),
        ("thresholds: {secrets: 0.5}", "gate.yaml:2:23: thresholds.secrets does not fit, found 0.5 (a number)"),
        ("thresholds: {secrets: true}", "gate.yaml:2:23: thresholds.secrets does not fit, found True (true or false)"),
        ("thresholds: {vulnerabilities: {info: 0}}", "gate.yaml:2:32: unknown key 'info' in thresholds.vulnerabilities"),
        ("thresholds: {vulnerabilities: {epss: 50}}", "gate.yaml:2:38: thresholds.vulnerabilities.epss does not fit, found 50 (a whole number), expected a number from 0 to 1"),
        ("thresholds: {vulnerabilities: {only: fixed}}", "gate.yaml:2:38: thresholds.vulnerabilities.only does not fit, found 'fixed' (text), expected one of all, fixable; did you mean 'fixable'?"),
        ("baseline: {file: x}", "gate.yaml:2:11: the key 'mode' is missing in baseline; add `mode:`"),
        ("baseline: {mode: none}", "gate.yaml:2:18: baseline.mode does not fit, found 'none' (text), expected one of file, merge-base, off"),
        ("waivers: {max_days: {critical: 15}}", "gate.yaml:2:32: longer than a waiver may live, found 15 days, expected at most 14"),
        ("waivers: {max_days: {critcal: 1}}", "gate.yaml:2:22: unknown key 'critcal' in waivers.max_days, expected one of critical, high, medium, low, info, unknown; did you mean 'critical'?"),
        ("outputs: [{path: x}]", "gate.yaml:2:11: the key 'format' is missing in outputs[0]"),
        ("outputs: [{format: a}, {format: b}]", "gate.yaml:2:24: two outputs in one place, found standard output"),
        ("outputs: [{format: a, path: x}, {format: b, path: x}]", "gate.yaml:2:33: two outputs in one place, found x"),
        ("inputs: [{path: a, run: [b]}]", "gate.yaml:2:10: an input that is not one thing, expected either path or run"),
        ("inputs: [{as: zap}]", "gate.yaml:2:10: an input that is not one thing"),
        ("inputs: [{run: bandit -q}]", "gate.yaml:2:16: inputs[0].run does not fit, found 'bandit -q' (text), expected a list"),
        ("inputs: [{path: a, kubernetes_version: 1.30}]", "gate.yaml:2:40: inputs[0].kubernetes_version does not fit, found 1.3 (a number), expected a version in quotes, \"1.36\"; put it in quotes"),
        ("inputs: [{path: a, as: zap, kubernetes_version: '1.36'}]", "gate.yaml:2:49: a version for zap"),
        ("environments: {name: test}", "gate.yaml:2:15: environments does not fit, found a mapping, expected a list"),
        ("environments: [{branches: [x]}]", "gate.yaml:2:16: the key 'name' is missing in environments[0]"),
        ("environments: [{name: Prod}]", "gate.yaml:2:23: environments[0].name does not fit, found 'Prod' (text)"),
        ("environments: [{name: a, branches: []}]", "gate.yaml:2:36: environments[0].branches does not fit, found a list, expected at least one element"),
        ("environments: [{name: a, branches: master}]", "gate.yaml:2:36: environments[0].branches does not fit, found 'master' (text), expected a list"),
        ("environments: [{name: a}, {name: a}]", "gate.yaml:2:34: the name 'a' stands twice"),
        ("environments: [{name: a}, {name: b, aliases: [a]}]", "gate.yaml:2:47: the name 'a' stands twice"),
        ("environments: [{name: a, aliases: [a]}]", "gate.yaml:2:36: the name 'a' stands twice"),
        ("environments: [{name: a, evidence: {require: [sbim]}}]", "gate.yaml:2:47: environments[0].evidence.require[0] does not fit, found 'sbim' (text), expected one of code, dependencies, image, manifests, sbom, secrets; did you mean 'sbom'?"),
        ("environments: [{name: a, evidence: {max_age: 0h}}]", "gate.yaml:2:46: no time at all, expected more than 0"),
        ("environments: [{name: a, requires: {environment: b}}, {name: b}]", "gate.yaml:2:50: no environment further up, found 'b'"),
        ("environments: [{name: a, requires: {environment: a}}]", "gate.yaml:2:50: no environment further up, found 'a'"),
        ("environments: [{name: a, aliases: [c]}, {name: b, requires: {environment: c}}]", "gate.yaml:2:75: no environment further up, found 'c', expected one of a; name an earlier environment by its name"),
        ("environments: [{name: a, approvals: {groups: [x]}}]", "gate.yaml:2:37: the key 'number' is missing in environments[0].approvals"),
        ("environments: [{name: a, approvals: {number: 0}}]", "gate.yaml:2:46: environments[0].approvals.number does not fit, found 0 (a whole number), expected a whole number from 1 to 20"),
        ("environments: [{name: a, approvals: {number: 1, groups: []}}]", "gate.yaml:2:57: environments[0].approvals.groups does not fit, found a list"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    assert expected == said(text)[: len(expected)]


def test_a_version_is_required() -> None:
    with pytest.raises(SettingsError, match=r"^gate.yaml:1:1: the key 'version' is missing; add `version:`$"):
        read("project: acme/web\n")


@pytest.mark.parametrize("text", ["- version: 1\n", "version 1\n", "1\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^gate.yaml:1:1: the file does not fit, .* expected a mapping"):
        read(text)


def test_all_problems_of_a_file_are_told_at_once_in_its_order() -> None:
    found = problems("version: 1\nprojct: x\nlimits: {evaluation_timeout: 1}\nrecord: 5\n")

    assert [(2, 1), (3, 30), (4, 9)] == [(one.line, one.column) for one in found]


def test_of_another_version_only_the_version_is_told() -> None:
    (only,) = problems("version: 2\nprojct: x\nrecord: 5\n")

    assert (1, 10) == (only.line, only.column)


# -------------------------------------------------------------------------------------- what it means


def test_without_a_file_the_default_policies_judge_and_nothing_is_required() -> None:
    value = settings.defaults()

    assert ("builtin:default",) == value.policies.use
    assert () == value.environments
    assert {"thresholds": {}} == settings.thresholds_overlay(value, None)
    assert value == read("version: 1\n")


@pytest.mark.parametrize("name", ["staging", "pre-release"])
def test_an_environment_is_found_by_name_and_alias(name: str) -> None:
    assert "staging" == settings.environment(read(EXAMPLE), name).name


def test_an_unknown_environment_is_refused_with_a_suggestion() -> None:
    with pytest.raises(SettingsError, match=r"no environment 'prodution', .*; did you mean 'production'\?"):
        settings.environment(read(EXAMPLE), "prodution")


def test_an_environment_without_any_in_the_file_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"expected environments in gate\.yaml"):
        settings.environment(settings.defaults(), "production")


def test_thresholds_and_evidence_go_on_top_of_the_policies_settings() -> None:
    value = read(EXAMPLE)

    assert {
        "thresholds": {
            "vulnerabilities": {"critical": 0, "high": 0, "only": "fixable", "kev": 0},
            "code": {"high": 0},
            "secrets": 0,
            "licenses": {"deny": ["AGPL-3.0-only"]},
        },
        "evidence": {"require": ["sbom", "image", "code"], "max_age_s": 86400.0},
    } == settings.thresholds_overlay(value, settings.environment(value, "staging"))


def test_a_threshold_of_null_lifts_the_limit_and_an_absent_one_keeps_it() -> None:
    value = read("version: 1\nthresholds: {code: {medium: null}}\n")
    below = {"thresholds": {"code": {"high": 0, "medium": 3}}}

    over = settings.thresholds_overlay(value, None)
    assert {"thresholds": {"code": {"high": 0, "medium": None}}} == settings.merged(below, over)


def test_an_environment_may_say_that_it_requires_nothing() -> None:
    value = read("version: 1\nenvironments: [{name: a, evidence: {require: []}}, {name: b}]\n")
    bundle = {"evidence": {"require": ["sbom"]}}

    overlays = [settings.thresholds_overlay(value, one) for one in value.environments]
    assert [[], ["sbom"]] == [settings.merged(bundle, over)["evidence"]["require"] for over in overlays]


def test_merging_changes_neither_side() -> None:
    base, over = {"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}, "d": {"e": 1}}

    assert {"a": {"b": 1, "c": [3]}, "d": {"e": 1}} == settings.merged(base, over)
    assert ({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}, "d": {"e": 1}}) == (base, over)


def test_the_thresholds_of_the_shipped_policies_are_those_gate_yaml_knows() -> None:
    """One that no rule reads would be ignored; one that gate.yaml lacks could not be set."""
    shipped = REPOSITORY / "policies" / "settings.yaml"
    thresholds = yaml.parsed(shipped.read_bytes(), "settings.yaml").value["thresholds"]
    read(json.dumps({"version": 1, "thresholds": thresholds}))

    def keys(type_: type[msgspec.Struct]) -> dict[str, Any]:
        hints = {field.name: field.type for field in msgspec.structs.fields(type_)}
        inner = {
            n: next((t for t in getattr(h, "__args__", ()) if hasattr(t, "__struct_fields__")), None)
            for n, h in hints.items()
        }
        return {name: keys(struct) if struct else None for name, struct in inner.items()}

    assert keys(settings.Thresholds) == {
        name: dict.fromkeys(part) if isinstance(part, dict) else None for name, part in thresholds.items()
    }


@pytest.mark.parametrize(
    ("severity", "days"), [(Severity.HIGH, 30), (Severity.INFO, 365), (Severity.UNKNOWN, 14)]
)
def test_a_waiver_may_live_as_long_as_the_contract_says(severity: Severity, days: int) -> None:
    assert days == read(EXAMPLE).waivers.longest_days(severity)


# -------------------------------------------------------------------------------------------- actions


def action(rule: str, point: Point = Point.CI, **_: Any) -> Action:
    actions: settings.Actions = {
        "GATE-*": Action.OFF,
        "GATE-K8S-*": Action.WARN,
        "GATE-K8S-044": settings.ActionsByPoint(ci=Action.AUDIT),
        "GATE-PSS-*": settings.ActionsByPoint(ci=Action.DENY, admission=Action.AUDIT),
        "GATE-PSS-00?": Action.WARN,
        "A-?B": Action.OFF,
        "A-B?": Action.AUDIT,
        "A-*B": Action.WARN,
    }
    return settings.action_for(actions, rule, point, Action.DENY)


def test_the_exact_id_comes_before_any_pattern() -> None:
    assert Action.AUDIT == action("GATE-K8S-044")


def test_the_longest_pattern_comes_first() -> None:
    assert [Action.WARN, Action.OFF] == [action("GATE-K8S-001"), action("GATE-VULN-001")]
    assert [Action.WARN, Action.DENY] == [action("GATE-PSS-001"), action("GATE-PSS-1")]


def test_one_that_does_not_speak_of_the_point_leaves_it_to_the_next() -> None:
    assert Action.WARN == action("GATE-K8S-044", Point.ADMISSION)
    assert Action.OFF == action("GATE-PSS-1", Point.BACKGROUND)


def test_of_equally_long_patterns_the_strictest_counts() -> None:
    assert Action.WARN == action("A-BB")


def test_where_no_pattern_matches_the_rules_own_set_counts() -> None:
    assert Action.DENY == action("TEAM-001")
    assert Action.DENY == action("gate-k8s-001")


@pytest.mark.parametrize("rule", ["GATE-EVID-001", "GATE-ENV-003"])
@pytest.mark.parametrize("pattern", ["*", "GATE-*", "GATE-E*", "*-001", "*-003", "GATE-E????001", "?ATE-EN*"])
@pytest.mark.parametrize("said", [Action.OFF, Action.AUDIT, Action.WARN])
def test_a_rule_of_the_floor_is_weakened_by_its_name_only(rule: str, pattern: str, said: Action) -> None:
    assert Action.DENY == settings.action_for({pattern: said}, rule, Point.CI, Action.DENY)


def test_a_wider_pattern_may_make_a_rule_of_the_floor_stricter() -> None:
    assert Action.DENY == settings.action_for({"*": Action.DENY}, "GATE-ENV-002", Point.CI, Action.WARN)


@pytest.mark.parametrize("said", list(Action))
def test_by_its_name_a_rule_of_the_floor_warns_at_least(said: Action) -> None:
    actions: settings.Actions = {"GATE-EVID-001": said}
    expected = Action.WARN if said is Action.WARN else Action.DENY

    assert expected == settings.action_for(actions, "GATE-EVID-001", Point.CI, Action.DENY)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("policies: {actions: {GATE-EVID-001: off}}", "gate.yaml:2:37"),
        ("policies: {actions: {GATE-ENV-*: audit}}", "gate.yaml:2:34"),
        ("policies: {actions: {GATE-EVID-*: {ci: deny, admission: off}}}", "gate.yaml:2:57"),
    ],
)
def test_a_rule_of_the_floor_is_not_switched_off(text: str, place: str) -> None:
    [problem] = problems(text)

    assert (place, "deny or warn") == (problem.place(), problem.expected)


# ---------------------------------------------------------------------------------- more evidence


@pytest.mark.parametrize(
    ("evidence", "require", "max_age_s", "expected"),
    [
        ({"require": [], "max_age_s": None}, (), None, {"require": [], "max_age_s": None}),
        ({"require": ["code"], "max_age_s": None}, ("sbom", "code"), 60.0, {"require": ["code", "sbom"], "max_age_s": 60.0}),
        ({"require": ["code"], "max_age_s": 5}, ("code",), 60.0, {"require": ["code"], "max_age_s": 5}),
        ({"require": ["code"], "max_age_s": 60.0}, (), 5.0, {"require": ["code"], "max_age_s": 5.0}),
        ({"require": ["code"], "max_age_s": 0}, (), 5.0, {"require": ["code"], "max_age_s": 0}),
        ({}, ("sbom",), 60.0, {}),
    ],
)  # fmt: skip
def test_a_flag_only_adds_to_the_evidence_that_is_wanted(
    evidence: dict[str, Any], require: tuple[str, ...], max_age_s: float | None, expected: dict[str, Any]
) -> None:
    assert {"evidence": expected} == settings.stricter_evidence({"evidence": evidence}, require, max_age_s)


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        [],
        "all",
        {"require": None},
        {"require": 5},
        {"require": "abc"},
        {"require": [5]},
        {"require": {"sbom": True}},
        {"max_age_s": "24h"},
        {"max_age_s": True},
        {"max_age_s": []},
    ],
    ids=repr,
)
def test_evidence_that_no_rule_could_read_is_refused(evidence: Any) -> None:
    with pytest.raises(SettingsError, match=r"^settings\.yaml of the policies: evidence"):
        settings.stricter_evidence({"evidence": evidence}, (), None)


def test_the_shipped_settings_are_a_data_file_without_problems() -> None:
    path = REPOSITORY / "policies" / "settings.yaml"

    assert () == settings.data_problems(yaml.parsed(path.read_bytes(), path.name))


# ------------------------------------------------------------------------------------------ the file


def test_the_file_is_found_upwards_to_the_root_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / settings.FILE).touch()
    top = tmp_path / "clone"
    inner = top / "a" / "b"
    inner.mkdir(parents=True)
    (top / ".git").mkdir()
    assert settings.found_from(inner) is None

    (top / settings.FILE).touch()
    assert top / settings.FILE == settings.found_from(inner)

    (inner / settings.FILE).touch()
    assert inner / settings.FILE == settings.found_from(inner)


def test_outside_of_a_repository_only_the_folder_itself_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / settings.FILE).touch()
    (tmp_path / "a").mkdir()

    assert tmp_path / settings.FILE == settings.found_from(tmp_path)
    assert settings.found_from(tmp_path / "a") is None


def test_a_dangling_link_is_found_so_that_reading_it_fails(tmp_path: Path) -> None:
    (tmp_path / settings.FILE).symlink_to(tmp_path / "absent")

    assert tmp_path / settings.FILE == settings.found_from(tmp_path)


def test_a_gate_yml_is_refused_rather_than_ignored(tmp_path: Path) -> None:
    (tmp_path / "gate.yml").touch()

    with pytest.raises(SettingsError, match=r"gate\.yml: a name that is not read, expected gate\.yaml"):
        settings.found_from(tmp_path)
