"""SPDX 3.0 in JSON-LD: the packages of an SBOM, its vulnerabilities and what is claimed of them.

The order of `@graph` means nothing, so elements are gathered first and joined by their ids. A licence is an
element that a relationship names; a vulnerability belongs to the packages that an assessment or an
association names. Statements of VEX are carried as `Finding.vex` and hide nothing.
Does not read: files, snippets, builds, datasets, AI, SSVC, signatures, elements of other documents.

Source: SPDX 3.0.1 specification, profiles Core, Software, SimpleLicensing and Security; FORMATS.md 2.10.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents.document import Document
from gate.model import (
    Component,
    Cvss,
    Evidence,
    Kev,
    Observation,
    Rejected,
    ReportSubject,
    Scan,
    Severity,
    Status,
    Vex,
    from_cvss,
)
from scanners import cvss_scores, flaws
from scanners.identifiers import all_licenses, hash_name, purl_version, sha256_digest

_EXPECTED: Final = "an SPDX 3 document"
_ASSOCIATED: Final = "hasAssociatedVulnerability"
_PACKAGE: Final = "software_Package"
_VULNERABILITY: Final = "security_Vulnerability"
_LINKS: Final = frozenset({"dependsOn", "hasDynamicLink", "hasProvidedDependency", "hasStaticLink"})
_SCORES: Final = {
    "security_CvssV2VulnAssessmentRelationship": "2.0",
    "security_CvssV3VulnAssessmentRelationship": "3.1",
    "security_CvssV4VulnAssessmentRelationship": "4.0",
}
_VEX: Final = {
    "security_VexAffectedVulnAssessmentRelationship": "affected",
    "security_VexFixedVulnAssessmentRelationship": "fixed",
    "security_VexNotAffectedVulnAssessmentRelationship": "not_affected",
    "security_VexUnderInvestigationVulnAssessmentRelationship": "under_investigation",
}
_EPSS: Final = "security_EpssVulnAssessmentRelationship"
_KEV: Final = "security_ExploitCatalogVulnAssessmentRelationship"
_JUSTIFICATIONS: Final = {
    "componentNotPresent": "component_not_present",
    "inlineMitigationsAlreadyExist": "inline_mitigations_already_exist",
    "vulnerableCodeCannotBeControlledByAdversary": "vulnerable_code_cannot_be_controlled_by_adversary",
    "vulnerableCodeNotInExecutePath": "vulnerable_code_not_in_execute_path",
    "vulnerableCodeNotPresent": "vulnerable_code_not_present",
}
_NO_LICENSES: Final = frozenset({"NOASSERTION", "NONE", "NoAssertion", "NoAssertionLicense", "NoneLicense"})


class _Identifier(msgspec.Struct, rename="camel"):
    external_identifier_type: str = ""
    identifier: str = ""


class _Hash(msgspec.Struct, rename="camel"):
    algorithm: str = ""
    hash_value: str = ""
    type: str = "Hash"


class _Element(msgspec.Struct, rename="camel"):
    """Any element; what it has depends on its type."""

    type: str
    spdx_id: str | None = None
    id: str | None = field(name="@id", default=None)
    name: str = ""
    created: str | None = None
    from_: str | None = field(name="from", default=None)
    to: list[str] | str = []
    relationship_type: str = ""
    root_element: list[str] = []
    verified_using: list[_Hash] = []
    external_identifier: list[_Identifier] = []
    supplied_by: str | None = None
    version: str | None = field(name="software_packageVersion", default=None)
    url: str | None = field(name="software_packageUrl", default=None)
    purpose: str | None = field(name="software_primaryPurpose", default=None)
    expression: str | None = field(name="simplelicensing_licenseExpression", default=None)
    score: str | float | None = field(name="security_score", default=None)
    vector: str | None = field(name="security_vectorString", default=None)
    severity: str | None = field(name="security_severity", default=None)
    probability: str | float | None = field(name="security_probability", default=None)
    justification: str | None = field(name="security_justificationType", default=None)
    assessed: str | None = field(name="security_assessedElement", default=None)
    catalog: str | None = field(name="security_catalogType", default=None)

    @property
    def targets(self) -> list[str]:
        """What the relationship leads to."""
        return [self.to] if isinstance(self.to, str) else self.to


class _Document(msgspec.Struct):
    graph: list[Raw] = field(name="@graph")


class _Graph(msgspec.Struct):
    elements: dict[str, _Element]
    links: list[_Element]
    """Everything that leads from one element to others."""


def detect(document: Document) -> str | None:
    """Why `document` is SPDX 3, or None."""
    context = document.at("@context")
    if str(context).startswith("https://spdx.org/rdf/3.") and isinstance(document.at("@graph"), list):
        return "@context is SPDX 3's, and @graph"
    return None


def scan(document: Document) -> Scan:
    """What an SPDX 3 document says; raises `ReportError` where no element is understood."""
    rows = document.each(document.decoded(_Document, _EXPECTED).graph, _Element, "$.@graph", _EXPECTED)
    graph = _Graph(
        {one.spdx_id or one.id or "": one for one in rows.good}, [one for one in rows.good if one.from_]
    )
    packages = {id_: one for id_, one in graph.elements.items() if one.type == _PACKAGE}
    subject = _subject(graph, packages)
    components = {id_: one for id_, one in packages.items() if id_ != subject}
    direct = {id_ for link in graph.links for id_ in _direct(link, subject)}
    tool = next((one.name for one in rows.good if one.type == "Tool" and one.name), "")
    observations = tuple(_observations(graph))
    lost = _lost(graph)
    about = packages[subject] if subject else None
    return Scan(
        format="spdx",
        scanner=tool.lower() or "spdx",
        status=Status.OK if components or observations else Status.EMPTY_TARGET,
        created=times.normalized(next((one.created for one in rows.good if one.created), None)),
        subject=ReportSubject(name=about.name, digest=_digest(about)) if about else None,
        kinds=(Evidence.SBOM,) if components else (),
        observations=observations,
        components=tuple(
            _component(one, id_, graph, id_ in direct if direct else None) for id_, one in components.items()
        ),
        rejected=(*rows.rejected, *lost),
        notes=()
        if components
        else ("no packages besides the subject: an inventory of nothing is what a failed scan leaves",),
    )


def _subject(graph: _Graph, packages: dict[str, _Element]) -> str | None:
    """The package that the document is about, where it is a single one."""
    roots = [id_ for one in graph.elements.values() if one.type == "SpdxDocument" for id_ in one.root_element]
    inner = [id_ for root in roots if root in graph.elements for id_ in graph.elements[root].root_element]
    about = {id_ for id_ in (*roots, *inner) if id_ in packages}
    return about.pop() if len(about) == 1 else None


def _direct(link: _Element, subject: str | None) -> Iterable[str]:
    return link.targets if subject and link.from_ == subject and link.relationship_type in _LINKS else ()


def _component(one: _Element, id_: str, graph: _Graph, direct: bool | None) -> Component:
    concluded = _licenses(graph, id_, "hasConcludedLicense")
    supplier = graph.elements.get(one.supplied_by or "")
    return Component(
        purl=_purl(one),
        name=one.name or id_,
        version=one.version or None,
        license=all_licenses(concluded or _licenses(graph, id_, "hasDeclaredLicense")),
        direct=direct,
        hashes={hash_name(h.algorithm): h.hash_value for h in one.verified_using if h.type == "Hash"},
        supplier=supplier.name or None if supplier else None,
    )


def _licenses(graph: _Graph, id_: str, relationship: str) -> list[str]:
    named = [
        target
        for link in graph.links
        if link.from_ == id_ and link.relationship_type == relationship
        for target in link.targets
    ]
    texts = [_license(graph.elements.get(target), target) for target in named]
    return [text for text in texts if text not in _NO_LICENSES]


def _license(element: _Element | None, id_: str) -> str:
    """The expression of a licence's element; of one that stands elsewhere the end of its address."""
    end = id_.rpartition("/")[2].rpartition("#")[2]
    return (element.expression or element.name if element else "") or end


