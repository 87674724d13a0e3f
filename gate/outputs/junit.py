"""`-o junit`: every rule as a test case, for CI systems that show tests.

A waived or audited rule is skipped, a denying one fails; the suite `gate.decision` has the conditions
and the outcome itself, so that a decision that does not pass is never all green.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from xml.etree import ElementTree

from gate.model import Action, Decision, Outcome, Violation
from gate.outputs import summary
from gate.outputs.escaping import cut, xml
from gate.presentation import Presentation

DECISION_SUITE: Final = "gate.decision"
LINES: Final = 1_000
"""Most violations listed in one test case."""


@dataclass
class _Case:
    name: str
    failure: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)


def render(presentation: Presentation) -> bytes:
    """One XML document in UTF-8, one suite for each policy package, then the decision's own."""
    suites = _packages(presentation) | {DECISION_SUITE: _decision(presentation.decision)}
    root = ElementTree.Element("testsuites", name="gate", time=f"{presentation.elapsed_s:.3f}")
    for name, cases in suites.items():
        root.append(_suite(name, cases, presentation.decision))
    for counted in ("tests", "failures", "errors", "skipped"):
        root.set(counted, str(sum(int(suite.get(counted, "0")) for suite in root)))
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


class Test(Protocol):
    """One unit test of a policy, as `gate policy test` knows it."""

    @property
    def package(self) -> str:
        """What it tests."""

    @property
    def name(self) -> str:
        """Its own name."""

    @property
    def file(self) -> str:
        """Where it is, empty where that is not known."""

    @property
    def line(self) -> int:
        """Where it failed or begins."""

    @property
    def outcome(self) -> str:
        """`pass`, `fail`, `error` or `skip`."""

    @property
    def duration_ns(self) -> int:
        """How long it took."""

    @property
    def message(self) -> str:
        """Why it did not pass."""


def tests(found: Sequence[Test]) -> bytes:
    """One XML document in UTF-8, a suite for each package of tests.

    What is neither passed nor skipped counts as not passed, whatever it is called.
    """
    root = ElementTree.Element("testsuites", name="gate policy test")
    for package in sorted({test.package for test in found}):
        suite = ElementTree.SubElement(root, "testsuite", name=xml(package))
        for test in (one for one in found if one.package == package):
            case = ElementTree.SubElement(
                suite,
                "testcase",
                classname=xml(package),
                name=xml(cut(test.name)),
                time=f"{test.duration_ns / 1e9:.3f}",
            )
            if test.outcome == "pass":
                continue
            kind = {"skip": "skipped", "error": "error"}.get(test.outcome, "failure")
            place = f"{test.file}:{test.line}: " if test.file else ""
            ElementTree.SubElement(case, kind, message=xml(cut(f"{place}{test.message or test.outcome}")))
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _count(element: ElementTree.Element) -> None:
    """Give `element` the numbers of the cases below it."""
    kinds = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, kind in kinds.items():
        element.set(name, str(sum(1 for _ in element.iter(kind))))


def _packages(presentation: Presentation) -> dict[str, list[_Case]]:
    """Cases by package: every rule of the bundle, and what was said under any other id."""
    decision = presentation.decision
    cases: dict[str, dict[str, _Case]] = {name: {} for name in decision.policy.packages}
    for rule in sorted(presentation.rules.values(), key=lambda rule: rule.id):
        cases.setdefault(rule.policy, {})[rule.id] = _Case(f"{rule.id} {rule.title}")
    waived = [one.violation for one in decision.waived if one.violation is not None]
    for violation in [*decision.violations, *waived]:
        cases.setdefault(violation.policy, {}).setdefault(violation.rule, _Case(violation.rule))
    for action in (Action.DENY, Action.WARN, Action.AUDIT):
        for violation in summary.acting(decision, action):
            case = cases[violation.policy][violation.rule]
            lines = {Action.DENY: case.failure, Action.WARN: case.output}.get(action, case.skipped)
            lines.append(_line(violation, presentation))
    for one in decision.waived:
        if one.violation is not None:
            why = f"waived by {one.waiver} until {one.expires}: {_line(one.violation, presentation)}"
            cases[one.violation.policy][one.violation.rule].skipped.append(why)
    return {name: list(rules.values()) for name, rules in sorted(cases.items())}


def _decision(decision: Decision) -> list[_Case]:
    cases = []
    for condition in decision.conditions:
        text = f"{summary.plain(condition.actual)}, wanted {summary.plain(condition.threshold)}"
        case = _Case(f"{condition.id} {condition.title}")
        {"fail": case.failure, "warn": case.output}.get(condition.outcome, []).append(text)
        cases.append(case)
    findings = [one for one in decision.waived if one.violation is None]
    if findings:
        # They were taken out before the rules ran, so no rule's case can show them.
        lines = [f"{one.finding} waived by {one.waiver} until {one.expires}" for one in findings]
        cases.append(_Case("waived findings", skipped=lines))
    outcome = _Case("outcome")
    if decision.outcome not in (Outcome.PASS, Outcome.WARN):
        said = summary.approvals_line(decision) if decision.outcome is Outcome.NEEDS_APPROVAL else None
        outcome.failure.append(f"{decision.outcome.value}: {said or summary.blocking_counts(decision)}")
    return [*cases, outcome]


def _line(violation: Violation, presentation: Presentation) -> str:
    place = summary.place(violation, presentation)
    fix = summary.remedy(violation, presentation)
    said = f"{violation.severity.value}: {violation.message}"
    return (f"{place}: " if place else "") + said + (f"; fix: {fix}" if fix else "")


def _suite(name: str, cases: list[_Case], decision: Decision) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        name=xml(name),
        tests=str(len(cases)),
        failures=str(sum(1 for case in cases if case.failure)),
        errors="0",
        skipped=str(sum(1 for case in cases if case.skipped and not case.failure)),
        time="0",
        timestamp=xml(decision.decided_at.removesuffix("Z")),
    )
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", classname=xml(name), name=xml(cut(case.name)), time="0"
        )
        if case.failure:
            failure = ElementTree.SubElement(
                element, "failure", message=xml(cut(case.failure[0])), type="deny"
            )
            failure.text = _listed(case.failure)
        elif case.skipped:
            ElementTree.SubElement(element, "skipped", message=xml(cut("; ".join(case.skipped[:10]))))
        output = [*case.output, *(case.skipped if case.failure else [])]
        if output:
            ElementTree.SubElement(element, "system-out").text = _listed(output)
    return suite


def _listed(lines: Iterable[str]) -> str:
    shown = list(lines)
    more = [f"and {len(shown) - LINES} more, see -o json"] if len(shown) > LINES else []
    return "\n".join([*map(xml, shown[:LINES]), *more])
