"""Identity: what stays the same flaw, and what must not become one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gate import packages
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Scan,
    Secret,
    Severity,
    Subject,
    Vex,
)
from gate.normalize import alias_groups, canonical, disjunctive, file_path, is_bundle, normalize
from gate.waivers import covers
from tests.test_waivers import a_waiver

OPENSSL = "pkg:deb/debian/libssl3@3.0.11?arch=amd64"


def a_finding(**changes: Any) -> Finding:
    facts: dict[str, Any] = {
        "kind": Kind.VULNERABILITY,
        "rule": "CVE-2026-0001",
        "title": "a flaw",
        "severity": Severity.HIGH,
        "purl": OPENSSL,
        "version": "3.0.11",
        "scanners": ("trivy",),
    }
    return Finding(**facts | changes)


def some_code(line: int = 10, context: str = "eval(text)", **changes: Any) -> Observation:
    facts: dict[str, Any] = {
        "kind": Kind.CODE,
        "rule": "B307",
        "purl": None,
        "version": None,
        "scanners": ("bandit",),
        "location": Location(file="src/app.py", line=line),
    }
    return Observation(finding=a_finding(**facts | changes), context=context)


def a_secret(text: str, **changes: Any) -> Observation:
    at = Location(file="config.py", line=3)
    facts: dict[str, Any] = {"kind": Kind.SECRET, "rule": "aws-key", "purl": None, "location": at}
    return Observation(finding=a_finding(**facts | changes), secret=Secret(text))


def scan(*observations: Observation | Finding) -> Scan:
    seen = tuple(o if isinstance(o, Observation) else Observation(finding=o) for o in observations)
    return Scan(format="f", scanner="s", kinds=(Evidence.CODE,), observations=seen)


def fingerprints(*scans: Scan) -> list[str]:
    return sorted(finding.fingerprint for finding in normalize(scans)[0])


def test_a_code_finding_keeps_its_name_when_lines_move() -> None:
    assert fingerprints(scan(some_code(line=10))) == fingerprints(scan(some_code(line=99)))


def test_a_code_finding_keeps_its_name_when_the_tool_words_or_rates_it_differently() -> None:
    reworded = some_code(title="other words", severity=Severity.LOW, severity_raw="x", confidence="low")

    assert fingerprints(scan(some_code())) == fingerprints(scan(reworded))


def test_a_code_finding_keeps_its_name_when_indentation_changes() -> None:
    assert fingerprints(scan(some_code())) == fingerprints(scan(some_code(context="    eval( text )\n")))


def test_other_code_under_the_same_rule_is_another_finding() -> None:
    assert fingerprints(scan(some_code())) != fingerprints(scan(some_code(context="eval(other)")))


def test_the_same_code_twice_in_a_file_is_two_findings() -> None:
    assert 2 == len(fingerprints(scan(some_code(line=10), some_code(line=20))))


def test_a_second_copy_is_new_though_the_first_is_known() -> None:
    one = set(fingerprints(scan(some_code(line=10))))
    two = set(fingerprints(scan(some_code(line=10), some_code(line=20))))

    assert one < two


def test_ten_copies_keep_their_names_in_the_order_of_their_lines_not_of_their_digits() -> None:
    nine, ten = some_code(line=9, title="nine"), some_code(line=10, title="ten")
    names = {f.fingerprint: f.title for f in normalize([scan(ten, nine)])[0]}
    first = fingerprints(scan(nine))[0]

    assert "nine" == names[first]


@pytest.mark.parametrize(
    "path", ["./src/app.py", "src//app.py", "src\\app.py", "/src/app.py", "src/x/../app.py"]
)
def test_one_path_has_one_spelling(path: str) -> None:
    moved = some_code(location=Location(file=path, line=10))

    assert fingerprints(scan(some_code())) == fingerprints(scan(moved))


def test_a_path_that_climbs_out_stays_visible() -> None:
    assert "../other/x.py" == file_path("./../other/x.py")


def test_a_vulnerability_keeps_its_name_over_versions_architectures_and_order() -> None:
    upgraded = a_finding(purl="pkg:deb/debian/libssl3@3.0.12?arch=arm64", version="3.0.12")
    other = a_finding(rule="CVE-2026-0002")

    assert fingerprints(scan(a_finding(), other)) == fingerprints(scan(other, upgraded))


def test_two_packages_with_one_flaw_are_two_findings() -> None:
    assert 2 == len(fingerprints(scan(a_finding(), a_finding(purl="pkg:deb/debian/openssl@3.0.11"))))


def test_what_two_tools_saw_is_one_finding_with_both_as_sources() -> None:
    grype = a_finding(
        rule="GHSA-aaaa", aliases=("CVE-2026-0001",), scanners=("grype",), severity=Severity.CRITICAL
    )

    [finding] = normalize([scan(a_finding()), scan(grype)])[0]

    assert ("grype", "trivy") == finding.scanners
    assert Severity.CRITICAL == finding.severity
    assert ("CVE-2026-0001", ("GHSA-aaaa",)) == (finding.rule, finding.aliases)


def test_a_tool_without_severities_does_not_make_a_known_one_unknown() -> None:
    audit = a_finding(severity=Severity.UNKNOWN, scanners=("pip-audit",))
    low = a_finding(severity=Severity.LOW)

    assert [Severity.LOW] == [f.severity for f in normalize([scan(audit), scan(low)])[0]]


def test_unknown_stays_unknown_where_nobody_knows() -> None:
    assert [Severity.UNKNOWN] == [
        f.severity for f in normalize([scan(a_finding(severity=Severity.UNKNOWN))])[0]
    ]


def test_aliases_join_over_several_reports() -> None:
    a = a_finding(rule="PYSEC-1", aliases=("GHSA-aaaa",))
    b = a_finding(rule="GHSA-aaaa", aliases=("CVE-2026-0009",))

    assert frozenset({"PYSEC-1", "GHSA-aaaa", "CVE-2026-0009"}) == alias_groups([a, b])["PYSEC-1"]


def test_an_advisory_of_several_cves_joins_nothing() -> None:
    bundle = a_finding(rule="ALAS-1", aliases=("CVE-2026-0001", "CVE-2026-0002"))
    findings = normalize([scan(bundle, a_finding(), a_finding(rule="CVE-2026-0002"))])[0]

    assert is_bundle(bundle)
    assert {"ALAS-1", "CVE-2026-0001", "CVE-2026-0002"} == {finding.rule for finding in findings}


@pytest.mark.parametrize(
    "advisory", ["DSA-5532-1", "RHSA-2023:1405", "USN-6450-1", "ALAS2-2023-1", "SUSE-SU-2023:1"]
)
def test_an_advisory_that_a_report_states_with_its_one_cve_is_that_flaw(advisory: str) -> None:
    stated = a_finding(rule=advisory, aliases=("CVE-2026-0001",), scanners=("clair",))
    [finding] = normalize([scan(stated), scan(a_finding())])[0]

    assert ("CVE-2026-0001", (advisory,)) == (finding.rule, finding.aliases)
    assert ("clair", "trivy") == finding.scanners


@pytest.mark.parametrize(
    "advisory", ["DSA-5532-1", "RHSA-2023:1405", "USN-6450-1", "ALAS2-2023-1", "SUSE-SU-2023:1"]
)
def test_an_advisory_alone_stays_itself_whatever_cve_another_report_states_with_it(advisory: str) -> None:
    """It may stand for another of its CVEs; a waiver for the one must not cover that."""
    stated, alone = a_finding(rule=advisory, aliases=("CVE-2026-0001",)), a_finding(rule=advisory, aliases=())
    waiver = a_waiver(vulnerability="CVE-2026-0001")
    left = [
        f
        for f in normalize([scan(stated), scan(alone)])[0]
        if not covers(waiver, f, None, Subject(name="s"), None)
    ]

    assert [advisory] == [finding.rule for finding in left]


def test_tools_that_disagree_about_an_alias_do_not_make_two_cves_one() -> None:
    a = a_finding(rule="GHSA-aaaa", aliases=("CVE-2026-0001",))
    b = a_finding(rule="GHSA-aaaa", aliases=("CVE-2026-0002",))

    assert {"CVE-2026-0001", "CVE-2026-0002"} <= {
        finding.rule for finding in normalize([scan(a), scan(b)])[0]
    }


def test_the_cve_is_the_name_a_flaw_goes_by() -> None:
    assert "CVE-2026-0001" == canonical({"GHSA-aaaa", "PYSEC-2026-1", "CVE-2026-0001"})


def test_a_secret_is_known_by_its_text_and_its_text_is_nowhere() -> None:
    plain = "hunter2-is-the-word"
    findings, _ = normalize([scan(a_secret(plain), a_secret("another"))])

    assert 2 == len({finding.fingerprint for finding in findings})
    assert plain not in repr(findings)


def test_a_secret_keeps_its_name_when_lines_move_and_loses_it_with_another_key() -> None:
    moved = a_secret("hunter2", location=Location(file="config.py", line=70))
    other_key = normalize([scan(a_secret("hunter2"))], b"other key")[0][0].fingerprint

    assert fingerprints(scan(a_secret("hunter2"))) == fingerprints(scan(moved))
    assert [other_key] != fingerprints(scan(moved))


def test_a_claim_counts_only_where_nobody_contradicts_it() -> None:
    silent, claiming = a_finding(), a_finding(vex=Vex(status="not_affected"), scanners=("grype",))

    assert [None] == [finding.vex for finding in normalize([scan(silent), scan(claiming)])[0]]


def test_findings_are_sorted_worst_first_whatever_the_order_of_reports() -> None:
    a, b = scan(a_finding(rule="CVE-2026-0003", severity=Severity.LOW)), scan(a_finding())

    assert normalize([a, b]) == normalize([b, a])
    assert [Severity.HIGH, Severity.LOW] == [finding.severity for finding in normalize([a, b])[0]]


@pytest.mark.parametrize(
    ("purl", "name"),
    [
        ("pkg:npm/%40scope/name@1.0?a=b#c", "pkg:npm/@scope/name"),
        ("pkg:npm/@scope/name", "pkg:npm/@scope/name"),
        ("pkg:pypi/Zope.Interface@2.0", "pkg:pypi/zope-interface"),
        ("pkg:golang/github.com/A/b@v1.0.0#sub", "pkg:golang/github.com/a/b"),
        ("pkg:rpm/rhel/openssl@1?arch=x86_64", "pkg:rpm/redhat/openssl"),
        ("pkg:npm/JSONStream", "pkg:npm/jsonstream"),
        ("openssl 1.0", "openssl 1.0"),
    ],
)
def test_a_package_is_known_without_its_version_in_one_spelling(purl: str, name: str) -> None:
    assert name == packages.name(purl)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pkg:npm/%40scope/name@1", "pkg:npm/@scope/name@1"),
        ("pkg:pypi/Flask_Cors@1", "pkg:pypi/flask-cors@1"),
        ("pkg:rpm/rhel/openssl@1", "pkg:rpm/redhat/openssl@1?arch=x86_64"),
    ],
)
def test_two_spellings_of_one_package_are_one_finding(one: str, other: str) -> None:
    sights = (a_sight("trivy", purl=one, version=None), a_sight("grype", purl=other, version=None))

    assert [("grype", "trivy")] == [f.scanners for f in normalize([scan(one) for one in sights])[0]]


@pytest.mark.parametrize("version", ["1.22.1", "v1.22.1", "go1.22.1"])
def test_a_version_of_go_is_one_however_it_is_written(version: str) -> None:
    seen = a_sight("govulncheck", purl="pkg:golang/stdlib", version=version)
    known = a_sight("trivy", purl="pkg:golang/stdlib", version="v1.22.1")

    assert 1 == len(normalize([scan(known), scan(seen)])[0])


def test_a_version_that_only_begins_like_go_is_another() -> None:
    one, other = (a_sight("trivy", version=version) for version in ("google", "ogle"))

    assert 2 == len(normalize([scan(one), scan(other)])[0])


@pytest.mark.parametrize(
    ("license", "plain"),
    [
        (None, None),
        ("MIT", "MIT"),
        ("(MIT OR Apache-2.0)", "MIT OR Apache-2.0"),
        ("MIT AND (BSD-3-Clause OR AGPL-3.0-only)", "MIT AND BSD-3-Clause OR MIT AND AGPL-3.0-only"),
        ("mit or (agpl-3.0-only and x", "mit AND agpl-3.0-only AND x"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ],
)
def test_a_licence_reads_as_alternatives(license: str | None, plain: str | None) -> None:
    assert plain == disjunctive(license)


def test_a_licence_made_to_explode_is_read_against_its_writer() -> None:
    bomb = " AND ".join(f"(A{n} OR B{n})" for n in range(30)) + " AND (MIT OR AGPL-3.0-only)"

    assert "AGPL-3.0-only" in (disjunctive(bomb) or "").split(" AND ")


# ------------------------------------------------------------------------- one flaw in several reports


def a_sight(tool: str, **facts: Any) -> Finding:
    file = facts.pop("file", None)
    return a_finding(**{"scanners": (tool,), "location": Location(file=file), "purl": "pkg:npm/a"} | facts)


def places(*scans: Scan) -> list[tuple[str | None, str | None]]:
    return sorted((f.version, f.location.file) for f in normalize(scans)[0])


def test_one_flaw_in_two_files_of_two_reports_is_two_findings() -> None:
    web, api = a_sight("trivy", file="web/yarn.lock"), a_sight("trivy", file="api/yarn.lock")

    assert [("3.0.11", "api/yarn.lock"), ("3.0.11", "web/yarn.lock")] == places(scan(web), scan(api))


def test_one_flaw_in_two_versions_of_two_reports_is_two_findings() -> None:
    assert [("1", None), ("2", None)] == places(
        scan(a_sight("trivy", version="1")), scan(a_sight("grype", version="2"))
    )


def test_the_version_of_a_package_url_tells_places_apart() -> None:
    old = a_sight("trivy", version=None, purl="pkg:npm/a@1")
    new = a_sight("grype", version=None, purl="pkg:npm/a@2")

    assert 2 == len(normalize([scan(old), scan(new)])[0])


def test_one_package_in_two_objects_of_a_cluster_is_two_findings() -> None:
    web, db = (a_sight("trivy", location=Location(resource=f"Deployment/prod/{name}")) for name in "ab")

    assert 2 == len(normalize([scan(web, db)])[0])


def test_a_sight_without_a_file_joins_the_place_of_another_report() -> None:
    [finding] = normalize([scan(a_sight("pip-audit")), scan(a_sight("trivy", file="a.lock"))])[0]

    assert ("a.lock", ("pip-audit", "trivy")) == (finding.location.file, finding.scanners)


def test_a_sight_without_a_file_makes_every_place_it_may_mean_worse() -> None:
    vague = a_sight("grype", severity=Severity.CRITICAL)
    exact = [a_sight("trivy", file=file) for file in ("a.lock", "b.lock")]

    assert [Severity.CRITICAL] * 2 == [f.severity for f in normalize([scan(vague), scan(*exact)])[0]]


def test_what_one_report_tells_apart_stays_apart() -> None:
    vague, exact = (
        some_code(location=Location(file="a.py")),
        some_code(location=Location(file="a.py", line=3)),
    )

    assert 2 == len(normalize([scan(vague, exact)])[0])
    assert 2 == len(normalize([scan(vague, exact), scan(exact)])[0])
    assert 2 == len(normalize([scan(vague), scan(vague, exact)])[0])


def test_the_same_call_seen_by_two_reports_is_one_finding() -> None:
    known = some_code(location=Location(file="a.py", line=3, column=5))
    without_column = some_code(location=Location(file="a.py", line=3))

    assert 1 == len(normalize([scan(known), scan(without_column)])[0])
    assert 2 == len(normalize([scan(known), scan(some_code(location=Location(file="a.py", line=4)))])[0])


def test_a_package_without_a_package_url_is_known_by_its_name() -> None:
    one, other = (
        Observation(finding=a_finding(purl=None, version="1"), context=name) for name in ("openssl", "curl")
    )

    assert 2 == len(normalize([scan(one, other)])[0])


@pytest.mark.parametrize(
    ("sights", "severity"),
    [
        ([("trivy", "unknown"), ("trivy", "low")], "unknown"),
        ([("trivy", "unknown"), ("trivy", "critical")], "critical"),
        ([("trivy", "unknown"), ("grype", "low")], "low"),
        ([("trivy", "unknown"), ("grype", "unknown")], "unknown"),
        ([("trivy", "unknown"), ("trivy", "low"), ("grype", "unknown")], "unknown"),
        ([("trivy", "unknown"), ("trivy", "low"), ("grype", "info")], "low"),
        ([("trivy", "medium"), ("grype", "high")], "high"),
    ],
)
def test_the_worst_counts_and_unknown_yields_to_another_tool_alone(
    sights: list[tuple[str, str]], severity: str
) -> None:
    seen = [a_sight(tool, severity=Severity(word)) for tool, word in sights]

    assert [severity] == [f.severity.value for f in normalize([scan(one) for one in seen])[0]]
    assert [severity] == [f.severity.value for f in normalize([scan(one) for one in reversed(seen)])[0]]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["unknown", "unknown"], "unknown"),
        (["unknown", "not_fixed"], "not_fixed"),
        (["wont_fix", "not_fixed"], "not_fixed"),
        (["wont_fix", "fixed"], "fixed"),
        (["unknown", "fixed"], "fixed"),
    ],
)
def test_a_fix_that_anybody_knows_is_a_fix_and_unknown_is_what_nobody_says(
    states: list[str], state: str
) -> None:
    seen = [a_sight(f"tool{n}", fix_state=FixState(word)) for n, word in enumerate(states)]

    assert [state] == [f.fix_state.value for f in normalize([scan(one) for one in seen])[0]]


def test_a_fixed_version_is_a_fix_whatever_else_is_said() -> None:
    one = a_finding(fixed_versions=("2",), fix_state=FixState.NOT_FIXED)

    assert [FixState.FIXED] == [f.fix_state for f in normalize([scan(one)])[0]]


SIGHTS = st.builds(
    a_sight,
    st.sampled_from(["trivy", "grype", "pip-audit"]),
    rule=st.sampled_from(["CVE-2026-0001", "GHSA-aaaa", "PYSEC-1"]),
    aliases=st.sampled_from([(), ("CVE-2026-0001",), ("CVE-2026-0002",), ("GHSA-aaaa",)]),
    title=st.sampled_from(["a", "b"]),
    severity=st.sampled_from(Severity),
    version=st.sampled_from([None, "1", "2", "10"]),
    file=st.sampled_from([None, "a.lock", "b.lock", "c/d.lock"]),
    purl=st.sampled_from(["pkg:npm/a", "pkg:npm/a@1"]),
    fix_state=st.sampled_from(FixState),
    vex=st.sampled_from([None, None, Vex(status="not_affected")]),
)
CODE = st.builds(
    some_code,
    line=st.integers(1, 12),
    context=st.sampled_from(["x", "y"]),
    severity=st.sampled_from(Severity),
    location=st.builds(
        Location,
        file=st.just("a.py"),
        line=st.sampled_from([None, 3, 12]),
        column=st.sampled_from([None, 1]),
    ),
)
SCANS = st.lists(st.lists(SIGHTS | CODE, max_size=5).map(lambda seen: scan(*seen)), max_size=4)


@given(scans=SCANS, data=st.data())
@hypothesis_settings(max_examples=150)
def test_the_order_of_reports_and_of_their_records_changes_nothing(
    scans: list[Scan], data: st.DataObject
) -> None:
    shuffled = [
        scan(*data.draw(st.permutations(one.observations))) for one in data.draw(st.permutations(scans))
    ]

    assert normalize(scans) == normalize(shuffled)


def whole_place(finding: Finding) -> tuple[str | None, ...]:
    version = finding.version or (finding.purl or "").partition("@")[2] or None
    return finding.kind.value, version, finding.location.file


@given(scans=SCANS)
@hypothesis_settings(max_examples=150)
def test_every_place_that_is_known_whole_is_a_finding_and_none_is_made_up(scans: list[Scan]) -> None:
    one_by_one = [f for one in scans for seen in one.observations for f in normalize([scan(seen)])[0]]
    found = normalize(scans)[0]
    seen = {whole_place(f) for f in one_by_one}

    assert {place for place in seen if None not in place} <= {whole_place(f) for f in found} <= seen
    assert len(found) == len({f.fingerprint for f in found})


@given(scans=SCANS)
@hypothesis_settings(max_examples=150)
def test_a_report_more_never_makes_findings_fewer_or_milder(scans: list[Scan]) -> None:
    """But for `unknown`, which yields to what another tool knows."""
    known = [f for f in normalize(scans[:-1])[0] if f.severity is not Severity.UNKNOWN]
    joined = normalize(scans)[0]

    for one in known:
        like = [f for f in joined if f.kind is one.kind and {one.rule, *one.aliases} & {f.rule, *f.aliases}]
        assert min(f.severity.rank for f in like) <= one.severity.rank


@given(scans=SCANS, file=st.sampled_from(["a.lock", "b.lock"]), version=st.sampled_from(["1", "2"]))
@hypothesis_settings(max_examples=150)
def test_a_waiver_by_path_and_version_covers_no_place_that_it_does_not_name(
    scans: list[Scan], file: str, version: str
) -> None:
    waiver = a_waiver(vulnerability="CVE-2026-0001", path=file, purl=f"pkg:npm/a@{version}")
    left = {
        (f.version, f.location.file)
        for f in normalize(scans)[0]
        if not covers(waiver, f, None, Subject(name="s"), None)
    }
    named = {
        (f.version, f.location.file)
        for one in scans
        for f in (seen.finding for seen in one.observations)
        if f.kind is Kind.VULNERABILITY and f.version and f.location.file
    }

    assert named - {(version, file)} <= left
