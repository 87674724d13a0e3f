"""Real reports of Trivy and Grype, real SBOMs: read or refused, counted, and never read when cut.

The counts of the data's authors stand in EXPECTED.tsv and RAW_COUNTS.tsv; every difference has a row
and a reason here.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import referencing
import referencing.jsonschema

from gate.errors import ReportError
from gate.model import Scan
from scanners import SCANNERS
from tests.data import shared_data
from tests.scanners.builders import document, document_of

FORMATS: Final = {
    "trivy": "trivy",
    "grype": "grype",
    "cyclonedx": "cyclonedx",
    "cyclonedx-conformance/1.4": "cyclonedx",
    "cyclonedx-conformance/1.6": "cyclonedx",
    "cyclonedx-conformance/1.7": "cyclonedx",
    "spdx": "spdx",
}
"""Folder of the test data -> format."""

SPDX_3: Final = "SPDX 3 (JSON-LD) is out of scope for now"
OUT_OF_SCOPE: Final = {
    ".spdx": "SPDX tag-value, for now",
    ".yaml": "SPDX in YAML, for now",
    ".xml": "CycloneDX in XML, for now",
}
"""File name ending -> why such files of the folders are not read."""
REFUSED: Final = {
    "trivy/scb__k8s-results_unexpected-attribute.json": "made by hand: a secret without RuleID",
    "grype/dd__anchore_grype_epss_problem.json": "cut by hand: matches alone, no descriptor",
    "spdx/dd__spdx_3_unsupported.json": SPDX_3,
    **{
        f"spdx/spdxe__{name}.json": SPDX_3
        for name in (
            "example1",
            "example3-bin",
            "example3-src",
            "example4-bin",
            "example4-src",
            "example5-bin",
            "example5-src",
            "example6-bin",
            "example6-lib",
            "example6-src",
            "example7-bin.spdx3",
            "example7-go-module.spdx3",
            "example7-golang.spdx3",
            "example7-third-party-modules.spdx3",
            "spdx3.0-examplemaven-0.0.1.spdx3",
        )
    },
    **{
        f"cyclonedx-conformance/{version}/cdxs__invalid-{name}-{version}.json": reason
        for version in ("1.4", "1.6", "1.7")
        for name, reason in (
            ("bomformat", "bomFormat is not CycloneDX"),
            ("dependency", "a dependency without ref"),
            ("empty-component", "a component without name"),
            ("missing-component-type", "a component without type"),
        )
    },
}
"""Files that are refused, and why; every other JSON file is read."""

UNRECOGNISED: Final = {
    "trivy/dd__legacy_no_vuln.json": "`null` may be the report of several tools: read where declared",
    "grype/dd__anchore_grype_epss_problem.json": "no descriptor",
    **{name: SPDX_3 for name, reason in REFUSED.items() if reason == SPDX_3},
    **{name: "another bomFormat" for name in REFUSED if "invalid-bomformat" in name},
}
"""Files that no adapter claims."""

SUBJECT: Final = "the described package is the subject, not a component"
DIFFERENCES: Final = {
    ("grype/dd__check_all_fields.json", "expected"): (5, 6, "one observation a match; merging comes later"),
    ("grype/dd__same_cve_different_paths.json", "expected"): (1, 2, "as above; the detailed mode says 2 too"),
    ("spdx/dd__spdx_many_vuln.json", "expected"): (3, 0, "advisory references are links, not findings"),
    ("cyclonedx/cdxb__Case-13-vex.json", "observations"): (2, 3, "one for each affected ref"),
    ("cyclonedx/cdxb__Case-9-vex.json", "observations"): (19, 57, "one for each affected ref"),
    ("cyclonedx/cdxb__Use-Cases-Case-6-vex.json", "observations"): (1, 3, "one for each affected ref"),
    ("spdx/spdxe__01-MinimalSBOM.json", "components"): (1, 0, SUBJECT),
    ("spdx/spdxe__02-SBOMwSource.json", "components"): (1, 0, SUBJECT),
    ("spdx/spdxe__03-SBOMwDependency.json", "components"): (2, 1, SUBJECT),
    ("spdx/spdxe__04-SBOMwSecurity.json", "components"): (2, 1, SUBJECT),
    ("spdx/spdxe__05-SBOMwSourceLicense.json", "components"): (1, 0, SUBJECT),
    ("spdx/spdxe__ACME-v2.3.spdx.json", "components"): (4, 3, SUBJECT),
    ("spdx/spdxe__example7-bin.spdx.json", "components"): (1, 0, SUBJECT),
    ("spdx/spdxe__example7-go-module.spdx.json", "components"): (1, 0, SUBJECT),
    ("spdx/spdxe__example7-golang.spdx.json", "components"): (2, 1, SUBJECT),
    ("spdx/spdxe__spdx2.3-examplemaven-0.0.1.spdx.json", "components"): (6, 5, SUBJECT),
    ("spdx/spdxs__SPDXJSONExample-v2.2.spdx.json", "components"): (4, 3, SUBJECT),
    ("spdx/tri__centos-7-spdx.json", "components"): (4, 3, SUBJECT),
}
"""(file, whose count) -> (theirs, ours, why)."""


def json_files() -> Iterator[tuple[str, str, Path]]:
    """Name below reports/, format and path of every JSON file of the folders."""
    for folder, format_ in FORMATS.items():
        for path in sorted(shared_data("reports", folder).glob("*.json")):
            yield f"{folder}/{path.name}", format_, path


def scan(format_: str, path: Path) -> Scan:
    return SCANNERS[format_].parse(document_of(path))


def rows(name: str) -> list[dict[str, str]]:
    with shared_data("reports", name).open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter="\t") if row["format"] in FORMATS]


def test_every_file_is_read_or_refused_as_the_table_says() -> None:
    refused = set()
    for name, format_, path in json_files():
        try:
            scan(format_, path)
        except ReportError:
            refused.add(name)

    assert set(REFUSED) == refused


def test_valid_conformance_documents_are_never_refused() -> None:
    assert not [name for name in REFUSED if "/cdxs__valid-" in name]


def test_every_file_is_claimed_by_its_own_adapter_alone() -> None:
    for name, format_, path in json_files():
        claims = [key for key, scanner in SCANNERS.items() if scanner.detect(document_of(path))]

        assert (name, [] if name in UNRECOGNISED else [format_]) == (name, claims)


def test_files_of_other_syntaxes_are_out_of_scope() -> None:
    folders = [shared_data("reports", folder) for folder in FORMATS]

    assert {".json", *OUT_OF_SCOPE} == {path.suffix for folder in folders for path in folder.iterdir()}


def test_resources_of_the_operator_are_not_claimed() -> None:
    for path in sorted(shared_data("reports", "trivy-operator").glob("*.json")):
        assert SCANNERS["trivy"].detect(document_of(path)) is None


def test_findings_are_as_many_as_other_projects_assert() -> None:
    compared = {}
    for row in rows("EXPECTED.tsv"):
        name = f"{row['format']}/{row['file']}"
        if not name.endswith(".json") or name in REFUSED or "detailed_mode" in row["source"]:
            continue
        ours = len(scan(FORMATS[row["format"]], shared_data("reports", name)).observations)
        compared[name, "expected"] = (int(row["expected_findings"]), ours)

    assert _known_differences("expected") == {
        key: pair for key, pair in compared.items() if pair[0] != pair[1]
    }
    assert len(compared) > 30


def test_findings_and_components_are_as_many_as_the_files_hold() -> None:
    theirs: Counter[tuple[str, str]] = Counter()
    for row in rows("RAW_COUNTS.tsv"):
        counted, name = row["what_is_counted"], f"{row['format']}/{row['file']}"
        is_component = counted.startswith(("components", "packages[]"))
        ignored = counted.startswith(("of these", "ignoredMatches", "@graph"))
        if name.endswith(".json") and name not in REFUSED and not ignored:
            theirs[name, "components" if is_component else "observations"] += int(row["count"])
    differing = {}
    for (name, what), count in theirs.items():
        read = scan(FORMATS[name.rpartition("/")[0]], shared_data("reports", name))
        ours = len(read.components if what == "components" else read.observations)
        if ours != count:
            differing[name, what] = (count, ours)

    assert _known_differences("observations", "components") == differing
    assert len(theirs) > 250


def _known_differences(*whose: str) -> dict[tuple[str, str], tuple[int, int]]:
    return {key: (theirs, ours) for key, (theirs, ours, _) in DIFFERENCES.items() if key[1] in whose}


# ---------------------------------------------------------------------------------------- schemas


def _validator(schema: str) -> jsonschema.protocols.Validator:
    """A validator for one of the official schemas, with the schemas it refers to; nothing is fetched."""
    resources: list[tuple[str, Any]] = []
    for path in shared_data("schemas").glob("*.schema.json"):
        contents = json.loads(path.read_text(encoding="utf-8"))
        resource = referencing.Resource.from_contents(contents, referencing.jsonschema.DRAFT7)
        resources += [(path.name, resource), (contents.get("$id", path.name), resource)]
    contents = json.loads(shared_data("schemas", schema).read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(contents, registry=referencing.Registry().with_resources(resources))


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"])
def test_what_the_schema_of_cyclonedx_accepts_is_read(version: str) -> None:
    validator = _validator(f"cyclonedx-bom-{version}.schema.json")
    of_version = [
        (name, path)
        for name, format_, path in json_files()
        if format_ == "cyclonedx" and document_of(path).at("specVersion") == version
    ]
    accepted = [
        name
        for name, path in of_version
        if validator.is_valid(json.loads(path.read_text(encoding="utf-8-sig")))
    ]

    assert [] == [name for name in accepted if name in REFUSED]
    assert accepted


def test_what_the_schema_of_spdx_accepts_is_read() -> None:
    validator = _validator("spdx-2.3-schema.json")
    accepted = [
        name
        for name, format_, path in json_files()
        if format_ == "spdx" and validator.is_valid(json.loads(path.read_text(encoding="utf-8-sig")))
    ]

    assert [] == [name for name in accepted if name in REFUSED]
    assert accepted


# ------------------------------------------------------------------------------------ cut reports

SAMPLES: Final = {
    "trivy": "trivy/tri__alpine-310.json",
    "grype": "grype/dd__many_vulns4.json",
    "cyclonedx": "cyclonedx/dd__log4j.json",
    "spdx": "spdx/spdxe__ACME-v2.3.spdx.json",
}
SMALL: Final = {
    "trivy": '{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Target":"t","Vulnerabilities":null}]}',
    "grype": '{"matches":[],"descriptor":{"name":"grype","version":"1"},"source":{"type":"image"}}',
    "cyclonedx": '{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a"}]}',
    "spdx": '{"spdxVersion":"SPDX-2.3","SPDXID":"d","name":"n","creationInfo":{"created":"","creators":[]}}',
}


@pytest.mark.parametrize(("format_", "name"), SAMPLES.items())
def test_a_real_report_that_is_cut_is_never_read(format_: str, name: str) -> None:
    data = shared_data("reports", name).read_bytes().rstrip()
    for length in range(0, len(data), 200):
        with pytest.raises(ReportError):
            SCANNERS[format_].parse(document(data[:length]))


@pytest.mark.parametrize(("format_", "text"), SMALL.items())
def test_a_small_report_that_is_cut_anywhere_is_never_read(format_: str, text: str) -> None:
    SCANNERS[format_].parse(document(text))
    for length in range(len(text)):
        with pytest.raises(ReportError):
            SCANNERS[format_].parse(document(text[:length]))


@pytest.mark.parametrize("format_", SMALL)
@pytest.mark.parametrize("other", ["{}", "[1]", '"text"', "true", "7"])
def test_a_document_that_is_something_else_is_never_read(format_: str, other: str) -> None:
    with pytest.raises(ReportError):
        SCANNERS[format_].parse(document(other))
