"""JaCoCo's XML: which lines and branches of Java ran.

Counted by the counters of the whole report; they are the sums of all packages. Source: JaCoCo, `report.dtd`.
"""

from __future__ import annotations

from typing import Final

from gate.documents.document import Document, wrong_shape
from gate.model import Scan
from scanners import ratios
from scanners.ratios import Counted

_EXPECTED: Final = "a JaCoCo report"


def detect(document: Document) -> str | None:
    """Why `document` is a JaCoCo report, or None."""
    is_one = document.root == "report" and "name" in document.attributes and "type" not in document.attributes
    return "the root is report with name" if is_one else None


def parse(document: Document) -> Scan:
    """The report's own counters; raises `ReportError` for another root or a counter without numbers."""
    root = document.element(_EXPECTED)
    if detect(document) is None or any(child.tag not in _CHILDREN for child in root):
        raise wrong_shape(
            document.path,
            f"not {_EXPECTED}",
            found="another root, or other elements",
            expected="report with name, of groups, packages and counters",
        )
    counted = {
        counter.get("type", ""): Counted(
            covered := ratios.number(counter.get("covered"), "covered of a counter", document.path),
            covered + ratios.number(counter.get("missed"), "missed of a counter", document.path),
        )
        for counter in root.findall("counter")
    }
    return ratios.scan("jacoco", counted.get("LINE", Counted()), counted.get("BRANCH", Counted()))


_CHILDREN: Final = frozenset({"sessioninfo", "group", "package", "counter"})
