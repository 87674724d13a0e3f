"""Veracode's detailed report (XML) and the JSON of its findings API.

Static flaws are code, dynamic ones of a running application, SCA vulnerabilities in packages without an
ecosystem. 5 is critical, 4 high, 3 medium, 2 low, 1 and 0 info. What is fixed or closed is left out with a
note, an accepted mitigation counts. Fewer flaws than the report counts, or more pages, make it partial.

Source: Veracode documentation, "Detailed Report XML", "Findings REST API".
"""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element

import msgspec

from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import Evidence, Finding, Kind, Location, Observation, Rejected, Scan, Severity, Status
from scanners.words import address, positive

_EXPECTED: Final = "a Veracode report"
_LEVELS: Final = {
    "5": Severity.CRITICAL,
    "4": Severity.HIGH,
    "3": Severity.MEDIUM,
    "2": Severity.LOW,
    "1": Severity.INFO,
    "0": Severity.INFO,
}
_KINDS: Final = {"STATIC": Kind.CODE, "DYNAMIC": Kind.DAST, "MANUAL": Kind.CODE, "SCA": Kind.VULNERABILITY}


_EVIDENCE: Final = {Kind.CODE: Evidence.CODE, Kind.VULNERABILITY: Evidence.DEPENDENCIES}
"""Of what was found, or of the analyses that the XML names; the API does not say which ran."""


class _Number(msgspec.Struct):
    id: int


class _Named(msgspec.Struct):
    name: str = ""


class _Details(msgspec.Struct):
    severity: int
    cwe: _Number | None = None
    file: str = msgspec.field(name="file_path", default="")
    line: int | None = msgspec.field(name="file_line_number", default=None)
    category: _Named | None = msgspec.field(name="finding_category", default=None)
    cve: _Named | None = None
    component: str = msgspec.field(name="component_filename", default="")
    version: str = ""
    url: str = ""
    procedure: str = ""
    parameter: str = msgspec.field(name="vulnerable_parameter", default="")


class _State(msgspec.Struct):
    status: str = ""


class _Found(msgspec.Struct):
    type: str = msgspec.field(name="scan_type")
    details: _Details = msgspec.field(name="finding_details")
    state: _State = msgspec.field(name="finding_status", default_factory=_State)


class _Page(msgspec.Struct):
    pages: int = msgspec.field(name="total_pages", default=1)


class _List(msgspec.Struct):
    findings: list[msgspec.Raw] = []


