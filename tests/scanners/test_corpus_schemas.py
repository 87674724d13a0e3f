"""What the published schemas of CycloneDX and SPDX accept, gate reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
import referencing.jsonschema

from tests.data import shared_data
from tests.scanners.builders import document_of
from tests.scanners.test_corpus import FORMATS, ROWS

REFUSED = {row.file for row in ROWS if row.what == "refused"}


def json_files() -> Iterator[tuple[str, str, Path]]:
    """Name below reports/, format and path of every JSON file of the folders of SBOMs."""
    for folder, format_ in FORMATS.items():
        if format_ in ("cyclonedx", "spdx"):
            for path in sorted(shared_data("reports", folder).glob("*.json")):
                yield f"{folder}/{path.name}", format_, path


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
