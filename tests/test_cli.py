"""Every command as it is typed: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import jsonschema
import pytest

from gate import __version__
from gate.cli import COMMANDS, group
from gate.outputs import OUTPUTS
from tests.command import BANDIT_EVAL, CLEAN_BANDIT, EVAL, POD, RULE, Result, files, gate

RECORDED = "version: 1\nproject: acme/web\nrecord: .gate/record.jsonl\n"
MEDIUM = {**CLEAN_BANDIT, "results": [{**EVAL, "issue_severity": "MEDIUM"}]}


def problem(result: Result) -> dict[str, Any]:
    first: dict[str, Any] = result.json["problems"][0]
    return first


# ------------------------------------------------------------------------------ the command line


def test_without_a_command_the_help_is_shown_and_it_is_wrong_usage(tmp_path: Path) -> None:
    result = gate(tmp_path)

    assert (2, "") == (result.code, result.out)
    assert result.err.startswith("Usage: gate [OPTIONS] COMMAND")


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help_lists_every_command_and_is_no_error(tmp_path: Path, asked: str) -> None:
    result = gate(tmp_path, asked)

    assert (0, "") == (result.code, result.err)
    assert set(COMMANDS) <= {line.split()[0] for line in result.out.splitlines() if line.startswith("  ")}


def every_command() -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        paths.append((name,))
        if isinstance(command, click.Group):
            paths.extend((name, below) for below in command.commands)
    return paths


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_has_a_help_that_says_what_it_does(tmp_path: Path, path: tuple[str, ...]) -> None:
    result = gate(tmp_path, *path, "--help")

    assert (0, True) == (result.code, result.out.startswith(f"Usage: gate {' '.join(path)}"))
    assert len(result.out.splitlines()[2].strip()) > 10


@pytest.mark.parametrize(
    ("arguments", "told", "fix"),
    [
        (["chek"], "no such command 'chek'", "see `gate --help`"),
        (["check", "--baselin"], "no such option", "see `gate check --help`"),
        (["policy", "lst"], "no such command 'lst'", "see `gate policy --help`"),
        (["explain"], "missing argument 'ID'", "see `gate explain --help`"),
        (["check", "--ci", "gitlab"], "'gitlab' is not one of", "see `gate check --help`"),
        (["check", "--warn-exit-code", "999"], "999 is not in the range", "see `gate check --help`"),
    ],
)
def test_wrong_usage_says_what_and_where_to_look(
    tmp_path: Path, arguments: list[str], told: str, fix: str
) -> None:
    result = gate(tmp_path, *arguments)

    assert (2, "") == (result.code, result.out)
    assert told in result.err
    assert fix in result.err


def test_the_version_is_told_twice_the_same(tmp_path: Path) -> None:
    assert f"gate {__version__}\n" == gate(tmp_path, "--version").out
    assert __version__ == gate(tmp_path, "version", "-o", "json").json["gate"]


def test_version_tells_the_engine_and_python(tmp_path: Path) -> None:
    lines = dict(line.split(maxsplit=1) for line in gate(tmp_path, "version").out.splitlines())

    assert {"gate", "engine", "python"} == set(lines)
    assert lines["engine"].startswith("opa ")


# ----------------------------------------------------------------------------------------- check


def test_check_reads_standard_input(tmp_path: Path) -> None:
    result = gate(tmp_path, "check", "-", "-o", "json", stdin=json.dumps(BANDIT_EVAL).encode())

    assert (1, "-") == (result.code, result.json["reports"][0]["path"])


def test_check_reads_standard_input_as_what_it_is_declared(tmp_path: Path) -> None:
    assert 3 == gate(tmp_path, "check", "--as", "trivy=-", stdin=json.dumps(CLEAN_BANDIT).encode()).code


def test_empty_standard_input_is_an_error(tmp_path: Path) -> None:
    assert "report_empty" == problem(gate(tmp_path, "check", "-", "-o", "json"))["code"]


def is_written_as(name: str, text: str) -> bool:
    """Whether `text` is what the format `name` promises to be."""
    match name:
        case "json":
            return bool(json.loads(text)["schema"] == "gate.decision/v1")
        case "sarif":
            return bool(json.loads(text)["version"] == "2.1.0")
        case "junit":
            return ElementTree.fromstring(text).tag == "testsuites"  # noqa: S314 - our own output
        case "html":
            return text.startswith(("<!doctype html>", "<!DOCTYPE html>"))
        case "markdown":
            return text.startswith("<!--")
        case _:
            return "GATE FAILED" in text


@pytest.mark.parametrize("name", list(OUTPUTS))
def test_every_format_goes_to_standard_output_and_to_a_file(tmp_path: Path, name: str) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)

    shown = gate(tmp_path, "check", "r.json", "-o", name)
    kept = gate(tmp_path, "check", "r.json", "-o", f"{name}=out/x.{name}")

    assert (1, 1, "") == (shown.code, kept.code, shown.err)
    assert is_written_as(name, shown.out)
    assert is_written_as(name, (tmp_path / "out" / f"x.{name}").read_text("utf-8"))
    assert "GATE FAILED" in kept.out


def test_several_outputs_are_written_at_once(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    result = gate(tmp_path, "check", "r.json", "-o", "json", "-o", "sarif=a.sarif", "-o", "junit=b.xml")

    assert "pass" == result.json["outcome"]
    assert {"r.json", "a.sarif", "b.xml"} == {path.name for path in tmp_path.iterdir()}


def test_files_that_were_written_are_named_in_the_text(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    assert "a.sarif" in gate(tmp_path, "check", "r.json", "-o", "sarif=a.sarif").out


def test_outputs_of_gate_yaml_are_written_too(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml="version: 1\noutputs: [{format: json, path: d.json}]\n")

    gate(tmp_path, "check", "r.json")

    assert "pass" == json.loads((tmp_path / "d.json").read_text())["outcome"]


@pytest.mark.parametrize("wanted", [["-o", "xml"], ["-o", "json="], ["-o", ""], ["-o", "json", "-o", "text"]])
def test_outputs_that_cannot_be_are_refused_before_anything_is_judged(
    tmp_path: Path, wanted: list[str]
) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=RECORDED)

    assert 2 == gate(tmp_path, "check", "r.json", *wanted).code
    assert not (tmp_path / ".gate").exists()


@pytest.mark.parametrize(
    ("content", "flags", "code"),
    [
        (CLEAN_BANDIT, [], 0),
        (BANDIT_EVAL, [], 1),
        (BANDIT_EVAL, ["--report-only"], 0),
        (BANDIT_EVAL, ["--warn-exit-code", "5"], 1),
        (CLEAN_BANDIT, ["--warn-exit-code", "5"], 0),
        ("nothing", ["--report-only"], 3),
    ],
)
def test_exit_codes_of_check(tmp_path: Path, content: object, flags: list[str], code: int) -> None:
    files(tmp_path, r_json=content)

    assert code == gate(tmp_path, "check", "r.json", *flags).code


@pytest.mark.parametrize(
    ("flags", "code"),
    [([], 0), (["--warn-exit-code", "5"], 5), (["--warn-exit-code", "5", "--report-only"], 0)],
)
def test_a_warning_has_the_exit_code_it_was_given(tmp_path: Path, flags: list[str], code: int) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, p_rego=RULE.replace("deny contains", "warn contains"))

    result = gate(tmp_path, "check", "r.json", "--policy", "p.rego", "-o", "json", *flags)

    assert (code, "warn") == (result.code, result.json["outcome"])


def test_report_only_still_tells_the_outcome(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)

    assert "fail" == gate(tmp_path, "check", "r.json", "--report-only", "-o", "json").json["outcome"]


def test_quiet_is_one_line_and_verbose_is_more_than_usual(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, k_yaml=POD)

    lines = [len(gate(tmp_path, "check", ".", *flags).out.splitlines()) for flags in (["-q"], [], ["-v"])]

    assert (1, True) == (lines[0], lines[0] < lines[1] < lines[2])


@pytest.mark.parametrize(
    ("variables", "flags", "has_color"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"CLICOLOR_FORCE": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_color_follows_flags_before_variables_before_the_terminal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    flags: list[str],
    has_color: bool,
) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert has_color == ("\x1b[" in gate(tmp_path, "check", "r.json", *flags).out)


def test_a_file_never_holds_color(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)

    gate(tmp_path, "check", "r.json", "--color", "always", "-o", "json=d.json", "-o", "html=d.html")

    assert b"\x1b" not in (tmp_path / "d.json").read_bytes() + (tmp_path / "d.html").read_bytes()


def test_a_decision_is_recorded_unless_asked_not_to(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=RECORDED)

    gate(tmp_path, "check", "r.json")
    gate(tmp_path, "check", "r.json", "--no-record")

    assert "1 entries" in gate(tmp_path, "audit", "verify").out


def test_inputs_of_gate_yaml_are_read_from_its_folder(tmp_path: Path) -> None:
    inputs = "version: 1\ninputs: [{path: 'reports/*.json'}, {path: k8s/, as: kubernetes}]\n"
    files(
        tmp_path,
        gate_yaml=inputs,
        reports__a_json=BANDIT_EVAL,
        reports__b_json=CLEAN_BANDIT,
        k8s__pod_yaml=POD,
    )

    result = gate(tmp_path, "check", "-o", "json")

    assert ["reports/a.json", "reports/b.json", "k8s/pod.yaml"] == [
        one["path"] for one in result.json["reports"]
    ]


def test_paths_replace_the_inputs_of_gate_yaml(tmp_path: Path) -> None:
    files(
        tmp_path, gate_yaml="version: 1\ninputs: [{path: a.json}]\n", a_json=BANDIT_EVAL, b_json=CLEAN_BANDIT
    )

    assert 0 == gate(tmp_path, "check", "b.json").code


def test_a_service_is_not_there_yet_and_that_is_no_decision(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT)

    assert 2 == gate(tmp_path, "check", "r.json", "--server", "https://gate.example").code


# --------------------------------------------------------------------------------------- convert


def test_convert_shows_what_gate_sees_in_a_report(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)

    out = gate(tmp_path, "convert", "r.json").out

    assert "bandit · bandit · status ok" in out
    assert "src/app.py:2" in out
    assert "1 findings, 0 components" in out


def test_convert_gives_the_same_as_json(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)

    value = gate(tmp_path, "convert", "r.json", "-o", "json").json

    assert ("bandit", "ok", "B307", "high") == (
        value["format"], value["status"], value["findings"][0]["rule"], value["findings"][0]["severity"],
    )  # fmt: skip


def test_convert_says_why_a_file_is_what_it_is(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL)

    assert gate(tmp_path, "convert", "--why", "r.json").out.startswith("bandit  ")


def test_convert_reads_a_file_as_it_is_told_to(tmp_path: Path) -> None:
    files(tmp_path, r_txt=json.dumps(BANDIT_EVAL), k_txt=POD)

    assert 0 == gate(tmp_path, "convert", "--as", "bandit", "r.txt").code
    assert 0 == gate(tmp_path, "convert", "--as", "kubernetes", "k.txt").code
    assert 3 == gate(tmp_path, "convert", "--as", "trivy", "r.txt").code


def test_convert_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    files(tmp_path, r_json={"what": "is this"})

    assert "format_unknown" == problem(gate(tmp_path, "convert", "r.json", "-o", "json"))["code"]


# ---------------------------------------------------------------------------------------- policy


def test_policy_ls_lists_rules_with_severity_scope_and_title(tmp_path: Path) -> None:
    files(tmp_path, p_rego=RULE)

    out = gate(tmp_path, "policy", "ls", "p.rego").out

    assert "TEAM-1             high       subject  nothing of this kind" in out
    assert "8 rules in 2 packages" in out


def test_policy_ls_lists_the_same_as_json(tmp_path: Path) -> None:
    rules = gate(tmp_path, "policy", "ls", "-o", "json", "builtin:secrets").json

    assert {"id", "title", "severity", "file", "line"} <= set(rules[0])
    assert "GATE-SECRET-001" in {rule["id"] for rule in rules}


def test_policy_commands_look_at_what_gate_yaml_names(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\npolicies: {use: [rules]}\n", rules__p_rego=RULE)

    assert "TEAM-1" in gate(tmp_path, "policy", "ls").out
    assert "8 rules in 2 packages compile" in gate(tmp_path, "policy", "check").out


def test_policy_check_tells_every_problem_with_its_place(tmp_path: Path) -> None:
    files(
        tmp_path,
        p__a_rego=RULE.replace("severity: high", "severity: urgent"),
        p__b_rego="package policy.other\n\ndeny contains 1\n",
    )

    result = gate(tmp_path, "policy", "check", "p")

    assert 3 == result.code
    assert "p/a.rego:7" in result.err
    assert "p/b.rego:3" in result.err


TESTS = """package policy.team_test

