"""SPDX as text of tags and values, and SPDX 3: what is refused, what is told, what is joined."""

from __future__ import annotations

from typing import Any

import pytest

from gate.errors import ReportError
from gate.ingest import Read
from gate.model import Severity, Status
from tests.scanners.builders import document, read

HEAD = """SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
DocumentName: shop
Created: 2026-07-29T00:00:00Z
"""
FLASK = """PackageName: flask
SPDXID: SPDXRef-flask
PackageVersion: 3.0.0
"""
JINJA = """PackageName: jinja2
SPDXID: SPDXRef-jinja2
"""


def text(*parts: str) -> Read:
    return read("".join(parts).encode(), "sbom.spdx")


def test_text_and_json_of_one_document_give_the_same_components() -> None:
    as_json = {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "shop",
        "creationInfo": {"created": "2026-07-29T00:00:00Z", "creators": []},
        "packages": [{"SPDXID": "SPDXRef-flask", "name": "flask", "versionInfo": "3.0.0"}],
    }

    assert read(document(as_json).data).scan.components == text(HEAD, FLASK).scan.components


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ((HEAD, FLASK, "PackageSummary: <text>never closed\nPackageName: hidden\n"), 8),
        ((HEAD, FLASK, "neither tag nor value\n"), 8),
        ((HEAD, "PackageName: nameless\n"), 5),
        ((HEAD, FLASK, "ExternalRef: PACKAGE-MANAGER purl\n"), 8),
        ((HEAD, FLASK, "PackageChecksum: 83a3\n"), 8),
        ((HEAD, FLASK, "Relationship: SPDXRef-flask DEPENDS_ON\n"), 8),
        (("SPDXVersion: SPDX-1.2\n", FLASK), 1),
    ],
)
def test_text_that_is_not_understood_is_refused_with_its_line(lines: tuple[str, ...], line: int) -> None:
    with pytest.raises(ReportError) as error:
        text(*lines)

    assert line == error.value.problems[0].line


def test_a_package_within_a_text_is_none() -> None:
    found = text(HEAD, "DocumentComment: <text>one\nPackageName: none\n</text>\n", FLASK)

    assert ["flask"] == [component.name for component in found.scan.components]


def test_the_files_of_a_package_do_not_change_it() -> None:
    found = text(HEAD, FLASK, "FileName: ./a\nSPDXID: SPDXRef-a\nLicenseConcluded: MIT\n", JINJA)

    assert [("flask", None), ("jinja2", None)] == [(c.name, c.license) for c in found.scan.components]


def test_a_text_that_names_a_package_and_does_not_describe_it_is_partial() -> None:
    """What a cut leaves: the package is gone, the relationship that names it stands before."""
    link = "Relationship: SPDXRef-flask DEPENDS_ON SPDXRef-jinja2\n"

    assert Status.PARTIAL is text(HEAD, FLASK, link).scan.status
    assert Status.OK is text(HEAD, FLASK, link, JINJA).scan.status


# ------------------------------------------------------------------------------------------- SPDX 3

HOME = "https://example.com/"


def graph(*elements: dict[str, Any]) -> Read:
    context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
    return read(document({"@context": context, "@graph": list(elements)}).data)


def element(type_: str, id_: str, **facts: Any) -> dict[str, Any]:
    return {"type": type_, "spdxId": HOME + id_, **facts}


def link(type_: str, from_: str, to: str, **facts: Any) -> dict[str, Any]:
    return element(type_, f"{from_}-{to}", **{"from": HOME + from_, "to": [HOME + to], **facts})


PACKAGE = element("software_Package", "flask", name="flask", software_packageVersion="3.0.0")
FLAW = element("security_Vulnerability", "flaw", name="CVE-2026-0001")
SCORE = link(
    "security_CvssV3VulnAssessmentRelationship", "flaw", "flask", security_score="9.8", security_severity=None
)


def test_the_order_of_a_graph_changes_nothing() -> None:
    parts = (PACKAGE, FLAW, SCORE)

    assert graph(*parts).scan.observations == graph(*reversed(parts)).scan.observations
    assert [Severity.CRITICAL] == [seen.finding.severity for seen in graph(*parts).scan.observations]


@pytest.mark.parametrize("lost", [(FLAW,), (FLAW, SCORE), (PACKAGE, FLAW)])
def test_a_vulnerability_that_belongs_to_nothing_is_told_and_makes_the_report_partial(
    lost: tuple[dict[str, Any], ...],
) -> None:
    other = element("software_Package", "other", name="other")
    found = graph(other, *lost).scan

    assert (Status.PARTIAL, ()) == (found.status, found.observations)
    assert found.rejected


def test_a_vulnerability_of_a_file_counts_as_well() -> None:
    file = element("software_File", "file", name="./app.py")
    found = graph(PACKAGE, file, FLAW, link(SCORE["type"], "flaw", "file", security_score="5.0")).scan

    assert ["CVE-2026-0001 in ./app.py"] == [seen.finding.title for seen in found.observations]


def test_statements_that_differ_settle_nothing() -> None:
    claims = [
        link(f"security_Vex{word}VulnAssessmentRelationship", "flaw", "flask")
        for word in ("Affected", "NotAffected")
    ]
    both, single = graph(PACKAGE, FLAW, *claims).scan, graph(PACKAGE, FLAW, claims[1]).scan

    assert [None] == [seen.finding.vex for seen in both.observations]
    assert ["not_affected"] == [seen.finding.vex.status for seen in single.observations if seen.finding.vex]


def test_a_licence_that_stands_elsewhere_is_known_by_its_address() -> None:
    at = link("Relationship", "flask", "", relationshipType="hasConcludedLicense")
    at["to"] = ["https://spdx.org/licenses/AGPL-3.0-only"]

    assert ["AGPL-3.0-only"] == [component.license for component in graph(PACKAGE, at).scan.components]
