"""Normalize: many scans become one list of findings on one scale, each flaw once, each with its name.

1. Ids of one flaw (CVE, GHSA, PYSEC …) become one alias group, over all reports.
2. Every finding gets a fingerprint that survives line shifts, reordering and regeneration.
3. What several tools saw is one finding with several scanners; the worst severity counts.

A fingerprint never contains a line number, a severity, a message, a time, a version of anything or
an absolute path (FORMATS.md 2.0).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gate.model import Component, Finding, Kind, Location, Observation, Scan, Severity

_CVE: Final = re.compile(r"^CVE-\d{4}-\d{4,}$")
_FLAWS: Final = (Kind.VULNERABILITY, Kind.MALWARE)
_PREFERENCE: Final = ("CVE-", "GHSA-", "PYSEC-", "GO-", "RUSTSEC-", "MAL-", "OSV-")
_DRIVE: Final = re.compile(r"^[A-Za-z]:/")
_TOKEN: Final = re.compile(r"\s+")
_NEEDS_PARSING: Final = re.compile(r"[()]|\b(?:and|or|with)\b")
"""Parentheses and lower-case operators; everything else already reads as alternatives."""
SECRET_KEY: Final = b"gate.fingerprint.secret/v1"
"""Default HMAC key for secrets' fingerprints: keeps them apart from plain hashes of the same text.
An instance passes its own where a weak secret must not be guessed from a stored fingerprint."""


def normalize(
    scans: Iterable[Scan], secret_key: bytes = SECRET_KEY
) -> tuple[tuple[Finding, ...], tuple[Component, ...]]:
    """Findings (sorted by severity, then fingerprint) and components of all `scans`."""
    scans = tuple(scans)
    groups = alias_groups(seen.finding for scan in scans for seen in scan.observations)
    merged: dict[str, Finding] = {}
    for scan in scans:
        for finding in _named(scan.observations, groups, secret_key):
            other = merged.get(finding.fingerprint)
            merged[finding.fingerprint] = finding if other is None else _one(other, finding)
    findings = sorted(merged.values(), key=lambda f: (f.severity.rank, f.fingerprint))
    return tuple(findings), _components(scans)


def is_bundle(finding: Finding) -> bool:
    """Whether one advisory carries several CVEs (ALAS, ELSA): it is the alias of none of them."""
    return bool(finding.aliases) and _has_two_cves({finding.rule, *finding.aliases})


def _has_two_cves(names: Iterable[str]) -> bool:
    return sum(1 for name in names if _CVE.match(name)) > 1


def alias_groups(findings: Iterable[Finding]) -> Mapping[str, frozenset[str]]:
    """Vulnerability id -> all ids of the same flaw.

    Advisories that bundle several CVEs join nothing: through them every flaw of a distribution
    update would become one, and one waiver would cover them all.
    """
    group_of: dict[str, set[str]] = {}
    # Reports repeat a flaw for every package; to join the same ids once more changes nothing.
    flaws = dict.fromkeys((f.rule, f.aliases) for f in findings if f.aliases and f.kind in _FLAWS)
    for rule, aliases in flaws:
        names = {rule, *filter(None, aliases)}
        if _has_two_cves(names):
            continue
        touched = {id(group): group for name in names if (group := group_of.get(name))}
        joined = names.union(*touched.values())
        if _has_two_cves(joined):
            continue  # two tools disagree about an alias; joining would hide one of two CVEs
        for name in joined:
            group_of[name] = joined
    return {name: frozenset(group) for name, group in group_of.items()}


def canonical(names: Iterable[str]) -> str:
    """The id a flaw goes by: its CVE where it has one, else the best known database's."""
    order = {prefix: rank for rank, prefix in enumerate(_PREFERENCE)}
    return min(names, key=lambda n: (order.get(n.split("-", 1)[0] + "-", len(order)), n))


def file_path(text: str | None) -> str | None:
    """`text` as a relative `/`-separated path, the same from every way to call a scanner."""
    if not text:
        return None
    path = text.replace("\\", "/")
    path = path.removeprefix("file://")
    path = _DRIVE.sub("", path)
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or None


def purl_base(purl: str) -> str:
    """`purl` without version, qualifiers and subpath."""
    plain = purl.split("?", 1)[0].split("#", 1)[0]
    head, slash, last = plain.rpartition("/")
    name, at, _ = last.partition("@")
    return f"{head}{slash}{name}" if at else plain


