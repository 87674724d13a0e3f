from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.model import Component, Evidence, ReportSubject, Scan, Severity, Status
from scanners import spdx
from tests.scanners.builders import document

SHA256 = "a" * 64
ROOT = {"SPDXID": "SPDXRef-root", "name": "web"}
DESCRIBES_ROOT = {
    "spdxElementId": "SPDXRef-DOCUMENT",
    "relationshipType": "DESCRIBES",
    "relatedSpdxElement": "SPDXRef-root",
}


def a_package(**changes: Any) -> dict[str, Any]:
    return {"SPDXID": "SPDXRef-a", "name": "left-pad"} | changes


def a_purl(**changes: Any) -> dict[str, Any]:
    reference = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": "pkg:npm/left-pad@1.0",
    }
    return reference | changes


def a_document(*packages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": "SPDX-2.3",
        "name": "sbom",
        "creationInfo": {
            "created": "2023-05-12T18:30:22Z",
            "creators": ["Organization: A", "Tool: syft-1.50.0"],
        },
        "packages": list(packages),
    } | changes


def scan(value: Any) -> Scan:
    return spdx.parse(document(value))


def the_component(**changes: Any) -> Component:
    (component,) = scan(a_document(a_package(**changes))).components
    return component


def linked(*links: tuple[str, str, str]) -> list[dict[str, str]]:
    rows = (
        dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), link, strict=True))
        for link in links
    )
    return [DESCRIBES_ROOT, *rows]


# ------------------------------------------------------------------------------------ the document


def test_a_document_names_its_version() -> None:
    assert "spdxVersion is SPDX-2.3" == spdx.detect(document(a_document()))
    assert "sbom.spdxVersion is SPDX-2.3" == spdx.detect(document({"sbom": a_document()}))


@pytest.mark.parametrize(
    "other",
    [
        {},
        [],
        None,
        {"spdxVersion": "SPDX-2.3"},
        {"spdxVersion": 2, "SPDXID": "x"},
        {"spdxVersion": "SPDX-3.0", "SPDXID": "x"},
        {"@context": "https://openvex.dev/ns/v0.2.0", "@graph": []},
        {"sbom": []},
    ],
)
def test_other_documents_are_not_claimed(other: Any) -> None:
    assert spdx.detect(document(other)) is None


def test_packages_are_evidence_of_an_sbom() -> None:
    read = scan(a_document(a_package()))

    assert ((Evidence.SBOM,), Status.OK) == (read.kinds, read.status)


@pytest.mark.parametrize("packages", [[], [ROOT]], ids=["none", "the subject alone"])
def test_a_document_without_packages_is_an_empty_target_and_not_ok(packages: list[dict[str, Any]]) -> None:
    read = scan(a_document(*packages, relationships=[DESCRIBES_ROOT]))

    assert ((), Status.EMPTY_TARGET) == (read.kinds, read.status)
    assert "no packages" in read.notes[0]


def test_the_wrapper_of_a_dependency_graph_export_is_read_through() -> None:
    assert 1 == len(scan({"sbom": a_document(a_package())}).components)


@pytest.mark.parametrize("version", ["SPDX-2.2", "SPDX-2.3"])
def test_both_versions_are_read(version: str) -> None:
    assert 1 == len(scan(a_document(a_package(), spdxVersion=version)).components)


@pytest.mark.parametrize(
    ("creators", "expected"),
    [
        (["Person: A", "Tool: syft-1.50.0"], ("syft", "1.50.0")),
        (["Tool: GitHub.com-Dependency-Graph"], ("github.com-dependency-graph", None)),
        (["Tool: trivy-v0.69.1"], ("trivy", "0.69.1")),
        (["Person: A ()"], ("spdx", None)),
        ([], ("spdx", None)),
    ],
)
def test_the_tool_is_the_scanner(creators: list[str], expected: tuple[str, str | None]) -> None:
    read = scan(a_document(creationInfo={"created": "2023-05-12T18:30:22Z", "creators": creators}))

    assert expected == (read.scanner, read.scanner_version)
    assert "2023-05-12T18:30:22Z" == read.created


