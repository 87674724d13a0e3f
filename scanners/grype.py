"""Grype JSON, from 0.7 on (then `matchDetails` was one object and CVSS two).

One observation for each match. An advisory of a distribution (`ALAS-2024-2595`) may stand for several
CVEs: they become aliases only where there is a single one, because aliases name the same flaw.
Grype does not say how many packages it looked at, so an empty report of an empty image is `ok` here;
what the report itself filtered, and how old its database was, stands in the notes.

Source: anchore/grype, `grype/presenter/models`; FORMATS.md 2.12.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec
from msgspec import field

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kev,
    Kind,
    Location,
    Observation,
    ReportSubject,
    Scan,
    Severity,
    Status,
)
from scanners import cvss_scores
from scanners.identifiers import fix_state, image_digest, names_one_flaw, sha256_digest

_EXPECTED: Final = "a Grype report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.INFO,
}
_CONFIDENCES: Final = {"exact-direct-match": "high", "exact-indirect-match": "medium", "cpe-match": "low"}
_FIX_STATES: Final = {
    "fixed": FixState.FIXED,
    "not-fixed": FixState.NOT_FIXED,
    "wont-fix": FixState.WONT_FIX,
}
_SYSTEM_PACKAGES: Final = frozenset({"alpm", "apk", "deb", "portage", "rpm"})
"""Types of artifacts whose place is the database of the system's package manager."""
_FILTERS: Final = {
    "only-fixed": "vulnerabilities without a fix are not in the report (only-fixed)",
    "only-notfixed": "vulnerabilities with a fix are not in the report (only-notfixed)",
    "ignore-wontfix": "vulnerabilities that will not be fixed are not in the report (ignore-wontfix)",
    "ignore-states": "vulnerabilities of some fix states are not in the report (ignore-states)",
    "ignore": "rules of the scanner's configuration hide matches (ignore)",
    "vex-documents": "VEX documents hide matches (vex-documents)",
    "exclude": "parts of the target were not scanned (exclude)",
}