def _named(
    observations: Iterable[Observation], groups: Mapping[str, frozenset[str]], secret_key: bytes
) -> Iterator[Finding]:
    """The findings of one scan with their fingerprints, exact repetitions left out.

    What is the same by identity and yet stands in several places (the same call twice in a file,
    one package in two lock files) is counted through in a stable order, so that each keeps its
    name when lines move, and a second one is new though the first was known.
    """
    same: dict[str, list[Finding]] = {}
    for seen in observations:
        finding = _cleaned(seen.finding, groups)
        same.setdefault(_identity(finding, seen, secret_key), []).append(finding)
    for identity, found in same.items():
        places: dict[tuple[str, ...], Finding] = {}
        for finding in found:
            place = _place(finding) if len(found) > 1 else ()
            places[place] = _one(places[place], finding) if place in places else finding
        for number, place in enumerate(sorted(places, key=_natural)):
            fingerprint = _hash(identity, str(number) if number else "")
            yield msgspec.structs.replace(places[place], fingerprint=fingerprint)


def _cleaned(finding: Finding, groups: Mapping[str, frozenset[str]]) -> Finding:
    """`finding` under its canonical id, paths in one spelling, lists sorted and without repetition."""
    at = finding.location
    file = file_path(at.file)
    rule, aliases = _grouped(finding, groups)
    return msgspec.structs.replace(
        finding,
        rule=rule,
        aliases=aliases,
        location=at if file == at.file else msgspec.structs.replace(at, file=file),
        cwes=_sorted(finding.cwes),
        fixed_versions=tuple(dict.fromkeys(finding.fixed_versions)),
        scanners=_sorted(finding.scanners),
    )


def _sorted(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names))) if len(names) > 1 else names


