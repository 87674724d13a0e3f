"""Checkmarx One's JSON: results of its API and command line, and its scan report.

SAST is code, KICS misconfiguration, SCA vulnerabilities. Fewer results than the total make it partial, and so
does an engine that did not complete, or packages in a scan report, whose shape is not read. States that
somebody set (NOT_EXPLOITABLE) count, with a note. Of packages the ecosystem is in the identifier.

Source: Checkmarx One API documentation, "Scan Results"; real reports of 2024 to 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Rejected, Scan, Status
from scanners.identifiers import fix_state
from scanners.purls import purl
from scanners.words import positive, severity

_EXPECTED: Final = "a Checkmarx One report"
_KINDS: Final = {"sast": Kind.CODE, "kics": Kind.MISCONFIGURATION, "sca": Kind.VULNERABILITY}
_SYSTEMS: Final = {
    "maven": "maven",
    "npm": "npm",
    "python": "pypi",
    "nuget": "nuget",
    "go": "golang",
    "php": "composer",
    "ruby": "gem",
}


_EVIDENCE: Final = {
    Kind.CODE: Evidence.CODE,
    Kind.MISCONFIGURATION: Evidence.MANIFESTS,
    Kind.VULNERABILITY: Evidence.DEPENDENCIES,
}
"""Of what was found alone: the results do not say which engines ran."""


class _Node(msgspec.Struct):
    file: str = msgspec.field(name="fileName", default="")
    line: int | None = None
    column: int | None = None


class _Data(msgspec.Struct):
    query: str = msgspec.field(name="queryName", default="")
    nodes: list[_Node] | None = None
    file: str = msgspec.field(name="fileName", default="")
    line: int | None = None
    package: str = msgspec.field(name="packageIdentifier", default="")
    name: str | list[Any] = msgspec.field(name="packageName", default="")
    version: str | list[Any] = msgspec.field(name="packageVersion", default="")
    fixed: str | None = msgspec.field(name="recommendedVersion", default=None)


class _Details(msgspec.Struct):
    cwe: int | str | None = msgspec.field(name="cweId", default=None)


class _Result(msgspec.Struct):
    type: str
    severity: str
    id: str
    similarity: str | int = msgspec.field(name="similarityId", default="")
    state: str = ""
    status: str = ""
    data: _Data = msgspec.field(default_factory=_Data)
    details: _Details = msgspec.field(name="vulnerabilityDetails", default_factory=_Details)


class _List(msgspec.Struct):
    results: list[msgspec.Raw]
    total: int = msgspec.field(name="totalCount")


class _Place(msgspec.Struct):
    severity: str
    state: str = ""
    similarity: str | int = msgspec.field(name="similarityId", default="")
    source: str = msgspec.field(name="sourceFileName", default="")
    line: int | None = msgspec.field(name="sourceLine", default=None)
    file: str = msgspec.field(name="fileName", default="")


class _Query(msgspec.Struct):
    name: str = msgspec.field(name="queryName")
    cwe: int | None = msgspec.field(name="cweId", default=None)
    vulnerabilities: list[_Place] | None = None
    places: list[_Place] | None = msgspec.field(name="resultsList", default=None)


class _Technology(msgspec.Struct):
    queries: list[msgspec.Raw] | None = None


class _Engine(msgspec.Struct):
    total: int = msgspec.field(name="totalResults")
    queries: list[msgspec.Raw] | None = msgspec.field(name="resultsList", default=None)
    technology: list[_Technology] | None = None


class _Ended(msgspec.Struct):
    name: str
    status: str


class _Run(msgspec.Struct):
    ended: list[_Ended] | None = msgspec.field(name="scannerStatus", default=None)


class _Report(msgspec.Struct):
    sast: _Engine | None = msgspec.field(name="scanResults")
    iac: _Engine | None = msgspec.field(name="iacScanResults", default=None)
    sca: _Engine | None = msgspec.field(name="scaScanResults", default=None)
    containers: _Engine | None = msgspec.field(name="containerScanResults", default=None)
    run: _Run | None = msgspec.field(name="scanInformation", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a Checkmarx One report, or None."""
    is_list = "totalCount" in document.keys and isinstance(document.at("results"), list)
    if is_list and ("scanID" in document.keys or document.at("results", 0, "similarityId") is not None):
        return "results, totalCount, and scanID or similarityId"
    if "scanResults" in document.keys and document.keys & {"iacScanResults", "scaScanResults"}:
        return "scanResults and iacScanResults or scaScanResults"
    return None


