"""DefectDojo's generic findings (JSON): what people write who have no reader for their tool.

Endpoints make a finding one of a running application; a component with an id of a vulnerability one in a
package without an ecosystem; else it is code, or quality where there is no place at all. What is marked inactive, false or
mitigated counts, with a note. Descriptions and steps to reproduce are not read. There is no signal of failure.
Evidence of nothing: the report may be of anything.

Source: DefectDojo documentation, "Generic Findings Import".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gate.documents.document import Document
from gate.model import Cvss, Finding, Kind, Location, Observation, Scan
from scanners import cvss_scores
from scanners.identifiers import cwes, fix_state, names_one_flaw
from scanners.words import address, positive, severity

_EXPECTED: Final = "DefectDojo's generic findings"
_NUMBER: Final = re.compile(r"(?:CWE-)?([1-9]\d{0,5})")


class _Endpoint(msgspec.Struct):
    host: str = ""
    protocol: str = ""
    path: str = ""
    port: int | str | None = None


class _Found(msgspec.Struct):
    title: str
    severity: str
    cve: str | None = None
    ids: list[str] | None = msgspec.field(name="vulnerability_ids", default=None)
    cwe: int | str | None = None
    cwes: list[int | str] | None = None
    cvssv3: str | None = None
    cvssv4: str | None = None
    file_path: str | None = None
    line: int | str | None = None
    component: str | None = msgspec.field(name="component_name", default=None)
    version: str | None = msgspec.field(name="component_version", default=None)
    fix_version: str | None = None
    endpoints: list[str | _Endpoint] | None = None
    tool_id: str | None = msgspec.field(name="unique_id_from_tool", default=None)
    rule: str | None = msgspec.field(name="vuln_id_from_tool", default=None)
    active: bool = True
    false_p: bool = False
    is_mitigated: bool = False


class _Report(msgspec.Struct):
    findings: list[msgspec.Raw]
    type: str = ""
    version: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is such a report, or None (always for one without findings)."""
    first = document.at("findings", 0)
    if isinstance(first, dict) and {"title", "severity", "description"} <= first.keys():
        return "findings with title, severity and description"
    return None


def parse(document: Document) -> Scan:
    """Every finding; raises `ReportError` where no finding has title and severity."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.findings, _Found, "$.findings", _EXPECTED)
    settled = sum(1 for row in rows.good if not row.active or row.false_p or row.is_mitigated)
    tool = report.type.partition(" (")[0].strip().lower() or "generic"
    return Scan(
        format="defectdojo-generic",
        scanner=tool,
        scanner_version=report.version,
        kinds=(),
        observations=tuple(seen for row in rows.good for seen in _observations(row, tool)),
        rejected=rows.rejected,
        notes=(f"{settled} are marked as inactive, false or mitigated; they count",) if settled else (),
    )


def _observations(row: _Found, tool: str) -> Iterator[Observation]:
    names = list(dict.fromkeys(name for name in (row.cve or "", *(row.ids or ())) if names_one_flaw(name)))
    is_flaw = bool(names and row.component)
    url = next((_address(one) for one in row.endpoints or ()), None)
    fixed = (row.fix_version,) if row.fix_version and is_flaw else ()
    kind = (
        Kind.VULNERABILITY if is_flaw else Kind.DAST if url else Kind.CODE if row.file_path else Kind.QUALITY
    )
    listed = [row.cwe, *(row.cwes or ())]
    numbers = [match[1] for one in listed if (match := _NUMBER.fullmatch(str(one)))]
    yield Observation(
        finding=Finding(
            kind=kind,
            rule=names[0] if is_flaw else row.rule or row.title or "unnamed",
            title=row.title or "unnamed",
            severity=severity(row.severity),
            severity_raw=row.severity,
            aliases=tuple(names[1:] if is_flaw else names),
            cwes=tuple(dict.fromkeys(cwes(f"CWE-{number}" for number in numbers))),
            cvss=tuple(_cvss(row)),
            version=row.version if is_flaw else None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed),
            location=Location(file=row.file_path or None, line=positive(row.line), url=url),
            scanners=(tool,),
        ),
        context=row.component or "" if is_flaw else row.tool_id or "",
    )


def _address(one: str | _Endpoint) -> str | None:
    if isinstance(one, str):
        return address(one)
    port = f":{one.port}" if one.port else ""
    path = f"/{one.path.lstrip('/')}" if one.path else ""
    return address(f"{one.protocol + ':' if one.protocol else ''}//{one.host}{port}{path}")


def _cvss(row: _Found) -> Iterator[Cvss]:
    for vector in (row.cvssv3, row.cvssv4):
        rating: Any = cvss_scores.rating(vector=vector) if vector else None
        if rating:
            yield rating
