"""Reports of any size, made from a real one: copies of its findings, each with another place or package.

Without a real one small built-in samples stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

MIB: Final = 1024 * 1024
SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "MEDIUM", "MEDIUM", "LOW", "LOW", "LOW", "LOW", "LOW")
"""Of made-up findings, in turn: a tenth of each of the two that fail a gate."""
LEVELS: Final = ("error", "warning", "warning", "warning", "note", "note", "note", "note", "note", "note")

Items = Iterator[bytes]


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    path: Path
    size_bytes: int
    findings: int


def sarif(path: Path, size_bytes: int, sample: dict[str, Any]) -> Written:
    """A SARIF log of `size_bytes` (one result more): the first run of `sample`, its results copied."""
    run = dict(sample["runs"][0])
    results = run.pop("results")
    head = msgspec.json.encode({**sample, "runs": [{**run, "results": []}]})
    return _filled(path, size_bytes, head, b'"results":[]', _copies(results, _moved_result))


def trivy(path: Path, size_bytes: int, sample: dict[str, Any]) -> Written:
    """A Trivy report of `size_bytes` (one flaw more): the vulnerabilities of `sample` in one block."""
    blocks = [block for block in sample["Results"] if block.get("Vulnerabilities")]
    found = [one for block in blocks for one in block["Vulnerabilities"]]
    block = {**blocks[0], "Vulnerabilities": []}
    head = msgspec.json.encode({**sample, "Results": [block]})
    return _filled(path, size_bytes, head, b'"Vulnerabilities":[]', _copies(found, _moved_flaw))


def _filled(path: Path, size_bytes: int, head: bytes, hole: bytes, items: Items) -> Written:
    """`head` with `items` in its `hole`, as many as `size_bytes` take."""
    before, _, after = head.partition(hole)
    number, size = 0, len(before) + len(hole) + len(after)
    with path.open("wb") as file:
        file.write(before + hole[:-1])
        for item in items:
            piece = (b",\n" if number else b"\n") + item
            file.write(piece)
            number, size = number + 1, size + len(piece)
            if size >= size_bytes:
                break
        file.write(b"]" + after)
    return Written(path=path, size_bytes=size, findings=number)


def _copies(originals: list[dict[str, Any]], moved: Callable[[dict[str, Any], int], dict[str, Any]]) -> Items:
    """Endless: every original, then every original again, each copy somewhere else."""
    if not originals:
        raise ValueError("the sample holds no finding, so nothing can be copied")
    number = 0
    while True:
        for original in originals:
            yield msgspec.json.encode(moved(original, number))
            number += 1


def _moved_result(result: dict[str, Any], number: int) -> dict[str, Any]:
    moved: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(result))
    for location in moved.get("locations") or ():
        artifact = location["physicalLocation"]["artifactLocation"]
        artifact["uri"] = f"part{number % 4096}/{artifact.get('uri', 'file')}"
        location["physicalLocation"].setdefault("region", {})["startLine"] = number // 4096 + 1
    return {**moved, "level": LEVELS[number % len(LEVELS)]}


def _moved_flaw(flaw: dict[str, Any], number: int) -> dict[str, Any]:
    name = f"{flaw['PkgName']}-{number}"
    identifier = {"PURL": f"pkg:npm/{name}@{flaw.get('InstalledVersion', '0')}"}
    return {
        **flaw,
        "PkgName": name,
        "PkgIdentifier": identifier,
        "Severity": SEVERITIES[number % len(SEVERITIES)],
    }


# --------------------------------------------------------------------------- samples of our own

SMALL_SARIF: Final[dict[str, Any]] = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "CodeQL",
                    "semanticVersion": "2.20.0",
                    "rules": [
                        {
                            "id": f"py/rule-{number}",
                            "shortDescription": {"text": f"Made-up rule number {number}"},
                            "properties": {"tags": ["security", "external/cwe/cwe-079"]},
                        }
                        for number in range(20)
                    ],
                }
            },
            "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-22T10:00:00Z"}],
            "results": [
                {
                    "ruleId": f"py/rule-{number}",
                    "ruleIndex": number,
                    "message": {"text": f"This value reaches sink number {number} without being checked."},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {
                                    "uri": f"src/module_{number}.py",
                                    "uriBaseId": "%SRCROOT%",
                                },
                                "region": {"startLine": 10, "startColumn": 5, "endColumn": 30},
                            }
                        }
                    ],
                    "partialFingerprints": {"primaryLocationLineHash": f"{number:016x}:1"},
                }
                for number in range(20)
            ],
        }
    ],
}
"""A log of twenty results of 400 bytes."""

SMALL_TRIVY: Final[dict[str, Any]] = {
    "SchemaVersion": 2,
    "CreatedAt": "2026-11-22T10:00:00Z",
    "ArtifactName": "registry.example/acme/web:1.2",
    "ArtifactType": "container_image",
    "Metadata": {"OS": {"Family": "debian", "Name": "12.8"}},
    "Results": [
        {
            "Target": "registry.example/acme/web:1.2 (debian 12.8)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": f"CVE-2026-{10_000 + number}",
                    "PkgName": f"libexample{number}",
                    "InstalledVersion": "1.2.3-4",
                    "FixedVersion": "1.2.3-5",
                    "Status": "fixed",
                    "Severity": "MEDIUM",
                    "Title": f"example: made-up flaw number {number}",
                    "CweIDs": ["CWE-79"],
                    "CVSS": {
                        "nvd": {
                            "V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
                            "V3Score": 7.5,
                        }
                    },
                }
                for number in range(20)
            ],
        }
    ],
}
"""A report of twenty flaws of 450 bytes."""
