"""OSV-Scanner's JSON (`--format json`): flaws in packages, one finding for each group of ids of one flaw.

`MAL-` entries are malware and critical. Scores are vectors; a group's `max_severity` may be empty, and
is `unknown` then. Entries that are withdrawn are left out with a note; what `[[IgnoredVulns]]` removed
leaves no trace. Not read: licences of packages, call analysis beyond a note.

Source: google/osv-scanner, `pkg/models/results.go`; FORMATS.md 2.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw

from gate.documents.document import Document
from gate.model import (
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Rejected,
    Scan,
    Severity,
    Status,
)
from gate.model import from_cvss as band
from scanners import cvss_scores
from scanners.identifiers import cwes, fix_state, names_one_flaw
from scanners.purls import purl

_EXPECTED: Final = "an OSV-Scanner report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.INFO,
}
"""GitHub's words and Ubuntu's."""
_VERSIONS: Final = {"CVSS_V2": "2.0", "CVSS_V3": "3.1", "CVSS_V4": "4.0"}


class _Package(msgspec.Struct):
    name: str
    version: str = ""
    ecosystem: str = ""
    commit: str = ""


class _Score(msgspec.Struct):
    type: str
    score: str


class _Event(msgspec.Struct):
    fixed: str | None = None


class _Range(msgspec.Struct):
    type: str = ""
    events: list[_Event] = []


class _Extra(msgspec.Struct):
    severity: str | None = None
    cwe_ids: list[str] | None = None
    cwes: list[dict[str, object]] | None = None


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] | None = None
    database_specific: _Extra | None = None


class _Vulnerability(msgspec.Struct):
    id: str
    aliases: list[str] | None = None
    summary: str = ""
    withdrawn: str | None = None
    severity: list[_Score] | None = None
    affected: list[_Affected] | None = None
    database_specific: _Extra | None = None


class _Group(msgspec.Struct):
    ids: list[str]
    aliases: list[str] | None = None
    max_severity: str = ""


class _Packages(msgspec.Struct):
    package: _Package
    vulnerabilities: list[_Vulnerability] | None = None
    groups: list[_Group] | None = None


class _Source(msgspec.Struct):
    path: str
    type: str = ""


class _Result(msgspec.Struct):
    source: _Source
    packages: list[Raw]


class _Report(msgspec.Struct):
    results: list[_Result]
    experimental_config: object = None


def detect(document: Document) -> str | None:
    """Why `document` is an OSV-Scanner report, or None."""
    if document.at("results", 0, "packages", 0, "package") is not None:
        return "results with packages, each with its package"
    if isinstance(document.at("results"), list) and "experimental_config" in document.keys:
        return "results and experimental_config"
    return None


def parse(document: Document) -> Scan:
    """One observation for each group of each package.

    Raises `ReportError` where results, a source or its packages are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    packages = 0
    for number, result in enumerate(report.results):
        where = f"$.results[{number}].packages"
        rows = document.each(result.packages, _Packages, where, _EXPECTED)
        rejected += rows.rejected
        packages += len(rows.good)
        for row in rows.good:
            observations += _observations(result.source, row, notes)
    if not packages and not rejected:
        notes.append("no package is listed: OSV-Scanner lists only packages with flaws, so this may be right")
    return Scan(
        format="osv-scanner",
        scanner="osv-scanner",
        status=Status.OK if packages or report.results == [] else Status.EMPTY_TARGET,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )


def _observations(source: _Source, row: _Packages, notes: list[str]) -> Iterator[Observation]:
    known = {flaw.id: flaw for flaw in row.vulnerabilities or ()}
    grouped = {id_ for group in row.groups or () for id_ in group.ids}
    groups = [*(row.groups or ()), *(_Group([id_]) for id_ in known if id_ not in grouped)]
    for group in groups:
        flaws = [known[id_] for id_ in group.ids if id_ in known]
        if flaws and all(flaw.withdrawn for flaw in flaws):
            notes.append(f"{group.ids[0]} of {row.package.name} is withdrawn and left out")
        elif group.ids:
            yield _observation(source, row.package, group, flaws)


def _observation(
    source: _Source, package: _Package, group: _Group, flaws: list[_Vulnerability]
) -> Observation:
    names = {*group.ids, *(group.aliases or ()), *(alias for flaw in flaws for alias in flaw.aliases or ())}
    rule = group.ids[0]
    affected = [
        one
        for flaw in flaws
        for one in flaw.affected or ()
        if one.package is None or one.package.name.lower() == package.name.lower()
    ]
    fixed = tuple(_fixed(affected))
    scores = tuple(_scores(flaws))
    is_malware = any(id_.startswith("MAL-") for id_ in group.ids)
    severity, raw = (Severity.CRITICAL, None) if is_malware else _severity(group, flaws, affected, scores)
    extras = _extras(flaws, affected)
    url = purl(package.ecosystem, package.name, package.version)
    return Observation(
        finding=Finding(
            kind=Kind.MALWARE if is_malware else Kind.VULNERABILITY,
            rule=rule,
            title=next((flaw.summary for flaw in flaws if flaw.summary), f"{rule} in {package.name}"),
            severity=severity,
            severity_raw=raw,
            aliases=tuple(sorted(name for name in names - {rule} if names_one_flaw(name))),
            cwes=cwes([name for extra in extras for name in _cwe_names(extra)]),
            cvss=scores,
            purl=url,
            version=package.version or None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed, FixState.NOT_FIXED if affected else FixState.UNKNOWN),
            location=Location(file=source.path),
            scanners=("osv-scanner",),
        ),
        context="" if url else f"{package.ecosystem}:{package.name or package.commit}",
    )


def _fixed(affected: list[_Affected]) -> Iterator[str]:
    """Versions with the fix; ranges of git carry commits, which are no versions."""
    for one in affected:
        for span in one.ranges or ():
            if span.type != "GIT":
                yield from (event.fixed for event in span.events if event.fixed)


def _scores(flaws: list[_Vulnerability]) -> Iterator[Cvss]:
    for flaw in flaws:
        for one in flaw.severity or ():
            version = _VERSIONS.get(one.type)
            read = cvss_scores.rating(version=version, vector=one.score) if version else None
            if read and read.score is not None:
                yield read


def _severity(
    group: _Group, flaws: list[_Vulnerability], affected: list[_Affected], scores: tuple[Cvss, ...]
) -> tuple[Severity, str | None]:
    """The database's word; without one the group's score; without that the worst vector's."""
    words = [extra.severity for extra in _extras(flaws, affected) if extra.severity]
    words += [one.score for flaw in flaws for one in flaw.severity or () if one.type not in _VERSIONS]
    known = [(_SEVERITIES[word.lower()], word) for word in words if word.lower() in _SEVERITIES]
    if known:
        return min(known, key=lambda one: one[0].rank)
    try:
        score = float(group.max_severity)
    except ValueError:
        score = max((one.score for one in scores if one.score is not None), default=-1.0)
    return (band(score), group.max_severity or str(score)) if score >= 0 else (Severity.UNKNOWN, None)


def _extras(flaws: list[_Vulnerability], affected: list[_Affected]) -> list[_Extra]:
    given = [*(flaw.database_specific for flaw in flaws), *(one.database_specific for one in affected)]
    return [extra for extra in given if extra]


def _cwe_names(extra: _Extra) -> Iterator[str]:
    yield from extra.cwe_ids or ()
    yield from (str(one.get("cweId", "")) for one in extra.cwes or ())
