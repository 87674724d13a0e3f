"""Waivers: which may act now, and what each one covers. One matcher for every way in.

Two moments (CONTRACTS.md, Waivers): an entry with `rule` or `object` acts on violations, after
evaluation; any other on findings, before it. The file is read by `gate/waiver_files.py`. Whoever is
named in a file is a statement, not a proof: the service counts only approvals it recorded itself.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from gate import packages, principals, times
from gate.errors import quoted
from gate.gate_yaml import MAX_DAYS
from gate.globs import fits
from gate.model import Finding, Severity, Subject, Violation, Waived, WaivedBy

MAXIMUM_DAYS: Final = MAX_DAYS
"""Longest life of a waiver by the severity of what it covers: the one table, settings only shorten it."""
SOON_DAYS: Final = 14
"""A waiver in force that ends within these days is announced."""
NEVER_WAIVED: Final = ("GATE-EVID-", "GATE-ENV-")
"""Rules about the evidence and the configuration themselves: to waive them is to judge blindly."""

Reason = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
    "accepted_risk",
    "false_positive",
    "compensating_control",
]
"""The five justifications of OpenVEX 0.2.0, and three of ours."""

_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,}")


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an entry speaks of: every key given must match."""

    rule: str | None = None
    """Id of the rule that made the violation."""
    vulnerability: str | None = None
    finding: str | None = None
    """The whole fingerprint: what a prefix covers today is not what it covers tomorrow."""
    purl: str | None = None
    versions: str | None = None
    path: str | None = None
    object: str | None = None
    subject: str | None = None
    """Name glob, `sha256:` digest, or both as `NAME@sha256:…`."""
    environments: tuple[str, ...] = ()
    """Empty: all of them."""


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a waiver file."""

    id: str
    match: Match
    reason: Reason
    note: str
    ticket: str | None = None
    owner: str | None = None
    requested_by: str
    approved_by: str | None = None
    """None until someone has; such an entry waives nothing."""
    expires: datetime
    """The first instant at which it no longer acts."""
    created: datetime
    """Its maximum counts from here; a bare date counts from its end, as in `expires`."""
    begins: datetime
    """Before it the entry is from the future; a bare date begins in its earliest time zone."""
    place: str = ""
    """`path:line` for messages; not part of the digest."""

    def __post_init__(self) -> None:
        if any(at.tzinfo is None for at in (self.expires, self.created, self.begins)):
            raise ValueError("a naive time has no place in a waiver")

    @property
    def is_about_violations(self) -> bool:
        """Whether it acts after evaluation."""
        return self.match.rule is not None or self.match.object is not None


class Idle(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """An entry that waives nothing, or not what it names, and why."""

    waiver_id: str
    reason: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the entries at one moment, or at both once `joined`."""

    used: frozenset[str] = frozenset()
    """Ids of those that covered something."""
    idle: tuple[Idle, ...] = ()
    """Sorted."""

    def joined(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(used=self.used | other.used, idle=tuple(sorted({*self.idle, *other.idle})))


def idle_reason(waiver: Waiver, now: datetime, max_days: Mapping[str, int]) -> str | None:
    """Why `waiver` may not act on anything at `now`; None where it may.

    `max_days`: severity -> days, from settings; it only ever shortens.
    """
    named = [n for n in (waiver.match.rule, waiver.match.vulnerability, waiver.match.finding) if n]
    allowed = max(days_allowed(severity, max_days) for severity in Severity)
    approver = waiver.approved_by or ""
    reasons = (
        (now >= waiver.expires, f"it expired at {times.rfc3339(waiver.expires)}"),
        (not principals.is_named(waiver.requested_by), "nobody has asked for it: `requested_by` is empty"),
        (not principals.is_named(approver), "nobody has approved it: `approved_by` is empty"),
        (
            principals.may_be_same(approver, waiver.requested_by),
            f"{quoted(approver)} asked for it and approved it; someone else must approve",
        ),
        (now < waiver.begins, f"`created` is in the future: {times.rfc3339(waiver.created)}"),
        (not named, "its match names none of rule, vulnerability, finding"),
        (_is_wild(waiver.match), "its match holds a wildcard for everything; name what is meant"),
        (is_about_evidence(waiver.match.rule or ""), "rules about evidence are never waived"),
        (_is_too_long(waiver, allowed), _too_long(waiver, allowed, "any severity")),
    )
    return next((reason for applies, reason in reasons if applies), None)


def is_about_evidence(rule: str) -> bool:
    """Whether violations of `rule` can be neither waived nor taken into a baseline."""
    return rule.upper().startswith(NEVER_WAIVED)


def days_allowed(severity: Severity, max_days: Mapping[str, int]) -> int:
    """Most days a waiver for `severity` may last, `max_days` (from settings) never lengthening it."""
    return min(MAXIMUM_DAYS[severity], max_days.get(severity, MAXIMUM_DAYS[severity]))


def covers(
    waiver: Waiver,
    finding: Finding | None,
    violation: Violation | None,
    subject: Subject,
    environment: str | None,
) -> bool:
    """Whether every key of `waiver.match` speaks of this finding, violation, subject and environment.

    Says nothing about whether the waiver is in force; `waived_findings` and `waived_violations` do.
    """
    match = waiver.match
    if not (match.rule or match.vulnerability or match.finding):
        return False
    if violation is not None and (is_about_evidence(violation.rule) or _is_orphan(violation, finding)):
        return False
    return (
        (match.rule is None or (violation is not None and violation.rule == match.rule))
        and (match.vulnerability is None or match.vulnerability.upper() in _names(finding))
        and (match.finding is None or (finding is not None and finding.fingerprint == match.finding))
        and (match.purl is None or _is_of(match.purl, match.versions, finding))
        and (match.path is None or _is_in(match.path, finding, violation))
        and (match.object is None or _is_object(match.object, finding, violation))
        and _speaks_of(match, subject, environment)
    )


def waived_findings(
    findings: Iterable[Finding],
    waivers: Sequence[Waiver],
    subject: Subject,
    environment: str | None,
    now: datetime,
    max_days: Mapping[str, int],
) -> tuple[tuple[Finding, ...], Usage]:
    """All `findings`, those covered by an entry without rule and object marked; and what was used.

    A mark that a finding brought along is removed: only this function waives findings.
    """
    desk = _Desk([w for w in waivers if not w.is_about_violations], subject, environment, now, max_days)
    marked: list[Finding] = []
    for finding in findings:
        waiver = desk.covering(finding, None)
        by = WaivedBy(waiver=waiver.id, expires=times.rfc3339(waiver.expires)) if waiver else None
        marked.append(finding if by == finding.waived else msgspec.structs.replace(finding, waived=by))
    return tuple(marked), desk.usage()


def waived_violations(
    violations: Iterable[Violation],
    findings: Mapping[str, Finding],
    waivers: Sequence[Waiver],
    subject: Subject,
    environment: str | None,
    now: datetime,
    max_days: Mapping[str, int],
) -> tuple[tuple[Violation, ...], tuple[Waived, ...], Usage]:
    """Violations that stand, those covered by an entry with rule or object, and what was used.

    `findings` are all findings by fingerprint.
    """
    desk = _Desk([w for w in waivers if w.is_about_violations], subject, environment, now, max_days)
    standing: list[Violation] = []
    waived: list[Waived] = []
    for violation in violations:
        waiver = desk.covering(findings.get(violation.finding or ""), violation)
        if waiver is None:
            standing.append(violation)
            continue
        expires = times.rfc3339(waiver.expires)
        waived.append(
            Waived(waiver=waiver.id, expires=expires, violation=violation, finding=violation.finding)
        )
    return tuple(standing), tuple(waived), desk.usage()


def notices(
    waivers: Iterable[Waiver], usage: Usage, subject: Subject, environment: str | None, now: datetime
) -> tuple[str, ...]:
    """One line for each entry that waives nothing, is unused, or ends within `SOON_DAYS`.

    An entry for another subject or environment is not unused, it is just not asked.
    """
    reasons: dict[str, list[str]] = {}
    for idle in usage.idle:
        reasons.setdefault(idle.waiver_id, []).append(idle.reason)
    lines: list[str] = []
    for waiver in sorted(waivers, key=lambda w: w.id):
        head = f"{waiver.place}: waiver {waiver.id}" if waiver.place else f"waiver {waiver.id}"
        lines.extend(f"{head} does not count: {reason}" for reason in reasons.get(waiver.id, ()))
        if waiver.id in usage.used and waiver.expires - now <= timedelta(days=SOON_DAYS):
            days = (waiver.expires - now).days
            lines.append(
                f"{head} ends in {days} days, at {times.rfc3339(waiver.expires)}; fix what it covers"
            )
        elif waiver.id not in {*usage.used, *reasons} and _speaks_of(waiver.match, subject, environment):
            lines.append(f"{head} is unused: nothing here matches it; remove it")
    return tuple(lines)


def by_rule(waivers: Iterable[Waiver]) -> dict[str, tuple[Waiver, ...]]:
    """Upper case id of a rule -> the entries that could cover a violation of it which is about no finding."""
    result: dict[str, tuple[Waiver, ...]] = {}
    for waiver in waivers:
        called = _called(waiver)
        result[called] = (*result.get(called, ()), waiver)
    return result


def digest(waivers: Iterable[Waiver]) -> str:
    """`sha256:` over the entries in canonical form: any edit changes it, order and place do not."""
    entries = sorted((msgspec.structs.replace(w, place="") for w in waivers), key=lambda w: w.id)
    return f"sha256:{hashlib.sha256(msgspec.json.encode(entries, order='deterministic')).hexdigest()}"


class _Desk:
    """Where one moment's entries wait for what they may cover, found by the one name each must have."""

    def __init__(
        self,
        waivers: Sequence[Waiver],
        subject: Subject,
        environment: str | None,
        now: datetime,
        max_days: Mapping[str, int],
    ) -> None:
        self._subject, self._environment, self._max_days = subject, environment, max_days
        self._used: set[str] = set()
        self._idle: set[Idle] = set()
        self._by_name: dict[str, list[Waiver]] = {}
        for waiver in sorted(waivers, key=lambda w: (-w.expires.timestamp(), w.id)):
            if reason := idle_reason(waiver, now, max_days):
                self._idle.add(Idle(waiver_id=waiver.id, reason=reason))
                continue
            self._by_name.setdefault(_called(waiver), []).append(waiver)

    def covering(self, finding: Finding | None, violation: Violation | None) -> Waiver | None:
        """The entry that covers it alone and for longest; two never combine."""
        if not self._by_name:
            return None
        names = {violation.rule} if violation else set()
        names |= {finding.fingerprint, finding.rule, *finding.aliases} if finding else set()
        called = [w for name in {n.upper() for n in names} for w in self._by_name.get(name, ())]
        fit = [w for w in called if covers(w, finding, violation, self._subject, self._environment)]
        if finding is not None:
            self._idle.update(
                _bundled(waiver, finding) for waiver in called if _is_of_bundle(waiver, finding)
            )
        severities = {one.severity for one in (finding, violation) if one is not None}
        lasting = [waiver for waiver in fit if self._is_short_enough(waiver, severities)]
        self._used.update(waiver.id for waiver in lasting)
        return min(lasting, key=lambda w: (-w.expires.timestamp(), w.id), default=None)

    def usage(self) -> Usage:
        return Usage(used=frozenset(self._used), idle=tuple(sorted(self._idle)))

    def _is_short_enough(self, waiver: Waiver, severities: set[Severity]) -> bool:
        strictest = min(severities, key=lambda s: (days_allowed(s, self._max_days), s.rank))
        allowed = days_allowed(strictest, self._max_days)
        if not _is_too_long(waiver, allowed):
            return True
        self._idle.add(Idle(waiver_id=waiver.id, reason=_too_long(waiver, allowed, strictest)))
        return False


def _called(waiver: Waiver) -> str:
    """The name, upper case, by which what an entry may cover is found."""
    return (waiver.match.finding or waiver.match.vulnerability or waiver.match.rule or "").upper()


def _is_too_long(waiver: Waiver, allowed: int) -> bool:
    return waiver.expires - waiver.created > timedelta(days=allowed)


def _too_long(waiver: Waiver, allowed: int, severity: str) -> str:
    days = -((waiver.created - waiver.expires) // timedelta(days=1))
    return f"it lasts {days} days, at most {allowed} are allowed for {severity}; shorten `expires`"


def _is_wild(match: Match) -> bool:
    """Whether a glob admits everything, or one of the exact keys holds a wildcard."""
    exact = (match.rule, match.vulnerability, match.finding)
    globs = (match.path, match.object, match.subject)
    return any(text and re.search(r"[*?]", text) for text in exact) or any(
        text is not None and not re.search(r"[^*?/]", text) for text in globs
    )


def _is_orphan(violation: Violation, finding: Finding | None) -> bool:
    """Whether the violation speaks of a finding that is not this one: then nothing is known of it."""
    return violation.finding is not None and (finding is None or finding.fingerprint != violation.finding)


def _names(finding: Finding | None) -> frozenset[str]:
    """The ids under which a finding may be waived, upper case.

    An advisory that bundles several CVEs (ALAS, ELSA) goes by its own id alone, and by none if that
    is one of them: to waive one CVE must not waive the others. Its fingerprint still names it.
    """
    if finding is None:
        return frozenset()
    names = _all_names(finding)
    cves = {name for name in names if _CVE.fullmatch(name)}
    return names if len(cves) < 2 else frozenset({finding.rule.upper()}) - cves


def _all_names(finding: Finding) -> frozenset[str]:
    return frozenset(name.upper() for name in (finding.rule, *finding.aliases))


def _is_of_bundle(waiver: Waiver, finding: Finding) -> bool:
    """Whether the waiver names one of several flaws that the finding bundles."""
    name = (waiver.match.vulnerability or "").upper()
    return bool(name) and name not in _names(finding) and name in _all_names(finding)


def _bundled(waiver: Waiver, finding: Finding) -> Idle:
    reason = f"{quoted(finding.rule)} bundles {waiver.match.vulnerability} with other flaws; "
    return Idle(waiver_id=waiver.id, reason=f"{reason}name the finding {finding.fingerprint} instead")


def _is_of(purl: str, versions: str | None, finding: Finding | None) -> bool:
    return finding is not None and packages.is_about(purl, versions, finding.purl, finding.version)


def _is_in(glob: str, finding: Finding | None, violation: Violation | None) -> bool:
    """Whether every file known of it fits; a path that climbs or starts at the root fits nothing."""
    places = [one.location for one in (finding, violation) if one is not None and one.location]
    files = [place.file for place in places if place.file]
    clean = all(part not in ("", ".", "..") for file in files for part in file.split("/"))
    return bool(files) and clean and all(fits(glob, file) for file in files)


def _is_object(glob: str, finding: Finding | None, violation: Violation | None) -> bool:
    name = violation.object if violation else None
    if name is None and finding is not None:
        name = finding.location.resource
    return name is not None and fits(glob, name)


def _speaks_of(match: Match, subject: Subject, environment: str | None) -> bool:
    if match.environments and environment not in match.environments:
        return False
    if match.subject is None:
        return True
    name, at, digest_ = match.subject.rpartition("@") if "@sha256:" in match.subject else ("", "", "")
    if not at:
        is_digest = match.subject.startswith("sha256:")
        name, digest_ = ("", match.subject) if is_digest else (match.subject, "")
    return (not name or fits(name, subject.name)) and (not digest_ or digest_ == subject.digest)
