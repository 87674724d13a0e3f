"""The pipeline: each step sees what the one before made, and the decision tells all of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest

from gate import __version__, baseline, decide, waivers
from gate.bundle import Bundle, Package
from gate.errors import PolicyError, Problem
from gate.ingest import Read
from gate.model import (
    Action,
    Approval,
    Evidence,
    Finding,
    Kind,
    KubernetesObject,
    Location,
    Observation,
    Outcome,
    Point,
    Report,
    Rule,
    Said,
    Scan,
    Severity,
    Source,
    Status,
    Subject,
)
from gate.pipeline import Judgement, Question, judge

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WEB = Subject(name="acme/web")
BUNDLE = Bundle(
    revision="sha256:r",
    packages=(
        Package(
            name="policy.t",
            scope="subject",
            points=(Point.CI,),
            entrypoints=("policy.t.deny", "policy.t.warn"),
        ),
        Package(name="policy.k", scope="object", points=(Point.CI,), entrypoints=("policy.k.deny",)),
    ),
    rules={
        "T-1": Rule(id="T-1", policy="policy.t", title="t", file="t.rego", line=1),
        "K-1": Rule(id="K-1", policy="policy.k", title="k", severity=Severity.LOW, file="k.rego", line=1),
    },
    settings={},
)


class Stub:
    """An engine that denies (or warns of) every finding that is new and not waived, and every Pod."""

    version = "opa 0 (stub)"

    def __init__(self, verb: Literal["deny", "warn"] = "deny") -> None:
        self.verb = verb

    def evaluate(self, bundle: str, entries: Sequence[str], document: bytes, **_: object) -> dict[str, Any]:
        assert bundle == BUNDLE.revision
        said = [
            {"rule": "T-1", "message": f["title"], "finding": f["fingerprint"]}
            for f in json.loads(document)["findings"]
            if f["waived"] is None and f["state"] == "new"
        ]
        return {entry: said if entry.endswith(self.verb) else [] for entry in entries}

    def evaluate_many(
        self, bundle: str, entries: Sequence[str], base: bytes, overlays: Sequence[bytes], **_: object
    ) -> list[dict[str, Any]]:
        pods = [json.loads(overlay)["object"]["kind"] == "Pod" for overlay in overlays]
        said = [{"rule": "K-1", "message": "a pod", "path": "/spec/x"}]
        return [{entry: said if is_pod else [] for entry in entries} for is_pod in pods]

    def evaluate_leniently(
        self, *_: object, **__: object
    ) -> list[tuple[dict[str, Any], tuple[Problem, ...]]]:
        raise AssertionError("the bundle has no constraints")


def an_eval(file: str = "a.py", **changes: Any) -> Observation:
    facts: dict[str, Any] = {
        "kind": Kind.CODE,
        "rule": "B307",
        "title": "eval",
        "severity": Severity.HIGH,
        "location": Location(file=file, line=3),
        "scanners": ("bandit",),
    }
    return Observation(finding=Finding(**facts | changes), context="eval(x)")


def a_read(*observations: Observation, objects: tuple[KubernetesObject, ...] = ()) -> Read:
    scan = Scan(format="f", scanner="s", kinds=(Evidence.CODE,), observations=observations, objects=objects)
    report = Report(
        format="f",
        scanner="s",
        status=Status.OK,
        sha256="sha256:0",
        findings=len(observations),
        path="r.json",
    )
    return Read(scan=scan, report=report, why="w", data=b"")


def as_said(_: str, __: Point, default: Action) -> Action:
    return default


def judged(
    *reads: Read, verb: Literal["deny", "warn"] = "deny", places: Any = lambda _: {}, **changes: Any
) -> Judgement:
    facts: dict[str, Any] = {
        "decision_id": "d-1",
        "now": NOON,
        "point": Point.CI,
        "project": "acme/web",
        "environment": None,
        "subject": WEB,
        "reads": reads,
        "settings": {},
        "action_for": as_said,
        "timeout_s": 1.0,
    }
    return judge(Question(**facts | changes), BUNDLE, Stub(verb), None, places)


def a_waiver(days: int = 7, **match: str) -> waivers.Waiver:
    return waivers.Waiver(
        id="w-1",
        match=waivers.Match(**match),  # type: ignore[arg-type]  # every key is a text here
        reason="accepted_risk",
        note="n",
        requested_by="wei@example.com",
        approved_by="lin@example.com",
        created=NOON - timedelta(days=1),
        begins=NOON - timedelta(days=1),
        expires=NOON + timedelta(days=days),
    )


def a_baseline(*reads: Read) -> baseline.Baseline:
    before = judged(*reads)
    return baseline.taken(
        "acme/web", NOON, before.findings, before.decision.violations, before.components, None
    )


def test_nothing_found_passes_and_the_decision_says_what_it_rests_on() -> None:
    judgement = judged(a_read())

    decision = judgement.decision
    assert (Outcome.PASS, "d-1", "acme/web", WEB) == (
        decision.outcome, decision.decision_id, decision.project, decision.subject,
    )  # fmt: skip
    assert ("sha256:r", "opa 0 (stub)", ("policy.k", "policy.t")) == (
        decision.policy.revision, decision.policy.engine, decision.policy.packages,
    )  # fmt: skip
    assert ("2026-11-22T12:00:00Z", "2026-11-29T12:00:00Z") == (decision.decided_at, decision.expires_at)
    assert (__version__, 1) == (decision.gate_version, len(decision.reports))


def test_a_finding_becomes_a_violation_where_it_is() -> None:
    decision = judged(a_read(an_eval())).decision

    [violation] = decision.violations
    assert (Outcome.FAIL, "T-1", Severity.HIGH) == (decision.outcome, violation.rule, violation.severity)
    assert Location(file="a.py", line=3) == violation.location
    assert {"code": {"high": 1}} == decision.counts


def test_a_warning_warns() -> None:
    assert Outcome.WARN is judged(a_read(an_eval()), verb="warn").decision.outcome


def test_what_gate_itself_says_counts_as_what_a_rule_says() -> None:
    own = Said(policy="gate.environments", verb="deny", rule="GATE-ENV-001", message="m")

    assert ["GATE-ENV-001"] == [v.rule for v in judged(a_read(), own=(own,)).decision.violations]


def test_the_input_that_was_judged_is_the_one_whose_digest_is_told() -> None:
    judgement = judged(a_read(an_eval()), settings={"x": 1})

    seen = json.loads(judgement.input)
    assert ({"x": 1}, "eval") == (seen["settings"], seen["findings"][0]["title"])
    assert (
        judgement.decision.input_sha256 == judged(a_read(an_eval()), settings={"x": 1}).decision.input_sha256
    )


def test_the_same_question_has_the_same_bytes() -> None:
    reads = (a_read(an_eval(), an_eval("b.py")),)

    assert 1 == len({msgspec.json.encode(judged(*reads).decision) for _ in range(3)})


def test_the_order_of_reports_changes_no_finding_and_no_outcome() -> None:
    one, two = a_read(an_eval()), a_read(an_eval("b.py"))

    assert judged(one, two).decision.violations == judged(two, one).decision.violations


# ------------------------------------------------------------------------------------- waivers


def test_a_waiver_of_a_finding_acts_before_the_rules() -> None:
    [finding] = judged(a_read(an_eval())).findings

    judgement = judged(a_read(an_eval()), waivers=(a_waiver(finding=finding.fingerprint),))

    assert (Outcome.PASS, ()) == (judgement.decision.outcome, judgement.decision.violations)
    assert [("w-1", finding.fingerprint)] == [(w.waiver, w.finding) for w in judgement.decision.waived]
    assert "w-1" == json.loads(judgement.input)["findings"][0]["waived"]["waiver"]


def test_a_waiver_of_a_rule_acts_after_them_and_keeps_the_violation_in_sight() -> None:
    decision = judged(a_read(an_eval()), waivers=(a_waiver(rule="T-1"),)).decision

    assert (Outcome.PASS, ()) == (decision.outcome, decision.violations)
    assert ["T-1"] == [one.violation.rule for one in decision.waived if one.violation]


def test_a_waived_finding_still_counts_among_those_there_are() -> None:
    assert {"code": {"high": 1}} == judged(a_read(an_eval()), waivers=(a_waiver(rule="T-1"),)).decision.counts


def test_a_decision_ends_with_the_first_waiver_it_rests_on() -> None:
    decision = judged(a_read(an_eval()), waivers=(a_waiver(days=2, rule="T-1"),)).decision

    assert "2026-11-24T12:00:00Z" == decision.expires_at


def test_a_waiver_that_covers_nothing_does_not_shorten_a_decision_and_is_told() -> None:
    decision = judged(a_read(), waivers=(a_waiver(days=2, rule="T-1"),)).decision

    assert "2026-11-29T12:00:00Z" == decision.expires_at
    assert any("w-1" in notice for notice in decision.notices)


def test_the_waivers_in_force_are_named_by_their_digest() -> None:
    one, other = (judged(a_read(), waivers=(a_waiver(rule=rule),)).decision for rule in ("T-1", "K-1"))

    assert one.waivers_sha256 != other.waivers_sha256
    assert None is judged(a_read()).decision.waivers_sha256


# ------------------------------------------------------------------------------------ baseline


def test_what_the_baseline_has_is_no_violation_and_is_told_to_the_rules_as_existing() -> None:
    known = a_baseline(a_read(an_eval()))

    judgement = judged(a_read(an_eval(), an_eval("b.py")), baseline=known)

    assert ["b.py"] == [v.location.file for v in judgement.decision.violations if v.location]
    states = {f["location"]["file"]: f["state"] for f in json.loads(judgement.input)["findings"]}
    assert {"a.py": "existing", "b.py": "new"} == states
    assert baseline.digest(known) == judgement.decision.baseline


# ------------------------------------------------------------------------------------- objects


def a_pod(kind: str = "Pod") -> KubernetesObject:
    return KubernetesObject(
        object={"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}},
        source=Source(file="k.yaml", line=4),
        document=3,
        pointer="/items/1",
    )


def test_places_are_asked_for_what_was_said_of_objects_and_nothing_else() -> None:
    asked: list[Any] = []

    def places(wanted: Sequence[tuple[str, int, str]]) -> decide.Places:
        asked.extend(wanted)
        return {("k.yaml", 3, "/items/1/spec/x"): (9, 5)}

    decision = judged(a_read(an_eval(), objects=(a_pod("Service"), a_pod())), places=places).decision

    assert [("k.yaml", 3, "/items/1/spec/x")] == asked
    assert [Location(file="k.yaml", line=9, column=5, resource="Pod//web")] == [
        v.location for v in decision.violations if v.rule == "K-1"
    ]


# ----------------------------------------------------------------------------------- approvals


def an_approval() -> Approval:
    return Approval(digest="sha256:0", environment="production", by="lin", at="2026-11-22T11:00:00Z")


@pytest.mark.parametrize(
    ("required", "given", "outcome"),
    [(0, 0, Outcome.PASS), (1, 0, Outcome.NEEDS_APPROVAL), (1, 1, Outcome.PASS), (2, 1, Outcome.NEEDS_APPROVAL), (1, 2, Outcome.PASS)],
)  # fmt: skip
def test_approvals_that_lack_are_waited_for(required: int, given: int, outcome: Outcome) -> None:
    decision = judged(a_read(), approvals_required=required, approvals=(an_approval(),) * given).decision

    assert (outcome, required, given) == (
        decision.outcome,
        decision.approvals.required,
        len(decision.approvals.given),
    )


def test_no_approval_makes_a_denial_pass() -> None:
    decision = judged(a_read(an_eval()), approvals_required=1, approvals=(an_approval(),)).decision

    assert Outcome.FAIL is decision.outcome


# -------------------------------------------------------------------------------------- errors


def test_an_engine_that_does_not_answer_leaves_no_decision() -> None:
    class Silent(Stub):
        def evaluate(
            self, bundle: str, entries: Sequence[str], document: bytes, **_: object
        ) -> dict[str, Any]:
            raise PolicyError(f"not decided: {bundle} {entries} {len(document)}", code="timeout")

    question = Question(
        decision_id="d", now=NOON, point=Point.CI, project=None, environment=None, subject=WEB, reads=(a_read(),),
        settings={}, action_for=as_said, timeout_s=1.0,
    )  # fmt: skip

    with pytest.raises(PolicyError, match="not decided"):
        judge(question, BUNDLE, Silent(), None, lambda _: {})


def test_a_bundle_without_packages_leaves_no_decision() -> None:
    question = Question(
        decision_id="d", now=NOON, point=Point.CI, project=None, environment=None, subject=WEB, reads=(),
        settings={}, action_for=as_said, timeout_s=1.0,
    )  # fmt: skip

    with pytest.raises(PolicyError, match="no policies judged"):
        judge(question, msgspec.structs.replace(BUNDLE, packages=()), Stub(), None, lambda _: {})
