"""Retire.js' JSON (`--outputformat json`): JavaScript libraries with known flaws, file by file.

A library is told by its content, so its version is what Retire.js believes. Its name is a package's only
where the report says so (`npmname`); without that findings have no purl and stand for their file.
Not read: links, detection.

Source: RetireJS/retire.js, `node/src/reporters/json.ts`; real reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Evidence, Location, Observation, Scan, Severity, Status
from scanners import flaws

_EXPECTED: Final = "a Retire.js report"
_SEVERITIES: Final = {"none": Severity.INFO}
_WORDS: Final = re.compile(r"[^a-z0-9]+")
_NAME_CHARACTERS: Final = 80


class _Identifiers(msgspec.Struct):
    cves: list[str] = field(name="CVE", default_factory=list)
    github: str = field(name="githubID", default="")
    summary: str = ""
    issue: str = ""
    bug: str = ""
    retid: str = ""
    advisory: str = ""


class _Vulnerability(msgspec.Struct):
    severity: str
    identifiers: _Identifiers = field(default_factory=_Identifiers)
    below: str = ""
    cwe: list[str] | None = None


class _Library(msgspec.Struct):
    component: str
    version: str = ""
    npmname: str = ""
    vulnerabilities: list[_Vulnerability] | None = None


class _File(msgspec.Struct):
    results: list[_Library]
    file: str = ""


class _Report(msgspec.Struct):
    data: list[Raw]
    errors: list[Any] | None = None
    version: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Retire.js report, or None."""
    if {"version", "data", "messages", "errors"} <= document.keys:
        return "version, data, messages and errors"
    library = document.first.get("results")
    if "file" in document.first and isinstance(library, list) and library and "component" in library[0]:
        return "an array of files with results of components (before version 2)"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every library in every file, each once in a file.

    Raises `ReportError` where the files are absent or none of them is understood.
    """
    if document.keys:
        report = document.decoded(_Report, _EXPECTED)
        rows = document.each(report.data, _File, "$.data", _EXPECTED)
    else:
        report = _Report([])
        rows = document.records(_File, _EXPECTED)
    errors = len(report.errors or ())
    return Scan(
        format="retirejs",
        scanner="retirejs",
        scanner_version=report.version,
        status=Status.PARTIAL if errors else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(seen for row in rows.good for seen in _observations(row)),
        rejected=rows.rejected,
        notes=(f"Retire.js reports {errors} errors",) if errors else (),
    )


def _observations(row: _File) -> Iterator[Observation]:
    # Two entries of Retire.js' list may be one CVE.
    found = {
        (library.component, library.version, _name(library, flaw)): (library, flaw)
        for library in row.results
        for flaw in library.vulnerabilities or ()
    }
    for (_, _, name), (library, flaw) in found.items():
        told = flaw.identifiers
        yield flaws.observed(
            flaws.Flaw(
                id=name,
                package=library.npmname or library.component,
                version=library.version or None,
                system="npm" if library.npmname else "",
                title=told.summary or None,
                severity=flaws.worded(flaw.severity, _SEVERITIES),
                word=flaw.severity,
                names=(*told.cves, told.github),
                cwes=flaw.cwe or (),
                fixed=[flaw.below],
                location=Location(file=row.file or None),
            ),
            "retirejs",
        )


def _name(library: _Library, flaw: _Vulnerability) -> str:
    """Its CVE where it has one, else GitHub's id, else what Retire.js calls it."""
    told = flaw.identifiers
    own = told.retid or told.issue or told.bug or told.advisory or told.summary or flaw.below
    slug = _WORDS.sub("-", own.lower()).strip("-")[:_NAME_CHARACTERS]
    single = told.cves[0] if len(set(told.cves)) == 1 else ""
    return single or told.github or f"retire:{library.component}:{slug}"
