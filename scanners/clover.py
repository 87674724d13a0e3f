"""Clover's XML, which PHPUnit, Istanbul and OpenClover write: which statements and branches ran.

Counted by the metrics of the whole project: statements are its lines, conditionals its branches.
Source: OpenClover, `clover.xsd`; real reports of PHPUnit and Istanbul.
"""

from __future__ import annotations

from typing import Final

from gate.documents.document import Document, wrong_shape
from gate.model import Scan
from scanners import ratios
from scanners.ratios import Counted

_EXPECTED: Final = "a Clover report"


def detect(document: Document) -> str | None:
    """Why `document` is a Clover report, or None."""
    names = document.attributes.keys() & {"generated", "clover"}
    if document.root == "coverage" and names and "line-rate" not in document.attributes:
        return f"the root is coverage with {min(names)}"
    return None


def parse(document: Document) -> Scan:
    """The project's metrics; raises `ReportError` where there is no project with metrics."""
    root = document.element(_EXPECTED)
    metrics = root.find("project/metrics")
    if metrics is None:
        raise wrong_shape(
            document.path,
            f"not {_EXPECTED}",
            found="no metrics of a project",
            expected="coverage/project/metrics",
        )
    lines, branches = (
        Counted(
            ratios.number(metrics.get(f"covered{name}", ""), f"covered{name}", document.path),
            ratios.number(metrics.get(name, ""), name, document.path),
        )
        for name in ("statements", "conditionals")
    )
    return ratios.scan("clover", lines, branches, version=root.get("clover"))
