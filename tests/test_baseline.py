"""The baseline: what is in doubt is new, and nothing that must not be forgiven gets in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gate import limits, times
from gate.baseline import (
    Baseline,
    KnownFinding,
    KnownViolation,
    compared,
    digest,
    existing_violations,
    marked,
    parsed,
    pruned,
    taken,
    written,
)
from gate.errors import Problem, StoreError
from gate.model import (
    Action,
    Component,
    Finding,
    Kev,
    Kind,
    Location,
    Severity,
    State,
    Violation,
    WaivedBy,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EARLIER = "2026-01-02T03:04:05Z"
KNOWN, OTHER = "a" * 32, "b" * 32
PURL = "pkg:pypi/django@4.2.1"
PROJECT = "acme/web"


def a_finding(fingerprint: str = KNOWN, **facts: Any) -> Finding:
    given: dict[str, Any] = {
        "kind": Kind.VULNERABILITY,
        "rule": "CVE-2026-0001",
        "title": "a flaw",
        "severity": Severity.HIGH,
        "purl": PURL,
        "version": "4.2.1",
        "scanners": ("trivy",),
    }
    return Finding(fingerprint=fingerprint, **given | facts)


def a_violation(fingerprint: str = KNOWN, **facts: Any) -> Violation:
    given: dict[str, Any] = {
        "rule": "GATE-K8S-001",
        "policy": "policy.kubernetes",
        "severity": Severity.HIGH,
        "action": Action.DENY,
        "message": "no",
        "object": "Deployment/prod/web",
    }
    return Violation(fingerprint=fingerprint, **given | facts)


def a_baseline(**facts: Any) -> Baseline:
    given: dict[str, Any] = {
        "schema": "gate.baseline/v1",
        "created": EARLIER,
        "project": PROJECT,
        "components": (PURL,),
        "findings": (known(),),
        "violations": (KnownViolation(fingerprint=KNOWN, rule="GATE-K8S-001", object="Deployment/prod/web"),),
    }
    return Baseline(**given | facts)


def known(fingerprint: str = KNOWN, **facts: Any) -> KnownFinding:
    given: dict[str, Any] = {
        "kind": Kind.VULNERABILITY,
        "rule": "CVE-2025-0001",
        "purl": PURL,
        "version": "4.2.1",
        "file": None,
        "first_seen": EARLIER,
    }
    return KnownFinding(fingerprint=fingerprint, **given | facts)


def state(finding: Finding, baseline: Baseline | None = None, grace_days: int = 7) -> State:
    [one] = marked([finding], baseline or a_baseline(), NOON, grace_days)
    return one.state


def refused(data: bytes, project: str | None = PROJECT) -> Problem:
    with pytest.raises(StoreError) as caught:
        parsed(data, ".gate/baseline.json", project)
    [problem] = caught.value.problems
    assert "baseline_invalid" == problem.code
    assert ".gate/baseline.json" == problem.path
    return problem


def edited(**facts: Any) -> bytes:
    return json.dumps(json.loads(written(a_baseline())) | facts).encode()


def edited_finding(**facts: Any) -> bytes:
    return edited(findings=[json.loads(msgspec.json.encode(known())) | facts])


# --------------------------------------------------------------------------------------- comparing


def test_a_finding_the_baseline_has_is_existing_and_keeps_its_first_day() -> None:
    [one] = marked([a_finding(first_seen="2026-11-20T00:00:00Z")], a_baseline(), NOON)
    assert (State.EXISTING, EARLIER) == (one.state, one.first_seen)


def test_a_finding_the_baseline_does_not_have_is_new() -> None:
    assert State.NEW == state(a_finding(OTHER))


def test_a_finding_without_a_fingerprint_is_new() -> None:
    assert State.NEW == state(a_finding(""))


def test_a_state_that_a_finding_brought_along_does_not_count() -> None:
    assert State.NEW == state(a_finding(OTHER, state=State.EXISTING))


def disclosed(**facts: Any) -> Finding:
    return a_finding(OTHER, **{"first_seen": "2026-11-20T00:00:00Z"} | facts)


def test_a_new_advisory_on_an_unchanged_dependency_is_newly_disclosed_during_its_grace() -> None:
    assert State.NEWLY_DISCLOSED == state(disclosed())


@pytest.mark.parametrize("days", [0, 2, -1])
def test_without_grace_left_it_is_new(days: int) -> None:
    assert State.NEW == state(disclosed(), grace_days=days)


def test_without_a_day_of_its_own_grace_counts_from_the_baseline() -> None:
    found = disclosed(first_seen=None)
    day_before = a_baseline(created=times.rfc3339(NOON - timedelta(days=1)))
    month_before = a_baseline(created=times.rfc3339(NOON - timedelta(days=30)))

    assert State.NEWLY_DISCLOSED == state(found, day_before)
    assert State.NEW == state(found, month_before)


def test_what_is_known_to_be_exploited_gets_no_grace() -> None:
    assert State.NEW == state(disclosed(kev=Kev(added="2026-11-21")))


def test_a_baseline_of_tomorrow_grants_nothing() -> None:
    tomorrow = a_baseline(created=times.rfc3339(NOON + timedelta(days=1)))

    assert State.NEW == state(disclosed(first_seen=None), tomorrow)


def test_a_comparison_tells_what_is_new_known_and_gone() -> None:
    findings = marked([disclosed(), a_finding("f" * 32, purl=None)], a_baseline(), NOON, 7)

    told = compared(findings, a_baseline())
    assert told.endswith(": 1 new, 1 newly disclosed, 0 known, 1 no longer there")


def test_the_instant_at_which_grace_ends_is_past_it() -> None:
    at = NOON - timedelta(days=7)
    assert State.NEW == state(disclosed(first_seen=at.isoformat()))
    assert State.NEWLY_DISCLOSED == state(disclosed(first_seen=(at + timedelta(seconds=1)).isoformat()))


@pytest.mark.parametrize("first_seen", [None, "", "yesterday", "2026-11-23T00:00:00Z", "9999-01-01"])
def test_an_advisory_whose_first_day_is_unknown_or_ahead_is_new(first_seen: str | None) -> None:
    assert State.NEW == state(disclosed(first_seen=first_seen))


@pytest.mark.parametrize(
    ("purl", "version"),
    [
        ("pkg:pypi/django@4.2.2", "4.2.2"),
        ("pkg:pypi/flask@4.2.1", "4.2.1"),
        ("pkg:npm/django@4.2.1", "4.2.1"),
        ("pkg:pypi/django", None),
        ("pkg:pypi/django@4.2.1", "4.2.2"),
        ("pkg:pypi/django@4.2.1?repository_url=https://other.example", "4.2.1"),
        ("django", "4.2.1"),
        (None, None),
    ],
)
def test_an_advisory_on_a_package_that_changed_or_cannot_be_told_is_new(
    purl: str | None, version: str | None
) -> None:
    assert State.NEW == state(disclosed(purl=purl, version=version))


def test_tools_may_disagree_about_architecture_and_distribution() -> None:
    baseline = a_baseline(components=("pkg:deb/debian/libssl3@3.0?arch=amd64&distro=debian-12",))
    finding = disclosed(purl="pkg:deb/debian/libssl3@3.0?arch=amd64", version="3.0")
    assert State.NEWLY_DISCLOSED == state(finding, baseline)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.VULNERABILITY])
def test_only_vulnerabilities_are_disclosed(kind: Kind) -> None:
    assert State.NEW == state(disclosed(kind=kind))


def test_no_finding_is_lost_and_order_stays() -> None:
    findings = [a_finding(OTHER), a_finding(), a_finding("c" * 32)]
    result = marked(findings, a_baseline(), NOON)
    assert [f.fingerprint for f in findings] == [f.fingerprint for f in result]


def test_a_violation_the_baseline_has_is_existing() -> None:
    assert frozenset({KNOWN}) == existing_violations([a_violation(), a_violation(OTHER)], a_baseline())


@pytest.mark.parametrize(
    "facts",
    [
        {"rule": "GATE-K8S-002"},
        {"finding": OTHER},
        {"object": None},
        {"object": None, "location": Location(line=3)},
    ],
)
def test_a_violation_the_baseline_cannot_know_is_not_existing(facts: dict[str, Any]) -> None:
    assert frozenset() == existing_violations([a_violation(**facts)], a_baseline())


@pytest.mark.parametrize("rule", ["GATE-EVID-001", "GATE-ENV-003"])
def test_missing_evidence_is_never_existing_whatever_the_file_says(rule: str) -> None:
    forged = a_baseline(violations=(KnownViolation(fingerprint=KNOWN, rule=rule, object="x"),))
    assert frozenset() == existing_violations([a_violation(rule=rule)], forged)


# ------------------------------------------------------------------------------------------ taking


def a_taken(
    findings: tuple[Finding, ...] = (),
    violations: tuple[Violation, ...] = (),
    components: tuple[Component, ...] = (),
    previous: Baseline | None = None,
) -> Baseline:
    return taken(PROJECT, NOON, findings, violations, components, previous)


def test_what_is_taken_is_existing_afterwards() -> None:
    baseline = parsed(written(a_taken((a_finding(OTHER),), (a_violation(OTHER),))), "b", PROJECT)
    assert State.EXISTING == state(a_finding(OTHER), baseline)
    assert frozenset({OTHER}) == existing_violations([a_violation(OTHER)], baseline)


def test_a_finding_taken_for_the_first_time_was_first_seen_now() -> None:
    assert "2026-11-22T12:00:00Z" == a_taken((a_finding(),)).findings[0].first_seen


def test_a_finding_that_was_in_the_previous_baseline_keeps_its_first_day() -> None:
    assert EARLIER == a_taken((a_finding(),), previous=a_baseline()).findings[0].first_seen


def test_a_first_day_ahead_is_not_taken_over() -> None:
    assert "2026-11-22T12:00:00Z" == a_taken((a_finding(first_seen="2999-01-01"),)).findings[0].first_seen


def test_a_waived_finding_is_not_taken_because_its_waiver_ends() -> None:
    waived = a_finding(waived=WaivedBy(waiver="w-1", expires="2026-12-01T00:00:00Z"))
    assert () == a_taken((waived,)).findings


@pytest.mark.parametrize(
    "facts",
    [{"rule": "GATE-EVID-001"}, {"rule": "GATE-ENV-002"}, {"finding": KNOWN}, {"object": None}],
)
def test_violations_that_must_not_be_forgiven_for_ever_are_not_taken(facts: dict[str, Any]) -> None:
    assert () == a_taken((), (a_violation(**facts),)).violations


def test_a_violation_in_a_file_without_an_object_is_taken() -> None:
    violation = a_violation(object=None, location=Location(file="Dockerfile", line=1))
    assert [None] == [line.object for line in a_taken((), (violation,)).violations]


def test_packages_of_components_and_findings_are_taken_once_with_their_versions() -> None:
    components = (
        Component(name="django", purl=PURL),
        Component(name="flask", purl="pkg:pypi/flask@3.0"),
        Component(name="bare", purl="pkg:pypi/bare"),
        Component(name="none"),
    )
    assert (PURL, "pkg:pypi/flask@3.0") == a_taken((a_finding(),), (), components).components


def test_pruning_removes_what_is_gone_and_adds_nothing() -> None:
    baseline = a_baseline(findings=(known(), known(OTHER)))
    left = pruned(baseline, [a_finding(OTHER), a_finding("c" * 32)], [])
    assert ([OTHER], ()) == ([line.fingerprint for line in left.findings], left.violations)


# ---------------------------------------------------------------------------------------- the file


def test_the_file_has_one_entry_a_line_in_a_stable_order() -> None:
    baseline = a_baseline(findings=(known("c" * 32, rule="B"), known(OTHER, rule="A")), violations=())
    expected = """\
{
  "schema": "gate.baseline/v1",
  "created": "2026-01-02T03:04:05Z",
  "project": "acme/web",
  "components": [
    "pkg:pypi/django@4.2.1"
  ],
  "findings": [
    {"fingerprint":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","kind":"vulnerability","rule":"A",\
"purl":"pkg:pypi/django@4.2.1","version":"4.2.1","file":null,"first_seen":"2026-01-02T03:04:05Z"},
    {"fingerprint":"cccccccccccccccccccccccccccccccc","kind":"vulnerability","rule":"B",\
"purl":"pkg:pypi/django@4.2.1","version":"4.2.1","file":null,"first_seen":"2026-01-02T03:04:05Z"}
  ],
  "violations": []
}
"""
    assert expected == written(baseline).decode()


def test_the_order_of_findings_does_not_change_the_file() -> None:
    findings = tuple(a_finding(f"{n:032x}", rule=f"R{n % 3}") for n in range(20))
    assert written(a_taken(findings)) == written(a_taken(findings[::-1]))
    assert digest(a_taken(findings)) == digest(a_taken(findings[::-1]))


def test_a_written_file_reads_back_as_itself() -> None:
    assert a_baseline() == parsed(written(a_baseline()), "b", PROJECT)


def test_what_could_not_be_read_again_is_not_written() -> None:
    with pytest.raises(StoreError, match="no fingerprint"):
        written(a_taken((a_finding(""),)))


def test_any_change_changes_the_digest() -> None:
    assert digest(a_baseline()) != digest(a_baseline(findings=()))
    assert digest(a_baseline()) != digest(a_baseline(components=()))


@pytest.mark.parametrize("data", [b"", b"  ", b"null", b"[]", b"{}", b"not json", b'"text"', b"\xff\xfe"])
def test_a_file_that_is_no_baseline_is_refused(data: bytes) -> None:
    refused(data)


def test_a_file_cut_anywhere_is_refused() -> None:
    data = written(a_baseline()).rstrip()
    for end in range(len(data)):
        refused(data[:end])


@pytest.mark.parametrize("project", [None, "", "acme/Web", "acme/other"])
def test_the_baseline_of_another_project_is_refused(project: str | None) -> None:
    problem = refused(written(a_baseline()), project)
    assert ("the baseline of another project", 4) == (problem.message, problem.line)


def test_a_baseline_without_a_project_does_not_serve_one() -> None:
    assert "the baseline of another project" == refused(written(a_baseline(project=None))).message


@pytest.mark.parametrize("schema", ["gate.baseline/v2", "", None, 1])
def test_another_schema_is_refused(schema: object) -> None:
    refused(edited(schema=schema))


@pytest.mark.parametrize("fingerprint", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 32 + "\n", "*"])
def test_a_fingerprint_that_is_not_32_hex_is_refused_at_its_place(fingerprint: str) -> None:
    problem = refused(edited_finding(fingerprint=fingerprint))
    assert "no fingerprint" == problem.message
    assert problem.column is not None
    assert problem.column > 1


def test_a_fingerprint_that_stands_there_twice_is_refused() -> None:
    line = json.loads(msgspec.json.encode(known()))
    assert "the fingerprint stands there twice" == refused(edited(findings=[line, line])).message


def test_an_unknown_key_is_refused() -> None:
    assert "unknown field" in refused(edited(everything=True)).message
    assert "unknown field" in refused(edited_finding(state="existing")).message


@pytest.mark.parametrize("key", ["components", "findings", "violations", "project", "created", "schema"])
def test_a_missing_key_is_refused(key: str) -> None:
    value = json.loads(written(a_baseline()))
    del value[key]
    refused(json.dumps(value).encode())


def test_a_key_that_stands_there_twice_is_refused() -> None:
    data = written(a_baseline()).replace(b'"project"', b'"project": "acme/web", "project"', 1)
    assert "duplicate" in refused(data).message.lower()


@pytest.mark.parametrize("first_seen", ["", "soon", None])
def test_a_first_day_that_is_no_time_is_refused(first_seen: str | None) -> None:
    refused(edited_finding(first_seen=first_seen))


def test_a_file_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(a_baseline())
    monkeypatch.setattr(limits, "BASELINE_BYTES", len(data) - 1)
    assert "the baseline is too large" == refused(data).message


def test_nobody_is_told_that_a_scanner_failed_when_a_baseline_is_broken() -> None:
    assert "gate baseline write" in str(refused(b""))
