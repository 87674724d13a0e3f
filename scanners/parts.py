"""The formats that are read from reports too large to be held, and their arrays that grow with what was found.

The adapters of these formats take the elements of these arrays one by one (`Document.elements`), all of them:
one that is left is noticed (gate/ingest.py). Arrays that no adapter reads are named too, so that they are not kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TRIVY_BLOCKS: Final = (
    "Results.*",
    "Resources.*.Results.*",
    "Vulnerabilities.*.Results.*",
    "Misconfigurations.*.Results.*",
    "Findings.*.Results.*",
    "scanner.result.Results.*",
)
ARRAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "sarif": ("runs.*.results",),
    "trivy": tuple(
        f"{block}.{name}"
        for block in _TRIVY_BLOCKS
        for name in ("Vulnerabilities", "Misconfigurations", "Secrets", "Licenses")
    ),
    "grype": ("matches", "ignoredMatches"),
    "cyclonedx": ("components", "vulnerabilities", "dependencies"),
}
"""format -> arrays (dotted, `*` is each element)."""
UNREAD: Final = (
    "runs.*.logicalLocations",
    "runs.*.threadFlowLocations",
    *(f"{block}.Packages" for block in _TRIVY_BLOCKS),
)
MARKS: Final = (
    b'"runs"',
    b'"SchemaVersion"',
    b'"ClusterName"',
    b'"invocation"',
    b'"matches"',
    b'"bomFormat"',
)
"""One of these stands near the beginning of such a report; where none does, it is held."""
