"""bundler-audit, as JSON (`--format json`) and as text: flaws in Ruby gems, and insecure sources of gems.

The text ends with "Vulnerabilities found!"; without that line it is a part of itself. A clean text has no
form that could be told from others: write JSON. Text says how bad a flaw is in one word, which is often
Unknown. Ignored advisories leave no trace. Not read: descriptions, dates.

Source: rubysec/bundler-audit, `lib/bundler/audit/cli/formats`; real reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document
from gate.model import (
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kind,
    Observation,
    Rejected,
    Scan,
    Severity,
    Status,
    from_cvss,
)
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a bundler-audit report"
_SEVERITIES: Final = {"none": Severity.INFO}
_LEAST: Final = re.compile(r"'?(?:~>|>=|=)\s*(?P<version>\d[^\s,']*)")
_IDS: Final = ("CVE", "Advisory", "GHSA", "OSVDB")
_END: Final = "Vulnerabilities found!"
_SOURCE: Final = "Insecure Source URI found: "


class _Advisory(msgspec.Struct):
    id: str
    title: str = ""
    cve: str | None = None
    ghsa: str | None = None
    osvdb: str | int | None = None
    criticality: str | None = None
    cvss_v2: float | None = None
    cvss_v3: float | None = None
    patched_versions: list[str] | None = None


class _Gem(msgspec.Struct):
    name: str
    version: str = ""


class _Unpatched(msgspec.Struct, tag_field="type", tag="unpatched_gem"):
    gem: _Gem
    advisory: _Advisory


class _Insecure(msgspec.Struct, tag_field="type", tag="insecure_source"):
    source: str


class _Report(msgspec.Struct):
    results: list[Raw]
    version: str | None = None
    created_at: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a bundler-audit report, or None."""
    if document.at("results", 0, "type") in ("unpatched_gem", "insecure_source"):
        return "results of type unpatched_gem or insecure_source"
    if {"version", "created_at", "results"} == document.keys and document.at("results") == []:
        return "version, created_at and no results"
    if document.syntax == "text" and document.marks <= {"Name", "Insecure Source URI found"}:
        text = document.data.decode("utf-8")
        if "Criticality: " in text or _SOURCE in text:
            return "text with Name and Criticality"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every gem.

    Raises `ReportError` where results are absent or none of them is understood.
    """
    if document.syntax == "text":
        return _text(document.lines(_EXPECTED))
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.results, _Unpatched | _Insecure, "$.results", _EXPECTED)  # type: ignore[arg-type]  # a union is a type to msgspec
    observations = [
        _insecure(row.source) if isinstance(row, _Insecure) else _flaw(row.gem, row.advisory)
        for row in rows.good
    ]
    return Scan(
        format="bundler-audit",
        scanner="bundler-audit",
        scanner_version=report.version,
        created=times.normalized((report.created_at or "").replace(" UTC", "").replace(" +0000", "")),
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=rows.rejected,
    )


def _text(lines: list[str]) -> Scan:
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    for first, facts in _blocks(lines):
        if "Insecure Source URI found" in facts:
            observations.append(_insecure(facts["Insecure Source URI found"]))
        elif facts.get("Name") and any(map(facts.get, _IDS)):
            observations.append(_told(facts))
        else:
            rejected.append(
                Rejected(where=f"line {first}", line=first, reason="not a gem with its name and advisory")
            )
    is_whole = any(line.strip() == _END for line in lines)
    return Scan(
        format="bundler-audit",
        scanner="bundler-audit",
        status=Status.OK if is_whole else Status.PARTIAL,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=() if is_whole else (f"the text does not end with {_END!r}: it may have been cut",),
    )


def _blocks(lines: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Facts by their names, with the line where they begin; an empty line or a new name ends a block."""
    facts: dict[str, str] = {}
    first = 0
    for number, line in enumerate([*lines, ""], 1):
        name, colon, value = line.partition(": ")
        ends = not line.strip() or line.strip() == _END or name in ("Name", _SOURCE[:-2])
        if ends and facts:
            yield first, facts
            facts = {}
        if colon:
            first = first if facts else number
            facts[name.strip()] = value.strip()


def _told(facts: dict[str, str]) -> Observation:
    names = [facts[name] for name in _IDS if facts.get(name)]
    solution = facts.get("Solution", "")
    advisory = _Advisory(
        id=names[0],
        title=facts.get("Title", ""),
        cve=facts.get("CVE"),
        ghsa=facts.get("GHSA"),
        criticality=facts.get("Criticality"),
        patched_versions=solution.removeprefix("upgrade to ").split(",")
        if solution.startswith("upgrade to ")
        else [],
    )
    return _flaw(_Gem(facts["Name"], facts.get("Version", "")), advisory)


def _flaw(gem: _Gem, advisory: _Advisory) -> Observation:
    scores = [
        cvss_scores.rating(version="2.0", score=advisory.cvss_v2),
        cvss_scores.rating(version="3.1", score=advisory.cvss_v3),
    ]
    severity = flaws.worded(advisory.criticality, _SEVERITIES)
    ghsa = _prefixed("GHSA-", advisory.ghsa)
    cve = _prefixed("CVE-", advisory.cve)
    return flaws.observed(
        flaws.Flaw(
            id=cve or ghsa or advisory.id,
            package=gem.name,
            version=gem.version or None,
            system="gem",
            title=advisory.title or None,
            severity=_band(scores) if severity is Severity.UNKNOWN else severity,
            word=advisory.criticality,
            names=(advisory.id, ghsa, cve),
            cvss=scores,
            fixed=[
                match["version"] for one in advisory.patched_versions or () if (match := _LEAST.search(one))
            ],
            unfixed=FixState.NOT_FIXED,
        ),
        "bundler-audit",
    )


def _prefixed(prefix: str, id_: str | None) -> str:
    """`id_` with the prefix that the JSON leaves out."""
    if not id_:
        return ""
    return id_ if id_.startswith(prefix) else prefix + id_


def _band(scores: list[Cvss | None]) -> Severity:
    known = [one.score for one in scores if one and one.score is not None]
    return from_cvss(known[-1]) if known else Severity.UNKNOWN


def _insecure(source: str) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule="insecure-source",
            title="gems come from a source without TLS",
            severity=Severity.UNKNOWN,
            scanners=("bundler-audit",),
        ),
        context=source,
    )
