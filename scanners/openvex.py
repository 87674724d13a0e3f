"""OpenVEX documents: what somebody claims of vulnerabilities in products. Evidence of nothing.

A statement joins the finding that it speaks of (gate/statements.py), and is one of severity unknown where
nobody else saw the flaw; it hides nothing unless the settings trust VEX. Only `affected`, `fixed`,
`not_affected` and `under_investigation` are understood; of several statements on one flaw and product the
latest counts, of those at one time the last word for "it may be there". A VEX document is no scan: a flaw
that it does not name may be there.

Source: OpenVEX specification 0.2.0, and 0.0.1 with its plain strings; FORMATS.md 2.30.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Statement, Status, Vex
from scanners.identifiers import hash_name, names_one_flaw, purl_version, sha256_digest

_EXPECTED: Final = "an OpenVEX document"
_OPEN: Final = frozenset({"affected", "under_investigation"})
_IMPACT: Final = "impact_statement"
"""The justification of a statement that gives its reason in words of its own, as the specification allows."""


class _Name(msgspec.Struct):
    name: str = ""
    id: str = field(name="@id", default="")
    aliases: list[str] = []


class _Component(msgspec.Struct):
    id: str = field(name="@id", default="")
    identifiers: dict[str, str] = {}
    hashes: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Its purl, else its id."""
        return self.identifiers.get("purl") or self.id

    @property
    def digest(self) -> str | None:
        """The digest of a container image, from its purl (`pkg:oci/web@sha256:…`) or its hashes."""
        if not self.address.startswith("pkg:oci/"):
            return None
        sums = [f"sha256:{text.lower()}" for name, text in self.hashes.items() if hash_name(name) == "sha256"]
        return next(filter(None, map(sha256_digest, (purl_version(self.address), *sums))), None)


class _Product(_Component):
    subcomponents: list[_Component | str] = []


class _About(NamedTuple):
    """What a statement speaks of."""

    address: str
    """Purl or id; empty for all of an image."""
    statement: Statement


class _Statement(msgspec.Struct):
    vulnerability: _Name | str
    status: Literal["not_affected", "affected", "fixed", "under_investigation"]
    products: list[_Product | str] = []
    justification: str | None = None
    impact_statement: str | None = None
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
    latest: dict[tuple[str, _About], tuple[tuple[str, bool], Observation]] = {}
    for row in rows.good:
        is_open = row.status in _OPEN
        # Where nobody knows when it was said, "it may be there" is the newer word.
        weight = (times.normalized(row.timestamp or vex.timestamp) or ("~" if is_open else ""), is_open)
        for product in row.products or [""]:
            for about in _abouts(product):
                seen = _observation(row, about)
                key = (seen.finding.rule, about)
                if key not in latest or latest[key][0] <= weight:
                    latest[key] = (weight, seen)
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


def _abouts(product: _Product | str) -> list[_About]:
    """What a statement is about: the parts of the product where any are named, else itself."""
    if isinstance(product, str):
        product = _Product(id=product)
    image = product.digest
    parts = [part if isinstance(part, str) else part.address for part in product.subcomponents]
    if product.subcomponents:
        within = None if image else product.address or "a product without a name"
        statement = Statement(image=image, within=within)
        return [_About(part, statement) for part in parts if part] or [_About(product.address, statement)]
    return [_About("" if image else product.address, Statement(image=image))]


def _observation(row: _Statement, about: _About) -> Observation:
    address, image = about.address, about.statement.image
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
            location=Location(image=image),
            scanners=("openvex",),
            vex=Vex(status=row.status, justification=row.justification or _in_words(row)),
        ),
        context="" if url else address or image or "",
        statement=about.statement,
    )


def _in_words(row: _Statement) -> str | None:
    return _IMPACT if row.impact_statement and row.impact_statement.strip() else None
