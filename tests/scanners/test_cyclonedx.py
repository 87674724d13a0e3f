from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import (
    Component,
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    ReportSubject,
    Scan,
    Severity,
    Status,
    Vex,
)
from scanners import cyclonedx
from tests.scanners.builders import document

SHA256 = "a" * 64
SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
LINK = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1"
V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V3 = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
JACKSON = {
    "type": "library",
    "bom-ref": "jackson",
    "group": "com.fasterxml",
    "name": "jackson",
    "version": "2.9.4",
    "purl": "pkg:maven/com.fasterxml/jackson@2.9.4",
}


def a_component(**changes: Any) -> dict[str, Any]:
    return {"type": "library", "name": "left-pad"} | {key.replace("_", "-"): v for key, v in changes.items()}


def a_bom(*components: dict[str, Any], **changes: Any) -> dict[str, Any]:
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(components)}
    return bom | changes


def scan(bom: Any) -> Scan:
    return cyclonedx.parse(document(bom))


def components(*given: dict[str, Any], **changes: Any) -> tuple[Component, ...]:
    return scan(a_bom(*given, **changes)).components


def findings(vulnerability: dict[str, Any], *given: dict[str, Any], **changes: Any) -> list[Finding]:
    bom = a_bom(*(given or (JACKSON,)), vulnerabilities=[{"id": "CVE-2020-1"} | vulnerability], **changes)
    return [seen.finding for seen in scan(bom).observations]


def rated(*ratings: dict[str, Any]) -> Finding:
    (finding,) = findings({"affects": [{"ref": "jackson"}], "ratings": list(ratings)})
    return finding


# ------------------------------------------------------------------------------------ the document


def test_a_document_names_its_format() -> None:
    assert "bomFormat is CycloneDX" == cyclonedx.detect(document(a_bom()))


@pytest.mark.parametrize("other", [{}, [], None, {"bomFormat": "AnotherFormat"}, [a_bom()]])
def test_other_documents_are_not_claimed(other: Any) -> None:
    assert cyclonedx.detect(document(other)) is None


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_every_published_version_is_read(version: str) -> None:
    assert 1 == len(components(a_component(), specVersion=version))


def test_a_document_without_components_is_an_empty_target_and_not_ok() -> None:
    for bom in (a_bom(), {"bomFormat": "CycloneDX", "specVersion": "1.5"}):
        read = scan(bom)

        assert (Status.EMPTY_TARGET, ()) == (read.status, read.kinds)
        assert "no components" in read.notes[0]


def test_services_are_no_components() -> None:
    assert Status.EMPTY_TARGET == scan(a_bom(services=[{"name": "api", "bom-ref": "api"}])).status


def test_components_alone_are_evidence_of_an_sbom_and_of_nothing_else() -> None:
    assert (Evidence.SBOM,) == scan(a_bom(a_component(), vulnerabilities=[])).kinds


def test_components_with_vulnerabilities_are_evidence_of_dependencies_too() -> None:
    assert (Evidence.SBOM, Evidence.DEPENDENCIES) == scan(
        a_bom(a_component(), vulnerabilities=[{"id": "CVE-1"}])
    ).kinds


def test_a_vex_document_is_evidence_of_nothing_but_its_vulnerabilities_are_read() -> None:
    read = scan(a_bom(vulnerabilities=[{"id": "CVE-2020-1", "analysis": {"state": "exploitable"}}]))

    assert ((), Status.OK, 1) == (read.kinds, read.status, len(read.observations))
    assert "VEX document" in read.notes[0]


@pytest.mark.parametrize(
    "tools",
    [
        [{"vendor": "anchore", "name": "Syft", "version": "1.11.0"}],
        {"components": [{"type": "application", "name": "Syft", "version": "1.11.0"}]},
        {"services": [{"name": "Syft", "version": "1.11.0"}]},
    ],
    ids=["array", "object since 1.5", "service"],
)
def test_the_tool_is_found_in_every_form(tools: Any) -> None:
    read = scan(a_bom(metadata={"tools": tools, "timestamp": "2022-07-22T09:45:32+01:00"}))

    assert ("syft", "1.11.0", "2022-07-22T08:45:32Z") == (read.scanner, read.scanner_version, read.created)


