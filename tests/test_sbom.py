"""`gate sbom`: components of any SBOM, differences, licences, validity, CycloneDX that its schema accepts."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from gate import bootstrap
from gate.errors import ReportError
from gate.files import File
from gate.sbom.inventory import Inventory, inventory
from gate.sbom.validation import validated
from tests.command import CLEAN_BANDIT, files, gate
from tests.data import shared_data

LIBRARY = {"type": "library", "name": "left", "version": "1.0", "purl": "pkg:npm/left@1.0"}


def bom(*components: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": list(components),
        **more,
    }


def under(name: str, **more: Any) -> dict[str, Any]:
    return {**LIBRARY, "licenses": [{"license": {"id": name}}], **more}


def read(data: bytes) -> Inventory:
    with bootstrap.engine() as engine:
        [one] = bootstrap.ingested((File(path="b.json", data=data),), engine)
    return inventory(one)


def test_show_lists_every_component_with_its_licence(tmp_path: Path) -> None:
    files(tmp_path, b_json=bom(under("MIT"), {"type": "library", "name": "bare"}))
    result = gate(tmp_path, "sbom", "show", "b.json")

    assert 0 == result.code
    assert "pkg:npm/left@1.0  MIT" in result.out
    assert "bare  unknown" in result.out


def test_an_inventory_of_nothing_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, b_json=bom(), r_json=CLEAN_BANDIT)

    assert 3 == gate(tmp_path, "sbom", "show", "b.json").code
    assert 3 == gate(tmp_path, "sbom", "licenses", "r.json").code


def test_a_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    files(tmp_path, b_json=bom({"type": "library", "name": "a\x1b[2Jb"}))

    assert "\x1b" not in gate(tmp_path, "sbom", "show", "b.json").out


def test_diff_tells_what_came_went_and_changed(tmp_path: Path) -> None:
    other = {"type": "library", "name": "right", "version": "3", "purl": "pkg:npm/right@3"}
    gone = {"type": "library", "name": "gone", "version": "3", "purl": "pkg:npm/gone@3"}
    newer = under("GPL-3.0-only", version="1.1", purl="pkg:npm/left@1.1")
    files(tmp_path, a_json=bom(under("MIT"), gone), b_json=bom(newer, other))
    result = gate(tmp_path, "sbom", "diff", "a.json", "b.json", "-o", "json")

    assert 0 == result.code
    assert ["right"] == [one["name"] for one in result.json["added"]]
    assert ["gone"] == [one["name"] for one in result.json["removed"]]
    [changed] = result.json["changed"]
    assert ("pkg:npm/left", [["1.0"], ["1.1"]], [["MIT"], ["GPL-3.0-only"]]) == tuple(changed.values())


def test_a_second_version_of_a_package_is_a_change(tmp_path: Path) -> None:
    second = {**LIBRARY, "version": "2.0", "purl": "pkg:npm/left@2.0"}
    files(tmp_path, a_json=bom(LIBRARY), b_json=bom(LIBRARY, second))

    assert 1 == gate(tmp_path, "sbom", "diff", "a.json", "b.json", "--exit-code").code


def test_the_same_does_not_differ(tmp_path: Path) -> None:
    files(tmp_path, a_json=bom(LIBRARY))
    result = gate(tmp_path, "sbom", "diff", "a.json", "a.json", "--exit-code")

    assert (0, "0 added, 0 removed, 0 changed, 1 the same\n") == (result.code, result.out)


def test_licences_come_with_the_unknown_first(tmp_path: Path) -> None:
    files(tmp_path, b_json=bom(under("MIT"), {"type": "library", "name": "bare"}))

    assert ["unknown", "MIT"] == list(gate(tmp_path, "sbom", "licenses", "b.json", "-o", "json").json)


# --------------------------------------------------------------------------------- validation


def test_a_valid_document_is_valid(tmp_path: Path) -> None:
    files(tmp_path, b_json=bom(LIBRARY))
    result = gate(tmp_path, "sbom", "validate", "b.json")

    assert (0, "b.json: valid · CycloneDX 1.6 (JSON)\n") == (result.code, result.out)


def test_what_does_not_fit_is_told_with_its_place(tmp_path: Path) -> None:
    text = json.dumps(bom({"type": "libary", "name": "left"}), indent=1)
    files(tmp_path, b_json=text.encode())
    result = gate(tmp_path, "sbom", "validate", "b.json", "-o", "json")

    assert 1 == result.code
    [problem] = result.json["problems"]
    assert ("$.components[0].type", 7) == (problem["found"].removeprefix("JSON path "), problem["line"])


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        b'{"bomFormat": "CycloneDX"}',
        b'{"bomFormat": "CycloneDX", "specVersion": "9.9"}',
        b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "specVersion": "1.6"}',
        b'{"spdxVersion": "SPDX-2.1"}',
        b"<bom/>",
        b'<bom xmlns="http://cyclonedx.org/schema/bom/9.9"/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6">&b;</bom>',
        b"",
    ],
)
def test_what_has_no_schema_is_an_error_and_never_valid(tmp_path: Path, data: bytes) -> None:
    files(tmp_path, b_json=data)

    assert 3 == gate(tmp_path, "sbom", "validate", "b.json").code


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    files(tmp_path, b_json=bom(LIBRARY))
    result = gate(tmp_path, "sbom", "validate", "b.json")

    assert 2 == result.code
    assert "gate[sbom]" in result.err


@pytest.mark.parametrize("version", ["1.4", "1.6", "1.7"])
def test_the_specification_s_own_cases_come_out_as_it_says(version: str) -> None:
    folder = shared_data("reports", "cyclonedx-conformance", version)
    wrong: list[str] = []
    cases = [path for path in sorted(folder.glob("cdxs__*")) if path.suffix in (".json", ".xml")]
    for path in cases[::3]:
        should = "__invalid-" not in path.name
        try:
            is_valid = not validated(path.read_bytes(), path.name).problems
        except ReportError as error:
            is_valid = False
            if should:
                wrong.append(f"{path.name}: {error}")
        if is_valid != should:
            wrong.append(path.name)

    assert cases
    assert [] == wrong


def test_real_spdx_documents_are_looked_at() -> None:
    seen = 0
    for path in sorted(shared_data("reports", "spdx").glob("*.json")):
        try:
            found = validated(path.read_bytes(), path.name)
        except ReportError:
            continue
        seen += 1
        assert all(problem.line for problem in found.problems)
    assert seen > 0


# ------------------------------------------------------------------------------------- writing


@pytest.mark.parametrize("output", ["cyclonedx", "cyclonedx-xml"])
def test_what_is_written_is_valid_and_reads_the_same(tmp_path: Path, output: str) -> None:
    given = bom(
        under("MIT", hashes=[{"alg": "SHA-256", "content": "a" * 64}], supplier={"name": "acme"}),
        {"type": "library", "name": "b", "licenses": [{"expression": "MIT OR Apache-2.0"}]},
        {"type": "library", "name": "c", "licenses": [{"license": {"name": "our own words"}}]},
        metadata={"timestamp": "2026-11-22T10:00:00Z", "component": {"type": "application", "name": "web"}},
    )
    files(tmp_path, b_json=given)
    (tmp_path / "out").write_text(gate(tmp_path, "sbom", "show", "b.json", "-o", output).out, "utf-8")

    assert 0 == gate(tmp_path, "sbom", "validate", "out").code
    before, after = read((tmp_path / "b.json").read_bytes()), read((tmp_path / "out").read_bytes())
    assert before.components == after.components
    assert (before.created, before.subject) == (after.created, after.subject)


def test_the_same_inventory_gives_the_same_bytes(tmp_path: Path) -> None:
    files(tmp_path, b_json=bom(LIBRARY))
    first, second = (gate(tmp_path, "sbom", "show", "b.json", "-o", "cyclonedx").out for _ in range(2))

    assert first == second


def test_spdx_becomes_cyclonedx(tmp_path: Path) -> None:
    names = sorted(shared_data("reports", "spdx").glob("*.spdx.json")) or sorted(
        shared_data("reports", "spdx").glob("*.json")
    )
    written = 0
    for path in names[:6]:
        result = gate(tmp_path, "sbom", "show", path, "-o", "cyclonedx")
        if result.code:
            continue
        (tmp_path / "out.json").write_text(result.out, "utf-8")
        assert 0 == gate(tmp_path, "sbom", "validate", "out.json").code, path.name
        written += 1
    assert written > 0
