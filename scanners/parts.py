"""The formats that are read from reports too large to be held, and their arrays that grow with what was found.

The adapters of these formats take the elements of these arrays one by one (`Document.elements`). An
array that nobody reads stands here too, so that it is not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ARRAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "sarif": ("runs.*.results", "runs.*.logicalLocations", "runs.*.threadFlowLocations"),
    "trivy": tuple(
        f"{block}.{name}"
        for block in (
            "Results.*",
            "Resources.*.Results.*",
            "Vulnerabilities.*.Results.*",
            "Misconfigurations.*.Results.*",
            "Findings.*.Results.*",
            "scanner.result.Results.*",
        )
        for name in ("Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "Packages")
    ),
    "grype": ("matches", "ignoredMatches"),
    "cyclonedx": ("components", "vulnerabilities", "dependencies"),
}
"""format -> arrays (dotted, `*` is each element)."""
MARKS: Final = (
    b'"runs"',
    b'"SchemaVersion"',
    b'"ClusterName"',
    b'"invocation"',
    b'"matches"',
    b'"bomFormat"',
)
"""One of these stands near the beginning of such a report; where none does, it is held."""
