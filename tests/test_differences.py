"""`gate diff`, grace days and pruning: what is new, what is fixed, what merely became known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, EVAL, Result, files, gate

PROJECT = ("--project", "acme/web", "--ci", "none")
EXEC = {**EVAL, "code": "2 exec(text)\n", "test_id": "B102", "line_number": 3}
TWO = {**BANDIT_EVAL, "results": [EVAL, EXEC]}


def audit(*ids: str, version: str = "3.2.0") -> dict[str, Any]:
    """A pip-audit report about one package."""
    vulns = [{"id": name, "fix_versions": ["4.0"], "aliases": [], "description": ""} for name in ids]
    return {"dependencies": [{"name": "django", "version": version, "vulns": vulns}], "fixes": []}


def decided(folder: Path, name: str, *arguments: str) -> Result:
    result = gate(folder, "check", *arguments, *PROJECT, "-o", "json")
    (folder / name).write_text(result.out, "utf-8")
    return result


def test_two_reports_are_compared_by_their_findings(tmp_path: Path) -> None:
    files(tmp_path, a_json=BANDIT_EVAL, b_json=TWO)
    result = gate(tmp_path, "diff", "a.json", "b.json", "-o", "json")

    assert 0 == result.code
    assert ["B102"] == [one["rule"] for one in result.json["introduced"]]
    assert ["B307"] == [one["rule"] for one in result.json["persisting"]]
    assert [] == result.json["fixed"]


def test_what_is_gone_is_fixed(tmp_path: Path) -> None:
    files(tmp_path, a_json=TWO, b_json=CLEAN_BANDIT)
    result = gate(tmp_path, "diff", "a.json", "b.json")

    assert "findings: 0 introduced, 2 fixed, 0 persisting" in result.out


def test_something_introduced_may_make_the_exit_code(tmp_path: Path) -> None:
    files(tmp_path, a_json=CLEAN_BANDIT, b_json=BANDIT_EVAL)

    assert 1 == gate(tmp_path, "diff", "a.json", "b.json", "--exit-code").code
    assert 0 == gate(tmp_path, "diff", "b.json", "a.json", "--exit-code").code


def test_two_decisions_are_compared_by_their_violations(tmp_path: Path) -> None:
    files(tmp_path, a_json=CLEAN_BANDIT, b_json=BANDIT_EVAL)
    decided(tmp_path, "one.json", "a.json")
    decided(tmp_path, "two.json", "b.json")
    result = gate(tmp_path, "diff", "one.json", "two.json", "-o", "json")

    assert ("violations", ["GATE-CODE-002"]) == (
        result.json["of"],
        [one["rule"] for one in result.json["introduced"]],
    )


def test_a_baseline_and_an_output_of_convert_are_lists_of_findings(tmp_path: Path) -> None:
    files(tmp_path, a_json=BANDIT_EVAL)
    assert (
        0
        == gate(tmp_path, "baseline", "write", "a.json", "--file", "known.json", "--project", "acme/web").code
    )
    (tmp_path / "c.json").write_text(gate(tmp_path, "convert", "a.json", "-o", "json").out, "utf-8")

    for one in ("a.json", "c.json"):
        assert "0 introduced, 0 fixed, 1 persisting" in gate(tmp_path, "diff", "known.json", one).out


@pytest.mark.parametrize("other", ["a.json", "known.json"])
def test_a_decision_is_not_compared_with_findings(tmp_path: Path, other: str) -> None:
    files(tmp_path, a_json=BANDIT_EVAL)
    gate(tmp_path, "baseline", "write", "a.json", "--file", "known.json", "--project", "acme/web")
    decided(tmp_path, "one.json", "a.json")

    assert 3 == gate(tmp_path, "diff", "one.json", other, "--exit-code").code


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[1", b'{"schema": "gate.error/v1", "problems": []}', b'{"schema": "gate.decision/v1"}'],
)
def test_what_lists_nothing_is_an_error(tmp_path: Path, data: bytes) -> None:
    files(tmp_path, a_json=BANDIT_EVAL, b_json=data)

    assert 3 == gate(tmp_path, "diff", "a.json", "b.json").code


# ------------------------------------------------------------------------------ grace, pruning


def graced(folder: Path, days: int | None) -> Path:
    grace = "" if days is None else f", grace_days: {days}"
    (folder / "gate.yaml").write_text(
        f"version: 1\nproject: acme/web\nbaseline: {{mode: file{grace}}}\n", "utf-8"
    )
    return folder


@pytest.mark.parametrize(("days", "code"), [(7, 0), (0, 1), (None, 1)])
def test_a_flaw_disclosed_in_an_unchanged_package_waits_its_grace_days(
    tmp_path: Path, days: int | None, code: int
) -> None:
    files(tmp_path, old_json=audit("PYSEC-2026-1"), new_json=audit("PYSEC-2026-1", "PYSEC-2026-2"))
    assert (
        0
        == gate(
            tmp_path,
            "baseline",
            "write",
            "old.json",
            "--file",
            ".gate/baseline.json",
            "--project",
            "acme/web",
        ).code
    )
    result = gate(graced(tmp_path, days), "check", "new.json", "--ci", "none", "-o", "json")

    assert code == result.code
    word = "1 newly disclosed" if days else "0 newly disclosed"
    assert any(word in notice for notice in result.json["notices"])


def test_a_changed_package_gets_no_grace(tmp_path: Path) -> None:
    files(
        tmp_path,
        old_json=audit("PYSEC-2026-1"),
        new_json=audit("PYSEC-2026-1", "PYSEC-2026-2", version="3.2.1"),
    )
    gate(tmp_path, "baseline", "write", "old.json", "--file", ".gate/baseline.json", "--project", "acme/web")

    assert 1 == gate(graced(tmp_path, 7), "check", "new.json", "--ci", "none").code


def test_more_than_a_month_of_grace_is_refused(tmp_path: Path) -> None:
    files(tmp_path, a_json=CLEAN_BANDIT)

    assert 2 == gate(graced(tmp_path, 31), "check", "a.json", "--ci", "none").code


def test_prune_takes_out_what_is_gone_and_adds_nothing(tmp_path: Path) -> None:
    files(tmp_path, a_json=BANDIT_EVAL, b_json={**BANDIT_EVAL, "results": [EXEC]})
    gate(tmp_path, "baseline", "write", "a.json", "--file", "known.json", "--project", "acme/web")
    result = gate(tmp_path, "baseline", "prune", "b.json", "--file", "known.json", "--project", "acme/web")

    assert (0, "known.json: 1 entries are gone, 0 stay\n") == (result.code, result.out)
    assert [] == json.loads((tmp_path / "known.json").read_text())["findings"]
