"""Every way to fail open that anyone thought of: none of them passes.

The first part has a test for each line of the table "ways a gate fails open" that the design collected
from other tools; the rest is what else can go wrong between a report and an exit code.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from gate import policy_files
from gate.bootstrap import INPUT_SCHEMA
from gate.cli.check import EXIT_CODES
from gate.model import Outcome
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, EVAL, POD, RULE, files, gate

# ------------------------------------------------------------------ six ways seen in other tools


def test_no_policies_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, empty__notes_txt="nothing here")

    result = gate(tmp_path, "check", "r.json", "--policy", "empty", "-o", "json")

    assert (3, "no_policies") == (result.code, result.json["problems"][0]["code"])


def test_a_policy_without_a_rule_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, p_rego="package policy.team\n\nhelper := 1\n")

    assert 3 == gate(tmp_path, "check", "r.json", "--policy", "p.rego").code


def test_a_package_under_another_name_is_refused_not_ignored(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, p__a_rego=RULE, p__b_rego=RULE.replace("policy.team", "polcy.other"))

    result = gate(tmp_path, "check", "r.json", "--policy", "p", "-o", "json")

    assert 3 == result.code
    assert "polcy.other" in result.out


def test_every_package_that_could_speak_is_asked(tmp_path: Path) -> None:
    files(
        tmp_path,
        r_json=CLEAN_BANDIT,
        p__a_rego=RULE,
        p__b_rego=RULE.replace("team", "two").replace("TEAM-1", "T-2"),
    )

    packages = gate(tmp_path, "check", "r.json", "--policy", "p", "-o", "json").json["policy"]["packages"]

    assert {"policy.team", "policy.two"} <= set(packages)


def test_undefined_is_an_error_not_a_no(tmp_path: Path) -> None:
    policy = (
        RULE
        + '\n# METADATA\n# title: t\n# custom: {id: TEAM-2}\nwarn := "x" if input.findings[0].rule == "nothing"\n'
    )
    files(tmp_path, r_json=CLEAN_BANDIT, p_rego=policy)

    assert 3 == gate(tmp_path, "check", "r.json", "--policy", "p.rego").code


def test_a_misspelt_input_field_is_refused_when_the_policy_is_loaded(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, p_rego=RULE.replace("input.findings", "input.findngs"))

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "-o", "json")

    assert (3, "p.rego", 12) == (
        result.code,
        result.json["problems"][0]["path"],
        result.json["problems"][0]["line"],
    )


def test_every_input_path_of_the_shipped_policies_exists_in_the_schema() -> None:
    known = set(json.loads(INPUT_SCHEMA.read_text())["properties"])
    used = {
        name
        for file in policy_files.shipped().rglob("*.rego")
        for name in re.findall(r"\binput\.([a-z_]+)", file.read_text())
    }

    assert set() == used - known


def test_a_report_that_is_understood_in_part_is_refused_whole(tmp_path: Path) -> None:
    files(tmp_path, r_json={**CLEAN_BANDIT, "results": [EVAL, {**EVAL, "line_number": "two"}]})

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert (3, "r.json") == (result.code, result.json["problems"][0]["path"])


def test_an_absent_scan_fails_where_it_is_required(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    result = gate(tmp_path, "check", "r.json", "--require", "secrets", "-o", "json")

    assert 1 == result.code
    assert ["GATE-EVID-001"] == [violation["rule"] for violation in result.json["violations"]]


# ------------------------------------------------------------------------------------ the inputs


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    assert 3 == gate(tmp_path, "check").code


def test_a_folder_without_anything_readable_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, reports__readme_txt="later")

    assert 3 == gate(tmp_path, "check", "reports").code


def test_one_absent_path_among_good_ones_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    assert 3 == gate(tmp_path, "check", "r.json", "secrets.json").code


def test_a_glob_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\ninputs: [{path: 'reports/*.json'}]\n")

    assert 3 == gate(tmp_path, "check").code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "report_empty"),
        (b"   \n", "report_empty"),
        (b'{"results": [', "report_truncated"),
        (b'{"a": 1}', "format_unknown"),
        (b"[]", "format_unknown"),
        (b"null", "format_unknown"),
        (b"<html><body>503</body></html>", "report_web_page"),
        (b"Error: connection refused", "format_unknown"),
        (b'{"a": NaN}', "report_not_json"),
        (b'{"a": 1e400}', "report_not_json"),
        (b'{"a": 1, "a": 2}', "report_not_json"),
        (b'{"a": "\\ud800"}', "report_not_json"),
        (b'{"a": 1} {"b": 2}', "format_unknown"),
        (b"[" * 50_000 + b"]" * 50_000, "report_not_json"),
        (b"[" * 150 + b"]" * 150, "report_too_deep"),
        (b'{"a": "\xff"}', "report_encoding"),
        ("﻿﻿{}".encode("utf-32"), "report_encoding"),
        (b"\x1f\x8b\x08\x00broken", "report_truncated"),
    ],
)
def test_what_is_no_whole_report_is_an_error_with_its_place(
    tmp_path: Path, content: bytes, code: str
) -> None:
    files(tmp_path, r_json=content)

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert (3, code, "r.json") == (
        result.code,
        result.json["problems"][0]["code"],
        result.json["problems"][0]["path"],
    )


def test_a_report_that_two_formats_match_is_refused(tmp_path: Path) -> None:
    both = {**CLEAN_BANDIT, "SchemaVersion": 2, "ArtifactName": "x", "ArtifactType": "filesystem"}
    files(tmp_path, r_json=both)

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert (3, "format_ambiguous") == (result.code, result.json["problems"][0]["code"])


def test_a_report_cut_anywhere_never_passes(tmp_path: Path) -> None:
    whole = msgspec.json.encode(BANDIT_EVAL)
    files(tmp_path, **{f"r{cut}_json": whole[:cut] for cut in range(1, len(whole) - 1, 50)})

    codes = {gate(tmp_path, "check", path).code for path in sorted(p.name for p in tmp_path.iterdir())}

    assert {3} == codes


def test_a_utf16_report_is_read_and_said_to_be(tmp_path: Path) -> None:
    files(tmp_path, r_json=json.dumps(BANDIT_EVAL).encode("utf-16"))

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert 1 == result.code
    assert "UTF-16" in str(result.json["reports"][0]["notes"])


def test_a_scan_that_failed_in_part_does_not_pass(tmp_path: Path) -> None:
    files(tmp_path, r_json={**CLEAN_BANDIT, "errors": [{"filename": "a.py", "reason": "syntax error"}]})

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert (1, "partial") == (result.code, result.json["reports"][0]["status"])


def test_a_scan_that_failed_in_part_does_not_pass_whoever_wrote_the_policies(tmp_path: Path) -> None:
    broken = {**CLEAN_BANDIT, "errors": [{"filename": "a.py", "reason": "syntax error"}]}
    files(tmp_path, r_json=broken, p_rego=RULE)

    assert 1 == gate(tmp_path, "check", "r.json", "--policy", "p.rego").code


def test_an_unknown_severity_is_not_a_low_one(tmp_path: Path) -> None:
    files(tmp_path, r_json={**CLEAN_BANDIT, "results": [{**EVAL, "issue_severity": "UNDEFINED"}]})

    assert 1 == gate(tmp_path, "check", "r.json").code


def test_an_empty_manifest_does_not_pass(tmp_path: Path) -> None:
    files(tmp_path, k_yaml="# only a comment\n---\n---\n")

    assert gate(tmp_path, "check", "k.yaml").code in (1, 3)


def test_a_bad_document_behind_a_good_one_is_an_error_for_both(tmp_path: Path) -> None:
    files(tmp_path, k_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nkind: [\n")

    assert 3 == gate(tmp_path, "check", "k.yaml").code


def test_a_document_that_is_no_object_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, k_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nreplicas: 1\n")

    result = gate(tmp_path, "check", "k.yaml", "-o", "json")

    assert (3, 5) == (result.code, result.json["problems"][0]["line"])


def test_a_duplicate_key_in_a_manifest_is_an_error_with_its_place(tmp_path: Path) -> None:
    files(tmp_path, k_yaml=POD + "        privileged: false\n")

    result = gate(tmp_path, "check", "k.yaml", "-o", "json")

    assert (3, 10) == (result.code, result.json["problems"][0]["line"])


def test_members_of_a_list_are_judged(tmp_path: Path) -> None:
    pod = "\n".join("    " + line for line in POD.splitlines()).replace("    apiVersion", "  - apiVersion", 1)
    files(tmp_path, k_yaml=f"apiVersion: v1\nkind: List\nitems:\n{pod}\n")

    result = gate(tmp_path, "check", "k.yaml", "-o", "json")

    privileged = [v for v in result.json["violations"] if "privileged" in v["message"]]
    assert (1, [12]) == (result.code, [violation["location"]["line"] for violation in privileged])


@pytest.mark.parametrize("bomb", ["[" * 50_000, "- " * 2_000 + "a", "? " * 2_000 + "a", "a: &a [*a]"])
def test_a_manifest_made_to_break_its_reader_is_an_error(tmp_path: Path, bomb: str) -> None:
    files(tmp_path, k_yaml=bomb)

    assert 3 == gate(tmp_path, "check", "k.yaml").code


# ---------------------------------------------------------------------------------- the policies


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ("package policy.x\n\ndeny contains {", "compile_error"),
        (
            RULE.replace("f.waived == null", 'http.send({"method": "get", "url": f.rule})'),
            "builtin_not_allowed",
        ),
        (RULE.replace("f.waived == null", 'opa.runtime().env.HOME == "x"'), "builtin_not_allowed"),
        (RULE.replace('"TEAM-1", "message"', '"TEAM-9", "message"'), "rule_unknown"),
        (RULE.replace('"message": "found one", ', ""), "policy_shape"),
        (RULE.replace('"message": "found one"', '"message": 1'), "policy_shape"),
        (RULE.replace('"finding": f.fingerprint', '"extra": 1'), "policy_shape"),
        (RULE.replace("f.fingerprint", '"none"'), "policy_shape"),
        (RULE.replace("deny contains", "deny[x] if x :="), "compile_error"),
    ],
)
def test_a_policy_that_cannot_answer_is_an_error(tmp_path: Path, policy: str, code: str) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, p_rego=policy)

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "-o", "json")

    codes = {problem["code"] for problem in result.json["problems"]}
    assert 3 == result.code
    assert code in codes or any(c.startswith("rego_") for c in codes), codes


def test_a_policy_that_loops_ends_at_its_deadline(tmp_path: Path) -> None:
    loop = "f.waived == null\n\tcount([1 | some i, j, k in numbers.range(1, 2000)]) >= 0"
    loop = loop.replace(
        "some i, j, k in", "some i in numbers.range(1, 2000); some j in numbers.range(1, 2000); some k in"
    )
    files(tmp_path, r_json=BANDIT_EVAL, p_rego=RULE.replace("f.waived == null", loop))

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "--timeout", "1s", "-o", "json")

    assert (3, "timeout") == (result.code, result.json["problems"][0]["code"])


def test_a_builtin_that_fails_is_an_error_not_a_no(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, p_rego=RULE.replace("f.waived == null", "to_number(f.rule) > 0"))

    assert 3 == gate(tmp_path, "check", "r.json", "--policy", "p.rego").code


def test_a_policy_cannot_put_itself_into_a_built_in_package(tmp_path: Path) -> None:
    for package in ("policy.evidence", 'policy["evidence"]', "lib.findings"):
        files(
            tmp_path, r_json=BANDIT_EVAL, p__a_rego=RULE, p__b_rego=f"package {package}\n\nweaker := true\n"
        )

        assert 3 == gate(tmp_path, "check", "r.json", "--policy", "p").code


def test_a_rule_about_reports_that_wants_to_speak_at_admission_is_refused(tmp_path: Path) -> None:
    asking = RULE.replace("{scope: subject}", "{scope: subject, points: [ci, admission]}")
    files(tmp_path, r_json=CLEAN_BANDIT, p_rego=asking)

    assert 3 == gate(tmp_path, "check", "r.json", "--policy", "p.rego").code


@pytest.mark.parametrize("asked", ["input.object.kind", 'input["object"].kind', "input.request.userInfo"])
def test_a_rule_about_reports_that_asks_for_an_object_is_refused(tmp_path: Path, asked: str) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, p_rego=RULE.replace("f.waived == null", f'{asked} == "Pod"'))

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "-o", "json")

    assert (3, "policy_out_of_scope", 13) == (
        result.code,
        result.json["problems"][0]["code"],
        result.json["problems"][0]["line"],
    )


@pytest.mark.parametrize("id_", ["a b", "1x", "a/b", ""])
def test_a_rule_with_an_id_that_is_none_is_refused(tmp_path: Path, id_: str) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, p_rego=RULE.replace("TEAM-1, ", f'"{id_}", '))

    assert 3 == gate(tmp_path, "check", "r.json", "--policy", "p.rego").code


def test_an_output_format_that_nobody_knows_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    settings = "version: 1\nrecord: record.jsonl\noutputs: [{format: sarff, path: x}]\n"
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=settings)

    assert 2 == gate(tmp_path, "check", "r.json").code
    assert not (tmp_path / "record.jsonl").exists()


def test_an_action_for_a_rule_that_nobody_has_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\npolicies: {actions: {GATE-VLUN-001: warn}}\n")

    assert 2 == gate(tmp_path, "check", "r.json").code


def test_python_policies_are_refused_unless_they_are_turned_on(tmp_path: Path) -> None:
    python = (
        "from gate.policy import policy\n\n@policy(id='P-1', title='t')\ndef check(given):\n    return []\n"
    )
    files(tmp_path, r_json=CLEAN_BANDIT, p__a_rego=RULE, p__b_py=python)

    result = gate(tmp_path, "check", "r.json", "--policy", "p", "-o", "json")

    assert (3, "python_off") == (result.code, result.json["problems"][0]["code"])


# ------------------------------------------------------------------------ configuration, waivers


def test_an_unknown_key_in_gate_yaml_is_an_error_with_a_suggestion(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\ntresholds: {}\n")

    result = gate(tmp_path, "check", "r.json", "-o", "json")

    assert (2, 2) == (result.code, result.json["problems"][0]["line"])
    assert "thresholds" in result.out


@pytest.mark.parametrize(
    "key",
    [
        "engine: {opa: 'http://127.0.0.1:8181'}",
        "inputs: [{run: [src/own-bandit, -r, src], as: bandit}]",
        "baseline: {mode: merge-base}",
        "policies: {use: ['oci://registry.example/p@sha256:" + "a" * 64 + "']}",
    ],
)
def test_a_key_that_this_version_cannot_honour_is_refused_not_ignored(tmp_path: Path, key: str) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=f"version: 1\n{key}\n")
    named = [] if key.startswith("inputs") else ["r.json"]

    assert gate(tmp_path, "check", *named).code in (2, 3)


def test_an_unknown_environment_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\nenvironments: [{name: production}]\n")

    assert 2 == gate(tmp_path, "check", "r.json", "--environment", "prod").code


def a_waiver(**changes: str) -> str:
    entry = {
        "id": "w-1",
        "match": "{rule: TEAM-1}",
        "reason": "accepted_risk",
        "note": "known",
        "requested_by": "wei@example.com",
        "approved_by": "lin@example.com",
        "created": "2026-11-21",
        "expires": "2099-01-01",
    } | changes
    return "version: 1\nwaivers:\n  - " + "\n    ".join(f"{key}: {value}" for key, value in entry.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": "2026-11-21", "created": "2026-11-20"},
        {"approved_by": "wei@example.com", "expires": "2026-12-01"},
        {"approved_by": '""', "expires": "2026-12-01"},
        {"expires": "2099-01-01"},
    ],
)
def test_a_waiver_that_may_not_act_waives_nothing(tmp_path: Path, changes: dict[str, str]) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, p_rego=RULE, w_yaml=a_waiver(**changes))

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "--waivers", "w.yaml", "-o", "json")

    assert (1, []) == (result.code, result.json["waived"])
    assert any("w-1" in notice for notice in result.json["notices"])


def test_a_waiver_file_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, w_yaml=a_waiver(expires="soon"))

    assert 3 == gate(tmp_path, "check", "r.json", "--waivers", "w.yaml").code


def test_a_waiver_file_that_is_configured_and_absent_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, gate_yaml="version: 1\nwaivers: {files: [w.yaml]}\n")

    assert 3 == gate(tmp_path, "check", "r.json").code


def test_a_partial_scan_cannot_be_waived(tmp_path: Path) -> None:
    broken = {**CLEAN_BANDIT, "errors": [{"filename": "a.py", "reason": "syntax error"}]}
    files(tmp_path, r_json=broken, w_yaml=a_waiver(match="{rule: GATE-EVID-003}", expires="2026-12-01"))

    assert 1 == gate(tmp_path, "check", "r.json", "--waivers", "w.yaml").code


def test_a_baseline_that_is_configured_and_absent_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, gate_yaml="version: 1\nbaseline: {mode: file}\n")

    assert 3 == gate(tmp_path, "check", "r.json").code


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\nrecord: r.json/record.jsonl\n")

    assert 3 == gate(tmp_path, "check", "r.json").code


def test_a_record_that_was_changed_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\nrecord: record.jsonl\n")
    assert 0 == gate(tmp_path, "check", "r.json").code
    record = tmp_path / "record.jsonl"
    record.write_bytes(record.read_bytes().replace(b'"pass"', b'"warn"'))

    assert 3 == gate(tmp_path, "check", "r.json").code


# ------------------------------------------------------------------------------- what comes out


def test_exit_codes_are_those_of_the_documentation() -> None:
    assert {Outcome.PASS: 0, Outcome.WARN: 0, Outcome.FAIL: 1, Outcome.NEEDS_APPROVAL: 4} == EXIT_CODES


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["-o", "nothing"],
        ["--as", "zap"],
        ["--subject", "web@sha256:12"],
        ["--max-age", "x"],
    ],
)
def test_wrong_usage_is_json_too_where_json_was_asked_for(tmp_path: Path, arguments: list[str]) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    result = gate(tmp_path, "check", "r.json", *arguments, "-o", "json")

    assert (2, "gate.error/v1") == (result.code, result.json["schema"])


def test_an_output_that_cannot_be_written_is_an_error_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    result = gate(tmp_path, "check", "r.json", "-o", "html=r.json/report.html")

    assert 3 == result.code
    assert ["r.json"] == [path.name for path in tmp_path.iterdir()]


def test_a_bug_is_no_pass_and_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)
    monkeypatch.setattr("gate.local.judge", None)

    result = gate(tmp_path, "check", "r.json")

    assert 3 == result.code
    assert "Traceback" not in result.err


def test_an_engine_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)
    monkeypatch.setenv("GATE_OPA", str(tmp_path / "nothing"))

    assert 3 == gate(tmp_path, "check", "r.json").code
