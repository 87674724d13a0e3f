"""Snyk's REST API, `/orgs/{org}/issues`: issues of projects, of code, packages, licences and settings.

A page that has a next one is partial. Ignored issues count, with a note; resolved ones are left out, with a
note. The package system of a flaw is told by its key (`SNYK-PYTHON-PILLOW-6219984`). Not read: risk scores,
reachability, exploits.

Source: Snyk API documentation, "Issues", version 2024-10-15; real answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Status
from scanners import cvss_scores, flaws
from scanners.identifiers import cwes

_EXPECTED: Final = "issues of Snyk's API"
_KINDS: Final = {
    "cloud": Kind.MISCONFIGURATION,
    "code": Kind.CODE,
    "config": Kind.MISCONFIGURATION,
    "license": Kind.LICENSE,
    "package_vulnerability": Kind.VULNERABILITY,
}
"""Types that are not known count as code."""
_EVIDENCE: Final = {"code": Evidence.CODE, "package_vulnerability": Evidence.DEPENDENCIES}
_KEY: Final = re.compile(r"SNYK-(?P<system>[A-Z]+)\d*-")
_SYSTEMS: Final = {
    "ALPINE": "alpine", "COCOAPODS": "cocoapods", "DEBIAN": "debian", "DOTNET": "nuget",
    "GOLANG": "golang", "HEX": "hex", "JAVA": "maven", "JS": "npm", "PHP": "composer", "PUB": "pub",
    "PYTHON": "pypi", "RHEL": "rhel", "RUBY": "gem", "RUST": "cargo", "SWIFT": "swift", "UBUNTU": "ubuntu",
}  # fmt: skip


class _Point(msgspec.Struct):
    line: int | None = None
    column: int | None = None


class _Region(msgspec.Struct):
    start: _Point = field(default_factory=_Point)


class _Source(msgspec.Struct):
    file: str = ""
    region: _Region = field(default_factory=_Region)


class _Dependency(msgspec.Struct):
    package_name: str
    package_version: str = ""


class _Representation(msgspec.Struct):
    source: _Source | None = field(name="sourceLocation", default=None)
    dependency: _Dependency | None = None
    resource: str | None = field(name="resourcePath", default=None)


class _Coordinates(msgspec.Struct):
    representations: list[_Representation] | None = None


class _Class(msgspec.Struct):
    id: str


class _Problem(msgspec.Struct):
    id: str


class _Score(msgspec.Struct):
    score: float | None = None
    vector: str | None = None
    version: str | None = None
    source: str | None = None


class _Attributes(msgspec.Struct):
    key: str
    type: str
    title: str
    severity: str = field(name="effective_severity_level")
    status: str = "open"
    ignored: bool = False
    classes: list[_Class] | None = None
    problems: list[_Problem] | None = None
    coordinates: list[_Coordinates] | None = None
    severities: list[_Score] | None = None


class _Issue(msgspec.Struct):
    attributes: _Attributes


class _Links(msgspec.Struct):
    next: object = None


class _Page(msgspec.Struct):
    data: list[Raw]
    links: _Links = field(default_factory=_Links)


def detect(document: Document) -> str | None:
    """Why `document` is an answer with issues, or None (always for an empty one without its address)."""
    if "jsonapi" not in document.keys:
        return None
    if document.at("data", 0, "type") == "issue":
        return "jsonapi, and data of type issue"
    if document.at("data") == [] and "/issues" in str(document.at("links", "self")):
        return "jsonapi, and links to issues"
    return None


def parse(document: Document) -> Scan:
    """Every issue that is open; raises `ReportError` where data are absent or none is understood."""
    page = document.decoded(_Page, _EXPECTED)
    rows = document.each(page.data, _Issue, "$.data", _EXPECTED)
    open_ = [row.attributes for row in rows.good if row.attributes.status != "resolved"]
    ignored = sum(row.ignored for row in open_)
    resolved = len(rows.good) - len(open_)
    notes = ["there are more pages than this one"] if page.links.next else []
    notes += [f"{ignored} issues are ignored in Snyk and count here"] if ignored else []
    notes += [f"{resolved} issues are resolved and left out"] if resolved else []
    types = {row.attributes.type for row in rows.good}
    return Scan(
        format="snyk-issues",
        scanner="snyk",
        status=Status.PARTIAL if page.links.next else Status.OK,
        # An answer does not say what was asked for: without an issue of a type it is no evidence of it.
        kinds=tuple(kind for type_, kind in _EVIDENCE.items() if type_ in types),
        observations=tuple(seen for row in open_ for seen in _observations(row)),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _observations(row: _Attributes) -> Iterator[Observation]:
    places = [
        place
        for coordinates in row.coordinates or ()
        for place in coordinates.representations or ()
        if place.dependency or place.source or place.resource
    ]
    for place in places or [_Representation()]:
        if place.dependency and row.type == "package_vulnerability":
            yield _flaw(row, place.dependency)
        else:
            yield _plain(row, place)


def _flaw(row: _Attributes, dependency: _Dependency) -> Observation:
    names = [problem.id for problem in row.problems or ()]
    match = _KEY.match(row.key)
    return flaws.observed(
        flaws.Flaw(
            id=row.key,
            package=dependency.package_name,
            version=dependency.package_version or None,
            system=_SYSTEMS.get(match["system"], "") if match else "",
            title=f"{row.title} in {dependency.package_name}",
            severity=flaws.worded(row.severity),
            word=row.severity,
            names=names,
            cwes=[one.id for one in row.classes or ()],
            cvss=[
                cvss_scores.rating(version=one.version, vector=one.vector, score=one.score, source=one.source)
                for one in row.severities or ()
            ],
        ),
        "snyk",
    )


def _plain(row: _Attributes, place: _Representation) -> Observation:
    source = place.source or _Source()
    start = source.region.start
    # The key of an issue of code names this one issue, so the rule is what it is called.
    is_code = row.type == "code"
    return Observation(
        finding=Finding(
            kind=_KINDS.get(row.type, Kind.CODE),
            rule=row.title if is_code else row.key,
            title=row.title,
            severity=flaws.worded(row.severity),
            severity_raw=row.severity,
            cwes=cwes([one.id for one in row.classes or ()]),
            location=Location(
                file=source.file or None,
                line=start.line if start.line and start.line > 0 else None,
                column=start.column if start.column and start.column > 0 else None,
                resource=place.resource,
            ),
            scanners=("snyk",),
        ),
        context=row.key if is_code else (place.dependency.package_name if place.dependency else ""),
    )
