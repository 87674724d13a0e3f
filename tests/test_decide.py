"""Decide: sayings become violations, violations an outcome, and the conditions tell the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gate import assemble, bootstrap, decide, limits
from gate.bundle import Bundle
from gate.engines.embedded import Engine
from gate.errors import PolicyError
from gate.evaluate import evaluate
from gate.model import (
    Action,
    Condition,
    Evidence,
    Finding,
    FixState,
    Kev,
    Kind,
    KubernetesObject,
    Location,
    Outcome,
    Point,
    Report,
    Rule,
    Said,
    Severity,
    Source,
    State,
    Status,
    Subject,
    Vex,
    Violation,
    WaivedBy,
)
from gate.settings import merged

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
POD = KubernetesObject(
    object={"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "prod"}},
    source=Source(file="k.yaml", line=3),
    document=2,
    pointer="/items/0",
)


def a_finding(**changes: Any) -> Finding:
    facts: dict[str, Any] = {
        "fingerprint": "f1",
        "kind": Kind.CODE,
        "rule": "r",
        "title": "t",
        "severity": Severity.MEDIUM,
        "scanners": ("s",),
        "location": Location(file="a.py", line=7),
    }
    return Finding(**facts | changes)


def a_rule(**changes: Any) -> Rule:
    facts: dict[str, Any] = {"id": "T-1", "policy": "policy.t", "title": "t", "file": "p.rego", "line": 1}
    return Rule(**facts | changes)


def a_saying(verb: Literal["deny", "warn"] = "deny", **changes: Any) -> Said:
    return Said(**{"policy": "policy.t", "verb": verb, "rule": "T-1", "message": "m"} | changes)


def as_said(_: str, __: Point, default: Action) -> Action:
    return default


def always(action: Action) -> decide.ActionFor:
    return lambda _, __, ___: action


def violations(
    *said: Said,
    rule: Rule | None = None,
    findings: tuple[Finding, ...] = (),
    action_for: decide.ActionFor = as_said,
    places: decide.Places | None = None,
    point: Point = Point.CI,
    now: datetime = NOON,
) -> tuple[Violation, ...]:
    rule = rule or a_rule()
    known = {finding.fingerprint: finding for finding in findings}
    return decide.violations(said, {rule.id: rule}, known, [POD], places or {}, action_for, point, now)


def a_violation(action: Action = Action.DENY, **changes: Any) -> Violation:
    facts: dict[str, Any] = {
        "fingerprint": "v1", "rule": "T-1", "policy": "policy.t", "severity": Severity.HIGH, "message": "m",
    }  # fmt: skip
    return Violation(**facts | {"action": action} | changes)


# ----------------------------------------------------------------------------------- violations


@pytest.mark.parametrize(
    ("of_rule", "of_finding", "expected"),
    [
        (Severity.LOW, Severity.CRITICAL, Severity.LOW),
        (None, Severity.CRITICAL, Severity.CRITICAL),
        (Severity.LOW, None, Severity.LOW),
        (None, None, Severity.UNKNOWN),
    ],
)
def test_the_severity_is_the_rules_or_the_findings(
    of_rule: Severity | None, of_finding: Severity | None, expected: Severity
) -> None:
    findings = (a_finding(severity=of_finding),) if of_finding else ()
    said = a_saying(finding="f1" if of_finding else None)

    assert [expected] == [
        v.severity for v in violations(said, rule=a_rule(severity=of_rule), findings=findings)
    ]


@pytest.mark.parametrize("verb", ["deny", "warn"])
@pytest.mark.parametrize("action", list(Action))
def test_the_configured_action_replaces_that_of_the_set(
    verb: Literal["deny", "warn"], action: Action
) -> None:
    found = violations(a_saying(verb), action_for=always(action))

    assert ([] if action is Action.OFF else [action]) == [violation.action for violation in found]


def test_an_action_may_differ_at_each_point() -> None:
    def only_warned_of_at_admission(_: str, point: Point, default: Action) -> Action:
        return Action.WARN if point is Point.ADMISSION else default

    found = [violations(a_saying(), action_for=only_warned_of_at_admission, point=point) for point in Point]

    assert [Action.DENY, Action.WARN, Action.DENY] == [one.action for [one] in found]


@pytest.mark.parametrize(
    ("at", "verb", "expected"),
    [
        (NOON - timedelta(microseconds=1), "deny", Action.WARN),
        (NOON, "deny", Action.DENY),
        (NOON - timedelta(days=1), "warn", Action.WARN),
    ],
)
def test_a_rule_denies_from_its_date_on_and_warns_before(
    at: datetime, verb: Literal["deny", "warn"], expected: Action
) -> None:
    rule = a_rule(effective_on="2026-11-22T12:00:00Z")

    assert [expected] == [violation.action for violation in violations(a_saying(verb), rule=rule, now=at)]


@pytest.mark.parametrize("action", [Action.AUDIT, Action.OFF])
def test_a_date_makes_nothing_stricter(action: Action) -> None:
    rule = a_rule(effective_on="2026-11-23T00:00:00Z")
    found = violations(a_saying(), rule=rule, action_for=always(action))

    assert Action.WARN not in {violation.action for violation in found}


def test_a_remedy_of_its_own_comes_before_that_of_the_rule() -> None:
    own, common = violations(
        a_saying(remedy="own", message="a"), a_saying(message="b"), rule=a_rule(fix="common")
    )

    assert {"own", "common"} == {own.remedy, common.remedy}


def test_a_saying_about_a_finding_stands_where_the_finding_is() -> None:
    [violation] = violations(a_saying(finding="f1"), findings=(a_finding(),))

    assert (Location(file="a.py", line=7), "f1", None) == (
        violation.location,
        violation.finding,
        violation.object,
    )


def test_a_saying_about_an_object_stands_at_its_field() -> None:
    places = {("k.yaml", 2, "/items/0/spec/hostNetwork"): (9, 3)}

    [violation] = violations(a_saying(about=0, path="/spec/hostNetwork"), places=places)

    assert Location(file="k.yaml", line=9, column=3, resource="Pod/prod/web") == violation.location
    assert ("Pod/prod/web", "/spec/hostNetwork") == (violation.object, violation.path)


def test_without_a_known_place_it_is_the_first_line_of_the_object() -> None:
    [violation] = violations(a_saying(about=0, path="/spec"))

    assert Location(file="k.yaml", line=3, column=1, resource="Pod/prod/web") == violation.location


def test_an_object_from_no_file_has_its_name_only() -> None:
    bare = KubernetesObject(object=POD.object)

    [violation] = decide.violations(
        [a_saying(about=0)], {"T-1": a_rule()}, {}, [bare], {}, as_said, Point.ADMISSION, NOON
    )

    assert Location(resource="Pod/prod/web") == violation.location


def test_what_is_said_twice_is_one_violation_with_the_stricter_action() -> None:
    both = [a_saying("warn"), a_saying("deny")]

    assert [[Action.DENY]] * 2 == [[v.action for v in violations(*order)] for order in (both, both[::-1])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"message": "a"}, {"message": "b"}),
        ({"finding": "f1"}, {"finding": "f2"}),
        ({"about": 0, "path": "/a"}, {"about": 0, "path": "/b"}),
        ({"about": 0, "message": "a"}, {"about": 0, "message": "b"}),
        ({"finding": "f1"}, {}),
    ],
)
def test_what_differs_in_what_it_is_about_is_two_violations(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    findings = (a_finding(), a_finding(fingerprint="f2"))

    assert 2 == len(violations(a_saying(**one), a_saying(**other), findings=findings))


def test_a_violation_of_a_finding_keeps_its_name_when_its_wording_changes() -> None:
    found = [
        violations(
            a_saying(finding="f1", message=message), rule=a_rule(severity=severity), findings=(a_finding(),)
        )
        for message, severity in (("3 left", Severity.LOW), ("4 left", Severity.HIGH))
    ]

    assert 1 == len({violation.fingerprint for [violation] in found})


def test_a_violation_of_an_object_keeps_its_name_when_lines_move() -> None:
    said = a_saying(about=0, path="/spec")

    [one], [other] = violations(said, places={("k.yaml", 2, "/items/0/spec"): (9, 3)}), violations(said)

    assert one.fingerprint == other.fingerprint


def test_the_worst_comes_first_whatever_was_said_first() -> None:
    findings = tuple(a_finding(fingerprint=s.value, severity=s) for s in Severity)
    said = [a_saying(verb, finding=s.value, rule="T-1") for s in Severity for verb in ("warn", "deny")]

    found = violations(*said, a_saying("warn", message="x"), findings=findings)

    ranks = [(v.action is Action.WARN, v.severity.rank) for v in found]
    assert sorted(ranks) == ranks
    assert found == violations(*said[::-1], a_saying("warn", message="x"), findings=findings)


# -------------------------------------------------------------------------------------- outcome


def expected_outcome(actions: set[Action], lacking: int) -> Outcome:
    """The table of CONTRACTS.md, written once more and differently."""
    for is_met, outcome in [
        (Action.DENY in actions, Outcome.FAIL),
        (lacking > 0, Outcome.NEEDS_APPROVAL),
        (Action.WARN in actions, Outcome.WARN),
    ]:
        if is_met:
            return outcome
    return Outcome.PASS


@pytest.mark.parametrize("lacking", [0, 1, 2])
@pytest.mark.parametrize(
    "actions",
    [
        combination
        for size in range(4)
        for combination in itertools.combinations((Action.DENY, Action.WARN, Action.AUDIT), size)
    ],
    ids=lambda actions: "+".join(actions) or "nothing",
)
def test_the_outcome_of_every_combination(actions: tuple[Action, ...], lacking: int) -> None:
    for order in itertools.permutations(actions):
        assert expected_outcome(set(actions), lacking) is decide.outcome(map(a_violation, order), lacking)


def test_more_violations_never_make_a_better_outcome() -> None:
    order = [Outcome.PASS, Outcome.WARN, Outcome.NEEDS_APPROVAL, Outcome.FAIL]
    actions = (Action.DENY, Action.WARN, Action.AUDIT)
    for few in itertools.chain.from_iterable(itertools.combinations(actions, size) for size in range(3)):
        for more in actions:
            for lacking in (0, 1):
                worse = decide.outcome(map(a_violation, (*few, more)), lacking)
                assert order.index(worse) >= order.index(decide.outcome(map(a_violation, few), lacking))


# --------------------------------------------------------------------------- baseline, time, names


def test_a_violation_that_the_baseline_has_is_audited() -> None:
    new, known = a_violation(fingerprint="v1"), a_violation(fingerprint="v2", action=Action.WARN)

    found = decide.known_before([new, known], frozenset({"v2"}))

    assert [Action.DENY, Action.AUDIT] == [violation.action for violation in found]


def test_a_violation_of_a_finding_is_judged_by_the_state_of_the_finding_alone() -> None:
    [violation] = decide.known_before([a_violation(finding="f1")], frozenset({"v1"}))

    assert Action.DENY is violation.action


@pytest.mark.parametrize(
    ("waivers", "expected"),
    [
        ([], NOON + timedelta(days=limits.DECISION_DAYS)),
        ([NOON + timedelta(hours=1), NOON + timedelta(days=2)], NOON + timedelta(hours=1)),
        ([NOON + timedelta(days=90)], NOON + timedelta(days=limits.DECISION_DAYS)),
    ],
)
def test_a_decision_counts_until_its_days_or_its_first_waiver_end(
    waivers: list[datetime], expected: datetime
) -> None:
    assert f"{expected:%Y-%m-%dT%H:%M:%S}Z" == decide.expires_at(NOON, waivers)


def test_findings_are_counted_by_kind_and_severity_waived_ones_too() -> None:
    waived = a_finding(waived=WaivedBy(waiver="w", expires="e"))
    findings = [a_finding(), waived, a_finding(kind=Kind.SECRET, severity=Severity.HIGH)]

    assert {"code": {"medium": 2}, "secret": {"high": 1}} == decide.counts(findings)


def test_no_package_at_all_is_no_pass() -> None:
    with pytest.raises(PolicyError, match="no policies judged"):
        decide.packages(Bundle(revision="r", packages=(), rules={}, settings={}))


def test_python_packages_are_named_beside_the_others() -> None:
    bundle = Bundle(revision="r", packages=(), rules={}, settings={}, python_packages=("python.a",))

    assert ("python.a",) == decide.packages(bundle)


# ----------------------------------------------------------------------------------- conditions


def conditions(
    settings: dict[str, Any],
    *findings: Finding,
    rules: tuple[Rule, ...] = (),
    reports: tuple[Report, ...] = (),
    found: tuple[Violation, ...] = (),
    action_for: decide.ActionFor = as_said,
) -> tuple[Condition, ...]:
    by_id = {rule.id: rule for rule in rules}
    return decide.conditions(by_id, settings, findings, reports, found, action_for, Point.CI)


HIGH_CODE = a_rule(id="GATE-CODE-002", title="High flaw", threshold="code.high")
ONE_HIGH = {"thresholds": {"code": {"high": 1}}}


def test_a_threshold_in_force_has_a_condition_with_its_number_and_the_count() -> None:
    two = (a_finding(severity=Severity.HIGH), a_finding(severity=Severity.HIGH, fingerprint="f2"))
    denied = (a_violation(rule="GATE-CODE-002"),)

    assert (
        Condition(id="GATE-CODE-002", title="High flaw", threshold=1, actual=2, outcome="fail"),
    ) == conditions(ONE_HIGH, *two, rules=(HIGH_CODE,), found=denied)


@pytest.mark.parametrize(
    "settings", [{}, {"thresholds": None}, {"thresholds": {"code": {"high": None}}}, {"thresholds": 0}]
)
def test_what_is_no_threshold_has_no_condition(settings: dict[str, Any]) -> None:
    assert () == conditions(settings, rules=(HIGH_CODE,))


def test_a_rule_that_is_off_has_no_condition() -> None:
    assert () == conditions(ONE_HIGH, rules=(HIGH_CODE,), action_for=always(Action.OFF))


@pytest.mark.parametrize(
    ("action", "outcome"), [(Action.DENY, "fail"), (Action.WARN, "warn"), (Action.AUDIT, "pass")]
)
def test_a_condition_comes_out_as_its_violations_do(action: Action, outcome: str) -> None:
    [condition] = conditions(ONE_HIGH, rules=(HIGH_CODE,), found=(a_violation(action, rule="GATE-CODE-002"),))

    assert outcome == condition.outcome


@pytest.mark.parametrize(
    "finding",
    [
        a_finding(severity=Severity.HIGH, waived=WaivedBy(waiver="w", expires="e")),
        a_finding(severity=Severity.HIGH, state=State.EXISTING),
        a_finding(severity=Severity.HIGH, state=State.NEWLY_DISCLOSED),
        a_finding(severity=Severity.HIGH, kind=Kind.DAST),
        a_finding(severity=Severity.CRITICAL),
    ],
)
def test_what_does_not_count_is_not_counted(finding: Finding) -> None:
    [condition] = conditions(ONE_HIGH, finding, rules=(HIGH_CODE,))

    assert (0, "pass") == (condition.actual, condition.outcome)


@pytest.mark.parametrize(
    ("state", "fixed", "count"),
    [
        ("unknown", (), 1),
        ("fixed", (), 1),
        ("not_fixed", (), 0),
        ("wont_fix", (), 0),
        ("not_fixed", ("2",), 1),
    ],
)
def test_fixable_leaves_out_only_what_is_said_to_have_no_fix(
    state: str, fixed: tuple[str, ...], count: int
) -> None:
    settings = {"thresholds": {"vulnerabilities": {"only": "fixable", "medium": 0}}}
    flaw = a_finding(kind=Kind.VULNERABILITY, fix_state=FixState(state), fixed_versions=fixed)

    [condition] = conditions(settings, flaw, rules=(a_rule(threshold="vulnerabilities.medium"),))

    assert count == condition.actual


@pytest.mark.parametrize("threshold", ["licenses.unknown", "vulnerabilities.epss", "nothing", "code.other"])
def test_a_number_that_counts_no_findings_has_no_count(threshold: str) -> None:
    area, _, key = threshold.partition(".")
    settings = {"thresholds": {area: {key: 0.5} if key else 0.5}}

    [condition] = conditions(settings, a_finding(), rules=(a_rule(threshold=threshold),))

    assert (0.5, None) == (condition.threshold, condition.actual)


def a_report(status: Status = Status.OK, *kinds: Evidence) -> Report:
    return Report(format="f", scanner="s", status=status, sha256="sha256:0", kinds=kinds or (Evidence.CODE,))


REQUIRED = {"evidence": {"require": ["code"], "max_age_s": 86_400}}


@pytest.mark.parametrize(
    ("reports", "actual", "outcome"),
    [
        ((), "missing", "fail"),
        ((a_report(),), "ok", "pass"),
        ((a_report(Status.PARTIAL),), "partial", "fail"),
        ((a_report(Status.FAILED),), "failed", "fail"),
        ((a_report(Status.EMPTY_TARGET),), "empty_target", "fail"),
        ((a_report(), a_report(Status.FAILED)), "failed, ok", "fail"),
        ((a_report(Status.OK, Evidence.SBOM),), "missing", "fail"),
        ((a_report(Status.OK, Evidence.SBOM, Evidence.CODE),), "ok", "pass"),
    ],
)
def test_required_evidence_has_a_condition(reports: tuple[Report, ...], actual: str, outcome: str) -> None:
    [condition] = conditions(REQUIRED, reports=reports)

    assert ("GATE-EVID-001", "present and complete, at most 24 h old") == (condition.id, condition.threshold)
    assert (actual, outcome) == (condition.actual, condition.outcome)


@pytest.mark.parametrize(("kind", "outcome"), [("code", "fail"), ("sbom", "pass")])
def test_evidence_that_is_too_old_fails_its_own_condition_and_no_other(kind: str, outcome: str) -> None:
    """`code` is also a part of a scanner's name that the message tells."""
    old = a_violation(
        rule="GATE-EVID-005", message=f"evidence of {kind}: the report codeql sha256:1 is 2 days old"
    )

    [condition] = conditions(REQUIRED, reports=(a_report(),), found=(old,))

    assert outcome == condition.outcome


