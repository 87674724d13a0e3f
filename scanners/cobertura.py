"""Cobertura's XML, which coverage.py, gcovr, coverlet and many others write: which lines ran.

Counted are the lines of each class, once for each file and number. `line-rate` is not read: it may be NaN, or 1
of nothing. A report without line elements is counted by its own totals, with a note.
Source: cobertura's coverage-04 DTD; FORMATS.md 2.29.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from gate.documents.document import Document, wrong_shape
from gate.model import Scan
from scanners import ratios
from scanners.ratios import Counted

_EXPECTED: Final = "a Cobertura report"
_BRANCHES: Final = re.compile(r"\((\d{1,6})/(\d{1,6})\)")
"""`50% (1/2)`."""


def detect(document: Document) -> str | None:
    """Why `document` is a Cobertura report, or None."""
    is_one = document.root == "coverage" and "line-rate" in document.attributes
    return "the root is coverage with line-rate" if is_one else None


def parse(document: Document) -> Scan:
    """Lines and branches of all classes; raises `ReportError` for another root or a line without numbers."""
    root = document.element(_EXPECTED)
    if detect(document) is None:
        raise wrong_shape(
            document.path,
            f"not {_EXPECTED}",
            found="another root",
            expected="coverage with line-rate",
        )
    hits: dict[tuple[str, int], int] = {}
    taken: dict[tuple[str, int], Counted] = {}
    for file, line in _lines(root):
        place = file, ratios.number(line.get("number"), "the number of a line", document.path)
        count = ratios.number(line.get("hits"), "the hits of a line", document.path)
        hits[place] = max(count, hits.get(place, 0))
        if match := _BRANCHES.search(line.get("condition-coverage", "")):
            taken[place] = max(Counted(int(match[1]), int(match[2])), taken.get(place, Counted()))
    lines = Counted(sum(1 for count in hits.values() if count), len(hits))
    branches = Counted(sum(one.covered for one in taken.values()), sum(one.total for one in taken.values()))
    return ratios.scan("cobertura", *_counted(root, lines, branches, document.path))


def _counted(root: Element, lines: Counted, branches: Counted, path: str) -> tuple[Counted, Counted]:
    """The totals of the report itself, where it lists no line."""
    if lines.total or "lines-valid" not in root.attrib:
        return lines, branches
    valid, covered = root.get("lines-valid"), root.get("lines-covered")
    total = ratios.number(valid, "lines-valid", path)
    return Counted(min(ratios.number(covered, "lines-covered", path), total), total), branches


def _lines(root: Element) -> Iterator[tuple[str, Element]]:
    """Each line of each class with its file; those below methods say the same again."""
    for class_ in root.iterfind("packages/package/classes/class"):
        for line in class_.iterfind("lines/line"):
            yield class_.get("filename", ""), line