def test_a_document_without_tool_is_by_cyclonedx() -> None:
    assert ("cyclonedx", None) == (scan(a_bom()).scanner, scan(a_bom(metadata={"tools": []})).scanner_version)


def test_the_subject_is_the_described_component() -> None:
    subject = {"type": "application", "group": "acme", "name": "web", "version": "1.0"}
    read = scan(a_bom(a_component(), metadata={"component": subject}))

    assert ReportSubject(name="acme/web") == read.subject
    assert 1 == len(read.components)


@pytest.mark.parametrize(
    "facts",
    [
        {"version": f"sha256:{SHA256}"},
        {"purl": f"pkg:oci/alpine@sha256%3A{SHA256}?repository_url=index.example/library/alpine"},
        {"hashes": [{"alg": "SHA-256", "content": SHA256.upper()}]},
        {"name": f"alpine@sha256:{SHA256}"},
    ],
    ids=["version", "purl", "hash", "name"],
)
def test_a_container_has_its_digest(facts: dict[str, Any]) -> None:
    container = {"type": "container", "name": "alpine"} | facts
    subject = scan(a_bom(metadata={"component": container})).subject

    assert subject is not None
    assert f"sha256:{SHA256}" == subject.digest


def test_only_a_container_has_a_digest() -> None:
    library = {"type": "library", "name": "a", "hashes": [{"alg": "SHA-256", "content": SHA256}]}

    assert ReportSubject(name="a") == scan(a_bom(metadata={"component": library})).subject


@pytest.mark.parametrize(
    "aggregate", ["incomplete", "incomplete_first_party_only", "unknown", "not_specified"]
)
def test_parts_that_are_declared_incomplete_are_noted(aggregate: str) -> None:
    read = scan(a_bom(a_component(), compositions=[{"aggregate": aggregate}, {"aggregate": "complete"}]))

    assert ("1 compositions are declared incomplete or unknown",) == read.notes


# -------------------------------------------------------------------------------------- components


def test_nested_components_are_components() -> None:
    inner = a_component(name="inner", components=[a_component(name="innermost")])
    names = [
        c.name for c in components(a_component(name="outer", components=[inner]), a_component(name="next"))
    ]

    assert ["outer", "inner", "innermost", "next"] == names


def test_parts_of_the_subject_are_components() -> None:
    subject = {"type": "application", "name": "web", "components": [a_component()]}

    assert ["left-pad"] == [c.name for c in components(metadata={"component": subject})]


def test_a_component_is_read_whole() -> None:
    given = a_component(
        group="org",
        version="1.0",
        purl="pkg:npm/org/left-pad@1.0",
        scope="required",
        hashes=[{"alg": "SHA-256", "content": SHA256}, {"alg": "MD5", "content": "b" * 32}],
        licenses=[{"license": {"id": "MIT"}}],
        supplier={"name": "Acme"},
        publisher="not this one",
    )

    assert (
        Component(
            name="org/left-pad",
            version="1.0",
            purl="pkg:npm/org/left-pad@1.0",
            scope="required",
            hashes={"sha256": SHA256, "md5": "b" * 32},
            license="MIT",
            supplier="Acme",
        ),
    ) == components(given)


