"""What a person reads first, and what is kept from them until they ask."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from gate.cli import waiver
from gate.model import Action, Condition, Evidence, Outcome, Severity, Status, Violation
from gate.outputs import text
from gate.presentation import Excerpt, Presentation
from tests.outputs.builders import (
    SSL,
    a_decision,
    a_finding,
    a_presentation,
    a_report,
    a_violation,
    a_warning,
    bare,
    digest,
    failing,
    passing,
    waiting,
    warning,
)


def _lines(presentation: Presentation) -> list[str]:
    return text.render(presentation).decode().splitlines()


def _failing_with(**given: Any) -> Presentation:
    return a_presentation(a_decision(outcome=Outcome.FAIL, **given), exit_code=1)


@pytest.mark.parametrize(
    ("presentation", "begins", "ends"),
    [
        (passing(), "GATE PASSED · decision", "exit 0"),
        (warning(), "GATE PASSED · 1 warning · decision", "exit 0"),
        (waiting(), "GATE WAITING FOR APPROVAL · 1 of 2 given", "exit 4"),
        (failing(), "GATE FAILED · 3 blocking (1 critical, 1 high, 1 evidence)", "exit 1"),
    ],
)
def test_the_last_line_says_the_outcome_and_the_exit_code(
    presentation: Presentation, begins: str, ends: str
) -> None:
    last = _lines(presentation)[-1]
    assert last.startswith(begins)
    assert last.endswith(ends)


def test_quiet_prints_the_last_line_alone() -> None:
    assert [_lines(failing())[-1]] == _lines(failing(verbosity=-1))


def test_the_exit_code_is_the_given_one_even_where_only_reported() -> None:
    last = _lines(failing(exit_code=0))[-1]
    assert last.startswith("GATE FAILED")
    assert last.endswith("exit 0")


def test_a_clean_run_takes_at_most_20_lines() -> None:
    reports = tuple(a_report(scanner=f"tool{i}", path=f"reports/{i}.json") for i in range(40))
    notices = tuple(f"waiver w-{i} covers nothing" for i in range(40))
    decision = a_decision(reports=reports, notices=notices, baseline=digest("4"))
    written = tuple(f"some/long/path/number/{i}/gate.sarif" for i in range(40))
    page = _lines(a_presentation(decision, written=written))
    assert 20 >= len(page)
    assert "  and 32 more sources, nothing blocking, see -v" in page
    assert "note  and 38 more, see -v" in page


def test_at_most_50_blocking_violations_are_spelled_out() -> None:
    found = tuple(a_violation(fingerprint=f"{i:032x}", message=f"m{i}") for i in range(60))
    page = _lines(_failing_with(violations=found))
    assert 50 == sum(1 for line in page if line.startswith("✗ GATE-K8S-012"))
    assert "BLOCKING (60)" in page
    assert "and 10 more, see -o json" in page


def test_warnings_take_one_line_each_and_are_cut_after_ten() -> None:
    found = tuple(a_warning(fingerprint=f"{i:032x}", message=f"m{i:02}") for i in range(12))
    page = _lines(a_presentation(a_decision(outcome=Outcome.WARN, violations=found)))
    assert 10 == sum(1 for line in page if line.startswith("! GATE-K8S-044"))
    assert "  and 2 more warnings, see -v" in page


def test_an_audited_violation_is_a_number_until_asked_for() -> None:
    found = (a_violation(action=Action.AUDIT, message="seen only in audit"),)
    presentation = a_presentation(a_decision(violations=found))
    assert "audit 1" in _lines(presentation)
    assert "seen only in audit" not in text.render(presentation).decode()
    verbose = text.render(a_presentation(a_decision(violations=found), verbosity=1)).decode()
    assert "seen only in audit" in verbose


def test_the_worst_blocks_first() -> None:
    found = (
        a_violation(fingerprint="1" * 32, severity=Severity.LOW, message="less bad"),
        a_violation(fingerprint="2" * 32, severity=Severity.CRITICAL, message="worst"),
    )
    page = text.render(_failing_with(violations=found)).decode()
    assert page.index("worst") < page.index("less bad")


def test_missing_evidence_is_a_row_of_its_own() -> None:
    [row] = [line for line in _lines(failing()) if line.startswith("‼")]
    assert ["‼", "dependencies", "missing", "-", "-", "-", "1", "required", "by", "test"] == row.split()


def test_missing_evidence_that_does_not_block_counts_nothing() -> None:
    condition = Condition(
        id="GATE-EVID-001", title="sbom: wanted", threshold="present", actual="missing", outcome="fail"
    )
    decision = a_decision(outcome=Outcome.WARN, conditions=(condition,))
    [row] = [line for line in _lines(a_presentation(decision)) if line.startswith("‼")]
    assert "0" == row.split()[5]


def test_a_failed_decision_without_a_violation_still_names_its_conditions() -> None:
    condition = Condition(id="GATE-CODE-001", title="code", threshold=0, actual=3, outcome="fail")
    page = _lines(_failing_with(conditions=(condition,)))
    assert "BLOCKING (1)" in page
    assert "    code: 3, wanted 0" in page


def test_a_failed_decision_without_any_reason_does_not_claim_that_nothing_blocks() -> None:
    assert _lines(_failing_with())[-1].startswith("GATE FAILED · no reason was recorded")


def test_a_partial_report_is_marked_with_its_reason() -> None:
    report = a_report(status=Status.PARTIAL, notes=("2 files could not be parsed",))
    [row] = [line for line in _lines(a_presentation(a_decision(reports=(report,)))) if line[:1] == "‼"]
    assert row.endswith("partial: 2 files could not be parsed")


@pytest.mark.parametrize("status", [Status.PARTIAL, Status.FAILED, Status.EMPTY_TARGET])
def test_a_scan_that_is_not_whole_never_looks_passed(status: Status) -> None:
    page = _lines(a_presentation(a_decision(reports=(a_report(status=status),))))
    assert ["‼"] == [line[0] for line in page if "trivy" in line]


def test_a_run_without_reports_says_so() -> None:
    assert "  no report was handed over" in _lines(bare())


def test_reports_of_one_tool_are_one_row() -> None:
    reports = (a_report(path="out/a.json", findings=2), a_report(path="out/b.json", findings=3))
    [row] = [line for line in _lines(a_presentation(a_decision(reports=reports))) if line[:1] == "✓"]
    assert ["✓", "trivy", "image", "out/", "(2", "files)", "5", "0", "0"] == row.split()


def test_a_finding_of_two_tools_counts_for_both() -> None:
    reports = (a_report(), a_report(scanner="grype", format="grype", path="grype.json"))
    decision = a_decision(
        outcome=Outcome.FAIL, reports=reports, violations=(a_violation(finding=SSL, object=None),)
    )
    rows = [line for line in _lines(a_presentation(decision, findings={SSL: a_finding()})) if line[:1] == "✗"]
    assert ["1", "1"] == [row.split()[-1] for row in rows[:2]]


def test_new_is_shown_only_against_a_baseline() -> None:
    assert "NEW" in text.render(failing()).decode()
    assert "NEW" not in text.render(a_presentation()).decode()


def test_an_sbom_counts_packages() -> None:
    report = a_report(scanner="syft", kinds=(Evidence.SBOM,), findings=0)
    page = text.render(a_presentation(a_decision(reports=(report,)), components=212)).decode()
    assert "212 pkg" in page


def test_the_first_waiver_to_expire_is_named_with_its_days() -> None:
    page = text.render(failing()).decode()
    assert "waived 1 · first to expire in 5 days (CVE-2025-9230, waiver w-2026-014)" in page


def test_a_command_to_waive_is_not_offered_for_missing_evidence() -> None:
    page = text.render(failing()).decode()
    block = page[page.index("✗ GATE-EVID-001") : page.index("✗ GATE-K8S-012")]
    assert "waive" not in block


@pytest.mark.parametrize("violation", [a_violation(), a_violation(finding=SSL, object=None)])
def test_the_command_to_waive_is_one_that_gate_has(violation: Violation) -> None:
    page = text.render(_failing_with(violations=(violation,))).decode()
    command = page[page.index("    waive  ") + len("    waive  ") : page.index('"…"') + 3]
    name, group, verb, *arguments = shlex.split(command.replace("\\\n", ""))  # as a shell joins lines
    assert ("gate", "waiver", "new") == (name, group, verb)
    given = waiver.new.make_context("new", arguments).params
    assert violation.finding == given["fingerprint"]
    assert (None if violation.finding else "GATE-K8S-012") == given["rule"]
    assert violation.object == given["object_"]
    assert "high" == given["severity"]


@pytest.mark.parametrize("name", ["a;rm -rf /", "$(id)", "`id`", "a b", "-x", "a\nb", "'"])
def test_no_command_to_paste_has_a_name_that_a_shell_would_obey(name: str) -> None:
    page = text.render(_failing_with(violations=(a_violation(object=name),))).decode()
    assert "waive  " not in page


def test_the_caret_stands_under_the_column_behind_wide_characters() -> None:
    excerpt = Excerpt(first_line=1, lines=("名前: privileged",), line=1, column=5)
    page = _lines(
        a_presentation(
            a_decision(outcome=Outcome.FAIL, violations=(a_violation(),)), excerpts={"a1" * 16: excerpt}
        )
    )
    at = next(i for i, line in enumerate(page) if "名前" in line)
    assert "      1 │ 名前: privileged" == page[at]
    assert "        │       ^^^^^^^^^^" == page[at + 1]


def test_a_long_line_is_shown_around_its_column() -> None:
    line = "x" * 5_000 + "HERE" + "y" * 5_000
    excerpt = Excerpt(first_line=1, lines=(line,), line=1, column=5_001)
    decision = a_decision(outcome=Outcome.FAIL, violations=(a_violation(),))
    page = _lines(a_presentation(decision, excerpts={"a1" * 16: excerpt}))
    at = next(i for i, shown in enumerate(page) if "HERE" in shown)
    assert page[at].index("HERE") == page[at + 1].index("^")


def test_colour_is_used_only_when_asked_for() -> None:
    assert b"\x1b" not in text.render(failing())
    assert b"\x1b[31m" in text.render(failing(color=True))


def test_every_state_has_a_sign_in_ascii_too() -> None:
    page = text.render(failing(unicode=False)).decode("ascii")
    signs = {line.split()[0] for line in page.splitlines() if line.startswith(("ok ", "x ", "! ", "!! "))}
    assert {"ok", "x", "!", "!!"} == signs
