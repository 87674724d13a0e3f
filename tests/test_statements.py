"""VEX documents: they join the findings they surely speak of, and make none milder unless the settings believe them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec.json import encode

from gate import bootstrap
from gate.ingest import Read
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Outcome,
    Report,
    ReportSubject,
    Scan,
    Severity,
    Statement,
    Status,
    Vex,
)
from gate.normalize import normalize
from tests.scanners.builders import read
from tests.test_order import RANKS, Shipped

HERE: Final = f"sha256:{'a' * 64}"
ELSEWHERE: Final = f"sha256:{'b' * 64}"
REASON: Final = "vulnerable_code_not_present"
JINJA: Final = "pkg:pypi/jinja2@2.10"


def a_sight(**changes: Any) -> Observation:
    facts: dict[str, Any] = {
        "kind": Kind.VULNERABILITY,
        "rule": "CVE-2026-0001",
        "title": "a flaw",
        "severity": Severity.CRITICAL,
        "purl": JINJA,
        "fixed_versions": ("3.0",),
        "scanners": ("trivy",),
    }
    return Observation(finding=Finding(**facts | changes))


def a_scan(*seen: Observation, digest: str | None = HERE) -> Scan:
    subject = ReportSubject(name="web", digest=digest)
    return Scan(format="f", scanner="s", kinds=(Evidence.DEPENDENCIES,), subject=subject, observations=seen)


def openvex(*statements: dict[str, Any], **head: Any) -> Scan:
    document = {"@context": "https://openvex.dev/ns/v0.2.0", "statements": statements}
    return read(encode(document | head)).scan


def a_statement(product: Any = JINJA, **changes: Any) -> dict[str, Any]:
    facts = {
        "vulnerability": {"name": "CVE-2026-0001"},
        "products": [{"@id": product} if isinstance(product, str) else product],
        "status": "not_affected",
        "justification": REASON,
    }
    return facts | changes


def states(*scans: Scan) -> list[str | None]:
    """The status of every finding that a scanner made, in the order of fingerprints."""
    found = [one for one in normalize(scans)[0] if one.scanners == ("trivy",)]
    return [one.vex.status if one.vex else None for one in found]


def test_a_statement_joins_the_finding_and_is_none_of_its_own() -> None:
    [finding] = normalize([a_scan(a_sight()), openvex(a_statement())])[0]

    assert Vex(status="not_affected", justification=REASON) == finding.vex
    assert (("trivy",), Severity.CRITICAL) == (finding.scanners, finding.severity)


def test_a_statement_gives_no_finding_another_name() -> None:
    alone, stated = normalize([a_scan(a_sight())])[0], openvex(a_statement("pkg:pypi/jinja2@9"))
    together = normalize([stated, a_scan(a_sight())])[0]

    assert {one.fingerprint for one in alone} < {one.fingerprint for one in together}
    assert alone[0] in together


@pytest.mark.parametrize(
    "product",
    [
        JINJA,
        "pkg:pypi/Jinja2@2.10",
        "pkg:pypi/jinja2",
        {"@id": "https://example.org/p", "identifiers": {"purl": JINJA}},
        {"@id": f"pkg:oci/web@{HERE}"},
        {"@id": f"pkg:oci/web@{HERE.replace(':', '%3A')}", "subcomponents": [{"@id": JINJA}]},
        {"@id": "pkg:oci/web", "hashes": {"sha-256": HERE[7:]}, "subcomponents": [{"@id": JINJA}]},
    ],
)
def test_a_statement_about_this_package_or_this_image_is_heard(product: Any) -> None:
    assert ["not_affected"] == states(a_scan(a_sight()), openvex(a_statement(product)))


@pytest.mark.parametrize(
    "product",
    [
        "",
        "jinja2",
        "pkg:pypi/jinja2@3.0",
        "pkg:pypi/flask@2.10",
        "pkg:npm/jinja2@2.10",
        "pkg:pypi/jinja2@2.10?checksum=sha256:1",
        {"@id": f"pkg:oci/web@{ELSEWHERE}"},
        {"@id": f"pkg:oci/web@{ELSEWHERE}", "subcomponents": [{"@id": JINJA}]},
        {"@id": f"pkg:oci/web@{HERE}", "subcomponents": [{"@id": "pkg:pypi/flask@2.10"}]},
        {"@id": f"pkg:oci/web@{HERE}", "subcomponents": [{"@id": ""}]},
        {"@id": "pkg:oci/web", "subcomponents": [{"@id": JINJA}]},
        {"@id": "pkg:npm/app@1", "subcomponents": [JINJA]},
        {"subcomponents": [{"@id": JINJA}]},
        {"@id": "pkg:oci/web@sha256:abc"},
    ],
)
def test_a_statement_about_another_product_or_who_knows_which_is_not_heard(product: Any) -> None:
    assert [None] == states(a_scan(a_sight()), openvex(a_statement(product)))


@pytest.mark.parametrize("digest", [None, ELSEWHERE])
def test_a_statement_about_an_image_is_not_heard_where_a_report_is_about_another_or_does_not_say(
    digest: str | None,
) -> None:
    stated = openvex(a_statement(f"pkg:oci/web@{HERE}"))

    assert [None] == states(a_scan(a_sight(), digest=digest), stated)
    assert [None] == states(a_scan(a_sight()), a_scan(a_sight(), digest=digest), stated)


def test_a_statement_without_a_product_is_about_nothing() -> None:
    assert [None] == states(a_scan(a_sight()), openvex(a_statement(products=[])))


def test_a_statement_about_one_version_leaves_the_other_as_it_is() -> None:
    both = a_scan(a_sight(purl="pkg:pypi/jinja2@2.10"), a_sight(purl="pkg:pypi/jinja2@2.11"))
    found = normalize([both, openvex(a_statement())])[0]

    assert {"pkg:pypi/jinja2@2.10": "not_affected", "pkg:pypi/jinja2@2.11": None} == {
        one.purl: one.vex.status if one.vex else None for one in found
    }


def test_a_version_that_no_scanner_knows_is_not_the_one_that_is_stated() -> None:
    assert [None] == states(a_scan(a_sight(purl="pkg:pypi/jinja2")), openvex(a_statement()))


def test_a_fix_that_names_no_version_is_not_heard() -> None:
    assert [None] == states(a_scan(a_sight()), openvex(a_statement("pkg:pypi/jinja2", status="fixed")))
    assert ["fixed"] == states(a_scan(a_sight()), openvex(a_statement(JINJA, status="fixed")))


@pytest.mark.parametrize("status", ["affected", "under_investigation"])
@pytest.mark.parametrize("turned", [False, True])
def test_of_documents_that_disagree_the_worst_counts_whichever_is_newer(status: str, turned: bool) -> None:
    mild = openvex(a_statement(), timestamp="2026-11-20T00:00:00Z")
    grave = openvex(a_statement(status=status), timestamp="2026-01-01T00:00:00Z")
    order = (grave, mild) if turned else (mild, grave)

    assert [status] == states(a_scan(a_sight()), *order)


@pytest.mark.parametrize("turned", [False, True])
def test_of_statements_of_one_document_and_time_the_open_one_counts(turned: bool) -> None:
    rows = [a_statement(), a_statement(status="under_investigation")]

    assert ["under_investigation"] == states(a_scan(a_sight()), openvex(*(rows[::-1] if turned else rows)))


def test_of_statements_of_one_document_the_latest_counts_and_one_without_a_readable_time_is_not_old() -> None:
    rows = [
        a_statement(timestamp="2026-11-20T00:00:00Z"),
        a_statement(status="affected", timestamp="2026-01-01T00:00:00Z"),
    ]
    assert ["not_affected"] == states(a_scan(a_sight()), openvex(*rows))

    rows[1]["timestamp"] = "some day"
    assert ["affected"] == states(a_scan(a_sight()), openvex(*rows))


def test_a_scanner_that_says_affected_is_not_overruled() -> None:
    seen = a_sight(vex=Vex(status="affected"))

    assert ["affected"] == states(a_scan(seen), openvex(a_statement()))


def test_a_justification_is_not_outweighed_by_a_statement_without_one() -> None:
    bare = openvex(a_statement(justification=None))
    [finding] = normalize([a_scan(a_sight()), openvex(a_statement()), bare])[0]

    assert Vex(status="not_affected") == finding.vex


def test_a_stranger_joins_no_names_of_flaws() -> None:
    """Else a waiver or baseline for the first would cover the second."""
    seen = a_scan(a_sight(), a_sight(rule="GHSA-aaaa-bbbb-cccc"))
    stated = openvex(
        a_statement(
            vulnerability={"name": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]}, status="affected"
        )
    )
    rules = [sorted(f.rule for f in normalize(some)[0]) for some in ([seen], [seen, stated])]

    assert rules[0] == rules[1]


def test_a_statement_under_an_alias_that_the_scanner_knows_is_heard() -> None:
    seen = a_sight(rule="GHSA-aaaa-bbbb-cccc", aliases=("CVE-2026-0001",))

    assert ["not_affected"] == states(a_scan(seen), openvex(a_statement()))


def test_malware_is_never_spoken_of() -> None:
    seen = a_sight(kind=Kind.MALWARE)

    assert [None] == states(a_scan(seen), openvex(a_statement()))


def test_severities_and_fixes_of_a_document_only_make_worse() -> None:
    def csaf(score: float) -> Observation:
        stated = a_sight(
            severity=Severity.LOW if score < 4 else Severity.CRITICAL,
            fixed_versions=(),
            scanners=("csaf",),
            vex=Vex(status="affected"),
        )
        return msgspec.structs.replace(stated, statement=Statement())

    unsure = a_scan(a_sight(severity=Severity.UNKNOWN))
    mild = a_scan(a_sight(severity=Severity.LOW))

    assert [Severity.UNKNOWN] == [f.severity for f in normalize([unsure, a_scan(csaf(2.0))])[0]]
    assert [Severity.CRITICAL] == [f.severity for f in normalize([mild, a_scan(csaf(9.9))])[0]]


# ---------------------------------------------------------------------------- CSAF and CycloneDX


def csaf(status: str, purl: str, within: str | None = None, **facts: Any) -> Scan:
    names: list[dict[str, Any]] = [
        {"product_id": "P", "name": "p", "product_identification_helper": {"purl": purl}}
    ]
    tree: dict[str, Any] = {"full_product_names": names}
    if within is not None:
        helper = {"purl": within} if within.startswith("pkg:") else {}
        names.append({"product_id": "W", "name": "w", "product_identification_helper": helper})
        tree["relationships"] = [
            {
                "category": "default_component_of",
                "product_reference": "P",
                "relates_to_product_reference": "W",
                "full_product_name": {"product_id": "PW", "name": "p in w"},
            }
        ]
    tree["product_groups"] = [{"group_id": "G", "product_ids": ["other"]}]
    row = {"cve": "CVE-2026-0001", "product_status": {status: ["PW" if within is not None else "P"]}} | facts
    document = {"csaf_version": "2.0", "tracking": {"id": "a", "status": "final"}}
    return read(encode({"document": document, "product_tree": tree, "vulnerabilities": [row]})).scan


RPM: Final = "pkg:rpm/redhat/openssl@1.1.1k-7.el8_6?arch=x86_64"


@pytest.mark.parametrize(
    ("purl", "within"),
    [(JINJA, None), (JINJA, f"pkg:oci/web@{HERE}"), (RPM, "Red Hat Enterprise Linux 8")],
)
def test_a_status_of_csaf_is_heard_for_this_package_or_this_image(purl: str, within: str | None) -> None:
    assert ["fixed"] == states(a_scan(a_sight(purl=purl)), csaf("fixed", purl, within))


@pytest.mark.parametrize(
    ("purl", "within"),
    [
        (JINJA, "some product"),
        (JINJA, f"pkg:oci/web@{ELSEWHERE}"),
        ("pkg:rpm/redhat/openssl", "Red Hat Enterprise Linux 8"),
        ("pkg:rpm/redhat/openssl", None),
    ],
)
def test_a_status_of_csaf_for_a_part_of_another_product_is_not_heard(purl: str, within: str | None) -> None:
    seen = a_sight(purl=RPM if "rpm" in purl else JINJA)

    assert [None] == states(a_scan(seen), csaf("fixed", purl, within))


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        ({"product_ids": ["P"]}, REASON),
        ({}, REASON),
        ({"product_ids": ["other"]}, None),
        ({"group_ids": ["G"]}, None),
        ({"group_ids": ["nobody"]}, None),
    ],
)
def test_a_flag_of_csaf_justifies_only_the_products_that_it_names(
    flag: dict[str, Any], expected: str | None
) -> None:
    stated = csaf("known_not_affected", JINJA, flags=[{"label": REASON} | flag])
    [finding] = normalize([a_scan(a_sight()), stated])[0]

    assert Vex(status="not_affected", justification=expected) == finding.vex


def cyclonedx(subject: dict[str, Any] | None, ref: str = JINJA) -> Scan:
    analysis = {"state": "not_affected", "justification": "code_not_present"}
    flaw = {"id": "CVE-2026-0001", "analysis": analysis, "affects": [{"ref": ref}]}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": [flaw]}
    return read(encode(document | ({"metadata": {"component": subject}} if subject else {}))).scan


def test_a_vex_document_of_cyclonedx_is_heard_for_this_package_or_this_image() -> None:
    image = {"type": "container", "name": "web", "version": HERE}

    assert ["not_affected"] == states(a_scan(a_sight()), cyclonedx(None))
    assert ["not_affected"] == states(a_scan(a_sight()), cyclonedx(image))


@pytest.mark.parametrize(
    "subject",
    [
        {"type": "application", "name": "another"},
        {"type": "container", "name": "web"},
        {"type": "container", "name": "web", "version": ELSEWHERE},
    ],
)
def test_a_vex_document_of_cyclonedx_about_another_product_is_not_heard(subject: dict[str, Any]) -> None:
    assert [None] == states(a_scan(a_sight()), cyclonedx(subject))


# --------------------------------------------------------------------------------------- decisions


@pytest.fixture(scope="module")
def decided() -> Iterator[Shipped]:
    with bootstrap.engine() as engine:
        yield Shipped(engine, bootstrap.bundle(["builtin:default"], Path.cwd(), engine, python=False))


def a_read(scan: Scan) -> Read:
    report = Report(format="f", scanner="s", status=Status.OK, sha256="sha256:0", kinds=scan.kinds)
    return Read(scan=scan, report=report, why="w", data=b"")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Outcome.PASS),
        ({"status": "fixed", "justification": None}, Outcome.PASS),
        ({"justification": None, "impact_statement": "the code is not called"}, Outcome.PASS),
        ({"justification": None}, Outcome.FAIL),
        ({"justification": ""}, Outcome.FAIL),
        ({"justification": None, "impact_statement": "  "}, Outcome.FAIL),
        ({"status": "affected"}, Outcome.FAIL),
        ({"status": "under_investigation"}, Outcome.FAIL),
    ],
)
def test_only_settings_that_trust_vex_believe_a_statement_and_only_one_with_a_reason(
    decided: Shipped, changes: dict[str, Any], expected: Outcome
) -> None:
    reads = [a_read(a_scan(a_sight())), a_read(openvex(a_statement(**changes)))]

    assert Outcome.FAIL is decided(*reads).outcome
    assert expected is decided(*reads, settings={"vulnerabilities": {"trust_vex": True}}).outcome


SIGHTS: Final = st.builds(
    a_sight,
    severity=st.sampled_from(Severity),
    purl=st.sampled_from([JINJA, "pkg:pypi/jinja2@3"]),
    fix_state=st.sampled_from([FixState.UNKNOWN, FixState.NOT_FIXED]),
    fixed_versions=st.sampled_from([(), ("3.0",)]),
)
SAID: Final = st.builds(
    lambda seen, vex, image: msgspec.structs.replace(
        seen,
        finding=msgspec.structs.replace(
            seen.finding, vex=vex, scanners=("csaf",), location=Location(image=image)
        ),
        statement=Statement(image=image),
    ),
    SIGHTS,
    st.sampled_from(
        [Vex(status=word, justification=REASON) for word in ("affected", "fixed", "not_affected")]
    ),
    st.sampled_from([None, HERE, ELSEWHERE]),
)


@given(
    scans=st.lists(st.lists(SIGHTS, max_size=3).map(lambda seen: a_scan(*seen)), min_size=1, max_size=3),
    said=st.lists(SAID, min_size=1, max_size=3),
    data=st.data(),
)
@hypothesis_settings(max_examples=60)
def test_no_document_makes_a_decision_milder_that_does_not_trust_vex_and_their_order_changes_nothing(
    decided: Shipped, scans: list[Scan], said: list[Observation], data: st.DataObject
) -> None:
    documents = [a_scan(one) for one in said]
    before, after = [decided(*map(a_read, some)).outcome for some in (scans, [*scans, *documents])]

    assert RANKS.index(before) <= RANKS.index(after)
    assert normalize([*scans, *documents]) == normalize(data.draw(st.permutations([*scans, *documents])))