import data.policy.team

test_fires if count(team.deny) == 1 with input as {"findings": [{"waived": null, "state": "new", "fingerprint": "f"}]}

test_fails if count(team.deny) == 7 with input as {"findings": []}
"""


def with_tests(folder: Path, text: str = TESTS) -> Path:
    files(folder, p__team_rego=RULE)
    (folder / "p" / "team_test.rego").write_text(text)
    return folder


def test_policy_test_names_what_fails_and_counts_the_rest(tmp_path: Path) -> None:
    result = gate(with_tests(tmp_path), "policy", "test", "p")

    assert 1 == result.code
    assert "p/team_test.rego:7  test_fails" in result.out
    assert "1 of 2 policy tests passed" in result.out


def test_policy_test_runs_those_that_are_named(tmp_path: Path) -> None:
    result = gate(with_tests(tmp_path), "policy", "test", "p", "--run", "test_fires")

    assert (0, True) == (result.code, "1 of 1 policy tests passed" in result.out)


def test_policy_test_without_any_test_is_an_error_and_the_tests_of_the_floor_are_none(tmp_path: Path) -> None:
    files(tmp_path, p_rego=RULE)

    result = gate(tmp_path, "policy", "test", "p.rego", "-o", "json")

    assert (3, "no_tests") == (result.code, problem(result)["code"])


def test_policy_test_tells_lines_that_no_test_reaches(tmp_path: Path) -> None:
    result = gate(
        with_tests(tmp_path, TESTS.partition("test_fires")[0] + "test_nothing if true\n"),
        "policy",
        "test",
        "p",
        "--coverage",
    )

    assert "p/team.rego: no test reaches line" in result.out


def test_policy_test_speaks_json_and_junit(tmp_path: Path) -> None:
    folder = with_tests(tmp_path)

    as_json = gate(folder, "policy", "test", "p", "-o", "json")
    suites = ElementTree.fromstring(gate(folder, "policy", "test", "p", "-o", "junit").out)  # noqa: S314

    assert {"test_fires": "pass", "test_fails": "fail"} == {
        t["name"]: t["outcome"] for t in as_json.json["tests"]
    }
    assert ("2", "1", "0") == (suites.get("tests"), suites.get("failures"), suites.get("errors"))
    assert ["test_fails"] == [
        case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None
    ]


# ---------------------------------------------------------------------------- waiver and baseline

WAIVER = ("waiver", "new", "--reason", "accepted_risk", "--note", "known", "--by", "wei@example.com")


def test_a_new_waiver_is_valid_yaml_and_waits_for_its_approval(tmp_path: Path) -> None:
    result = gate(tmp_path, *WAIVER, "--rule", "GATE-CODE-002", "--severity", "high")
    checked = gate(tmp_path, "waiver", "check")

    assert (0, 1) == (result.code, checked.code)
    assert result.out.startswith(".gate/waivers.yaml: waiver w-")
    assert "nobody has approved it" in checked.out
    assert "1 waivers, 0 in force" in checked.out


def test_a_waiver_is_in_force_once_somebody_else_approved_it(tmp_path: Path) -> None:
    gate(tmp_path, *WAIVER, "--rule", "GATE-CODE-002", "--severity", "high")
    path = tmp_path / ".gate" / "waivers.yaml"
    path.write_text(path.read_text().replace('approved_by: ""', "approved_by: lin@example.com"))

    result = gate(tmp_path, "waiver", "check", "--soon", "60")

    assert 0 == result.code
    assert "1 waivers, 1 in force" in result.out
    assert "ends in" in result.out


def test_waivers_are_appended_one_after_the_other(tmp_path: Path) -> None:
    for rule in ("A-1", "B-1"):
        assert 0 == gate(tmp_path, *WAIVER, "--rule", rule).code

    assert "2 waivers" in gate(tmp_path, "waiver", "check").out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--severity", "urgent", "--rule", "A-1"],
        ["--until", "soon", "--rule", "A-1"],
        ["--until", "2000-01-01", "--rule", "A-1"],
        ["--until", "2999-01-01", "--rule", "A-1"],
        ["--rule", "A-1", "--reason", "because"],
        [],
    ],
)
def test_a_waiver_that_could_never_act_is_not_written(tmp_path: Path, arguments: list[str]) -> None:
    result = gate(tmp_path, *WAIVER, *arguments)

    assert result.code in (2, 3)
    assert not (tmp_path / ".gate").exists()


def test_waiver_check_refuses_a_file_that_does_not_parse(tmp_path: Path) -> None:
    files(tmp_path, w_yaml="version: 1\nwaivers: {}\n")

    assert 3 == gate(tmp_path, "waiver", "check", "w.yaml").code


def test_a_baseline_is_written_where_gate_yaml_says_and_is_used(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, gate_yaml="version: 1\nbaseline: {mode: file, file: known.json}\n")

    result = gate(tmp_path, "baseline", "write", "r.json")

    assert (0, 0) == (result.code, gate(tmp_path, "check", "r.json").code)
    assert "known.json: 1 findings" in result.out
    assert (tmp_path / "known.json").exists()


def test_a_baseline_of_what_cannot_be_judged_is_not_written(tmp_path: Path) -> None:
    files(tmp_path, r_json="{")

    assert 3 == gate(tmp_path, "baseline", "write", "r.json", "--file", "known.json").code
    assert not (tmp_path / "known.json").exists()


# ------------------------------------------------------------------------ init, config, doctor


def test_init_writes_a_gate_yaml_that_is_valid_and_fits_its_schema(tmp_path: Path) -> None:
    files(tmp_path, reports__a_json=CLEAN_BANDIT, k8s__pod_yaml=POD)

    result = gate(tmp_path, "init", "--yes", "--project", "acme/web")

    text = (tmp_path / "gate.yaml").read_text()
    assert (0, True) == (result.code, "wrote  gate.yaml" in result.out)
    assert "gate.yaml is valid" in gate(tmp_path, "config", "validate").out
    assert ('project: "acme/web"' in text, "path: reports/" in text, "path: k8s/" in text) == (
        True,
        True,
        True,
    )
    assert 1 == gate(tmp_path, "check").code


@pytest.mark.parametrize(
    "project", ["my project", "…", "-x", "a: b", "..", '"', "#1", "true", "2026-11-22", "网店", "1e5"]
)
def test_init_makes_a_valid_name_of_any_folder(tmp_path: Path, project: str) -> None:
    gate(tmp_path, "init", "--yes", "--project", project)

    assert 0 == gate(tmp_path, "config", "validate").code


def test_init_asks_and_writes_what_it_is_told(tmp_path: Path) -> None:
    result = gate(tmp_path, "init", stdin=b"acme/shop\nscans/ k8s/*.yaml\n")

    text = (tmp_path / "gate.yaml").read_text()
    assert 0 == result.code
    assert 'project: "acme/shop"' in text
    assert "{path: scans/}" in text
    assert "{path: k8s/*.yaml}" in text


@pytest.mark.parametrize("path", ['a"b', "1", "true", "*", "-", "a\\b", "&x/", "报告/"])
def test_init_quotes_a_path_that_yaml_would_read_as_something_else(tmp_path: Path, path: str) -> None:
    gate(tmp_path, "init", stdin=f"web\n{path}\n".encode())

    assert 0 == gate(tmp_path, "config", "validate").code


def test_init_leaves_a_gate_yaml_that_is_there(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\n")

    refused = gate(tmp_path, "init", "--yes")

    assert (2, "version: 1\n") == (refused.code, (tmp_path / "gate.yaml").read_text())
    assert 0 == gate(tmp_path, "init", "--yes", "--force").code


def test_config_validate_reads_every_file_that_is_named(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\nwaivers: {files: [w.yaml]}\n")

    result = gate(tmp_path, "config", "validate")

    assert 3 == result.code
    assert "w.yaml" in result.err


def test_config_validate_without_a_file_says_that_the_defaults_hold(tmp_path: Path) -> None:
    assert "no gate.yaml here: the defaults hold\n" == gate(tmp_path, "config", "validate").out


def test_config_validate_tells_a_mistake_with_its_place(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\nrecrod: x\n")

    result = gate(tmp_path, "config", "validate")

    assert (2, True, True) == (result.code, "gate.yaml:2:1" in result.err, "record" in result.err)


def test_config_schema_is_a_json_schema(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(gate(tmp_path, "config", "schema").json)


def test_doctor_finds_everything_in_order(tmp_path: Path) -> None:
    result = gate(tmp_path, "doctor")

    assert 0 == result.code
    assert "BAD" not in result.out


@pytest.mark.parametrize(
    ("name", "content", "row"),
    [
        ("gate_yaml", "version: 7\n", "configuration"),
        ("gate_yaml", "version: 1\nrecord: r.jsonl\n", "record"),
    ],
)
def test_doctor_tells_what_is_broken(tmp_path: Path, name: str, content: str, row: str) -> None:
    files(tmp_path, **{name: content}, r_jsonl="not a record\n")

    result = gate(tmp_path, "doctor")

    assert (3, True) == (result.code, f"BAD  {row}" in result.out)


def test_doctor_without_an_engine_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_OPA", str(tmp_path / "nothing"))

    result = gate(tmp_path, "doctor")

    assert (3, True, True) == (result.code, "BAD  engine" in result.out, "ok   clock" in result.out)


# ------------------------------------------------------------------------------ explain and audit


def test_explain_tells_a_rule_whatever_case_it_is_typed_in(tmp_path: Path) -> None:
    result = gate(tmp_path, "explain", "gate-k8s-002")

    assert 0 == result.code
    for part in ("GATE-K8S-002", "What", "Fix", "Scope", "Waivable    yes"):
        assert part in result.out


@pytest.mark.parametrize("rule", ["GATE-EVID-001", "GATE-ENV-003"])
def test_explain_says_what_cannot_be_waived(tmp_path: Path, rule: str) -> None:
    assert "Waivable    no" in gate(tmp_path, "explain", rule).out


def test_explain_tells_a_rule_of_the_project(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml="version: 1\npolicies: {use: [rules]}\n", rules__p_rego=RULE)

    assert "nothing of this kind" in gate(tmp_path, "explain", "TEAM-1").out


def test_explain_suggests_the_rule_that_was_meant(tmp_path: Path) -> None:
    result = gate(tmp_path, "explain", "GATE-VLUN-001")

    assert (2, True) == (result.code, "did you mean GATE-VULN-001?" in result.err)


def test_explain_tells_a_recorded_decision_and_its_findings(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, gate_yaml=RECORDED)
    decision = gate(tmp_path, "check", "r.json", "-o", "json").json
    [violation] = decision["violations"]

    of_decision = gate(tmp_path, "explain", decision["decision_id"]).out
    of_violation = gate(tmp_path, "explain", violation["fingerprint"][:8]).out
    of_finding = gate(tmp_path, "explain", violation["finding"]).out

    assert ("fail" in of_decision, "1 violations, 0 waived" in of_decision) == (True, True)
    assert of_violation == of_finding
    assert "src/app.py:2" in of_violation
    assert decision["decision_id"] in of_violation


def test_explain_wants_eight_characters_of_a_fingerprint(tmp_path: Path) -> None:
    files(tmp_path, r_json=BANDIT_EVAL, gate_yaml=RECORDED)
    decision = gate(tmp_path, "check", "r.json", "-o", "json").json

    assert 2 == gate(tmp_path, "explain", decision["violations"][0]["fingerprint"][:7]).code


def test_audit_verify_follows_the_chain(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=RECORDED)
    for _ in range(2):
        gate(tmp_path, "check", "r.json")

    assert "2 entries, chain unbroken" in gate(tmp_path, "audit", "verify").out


def test_audit_verify_finds_an_entry_that_was_taken_out(tmp_path: Path) -> None:
    files(tmp_path, r_json=CLEAN_BANDIT, gate_yaml=RECORDED)
    for _ in range(3):
        gate(tmp_path, "check", "r.json")
    record = tmp_path / ".gate" / "record.jsonl"
    first, _, third = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(first + third)

    assert 3 == gate(tmp_path, "audit", "verify").code


def test_audit_verify_of_no_record_is_an_error(tmp_path: Path) -> None:
    assert 3 == gate(tmp_path, "audit", "verify", "absent.jsonl").code


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(tmp_path: Path, shell: str) -> None:
    result = gate(tmp_path, "completion", shell)

    assert (0, True) == (result.code, "_GATE_COMPLETE" in result.out)


def test_completion_of_an_unknown_shell_is_wrong_usage(tmp_path: Path) -> None:
    assert 2 == gate(tmp_path, "completion", "tcsh").code
