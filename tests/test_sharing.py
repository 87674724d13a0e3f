"""Equal parts of many findings are kept once, and nothing else about them changes."""

from __future__ import annotations

import msgspec

from gate.documents.sharing import shared
from gate.model import Cvss, Finding, Kind, Location, Observation, Severity


def seen(number: int, title: str) -> Observation:
    finding = Finding(
        kind=Kind.VULNERABILITY,
        rule="CVE-2026-1",
        title=title,
        severity=Severity.HIGH,
        cvss=(Cvss(version="3.1", score=7.5),),
        purl=f"pkg:npm/a{number}@1",
        location=Location(file="package-lock.json"),
        scanners=("trivy",),
    )
    return Observation(finding=finding, context=str(number))


def test_equal_members_become_one_value_and_others_stay() -> None:
    given = [seen(number, "same" if number % 2 else "other") for number in range(4)]
    before = msgspec.json.encode(given)

    kept = list(shared(given))

    assert before == msgspec.json.encode(kept)
    first, second, *_ = (one.finding for one in kept)
    assert first.location is second.location
    assert first.cvss is second.cvss
    assert "other" == first.title
    assert "same" == second.title


def test_a_report_without_repetitions_is_read_to_its_end() -> None:
    given = [seen(number, f"number {number}") for number in range(40_000)]

    assert [f"number {n}" for n in range(40_000)] == [one.finding.title for one in shared(given)]
