"""What gate is for, as one story: read this first."""

from __future__ import annotations

from pathlib import Path

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, EVAL, POD, files, gate

DIGEST = "sha256:" + "a" * 64
GATE_YAML = """version: 1
project: acme/web
environments:
  - {name: staging, branches: [main]}
  - name: production
    branches: [main]
    requires: {environment: staging}
    approvals: {number: 1, groups: [release-admins]}
record: record.jsonl
"""


def test_a_clean_report_passes(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=CLEAN_BANDIT)

    result = gate(tmp_path, "check", "bandit.json")

    assert 0 == result.code
    assert "GATE PASSED" in result.out


def test_a_bad_finding_fails_and_says_what_where_and_how_to_mend_it(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=BANDIT_EVAL)

    result = gate(tmp_path, "check", "bandit.json")

    assert 1 == result.code
    for part in ("GATE FAILED", "GATE-CODE-002", "src/app.py:2", "fix ", "waive "):
        assert part in result.out


def test_a_manifest_is_judged_at_its_line(tmp_path: Path) -> None:
    files(tmp_path, k8s__pod_yaml=POD)

    result = gate(tmp_path, "check", "k8s")

    assert 1 == result.code
    assert "k8s/pod.yaml:9:9   Pod/prod/web" in result.out


def test_what_cannot_be_understood_is_no_decision(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=BANDIT_EVAL, other_json='{"what": "is this"}')

    result = gate(tmp_path, "check", "bandit.json", "other.json")

    assert 3 == result.code
    assert "GATE ERROR" in result.err
    assert "other.json:1:1" in result.err


def test_a_waiver_covers_one_finding_for_a_while(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=BANDIT_EVAL)
    asked = gate(
        tmp_path, "waiver", "new", "--rule", "GATE-CODE-002", "--reason", "accepted_risk", "--severity", "high",
        "--note", "only trusted text gets here", "--by", "wei@example.com",
    )  # fmt: skip
    before = gate(tmp_path, "check", "bandit.json").code
    path = tmp_path / ".gate" / "waivers.yaml"
    path.write_text(path.read_text().replace('approved_by: ""', "approved_by: lin@example.com"))
    after = gate(tmp_path, "check", "bandit.json", "-o", "json")

    assert (0, 1, 0) == (asked.code, before, after.code)
    assert ["GATE-CODE-002"] == [waived["violation"]["rule"] for waived in after.json["waived"]]


def test_a_baseline_forgives_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=BANDIT_EVAL, gate_yaml="version: 1\nbaseline: {mode: file}\n")
    written = gate(tmp_path, "baseline", "write", "bandit.json")
    known = gate(tmp_path, "check", "bandit.json")
    moved = {**EVAL, "line_number": 40, "code": "40 eval(text)\n"}
    another = {**EVAL, "code": "7 eval(other)\n", "line_number": 7}
    files(tmp_path, bandit_json={**CLEAN_BANDIT, "results": [moved]})
    shifted = gate(tmp_path, "check", "bandit.json")
    files(tmp_path, bandit_json={**CLEAN_BANDIT, "results": [moved, another]})
    new = gate(tmp_path, "check", "bandit.json", "-o", "json")

    assert [0, 0, 0, 1] == [written.code, known.code, shifted.code, new.code]
    assert 1 == len(new.json["violations"])


def test_one_digest_moves_from_staging_to_production_with_an_approval(tmp_path: Path) -> None:
    subject = ("--subject", f"acme/web@{DIGEST}", "--branch", "main", "--author", "wei@example.com")
    approval = {
        "digest": DIGEST,
        "environment": "production",
        "by": "lin@example.com",
        "groups": ["release-admins"],
        "at": "2026-11-20T00:00:00Z",
        "expires": None,
    }
    files(
        tmp_path,
        gate_yaml=GATE_YAML,
        r_json=CLEAN_BANDIT,
        yes_json={"version": 1, "approvals": [approval]},
    )
    check = ("check", "r.json", *subject, "--environment")
    too_early = gate(tmp_path, *check, "production")
    staging = gate(tmp_path, *check, "staging")
    waiting = gate(tmp_path, *check, "production")
    approved = gate(tmp_path, *check, "production", "--approvals", "yes.json")
    verified = gate(tmp_path, "audit", "verify", "record.jsonl")

    assert [1, 0, 4, 0] == [too_early.code, staging.code, waiting.code, approved.code]
    assert "GATE-ENV-003" in too_early.out
    assert "4 entries" in verified.out


def test_a_feature_branch_may_not_ask_for_production(tmp_path: Path) -> None:
    files(tmp_path, gate_yaml=GATE_YAML, r_json=CLEAN_BANDIT)

    result = gate(
        tmp_path, "check", "r.json", "--environment", "staging", "--branch", "feature/x", "-o", "json"
    )

    assert 1 == result.code
    assert ["GATE-ENV-001"] == [violation["rule"] for violation in result.json["violations"]]


def test_the_same_question_has_the_same_answer(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=BANDIT_EVAL, k8s__pod_yaml=POD)
    first, second = (gate(tmp_path, "check", "bandit.json", "k8s", "-o", "json").json for _ in range(2))

    for decision in (first, second):
        for moving in ("decision_id", "decided_at", "expires_at", "input_sha256"):
            decision.pop(moving)
    assert first == second


def test_every_rule_that_speaks_can_be_explained_offline(tmp_path: Path) -> None:
    files(tmp_path, bandit_json=BANDIT_EVAL, k8s__pod_yaml=POD)
    decision = gate(tmp_path, "check", "bandit.json", "k8s", "-o", "json").json
    rules = {violation["rule"] for violation in decision["violations"]}

    assert {0} == {gate(tmp_path, "explain", rule).code for rule in rules}


def test_no_output_shows_the_value_of_a_credential(tmp_path: Path) -> None:
    pod = POD.replace(
        "      securityContext",
        "      env:\n        - name: DB_PASSWORD\n          value: hunter2hunter2\n      securityContext",
    )
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: hunter2hunter2\n"
    flow = POD.replace(
        "image: nginx:1.27", "image: nginx:1.27\n      env: [{name: DB_PASSWORD, value: hunter2hunter2}]"
    )
    files(tmp_path, a_yaml=pod, b_yaml=secret, c_yaml=flow)
    outputs = [
        gate(tmp_path, "check", "-v", ".", "-o", name).out
        for name in ("text", "json", "sarif", "html", "markdown", "junit")
    ]

    assert all("GATE-K8S-019" in text for text in outputs)
    assert not any("hunter2" in text for text in outputs)
