"""SpotBugs' XML (and FindBugs'): flaws in Java's byte code, Find Security Bugs among them.

SpotBugs rates how sure it is (`priority`: 1 high, 2 medium, 3 low) and how bad (`rank`: 1 to 4 scariest is
critical, to 9 scary high, to 14 troubling medium, to 20 of concern low). Categories SECURITY and
MALICIOUS_CODE are code, all others quality. Errors and missing classes make it partial, no class at all is an
empty target. Source: SpotBugs' `bugcollection.xsd`.
"""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element

from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status
from scanners.words import positive

_EXPECTED: Final = "a SpotBugs report"
_RANKS: Final = ((4, Severity.CRITICAL), (9, Severity.HIGH), (14, Severity.MEDIUM), (20, Severity.LOW))
_CONFIDENCES: Final = {"1": "high", "2": "medium", "3": "low"}
_SECURITY: Final = ("SECURITY", "MALICIOUS_CODE")


def detect(document: Document) -> str | None:
    """Why `document` is a SpotBugs report, or None."""
    return "the root is BugCollection" if document.root == "BugCollection" else None


def parse(document: Document) -> Scan:
    """Every bug; raises `ReportError` for another root or where no bug has a type."""
    root = document.element(_EXPECTED)
    if document.root != "BugCollection":
        raise _wrong(document.path, "another root")
    parts = ((bug, f"BugInstance[{number}]") for number, bug in enumerate(root.findall("BugInstance"), 1))
    rows = records.understood(parts, lambda bug: _observation(bug, document.path))
    status, notes = _outcome(root)
    return Scan(
        format="spotbugs",
        scanner="spotbugs",
        scanner_version=root.get("version"),
        status=status,
        kinds=(Evidence.CODE,),
        observations=rows.good,
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _outcome(root: Element) -> tuple[Status, list[str]]:
    errors, summary = root.find("Errors"), root.find("FindBugsSummary")
    broken = (
        {name: errors.get(name, "0") for name in ("errors", "missingClasses")} if errors is not None else {}
    )
    told = [f"{count} {name}" for name, count in broken.items() if count != "0"]
    if told:
        return Status.PARTIAL, told
    if errors is None or summary is None:
        return Status.PARTIAL, [
            "Errors or FindBugsSummary are missing: nothing says that the analysis ended well"
        ]
    counted, listed = positive(summary.get("total_bugs")) or 0, len(root.findall("BugInstance"))
    if counted > listed:
        return Status.PARTIAL, [f"{counted} bugs are counted and {listed} listed"]
    if summary.get("total_classes") == "0":
        return Status.EMPTY_TARGET, ["no class was analysed"]
    return Status.OK, []


def _observation(bug: Element, path: str) -> Observation:
    rule, category = bug.get("type", ""), bug.get("category", "")
    if not rule:
        raise _wrong(path, "a bug without type")
    rank = positive(bug.get("rank"))
    line = bug.find("SourceLine")
    if line is None:
        line = bug.find("Class/SourceLine")
    place = line.attrib if line is not None else {}
    method = bug.find("Method")
    named = (method.get("classname", ""), method.get("name", "")) if method is not None else ("", "")
    cwe = positive(bug.get("cweid"))
    return Observation(
        finding=Finding(
            kind=Kind.CODE if category in _SECURITY else Kind.QUALITY,
            rule=rule,
            title=bug.findtext("ShortMessage") or rule,
            severity=next((word for most, word in _RANKS if rank and rank <= most), Severity.UNKNOWN),
            severity_raw=bug.get("rank"),
            cwes=(f"CWE-{cwe}",) if cwe else (),
            location=Location(
                file=place.get("sourcepath") or place.get("sourcefile"), line=positive(place.get("start"))
            ),
            scanners=("spotbugs",),
            confidence=_CONFIDENCES.get(bug.get("priority", "")),
        ),
        # SpotBugs' hash is of class, method and names, without lines; not every writer gives it.
        context=bug.get("instanceHash") or ".".join(named),
    )


def _wrong(path: str, found: str) -> ReportError:
    return wrong_shape(
        path,
        f"not {_EXPECTED}: {found}",
        found=found,
        expected="BugCollection with BugInstance elements",
    )
