"""Statements: what VEX documents say of flaws joins the findings that scanners made of the same flaw.

A document may be anybody's, so a statement is strict about what it is about, and never makes a finding
milder by itself: it becomes `Finding.vex`, which the shipped rules believe only where the settings say so.

1. It speaks of a finding whose flaw it names, in the package and version it names, in the image it names.
2. Of several that speak of one finding the worst counts, whoever wrote which when.
3. A severity or a fix that it names only ever makes the finding worse.
4. What speaks of no finding stays a finding: nobody has looked whether the flaw is there.

Names of flaws are not joined through statements (gate/normalize.py): a stranger's alias would move
waivers and baselines from one flaw to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from gate import packages
from gate.model import Finding, FixState, Kind, Severity, Statement, Vex

_RANKS: Final = {"affected": 1, "under_investigation": 2, "not_affected": 3, "fixed": 4}


class Seen(NamedTuple):
    """A finding that scanners made, and which images their reports are about."""

    finding: Finding
    images: frozenset[str | None]
    """Digests of the subjects of all reports that saw the flaw in the package; None for one without."""


class Said(NamedTuple):
    """One record of a VEX document."""

    report: int
    """Index of the document."""
    finding: Finding
    """What it is by itself."""
    identity: str
    """What tells that finding from others (gate/normalize.py)."""
    statement: Statement
    names: frozenset[str]
    """Ids of the flaw that it speaks of."""


def is_closed(vex: Vex) -> bool:
    """Whether it says, with a reason, that nothing is left to do; only settings make that count."""
    return vex.status == "fixed" or (vex.status == "not_affected" and bool(vex.justification))


def joined(seen: Sequence[Seen], said: Iterable[Said]) -> tuple[list[Finding], list[Said]]:
    """The findings of `seen` in their order, with what `said` states of them, and those of `said` about none."""
    by_name: dict[str, list[int]] = {}
    for number, one in enumerate(seen):
        if one.finding.kind is Kind.VULNERABILITY:
            for name in {one.finding.rule, *one.finding.aliases}:
                by_name.setdefault(name, []).append(number)
    heard: dict[int, list[Finding]] = {}
    left: list[Said] = []
    for one_said in said:
        about = _about(one_said, seen, by_name)
        for number in about:
            heard.setdefault(number, []).append(one_said.finding)
        if not about:
            left.append(one_said)
    return [_with(one.finding, heard.get(number, ())) for number, one in enumerate(seen)], left


def _about(said: Said, seen: Sequence[Seen], by_name: Mapping[str, list[int]]) -> list[int]:
    """Indices of the findings that `said` speaks of."""
    candidates = dict.fromkeys(number for name in sorted(said.names) for number in by_name.get(name, ()))
    return [number for number in candidates if _is_of(said, seen[number])]


def _is_of(said: Said, seen: Seen) -> bool:
    """Whether the product of `said` is surely the one in which the flaw was seen."""
    purl, statement = said.finding.purl, said.statement
    if statement.within is not None or (purl is None and statement.image is None):
        return False
    if statement.image is not None and seen.images != {statement.image}:
        return False
    if purl is None:
        return True
    found = packages.package(purl)
    # A fix is in one version; a statement that names none cannot mean the one that was seen.
    is_vague = said.finding.vex is not None and said.finding.vex.status == "fixed"
    if found is None or (is_vague and not found.version):
        return False
    return packages.is_about(purl, None, seen.finding.purl, seen.finding.version)


def _with(finding: Finding, statements: Sequence[Finding]) -> Finding:
    if not statements:
        return finding
    known = [one.severity for one in statements if one.severity is not Severity.UNKNOWN]
    fixed = [*finding.fixed_versions]
    fixed += sorted({version for one in statements for version in one.fixed_versions} - set(fixed))
    claims = [one.vex for one in (finding, *statements) if one.vex is not None]
    return msgspec.structs.replace(
        finding,
        severity=min((finding.severity, *known), key=lambda severity: severity.rank),
        fixed_versions=tuple(fixed),
        fix_state=FixState.FIXED if fixed else finding.fix_state,
        vex=min(claims, key=_order, default=None),
    )


def _order(vex: Vex) -> tuple[int, bool, str]:
    """Worst first: a status that nobody knows, what is open, what is closed without a reason, the rest."""
    return _RANKS.get(vex.status, 0), is_closed(vex), vex.justification or ""
