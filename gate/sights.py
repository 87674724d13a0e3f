"""Sights: what several reports say of one flaw, sorted by place and made into one finding a place.

Two sights are of one place where everything known of one's place is known, and the same, of the
other's: the tool that saw less joins the one that saw more. What differs in version or file stays
two, whatever report it came from, so that a waiver or a baseline for one never covers the other.
Knows nothing of identities and fingerprints: its sights are of one flaw already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote

import msgspec

from gate.model import Finding, FixState, Kind, Severity

Place = tuple[str | None, ...]
"""Parts of a place in their order; None where a report does not say."""
_PACKAGES: Final = (Kind.VULNERABILITY, Kind.MALWARE, Kind.LICENSE)
_PREFIX: Final = re.compile(r"^(?:go|v)(?=\d)")
_FIX_STATES: Final = (FixState.FIXED, FixState.NOT_FIXED, FixState.WONT_FIX, FixState.UNKNOWN)
"""What counts of several: the fix that somebody knows, then what somebody says, then silence."""


class Sight(NamedTuple):
    """A finding as one report has it."""

    report: int
    """Index of the report; only whether two are the same one matters."""
    finding: Finding


class _Standing(NamedTuple):
    """A place that is a finding of its own, with all that was seen of it."""

    sights: list[Sight]
    reports: set[int]


def by_place(sights: Sequence[Sight]) -> list[Finding]:
    """One finding for each place, in an order that follows from the places alone.

    Never does a place join another that the same report has beside it: it told them apart.
    """
    if len(sights) == 1:
        return [sights[0].finding]
    places: dict[Place, dict[Sight, None]] = {}
    for sight in sights:
        places.setdefault(_place(sight.finding), {})[sight] = None
    if len(places) == 1:
        return [_one(place, [sight.finding for sight in own]) for place, own in places.items()]
    wider = _wider(places)
    standing = {place: _Standing([*own], {s.report for s in own}) for place, own in places.items()}
    # Those that say most come first, so that what they join is known to stand.
    for place in sorted(wider, key=lambda place: (place.count(None), _natural(place))):
        own = standing[place]
        joined = [
            standing[other]
            for other in wider[place]
            if other in standing and standing[other].reports.isdisjoint(own.reports)
        ]
        brief = _brief(place, own.sights) if joined else ()
        for other in joined:
            other.sights.extend(brief)
            other.reports.update(own.reports)
        if joined:
            del standing[place]
    return [
        _one(place, [sight.finding for sight in standing[place].sights])
        for place in sorted(standing, key=_natural)
    ]


def _wider(places: Iterable[Place]) -> Mapping[Place, list[Place]]:
    """Places that others say the same as and more, each with those others."""
    by_outline: dict[tuple[bool, ...], list[Place]] = {}
    for place in places:
        by_outline.setdefault(tuple(part is not None for part in place), []).append(place)
    found: dict[Place, list[Place]] = {}
    for known, few in by_outline.items():
        vague = frozenset(few)
        for more, others in by_outline.items():
            if known == more or any(a and not b for a, b in zip(known, more, strict=True)):
                continue
            for other in others:
                seen = tuple(part if counts else None for part, counts in zip(other, known, strict=True))
                if seen in vague:
                    found.setdefault(seen, []).append(other)
    return found


def _brief(place: Place, sights: Iterable[Sight]) -> list[Sight]:
    """`sights` with one for each tool and severity: all that is needed where a place joins many."""
    groups: dict[tuple[tuple[str, ...], Severity], list[Sight]] = {}
    for sight in sights:
        groups.setdefault((sight.finding.scanners, sight.finding.severity), []).append(sight)
    return [Sight(some[0].report, _one(place, [one.finding for one in some])) for some in groups.values()]


def _place(finding: Finding) -> Place:
    """What tells two findings of one identity apart, and orders them: never hashed."""
    at = finding.location
    if finding.kind in _PACKAGES:
        return (_version(finding), at.file or None, at.resource or None)
    return tuple(str(part) if part else None for part in (at.line, at.column, at.resource, at.url))


def _version(finding: Finding) -> str | None:
    """The version as every tool would write it: of Go, `v1.2`, `1.2` and `go1.2` are one."""
    text = finding.version or _purl_version(finding.purl)
    return _PREFIX.sub("", text) if text else None


def _purl_version(purl: str | None) -> str | None:
    last = (purl or "").partition("#")[0].partition("?")[0].rpartition("/")[2]
    return unquote(last.partition("@")[2]) or None


def _natural(place: Place) -> tuple[tuple[int, str], ...]:
    """Sort key that puts line 9 before line 10, and what is not known first."""
    return tuple((len(part), part) if part and part.isdigit() else (0, part or "") for part in place)


def _one(place: Place, findings: list[Finding]) -> Finding:
    """The findings of `place` as one: the worst severity, every source, every fact that any has.

    What can be said once only is taken from those of the severity that counts; what says where it
    is, from those that know the whole place. The order of reports changes nothing.
    """
    if len(findings) == 1:
        return findings[0]
    severity = _severity(findings)
    findings = sorted(findings, key=lambda f: (f.severity is not severity, msgspec.json.encode(f)))
    lead = findings[0]
    exact = sorted(findings, key=lambda f: (_place(f) != place, f.location.line is None))
    at = exact[0].location
    claims = {finding.vex for finding in findings}
    return msgspec.structs.replace(
        lead,
        severity=severity,
        aliases=tuple(sorted({alias for f in findings for alias in f.aliases} - {lead.rule})),
        cwes=tuple(sorted({cwe for f in findings for cwe in f.cwes})),
        cvss=tuple(dict.fromkeys(score for f in findings for score in f.cvss)),
        epss=max((f.epss for f in findings if f.epss is not None), default=None),
        kev=next((f.kev for f in findings if f.kev), None),
        purl=next((f.purl for f in exact if f.purl), None),
        version=next((f.version for f in exact if f.version), None),
        fixed_versions=tuple(dict.fromkeys(version for f in findings for version in f.fixed_versions)),
        fix_state=min((f.fix_state for f in findings), key=_FIX_STATES.index),
        location=msgspec.structs.replace(
            at, image=at.image or next((f.location.image for f in exact if f.location.image), None)
        ),
        scanners=tuple(sorted({scanner for f in findings for scanner in f.scanners})),
        confidence=next((f.confidence for f in findings if f.confidence), None),
        first_seen=min((f.first_seen for f in findings if f.first_seen), default=None),
        # Statements that differ are none: a claim counts only where nobody contradicts it.
        vex=lead.vex if len(claims) == 1 else None,
    )


def _severity(findings: Sequence[Finding]) -> Severity:
    """The worst. `unknown` yields only to what another tool knows: pip-audit has no severities."""
    known = [f for f in findings if f.severity is not Severity.UNKNOWN]
    knowing = {f.scanners for f in known}
    unsure = [f for f in findings if f.severity is Severity.UNKNOWN and not knowing - {f.scanners}]
    return min((f.severity for f in (*known, *unsure)), key=lambda severity: severity.rank)
