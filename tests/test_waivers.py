"""Waivers: nothing is covered by accident, by one person alone, for too long, or in pieces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.model import (
    Action,
    Finding,
    Kind,
    Location,
    Severity,
    Subject,
    Violation,
    WaivedBy,
)
from gate.waivers import (
    MAXIMUM_DAYS,
    Match,
    Usage,
    Waiver,
    covers,
    digest,
    idle_reason,
    notices,
    waived_findings,
    waived_violations,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FINGERPRINT = "6f1c9e0a" * 4
DIGEST = "sha256:" + "ab" * 32
WEB = Subject(type="image", name="registry.example/acme/web", digest=DIGEST)
CVE = "CVE-2025-9230"


def a_finding(**facts: Any) -> Finding:
    given_: dict[str, Any] = {
        "fingerprint": FINGERPRINT,
        "kind": Kind.VULNERABILITY,
        "rule": CVE,
        "title": "a flaw",
        "severity": Severity.HIGH,
        "purl": "pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12",
        "version": "3.0.11-1",
        "scanners": ("trivy",),
    }
    return Finding(**given_ | facts)


def a_violation(**facts: Any) -> Violation:
    given_: dict[str, Any] = {
        "fingerprint": "0" * 32,
        "rule": "GATE-VULN-001",
        "policy": "policy.vulnerabilities",
        "severity": Severity.HIGH,
        "action": Action.DENY,
        "message": "fix it",
    }
    return Violation(**given_ | facts)


def a_waiver(days: int = 7, **facts: Any) -> Waiver:
    keys = {key: facts.pop(key) for key in list(facts) if key in Match.__struct_fields__}
    created = facts.get("created", NOON - timedelta(days=1))
    given_: dict[str, Any] = {
        "id": "w-1",
        "match": Match(**keys or {"vulnerability": CVE}),
        "reason": "accepted_risk",
        "note": "not reachable",
        "requested_by": "wei@example.com",
        "approved_by": "lin@example.com",
        "created": created,
        "begins": created,
        "expires": created + timedelta(days=days),
    }
    return Waiver(**given_ | facts)


def waived_by(waiver: Waiver, finding: Finding, now: datetime = NOON, **max_days: Any) -> WaivedBy | None:
    [marked], _ = waived_findings([finding], [waiver], WEB, "test", now, max_days)
    return marked.waived


def reason(waiver: Waiver, now: datetime = NOON, **max_days: int) -> str:
    return idle_reason(waiver, now, max_days) or ""


# ------------------------------------------------------------------------------------- in force


def test_an_approved_waiver_marks_the_finding_it_names() -> None:
    assert WaivedBy(waiver="w-1", expires="2026-11-28T12:00:00Z") == waived_by(a_waiver(), a_finding())


def test_the_expiry_instant_itself_is_expired() -> None:
    waiver = a_waiver()
    assert waived_by(waiver, a_finding(), waiver.expires - timedelta(microseconds=1))
    assert waived_by(waiver, a_finding(), waiver.expires) is None
    assert "expired" in reason(waiver, waiver.expires)


@pytest.mark.parametrize("nobody", [None, "", "  ", "\u200b"])
def test_a_waiver_nobody_approved_waives_nothing(nobody: str | None) -> None:
    assert waived_by(a_waiver(approved_by=nobody), a_finding()) is None
    assert "nobody has approved" in reason(a_waiver(approved_by=nobody))


@pytest.mark.parametrize(
    "same",
    [
        "wei@example.com",
        " Wei@Example.com ",
        "WEI@EXAMPLE.COM",
        "ｗｅｉ@example.com",
        "we\u200bi@example.com",
        "Lin <wei@example.com>",
        "wei",
        "wei@example.com.",
        "w ei@example.com",
        "wei+approver@example.com",
    ],
)
def test_nobody_approves_a_waiver_of_their_own_however_they_spell_themselves(same: str) -> None:
    assert waived_by(a_waiver(approved_by=same), a_finding()) is None
    assert "someone else must approve" in reason(a_waiver(approved_by=same))


def test_a_waiver_nobody_asked_for_waives_nothing() -> None:
    assert waived_by(a_waiver(requested_by=" "), a_finding()) is None


@pytest.mark.parametrize("severity", list(Severity))
def test_a_waiver_lasts_at_most_as_long_as_the_severity_it_covers_allows(severity: Severity) -> None:
    days = MAXIMUM_DAYS[severity]
    assert waived_by(a_waiver(days), a_finding(severity=severity))
    assert waived_by(a_waiver(days + 1), a_finding(severity=severity)) is None


def test_the_maxima_are_those_of_the_contract() -> None:
    expected = {"critical": 14, "high": 30, "medium": 90, "low": 180, "info": 365, "unknown": 14}
    assert expected == {str(severity): days for severity, days in MAXIMUM_DAYS.items()}


def test_a_waiver_one_second_too_long_waives_nothing() -> None:
    waiver = a_waiver(30)
    longer = msgspec.structs.replace(waiver, expires=waiver.expires + timedelta(seconds=1))
    assert waived_by(longer, a_finding()) is None


def test_settings_shorten_a_maximum() -> None:
    assert waived_by(a_waiver(8), a_finding(), high=7) is None
    assert waived_by(a_waiver(7), a_finding(), high=7)


def test_settings_never_lengthen_a_maximum() -> None:
    assert waived_by(a_waiver(31), a_finding(), high=9999) is None


def test_zero_days_allow_no_waiver_for_a_severity() -> None:
    assert waived_by(a_waiver(1), a_finding(), high=0) is None


def test_a_waiver_too_long_for_what_it_would_cover_is_reported() -> None:
    _, usage = waived_findings([a_finding()], [a_waiver(31)], WEB, None, NOON, {})
    [idle] = usage.idle
    assert "w-1" == idle.waiver_id
    assert "it lasts 31 days, at most 30 are allowed for high; shorten `expires`" == idle.reason


def test_a_finding_that_grew_worse_needs_a_shorter_waiver() -> None:
    waiver = a_waiver(90)
    assert waived_by(waiver, a_finding(severity=Severity.MEDIUM))
    assert waived_by(waiver, a_finding(severity=Severity.CRITICAL)) is None


def test_the_worse_of_finding_and_violation_sets_the_maximum() -> None:
    finding, waiver = a_finding(severity=Severity.CRITICAL), a_waiver(30, rule="GATE-VULN-001")
    violation = a_violation(severity=Severity.LOW, finding=FINGERPRINT)
    standing, _, _ = waived_violations([violation], {FINGERPRINT: finding}, [waiver], WEB, None, NOON, {})
    assert (violation,) == standing


def test_a_waiver_from_the_future_waives_nothing() -> None:
    waiver = a_waiver(created=NOON + timedelta(seconds=1))
    assert waived_by(waiver, a_finding()) is None
    assert "in the future" in reason(waiver)


def test_a_naive_time_cannot_become_a_waiver() -> None:
    with pytest.raises(ValueError, match="naive"):
        a_waiver(expires=datetime(2026, 12, 1))  # noqa: DTZ001 - the naive time is the point


def test_an_empty_match_waives_nothing() -> None:
    waiver = a_waiver(match=Match())
    assert not covers(waiver, a_finding(), a_violation(), WEB, "test")
    assert "none of rule, vulnerability, finding" in reason(waiver)


def test_a_match_without_rule_vulnerability_or_finding_waives_nothing() -> None:
    waiver = a_waiver(purl="pkg:deb/debian/libssl3", path="src/x.c", subject=WEB.name)
    assert waived_by(waiver, a_finding(location=Location(file="src/x.c"))) is None
    assert "none of rule, vulnerability, finding" in reason(waiver)


@pytest.mark.parametrize(
    "wild",
    [
        {"rule": "*"},
        {"rule": "GATE-VULN-*"},
        {"vulnerability": "*"},
        {"vulnerability": "CVE-2025-*"},
        {"finding": "*"},
        {"vulnerability": CVE, "path": "**"},
        {"vulnerability": CVE, "path": "**/*"},
        {"vulnerability": CVE, "object": "*/*/*"},
        {"vulnerability": CVE, "subject": "*"},
        {"vulnerability": CVE, "subject": "?*"},
        {"vulnerability": CVE, "subject": ""},
    ],
)
def test_a_wildcard_for_everything_waives_nothing(wild: dict[str, Any]) -> None:
    waiver = a_waiver(**wild)
    assert "wildcard" in reason(waiver)
    assert waived_by(waiver, a_finding(location=Location(file="a/b.c"))) is None


@pytest.mark.parametrize("rule", ["GATE-EVID-001", "GATE-ENV-003", "gate-evid-001"])
def test_missing_evidence_cannot_be_waived(rule: str) -> None:
    violation = a_violation(rule=rule)
    standing, waived, usage = waived_violations([violation], {}, [a_waiver(rule=rule)], WEB, None, NOON, {})
    assert ((violation,), ()) == (standing, waived)
    assert "never waived" in usage.idle[0].reason


def test_evidence_is_not_waived_through_another_key_either() -> None:
    violation = a_violation(rule="GATE-EVID-004", finding=FINGERPRINT, object="Deployment/prod/web")
    waiver = a_waiver(finding=FINGERPRINT, object="Deployment/prod/web")
    standing, _, _ = waived_violations([violation], {FINGERPRINT: a_finding()}, [waiver], WEB, None, NOON, {})
    assert (violation,) == standing


# --------------------------------------------------------------------------------------- matching


def is_covered(
    keys: dict[str, Any], finding: Finding | None = None, violation: Violation | None = None
) -> bool:
    return covers(a_waiver(**keys), finding, violation, WEB, "test")


@pytest.mark.parametrize("name", [CVE, "GHSA-aaaa-bbbb-cccc", CVE.lower()])
def test_a_vulnerability_goes_by_any_alias_of_its_group(name: str) -> None:
    assert is_covered({"vulnerability": name}, a_finding(aliases=("GHSA-aaaa-bbbb-cccc",)))


def test_another_vulnerability_is_not_covered() -> None:
    assert not is_covered({"vulnerability": "CVE-2025-923"}, a_finding())


def test_waiving_one_cve_does_not_waive_an_advisory_that_bundles_several() -> None:
    bundle = a_finding(rule="ALAS-2025-1", aliases=(CVE, "CVE-2025-1111"))
    assert not is_covered({"vulnerability": CVE}, bundle)
    assert is_covered({"vulnerability": "ALAS-2025-1"}, bundle)


def test_a_cve_that_names_a_bundle_does_not_waive_the_other_cve() -> None:
    bundle = a_finding(rule=CVE, aliases=("CVE-2025-1111",))
    assert not is_covered({"vulnerability": CVE}, bundle)
    assert is_covered({"finding": FINGERPRINT}, bundle)


def test_a_waiver_for_one_flaw_of_a_bundle_says_how_to_name_the_bundle() -> None:
    bundle = a_finding(rule="ALAS-2025-1", aliases=(CVE, "CVE-2025-1111"))
    _, usage = waived_findings([bundle], [a_waiver()], WEB, None, NOON, {})
    expected = f"'ALAS-2025-1' bundles {CVE} with other flaws; name the finding {FINGERPRINT} instead"
    assert expected == usage.idle[0].reason


def test_a_fingerprint_is_matched_whole() -> None:
    assert is_covered({"finding": FINGERPRINT}, a_finding())
    assert not is_covered({"finding": FINGERPRINT[:8]}, a_finding())


def test_a_finding_without_a_fingerprint_is_not_covered_by_one() -> None:
    assert not is_covered({"finding": ""}, a_finding(fingerprint=""))


def test_a_rule_speaks_only_of_violations() -> None:
    assert not is_covered({"rule": CVE}, a_finding())
    assert is_covered({"rule": "GATE-VULN-001"}, None, a_violation())


def test_a_rule_is_matched_exactly() -> None:
    assert not is_covered({"rule": "GATE-VULN-00"}, None, a_violation())
    assert not is_covered({"rule": "gate-vuln-001"}, None, a_violation())


@pytest.mark.parametrize(
    "key", [{"vulnerability": CVE}, {"finding": FINGERPRINT}, {"purl": "pkg:deb/debian/libssl3"}]
)
def test_a_violation_without_a_finding_matches_no_finding_key(key: dict[str, str]) -> None:
    assert not is_covered({"rule": "GATE-VULN-001"} | key, None, a_violation())


def test_a_violation_about_an_unknown_finding_is_not_waived() -> None:
    violation = a_violation(finding="f" * 32)
    assert not is_covered({"rule": "GATE-VULN-001"}, None, violation)
    assert not is_covered({"rule": "GATE-VULN-001"}, a_finding(), violation)


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:deb/debian/libssl3", True),
        ("pkg:deb/debian/libssl3@3.0.11-1", True),
        ("pkg:deb/debian/libssl3?arch=amd64", True),
        ("pkg:deb/debian/libssl3@3.0.11", False),
        ("pkg:deb/debian/libssl3?arch=arm64", False),
        ("pkg:deb/debian/libssl", False),
        ("pkg:deb/ubuntu/libssl3", False),
        ("pkg:rpm/debian/libssl3", False),
        ("libssl3", False),
    ],
)
def test_a_package_is_matched_by_all_that_the_purl_gives(purl: str, expected: bool) -> None:
    assert expected is is_covered({"vulnerability": CVE, "purl": purl}, a_finding())


def test_a_part_of_a_package_is_not_the_whole() -> None:
    part = {"vulnerability": CVE, "purl": "pkg:golang/example.com/x#cmd/y"}
    assert is_covered(part, a_finding(purl="pkg:golang/example.com/x#cmd/y", version=None))
    assert not is_covered(part, a_finding(purl="pkg:golang/example.com/x", version=None))


def test_a_finding_without_a_package_is_not_covered_by_a_purl() -> None:
    assert not is_covered({"vulnerability": CVE, "purl": "pkg:pypi/x"}, a_finding(purl=None))


def test_a_finding_whose_versions_disagree_is_not_covered_by_either() -> None:
    finding = a_finding(purl="pkg:pypi/x@1.0", version="2.0")
    assert not is_covered({"vulnerability": CVE, "purl": "pkg:pypi/x@1.0"}, finding)


@pytest.mark.parametrize(
    ("version", "expected"), [("1.9", True), ("2.0", False), ("x", False), (None, False)]
)
def test_a_range_covers_the_versions_inside_alone(version: str | None, expected: bool) -> None:
    keys = {"vulnerability": CVE, "purl": "pkg:pypi/django", "versions": "vers:pypi/>=1.0|<2.0"}
    assert expected is is_covered(keys, a_finding(purl="pkg:pypi/django", version=version))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("src/legacy/a.py", True),
        ("src/legacy/deep/er/a.py", True),
        ("src/legacy.py", False),
        ("src/Legacy/a.py", False),
        ("lib/src/legacy/a.py", False),
        ("src/legacy/../core/a.py", False),
        ("/src/legacy/a.py", False),
        ("./src/legacy/a.py", False),
        ("src\\legacy\\a.py", False),
        (None, False),
    ],
)
def test_a_path_is_anchored_exact_and_cannot_be_climbed_out_of(file: str | None, expected: bool) -> None:
    keys = {"vulnerability": CVE, "path": "src/legacy/**"}
    assert expected is is_covered(keys, a_finding(location=Location(file=file)))


def test_a_violation_in_another_file_than_its_finding_is_not_covered() -> None:
    keys = {"rule": "GATE-VULN-001", "path": "src/legacy/**"}
    finding = a_finding(location=Location(file="src/legacy/a.py"))
    elsewhere = a_violation(finding=FINGERPRINT, location=Location(file="src/core/a.py"))
    assert not is_covered(keys, finding, elsewhere)


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("Deployment/prod/web", True),
        ("Deployment/*/web", True),
        ("Deployment/**", True),
        ("Deployment/prod/we", False),
        ("Deployment/*", False),
        ("deployment/prod/web", False),
    ],
)
def test_an_object_is_matched_by_glob(glob: str, expected: bool) -> None:
    violation = a_violation(object="Deployment/prod/web")
    assert expected is is_covered({"rule": "GATE-VULN-001", "object": glob}, None, violation)


def test_a_violation_without_an_object_is_not_covered_by_one() -> None:
    assert not is_covered({"rule": "GATE-VULN-001", "object": "Deployment/**"}, None, a_violation())


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("registry.example/acme/web", True),
        ("registry.example/acme/*", True),
        ("registry.example/**", True),
        (DIGEST, True),
        (f"registry.example/acme/web@{DIGEST}", True),
        ("registry.example/acme", False),
        ("registry.example/*", False),
        ("evil.example/acme/web", False),
        ("sha256:" + "cd" * 32, False),
        ("registry.example/acme/web@sha256:" + "cd" * 32, False),
        (f"registry.example/acme/other@{DIGEST}", False),
    ],
)
def test_a_subject_is_matched_by_name_glob_or_exact_digest(subject: str, expected: bool) -> None:
    assert expected is is_covered({"vulnerability": CVE, "subject": subject}, a_finding())


def test_a_subject_without_a_digest_is_not_covered_by_one() -> None:
    waiver = a_waiver(vulnerability=CVE, subject=DIGEST)
    assert not covers(waiver, a_finding(), None, Subject(name="web"), None)


@pytest.mark.parametrize(("environment", "expected"), [("test", True), ("production", False), (None, False)])
def test_a_waiver_for_an_environment_acts_in_no_other_and_not_without_one(
    environment: str | None, expected: bool
) -> None:
    waiver = a_waiver(vulnerability=CVE, environments=("test", "staging"))
    assert expected is covers(waiver, a_finding(), None, WEB, environment)


def test_two_waivers_never_combine() -> None:
    half = a_waiver(id="w-1", vulnerability=CVE, path="src/a.py")
    other = a_waiver(id="w-2", vulnerability=CVE, purl="pkg:pypi/x")
    finding = a_finding(purl="pkg:pypi/y@1", version="1", location=Location(file="src/b.py"))
    [marked], usage = waived_findings([finding], [half, other], WEB, None, NOON, {})
    assert marked.waived is None
    assert frozenset() == usage.used


def test_nothing_at_all_is_covered_by_nothing() -> None:
    assert not is_covered({"vulnerability": CVE})


# ------------------------------------------------------------------------------------ two moments


def test_an_entry_with_a_rule_marks_no_finding() -> None:
    assert waived_by(a_waiver(rule="GATE-VULN-001", vulnerability=CVE), a_finding()) is None


def test_an_entry_with_an_object_marks_no_finding_even_in_that_object() -> None:
    finding = a_finding(location=Location(resource="Deployment/prod/web"))
    waiver = a_waiver(vulnerability=CVE, object="Deployment/prod/web")
    [marked], usage = waived_findings([finding], [waiver], WEB, None, NOON, {})
    assert (None, frozenset()) == (marked.waived, usage.used)


def test_an_entry_with_a_rule_waives_the_violation_it_matches_in_all_its_keys() -> None:
    violation, waiver = a_violation(finding=FINGERPRINT), a_waiver(rule="GATE-VULN-001", vulnerability=CVE)
    standing, waived, usage = waived_violations(
        [violation], {FINGERPRINT: a_finding()}, [waiver], WEB, "test", NOON, {}
    )
    assert () == standing
    assert [("w-1", violation, FINGERPRINT)] == [(w.waiver, w.violation, w.finding) for w in waived]
    assert frozenset({"w-1"}) == usage.used


def test_an_entry_with_an_object_and_a_vulnerability_waives_the_violation() -> None:
    violation = a_violation(finding=FINGERPRINT, object="Deployment/prod/web")
    waiver = a_waiver(vulnerability=CVE, object="Deployment/prod/*")
    standing, _, _ = waived_violations([violation], {FINGERPRINT: a_finding()}, [waiver], WEB, None, NOON, {})
    assert () == standing


def test_an_entry_without_rule_and_object_waives_no_violation() -> None:
    violation = a_violation(finding=FINGERPRINT)
    standing, _, _ = waived_violations(
        [violation], {FINGERPRINT: a_finding()}, [a_waiver()], WEB, None, NOON, {}
    )
    assert (violation,) == standing


def test_a_finding_that_arrives_marked_as_waived_is_not() -> None:
    forged = a_finding(waived=WaivedBy(waiver="w-9", expires="2999-01-01T00:00:00Z"))
    [marked], _ = waived_findings([forged], [], WEB, None, NOON, {})
    assert marked.waived is None


def test_the_waiver_that_lasts_longest_is_named() -> None:
    short, long = a_waiver(5, id="w-a"), a_waiver(9, id="w-b")
    [marked], usage = waived_findings([a_finding()], [short, long], WEB, None, NOON, {})
    assert marked.waived is not None
    assert "w-b" == marked.waived.waiver
    assert frozenset({"w-a", "w-b"}) == usage.used


def test_no_finding_is_lost_and_order_stays() -> None:
    findings = [a_finding(fingerprint=f"{n:032x}", rule=f"CVE-2025-{n:04}") for n in range(9)]
    marked, _ = waived_findings(findings, [a_waiver(vulnerability="CVE-2025-0003")], WEB, None, NOON, {})
    assert [f.fingerprint for f in findings] == [f.fingerprint for f in marked]
    assert ["CVE-2025-0003"] == [f.rule for f in marked if f.waived]


# --------------------------------------------------------------------------------- what is reported


def lines(waiver: Waiver, usage: Usage, environment: str | None = "test") -> tuple[str, ...]:
    return notices([waiver], usage, WEB, environment, NOON)


def test_an_unused_waiver_is_listed() -> None:
    waiver = a_waiver(place=".gate/waivers.yaml:3")
    expected = ".gate/waivers.yaml:3: waiver w-1 is unused: nothing here matches it; remove it"
    assert (expected,) == lines(waiver, Usage())


def test_a_waiver_for_another_environment_is_not_called_unused() -> None:
    assert () == lines(a_waiver(vulnerability=CVE, environments=("staging",)), Usage())


def test_a_waiver_that_ends_soon_is_listed() -> None:
    expected = "waiver w-1 ends in 6 days, at 2026-11-28T12:00:00Z; fix what it covers"
    assert (expected,) == lines(a_waiver(7), Usage(used=frozenset({"w-1"})))


def test_a_waiver_that_ends_later_is_not_listed() -> None:
    assert () == lines(a_waiver(20), Usage(used=frozenset({"w-1"})))


def test_an_expired_waiver_is_listed_with_its_reason() -> None:
    _, usage = waived_findings([], [a_waiver(expires=NOON)], WEB, None, NOON, {})
    expected = "waiver w-1 does not count: it expired at 2026-11-22T12:00:00Z"
    assert (expected,) == lines(a_waiver(), usage)


def test_the_usage_of_both_moments_is_joined() -> None:
    joined = Usage(used=frozenset({"a"})).joined(Usage(used=frozenset({"b"})))
    assert frozenset({"a", "b"}) == joined.used


# ------------------------------------------------------------------------------------------ digest


def test_the_digest_does_not_depend_on_order_or_place() -> None:
    a, b = a_waiver(id="a"), a_waiver(id="b", place="x:1")
    assert digest([a, b]) == digest([msgspec.structs.replace(b, place="y:2"), a])


@pytest.mark.parametrize(
    "edit",
    [
        {"approved_by": "eve@example.com"},
        {"expires": NOON + timedelta(days=8)},
        {"match": Match(vulnerability="CVE-2025-1")},
        {"note": "other"},
        {"created": NOON},
    ],
)
def test_any_edit_changes_the_digest(edit: dict[str, Any]) -> None:
    assert digest([a_waiver()]) != digest([msgspec.structs.replace(a_waiver(), **edit)])


def test_the_digest_of_no_waivers_is_a_digest() -> None:
    assert digest([]).startswith("sha256:")
    assert len("sha256:") + 64 == len(digest([]))


# --------------------------------------------------------------------------------------- invariant

_PEOPLE = st.sampled_from([None, "", " ", "wei@x", "WEI@X", "Wei <wei@x>", "lin@x", "Lin@x "])
_AT = st.integers(-500, 500).map(lambda days: NOON + timedelta(days=days))


@given(
    asked=_PEOPLE,
    approved=_PEOPLE,
    created=_AT,
    expires=_AT,
    severity=st.sampled_from(list(Severity)),
    allowed=st.dictionaries(st.sampled_from([str(s) for s in Severity]), st.integers(0, 400)),
)
def test_no_waiver_acts_without_two_people_and_an_expiry_ahead_within_its_maximum(
    asked: str | None,
    approved: str | None,
    created: datetime,
    expires: datetime,
    severity: Severity,
    allowed: dict[str, Any],
) -> None:
    waiver = a_waiver(requested_by=asked or "", approved_by=approved, created=created, expires=expires)
    if waived_by(waiver, a_finding(severity=severity), **allowed) is not None:
        assert {"wei", "lin"} == {name for name in ("wei", "lin") if name in f"{asked} {approved}".lower()}
        assert created <= NOON < expires
        assert expires - created <= timedelta(days=min(MAXIMUM_DAYS[severity], allowed.get(severity, 999)))
