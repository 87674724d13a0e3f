"""Whose configuration judges a change: never the change's own (CONTRACTS.md)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, RULE, Result, files, gate

STRICT = "version: 1\nproject: acme/web\nthresholds: {code: {high: 0}}\n"
LAX = "version: 1\nproject: acme/web\nthresholds: {code: {high: 99}}\n"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=wei", "-c", "user.email=wei@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str = "change", **contents: object) -> str:
    files(folder, **contents)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    return tmp_path


def merge_request(clone: Path, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """`gate check r.json` as in a merge request of a branch to main."""
    monkeypatch.setenv("GITLAB_CI", "true")
    for name, value in {
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature",
        "CI_PROJECT_PATH": "acme/web",
        "CI_COMMIT_SHA": git(clone, "rev-parse", "HEAD"),
    }.items():
        monkeypatch.setenv(name, value)
    return gate(clone, "check", "r.json", *arguments, "-o", "json", in_ci=True)


def rules(result: Result) -> list[str]:
    return sorted({violation["rule"] for violation in result.json["violations"]})


def test_a_change_cannot_pass_by_editing_its_own_thresholds(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, gate_yaml=STRICT)
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, gate_yaml=LAX, r_json=BANDIT_EVAL)

    result = merge_request(clone, monkeypatch=monkeypatch)

    assert 1 == result.code
    assert ["GATE-CODE-002", "GATE-ENV-002"] == rules(result)


def test_a_change_cannot_pass_by_editing_its_own_policies(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = "version: 1\nproject: acme/web\npolicies: {use: [rules/]}\n"
    commit(clone, gate_yaml=use, rules__team_rego=RULE)
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, rules__team_rego=RULE.replace("f.waived == null", "false"), r_json=BANDIT_EVAL)

    result = merge_request(clone, monkeypatch=monkeypatch)

    assert (1, ["GATE-ENV-002", "TEAM-1"]) == (result.code, rules(result))


def test_a_change_cannot_pass_by_bringing_its_own_waiver(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, gate_yaml=STRICT)
    git(clone, "switch", "--quiet", "--create", "feature")
    waiver = (
        "version: 1\nwaivers:\n  - {id: w-1, match: {rule: GATE-CODE-002}, reason: accepted_risk, note: n,"
        " requested_by: a@example.com, approved_by: b@example.com, created: 2026-11-21, expires: 2026-12-01}\n"
    )
    commit(clone, r_json=BANDIT_EVAL)
    (clone / ".gate").mkdir()
    (clone / ".gate" / "waivers.yaml").write_text(waiver)

    result = merge_request(clone, monkeypatch=monkeypatch)

    assert (1, []) == (result.code, result.json["waived"])


def test_a_change_cannot_pass_by_bringing_its_own_baseline(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = STRICT + "baseline: {mode: file, file: known.json}\n"
    files(clone, r_json=CLEAN_BANDIT, gate_yaml=STRICT)
    gate(clone, "baseline", "write", "r.json", "--file", "known.json")
    commit(clone, gate_yaml=known)
    git(clone, "switch", "--quiet", "--create", "feature")
    files(clone, r_json=BANDIT_EVAL)
    gate(clone, "baseline", "write", "r.json", "--file", "known.json")
    commit(clone)

    result = merge_request(clone, monkeypatch=monkeypatch)

    assert (1, ["GATE-CODE-002", "GATE-ENV-002"]) == (result.code, rules(result))


def test_a_change_that_leaves_the_configuration_alone_is_not_told_of_it(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, gate_yaml=STRICT)
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, r_json=CLEAN_BANDIT)

    assert 0 == merge_request(clone, monkeypatch=monkeypatch).code


def test_a_base_without_gate_yaml_is_judged_by_the_default_and_says_so(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, readme_md="hello")
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, gate_yaml=LAX, r_json=BANDIT_EVAL)

    result = merge_request(clone, monkeypatch=monkeypatch)

    assert (1, ["GATE-CODE-002", "GATE-ENV-002"]) == (result.code, rules(result))


def test_a_base_that_is_not_in_the_clone_is_no_decision_and_names_the_command(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, gate_yaml=STRICT, r_json=CLEAN_BANDIT)
    git(clone, "branch", "--move", "feature")

    result = merge_request(clone, monkeypatch=monkeypatch)

    assert (3, "base_missing") == (result.code, result.json["problems"][0]["code"])
    assert "git fetch" in result.json["problems"][0]["fix"]


def test_a_link_among_the_policies_of_the_base_is_no_decision(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = "version: 1\nproject: acme/web\npolicies: {use: [rules/]}\n"
    files(clone, gate_yaml=use, rules__team_rego=RULE, common__more_rego=RULE.replace("team", "more"))
    (clone / "rules" / "more.rego").symlink_to("../common/more.rego")
    commit(clone)
    git(clone, "switch", "--quiet", "--create", "feature")
    commit(clone, r_json=CLEAN_BANDIT)

    assert 3 == merge_request(clone, monkeypatch=monkeypatch).code


def test_config_from_reads_the_commit_it_names(clone: Path) -> None:
    base = commit(clone, gate_yaml=STRICT)
    commit(clone, gate_yaml=LAX, r_json=BANDIT_EVAL)

    assert 1 == gate(clone, "check", "r.json", "--config-from", base).code
    assert 0 == gate(clone, "check", "r.json").code


def test_config_from_outside_of_a_repository_is_refused(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    assert gate(tmp_path, "check", "r.json", "--config-from", "main").code in (2, 3)


def test_outside_of_ci_the_working_tree_judges(clone: Path) -> None:
    commit(clone, gate_yaml=STRICT, r_json=BANDIT_EVAL)
    files(clone, gate_yaml=LAX)

    assert 0 == gate(clone, "check", "r.json").code


def test_gate_yaml_is_found_upwards_and_its_paths_start_at_its_folder(clone: Path) -> None:
    use = "version: 1\npolicies: {use: [rules/]}\n"
    commit(clone, gate_yaml=use, rules__team_rego=RULE, deep__er__r_json=BANDIT_EVAL)

    result = gate(clone / "deep" / "er", "check", "r.json", "-o", "json")

    assert (1, ["TEAM-1"]) == (result.code, rules(result))