@pytest.mark.parametrize(
    "facts",
    [
        {"publisher": "Acme"},
        {"author": "Acme"},
        {"authors": [{"name": "Acme"}]},
        {"manufacturer": {"name": "Acme"}},
    ],
)
def test_without_supplier_its_publisher_or_author_stands_in(facts: dict[str, Any]) -> None:
    assert "Acme" == components(a_component(**facts))[0].supplier


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"scope": "excluded"}, "excluded"),
        ({"scope": "optional"}, "optional"),
        ({"isExternal": True}, "external"),
        ({"isExternal": True, "scope": "excluded"}, "excluded"),
        ({}, None),
    ],
)
def test_components_that_are_not_shipped_stay_with_their_scope(
    facts: dict[str, Any], expected: str | None
) -> None:
    assert expected == components(a_component(**facts))[0].scope


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([], None),
        ([{"license": {"id": "MIT"}}, {"license": {"id": "Apache-2.0"}}], "MIT AND Apache-2.0"),
        ([{"expression": "MIT OR Apache-2.0"}], "MIT OR Apache-2.0"),
        ([{"expression": "MIT OR ISC"}, {"license": {"id": "Zlib"}}], "(MIT OR ISC) AND Zlib"),
        ([{"license": {"name": "Apache License 2.0"}}], "LicenseRef-Apache-License-2.0"),
        ([{"license": {"name": "BSD-3-Clause OR MIT"}}], "BSD-3-Clause OR MIT"),
        ([{"license": {"id": "Not-In-The-List"}}], "LicenseRef-Not-In-The-List"),
        ([{"license": {}}, {}], None),
    ],
    ids=[
        "none",
        "list",
        "expression",
        "mixed since 1.7",
        "name",
        "expression as name",
        "outside the list",
        "empty",
    ],
)
def test_licences_become_one_expression(choices: list[dict[str, Any]], expected: str | None) -> None:
    assert expected == components(a_component(licenses=choices))[0].license


def test_declared_and_concluded_licences_both_count() -> None:
    choices = [
        {"license": {"id": "AGPL-3.0-only", "acknowledgement": "declared"}},
        {"expression": "MIT", "acknowledgement": "concluded"},
    ]

    assert "AGPL-3.0-only AND MIT" == components(a_component(licenses=choices))[0].license


def test_what_the_subject_depends_on_itself_is_direct() -> None:
    metadata = {"component": {"type": "application", "name": "web", "bom-ref": "root"}}
    graph = [{"ref": "root", "dependsOn": ["a"]}, {"ref": "a", "dependsOn": ["b"]}, {"ref": "root"}]
    given = [a_component(bom_ref="a"), a_component(bom_ref="b"), a_component()]

    assert [True, False, None] == [
        c.direct for c in components(*given, metadata=metadata, dependencies=graph)
    ]


def test_without_a_graph_nothing_is_known_about_directness() -> None:
    metadata = {"component": {"type": "application", "name": "web", "bom-ref": "root"}}

    assert components(a_component(bom_ref="a"), metadata=metadata)[0].direct is None
    assert components(a_component(bom_ref="a"), dependencies=[{"ref": "a"}])[0].direct is None


# --------------------------------------------------------------------------------- vulnerabilities


def test_a_vulnerability_is_read_whole() -> None:
    vulnerability = {
        "references": [{"id": "GHSA-aaaa-bbbb-cccc", "source": {"name": "GitHub"}}, {"id": "RHSA-2020:1"}],
        "ratings": [
            {"source": {"name": "NVD"}, "severity": "high", "score": 7.5, "method": "CVSSv31", "vector": V3}
        ],
        "cwes": [502, 0],
        "affects": [{"ref": "jackson"}],
    }

    assert [
        Finding(
            kind=Kind.VULNERABILITY,
            rule="CVE-2020-1",
            title="CVE-2020-1 in com.fasterxml/jackson",
            severity=Severity.HIGH,
            severity_raw="high",
            aliases=("GHSA-aaaa-bbbb-cccc",),
            cwes=("CWE-502",),
            cvss=(Cvss(version="3.1", vector=f"CVSS:3.1/{V3}", score=7.5, source="NVD"),),
            purl="pkg:maven/com.fasterxml/jackson@2.9.4",
            version="2.9.4",
            scanners=("cyclonedx",),
        )
    ] == findings(vulnerability)


def test_each_affected_component_gives_its_own_finding() -> None:
    other = a_component(bom_ref="other", purl="pkg:npm/left-pad@1")
    vulnerability = {"affects": [{"ref": "jackson"}, {"ref": "other"}], "analysis": {"state": "in_triage"}}
    read = findings(vulnerability, JACKSON, other)

    assert ["pkg:maven/com.fasterxml/jackson@2.9.4", "pkg:npm/left-pad@1"] == [f.purl for f in read]
    assert [Vex(status="under_investigation")] * 2 == [f.vex for f in read]


