"""Ways around the judge that a command line, a variable or a committed file could open: none passes.

What a report or a policy could do is in test_fails_closed.py.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, RULE, Result, files, gate
from tests.test_configuration import LAX, STRICT, commit, git, hide_ci

DIGEST = "sha256:" + "a" * 64
SUBJECT = ("--subject", f"acme/web@{DIGEST}", "--branch", "main", "-o", "json")
PROMOTED = """version: 1
project: acme/web
environments:
  - {name: staging}
  - {name: production, requires: {environment: staging}}
record: .gate/record.jsonl
"""
WEAK = RULE.replace('f.state == "new"', "false")
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "acme/web",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
}


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_ci(monkeypatch)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    return tmp_path


def codes(result: Result) -> list[str]:
    return [problem["code"] for problem in result.json["problems"]]


def rules(result: Result) -> list[str]:
    return sorted({violation["rule"] for violation in result.json["violations"]})


def asked(folder: Path, environment: str, *arguments: str) -> Result:
    """`gate check r.json` about the digest, for an environment."""
    return gate(folder, "check", "r.json", *SUBJECT, "--environment", environment, *arguments)


# ----------------------------------------------------------------------------- variables choose the judge


@pytest.mark.parametrize(
    "more",
    [
        {"GITHUB_ACTIONS": "true"},
        {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/main"},
        {"FORGEJO_ACTIONS": "true"},
        {"GITEA_ACTIONS": "TRUE"},
        {"GATE_CI": "tekton"},
        {"GATE_CI": "tekton", "GATE_CI_TARGET_BRANCH": "feature"},
        {"TF_BUILD": "True"},
        {"BITBUCKET_BUILD_NUMBER": "1"},
        {"GITEE_PIPELINE_BUILD_NUMBER": "1"},
        {"JENKINS_URL": "x", "BUILD_TAG": "jenkins-web-1"},
        {"GITLAB_CI": "", "GITHUB_ACTIONS": "true"},
    ],
    ids="+".join,
)
def test_a_variable_more_cannot_choose_another_judge(
    clone: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    commit(clone, gate_yaml=STRICT)
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, gate_yaml=LAX, r_json=BANDIT_EVAL)
    for name, value in (GITLAB | more).items():
        monkeypatch.setenv(name, value)

    result = gate(clone, "check", "r.json", "-o", "json", in_ci=True)

    assert (3, ["ci_contradicting"]) == (result.code, codes(result))


def test_the_way_out_of_contradicting_variables_still_names_the_judge(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, gate_yaml=STRICT)
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, gate_yaml=LAX, r_json=BANDIT_EVAL)
    for name, value in (GITLAB | {"GITHUB_ACTIONS": "true"}).items():
        monkeypatch.setenv(name, value)

    assert 1 == gate(clone, "check", "r.json", "--ci", "none", "--config-from", "main", in_ci=True).code


# --------------------------------------------------------------------------- a record that the change brings


def a_pass_in_staging(folder: Path) -> None:
    files(folder, gate_yaml=PROMOTED, r_json=CLEAN_BANDIT)
    assert 0 == asked(folder, "staging").code


def test_a_record_that_git_does_not_have_is_believed(clone: Path) -> None:
    a_pass_in_staging(clone)
    (clone / ".gitignore").write_text(".gate/\n")
    commit(clone)

    assert 0 == asked(clone, "production").code


def test_a_record_that_is_committed_opens_nothing(clone: Path) -> None:
    a_pass_in_staging(clone)
    commit(clone)

    result = asked(clone, "production")

    assert (3, ["record_from_change"]) == (result.code, codes(result))


def test_a_record_that_is_only_in_the_index_opens_nothing(clone: Path) -> None:
    commit(clone, readme_md="hello")
    a_pass_in_staging(clone)
    git(clone, "add", "--all")

    assert ["record_from_change"] == codes(asked(clone, "production"))


def test_a_committed_record_taken_out_of_the_index_opens_nothing(clone: Path) -> None:
    a_pass_in_staging(clone)
    commit(clone)
    git(clone, "rm", "--quiet", "--cached", ".gate/record.jsonl")

    assert ["record_from_change"] == codes(asked(clone, "production"))


def test_a_committed_record_opens_nothing_where_the_base_judges(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, gate_yaml=PROMOTED)
    git(clone, "switch", "--quiet", "--create", "feature")
    a_pass_in_staging(clone)
    commit(clone)
    for name, value in GITLAB.items():
        monkeypatch.setenv(name, value)

    result = gate(clone, "check", "r.json", *SUBJECT, "--environment", "production", in_ci=True)

    assert (3, ["record_from_change"]) == (result.code, codes(result))


def test_a_committed_record_named_in_other_letters_opens_nothing(clone: Path) -> None:
    a_pass_in_staging(clone)
    (clone / ".gate").rename(clone / ".Gate")
    commit(clone, gate_yaml=PROMOTED)
    (clone / ".Gate").rename(clone / ".gate")

    assert ["record_from_change"] == codes(asked(clone, "production"))


def test_a_link_inside_of_the_work_tree_leads_to_no_committed_record(clone: Path) -> None:
    a_pass_in_staging(clone)
    (clone / ".gate").rename(clone / "vendor")
    (clone / ".gate").symlink_to("vendor")
    commit(clone)

    assert ["record_from_change"] == codes(asked(clone, "production"))


def test_a_link_out_of_the_work_tree_leads_to_no_record(clone: Path) -> None:
    work, outside = clone / "work", clone / "outside"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch", "main")
    a_pass_in_staging(work)
    (work / ".gate").rename(outside)
    (work / ".gate").symlink_to("../outside")

    assert ["record_from_change"] == codes(asked(work, "production"))


def test_a_record_in_a_submodule_opens_nothing(clone: Path) -> None:
    a_pass_in_staging(clone)
    git(clone / ".gate", "init", "--quiet")
    commit(clone / ".gate")

    assert ["record_from_change"] == codes(asked(clone, "production"))


def test_a_record_at_an_absolute_place_outside_is_believed(clone: Path) -> None:
    work = clone / "work"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch", "main")
    files(work, r_json=CLEAN_BANDIT)
    (work / "gate.yaml").write_text(PROMOTED.replace(".gate/", f"{clone}/volume/"))

    assert [0, 0] == [asked(work, "staging").code, asked(work, "production").code]


def test_audit_verify_reads_a_committed_record(clone: Path) -> None:
    a_pass_in_staging(clone)
    commit(clone)

    assert 0 == gate(clone, "audit", "verify").code


# ------------------------------------------------------------------------ holes in the settings of evidence


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("evidence: null\n", "x.yaml:1:11"),
        ("evidence: []\n", "x.yaml:1:11"),
        ("evidence: {require: null}\n", "x.yaml:1:21"),
        ("evidence: {require: 5}\n", "x.yaml:1:21"),
        ("evidence: {require: abc}\n", "x.yaml:1:21"),
        ("evidence: {require: {sbom: true}}\n", "x.yaml:1:21"),
        ("evidence: {require: [5]}\n", "x.yaml:1:22"),
        ("evidence: {require: [sboms]}\n", "x.yaml:1:22"),
        ("evidence: {max_age_s: 24h}\n", "x.yaml:1:23"),
        ("evidence: {max_age_s: true}\n", "x.yaml:1:23"),
        ("evidence: {max_age_s: -1}\n", "x.yaml:1:23"),
        ("evidence: {max_age_s: [1]}\n", "x.yaml:1:23"),
        ("thresholds: null\n", "x.yaml:1:13"),
        ("thresholds: {secrets: many}\n", "x.yaml:1:23"),
        ("thresholds: {code: null}\n", "x.yaml:1:20"),
        ("thresholds: {code: {high: '9'}}\n", "x.yaml:1:27"),
        ("thresholds: {vulnerabilities: {only: none}}\n", "x.yaml:1:38"),
        ("thresholds: {licenses: {deny: AGPL-3.0-only}}\n", "x.yaml:1:31"),
    ],
)
@pytest.mark.parametrize("flags", [(), ("--max-age", "24h"), ("--require", "code")], ids=" ".join)
def test_settings_that_no_rule_could_read_are_refused_with_their_place(
    tmp_path: Path, text: str, place: str, flags: tuple[str, ...]
) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, x_yaml=text)

    result = gate(tmp_path, "check", "r.json", "--data", "x.yaml", "-o", "json", *flags)

    found = [f"{one['path']}:{one['line']}:{one['column']}" for one in result.json["problems"]]
    assert (2, [place]) == (result.code, found)


def test_data_files_that_gate_yaml_names_are_looked_at_too(tmp_path: Path) -> None:
    lax = "version: 1\npolicies: {data: [x.yaml]}\n"
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=lax, x_yaml="evidence: {require: null}\n")

    assert [2, 2] == [gate(tmp_path, *words).code for words in (("check", "r.json"), ("config", "validate"))]


def test_keys_of_ones_own_are_nobodys_but_their_owners(tmp_path: Path) -> None:
    own = "team: {names: [a]}\nthresholds: {code: {high: 9}, spelling: x}\nevidence: {require: [code], max_age_s: null, by: me}\n"
    files(tmp_path, r_json=BANDIT_EVAL, x_yaml=own)

    assert 0 == gate(tmp_path, "check", "r.json", "--data", "x.yaml").code


@pytest.mark.parametrize(
    "hole", ["null", "[]", "{require: null}", "{require: 5}", "{require: abc}", "{max_age_s: 24h}"]
)
def test_a_hole_in_the_settings_of_a_policy_folder_requires_no_less(tmp_path: Path, hole: str) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, p__a_rego=RULE, p__settings_yaml=f"evidence: {hole}\n")

    for flags in ((), ("--max-age", "24h"), ("--require", "secrets")):
        assert gate(tmp_path, "check", "r.json", "--policy", "p", *flags).code in (1, 2, 3)


# ----------------------------------------------------------------------------------- promotions


@pytest.mark.parametrize(
    "flags",
    [
        ("--policy", "weak.rego"),
        ("--data", "lax.yaml"),
        ("--waivers", "none.yaml"),
        ("--baseline", "known.json"),
        ("--baseline", "auto"),
    ],
    ids=" ".join,
)
def test_a_pass_by_other_rules_than_gate_yamls_opens_no_environment(
    tmp_path: Path, flags: tuple[str, str]
) -> None:
    files(tmp_path, gate_yaml=PROMOTED, r_json=BANDIT_EVAL, weak_rego=WEAK)
    files(tmp_path, lax_yaml="thresholds: {code: {high: 9}}\n", none_yaml="version: 1\nwaivers: []\n")
    gate(tmp_path, "baseline", "write", "r.json", "--file", "known.json")
    gate(tmp_path, "baseline", "write", "r.json")
    staging = asked(tmp_path, "staging", *flags)
    files(tmp_path, r_json=CLEAN_BANDIT)

    production = asked(tmp_path, "production")

    assert any(f"counts for no promotion: {flags[0]} {flags[1]!r}" in one for one in staging.json["notices"])
    assert (1, ["GATE-ENV-003"]) == (production.code, rules(production))
    assert flags[0] in production.json["violations"][0]["message"]


def test_a_later_pass_by_the_configured_rules_does(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml=PROMOTED, r_json=CLEAN_BANDIT, weak_rego=WEAK)

    codes_ = [
        asked(tmp_path, environment, *flags).code
        for environment, flags in [
            ("staging", ("--policy", "weak.rego")),
            ("production", ()),
            ("staging", ()),
            ("production", ()),
        ]
    ]

    assert [0, 1, 0, 0] == codes_


def test_flags_that_only_want_more_leave_a_pass_as_good_as_it_is(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml=PROMOTED, r_json=CLEAN_BANDIT)

    staging = asked(tmp_path, "staging", "--require", "code", "--timeout", "9s")

    assert (0, []) == (staging.code, staging.json["notices"])
    assert 0 == asked(tmp_path, "production").code


def test_a_pass_by_the_working_tree_in_ci_opens_no_environment(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clone / ".gitignore").write_text(".gate/\n")
    commit(clone, gate_yaml=PROMOTED, r_json=CLEAN_BANDIT)
    monkeypatch.setenv("GITLAB_CI", "true")

    def code(environment: str, *flags: str) -> int:
        words = ("check", "r.json", *SUBJECT, "--environment", environment, *flags)
        return gate(clone, *words, in_ci=True).code

    assert [0, 1] == [code("staging", "--ci", "none"), code("production")]
    assert [0, 0] == [code("staging", "--ci", "none", "--config-from", "main"), code("production")]


def test_a_failure_cannot_be_kept_out_of_the_record_of_an_environment(tmp_path: Path) -> None:
    a_pass_in_staging(tmp_path)
    files(tmp_path, r_json=BANDIT_EVAL)

    hidden = asked(tmp_path, "staging", "--no-record")

    assert (2, ["usage"]) == (hidden.code, codes(hidden))
    assert 1 == len((tmp_path / ".gate" / "record.jsonl").read_bytes().splitlines())


def test_without_a_record_there_is_nothing_to_keep_out_of_it(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\nenvironments: [{name: staging}]\n", r_json=CLEAN_BANDIT)

    assert 0 == asked(tmp_path, "staging", "--no-record").code


def test_the_mark_is_in_the_record(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml=PROMOTED, r_json=CLEAN_BANDIT, weak_rego=WEAK)
    asked(tmp_path, "staging", "--policy", "weak.rego")

    [line] = (tmp_path / ".gate" / "record.jsonl").read_bytes().splitlines()

    assert msgspec.json.decode(line)["decision"]["notices"][0].startswith("counts for no promotion: ")


# --------------------------------------------------------------------------------------- actions


@pytest.mark.parametrize(
    ("pattern", "action"),
    [
        ("GATE-EVID-*", "off"),
        ("GATE-EVID-001", "off"),
        ("GATE-EVID-00?", "audit"),
        ("GATE-ENV-003", "off"),
        ("GATE-ENV-*", "{ci: audit}"),
        ("GATE-EVID-*", "{admission: warn, ci: off}"),
    ],
)
def test_a_rule_of_the_floor_cannot_be_switched_off(tmp_path: Path, pattern: str, action: str) -> None:
    files(
        tmp_path,
        r_json=CLEAN_BANDIT,
        gate_yaml=f"version: 1\npolicies: {{actions: {{{pattern}: {action}}}}}\n",
    )

    assert 2 == gate(tmp_path, "check", "r.json", "--require", "secrets").code


@pytest.mark.parametrize("pattern", ["*", "GATE-*", "GATE-E*", "?ATE-EVID-001", "*-EVID-*", "GATE-EVI?-001"])
@pytest.mark.parametrize("action", ["off", "audit", "warn", "{ci: off}"])
def test_a_wider_pattern_takes_no_requirement_away(tmp_path: Path, pattern: str, action: str) -> None:
    gate_yaml = f"version: 1\npolicies: {{actions: {{'{pattern}': {action}}}}}\n"
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=gate_yaml)

    result = gate(tmp_path, "check", "r.json", "--require", "secrets", "-o", "json")

    # With everything else off nothing is judged at all, which is no decision.
    expected = (3, "no_policies") if "off" in action and pattern in ("*", "GATE-*") else (1, "GATE-EVID-001")
    said = result.json["problems"][0]["code"] if result.code == 3 else rules(result)[0]
    assert expected == (result.code, said)


def test_a_rule_of_the_floor_may_be_a_warning_by_name_and_stays_in_sight(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\npolicies: {actions: {GATE-EVID-*: warn}}\n")

    result = gate(tmp_path, "check", "r.json", "--require", "secrets", "-o", "json")

    assert (0, "warn", ["GATE-EVID-001"]) == (result.code, result.json["outcome"], rules(result))