def test_a_required_kind_that_nobody_knows_fails() -> None:
    assert ["fail"] == [condition.outcome for condition in conditions({"evidence": {"require": ["sbomb"]}})]


# ------------------------------------------------- conditions and violations, by the shipped policies


class Judge:
    """The shipped policies, loaded."""

    def __init__(self, engine: Engine, bundle: Bundle) -> None:
        self.engine, self.bundle = engine, bundle

    def __call__(
        self, settings: dict[str, Any], findings: tuple[Finding, ...], reports: tuple[Report, ...] = ()
    ) -> tuple[Outcome, tuple[Condition, ...], tuple[Violation, ...]]:
        facts = assemble.Facts(
            now=NOON, point=Point.CI, project=None, environment=None, subject=Subject(name="s"), reports=reports,
            findings=findings, settings=settings,
        )  # fmt: skip
        by_fingerprint = {finding.fingerprint: finding for finding in findings}
        said = evaluate(
            self.engine, None, self.bundle, assemble.assemble(facts), frozenset(by_fingerprint),
            point=Point.CI, now_ns=assemble.now_ns(NOON), timeout_s=20.0,
        )  # fmt: skip
        rules = self.bundle.rules
        found = decide.violations(said, rules, by_fingerprint, (), {}, as_said, Point.CI, NOON)
        met = decide.conditions(rules, settings, findings, reports, found, as_said, Point.CI)
        return decide.outcome(found, 0), met, found


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with bootstrap.engine() as engine:
        yield Judge(engine, bootstrap.bundle(["builtin:default"], Path.cwd(), engine, python=False))


