"""SPDX 2.2 and 2.3: the packages of an SBOM, and the flaws that their security references name.

The package that the document describes is the subject and no component, provided that it is the only
one described; where several are, all of them are components and there is no subject. An advisory or
link of the category SECURITY that names a flaw by its id is a finding of unknown severity: SPDX 2 has no other
place for known vulnerabilities (annex K.1.1). One that names none may be anything, and is a note. Also reads GitHub's wrapper, `{"sbom": {…}}`.
Text is read by `spdx_tag_value.py`, SPDX 3 by `spdx3.py`.
Does not read: RDF, files, snippets, texts of extracted licences.

Source: SPDX 2.3 specification and its JSON schema; FORMATS.md 2.9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Component, Evidence, Observation, ReportSubject, Scan, Status
from scanners import flaws, spdx3, spdx_tag_value
from scanners import spdx_shapes as shapes
from scanners.identifiers import all_licenses, hash_name, purl_version, sha256_digest

_EXPECTED: Final = "an SPDX document (2.2 or 2.3)"
_NOTHING: Final = "no packages besides the subject: an inventory of nothing is what a failed scan leaves"
_NO_VALUES: Final = frozenset({"", "NOASSERTION", "NONE"})
_LINKS: Final = frozenset({"DEPENDS_ON", "DYNAMIC_LINK", "STATIC_LINK"})
"""The left element depends on the right one; `…DEPENDENCY_OF` says it the other way round."""
_SECURITY: Final = frozenset({"advisory", "url"})
_FLAW: Final = re.compile(
    r"(?i:CVE-\d{4}-\d{4,}|(?:PYSEC|RUSTSEC|MAL|GO)-\d{4}-\d+)|GHSA(?:-[0-9a-z]{4}){3}", re.ASCII
)
_CREATOR: Final = re.compile(r"Tool:\s*(?P<name>.+?)(?:-v?(?P<version>\d[\w.+-]*))?\s*")
_SUPPLIER: Final = re.compile(r"(?:Organization|Person):\s*(?P<name>.*?)\s*(?:\([^()]*@[^()]*\)|\(\))?\s*")


def detect(document: Document) -> str | None:
    """Why `document` is an SPDX document, or None."""
    if document.syntax == "text":
        return "its first line is SPDXVersion" if document.marks == {"SPDXVersion"} else None
    if why := spdx3.detect(document):
        return why
    for place in ((), ("sbom",)):
        version = document.at(*place, "spdxVersion")
        if isinstance(version, str) and version.startswith("SPDX-2") and document.at(*place, "SPDXID"):
            return f"{'.'.join((*place, 'spdxVersion'))} is {version[:8]}"
    return None


def parse(document: Document) -> Scan:
    """What an SPDX document says; raises `ReportError` where it has another shape."""
    unknown: tuple[str, ...] = ()
    if "@graph" in document.keys:
        return spdx3.scan(document)
    if document.syntax == "text":
        spdx, unknown = spdx_tag_value.read(document)
    elif "sbom" in document.keys:
        spdx = document.decoded(shapes.Wrapper, _EXPECTED).sbom
    else:
        spdx = document.decoded(shapes.Document, _EXPECTED)
    packages = spdx.packages or []
    described = _described(spdx)
    subject = next((p for p in packages if p.id in described), None) if len(described) == 1 else None
    components = [package for package in packages if package is not subject]
    direct = _direct(spdx, subject)
    tool, version = _tool(spdx.creation_info.creators)
    flaws_named = [seen for package in packages for seen in _flaws(package, tool or "spdx")]
    notes = [] if components else [_NOTHING]
    mute = sum(not _named(link) for package in packages for link in _advisories(package))
    if mute:
        notes.append(f"{mute} security references name no flaw by its id and are not read")
    if unknown:
        notes.append(f"{len(unknown)} elements are named and not described: {quoted(unknown[0])} …")
    return Scan(
        format="spdx",
        scanner=tool or "spdx",
        scanner_version=version,
        status=Status.EMPTY_TARGET if not components else Status.PARTIAL if unknown else Status.OK,
        created=times.normalized(spdx.creation_info.created),
        subject=ReportSubject(name=subject.name, digest=_digest(subject)) if subject else None,
        kinds=(Evidence.SBOM,) if components else (),
        observations=tuple(flaws_named),
        components=tuple(
            _component(package, package.id in direct if direct else None) for package in components
        ),
        notes=tuple(notes),
    )


def _described(spdx: shapes.Document) -> frozenset[str]:
    """Ids of the packages that the document is about."""
    stated = {*(spdx.document_describes or ())}
    for link in spdx.relationships or ():
        if link.relationship_type == "DESCRIBES" and link.spdx_element_id == spdx.id:
            stated.add(link.related_spdx_element)
        if link.relationship_type == "DESCRIBED_BY" and link.related_spdx_element == spdx.id:
            stated.add(link.spdx_element_id)
    return frozenset(package.id for package in spdx.packages or () if package.id in stated)


def _direct(spdx: shapes.Document, subject: shapes.Package | None) -> frozenset[str]:
    """Ids of what the subject depends on itself."""
    links = [
        (link.spdx_element_id, link.related_spdx_element)
        if link.relationship_type in _LINKS
        else (link.related_spdx_element, link.spdx_element_id)
        for link in spdx.relationships or ()
        if link.relationship_type in _LINKS or link.relationship_type.endswith("DEPENDENCY_OF")
    ]
    return frozenset(needed for user, needed in links if subject and user == subject.id)


def _component(package: shapes.Package, direct: bool | None) -> Component:
    return Component(
        purl=_purl(package),
        name=package.name,
        version=_value(package.version_info),
        license=all_licenses([_value(package.license_concluded) or _value(package.license_declared) or ""]),
        direct=direct,
        hashes={hash_name(item.algorithm): item.checksum_value for item in package.checksums or ()},
        supplier=_supplier(package.supplier),
    )


def _advisories(package: shapes.Package) -> list[str]:
    """What references of the category SECURITY link to, but for names (CPE, SWID) and fixes."""
    return [
        one.reference_locator
        for one in package.external_refs or ()
        if one.reference_category == "SECURITY" and one.reference_type in _SECURITY
    ]


def _named(link: str) -> list[str]:
    """Ids of flaws in `link`, as their databases write them."""
    found = (match[0] for match in _FLAW.finditer(link))
    return [id_ if id_.startswith("GHSA") else id_.upper() for id_ in found]


def _flaws(package: shapes.Package, scanner: str) -> Iterator[Observation]:
    """The flaws that the references of `package` name, each once."""
    for id_ in dict.fromkeys(id_ for link in _advisories(package) for id_ in _named(link)):
        yield flaws.observed(
            flaws.Flaw(
                id=id_, package=package.name, version=_value(package.version_info), purl=_purl(package)
            ),
            scanner,
        )


def _value(text: str | None) -> str | None:
    """`text`, or None for the words that say that there is none."""
    return None if text is None or text.strip() in _NO_VALUES else text.strip()


def _purl(package: shapes.Package) -> str | None:
    for reference in package.external_refs or ():
        category = reference.reference_category.replace("_", "-")
        is_purl = reference.reference_type == "purl" or reference.reference_type.endswith("/purl")
        if category == "PACKAGE-MANAGER" and is_purl and reference.reference_locator.startswith("pkg:"):
            return reference.reference_locator
    return None


def _supplier(text: str | None) -> str | None:
    """The name alone: the kind in front and the address behind it are no part of it."""
    match = _SUPPLIER.fullmatch(_value(text) or "")
    return (match["name"] if match else _value(text)) or None


def _tool(creators: list[str]) -> tuple[str | None, str | None]:
    """Name and version of the first tool, `Tool: syft-1.50.0`."""
    for creator in creators:
        match = _CREATOR.fullmatch(creator)
        if match:
            return match["name"].lower(), match["version"]
    return None, None


def _digest(image: shapes.Package) -> str | None:
    """The digest of a container image: from its purl, from a version `sha256:…`, from its checksum."""
    purl = _purl(image) or ""
    if image.primary_package_purpose != "CONTAINER" and not purl.startswith(("pkg:oci/", "pkg:docker/")):
        return None
    sums = [f"sha256:{c.checksum_value.lower()}" for c in image.checksums or () if c.algorithm == "SHA256"]
    return next(filter(None, map(sha256_digest, (purl_version(purl), image.version_info, *sums))), None)
