"""SPDX 2 as text of `Tag: value` lines, made into the shape that JSON has (`spdx.py` says what it means).

The text has no end of its own. A `<text>` that is not closed is refused, and an id that a relationship names
and no element has is told: either is what a cut leaves.
Does not read: files, snippets, annotations, extracted licences; they only end the package before them.

Source: SPDX 2.3 specification, clauses 4 to 12, "tag-value format"; FORMATS.md 2.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from gate.documents.document import Document
from gate.errors import ReportError, quoted
from scanners import spdx_shapes as shapes

_EXPECTED: Final = "an SPDX document (2.2 or 2.3) of tags and values"
_VERSIONS: Final = ("SPDX-2.2", "SPDX-2.3")
_NO_ELEMENT: Final = frozenset({"NOASSERTION", "NONE"})


class Text(NamedTuple):
    """A document of text."""

    document: shapes.Document
    unknown: tuple[str, ...]
    """Ids that relationships name and no element has."""


class _Line(NamedTuple):
    number: int
    tag: str
    value: str


def read(document: Document) -> Text:
    """What `document` says, in the shape of JSON.

    Raises `ReportError` for another version, a line that is no tag, a package without its id, a text
    without its end.
    """
    lines = list(_tags(document))
    head = {line.tag: line.value for line in reversed(lines)}
    if head.get("SPDXVersion") not in _VERSIONS:
        raise _error(document, 1, f"version {quoted(head.get('SPDXVersion', ''))}", " or ".join(_VERSIONS))
    packages = [_package(part, document) for part in _packages(lines)]
    links = [_relationship(line, document) for line in lines if line.tag == "Relationship"]
    ids = {line.value for line in lines if line.tag in ("SPDXID", "SnippetSPDXID")}
    named = {id_ for link in links for id_ in (link.spdx_element_id, link.related_spdx_element)}
    known = ids | _NO_ELEMENT
    spdx = shapes.Document(
        spdx_version="SPDX-2.3" if head["SPDXVersion"] == "SPDX-2.3" else "SPDX-2.2",
        id=head.get("SPDXID", "SPDXRef-DOCUMENT"),
        name=head.get("DocumentName", ""),
        creation_info=shapes.CreationInfo(
            created=head.get("Created", ""), creators=[line.value for line in lines if line.tag == "Creator"]
        ),
        packages=packages,
        relationships=links,
    )
    unknown = {id_ for id_ in named - known if not id_.startswith("DocumentRef-")}
    return Text(spdx, tuple(sorted(unknown)))


def _tags(document: Document) -> Iterator[_Line]:
    """Every tag with its value; a `<text>` may span lines."""
    lines = enumerate(document.lines(_EXPECTED), 1)
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        tag, colon, value = line.partition(":")
        if not colon:
            raise _error(document, number, quoted(line.strip()), "a tag, a colon and a value")
        value = value.strip()
        if value.startswith("<text>"):
            while "</text>" not in value:
                _, more = next(lines, (0, None))
                if more is None:
                    raise _error(document, number, "<text> without </text>", "the end of the text")
                value += f"\n{more}"
            value = value.removeprefix("<text>").partition("</text>")[0].strip()
        yield _Line(number, tag.strip(), value)


def _packages(lines: list[_Line]) -> Iterator[list[_Line]]:
    """The lines of each package."""
    part: list[_Line] = []
    for line in lines:
        if line.tag in ("PackageName", "FileName", "SnippetSPDXID", "LicenseID"):
            if part:
                yield part
            part = []
        if part or line.tag == "PackageName":
            part.append(line)
    if part:
        yield part


def _package(part: list[_Line], document: Document) -> shapes.Package:
    first = {line.tag: line.value for line in reversed(part)}
    if not first.get("SPDXID") or not first["PackageName"]:
        raise _error(document, part[0].number, "a package without name or SPDXID", "PackageName and SPDXID")
    return shapes.Package(
        id=first["SPDXID"],
        name=first["PackageName"],
        version_info=first.get("PackageVersion"),
        supplier=first.get("PackageSupplier"),
        license_concluded=first.get("PackageLicenseConcluded"),
        license_declared=first.get("PackageLicenseDeclared"),
        checksums=[_checksum(line, document) for line in part if line.tag == "PackageChecksum"],
        external_refs=[_reference(line, document) for line in part if line.tag == "ExternalRef"],
        primary_package_purpose=first.get("PrimaryPackagePurpose"),
    )


def _checksum(line: _Line, document: Document) -> shapes.Checksum:
    algorithm, colon, value = line.value.partition(":")
    if not colon:
        raise _error(document, line.number, quoted(line.value), "an algorithm, a colon and a checksum")
    return shapes.Checksum(algorithm=algorithm.strip(), checksum_value=value.strip())


def _reference(line: _Line, document: Document) -> shapes.Reference:
    parts = line.value.split(maxsplit=2)
    if len(parts) != 3:
        raise _error(document, line.number, quoted(line.value), "a category, a type and a locator")
    return shapes.Reference(reference_category=parts[0], reference_type=parts[1], reference_locator=parts[2])


def _relationship(line: _Line, document: Document) -> shapes.Relationship:
    parts = line.value.split()
    if len(parts) != 3:
        raise _error(document, line.number, quoted(line.value), "an element, a relationship and an element")
    return shapes.Relationship(
        spdx_element_id=parts[0], relationship_type=parts[1], related_spdx_element=parts[2]
    )


def _error(document: Document, line: int, found: str, expected: str) -> ReportError:
    return ReportError(
        f"not {_EXPECTED}",
        code="report_wrong_shape",
        path=document.path,
        line=line,
        column=1,
        found=found,
        expected=expected,
        fix="is the file complete, and from a supported version of the tool?",
    )