@pytest.mark.parametrize(
    "changes",
    [
        {"relationships": [DESCRIBES_ROOT]},
        {"documentDescribes": ["SPDXRef-root"]},
        {"documentDescribes": ["SPDXRef-root", "SPDXRef-file"]},
        {
            "relationships": [
                {
                    "spdxElementId": "SPDXRef-root",
                    "relationshipType": "DESCRIBED_BY",
                    "relatedSpdxElement": "SPDXRef-DOCUMENT",
                }
            ]
        },
    ],
    ids=["DESCRIBES", "documentDescribes", "a file beside it", "DESCRIBED_BY"],
)
def test_the_described_package_is_the_subject_and_no_component(changes: dict[str, Any]) -> None:
    read = scan(a_document(ROOT, a_package(), **changes))

    assert ReportSubject(name="web") == read.subject
    assert ["left-pad"] == [component.name for component in read.components]


def test_where_several_packages_are_described_none_of_them_vanishes() -> None:
    read = scan(a_document(ROOT, a_package(), documentDescribes=["SPDXRef-root", "SPDXRef-a"]))

    assert (None, 2) == (read.subject, len(read.components))


@pytest.mark.parametrize(
    "facts",
    [
        {"versionInfo": f"sha256:{SHA256}", "primaryPackagePurpose": "CONTAINER"},
        {
            "checksums": [{"algorithm": "SHA256", "checksumValue": SHA256}],
            "primaryPackagePurpose": "CONTAINER",
        },
        {"externalRefs": [a_purl(referenceLocator=f"pkg:oci/web@sha256%3A{SHA256}?arch=amd64")]},
    ],
    ids=["version", "checksum", "purl"],
)
def test_an_image_has_its_digest(facts: dict[str, Any]) -> None:
    read = scan(a_document(ROOT | facts, a_package(), relationships=[DESCRIBES_ROOT]))

    assert ReportSubject(name="web", digest=f"sha256:{SHA256}") == read.subject


def test_the_checksum_of_an_archive_is_no_image_digest() -> None:
    root = ROOT | {"checksums": [{"algorithm": "SHA256", "checksumValue": SHA256}]}

    assert (
        ReportSubject(name="web")
        == scan(a_document(root, a_package(), relationships=[DESCRIBES_ROOT])).subject
    )


# ---------------------------------------------------------------------------------------- packages


def test_a_package_is_read_whole() -> None:
    assert Component(
        purl="pkg:npm/left-pad@1.0",
        name="left-pad",
        version="1.0",
        license="MIT",
        hashes={"sha1": "b" * 40},
        supplier="Acme",
    ) == the_component(
        versionInfo="1.0",
        supplier="Organization: Acme",
        licenseConcluded="MIT",
        licenseDeclared="AGPL-3.0-only",
        checksums=[{"algorithm": "SHA1", "checksumValue": "b" * 40}],
        externalRefs=[a_purl()],
    )


@pytest.mark.parametrize(
    "reference",
    [
        a_purl(),
        a_purl(referenceCategory="PACKAGE_MANAGER"),
        a_purl(referenceType="http://spdx.org/rdf/references/purl"),
    ],
    ids=["dash", "underscore", "long type"],
)
def test_the_purl_is_a_reference_of_the_package_manager(reference: dict[str, Any]) -> None:
    cpe = a_purl(referenceCategory="SECURITY", referenceType="cpe23Type", referenceLocator="cpe:2.3:a:b:c")

    assert "pkg:npm/left-pad@1.0" == the_component(externalRefs=[cpe, reference]).purl


@pytest.mark.parametrize(
    "reference",
    [
        a_purl(referenceCategory="OTHER"),
        a_purl(referenceType="npm", referenceLocator="left-pad@1.0"),
        a_purl(referenceLocator="left-pad@1.0"),
    ],
)
def test_other_references_are_no_purl(reference: dict[str, Any]) -> None:
    assert the_component(externalRefs=[reference]).purl is None


def a_security(**changes: str) -> dict[str, Any]:
    link = {"referenceType": "advisory", "referenceLocator": "https://nvd.example/CVE-2020-28498"}
    return a_purl(referenceCategory="SECURITY", **link | changes)


def test_an_advisory_that_names_a_flaw_is_a_finding_that_nobody_rated() -> None:
    [seen] = scan(a_document(a_package(externalRefs=[a_purl(), a_security(), a_security()]))).observations

    assert ("CVE-2020-28498", Severity.UNKNOWN) == (seen.finding.rule, seen.finding.severity)
    assert a_purl()["referenceLocator"] == seen.finding.purl