def test_two_entries_of_one_id_keep_their_own_statements() -> None:
    entries = [
        {"id": "CVE-1", "affects": [{"ref": "jackson"}], "analysis": {"state": "not_affected"}},
        {"id": "CVE-1", "affects": [{"ref": "other"}], "analysis": {"state": "exploitable"}},
    ]
    read = scan(a_bom(JACKSON, a_component(bom_ref="other"), vulnerabilities=entries))

    assert [Vex(status="not_affected"), Vex(status="affected")] == [o.finding.vex for o in read.observations]


def test_a_vulnerability_that_affects_nothing_named_is_still_a_finding() -> None:
    (finding,) = findings({})

    assert ("CVE-2020-1", None, Location()) == (finding.rule, finding.purl, finding.location)


def test_a_nested_component_can_be_affected() -> None:
    (finding,) = findings({"affects": [{"ref": "jackson"}]}, a_component(components=[JACKSON]))

    assert "pkg:maven/com.fasterxml/jackson@2.9.4" == finding.purl


def test_the_subject_can_be_affected() -> None:
    metadata = {"component": {"type": "application", "name": "web", "version": "1", "bom-ref": "root"}}
    (finding,) = findings({"affects": [{"ref": "root"}]}, metadata=metadata)

    assert ("CVE-2020-1 in web", "1", Location(resource="web")) == (
        finding.title,
        finding.version,
        finding.location,
    )


def test_a_component_without_package_url_keeps_its_name_when_refs_are_made_anew() -> None:
    names = set()
    for ref in ("5f0c", "9a1b"):
        component = {"type": "library", "name": "zlib", "version": "1", "bom-ref": ref}
        (finding,) = findings({"affects": [{"ref": ref}]}, components=[component])
        names.add(finding.location)

    assert {Location(resource="zlib")} == names


def test_a_ref_to_nothing_is_kept_as_resource() -> None:
    (finding,) = findings({"affects": [{"ref": "gone"}]})

    assert (None, Location(resource="gone")) == (finding.purl, finding.location)


def test_a_ref_that_is_a_purl_needs_no_component() -> None:
    (finding,) = findings({"affects": [{"ref": "pkg:npm/left-pad@1.2?type=module"}]})

    assert ("pkg:npm/left-pad@1.2?type=module", "1.2") == (finding.purl, finding.version)


def test_of_different_components_with_one_ref_none_is_named() -> None:
    twin = a_component(bom_ref="jackson", purl="pkg:npm/left-pad@1")
    (finding,) = findings({"affects": [{"ref": "jackson"}]}, JACKSON, twin)

    assert (None, Location(resource="jackson")) == (finding.purl, finding.location)


def test_a_component_that_is_listed_twice_is_still_itself() -> None:
    (finding,) = findings({"affects": [{"ref": "jackson"}]}, JACKSON, JACKSON)

    assert "pkg:maven/com.fasterxml/jackson@2.9.4" == finding.purl


@pytest.mark.parametrize(
    ("ref", "purl", "resource"),
    [
        (f"{LINK}#jackson", "pkg:maven/com.fasterxml/jackson@2.9.4", None),
        (f"{LINK}#pkg%3Anpm%2Fleft-pad%401", "pkg:npm/left-pad@1", None),
        (f"{LINK}#gone", None, f"{LINK}#gone"),
        (LINK, None, LINK),
        ("urn:cdx:other/1#jackson", None, "urn:cdx:other/1#jackson"),
        ("urn:cdx:other/1#pkg:npm/left-pad@1", "pkg:npm/left-pad@1", None),
    ],
    ids=["own", "purl", "to nothing", "whole document", "other document", "purl in another document"],
)
def test_a_link_between_documents_is_read_by_its_fragment(
    ref: str, purl: str | None, resource: str | None
) -> None:
    (finding,) = findings({"affects": [{"ref": ref}]}, serialNumber=SERIAL)

    assert (purl, resource) == (finding.purl, finding.location.resource)


