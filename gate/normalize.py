"""Normalize: many scans become one list of findings on one scale, each flaw once, each with its name.

1. Ids of one flaw (CVE, GHSA, PYSEC …) become one alias group, over all reports.
2. Every finding gets a fingerprint that survives line shifts, reordering and regeneration.
3. What several tools saw in one place is one finding with several scanners (`sights.py`).
4. What VEX documents say of them joins them (`statements.py`).

A fingerprint never contains a line number, a severity, a message, a time, a version of anything or
an absolute path (FORMATS.md 2.0).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from gate import packages, statements
from gate.model import Component, Finding, FixState, Kind, Observation, Scan, Statement
from gate.sights import Sight, by_place

_CVE: Final = re.compile(r"^CVE-\d{4}-\d{4,}$")
_ADVISORY: Final = re.compile(
    r"(?:ALAS|ALBA|ALEA|ALSA|DLA|DSA|ELBA|ELSA|FEDORA|GLSA|MGASA|OESA|(?:open)?SUSE|PHSA|RHBA|RHEA|RHSA|RLSA|USN)"
    r"[-0-9:]",
    re.IGNORECASE,
)
"""Advisories of distributions: a report may state one CVE of many that they carry."""
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
    """Findings (sorted by severity, then fingerprint) and components of all `scans`, in whatever order.

    What is the same by identity and yet stands in several places (the same call twice in a file,
    one package in two lock files) is counted through in a stable order, so that each keeps its
    name when lines move, and a second one is new though the first was known.
    """
    scans = tuple(scans)
    groups = alias_groups(
        seen.finding for scan in scans for seen in scan.observations if seen.statement is None
    )
    same: dict[str, Sight | list[Sight]] = {}
    said: list[statements.Said] = []
    for report, scan in enumerate(scans):
        for seen in scan.observations:
            if seen.statement is not None:
                said.append(_said(report, seen, seen.statement, secret_key))
                continue
            finding = _cleaned(seen.finding, groups)
            sight, identity = Sight(report, finding), _identity(finding, seen, secret_key)
            before = same.setdefault(identity, sight)
            if isinstance(before, list):
                before.append(sight)
            elif before is not sight:
                same[identity] = [before, sight]
    findings = (
        _with_statements(scans, same, said)
        if said
        else [
            _named(finding, identity, number)
            for identity, sights in same.items()
            for number, finding in enumerate(
                by_place(sights) if isinstance(sights, list) else (sights.finding,)
            )
        ]
    )
    findings.sort(key=lambda finding: (finding.severity.rank, finding.fingerprint))
    return tuple(findings), _components(scans)


def _named(finding: Finding, identity: str, number: int) -> Finding:
    # It was made by `_cleaned` or `by_place` and nobody has it yet: a copy would be one more of a hundred thousand.
    msgspec.structs.force_setattr(finding, "fingerprint", _hash(identity, str(number) if number else ""))
    return finding


def _said(report: int, seen: Observation, statement: Statement, secret_key: bytes) -> statements.Said:
    finding = _cleaned(seen.finding, {})
    # The flaw under each of its names; of several CVEs its own alone.
    names = {finding.rule} if is_bundle(finding) else {finding.rule, *finding.aliases}
    identity = _identity(finding, seen, secret_key)
    return statements.Said(report, finding, identity, statement, frozenset(names))


def _with_statements(
    scans: Sequence[Scan], same: Mapping[str, Sight | Sequence[Sight]], said: Iterable[statements.Said]
) -> list[Finding]:
    """The findings with what is said of them, then those that only somebody's word stands for.

    The latter are counted after the former, so that no document gives a scanner's finding another name.
    """
    digests = [scan.subject.digest if scan.subject else None for scan in scans]
    seen: list[statements.Seen] = []
    places: dict[str, int] = {}
    for identity, some in same.items():
        sights = [some] if isinstance(some, Sight) else some
        images = frozenset(digests[sight.report] for sight in sights)
        found = by_place(sights)
        places[identity] = len(found)
        seen += [statements.Seen(_named(one, identity, number), images) for number, one in enumerate(found)]
    findings, left = statements.joined(seen, said)
    alone: dict[str, list[Sight]] = {}
    for record in left:
        alone.setdefault(record.identity, []).append(Sight(record.report, record.finding))
    for identity, sights in alone.items():
        first = places.get(identity, 0)
        findings += [_named(one, identity, number) for number, one in enumerate(by_place(sights), first)]
    return findings


def is_bundle(finding: Finding) -> bool:
    """Whether one advisory carries several CVEs (ALAS, ELSA): it is the alias of none of them."""
    return bool(finding.aliases) and _has_two_cves({finding.rule, *finding.aliases})


def _has_two_cves(names: Iterable[str]) -> bool:
    return sum(1 for name in names if _CVE.match(name)) > 1


def alias_groups(findings: Iterable[Finding]) -> Mapping[str, frozenset[str]]:
    """Vulnerability id -> all ids of the same flaw.

    Advisories that bundle several CVEs join nothing: through them every flaw of a distribution
    update would become one, and one waiver would cover them all. Nor does the name of an advisory that a
    report states with one CVE connect to other reports: there it may stand for another of its CVEs.
    """
    group_of: dict[str, set[str]] = {}
    # Reports repeat a flaw for every package; to join the same ids once more changes nothing.
    flaws = dict.fromkeys((f.rule, f.aliases) for f in findings if f.aliases and f.kind in _FLAWS)
    for rule, aliases in sorted(flaws):  # where tools disagree, the order of reports must not decide
        names = {name for name in (rule, *aliases) if name and not _ADVISORY.match(name)}
        if _has_two_cves(names) or not names:
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
        fix_state=FixState.FIXED if finding.fixed_versions else finding.fix_state,
        scanners=_sorted(finding.scanners),
    )


def _sorted(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(names))) if len(names) > 1 else names


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
        case Kind.VULNERABILITY | Kind.MALWARE | Kind.LICENSE:
            name = "license" if kind is Kind.LICENSE else "vulnerability"
            if finding.purl:
                return _hash(name, finding.rule, packages.name(finding.purl))
            # The context is the package's name then.
            return _hash(name, finding.rule, at.file or "", at.resource or "", _squeezed(seen.context))
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


def _squeezed(text: str) -> str:
    return _TOKEN.sub("", text)


def _hash(*parts: str) -> str:
    """32 hex characters over length-prefixed `parts`, so that no two lists read the same."""
    plain = "".join([f"{len(part)}:{part}" for part in parts])
    if plain.isascii():
        text = plain.encode()
    else:  # lengths are in bytes
        encoded = [part.encode("utf-8", "replace") for part in parts]
        text = b"".join(b"%d:%b" % (len(part), part) for part in encoded)
    return hashlib.sha256(text).hexdigest()[:32]


def _components(scans: tuple[Scan, ...]) -> tuple[Component, ...]:
    """Components of all scans, each once, sorted; licences in disjunctive normal form."""
    seen: dict[bytes, Component] = {}
    for scan in scans:
        for component in scan.components:
            plain = msgspec.structs.replace(component, license=disjunctive(component.license))
            seen.setdefault(msgspec.json.encode(plain), plain)
    ordered = sorted(
        seen.items(), key=lambda one: (one[1].purl or "", one[1].name, one[1].version or "", one[0])
    )
    return tuple(component for _, component in ordered)


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
