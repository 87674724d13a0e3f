"""examples/webshop: what its README promises is what gate says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.command import Result, gate
from tests.data import REPOSITORY

WEBSHOP = REPOSITORY / "examples" / "webshop"
STATES = ("flawed", "fixed")
SCANNERS = {"bandit", "cyclonedx-py", "gitleaks", "hadolint", "kubernetes", "pip-audit", "semgrep"}
ROW = re.compile(r"^\| (GATE-[A-Z0-9]+-\d+) \| (deny|warn) \| (\d+) \|", re.MULTILINE)
REGISTRIES = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.",
    "golang" + ".org",
    "crates" + ".io",
    "maven" + ".org",
    "debian" + ".org",
)
MACHINE_PATHS = (*(f"/{top}/" for top in ("home", "root", "private", "work", "usr", "var/folders")), "C:\\")


def checked(state: str) -> Result:
    """What `gate check` answers in the folder of a state, as JSON."""
    return gate(WEBSHOP / state, "check", "--environment", "staging", "-o", "json")


def scanners(decision: dict[str, Any]) -> set[str]:
    """The tools whose reports were read; semgrep's SARIF names its edition too."""
    return {report["scanner"].split()[0] for report in decision["reports"]}


def texts() -> dict[Path, str]:
    """Every file of the example, without what tools leave behind."""
    paths = (path for path in WEBSHOP.rglob("*") if path.is_file())
    below = {path.relative_to(WEBSHOP): path for path in paths}
    return {
        name: path.read_text("utf-8")
        for name, path in below.items()
        if not any(part.startswith((".", "__pycache__")) for part in name.parts)
    }


def test_the_flawed_shop_may_not_pass() -> None:
    result = checked("flawed")

    assert (1, "fail") == (result.code, result.json["outcome"])


def test_the_fixed_shop_may_pass_without_a_waiver_a_baseline_or_a_warning() -> None:
    result = checked("fixed")
    decision = result.json

    assert (0, "pass") == (result.code, decision["outcome"])
    assert ([], [], None) == (decision["violations"], decision["waived"], decision["baseline"])


def test_the_readme_lists_the_rules_that_speak_and_how_often() -> None:
    promised = Counter(
        {
            (rule, action): int(n)
            for rule, action, n in ROW.findall((WEBSHOP / "README.md").read_text("utf-8"))
        }
    )
    said = Counter((v["rule"], v["action"]) for v in checked("flawed").json["violations"])

    assert promised == said


@pytest.mark.parametrize("state", STATES)
def test_every_tool_is_represented_and_came_to_its_end(state: str) -> None:
    decision = checked(state).json

    assert SCANNERS == scanners(decision)
    assert {"ok"} == {report["status"] for report in decision["reports"]}


@pytest.mark.parametrize("state", STATES)
def test_every_report_of_the_folder_is_judged(state: str) -> None:
    there = {path.relative_to(WEBSHOP / state).as_posix() for path in (WEBSHOP / state / "reports").iterdir()}
    judged = {report["path"] for report in checked(state).json["reports"]}

    assert there == {path for path in judged if path.startswith("reports/")}


def test_one_gate_yaml_judges_both_states() -> None:
    flawed, fixed = ((WEBSHOP / state / "gate.yaml").read_text("utf-8") for state in STATES)

    assert flawed == fixed


def test_the_example_does_not_age() -> None:
    text = (WEBSHOP / "flawed" / "gate.yaml").read_text("utf-8")

    assert [] == [word for word in ("max_age", "waivers", "baseline", "record") if word in text]


def test_the_example_names_no_registry_and_no_place_of_a_machine() -> None:
    found = [
        (str(path), word)
        for path, text in texts().items()
        for word in (*REGISTRIES, *MACHINE_PATHS)
        if word in text
    ]

    assert [] == found


def test_without_a_report_that_is_required_the_fixed_shop_may_not_pass(tmp_path: Path) -> None:
    for path, text in texts().items():
        copy = tmp_path / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, "utf-8")
    folder = tmp_path / "fixed"
    (folder / "reports" / "pip-audit.json").unlink()
    gone = gate(folder, "check", "--environment", "staging")
    lines = (folder / "gate.yaml").read_text("utf-8").splitlines(keepends=True)
    (folder / "gate.yaml").write_text("".join(line for line in lines if "pip-audit" not in line), "utf-8")
    not_asked_for = gate(folder, "check", "--environment", "staging", "-o", "json")

    assert (3, 1) == (gone.code, not_asked_for.code)
    assert ["GATE-EVID-001"] == [violation["rule"] for violation in not_asked_for.json["violations"]]