class _Camel(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A struct of Grype's."""


class _Metrics(_Camel, frozen=True):
    base_score: float | None = None


class _Cvss(_Camel, frozen=True):
    source: str | None = None
    version: str | None = None
    vector: str | None = None
    metrics: _Metrics | None = None


class _OldCvss(_Camel, frozen=True):
    vector: str | None = None
    base_score: float | None = None


class _Epss(_Camel, frozen=True):
    epss: float


class _Exploited(_Camel, frozen=True):
    date_added: str | None = None
    due_date: str | None = None
    known_ransomware_campaign_use: str | None = None


class _Fix(_Camel, frozen=True):
    versions: list[str] | None = None
    state: str | None = None


class _Vulnerability(_Camel, frozen=True):
    id: str
    severity: str | None = None
    cvss: list[_Cvss] | None = None
    cvss_v2: _OldCvss | None = None
    cvss_v3: _OldCvss | None = None
    fix: _Fix | None = None
    fixed_in_version: str | None = None
    epss: list[_Epss] | None = None
    known_exploited: list[_Exploited] | None = None


class _Place(_Camel, frozen=True):
    path: str = ""


class _Artifact(_Camel, frozen=True):
    name: str
    type: str | None = None
    version: str | None = None
    purl: str | None = None
    locations: list[_Place] | None = None


class _Detail(_Camel, frozen=True):
    type: str | None = None
    searched_by: Any = None
    search_key: Any = None


class _Match(_Camel, frozen=True):
    vulnerability: _Vulnerability
    artifact: _Artifact
    related_vulnerabilities: list[_Vulnerability] | None = None
    match_details: list[_Detail] | _Detail | None = None


class _Target(_Camel, frozen=True):
    user_input: str = ""
    manifest_digest: str | None = None
    repo_digests: list[str] | None = None


class _Source(_Camel, frozen=True):
    type: str
    target: _Target | str | None = None


class _DatabaseStatus(_Camel, frozen=True):
    built: str | None = None
    valid: bool = True
    error: Any = None


class _Database(_DatabaseStatus, frozen=True):
    status: _DatabaseStatus | None = None
    """Since 0.88 the facts stand here."""


class _Descriptor(_Camel, frozen=True):
    name: Literal["grype"]
    version: str
    timestamp: str | None = None
    configuration: Any = None
    """Its keys and their types change between versions."""
    db: _Database | None = None


class _Distribution(_Camel, frozen=True):
    name: str | None = None


class _Report(_Camel, frozen=True):
    matches: list[_Match]
    descriptor: _Descriptor
    source: _Source | None = None
    distro: _Distribution | None = None
    ignored_matches: list[msgspec.Raw] | None = field(name="ignoredMatches", default=None)


def detect(document: Document) -> str | None:
    """Why `document` is a Grype report, or None."""
    if "matches" in document.keys and document.at("descriptor", "name") == "grype":
        return "it has matches and descriptor.name is grype"
    return None


def parse(document: Document) -> Scan:
    """What a Grype report says; raises `ReportError` where it has another shape."""
    report = document.decoded(_Report, _EXPECTED)
    descriptor, source = report.descriptor, report.source
    image = (
        source.target if source and source.type == "image" and isinstance(source.target, _Target) else None
    )
    is_image = source is not None and source.type == "image"
    broken = _database_fault(descriptor.db)
    return Scan(
        format="grype",
        scanner="grype",
        scanner_version=descriptor.version,
        status=Status.PARTIAL if broken else Status.OK,
        created=times.normalized(descriptor.timestamp),
        subject=_subject(image) if image else None,
        kinds=(Evidence.IMAGE, Evidence.DEPENDENCIES) if is_image else (Evidence.DEPENDENCIES,),
        observations=document.kept(
            Observation(
                finding=_finding(match, image.user_input if image else None),
                context="" if match.artifact.purl else match.artifact.name,
            )
            for match in document.elements(report.matches, _Match, _EXPECTED, "matches")
        ),
        notes=(
            *([broken] if broken else []),
            *_notes(report, document.number(report.ignored_matches, "ignoredMatches"), is_image),
        ),
    )


def _finding(match: _Match, image: str | None) -> Finding:
    own, related, artifact = match.vulnerability, match.related_vulnerabilities or [], match.artifact
    fixed = _fixes(own)
    places = () if artifact.type in _SYSTEM_PACKAGES else artifact.locations or ()
    exploited = [entry for record in (own, *related) for entry in record.known_exploited or ()]
    return Finding(
        kind=Kind.VULNERABILITY,
        rule=own.id,
        title=f"{own.id} in {artifact.name} {artifact.version or ''}".rstrip(),
        severity=_SEVERITIES.get((own.severity or "").lower(), Severity.UNKNOWN),
        severity_raw=own.severity or None,
        aliases=_aliases(own, related),
        cvss=_scores(own) or tuple(score for record in related for score in _scores(record)),
        epss=_probability([own]) if own.epss else _probability(related),
        kev=_kev(exploited) if exploited else None,
        purl=artifact.purl or None,
        version=artifact.version or None,
        fixed_versions=fixed,
        fix_state=fix_state(fixed, _FIX_STATES.get((own.fix and own.fix.state) or "", FixState.UNKNOWN)),
        location=Location(file=next((place.path for place in places if place.path), None), image=image),
        scanners=("grype",),
        confidence=_confidence(match),
    )


def _aliases(own: _Vulnerability, related: list[_Vulnerability]) -> tuple[str, ...]:
    others = sorted({record.id for record in related if names_one_flaw(record.id)} - {own.id})
    return tuple(others) if names_one_flaw(own.id) or len(others) == 1 else ()


def _scores(record: _Vulnerability) -> tuple[Cvss, ...]:
    old = (("2.0", record.cvss_v2), ("3.1", record.cvss_v3))
    ratings = [
        *(
            cvss_scores.rating(
                version=given.version,
                vector=given.vector,
                score=given.metrics.base_score if given.metrics else None,
                source=given.source,
            )
            for given in record.cvss or ()
        ),
        *(
            cvss_scores.rating(version=version, vector=given.vector, score=given.base_score)
            for version, given in old
            if given and given.vector
        ),
    ]
    return tuple(rating for rating in ratings if rating)


def _probability(records: list[_Vulnerability]) -> float | None:
    """The highest EPSS probability of a finding's CVEs; None is "no data", not zero."""
    given = [entry.epss for record in records for entry in record.epss or () if 0.0 <= entry.epss <= 1.0]
    return max(given, default=None)


def _kev(entries: list[_Exploited]) -> Kev:
    """The earliest dates of all entries. "Unknown" use in ransomware campaigns stays unknown."""
    added = sorted(entry.date_added for entry in entries if entry.date_added)
    due = sorted(entry.due_date for entry in entries if entry.due_date)
    used = any((entry.known_ransomware_campaign_use or "").lower() == "known" for entry in entries)
    return Kev(
        added=added[0] if added else None, due=due[0] if due else None, ransomware=True if used else None
    )


def _fixes(own: _Vulnerability) -> tuple[str, ...]:
    versions = own.fix.versions if own.fix else [own.fixed_in_version or ""]
    return tuple(filter(None, versions or ()))


def _confidence(match: _Match) -> str | None:
    """The best of the ways it was matched; a search by CPE where an old report names no way."""
    details = match.match_details or []
    kinds = [_way(detail) for detail in (details if isinstance(details, list) else [details])]
    known = {_CONFIDENCES[kind] for kind in kinds if kind in _CONFIDENCES}
    return next((confidence for confidence in ("high", "medium", "low") if confidence in known), None)


def _way(detail: _Detail) -> str | None:
    searched = (detail.searched_by, detail.search_key)
    by_cpe = any(isinstance(by, dict) and (by.get("cpes") or by.get("cpe")) for by in searched)
    return detail.type or ("cpe-match" if by_cpe else None)


def _subject(image: _Target) -> ReportSubject | None:
    digest = image_digest(image.user_input, image.repo_digests or ()) or sha256_digest(image.manifest_digest)
    return ReportSubject(name=image.user_input, digest=digest) if image.user_input else None


def _database_fault(db: _Database | None) -> str | None:
    for status in (db, db.status if db else None):
        if status and (status.error or not status.valid):
            return f"the vulnerability database was not usable: {quoted(status.error or 'valid is false')}"
    return None


def _notes(report: _Report, ignored: int, is_image: bool) -> Iterator[str]:
    descriptor = report.descriptor
    age = _database_age(descriptor)
    if age:
        yield age
    configuration = descriptor.configuration if isinstance(descriptor.configuration, dict) else {}
    yield from (text for key, text in _FILTERS.items() if configuration.get(key))
    if ignored:
        yield f"{ignored} matches are suppressed in the report (ignoredMatches)"
    if is_image and not (report.distro and report.distro.name):
        yield "no distribution was recognised in the image: its system packages were not matched"


def _database_age(descriptor: _Descriptor) -> str | None:
    db = descriptor.db
    built = times.instant((db.built or (db.status.built if db.status else None) or "") if db else "")
    if built is None:
        return None
    scanned = times.instant(descriptor.timestamp or "")
    age = f", {(scanned - built).days} days before the scan" if scanned else ""
    return f"vulnerability database of {times.rfc3339(built)}{age}"