class _Report(msgspec.Struct):
    findings: list[msgspec.Raw] | None = None
    embedded: _List | None = msgspec.field(name="_embedded", default=None)
    page: _Page | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Veracode report, or None."""
    if document.root == "detailedreport":
        return "the root is detailedreport"
    for names in (("findings", 0), ("_embedded", "findings", 0)):
        first = document.at(*names)
        if isinstance(first, dict) and {"scan_type", "finding_details"} <= first.keys():
            return "findings with scan_type and finding_details"
    if "_embedded" in document.keys and document.at("page", "total_elements") is not None:
        return "_embedded and page.total_elements"
    return None


def parse(document: Document) -> Scan:
    """Every flaw that is not fixed; raises `ReportError` where no flaw is understood."""
    return _xml(document) if document.syntax == "xml" else _json(document)


def _json(document: Document) -> Scan:
    report = document.decoded(_Report, _EXPECTED)
    raws = (
        report.findings
        if report.findings is not None
        else report.embedded.findings
        if report.embedded
        else []
    )
    rows = document.each(raws, _Found, "$.findings", _EXPECTED)
    kept = [row for row in rows.good if row.state.status != "CLOSED"]
    notes = []
    if report.page and report.page.pages > 1:
        notes.append(f"one of {report.page.pages} pages")
    elif report.findings is None and report.page is None:
        notes.append("nothing says how many pages there are")
    return _scan([_found(row) for row in kept], rows.rejected, notes, len(rows.good) - len(kept))


def _found(row: _Found) -> Observation:
    details, kind = row.details, _KINDS.get(row.type, Kind.CODE)
    category = details.category.name if details.category else ""
    cve = details.cve.name if details.cve else ""
    cwe = f"CWE-{details.cwe.id}" if details.cwe else ""
    return _observation(
        kind,
        rule=cve if kind is Kind.VULNERABILITY and cve else cwe or category or "unnamed",
        title=f"{cve} in {details.component}" if kind is Kind.VULNERABILITY else category or cwe or "unnamed",
        level=str(details.severity),
        cwe=cwe,
        location=Location(
            file=details.file or None,
            line=positive(details.line),
            url=address(details.url) if details.url else None,
        ),
        version=details.version if kind is Kind.VULNERABILITY else "",
        context=details.component or f"{details.procedure}{details.parameter}",
    )


def _xml(document: Document) -> Scan:
    root = document.element(_EXPECTED)
    if document.root != "detailedreport":
        raise _wrong(document.path, "another root")
    flaws, packages = list(root.iter(_tag(root, "flaw"))), list(root.iter(_tag(root, "component")))
    kept = [flaw for flaw in flaws if flaw.get("remediation_status") != "Fixed"]
    found = [(flaw, f"flaw {flaw.get('issueid', '')}") for flaw in kept]
    rows = records.understood(found, lambda flaw: _flaw(flaw, document.path))
    listed = [(part, one) for part in packages for one in part.iter(_tag(root, "vulnerability"))]
    sca = records.understood(
        ((pair, f"vulnerability {pair[1].get('cve_id', '')}") for pair in listed),
        lambda pair: _package(*pair, path=document.path),
    )
    total = positive(root.get("total_flaws")) or 0
    notes = [f"{total} flaws are counted and {len(flaws)} listed"] if total > len(flaws) else []
    scan = _scan([*rows.good, *sca.good], (*rows.rejected, *sca.rejected), notes, len(flaws) - len(kept))
    named = (("static-analysis", Evidence.CODE), ("software_composition_analysis", Evidence.DEPENDENCIES))
    ran = [kind for name, kind in named if root.find(_tag(root, name)) is not None]
    return msgspec.structs.replace(scan, kinds=tuple(dict.fromkeys([*scan.kinds, *ran])))


def _tag(root: Element, name: str) -> str:
    return root.tag.replace("detailedreport", name)


def _flaw(flaw: Element, path: str) -> Observation:
    if not flaw.get("severity") or not flaw.get("cweid"):
        raise _wrong(path, "a flaw without severity or cweid")
    url, cwe = flaw.get("url", ""), f"CWE-{flaw.get('cweid')}"
    return _observation(
        Kind.DAST if url else Kind.CODE,
        rule=cwe,
        title=flaw.get("categoryname") or cwe,
        level=flaw.get("severity", ""),
        cwe=cwe,
        location=Location(
            file=flaw.get("sourcefilepath", "") + flaw.get("sourcefile", "") or None,
            line=positive(flaw.get("line")),
            url=address(url) if url else None,
        ),
        context=f"{flaw.get('functionprototype', '')} {flaw.get('type', '')}{flaw.get('vuln_parameter', '')}",
    )


def _package(part: Element, flaw: Element, *, path: str) -> Observation:
    rule, name = flaw.get("cve_id", ""), part.get("library") or part.get("file_name") or ""
    if not rule or not name:
        raise _wrong(path, "a vulnerability without cve_id, or a component without library")
    return _observation(
        Kind.VULNERABILITY,
        rule=rule,
        title=f"{rule} in {name}",
        level=flaw.get("severity", ""),
        cwe=flaw.get("cwe_id", ""),
        location=Location(),
        version=part.get("version", ""),
        context=name,
    )


def _observation(
    kind: Kind,
    *,
    rule: str,
    title: str,
    level: str,
    cwe: str,
    location: Location,
    context: str,
    version: str = "",
) -> Observation:
    return Observation(
        finding=Finding(
            kind=kind,
            rule=rule,
            title=title,
            severity=_LEVELS.get(level, Severity.UNKNOWN),
            severity_raw=level or None,
            cwes=(cwe,) if positive(cwe.removeprefix("CWE-")) else (),
            version=version or None,
            location=location,
            scanners=("veracode",),
        ),
        context=context,
    )


def _scan(seen: list[Observation], rejected: tuple[Rejected, ...], notes: list[str], gone: int) -> Scan:
    left = [f"{gone} are fixed or closed and left out"] if gone else []
    return Scan(
        format="veracode",
        scanner="veracode",
        status=Status.PARTIAL if notes else Status.OK,
        kinds=tuple(
            dict.fromkeys(_EVIDENCE[one.finding.kind] for one in seen if one.finding.kind in _EVIDENCE)
        ),
        observations=tuple(seen),
        rejected=rejected,
        notes=(*notes, *left),
    )


def _wrong(path: str, found: str) -> ReportError:
    return wrong_shape(
        path,
        f"not {_EXPECTED}: {found}",
        found=found,
        expected="detailedreport with flaws and components",
    )