@pytest.mark.parametrize(
    "reference",
    [
        a_security(referenceType="fix"),
        a_security(referenceType="cpe23Type"),
        a_security(referenceLocator="https://example.org/vex.json"),
        a_purl(referenceCategory="OTHER", referenceLocator="https://nvd.example/CVE-2020-28498"),
    ],
)
def test_a_fix_a_name_or_a_link_to_who_knows_what_is_no_finding(reference: dict[str, Any]) -> None:
    assert () == scan(a_document(a_package(externalRefs=[reference]))).observations


@pytest.mark.parametrize(
    ("concluded", "declared", "expected"),
    [
        ("MIT", "Apache-2.0", "MIT"),
        ("NOASSERTION", "Apache-2.0", "Apache-2.0"),
        ("NONE", "NOASSERTION", None),
        (None, "(LGPL-2.0-only OR LicenseRef-3)", "LGPL-2.0-only OR LicenseRef-3"),
        (None, "GPLv3", "LicenseRef-GPLv3"),
        (None, None, None),
    ],
)
def test_the_concluded_licence_counts_and_no_assertion_is_no_licence(
    concluded: str | None, declared: str | None, expected: str | None
) -> None:
    assert expected == the_component(licenseConcluded=concluded, licenseDeclared=declared).license


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Organization: Acme", "Acme"),
        ("Organization: Acme (Europe)", "Acme (Europe)"),
        ("Person: Jane Doe (jane@acme.example)", "Jane Doe"),
        ("Person: Jane Doe ()", "Jane Doe"),
        ("Acme", "Acme"),
        ("NOASSERTION", None),
        ("Organization: ", None),
        (None, None),
    ],
)
def test_a_supplier_is_its_name(text: str | None, expected: str | None) -> None:
    assert expected == the_component(supplier=text).supplier


def test_no_assertion_is_no_version() -> None:
    assert the_component(versionInfo="NOASSERTION").version is None


@pytest.mark.parametrize(
    "link",
    [
        ("SPDXRef-root", "DEPENDS_ON", "SPDXRef-a"),
        ("SPDXRef-a", "DEPENDENCY_OF", "SPDXRef-root"),
        ("SPDXRef-a", "DEV_DEPENDENCY_OF", "SPDXRef-root"),
        ("SPDXRef-root", "STATIC_LINK", "SPDXRef-a"),
    ],
)
def test_what_the_subject_depends_on_itself_is_direct(link: tuple[str, str, str]) -> None:
    packages = (ROOT, a_package(), a_package(SPDXID="SPDXRef-b"))
    links = linked(link, ("SPDXRef-a", "DEPENDS_ON", "SPDXRef-b"))

    assert [True, False] == [c.direct for c in scan(a_document(*packages, relationships=links)).components]


@pytest.mark.parametrize(
    "link", [("SPDXRef-root", "CONTAINS", "SPDXRef-a"), ("SPDXRef-root", "DEPENDENCY_OF", "SPDXRef-a")]
)
def test_without_a_dependency_of_the_subject_nothing_is_known_about_directness(
    link: tuple[str, str, str],
) -> None:
    (component,) = scan(a_document(ROOT, a_package(), relationships=linked(link))).components

    assert component.direct is None


# ------------------------------------------------------------------------------------ wrong shapes


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ('{"spdxVersion": "SPDX-2.9",\n "SPDXID": "x"}', "report.json:1:17"),
        ('{"spdxVersion": "SPDX-2.3",\n "SPDXID": "x"}', "report.json:1:1"),
        (
            (
                '{"spdxVersion": "SPDX-2.3", "SPDXID": "x", "name": "n",\n'
                ' "creationInfo": {"created": "2023-05-12T18:30:22Z", "creators": []},\n'
                ' "packages": [{"name": "a"}]}'
            ),
            "report.json:3:15",
        ),
        ('{"sbom":\n {"spdxVersion": "SPDX-2.3"}}', "report.json:2:2"),
    ],
)
def test_another_shape_is_refused_with_its_place(source: str, place: str) -> None:
    with pytest.raises(ReportError) as caught:
        spdx.parse(document(source))

    assert place == caught.value.problems[0].place()
