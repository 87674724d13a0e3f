"""The registry of adapters, a literal: format name -> detect and parse.

A new format is one file here and one line below. Adapters import `gate.model`, `gate.errors` and
`gate.documents`, never one another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from gate.documents.document import Document
from gate.model import Scan
from scanners import (
    bandit,
    cyclonedx,
    gitleaks,
    grype,
    hadolint,
    pip_audit,
    sarif,
    semgrep,
    spdx,
    trivy,
)


class Scanner(NamedTuple):
    """One format."""

    detect: Callable[[Document], str | None]
    """Why the document is of this format ("bomFormat is CycloneDX"), or None."""
    parse: Callable[[Document], Scan]
    """What the document says; raises `ReportError` with a position where it cannot be understood."""


SCANNERS: Final[Mapping[str, Scanner]] = {
    "bandit": Scanner(bandit.detect, bandit.parse),
    "cyclonedx": Scanner(cyclonedx.detect, cyclonedx.parse),
    "gitleaks": Scanner(gitleaks.detect, gitleaks.parse),
    "grype": Scanner(grype.detect, grype.parse),
    "hadolint": Scanner(hadolint.detect, hadolint.parse),
    "pip-audit": Scanner(pip_audit.detect, pip_audit.parse),
    "sarif": Scanner(sarif.detect, sarif.parse),
    "semgrep": Scanner(semgrep.detect, semgrep.parse),
    "spdx": Scanner(spdx.detect, spdx.parse),
    "trivy": Scanner(trivy.detect, trivy.parse),
}
