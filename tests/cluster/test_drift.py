"""What an audit hands to the store: each difference once, with how many objects it is about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gate.cluster import drift
from gate.cluster.audit import Judged
from gate.model import Action, Decision, KubernetesObject, Outcome, PolicySet, Severity, Subject, Violation
from tests.admission.builders import DIGEST, NOW, OTHER, pod


def judged(
    name: str, *rules: str, digest: str = DIGEST, namespace: str = "prod", drifts: bool = True
) -> Judged:
    said = tuple(
        Violation(
            rule=rule,
            fingerprint="f",
            action=Action.DENY,
            message=f"{name} is wrong",
            policy="p",
            severity=Severity.HIGH,
        )
        for rule in rules
    )
    return Judged(
        value=KubernetesObject(object=pod(name=name, namespace=namespace)),
        digests=(digest,),
        is_drift=drifts,
        decision=Decision(
            decision_id=f"01999999-0000-7000-8000-{abs(hash(name)) % 10**12:012d}",
            outcome=Outcome.FAIL if drifts else Outcome.WARN,
            project=None,
            environment=None,
            subject=Subject(type="manifests", name=name, claimed=False),
            policy=PolicySet(revision="r", engine="e", packages=()),
            violations=said,
            input_sha256="s",
            decided_at="2026-11-28T12:00:00Z",
            gate_version="1",
        ),
    )


def test_a_thousand_pods_with_one_finding_are_one_record_with_their_number() -> None:
    [kept] = drift.records((judged(f"web-{number}", "A") for number in range(1_000)), NOW)

    assert (1_000, "fail", "prod") == (kept.count, kept.outcome, kept.namespace)
    assert kept.decision is not None
    assert "web-0" == kept.decision["subject"]["name"]


@pytest.mark.parametrize(
    "other",
    [
        judged("b", "A", "B"),
        judged("b", "B"),
        judged("b", "A", digest=OTHER),
        judged("b", "A", namespace="staging"),
    ],
    ids=["more rules", "another rule", "another image", "another namespace"],
)
def test_what_differs_is_a_record_of_its_own(other: Judged) -> None:
    assert [1, 1] == [one.count for one in drift.records([judged("a", "A"), other], NOW)]


def test_what_neither_drifted_nor_would_be_denied_is_no_record() -> None:
    assert [] == list(drift.records([judged("a", "A", drifts=False)], NOW))


def test_more_differences_than_are_kept_back_are_all_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "GROUPS", 3)

    def found() -> Iterator[Judged]:
        for number in range(10):
            yield judged(f"a{number}", f"R{number}")
            yield judged(f"b{number}", f"R{number}")

    assert [2] * 10 == [one.count for one in drift.records(found(), NOW)]
