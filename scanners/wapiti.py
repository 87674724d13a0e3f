"""Wapiti's XML: what it found in a running web application.

Level 4 is critical, 3 high, 2 medium, 1 low, 0 info. Anomalies (errors and timeouts of the application) are
findings, "additionals" too. Requests and parameters' values are not read.
Source: wapiti-scanner/wapiti, `report/xmlreportgenerator.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

from gate import times
from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import Finding, Kind, Location, Observation, ReportSubject, Scan, Severity
from scanners.words import address

_EXPECTED: Final = "a Wapiti report"
_LEVELS: Final = {
    "4": Severity.CRITICAL,
    "3": Severity.HIGH,
    "2": Severity.MEDIUM,
    "1": Severity.LOW,
    "0": Severity.INFO,
}
_CWE: Final = re.compile(r"CWE-[1-9]\d*")
_GROUPS: Final = ("vulnerabilities/vulnerability", "anomalies/anomaly", "additionals/additional")


def detect(document: Document) -> str | None:
    """Why `document` is a Wapiti report, or None."""
    is_report = document.root == "report" and document.attributes.get("type") == "security"
    return "the root is report of type security" if is_report else None


def parse(document: Document) -> Scan:
    """Every entry; raises `ReportError` for another report or where no entry has a level."""
    root = document.element(_EXPECTED)
    infos = {one.get("name"): (one.text or "").strip() for one in root.iterfind("report_infos/info")}
    if root.find("vulnerabilities") is None or infos.get("generatorName") != "wapiti":
        raise _wrong(document.path, "no vulnerabilities, or another generator than wapiti")
    target = infos.get("target", "")
    rows = records.understood(
        _entries(root), lambda pair: _observation(*pair, target=target, path=document.path)
    )
    return Scan(
        format="wapiti",
        scanner="wapiti",
        scanner_version=infos.get("generatorVersion", "").removeprefix("Wapiti ") or None,
        created=times.normalized(infos.get("dateOfScan")),
        subject=ReportSubject(name=address(target) or target) if target else None,
        kinds=(),
        observations=rows.good,
        rejected=rows.rejected,
    )


def _entries(root: Element) -> Iterator[tuple[tuple[Element, Element], str]]:
    for group in _GROUPS:
        for number, flaw in enumerate(root.findall(group), 1):
            for index, entry in enumerate(flaw.iterfind("entries/entry"), 1):
                yield (flaw, entry), f"{group}[{number}]/entries/entry[{index}]"


def _observation(flaw: Element, entry: Element, *, target: str, path: str) -> Observation:
    name, level = flaw.get("name", ""), entry.findtext("level", "")
    if not name or not level:
        raise _wrong(path, "an entry without level, or a flaw without name")
    titles = " ".join(one.text or "" for one in flaw.iterfind("references/reference/title"))
    host = "/".join(target.split("/")[:3])
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=name,
            title=name,
            severity=_LEVELS.get(level, Severity.UNKNOWN),
            severity_raw=level,
            cwes=tuple(dict.fromkeys(_CWE.findall(titles))),
            location=Location(url=address(host + entry.findtext("path", ""))),
            scanners=("wapiti",),
        ),
        context=f"{entry.findtext('method', '')} {entry.findtext('parameter') or ''} {entry.findtext('info', '')}",
    )


def _wrong(path: str, found: str) -> ReportError:
    return wrong_shape(
        path,
        f"not {_EXPECTED}: {found}",
        found=found,
        expected="report of type security by wapiti",
    )
