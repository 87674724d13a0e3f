"""SARIF, JUnit, Markdown and HTML: what each says for the people and programs that read it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from defusedxml import ElementTree
from jsonschema import Draft7Validator

from gate.model import Action, Condition, Location, Outcome, Waived
from gate.outputs import html, junit, markdown, sarif
from gate.presentation import Presentation
from tests.data import shared_data
from tests.outputs.builders import (
    CASES,
    SSL,
    ZLIB,
    a_decision,
    a_finding,
    a_presentation,
    a_violation,
    a_warning,
    failing,
    passing,
    waiting,
    warning,
)


def _run(presentation: Presentation) -> dict[str, Any]:
    log = json.loads(sarif.render(presentation))
    run: dict[str, Any] = log["runs"][0]
    return run


def _failing_with(*violations: Any, **given: Any) -> Presentation:
    return a_presentation(a_decision(outcome=Outcome.FAIL, violations=violations, **given), exit_code=1)


# ------------------------------------------------------------------------------------------------- sarif


@pytest.mark.parametrize("case", CASES)
def test_a_sarif_log_fits_its_schema(case: str) -> None:
    schema = json.loads(shared_data("schemas", "sarif-schema-2.1.0.json").read_text())
    log = json.loads(sarif.render(CASES[case]()))
    assert [] == [f"{e.json_path}: {e.message}" for e in Draft7Validator(schema).iter_errors(log)]


@pytest.mark.parametrize(
    ("action", "level"), [(Action.DENY, "error"), (Action.WARN, "warning"), (Action.AUDIT, "note")]
)
def test_the_level_of_a_result_is_its_action(action: Action, level: str) -> None:
    assert [level] == [r["level"] for r in _run(_failing_with(a_violation(action=action)))["results"]]


def test_a_result_has_its_place_and_its_fingerprint() -> None:
    [result] = _run(_failing_with(a_violation()))["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert "k8s/web/deployment.yaml" == physical["artifactLocation"]["uri"]
    assert {"startLine": 37, "startColumn": 13} == physical["region"]
    assert {"gateFingerprint/v1": "a1" * 16} == result["partialFingerprints"]


def test_every_result_has_a_physical_location() -> None:
    # Code scanning refuses a whole file for one result without (codeql-action issue 1738).
    homeless = a_violation(location=None, finding=None, object=None)
    outside = a_violation(fingerprint="b" * 32, location=Location(file="/etc/passwd", line=3))
    for result in _run(_failing_with(homeless, outside))["results"]:
        assert "gate.yaml" == result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_a_finding_without_a_file_points_at_the_report_that_told_of_it() -> None:
    violation = a_violation(finding=SSL, location=Location(image="web"), object=None)
    presentation = a_presentation(
        a_decision(outcome=Outcome.FAIL, violations=(violation,)), findings={SSL: a_finding()}
    )
    [result] = _run(presentation)["results"]
    location = result["locations"][0]
    assert "reports/trivy.json" == location["physicalLocation"]["artifactLocation"]["uri"]
    assert [{"fullyQualifiedName": "web"}] == location["logicalLocations"]


def test_a_waived_result_is_suppressed_with_its_reason() -> None:
    waived = Waived(waiver="w-1", expires="2026-12-01T00:00:00Z", violation=a_violation())
    [result] = _run(a_presentation(a_decision(waived=(waived,))))["results"]
    assert [{"kind": "external", "justification": "waiver w-1, expires 2026-12-01T00:00:00Z"}] == result[
        "suppressions"
    ]


def test_only_a_waived_result_is_suppressed() -> None:
    suppressed = ["suppressions" in result for result in _run(failing())["results"]]
    assert [False, False, False, False, False, True] == suppressed


def test_a_failed_decision_without_a_violation_still_has_a_result() -> None:
    condition = Condition(id="GATE-CODE-001", title="code", threshold=0, actual=3, outcome="fail")
    [result] = _run(_failing_with(conditions=(condition,)))["results"]
    assert ("GATE-CODE-001", "error", "code: 3, wanted 0") == (
        result["ruleId"],
        result["level"],
        result["message"]["text"],
    )


def test_more_results_than_services_take_are_cut_worst_first_with_a_note(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sarif, "RESULTS", 1)
    run = _run(_failing_with(a_warning(), a_violation()))
    assert ["GATE-K8S-012"] == [result["ruleId"] for result in run["results"]]
    [note] = run["invocations"][0]["toolExecutionNotifications"]
    assert "1 more results are left out; the whole list is in -o json" == note["message"]["text"]


def test_the_invocation_says_the_exit_code() -> None:
    [invocation] = _run(failing())["invocations"]
    assert (True, 1) == (invocation["executionSuccessful"], invocation["exitCode"])


def test_rules_have_help_and_a_score_and_each_result_its_index() -> None:
    run = _run(failing())
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    [rule] = [rule for rule in rules if rule["id"] == "GATE-VULN-001"]
    assert "9.5" == rule["properties"]["security-severity"]
    assert "Somebody already uses them.\nFix: upgrade the package" == rule["help"]["text"]


def test_rules_that_nobody_broke_are_left_out() -> None:
    assert [] == _run(passing())["tool"]["driver"]["rules"]


# ------------------------------------------------------------------------------------------------- junit


def _cases(presentation: Presentation) -> dict[str, Any]:
    root = ElementTree.fromstring(junit.render(presentation))
    return {f"{c.get('classname')} {c.get('name')}": c for c in root.iter("testcase")}


def test_every_rule_is_a_test_case_passed_ones_too() -> None:
    cases = _cases(passing())
    rule = cases["policy.kubernetes.pods GATE-K8S-012 Containers do not run privileged"]
    assert [] == list(rule)
    assert 5 == len(cases)


def test_a_denying_rule_fails_and_a_warning_one_only_says_so() -> None:
    cases = _cases(failing())
    denied = cases["policy.kubernetes.pods GATE-K8S-012 Containers do not run privileged"]
    warned = cases["policy.kubernetes.pods GATE-K8S-044 Replicas are spread"]
    assert ["failure", "system-out"] == [element.tag for element in denied]
    assert ["system-out"] == [element.tag for element in warned]


def test_a_waived_rule_is_skipped_with_its_waiver() -> None:
    waived = Waived(waiver="w-1", expires="2026-12-01T00:00:00Z", violation=a_violation())
    case = _cases(a_presentation(a_decision(waived=(waived,))))[
        "policy.kubernetes.pods GATE-K8S-012 Containers do not run privileged"
    ]
    assert "waived by w-1 until 2026-12-01T00:00:00Z" in case.find("skipped").get("message")


def test_a_finding_waived_before_the_rules_ran_is_skipped_too() -> None:
    case = _cases(failing())["gate.decision waived findings"]
    assert f"{ZLIB} waived by w-2026-014 until 2026-11-28T00:00:00Z" == case.find("skipped").get("message")


@pytest.mark.parametrize(
    ("case", "failures"), [("failing", 6), ("waiting", 1), ("passing", 0), ("warning", 0)]
)
def test_only_a_decision_that_passes_is_all_green(case: str, failures: int) -> None:
    root = ElementTree.fromstring(junit.render(CASES[case]()))
    assert str(failures) == root.get("failures")


def test_the_numbers_of_a_suite_are_those_of_its_cases() -> None:
    root = ElementTree.fromstring(junit.render(failing()))
    for suite in root:
        counted = [
            str(len(suite)),
            *(str(sum(c.find(tag) is not None for c in suite)) for tag in ("failure", "skipped")),
        ]
        assert counted == [suite.get(name) for name in ("tests", "failures", "skipped")]


# ---------------------------------------------------------------------------------------------- markdown


def _comment(presentation: Presentation) -> str:
    return markdown.render(presentation).decode()


def test_the_first_line_of_a_comment_is_its_marker() -> None:
    marker = "<!-- gate:sticky project=acme/web environment=test -->"
    assert marker == _comment(failing()).splitlines()[0]


@pytest.mark.parametrize(
    ("presentation", "title"),
    [
        (passing(), "## ✓ Gate passed"),
        (warning(), "## ✓ Gate passed · 1 warning"),
        (failing(), "## ✗ Gate failed: 3 things block this"),
        (waiting(), "## ! Gate waits for approval: 1 of 2 given"),
    ],
)
def test_the_title_of_a_comment_says_the_outcome(presentation: Presentation, title: str) -> None:
    assert title == _comment(presentation).splitlines()[1]


def test_a_long_list_is_cut_and_says_how_much_is_left_out() -> None:
    found = tuple(a_violation(fingerprint=f"{i:032x}", message=f"m{i:05}" * 200) for i in range(1_000))
    comment = _comment(_failing_with(*found))
    assert markdown.COMMENT_BYTES > len(comment.encode())
    assert "## ✗ Gate failed: 1000 things block this" in comment
    assert "…and 950 more, see `-o json`" in comment


def test_mentions_in_a_comment_reach_nobody() -> None:
    comment = _comment(_failing_with(a_violation(message="ask @acme/security")))
    assert "@acme" not in comment
    assert "@\u200bacme" in comment


# -------------------------------------------------------------------------------------------------- html


def _page(presentation: Presentation) -> str:
    return html.render(presentation).decode()


def test_the_page_loads_nothing() -> None:
    page = _page(failing())
    policy = "default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in page
    assert [] == [word for word in ("<script", "src=", "href=", "url(", "@import", "http:") if word in page]


@pytest.mark.parametrize(
    ("presentation", "words"),
    [
        (passing(), "✓ Gate passed"),
        (warning(), "! Gate passed with warnings"),
        (failing(), "✗ Gate failed"),
        (waiting(), "! Gate waits for approval"),
    ],
)
def test_the_band_says_the_outcome_in_words(presentation: Presentation, words: str) -> None:
    assert f"<h1>{words}</h1>" in _page(presentation)


def test_the_page_has_every_section() -> None:
    page = _page(failing())
    names = [
        "outcome",
        "blocking",
        "conditions",
        "sources",
        "waived",
        "warnings",
        "audit",
        "notices",
        "origin",
    ]
    assert names == sorted((n for n in names if f'id="{n}"' in page), key=lambda n: page.index(f'id="{n}"'))


def test_waived_findings_stand_on_the_page_with_their_days() -> None:
    page = _page(failing(findings={ZLIB: a_finding(fingerprint=ZLIB, rule="CVE-2025-9230")}))
    assert "CVE-2025-9230" in page
    assert "in 5 days" in page
