"""The published schemas: what gate writes fits them, and they refuse what gate would not write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from gate import assemble, baseline
from gate.errors import GateError, Problem
from gate.model import (
    Approval,
    Component,
    Cvss,
    Decision,
    EnvironmentRef,
    Evidence,
    Finding,
    Kind,
    KubernetesObject,
    Outcome,
    Point,
    ReportSubject,
    Severity,
    Source,
    State,
    Status,
    Subject,
    Vex,
    WaivedBy,
)
from gate.outputs import OUTPUTS
from gate.outputs.problems import problems_json
from tests.outputs.builders import CASES, NOON, a_finding, a_report, a_violation, digest

SCHEMAS = ("decision.v1", "error.v1", "input.v1", "baseline.v1")


def _schema(name: str) -> dict[str, Any]:
    text = resources.files("gate").joinpath("schemas", f"{name}.schema.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    return schema


def _faults(name: str, document: Any) -> list[str]:
    errors = Draft202012Validator(_schema(name)).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in errors]


def _decision(case: str = "failing") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(OUTPUTS["json"](CASES[case]()))
    return document


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(_schema(name))


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_object_of_a_schema_refuses_unknown_keys_and_wants_the_known_ones(name: str) -> None:
    lax = [
        path
        for path, schema in _objects(_schema(name), "$")
        if schema.get("additionalProperties") is not False
        or (path != "$" and sorted(schema["properties"]) != sorted(schema.get("required", ())))
    ]
    assert [] == lax


def _objects(schema: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(schema, list):
        return [found for i, part in enumerate(schema) for found in _objects(part, f"{path}[{i}]")]
    if not isinstance(schema, dict):
        return []
    below = [found for key, part in schema.items() for found in _objects(part, f"{path}.{key}")]
    return ([(path, schema)] if isinstance(schema.get("properties"), dict) else []) + below


@pytest.mark.parametrize("case", CASES)
def test_every_decision_fits_its_schema(case: str) -> None:
    assert [] == _faults("decision.v1", _decision(case))


def test_the_schema_of_a_decision_has_exactly_the_keys_of_the_model() -> None:
    assert set(Decision.__struct_fields__) == set(_schema("decision.v1")["properties"])


def test_a_decision_with_an_unknown_key_is_refused() -> None:
    assert [] != _faults("decision.v1", _decision() | {"verdict": "pass"})


@pytest.mark.parametrize("key", Decision.__struct_fields__)
def test_a_decision_without_a_key_is_refused(key: str) -> None:
    document = _decision()
    del document[key]
    assert [] != _faults("decision.v1", document)


@pytest.mark.parametrize("outcome", ["passed", "PASS", "error", "", None, True])
def test_a_misspelt_outcome_is_refused(outcome: Any) -> None:
    assert [] != _faults("decision.v1", _decision() | {"outcome": outcome})


def test_a_decision_of_no_policy_is_refused() -> None:
    document = _decision()
    document["policy"]["packages"] = []
    assert [] != _faults("decision.v1", document)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input_sha256", "1" * 64),
        ("decided_at", "2026-11-22T12:00:00+01:00"),
        ("decided_at", "2026-11-22"),
        ("decision_id", "01938f2a-0000-4000-8000-000000000000"),
        ("counts", {"vulnerability": {"severe": 1}}),
        ("counts", {"bugs": {"high": 1}}),
        ("violations", [{"rule": "GATE-K8S-012"}]),
    ],
)
def test_a_value_of_another_shape_is_refused(key: str, value: Any) -> None:
    assert [] != _faults("decision.v1", _decision() | {key: value})


def test_a_violation_that_is_switched_off_is_no_part_of_a_decision() -> None:
    document = _decision()
    document["violations"][0]["action"] = "off"
    assert [] != _faults("decision.v1", document)


def test_problems_fit_their_schema() -> None:
    problems = GateError("a", path="b", line=1, column=2, found="c", expected="d", fix="e").problems
    assert [] == _faults("error.v1", json.loads(problems_json(problems)))


def test_problems_without_a_problem_still_say_that_nothing_was_decided() -> None:
    document = json.loads(problems_json(()))
    assert [] == _faults("error.v1", document)
    assert ["could_not_decide"] == [problem["code"] for problem in document["problems"]]


@pytest.mark.parametrize(
    "document",
    [
        {"schema": "gate.error/v1", "problems": []},
        {"schema": "gate.error/v1", "problems": [{"code": "x", "message": "y"}]},
        {"schema": "gate.error/v1", "problems": [], "outcome": "pass"},
        {"schema": "gate.error/v2", "problems": [msgspec.to_builtins(Problem(code="x", message="y"))]},
    ],
)
def test_an_error_document_of_another_shape_is_refused(document: Any) -> None:
    assert [] != _faults("error.v1", document)


def test_an_error_is_never_a_decision() -> None:
    document = json.loads(problems_json((Problem(code="x", message="y"),)))
    assert [] != _faults("decision.v1", document)


# ------------------------------------------------------------------------------------------ policy input


def _facts() -> assemble.Facts:
    finding = a_finding(
        vex=Vex(status="affected"),
        waived=WaivedBy(waiver="w-1", expires=NOON),
        cvss=(Cvss(version="3.1", score=9.8),),
    )
    approval = Approval(digest=digest("a"), environment="test", by="lin", groups=("admins",), at=NOON)
    return assemble.Facts(
        now=datetime(2026, 11, 22, 12, tzinfo=UTC),
        point=Point.CI,
        project="acme/web",
        environment=EnvironmentRef(name="test", order=0),
        subject=Subject(name="acme/web"),
        reports=(a_report(subject=ReportSubject(name="web")),),
        findings=(finding, a_finding(kev=None)),
        components=(Component(name="zlib", hashes={"sha-256": "00"}),),
        objects=(KubernetesObject(object={"kind": "Pod"}, source=Source(file="a.yaml", line=1)),),
        approvals=(approval,),
        settings={"thresholds": {"code": {"high": 0}}},
    )


def test_the_input_of_subject_rules_fits_its_schema() -> None:
    assert [] == _faults("input.v1", json.loads(assemble.assemble(_facts()).document))


def test_the_input_of_object_rules_fits_the_same_schema() -> None:
    assembled = assemble.assemble(_facts())
    assert [] == _faults("input.v1", json.loads(assembled.base) | json.loads(assembled.overlays[0]))


def test_an_input_with_a_misspelt_key_is_refused() -> None:
    document = json.loads(assemble.assemble(_facts()).document)
    document["findings"][0]["sevrity"] = "low"
    assert [] != _faults("input.v1", document)


def test_an_input_without_a_list_is_refused() -> None:
    document = json.loads(assemble.assemble(_facts()).document)
    del document["attestations"]
    assert [] != _faults("input.v1", document)


def test_the_schema_of_a_finding_has_exactly_the_keys_of_the_model() -> None:
    assert set(Finding.__struct_fields__) == set(_schema("input.v1")["$defs"]["finding"]["properties"])


def test_a_written_baseline_fits_its_schema() -> None:
    known = baseline.taken(
        "acme/web",
        datetime(2026, 11, 22, 12, tzinfo=UTC),
        (a_finding(),),
        (a_violation(),),
        (Component(name="zlib", purl="pkg:generic/zlib@1.3"),),
    )
    document = json.loads(baseline.written(known))
    assert (1, 1) == (len(document["findings"]), len(document["violations"]))
    assert [] == _faults("baseline.v1", document)


@pytest.mark.parametrize(
    ("enum", "path"),
    [
        (Severity, ("severity", "enum")),
        (Kind, ("finding", "properties", "kind", "enum")),
        (State, ("finding", "properties", "state", "enum")),
        (Status, ("report", "properties", "status", "enum")),
        (Evidence, ("report", "properties", "kinds", "items", "enum")),
    ],
)
def test_the_words_of_the_input_are_those_of_the_model(enum: Any, path: tuple[str, ...]) -> None:
    value: Any = _schema("input.v1")["$defs"]
    for key in path:
        value = value[key]
    assert [member.value for member in enum] == value


def test_the_outcomes_of_the_schema_are_those_of_the_model() -> None:
    assert [member.value for member in Outcome] == _schema("decision.v1")["properties"]["outcome"]["enum"]


def test_the_input_schema_keeps_to_what_opa_types() -> None:
    # OPA takes the first of a list of types for the whole: null would not be comparable any more.
    keywords, types = _keywords(_schema("input.v1"))
    allowed = {
        *("$schema", "$id", "$defs", "$ref", "title", "description"),
        *("type", "properties", "required", "items", "enum", "additionalProperties", "anyOf"),
    }
    assert set() == keywords - allowed
    assert {str} == types


def _keywords(schema: Any) -> tuple[set[str], set[type]]:
    if not isinstance(schema, dict):
        return set(), set()
    keywords, types = set(schema), {type(schema["type"])} if "type" in schema else set()
    inside = [*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")]
    for part in [*inside, *schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]:
        more_keywords, more_types = _keywords(part)
        keywords, types = keywords | more_keywords, types | more_types
    return keywords, types