LIMIT = st.none() | st.integers(0, 2)
BY_SEVERITY = ("critical", "high", "medium", "low", "unknown")
THRESHOLDS = st.fixed_dictionaries(
    {
        "vulnerabilities": st.fixed_dictionaries(
            dict.fromkeys((*BY_SEVERITY, "kev"), LIMIT) | {"only": st.sampled_from(["fixable", "all"])}
        ),
        **{
            area: st.fixed_dictionaries(dict.fromkeys(BY_SEVERITY, LIMIT))
            for area in ("code", "dast", "misconfigurations")
        },
        "secrets": LIMIT,
        "malware": LIMIT,
    }
)
FINDINGS = st.lists(
    st.builds(
        a_finding,
        kind=st.sampled_from([Kind.VULNERABILITY] * 4 + list(Kind)),
        severity=st.sampled_from(Severity),
        rule=st.sampled_from(["CVE-2026-0001", "MAL-2026-1"]),
        fixed_versions=st.sampled_from([(), ("2.0",)]),
        fix_state=st.sampled_from(FixState),
        kev=st.sampled_from([None, Kev(added="2026-01-01"), Kev(added="2026-01-01", due="2026-02-01")]),
        state=st.sampled_from([State.NEW] * 3 + list(State)),
        waived=st.sampled_from([None, None, WaivedBy(waiver="w", expires="e")]),
        vex=st.sampled_from(
            [
                None,
                Vex(status="not_affected"),
                Vex(status="not_affected", justification="component_not_present"),
                Vex(status="fixed"),
                Vex(status="affected"),
            ]
        ),
    ),
    max_size=12,
)


