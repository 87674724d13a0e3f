"""Order changes no decision, and more evidence makes none milder: of the project's own samples of every format.

Two things may yield, and are said so in docs/formats.md: a severity that a tool does not know to the one that
another tool knows, and silence about fixes to what another tool says of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gate import bootstrap
from gate.bundle import Bundle
from gate.engines.embedded import Engine
from gate.ingest import Read
from gate.model import (
    Action,
    Decision,
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Outcome,
    Point,
    Report,
    Scan,
    Severity,
    Status,
    Subject,
    Vex,
)
from gate.normalize import normalize
from gate.pipeline import Question, judge
from gate.settings import merged
from tests.scanners.builders import document_of, read

SAMPLES: Final = Path(__file__).parent / "scanners" / "samples"
FILES: Final = sorted(
    path.relative_to(SAMPLES).as_posix()
    for path in SAMPLES.rglob("*")
    if path.is_file() and path.suffix != ".expected" and path.parent.name != "declared"
)
JSON: Final = [name for name in FILES if document_of(SAMPLES / name).syntax == "json"]
ORDERED: Final[dict[str, str]] = {
    "anchore-policy/enterprise.json": "a table: its cells stand in the order of its header",
    "defectdojo-generic/partial.json": "the first finding says whose they are; a broken one first is refused",
    "gitlab/dast.json": "the first identifier is the primary one",
    "gitlab/sast.json": "the first identifier is the primary one",
    "govulncheck/array.json": "messages: the first one says whose they are",
    **{name: "rules are named by their index" for name in JSON if name.startswith("sarif/")},
    "policyreport/list.json": "the first element says whose they are; the other way round it is refused",
    "snyk/test.json": "the path of a dependency is an order",
    "trivy-operator/mixed.json": "the first element says whose they are; the other way round it is refused",
}
"""Samples whose arrays mean something by their order, as their formats say."""
NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
RANKS: Final = (Outcome.PASS, Outcome.WARN, Outcome.NEEDS_APPROVAL, Outcome.FAIL)


@cache
def sample(name: str) -> Read:
    return read((SAMPLES / name).read_bytes(), name)


class Shipped:
    """The shipped policies and what they decide."""

    def __init__(self, engine: Engine, bundle: Bundle) -> None:
        self.engine, self.bundle = engine, bundle

    def __call__(self, *reads: Read, settings: dict[str, Any] | None = None) -> Decision:
        question = Question(
            decision_id="d",
            now=NOON,
            point=Point.CI,
            project=None,
            environment=None,
            subject=Subject(name="shop"),
            reads=reads,
            settings=merged(self.bundle.settings, settings or {}),
            action_for=as_said,
            timeout_s=20.0,
        )
        return judge(question, self.bundle, self.engine, None, lambda _: {}).decision


def as_said(_: str, __: Point, default: Action) -> Action:
    return default


@pytest.fixture(scope="module")
def decided() -> Iterator[Shipped]:
    with bootstrap.engine() as engine:
        yield Shipped(engine, bootstrap.bundle(["builtin:default"], Path.cwd(), engine, python=False))


def told(decision: Decision) -> tuple[Any, ...]:
    """All that a decision says, but for the list of what was handed over."""
    return (
        decision.outcome,
        decision.counts,
        decision.conditions,
        sorted(violation.fingerprint for violation in decision.violations),
    )


# --------------------------------------------------------------------------------------------- order


@given(names=st.lists(st.sampled_from(FILES), min_size=2, max_size=5), data=st.data())
@hypothesis_settings(max_examples=40)
def test_the_order_of_reports_changes_no_decision(
    decided: Shipped, names: list[str], data: st.DataObject
) -> None:
    reads = [sample(name) for name in names]

    assert told(decided(*reads)) == told(decided(*data.draw(st.permutations(reads))))


@pytest.mark.parametrize("name", JSON)
def test_the_order_of_keys_changes_nothing_that_is_read(name: str) -> None:
    turned = json.dumps(with_keys_turned(json.loads((SAMPLES / name).read_bytes()))).encode()

    assert evidence(sample(name)) == evidence(read(turned, name))


@pytest.mark.parametrize("name", [name for name in JSON if name not in ORDERED])
def test_the_order_of_results_changes_nothing_that_is_judged(name: str) -> None:
    turned = json.dumps(with_records_turned(json.loads((SAMPLES / name).read_bytes()))).encode()

    assert judged_facts(sample(name)) == judged_facts(read(turned, name))


def test_every_exception_is_a_sample() -> None:
    assert ORDERED.keys() <= set(JSON)


def with_keys_turned(value: Any) -> Any:
    match value:
        case dict():
            return {key: with_keys_turned(item) for key, item in reversed(value.items())}
        case list():
            return [with_keys_turned(item) for item in value]
        case _:
            return value


def with_records_turned(value: Any) -> Any:
    """`value` with every array of objects the other way round."""
    match value:
        case dict():
            return {key: with_records_turned(item) for key, item in value.items()}
        case list():
            items = [with_records_turned(item) for item in value]
            return items[::-1] if all(isinstance(item, dict) for item in items) else items
        case _:
            return value


def evidence(found: Read) -> tuple[Any, ...]:
    findings, components = normalize([found.scan])
    return findings, components, found.scan.status, found.scan.kinds


def judged_facts(found: Read) -> tuple[Any, ...]:
    findings, components = normalize([found.scan])
    facts = [
        (f.fingerprint, f.kind, f.rule, f.severity, f.purl, f.version, sorted(f.fixed_versions), f.fix_state)
        for f in findings
    ]
    return facts, [(c.purl, c.name, c.version, c.license) for c in components], found.scan.status


# ---------------------------------------------------------------------------------------------- more


@given(names=st.lists(st.sampled_from(FILES), min_size=1, max_size=4), more=st.sampled_from(FILES))
@hypothesis_settings(max_examples=40)
def test_a_report_more_never_turns_fail_into_pass(decided: Shipped, names: list[str], more: str) -> None:
    before = decided(*map(sample, names)).outcome
    after = decided(*map(sample, [*names, more])).outcome

    assert RANKS.index(before) <= RANKS.index(after)


def a_sight(tool: str, **facts: Any) -> Observation:
    file = facts.pop("file")
    location = Location(file=file)
    finding = Finding(kind=Kind.VULNERABILITY, title="a flaw", scanners=(tool,), location=location, **facts)
    return Observation(finding=finding)


SIGHTS: Final = st.builds(
    a_sight,
    st.sampled_from(["trivy", "grype", "snyk"]),
    rule=st.sampled_from(["CVE-2026-0001", "CVE-2026-0002", "GHSA-aaaa", "PYSEC-1"]),
    aliases=st.sampled_from([(), ("CVE-2026-0001",), ("CVE-2026-0002",), ("GHSA-aaaa",)]),
    severity=st.sampled_from([one for one in Severity if one is not Severity.UNKNOWN]),
    purl=st.sampled_from(["pkg:npm/a@1", "pkg:npm/a@2", "pkg:npm/b@1"]),
    file=st.sampled_from([None, "a.lock", "b.lock"]),
    fix_state=st.sampled_from([one for one in FixState if one is not FixState.UNKNOWN]),
    vex=st.sampled_from([None, None, Vex(status="not_affected")]),
)


def a_read(*observations: Observation) -> Read:
    scan = Scan(format="f", scanner="s", kinds=(Evidence.DEPENDENCIES,), observations=observations)
    report = Report(format="f", scanner="s", status=Status.OK, sha256="sha256:0", kinds=scan.kinds)
    return Read(scan=scan, report=report, why="w", data=b"")


@given(reports=st.lists(st.lists(SIGHTS, max_size=3), max_size=3), more=SIGHTS, same=st.booleans())
@hypothesis_settings(max_examples=100)
def test_a_finding_more_never_turns_fail_into_pass(
    decided: Shipped, reports: list[list[Observation]], more: Observation, same: bool
) -> None:
    reads = [a_read(*seen) for seen in reports]
    added = [a_read(*reports[0], more), *reads[1:]] if same and reports else [*reads, a_read(more)]

    assert RANKS.index(decided(*reads).outcome) <= RANKS.index(decided(*added).outcome)


@pytest.mark.parametrize(
    ("vague", "exact"),
    [({"severity": Severity.UNKNOWN}, {}), ({"fix_state": FixState.UNKNOWN}, {})],
)
def test_what_a_tool_does_not_know_yields_to_what_another_tool_knows(
    decided: Shipped, vague: dict[str, Any], exact: dict[str, Any]
) -> None:
    """The one way in which more evidence is milder; nobody's knowledge is ever overruled by it."""
    facts = {
        "rule": "CVE-2026-0001",
        "purl": "pkg:npm/a@1",
        "file": None,
        "severity": Severity.LOW if "severity" in vague else Severity.HIGH,
        "fix_state": FixState.FIXED if "severity" in vague else FixState.NOT_FIXED,
    }
    unsure, sure = a_read(a_sight("pip-audit", **facts | vague)), a_read(a_sight("trivy", **facts | exact))

    assert Outcome.FAIL is decided(unsure).outcome
    assert Outcome.FAIL is not decided(unsure, sure).outcome
