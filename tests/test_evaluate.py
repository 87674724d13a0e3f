"""Evaluate: what came back is what rules may say, or there is no decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from gate import limits
from gate.assemble import Facts, assemble
from gate.bundle import Bundle, Package
from gate.errors import PolicyError, Problem
from gate.evaluate import Python, evaluate
from gate.model import KubernetesObject, Point, Rule, Said, Subject
from gate.policy_files import Module

SAID = {"rule": "T-1", "message": "m"}
OBJECTS = tuple(KubernetesObject(object={"kind": "Pod"}) for _ in range(2))


class Stub:
    """An engine that answers what it was told to answer."""

    version = "stub"

    def __init__(
        self, answers: dict[str, Any] | None = None, each: list[dict[str, Any]] | None = None
    ) -> None:
        self.answers = answers or {}
        self.each = each or []
        self.asked: list[tuple[str, ...]] = []

    def evaluate(self, bundle: str, entries: Sequence[str], document: bytes, **_: object) -> dict[str, Any]:
        self.asked.append((bundle, *entries))
        assert b'"version":1' in document
        return self.answers

    def evaluate_many(
        self, bundle: str, entries: Sequence[str], base: bytes, overlays: Sequence[bytes], **_: object
    ) -> list[dict[str, Any]]:
        self.asked.append((bundle, *entries, str(len(overlays))))
        assert b'"version":1' in base
        return self.each

    def evaluate_leniently(
        self, *_: object, **__: object
    ) -> list[tuple[dict[str, Any], tuple[Problem, ...]]]:
        raise AssertionError("the bundle has no constraints")


def a_rule(id_: str, policy: str) -> Rule:
    return Rule(id=id_, policy=policy, title="t", file="p.rego", line=1)


def a_package(
    name: str, scope: str = "subject", verbs: Sequence[str] = ("deny",), *, is_own: bool = True
) -> Package:
    points = tuple(Point) if scope == "object" else (Point.CI, Point.BACKGROUND)
    asked = tuple(f"{name}.{verb}" for verb in verbs)
    return Package(name=name, scope=scope, points=points, entrypoints=asked, is_own=is_own)


def a_bundle(*packages: Package, python: bool = False) -> Bundle:
    ids = {"policy.t": "T-1", "policy.k": "K-1", "policy.other": "O-1", "python.p": "P-1"}
    return Bundle(
        revision="r",
        packages=packages or (a_package("policy.t"),),
        rules={id_: a_rule(id_, policy) for policy, id_ in ids.items()},
        settings={},
        python=(Module(path="p.py", text="text"),) if python else (),
        python_packages=("python.p",) if python else (),
    )


def asked(
    engine: Stub, bundle: Bundle, python: Python | None = None, *, point: Point = Point.CI, objects: tuple[KubernetesObject, ...] = ()
) -> tuple[Said, ...]:  # fmt: skip
    now = datetime(2026, 11, 22, tzinfo=UTC)
    facts = Facts(
        now=now, point=point, project=None, environment=None, subject=Subject(name="s"), objects=objects
    )
    return evaluate(
        engine, python, bundle, assemble(facts), frozenset({"f1"}), point=point, now_ns=1, timeout_s=1.0
    )


def refusal(*arguments: Any, **more: Any) -> Problem:
    with pytest.raises(PolicyError) as caught:
        asked(*arguments, **more)
    return caught.value.problems[0]


def refused_item(item: object) -> Problem:
    return refusal(Stub({"policy.t.deny": [item]}), a_bundle())


# -------------------------------------------------------------------------------- what is asked


def test_where_no_rule_can_speak_nothing_was_judged() -> None:
    problem = refusal(Stub(), a_bundle(a_package("policy.t")), point=Point.ADMISSION)

    assert ("no_policies", "no policies judged: no rule can speak at admission") == (
        problem.code,
        problem.message,
    )


def test_subject_rules_are_asked_once_and_object_rules_for_each_object() -> None:
    engine = Stub({"policy.t.deny": []}, [{"policy.k.deny": []}] * 2)

    asked(engine, a_bundle(a_package("policy.t"), a_package("policy.k", "object")), objects=OBJECTS)

    assert [("r", "policy.t.deny"), ("r", "policy.k.deny", "2")] == engine.asked


def test_without_objects_nobody_asks_object_rules() -> None:
    engine = Stub()

    assert () == asked(engine, a_bundle(a_package("policy.k", "object")))
    assert [] == engine.asked


def test_at_admission_only_object_rules_are_asked() -> None:
    engine = Stub({}, [{"policy.k.deny": []}] * 2)
    bundle = a_bundle(a_package("policy.t"), a_package("policy.k", "object"), python=True)

    asked(engine, bundle, point=Point.ADMISSION, objects=OBJECTS)

    assert [("r", "policy.k.deny", "2")] == engine.asked


# -------------------------------------------------------------------------------- what was said


def test_everything_a_rule_may_say_arrives() -> None:
    item = {**SAID, "remedy": "r", "finding": "f1", "path": "/spec"}

    assert (
        Said(policy="policy.t", verb="deny", rule="T-1", message="m", remedy="r", finding="f1", path="/spec"),
    ) == asked(Stub({"policy.t.deny": [item]}), a_bundle())


def test_the_set_it_was_written_to_is_the_verb() -> None:
    engine = Stub({"policy.t.deny": [], "policy.t.warn": [SAID]})

    assert ["warn"] == [
        said.verb for said in asked(engine, a_bundle(a_package("policy.t", verbs=("deny", "warn"))))
    ]


def test_what_is_said_of_an_object_knows_which_one() -> None:
    engine = Stub(each=[{"policy.k.deny": []}, {"policy.k.deny": [{"rule": "K-1", "message": "m"}]}])

    assert [1] == [
        said.about for said in asked(engine, a_bundle(a_package("policy.k", "object")), objects=OBJECTS)
    ]


@pytest.mark.parametrize("key", ["message", "remedy"])
def test_a_long_text_is_cut_with_an_ellipsis(key: str) -> None:
    [said] = asked(Stub({"policy.t.deny": [{**SAID, key: "x" * 10_000}]}), a_bundle())

    text = getattr(said, key)
    assert (limits.MESSAGE_CHARACTERS, True) == (len(text), text.endswith("…"))


# ------------------------------------------------------------------------- what is no answer


@pytest.mark.parametrize(
    "answers",
    [{}, {"policy.other.deny": []}, {"policy.t.deny": [], "policy.t.warn": []}, {"policy.t.warn": []}],
)
def test_an_entry_point_that_did_not_answer_or_was_not_asked_is_an_error(answers: dict[str, Any]) -> None:
    assert "asked 1 entry points" in refusal(Stub(answers), a_bundle()).message


@pytest.mark.parametrize("value", [None, {}, {"rule": "T-1"}, True, False, "", "text", 0, 1.5])
def test_a_value_that_is_no_set_is_an_error_and_not_an_empty_one(value: object) -> None:
    problem = refusal(Stub({"policy.t.deny": value}), a_bundle())

    assert ("policy_not_a_set", "policy.t.deny is no set") == (problem.code, problem.message)


@pytest.mark.parametrize(
    "item",
    [
        None,
        True,
        "m",
        ["T-1", "m"],
        {},
        {"rule": "T-1"},
        {"message": "m"},
        {**SAID, "rule": 1},
        {**SAID, "message": None},
        {**SAID, "message": ["m"]},
        {**SAID, "remedy": 1},
        {**SAID, "finding": {"fingerprint": "f1"}},
        {**SAID, "path": 3},
        {**SAID, "severity": "low"},
        {**SAID, "msg": "m"},
        {**SAID, "finding": "f2"},
        {**SAID, "finding": ""},
    ],
)
def test_a_saying_of_another_shape_is_an_error_that_names_its_entry_point(item: object) -> None:
    problem = refused_item(item)

    assert ("policy_shape", True) == (
        problem.code,
        problem.message.startswith("policy.t.deny emitted something"),
    )


@pytest.mark.parametrize("rule", ["T-2", "", "t-1", "O-1"])
def test_a_rule_that_its_package_does_not_have_is_an_error(rule: str) -> None:
    problem = refused_item({**SAID, "rule": rule})

    assert ("rule_unknown", repr(rule)) == (problem.code, problem.found)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_object_without_its_own_answer_is_an_error(count: int) -> None:
    engine = Stub(each=[{"policy.k.deny": []}] * count)

    problem = refusal(engine, a_bundle(a_package("policy.k", "object")), objects=OBJECTS)

    assert f"2 objects were asked about, {count} answered" == problem.message


def test_an_answer_about_one_object_that_lacks_an_entry_point_is_an_error() -> None:
    engine = Stub(each=[{"policy.k.deny": []}, {}])

    assert "got 0" in refusal(engine, a_bundle(a_package("policy.k", "object")), objects=OBJECTS).message


def test_too_many_violations_are_an_error_and_never_a_cut_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "VIOLATIONS", 2)

    assert 2 == len(asked(Stub({"policy.t.deny": [SAID] * 2}), a_bundle()))
    assert "too_many_violations" == refusal(Stub({"policy.t.deny": [SAID] * 3}), a_bundle()).code


# -------------------------------------------------------------------------------------- python


def python_that_says(answers: dict[str, list[Any]]) -> Python:
    def python(modules: Sequence[tuple[str, str]], document: bytes, timeout_s: float) -> dict[str, list[Any]]:
        assert [("p.py", "text")] == list(modules)
        assert (b'"version":1' in document, 1.0) == (True, timeout_s)
        return answers

    return python


def test_python_policies_are_asked_beside_rego() -> None:
    engine = Stub({"policy.t.deny": [SAID]})
    python = python_that_says({"python.p.deny": [], "python.p.warn": [{"rule": "P-1", "message": "m"}]})

    said = asked(engine, a_bundle(a_package("policy.t"), python=True), python)

    assert [("T-1", "deny"), ("P-1", "warn")] == [(one.rule, one.verb) for one in said]


def test_a_bundle_with_python_policies_is_not_judged_without_them() -> None:
    problem = refusal(Stub({"policy.t.deny": []}), a_bundle(python=True))

    assert ("python_off", "p.py") == (problem.code, problem.path)


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"python.p.deny": []},
        {"python.p.deny": [], "python.p.warn": [], "python.q.deny": []},
        {"python.p.deny": None, "python.p.warn": []},
        {"python.p.deny": [SAID], "python.p.warn": []},
        {"python.p.deny": [{"rule": "P-1"}], "python.p.warn": []},
    ],
)
def test_an_answer_of_python_is_checked_as_any_other(answers: dict[str, Any]) -> None:
    refusal(Stub({"policy.t.deny": []}), a_bundle(python=True), python_that_says(answers))