@given(thresholds=THRESHOLDS, drawn=FINDINGS, trusts_vex=st.booleans())
@hypothesis_settings(max_examples=60)
def test_a_threshold_that_is_exceeded_always_fails_and_one_that_is_not_never_does(
    judge: Judge, thresholds: dict[str, Any], drawn: list[Finding], trusts_vex: bool
) -> None:
    findings = tuple(msgspec.structs.replace(f, fingerprint=f"f{n}") for n, f in enumerate(drawn))
    given_settings = {"thresholds": thresholds, "vulnerabilities": {"trust_vex": trusts_vex}}
    settings = merged(judge.bundle.settings, given_settings)

    outcome, met, found = judge(settings, findings)

    exceeded = {one.id for one in met if one.actual is not None and one.actual > one.threshold}
    assert exceeded == {one.id for one in met if one.outcome == "fail"}
    assert exceeded == {violation.rule for violation in found if violation.action is Action.DENY}
    assert bool(exceeded) == (outcome is Outcome.FAIL)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("kind", list(Evidence))
def test_the_condition_of_required_evidence_fails_exactly_where_the_decision_does(
    judge: Judge, kind: Evidence, status: Status
) -> None:
    required = {"evidence": {"require": [kind.value], "max_age_s": None}}
    settings = merged(judge.bundle.settings, required)
    for reports in ((), (a_report(status, kind),), (a_report(status, kind), a_report(Status.OK, kind))):
        outcome, met, _ = judge(settings, (), reports)

        wanted = [one.outcome for one in met if one.id == "GATE-EVID-001"]
        assert (["fail"] if outcome is Outcome.FAIL else ["pass"]) == wanted