def _purl(one: _Element) -> str | None:
    ids = [
        i.identifier for i in one.external_identifier if i.external_identifier_type in ("packageUrl", "purl")
    ]
    return next((url for url in (one.url, *ids) if url and url.startswith("pkg:")), None)


def _digest(one: _Element) -> str | None:
    purl = _purl(one) or ""
    if one.purpose != "container" and not purl.startswith(("pkg:oci/", "pkg:docker/")):
        return None
    sums = [f"sha256:{h.hash_value.lower()}" for h in one.verified_using if h.algorithm == "sha256"]
    return next(filter(None, map(sha256_digest, (purl_version(purl), one.version, *sums))), None)


def _observations(graph: _Graph) -> Iterator[Observation]:
    """One for each vulnerability in each element, with what is claimed of the two."""
    for (flaw, element), claims in _pairs(graph).items():
        if element in graph.elements:
            yield _observation(graph.elements[flaw], graph.elements[element], claims)


def _pairs(graph: _Graph) -> dict[tuple[str, str], list[_Element]]:
    """Vulnerability and what it is said to be in -> the relationships that say so."""
    found: dict[tuple[str, str], list[_Element]] = {}
    for link in graph.links:
        if link.relationship_type == _ASSOCIATED:
            for flaw in link.targets:
                found.setdefault((flaw, link.from_ or ""), []).append(link)
        elif link.type.startswith("security_"):
            for target in [link.assessed] if link.assessed else link.targets:
                found.setdefault((link.from_ or "", target), []).append(link)
    described = {id_ for id_, one in graph.elements.items() if one.type == _VULNERABILITY}
    return {pair: links for pair, links in found.items() if pair[0] in described}