def _natural(place: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Sort key that puts line 9 before line 10."""
    return tuple((len(part), part) if part.isdigit() else (0, part) for part in place)


def _grouped(finding: Finding, groups: Mapping[str, frozenset[str]]) -> tuple[str, tuple[str, ...]]:
    """The canonical id of a vulnerability and every other id of its group; of anything else its own."""
    rule, aliases = finding.rule, finding.aliases
    if finding.kind in _FLAWS and (aliases or rule in groups) and not is_bundle(finding):
        own = {rule, *filter(None, aliases)}
        names = own.union(*(groups.get(name, ()) for name in own))
        names = own if _has_two_cves(names) else names
        rule, aliases = canonical(names), tuple(names)
    return rule, tuple(sorted({*aliases} - {rule, ""})) if aliases else ()


def _identity(finding: Finding, seen: Observation, secret_key: bytes) -> str:
    """What a finding is, in words that stay (FORMATS.md 2.0, "Identity")."""
    kind, at = finding.kind, finding.location
    tool = finding.scanners[0]
    match kind:
        case Kind.VULNERABILITY | Kind.MALWARE:
            package = purl_base(finding.purl) if finding.purl else f"{at.file or ''}|{at.resource or ''}"
            return _hash("vulnerability", finding.rule, package)
        case Kind.LICENSE:
            package = purl_base(finding.purl) if finding.purl else f"{at.file or ''}|{at.resource or ''}"
            return _hash("license", finding.rule, package)
        case Kind.SECRET:
            plain = seen.secret.reveal() if seen.secret else seen.context
            mark = hmac.new(secret_key, plain.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
            return _hash("secret", finding.rule, mark, at.file or "")
        case Kind.MISCONFIGURATION:
            address = at.resource or _squeezed(seen.context)
            return _hash("misconfiguration", finding.rule, at.file or "", address)
        case Kind.DAST:
            url = urlsplit(at.url or "")
            return _hash("dast", tool, finding.rule, f"{url.netloc}{url.path}", _squeezed(seen.context))
        case Kind.CODE | Kind.QUALITY:
            return _hash(kind.value, tool, finding.rule, at.file or "", _squeezed(seen.context))


def _place(finding: Finding) -> tuple[str, ...]:
    """What tells two findings of one identity apart, and orders them: never hashed."""
    at = finding.location
    if finding.kind in (Kind.VULNERABILITY, Kind.MALWARE, Kind.LICENSE):
        return (finding.version or "", at.file or "")
    return tuple(str(part or "") for part in (at.line, at.column, at.resource, at.url))


def _squeezed(text: str) -> str:
    return _TOKEN.sub("", text)


def _hash(*parts: str) -> str:
    """32 hex characters over length-prefixed `parts`, so that no two lists read the same."""
    encoded = [part.encode("utf-8", "replace") for part in parts]
    text = b"".join(b"%d:%b" % (len(part), part) for part in encoded)
    return hashlib.sha256(text).hexdigest()[:32]


def _one(a: Finding, b: Finding) -> Finding:
    """Two sights of one flaw as one: the worse severity, every source, every fact either has."""
    worse, other = (a, b) if a.severity.rank <= b.severity.rank else (b, a)
    if worse.severity is Severity.UNKNOWN and other.severity is not Severity.UNKNOWN:
        # A tool without severities (pip-audit) knows less than one that has them, not worse.
        worse, other = other, worse
    at, there = worse.location, other.location
    return msgspec.structs.replace(
        worse,
        aliases=tuple(sorted({*a.aliases, *b.aliases})),
        cwes=tuple(sorted({*a.cwes, *b.cwes})),
        cvss=tuple(dict.fromkeys((*worse.cvss, *other.cvss))),
        epss=max((score for score in (a.epss, b.epss) if score is not None), default=None),
        kev=worse.kev or other.kev,
        purl=worse.purl or other.purl,
        version=worse.version or other.version,
        fixed_versions=tuple(dict.fromkeys((*worse.fixed_versions, *other.fixed_versions))),
        location=Location(
            file=at.file or there.file,
            line=at.line if at.file else there.line,
            column=at.column if at.file else there.column,
            resource=at.resource or there.resource,
            image=at.image or there.image,
            url=at.url or there.url,
        ),
        scanners=tuple(sorted({*a.scanners, *b.scanners})),
        confidence=worse.confidence or other.confidence,
        first_seen=min((seen for seen in (a.first_seen, b.first_seen) if seen), default=None),
        # Two statements that differ are none: a claim counts only where nobody contradicts it.
        vex=worse.vex if worse.vex == other.vex else None,
    )


def _components(scans: tuple[Scan, ...]) -> tuple[Component, ...]:
    """Components of all scans, each once, sorted; licences in disjunctive normal form."""
    seen: dict[bytes, Component] = {}
    for scan in scans:
        for component in scan.components:
            plain = msgspec.structs.replace(component, license=disjunctive(component.license))
            seen.setdefault(msgspec.json.encode(plain), plain)
    return tuple(sorted(seen.values(), key=lambda c: (c.purl or "", c.name, c.version or "")))


def disjunctive(license: str | None) -> str | None:
    """An SPDX expression as `A AND B OR C`, so that policies need no parser; None stays None.

    What is no expression, or grows past 64 alternatives, becomes all of its ids joined by AND: a
    denied licence in it is then found, whatever the writer meant.
    """
    if license is None or not _NEEDS_PARSING.search(license):
        return license
    # 60 ms of import, for the rare expression that needs it
    from license_expression import (  # type: ignore[import-untyped]  # noqa: PLC0415 - and no stubs
        ExpressionError,
        Licensing,
    )

    try:
        alternatives = _alternatives(Licensing().parse(license))
    except ExpressionError:
        alternatives = None
    if alternatives is None:
        words = _NEEDS_PARSING.sub(" ", license).split()
        return " AND ".join(dict.fromkeys(word for word in words if word not in ("AND", "OR")))
    return " OR ".join(" AND ".join(group) for group in alternatives)


def _alternatives(node: object) -> list[list[str]] | None:
    """OR-list of AND-lists of licence ids; None where that has more than 64 alternatives."""
    operator = getattr(node, "operator", "").strip()
    if operator not in ("AND", "OR"):
        return [[str(node)]]
    below = [_alternatives(argument) for argument in getattr(node, "args", ())]
    result: list[list[str]] = [[]] if operator == "AND" else []
    for alternatives in below:
        if alternatives is None:
            return None
        if operator == "OR":
            result = result + alternatives
        else:
            result = [
                [*left, *(one for one in right if one not in left)]
                for left in result
                for right in alternatives
            ]
        if len(result) > 64:
            return None
    return result
