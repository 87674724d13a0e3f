"""What the shipped rules promise beside their own Rego tests: METADATA, names, settings, documentation.

`UPDATE=1` writes the table of rules in policies/README.md anew. The Rego tests themselves run elsewhere,
through the engine.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gate.model import Severity
from tests.data import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tools"))
from rules_page import POLICIES, Rule, blocks, folder, modules, rules

README = POLICIES / "README.md"

# CONTRACTS.md, "Policy input v1", Finding, Component.
SUBJECT = {"type", "name", "digest", "repository", "commit", "branch", "author", "claimed"}
INPUT = {
    "version", "now", "point", "project", "environment", "subject", "reports", "findings", "components",
    "objects", "attestations", "approvals", "settings",
}  # fmt: skip
OBJECT_INPUT = INPUT | {"object", "source", "request"}
FINDING = {
    "fingerprint", "kind", "rule", "title", "severity", "severity_raw", "aliases", "cwes", "cvss", "epss", "kev",
    "purl", "version", "fixed_versions", "location", "scanners", "confidence", "state", "first_seen", "vex",
    "waived", "fix_state",
}  # fmt: skip
COMPONENT = {"purl", "name", "version", "license", "direct", "scope", "hashes", "supplier"}
REPORT = {
    "format", "scanner", "scanner_version", "status", "sha256", "created", "subject", "findings", "kinds",
}  # fmt: skip
VARIABLES = {"f": FINDING, "c": COMPONENT, "r": REPORT}
INSIDE = {
    "location": {"file", "line", "column", "resource", "image", "url"},
    "kev": {"added", "due", "ransomware"},
    "vex": {"status", "justification"},
    "subject": SUBJECT,
}

AREAS = {
    "vulnerabilities": {"VULN"},
    "code": {"CODE", "DAST", "IAC"},
    "secrets": {"SECRET"},
    "licenses": {"LICENSE"},
    "sbom": {"SBOM"},
    "evidence": {"EVID"},
    "kubernetes": {"K8S"},
    "hardening": {"K8S"},
    "reliability": {"K8S"},
    "reliability/together": {"K8S"},
    "pod-security/baseline": {"PSS"},
    "pod-security/restricted": {"PSS"},
}
OBJECT_SETS = {"kubernetes", "reliability", "hardening", "pod-security/baseline", "pod-security/restricted"}


BEYOND = re.compile(r'findings\.beyond\((?:[^"]|"\w+"\))*?,\s*(?:sprintf\()?"([\w.]+?)(?:\.%s)?"')


def packages() -> list[tuple[Path, dict[str, Any]]]:
    """The METADATA of every package under `policy.`."""
    return [(p, m) for p in modules() for m, _ in blocks(p) if m.get("scope") == "package"]


def settings() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((POLICIES / "settings.yaml").read_text(encoding="utf-8"))
    return loaded


def at(tree: Any, dotted: str) -> Any:
    """The setting at a dotted path; raises KeyError where there is none."""
    for key in dotted.split("."):
        tree = tree[key]
    return tree


def code(path: Path) -> str:
    """The file without comments and string contents that could look like references."""
    text = re.sub(r"(?m)^\s*#.*$", "", path.read_text(encoding="utf-8"))
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`', '""', text)


every_rule = pytest.mark.parametrize("rule", rules(), ids=lambda r: r.id)
every_module = pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(POLICIES)))


def test_there_are_rules_to_check() -> None:
    assert len(rules()) > 50


@every_module
def test_every_deny_and_warn_has_metadata_of_its_own(path: Path) -> None:
    written = len(re.findall(r"(?m)^(?:deny|warn)\b", path.read_text(encoding="utf-8")))
    described = [rule for rule in rules() if rule.path == path]

    assert written == len(described)
    assert {rule.action for rule in described} <= {"deny", "warn"}


@every_rule
def test_the_metadata_of_a_rule_is_complete(rule: Rule) -> None:
    assert {"title", "description", "custom"} == set(rule.metadata)
    assert {"id", "fix", "frameworks"} <= set(rule.custom)
    assert set(rule.custom) <= {"id", "severity", "fix", "docs", "frameworks", "threshold", "points"}
    assert all(isinstance(name, str) for name in rule.custom["frameworks"])
    assert not re.search(r"\.$", rule.metadata["title"] + "\n" + rule.custom["fix"])


@every_rule
def test_a_rule_about_kubernetes_says_where_to_read_more(rule: Rule) -> None:
    if rule.set in OBJECT_SETS | {"reliability/together"} or "docs" in rule.custom:
        assert re.fullmatch(r"https://[a-z0-9.-]+(/[a-z0-9-]+)*/", rule.custom["docs"])


@every_rule
def test_a_rule_without_a_severity_speaks_of_findings(rule: Rule) -> None:
    if "severity" in rule.custom:
        assert rule.custom["severity"] in set(Severity)
    else:
        assert re.search(r'"finding"|_violation\(', rule.body)


@every_rule
def test_a_rule_emits_the_id_it_declares(rule: Rule) -> None:
    assert {rule.id} == set(re.findall(r"GATE-[A-Z0-9]+-\d+", rule.body))


@every_rule
def test_an_id_is_well_formed_and_of_the_area_of_its_folder(rule: Rule) -> None:
    match = re.fullmatch(r"GATE-([A-Z0-9]+)-(\d{3})", rule.id)

    assert match
    assert match[1] in AREAS[folder(rule.path)]


def test_ids_are_unique() -> None:
    ids = [rule.id for rule in rules()]

    assert sorted(set(ids)) == sorted(ids)


@every_rule
def test_a_threshold_names_a_number_of_the_settings(rule: Rule) -> None:
    if "threshold" in rule.custom:
        value = at(settings()["thresholds"], rule.custom["threshold"])

        assert value is None or isinstance(value, int | float)


def test_every_number_among_the_thresholds_is_enforced_by_a_rule() -> None:
    enforced = {rule.custom["threshold"] for rule in rules() if "threshold" in rule.custom}
    numbers = {
        f"{area}.{key}" if key else area
        for area, limits in settings()["thresholds"].items()
        for key, value in (limits.items() if isinstance(limits, dict) else [("", limits)])
        if value is None or isinstance(value, int | float)
    }

    assert numbers == enforced


@every_rule
def test_a_rule_is_named_in_its_tests(rule: Rule) -> None:
    tests = "".join(p.read_text(encoding="utf-8") for p in rule.path.parent.glob("*_test.rego"))

    assert rule.id in tests


def test_every_policy_package_says_where_it_can_speak() -> None:
    for path, metadata in packages():
        is_object = folder(path) in OBJECT_SETS
        points = ["ci", "admission", "background"] if is_object else ["ci", "background"]

        assert {"scope", "title", "custom"} == set(metadata), path
        custom = {key: value for key, value in metadata["custom"].items() if key != "kinds" or not is_object}
        assert {"scope": "object" if is_object else "subject", "points": points} == custom, path


def test_every_package_under_policy_is_described_once() -> None:
    named = re.compile(r"(?m)^package (policy\.\S+)$")
    declared = {m[1] for path in modules() for m in named.finditer(path.read_text(encoding="utf-8"))}

    assert len(packages()) == len(declared)


@every_module
def test_rules_read_only_what_the_input_has(path: Path) -> None:
    allowed = OBJECT_INPUT if folder(path) in OBJECT_SETS | {"lib"} else INPUT
    roots = set(re.findall(r"\binput\.(\w+)", code(path)))
    subject = set(re.findall(r"\binput\.subject\.(\w+)", code(path)))

    assert roots <= allowed
    assert subject <= SUBJECT


@every_module
def test_a_key_read_with_object_get_is_one_the_input_has(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for variable, key in re.findall(r'object\.get\((f|c|r|input), \[?"(\w+)"', text):
        assert key in (INPUT if variable == "input" else VARIABLES[variable])


@every_module
def test_variables_mean_what_the_table_of_names_says(path: Path) -> None:
    for variable, keys in VARIABLES.items():
        for key, inner in re.findall(rf"(?<![\w.]){variable}\.(\w+)(?:\.(\w+))?", code(path)):
            assert key in keys, f"{variable}.{key}"
            assert not inner or inner in INSIDE[key], f"{variable}.{key}.{inner}"


@every_module
def test_every_setting_a_rule_reads_is_shipped(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for dotted in re.findall(r'settings\.(?:limit|list|is)\((?:sprintf\()?"([^"]+)"', text):
        at(settings(), dotted.removesuffix(".%s"))
    for dotted in re.findall(BEYOND, text):
        at(settings()["thresholds"], dotted)


@every_module
def test_without_its_library_a_policy_does_not_compile(path: Path) -> None:
    """A reference to an absent rule is silently undefined; a call of an absent function is a compile error."""
    text = path.read_text(encoding="utf-8")
    for library in re.findall(r"(?m)^import data\.lib\.(?:\w+\.)*(\w+)$", text):
        assert re.search(rf"\b{library}\.\w+\(", text), library


def test_the_tests_judge_by_the_shipped_settings() -> None:
    text = (POLICIES / "lib" / "builders_test.rego").read_text(encoding="utf-8")
    literal = text[text.index("settings := {") + len("settings := ") :]

    assert settings() == json.loads(re.sub(r",(\s*[}\]])", r"\1", literal))


def test_every_set_names_folders_of_policies() -> None:
    sets = yaml.safe_load((POLICIES / "sets.yaml").read_text(encoding="utf-8"))
    folders = {folder(path) for path in modules()}

    assert {"default", "always", "pod-security/restricted"} == set(sets)
    assert {"evidence", "lib"} == set(sets["always"])
    assert {"vulnerabilities", "code", "secrets", "licenses", "kubernetes"} == set(sets["default"])
    assert ["pod-security/baseline", "pod-security/restricted"] == sets["pod-security/restricted"]
    assert folders == AREAS.keys() | {"lib"}


@pytest.mark.parametrize("path", sorted(POLICIES.rglob("*.rego")), ids=lambda p: str(p.relative_to(POLICIES)))
def test_a_file_of_rules_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def table() -> str:
    """The table of all rules for README.md."""
    rows = [
        f"| {rule.id} | {rule.metadata['title']} | {rule.action} | "
        f"{rule.custom.get('severity', 'of the finding')} | {folder(rule.path)} |"
        for rule in sorted(rules(), key=lambda r: r.id)
    ]
    return "\n".join(["| id | title | action | severity | set |", "|---|---|---|---|---|", *rows]) + "\n"


def test_the_readme_lists_every_rule() -> None:
    head, marker, _ = README.read_text(encoding="utf-8").partition("<!-- rules -->\n")
    if os.environ.get("UPDATE") == "1":
        README.write_text(head + marker + table(), encoding="utf-8")

    assert marker
    assert head + marker + table() == README.read_text(encoding="utf-8")
