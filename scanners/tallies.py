"""What of an element of a report decides how it counts, for reports too large to be kept whole.

For each format the arrays that grow with the findings, and of their elements the members that decide
severity and number. `as` stands where a member must be there and its text does not matter; `prefix` where
a text matters only if it begins so. Everything outside of these arrays is kept. Which elements are equal
in these members is counted once (engine/PROTOCOL.md, tally), and read by the format's own adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Kept = dict[str, Any]


def _whole(*paths: str) -> list[Kept]:
    return [{"at": path.split(".")} for path in paths]


def _named(*paths: str) -> list[Kept]:
    return [{"at": path.split("."), "as": "…"} for path in paths]


TALLIES: Final[Mapping[str, tuple[tuple[str, list[Kept]], ...]]] = {
    "sarif": (
        (
            "runs.*.results",
            [
                *_whole(
                    "ruleId", "ruleIndex", "rule", "kind", "level", "baselineState", "suppressions.*.status"
                ),
                *_whole("provenance.invocationIndex"),
                # Trivy's texts name a severity of their own.
                {"at": ["message", "text"], "prefix": "Package: "},
            ],
        ),
    ),
    "trivy": (
        ("Results.*.Vulnerabilities", [*_named("VulnerabilityID", "PkgName"), *_whole("Severity")]),
        ("Results.*.Misconfigurations", [*_named("ID"), *_whole("Severity", "Status")]),
        ("Results.*.Packages", []),
    ),
    "grype": (
        (
            "matches",
            [
                *_named("vulnerability.id", "artifact.name"),
                *_whole("vulnerability.severity"),
            ],
        ),
        ("ignoredMatches", []),
    ),
    "cyclonedx": (
        ("components", [*_whole("type", "components"), *_named("name")]),
        (
            "vulnerabilities",
            [
                *_named("id", "affects.*.ref"),
                *_whole("rejected", "ratings.*.severity", "ratings.*.method"),
                *_whole("ratings.*.score", "ratings.*.vector"),
            ],
        ),
        ("dependencies", _named("ref")),
    ),
}
"""format -> arrays (dotted, `*` is each element) and what is kept of their elements."""