def _lost(graph: _Graph) -> Iterator[Rejected]:
    """What is said of vulnerabilities and cannot be joined: an end of it is not in the document."""
    joined = {flaw for flaw, element in _pairs(graph) if element in graph.elements}
    for id_, one in graph.elements.items():
        if one.type == _VULNERABILITY and id_ not in joined:
            reason = f"{one.name or id_} belongs to nothing that the document describes"
            yield Rejected(where="$.@graph", reason=reason)
    for link in graph.links:
        if link.type.startswith("security_") or link.relationship_type == _ASSOCIATED:
            ends = {link.from_ or "", *link.targets, *([link.assessed] if link.assessed else [])}
            if not ends <= graph.elements.keys():
                reason = f"{link.type} {link.spdx_id or ''} leads to nothing in the document"
                yield Rejected(where="$.@graph", reason=reason)


def _observation(flaw: _Element, package: _Element, claims: list[_Element]) -> Observation:
    ids = [i.identifier for i in flaw.external_identifier]
    names = [*flaws.cves(flaw.name, *ids, flaw.spdx_id), flaw.name, *(id_.rpartition("/")[2] for id_ in ids)]
    rule = next(filter(None, names), "") or unquote((flaw.spdx_id or "unnamed").rpartition("/")[2])
    scored = [claim for claim in claims if claim.type in _SCORES]
    cvss = [
        cvss_scores.rating(version=_SCORES[one.type], vector=one.vector, score=_number(one.score))
        for one in sorted(scored, key=lambda one: one.type)
    ]
    words = [one.severity for one in scored if one.severity]
    numbers = [one.score for one in cvss if one and one.score is not None]
    vex = [claim for claim in claims if claim.type in _VEX]
    return flaws.observed(
        flaws.Flaw(
            id=rule,
            package=package.name or package.spdx_id or "",
            version=package.version or None,
            purl=_purl(package),
            severity=flaws.worded(words[-1], {"none": Severity.INFO})
            if words
            else from_cvss(numbers[-1])
            if numbers
            else Severity.UNKNOWN,
            word=words[-1] if words else None,
            names=names,
            cvss=_kept(cvss),
            epss=next((_number(one.probability) for one in claims if one.type == _EPSS), None),
            kev=Kev() if any(one.type == _KEV and one.catalog == "kev" for one in claims) else None,
            # Statements that differ settle nothing.
            vex=_vex(vex[0]) if len({_vex(one) for one in vex}) == 1 else None,
        ),
        "spdx",
    )


def _kept(scores: list[Cvss | None]) -> list[Cvss]:
    return [score for score in scores if score]


def _vex(claim: _Element) -> Vex:
    justification = claim.justification or ""
    return Vex(
        status=_VEX[claim.type], justification=_JUSTIFICATIONS.get(justification, justification or None)
    )


def _number(text: str | float | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
