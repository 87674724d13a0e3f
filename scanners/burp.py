"""Burp Suite's XML: what its scanner found in a running application.

Requests, responses and details may hold credentials and are not read. Confidence "Certain" is high, "Firm"
medium, "Tentative" low. A severity of "False positive" counts: a waiver says so to gate.
Source: PortSwigger documentation, "Reporting", the DTD in the report itself.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element

from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import Finding, Kind, Location, Observation, Scan
from scanners.words import address, severity

_EXPECTED: Final = "a Burp report"
_CONFIDENCES: Final = {"certain": "high", "firm": "medium", "tentative": "low"}
_CWE: Final = re.compile(r"CWE-[1-9]\d*")


def detect(document: Document) -> str | None:
    """Why `document` is a Burp report, or None."""
    if document.root == "issues" and "burpVersion" in document.attributes:
        return "the root is issues with burpVersion"
    return None


def parse(document: Document) -> Scan:
    """Every issue; raises `ReportError` for another root or where no issue has type, name and severity."""
    root = document.element(_EXPECTED)
    if detect(document) is None:
        raise _wrong(document.path, "another root", "issues with burpVersion")
    parts = ((issue, f"issues/issue[{number}]") for number, issue in enumerate(root.findall("issue"), 1))
    rows = records.understood(parts, lambda issue: _observation(issue, document.path))
    return Scan(
        format="burp",
        scanner="burp",
        scanner_version=root.get("burpVersion"),
        kinds=(),
        observations=rows.good,
        rejected=rows.rejected,
    )


def _observation(issue: Element, path: str) -> Observation:
    for name in ("type", "name", "severity"):
        if not issue.findtext(name):
            raise _wrong(path, f"an issue without {name}", "type, name and severity")
    word = issue.findtext("severity", "")
    confidence = issue.findtext("confidence", "").lower()
    classes = issue.findtext("vulnerabilityClassifications", "")
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=issue.findtext("type", ""),
            title=issue.findtext("name", ""),
            severity=severity(word),
            severity_raw=word,
            cwes=tuple(dict.fromkeys(_CWE.findall(classes))),
            location=Location(url=address(issue.findtext("host", "") + issue.findtext("path", ""))),
            scanners=("burp",),
            confidence=_CONFIDENCES.get(confidence, confidence) or None,
        ),
        # `location` is the path with the parameter in brackets.
        context=issue.findtext("location", "").rpartition("[")[2],
    )


def _wrong(path: str, found: str, expected: str) -> ReportError:
    return wrong_shape(
        path,
        f"not {_EXPECTED}: {found}",
        found=found,
        expected=expected,
    )
