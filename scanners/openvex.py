"""OpenVEX documents: what somebody claims of vulnerabilities in products. Evidence of nothing.

A statement becomes a finding with `vex`, of severity unknown; as everywhere, that hides nothing unless
the settings trust VEX. Only `affected`, `fixed`, `not_affected` and `under_investigation` are understood;
of several statements on one flaw and product the latest counts. A VEX document is no scan: a flaw that
it does not name may be there.

Source: OpenVEX specification 0.2.0, and 0.0.1 with its plain strings; FORMATS.md 2.30.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status, Vex
from scanners.identifiers import names_one_flaw, purl_version

_EXPECTED: Final = "an OpenVEX document"


class _Name(msgspec.Struct):
    name: str = ""
    id: str = field(name="@id", default="")
    aliases: list[str] = []


class _Component(msgspec.Struct):
    id: str = field(name="@id", default="")
    identifiers: dict[str, str] = {}


class _Product(msgspec.Struct):
    id: str = field(name="@id", default="")
    identifiers: dict[str, str] = {}
    subcomponents: list[_Component | str] = []


class _Statement(msgspec.Struct):
    vulnerability: _Name | str
    status: Literal["not_affected", "affected", "fixed", "under_investigation"]
    products: list[_Product | str] = []
    justification: str | None = None
    timestamp: str | None = None


class _Document(msgspec.Struct):
    statements: list[Raw]
    context: str = field(name="@context")
    author: str = ""
    timestamp: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is OpenVEX, or None."""
    context = document.at("@context")
    if isinstance(context, str) and context.startswith("https://openvex.dev/ns"):
        return "@context is OpenVEX's"
    return None


def parse(document: Document) -> Scan:
    """One observation for each statement and product; a statement of an unknown status is rejected.

    Raises `ReportError` where `@context` or the statements are absent.
    """
    vex = document.decoded(_Document, _EXPECTED)
    rows = document.each(vex.statements, _Statement, "$.statements", _EXPECTED)
    latest: dict[tuple[str, str], tuple[str, Observation]] = {}
    for row in rows.good:
        at = times.normalized(row.timestamp or vex.timestamp) or ""
        for product in row.products or [""]:
            for address in _addresses(product):
                seen = _observation(row, address)
                key = (seen.finding.rule, address)
                if key not in latest or latest[key][0] <= at:
                    latest[key] = (at, seen)
    return Scan(
        format="openvex",
        scanner="openvex",
        status=Status.OK if rows.good else Status.EMPTY_TARGET,
        created=times.normalized(vex.timestamp),
        kinds=(),
        observations=tuple(seen for _, seen in latest.values()),
        rejected=rows.rejected,
        notes=() if rows.good else ("the document makes no statement",),
    )


def _addresses(product: _Product | str) -> list[str]:
    """The purls a statement is about: the parts of the product where any are named, else itself."""
    if isinstance(product, str):
        return [product]
    parts = [
        part if isinstance(part, str) else part.identifiers.get("purl") or part.id
        for part in product.subcomponents
    ]
    return [part for part in parts if part] or [product.identifiers.get("purl") or product.id]


def _observation(row: _Statement, address: str) -> Observation:
    named = row.vulnerability if isinstance(row.vulnerability, _Name) else _Name(row.vulnerability)
    rule = named.name or named.id.rpartition("/")[2] or "unnamed"
    url = address if address.startswith("pkg:") else None
    return Observation(
        finding=Finding(
            kind=Kind.VULNERABILITY,
            rule=rule,
            title=f"{rule}: {row.status.replace('_', ' ')}, says a VEX statement",
            severity=Severity.UNKNOWN,
            aliases=tuple(alias for alias in named.aliases if alias != rule and names_one_flaw(alias)),
            purl=url,
            version=purl_version(url) if url else None,
            location=Location(),
            scanners=("openvex",),
            vex=Vex(status=row.status, justification=row.justification),
        ),
        context="" if url else address,
    )
