"""CycloneDX 1.2 to 1.7 in JSON: the components of an SBOM, its vulnerabilities, its VEX statements.

Every component counts, nested ones too; the one that the document describes is the subject, services
are not components. Each vulnerability gives one observation for every component it affects.
A statement in `analysis` is carried as `Finding.vex` and hides nothing. A document with
vulnerabilities and no components is a VEX document: it is no evidence of a scan, and joins the findings
that it speaks of (gate/statements.py).

Licences are joined with AND, declared and concluded ones alike: none of them may be overlooked.
XML is read by `cyclonedx_xml.py`. Does not read: services, formulation, compositions beyond a note, recommendation texts.

Source: CycloneDX specification, JSON schemas 1.2 to 1.7; FORMATS.md 2.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

import msgspec

from gate import times
from gate.documents.document import Document
from gate.model import (
    Component,
    Cvss,
    Evidence,
    Finding,
    Kind,
    Location,
    Observation,
    ReportSubject,
    Scan,
    Severity,
    Statement,
    Status,
    Vex,
    from_cvss,
)
from scanners import cvss_scores, cyclonedx_xml
from scanners import cyclonedx_shapes as shapes
from scanners.identifiers import (
    all_licenses,
    fix_state,
    hash_name,
    names_one_flaw,
    purl_version,
    sha256_digest,
)

_EXPECTED: Final = "a CycloneDX document (1.2 to 1.7)"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "none": Severity.INFO,
}
_CVSS_METHODS: Final = {"CVSSv2": "2.0", "CVSSv3": "3.0", "CVSSv31": "3.1", "CVSSv4": "4.0"}
_VEX_STATUSES: Final = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "not_affected": "not_affected",
    "false_positive": "not_affected",
    "exploitable": "affected",
    "in_triage": "under_investigation",
}
_JUSTIFICATIONS: Final = {
    "code_not_present": "vulnerable_code_not_present",
    "code_not_reachable": "vulnerable_code_not_in_execute_path",
    "protected_by_compiler": "inline_mitigations_already_exist",
    "protected_at_runtime": "inline_mitigations_already_exist",
    "protected_by_mitigating_control": "inline_mitigations_already_exist",
}
"""The rest (`requires_…`, `protected_at_perimeter`) have no word in OpenVEX and stay as written."""
_BOM_LINK: Final = re.compile(r"urn:cdx:(?P<serial>[^/#]+)/\d+(?:#(?P<ref>.+))?", re.DOTALL)
_INCOMPLETE: Final = re.compile(r"incomplete.*|unknown|not_specified")


def detect(document: Document) -> str | None:
    """Why `document` is a CycloneDX document, or None."""
    if document.root == "bom" and document.namespace.startswith(cyclonedx_xml.NAMESPACE):
        return "the root is bom of CycloneDX's namespace"
    return "bomFormat is CycloneDX" if document.at("bomFormat") == "CycloneDX" else None


def parse(document: Document) -> Scan:
    """What a CycloneDX document says; raises `ReportError` where it has another shape."""
    is_xml = document.syntax == "xml"
    bom = cyclonedx_xml.bom(document) if is_xml else document.decoded(shapes.Bom, _EXPECTED)
    metadata = bom.metadata or shapes.Metadata()
    subject, tool = metadata.component, _tool(metadata.tools)
    direct = _direct(
        document.elements(bom.dependencies, shapes.Dependency, _EXPECTED, "dependencies"), subject
    )
    named = _Named(subject)
    components = [
        _component(component, _is_direct(component.bom_ref, direct))
        for top in (
            subject.components or () if subject else (),
            document.elements(bom.components, shapes.Component, _EXPECTED, "components"),
        )
        for component in named.noted(_walk(top))
    ]
    vulnerabilities = document.elements(
        bom.vulnerabilities, shapes.Vulnerability, _EXPECTED, "vulnerabilities"
    )
    has_vulnerabilities = bool(bom.vulnerabilities)
    scanner = (tool.name or "").strip().lower() or "cyclonedx"
    is_container = subject is not None and subject.type == "container"
    digest = _digest(subject) if subject and is_container else None
    observations = _observations(
        vulnerabilities,
        bom.serial_number,
        named,
        scanner,
        image=subject.name if subject and is_container else None,
    )
    if not components:
        # What it says of a package is said of that package in its subject.
        statement = Statement(image=digest, within=None if digest or subject is None else subject.full_name)
        observations = (msgspec.structs.replace(seen, statement=statement) for seen in observations)
    return Scan(
        format="cyclonedx",
        scanner=scanner,
        scanner_version=tool.version or None,
        status=Status.OK if components or has_vulnerabilities else Status.EMPTY_TARGET,
        created=times.normalized(metadata.timestamp),
        subject=ReportSubject(name=subject.full_name, digest=digest)
        if subject and subject.full_name
        else None,
        kinds=_kinds(bool(components), has_vulnerabilities),
        observations=document.kept(observations),
        components=tuple(components),
        notes=tuple(_notes(bom, vulnerabilities, has_components=bool(components))),
    )


def _kinds(has_components: bool, has_vulnerabilities: bool) -> tuple[Evidence, ...]:
    if not has_components:
        return ()
    return (Evidence.SBOM, Evidence.DEPENDENCIES) if has_vulnerabilities else (Evidence.SBOM,)


def _notes(
    bom: shapes.Bom, vulnerabilities: Iterable[shapes.Vulnerability], *, has_components: bool
) -> Iterator[str]:
    if not has_components and not bom.vulnerabilities:
        yield "no components: an inventory of nothing is what a failed scan leaves"
    elif not has_components:
        yield "vulnerabilities without components: read as a VEX document, no evidence of a scan"
    rejected = sum(found.rejected is not None for found in vulnerabilities)
    if rejected:
        yield f"{rejected} vulnerabilities are marked as rejected by their source; they still count"
    gaps = sum(_INCOMPLETE.fullmatch(part.aggregate) is not None for part in bom.compositions or ())
    if gaps:
        yield f"{gaps} compositions are declared incomplete or unknown"


def _tool(tools: list[shapes.Tool] | shapes.Tools | None) -> shapes.Tool:
    """The first named tool, from the list (to 1.4) or the object (since 1.5)."""
    listed = (
        [*(tools.components or ()), *(tools.services or ())]
        if isinstance(tools, shapes.Tools)
        else tools or []
    )
    return next((tool for tool in listed if tool.name), shapes.Tool())


def _walk(components: Iterable[shapes.Component]) -> Iterator[shapes.Component]:
    """All components, in the order of the document, each before its own parts."""
    for top in components:
        stack = [top]
        while stack:
            component = stack.pop()
            yield component
            stack.extend(reversed(component.components or ()))


def _digest(container: shapes.Component) -> str | None:
    """The digest of a container image: from its purl or name, a version `sha256:…`, its hash."""
    pinned = purl_version(container.purl or "")
    sums = [f"sha256:{h.content.lower()}" for h in container.hashes or () if hash_name(h.alg) == "sha256"]
    stated = map(sha256_digest, (pinned, container.name.rpartition("@")[2], container.version, *sums))
    return next(filter(None, stated), None)


def _direct(
    dependencies: Iterable[shapes.Dependency], subject: shapes.Component | None
) -> frozenset[str] | None:
    """The refs that the subject depends on itself; None where the graph does not say."""
    root = subject.bom_ref if subject else None
    if root is None:
        return None
    # One ref may have several entries.
    its_own = [dependency.depends_on or () for dependency in dependencies if dependency.ref == root]
    return frozenset(ref for some in its_own for ref in some) if its_own else None


def _is_direct(ref: str | None, direct: frozenset[str] | None) -> bool | None:
    return None if ref is None or direct is None else ref in direct


class _Name(NamedTuple):
    """What a finding takes from the component it is in."""

    purl: str | None
    full_name: str
    version: str | None


class _Named:
    """The components that have a bom-ref, by it."""

    def __init__(self, subject: shapes.Component | None) -> None:
        self._by_ref: dict[str, _Name | None] = {}
        if subject is not None:
            self._note(subject)

    def noted(self, components: Iterable[shapes.Component]) -> Iterator[shapes.Component]:
        """`components`, each known from then on."""
        for component in components:
            self._note(component)
            yield component

    def of(self, ref: str) -> _Name | None:
        """The component of `ref`. Duplicates occur: where they differ, none can be meant for sure."""
        return self._by_ref.get(ref)

    def __contains__(self, ref: str) -> bool:
        return ref in self._by_ref

    def _note(self, component: shapes.Component) -> None:
        if component.bom_ref:
            name = _Name(component.purl, component.full_name, component.version)
            known = self._by_ref.setdefault(component.bom_ref, name)
            if known != name:
                self._by_ref[component.bom_ref] = None


def _component(component: shapes.Component, direct: bool | None) -> Component:
    makers = (component.supplier, component.manufacturer)
    authors = ", ".join(author.name for author in component.authors or () if author.name)
    names = (*(maker.name for maker in makers if maker), component.publisher, authors, component.author)
    return Component(
        purl=component.purl or None,
        name=component.full_name,
        version=component.version or None,
        license=_license(component.licenses or []),
        direct=direct,
        # `isExternal` (1.7) says as `excluded` does: not shipped with the subject.
        scope=component.scope or ("external" if component.is_external else None),
        hashes={hash_name(item.alg): item.content for item in component.hashes or ()},
        supplier=next(filter(None, names), None),
    )


def _license(choices: list[shapes.LicenseChoice]) -> str | None:
    texts = (
        choice.expression or (choice.license and (choice.license.id or choice.license.name)) or ""
        for choice in choices
    )
    return all_licenses(texts)


def _observations(
    vulnerabilities: Iterable[shapes.Vulnerability],
    serial: str | None,
    named: _Named,
    scanner: str,
    image: str | None,
) -> Iterator[Observation]:
    for found in vulnerabilities:
        base = _finding(found, scanner)
        if not found.affects:
            yield Observation(finding=msgspec.structs.replace(base, location=Location(image=image)))
        for affected in found.affects or ():
            ref = _resolved(affected.ref, serial, named)
            yield Observation(finding=_placed(base, affected, ref, named.of(ref), image))


def _resolved(ref: str, serial: str | None, named: _Named) -> str:
    """`ref` as a bom-ref of this document or a purl, where it is one; else as it stands."""
    link = _BOM_LINK.fullmatch(ref)
    if ref in named or not link:
        return ref
    fragment = unquote(link["ref"] or "")
    is_here = serial is None or serial.lower() == f"urn:uuid:{link['serial'].lower()}"
    return fragment if fragment.startswith("pkg:") or (is_here and fragment in named) else ref


def _placed(
    base: Finding, affected: shapes.Affected, ref: str, target: _Name | None, image: str | None
) -> Finding:
    """`base` where it stands: in `target`, or in what `ref` names when no component has that ref."""
    purl = (target.purl if target else None) or (ref if ref.startswith("pkg:") else None)
    versions = affected.versions or []
    stated = [item.version for item in versions if item.version and item.status == "affected"]
    version = target.version if target else purl_version(purl) if purl else None
    fixed = tuple(item.version for item in versions if item.version and item.status == "unaffected")
    return msgspec.structs.replace(
        base,
        title=f"{base.rule} in {target.full_name if target else ref}",
        purl=purl,
        version=version or (stated[0] if len(stated) == 1 else None),
        fixed_versions=fixed,
        fix_state=fix_state(fixed),
        # A bom-ref may be made anew with every document; a name stays.
        location=Location(resource=None if purl else target.full_name if target else ref, image=image),
    )


def _finding(found: shapes.Vulnerability, scanner: str) -> Finding:
    """What is the same for everything that `found` affects."""
    references = [item.id for item in found.references or () if item.id]
    rule = found.id or next(iter(references), None) or found.bom_ref or "unnamed"
    ratings = [(rating, _cvss(rating)) for rating in found.ratings or ()]
    severity, severity_raw = _severity(ratings)
    return Finding(
        kind=Kind.VULNERABILITY,
        rule=rule,
        title=rule,
        severity=severity,
        severity_raw=severity_raw,
        aliases=tuple(sorted({id_ for id_ in references if names_one_flaw(id_)} - {rule})),
        cwes=tuple(f"CWE-{number}" for number in found.cwes or () if number > 0),
        cvss=tuple(cvss for _, cvss in ratings if cvss),
        scanners=(scanner,),
        vex=_vex(found.analysis),
    )


def _cvss(rating: shapes.Rating) -> Cvss | None:
    """The rating as CVSS; None for other methods (OWASP, SSVC, other), whose scales differ."""
    vector = rating.vector or ""
    version = _CVSS_METHODS.get(rating.method or "")
    if version is None and (rating.method or not vector):
        version = cvss_scores.version_of(vector)
        if version is None:
            return None
    source = rating.source.name if rating.source else None
    return cvss_scores.rating(version=version, vector=vector, score=rating.score, source=source)


def _severity(ratings: list[tuple[shapes.Rating, Cvss | None]]) -> tuple[Severity, str | None]:
    """The severity that counts, and the word it was declared with.

    Ratings have no defined order. First come those of the highest CVSS version, then lower versions,
    then other methods; among equals the worst. A rating says its declared severity, else the band of
    its CVSS score, and where it names no method the band of its score.
    """
    said: list[tuple[str, int, Severity, str | None]] = []
    for rating, cvss in ratings:
        severity = _SEVERITIES.get((rating.severity or "").lower(), Severity.UNKNOWN)
        score = cvss.score if cvss else rating.score if rating.method is None else None
        if severity is Severity.UNKNOWN and score is not None:
            severity = from_cvss(score)
        if severity is not Severity.UNKNOWN:
            said.append((cvss.version if cvss else "", -severity.rank, severity, rating.severity or None))
    if not said:
        return Severity.UNKNOWN, next((r.severity for r, _ in ratings if r.severity), None)
    _, _, severity, raw = max(said, key=lambda item: item[:2])
    return severity, raw


def _vex(analysis: shapes.Analysis | None) -> Vex | None:
    """The statement in OpenVEX words; None for a state that is not known, which settles nothing."""
    status = _VEX_STATUSES.get(analysis.state or "") if analysis else None
    if analysis is None or status is None:
        return None
    justification = analysis.justification or None
    return Vex(status=status, justification=_JUSTIFICATIONS.get(justification or "", justification))