def parse(document: Document) -> Scan:
    """Every result; raises `ReportError` where no result is understood, or the totals are absent."""
    return _list(document) if "results" in document.keys else _report(document)


def _list(document: Document) -> Scan:
    report = document.decoded(_List, _EXPECTED)
    rows = document.each(report.results, _Result, "$.results", _EXPECTED)
    settled = sum(1 for row in rows.good if row.state not in ("", "TO_VERIFY", "CONFIRMED", "URGENT"))
    notes = [f"{settled} are triaged; they count"] if settled else []
    is_short = len(report.results) < report.total
    if is_short:
        notes.insert(0, f"{len(report.results)} of {report.total} results are listed")
    return _scan(
        [_result(row) for row in rows.good], rows.rejected, Status.PARTIAL if is_short else Status.OK, notes
    )


def _report(document: Document) -> Scan:
    report = document.decoded(_Report, _EXPECTED)
    engines = [
        (one, kind) for one, kind in ((report.sast, Kind.CODE), (report.iac, Kind.MISCONFIGURATION)) if one
    ]
    seen: list[Observation] = []
    rejected: list[Rejected] = []
    for engine, kind in engines:
        raws = [
            *(engine.queries or ()),
            *(raw for one in engine.technology or () for raw in one.queries or ()),
        ]
        rows = document.each(raws, _Query, "$…resultsList", _EXPECTED)
        rejected += rows.rejected
        seen += [one for row in rows.good for one in _places(row, kind)]
    total = sum(one.total for one in (report.sast, report.iac, report.sca, report.containers) if one)
    notes = [
        f"{one.name} is {one.status}"
        for one in (report.run.ended if report.run else None) or ()
        if one.status != "Completed"
    ]
    if len(seen) < total:
        notes.append(f"{total} results are counted and {len(seen)} listed; packages are not read")
    if not engines:
        notes.append("no engine has results")
    return _scan(seen, tuple(rejected), Status.PARTIAL if notes else Status.OK, notes)


def _scan(seen: list[Observation], rejected: tuple[Rejected, ...], status: Status, notes: list[str]) -> Scan:
    return Scan(
        format="checkmarx-one",
        scanner="checkmarx-one",
        status=status,
        kinds=tuple(dict.fromkeys(_EVIDENCE[one.finding.kind] for one in seen)),
        observations=tuple(seen),
        rejected=rejected,
        notes=tuple(notes),
    )


def _result(row: _Result) -> Observation:
    kind = _KINDS.get(row.type.partition("-")[0], Kind.CODE)
    node = (row.data.nodes or [_Node(row.data.file, row.data.line)])[0]
    cwe = positive(str(row.details.cwe or "").removeprefix("CWE-"))
    is_flaw = kind is Kind.VULNERABILITY
    rule = row.id if is_flaw else row.data.query or row.id
    package = _package(row.data)
    fixed = tuple(filter(None, (row.data.fixed,))) if is_flaw else ()
    return Observation(
        finding=Finding(
            kind=kind,
            rule=rule,
            title=f"{rule} in {package['name']}" if is_flaw else rule.replace("_", " "),
            severity=severity(row.severity),
            severity_raw=row.severity,
            cwes=(f"CWE-{cwe}",) if cwe else (),
            purl=purl(package["system"], package["name"], package["version"]) if package["system"] else None,
            version=package["version"] or None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed),
            location=Location(file=node.file or None, line=positive(node.line), column=positive(node.column)),
            scanners=("checkmarx-one",),
        ),
        context=package["name"] if is_flaw else str(row.similarity),
    )


def _package(data: _Data) -> Mapping[str, str]:
    """Ecosystem, name and version, from `Maven-group:name-1.2.3` or the names of a container's package."""
    system, _, rest = data.package.partition("-")
    name, dash, version = rest.rpartition("-")
    if dash:
        return {"system": _SYSTEMS.get(system.lower(), ""), "name": name, "version": version}
    named = data.name if isinstance(data.name, str) else ""
    return {"system": "", "name": named, "version": data.version if isinstance(data.version, str) else ""}


def _places(query: _Query, kind: Kind) -> Iterator[Observation]:
    for place in (*(query.vulnerabilities or ()), *(query.places or ())):
        yield Observation(
            finding=Finding(
                kind=kind,
                rule=query.name,
                title=query.name.replace("_", " "),
                severity=severity(place.severity),
                severity_raw=place.severity,
                cwes=(f"CWE-{query.cwe}",) if query.cwe and query.cwe > 0 else (),
                location=Location(file=place.source or place.file or None, line=positive(place.line)),
                scanners=("checkmarx-one",),
            ),
            context=str(place.similarity),
        )