def test_versions_that_are_not_affected_are_the_fixed_ones_and_ranges_are_no_versions() -> None:
    versions = [
        {"version": "1.0", "status": "affected"},
        {"version": "1.1"},
        {"range": "vers:semver/<2.0", "status": "affected"},
        {"version": "2.0", "status": "unaffected"},
        {"range": "vers:semver/>2.0", "status": "unaffected"},
        {"version": "3.0", "status": "unknown"},
    ]
    (finding,) = findings({"affects": [{"ref": "gone", "versions": versions}]})

    assert (None, ("2.0",)) == (finding.version, finding.fixed_versions)
    assert FixState.FIXED is finding.fix_state


def test_the_only_affected_version_is_the_version_where_no_component_tells() -> None:
    (finding,) = findings({"affects": [{"ref": "gone", "versions": [{"version": "1.0"}]}]})

    assert "1.0" == finding.version


def test_the_image_is_the_container_that_the_document_describes() -> None:
    metadata = {"component": {"type": "container", "name": "alpine:3"}}
    (finding,) = findings({"affects": [{"ref": "jackson"}]}, metadata=metadata)

    assert Location(image="alpine:3") == finding.location


def test_a_vulnerability_without_id_is_named_by_its_reference() -> None:
    bom = a_bom(vulnerabilities=[{"references": [{"id": "CVE-2020-2"}]}, {"bom-ref": "v1"}, {}])

    assert ["CVE-2020-2", "v1", "unnamed"] == [o.finding.rule for o in scan(bom).observations]


def test_a_rejected_vulnerability_stays_and_is_noted() -> None:
    read = scan(a_bom(a_component(), vulnerabilities=[{"id": "CVE-1", "rejected": "2024-01-01T00:00:00Z"}]))

    assert ("1 vulnerabilities are marked as rejected by their source; they still count",) == read.notes
    assert 1 == len(read.observations)


# ----------------------------------------------------------------------------------------- ratings


def test_the_order_of_ratings_does_not_matter() -> None:
    ratings = [
        {"severity": "low", "method": "CVSSv2", "vector": V2},
        {"severity": "critical", "method": "CVSSv31", "vector": V3},
        {"severity": "medium", "method": "other"},
    ]

    assert [Severity.CRITICAL] * 2 == [rated(*ratings).severity, rated(*reversed(ratings)).severity]


def test_the_highest_version_of_cvss_counts() -> None:
    older = {"severity": "critical", "method": "CVSSv31", "score": 9.8}
    newer = {"severity": "high", "method": "CVSSv4", "vector": V4}

    assert Severity.HIGH == rated(older, newer).severity


def test_among_ratings_of_one_version_the_worst_counts() -> None:
    ratings = [{"severity": word, "method": "CVSSv31", "score": 5.0} for word in ("medium", "high", "low")]

    assert (Severity.HIGH, "high") == (rated(*ratings).severity, rated(*ratings).severity_raw)


def test_a_declared_severity_stands_above_its_score() -> None:
    assert Severity.LOW == rated({"severity": "low", "score": 9.8, "method": "CVSSv31"}).severity


@pytest.mark.parametrize(
    "rating",
    [
        {"score": 9.8, "method": "CVSSv31"},
        {"vector": f"CVSS:3.1/{V3}", "method": "CVSSv31"},
        {"vector": f"CVSS:3.1/{V3}"},
        {"vector": V3, "method": "CVSSv3"},
        {"score": 9.8, "severity": "unknown", "method": "CVSSv31"},
        {"score": 9.8},
    ],
    ids=["score", "vector", "vector alone", "vector without prefix", "declared unknown", "score alone"],
)
def test_without_a_declared_severity_the_score_decides(rating: dict[str, Any]) -> None:
    assert Severity.CRITICAL == rated(rating).severity


