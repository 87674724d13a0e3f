"""Fortify's XML: reports of its static analysis (BIRT, "ReportDefinition"), and WebInspect's scans ("Scan").

Static: Fortify's priority order is the severity; what an auditor settled counts. Issues listed in a report are
limited by its template: fewer than the total that it names make it partial. WebInspect: 4 critical, 3 high,
2 medium, 1 low, 0 info; sessions and responses are not read. A template without any section for issues that
lists them proves nothing: it failed.

Source: real reports of 2017 to 2024.
"""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element

from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError, quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import address, positive, severity

_EXPECTED: Final = "a Fortify report"
_LEVELS: Final = {
    "4": Severity.CRITICAL,
    "3": Severity.HIGH,
    "2": Severity.MEDIUM,
    "1": Severity.LOW,
    "0": Severity.INFO,
}
_LISTING: Final = "ReportSection/SubSection/IssueListing"


def detect(document: Document) -> str | None:
    """Why `document` is a Fortify report, or None."""
    if document.root == "ReportDefinition":
        return "the root is ReportDefinition"
    return "the root is Scan" if document.root == "Scan" and not document.namespace else None


def parse(document: Document) -> Scan:
    """Every issue; raises `ReportError` for another root or where no issue is understood."""
    root = document.element(_EXPECTED)
    if document.root == "Scan":
        return _webinspect(root, document.path)
    if document.root != "ReportDefinition":
        raise _wrong(document.path, "another root")
    listings = list(root.iterfind(_LISTING))
    # Sections list the same issues again, each limited for itself.
    named = {issue.get("iid") or id(issue): issue for one in listings for issue in one.iter("Issue")}
    issues = list(named.values())
    rows = records.understood(_numbered(issues), lambda issue: _static(issue, document.path))
    most = max(map(_count, listings), default=0)
    status, notes = Status.OK, []
    if not issues and not any(one.get("listing") == "true" for one in listings):
        status, notes = Status.FAILED, ["the template lists no issues: choose one that does"]
    elif most > len(issues):
        status, notes = (
            Status.PARTIAL,
            [f"{len(issues)} issues are listed of {most}: the template limits them"],
        )
    return _scan(rows, status, notes, (Evidence.CODE,))


def _count(listing: Element) -> int:
    sections = listing.iter("GroupingSection")
    return sum(positive(section.get("count")) or 0 for section in sections)


def _webinspect(root: Element, path: str) -> Scan:
    issues = root.find("Issues")
    if issues is None:
        raise _wrong(path, "a scan without Issues")
    found = issues.findall("Issue")
    rows = records.understood(_numbered(found), lambda issue: _dynamic(issue, path))
    return _scan(rows, Status.OK, [f"policy {quoted(root.findtext('PolicyName', ''))}"], ())


def _scan(
    rows: records.Records[Observation], status: Status, notes: list[str], kinds: tuple[Evidence, ...]
) -> Scan:
    return Scan(
        format="fortify",
        scanner="fortify",
        status=status,
        kinds=kinds,
        observations=rows.good,
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _numbered(issues: list[Element]) -> list[tuple[Element, str]]:
    return [(issue, f"Issue[{number}]") for number, issue in enumerate(issues, 1)]


def _static(issue: Element, path: str) -> Observation:
    name, word = issue.findtext("Category", ""), issue.findtext("Friority") or issue.findtext("Folder") or ""
    primary = issue.find("Primary")
    if not name or primary is None:
        raise _wrong(path, "an issue without Category or Primary")
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=name,
            title=name,
            severity=severity(word),
            severity_raw=word or None,
            location=Location(
                file=primary.findtext("FilePath") or primary.findtext("FileName"),
                line=positive(primary.findtext("LineStart")),
            ),
            scanners=("fortify",),
        ),
        # Fortify's own id of the instance, which stays when lines move.
        context=issue.get("iid") or primary.findtext("Snippet") or "",
    )


def _dynamic(issue: Element, path: str) -> Observation:
    name, word = issue.findtext("Name", ""), issue.findtext("Severity", "")
    if not name or not word:
        raise _wrong(path, "an issue without Name or Severity")
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=issue.findtext("VulnerabilityID") or name,
            title=name,
            severity=_LEVELS.get(word, Severity.UNKNOWN),
            severity_raw=word,
            location=Location(url=address(issue.findtext("URL", ""))),
            scanners=("fortify",),
        ),
        context=issue.findtext("VulnerableParameter", ""),
    )


def _wrong(path: str, found: str) -> ReportError:
    return wrong_shape(
        path,
        f"not {_EXPECTED}: {found}",
        found=found,
        expected="ReportDefinition with issues, or a Scan with Issues",
    )