@pytest.mark.parametrize(
    "ratings",
    [
        [],
        [{"severity": "unknown"}],
        [{"severity": "unknown", "method": "SSVC"}],
        [{"score": 40.0, "method": "OWASP"}],
        [{"score": 0.97, "method": "other"}],
        [{"score": 99.0}],
    ],
    ids=["none", "unknown", "ssvc", "owasp", "probability", "out of range"],
)
def test_a_severity_that_nothing_tells_is_unknown_and_not_low(ratings: list[dict[str, Any]]) -> None:
    assert Severity.UNKNOWN == rated(*ratings).severity


def test_a_rating_without_severity_does_not_hide_another_one() -> None:
    assert (
        Severity.HIGH
        == rated({"method": "CVSSv4"}, {"severity": "high", "method": "CVSSv2", "score": 8.0}).severity
    )


def test_none_is_information() -> None:
    assert (Severity.INFO, "none") == (
        rated({"severity": "none"}).severity,
        rated({"severity": "none"}).severity_raw,
    )


def test_all_cvss_ratings_are_kept_and_other_methods_are_not_cvss() -> None:
    ratings: list[dict[str, Any]] = [
        {"method": "CVSSv2", "vector": V2, "score": 7.5, "source": {"name": "NVD"}},
        {"method": "CVSSv3", "vector": V3},
        {"method": "CVSSv4", "vector": V4},
        {"method": "OWASP", "score": 9.0, "vector": "SL:1/M:4"},
    ]

    assert (
        Cvss(version="2.0", vector=V2, score=7.5, source="NVD"),
        Cvss(version="3.0", vector=f"CVSS:3.0/{V3}", score=9.8),
        Cvss(version="4.0", vector=V4, score=9.3),
    ) == rated(*ratings).cvss


# --------------------------------------------------------------------------------------------- VEX


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("resolved", "fixed"),
        ("resolved_with_pedigree", "fixed"),
        ("not_affected", "not_affected"),
        ("false_positive", "not_affected"),
        ("exploitable", "affected"),
        ("in_triage", "under_investigation"),
    ],
)
def test_a_state_becomes_an_openvex_status_and_the_finding_stays(state: str, expected: str) -> None:
    (finding,) = findings({"affects": [{"ref": "jackson"}], "analysis": {"state": state}})

    assert Vex(status=expected) == finding.vex


@pytest.mark.parametrize(
    "analysis", [{}, {"state": "dismissed"}, {"justification": "code_not_present"}, None]
)
def test_a_statement_without_a_known_state_settles_nothing(analysis: Any) -> None:
    (finding,) = findings({"analysis": analysis})

    assert finding.vex is None


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("code_not_present", "vulnerable_code_not_present"),
        ("code_not_reachable", "vulnerable_code_not_in_execute_path"),
        ("protected_by_mitigating_control", "inline_mitigations_already_exist"),
        ("requires_environment", "requires_environment"),
        ("protected_at_perimeter", "protected_at_perimeter"),
    ],
)
def test_a_justification_becomes_that_of_openvex_only_where_there_is_one(word: str, expected: str) -> None:
    (finding,) = findings({"analysis": {"state": "not_affected", "justification": word}})

    assert Vex(status="not_affected", justification=expected) == finding.vex


# ------------------------------------------------------------------------------------ wrong shapes


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"bomFormat": "CycloneDX",\n "specVersion": "1.8"}', "report.json:2:17"),
        ('{"bomFormat": "CycloneDX"}', "report.json:1:1"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.4",\n "components": [{}]}', "report.json:2:17"),
        ('{"bomFormat": "CycloneDX", "specVersion": "1.4",\n "components": {}}', "report.json:2:16"),
        (
            '{"bomFormat": "CycloneDX", "specVersion": "1.4",\n "vulnerabilities": [{"cwes": ["79"]}]}',
            "report.json:2:32",
        ),
        (
            '{"bomFormat": "CycloneDX", "specVersion": "1.4",\n "vulnerabilities": [{"affects": [{}]}]}',
            "report.json:2:35",
        ),
    ],
)
def test_another_shape_is_refused_with_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as caught:
        cyclonedx.parse(document(source))

    assert place == caught.value.problems[0].place()
