"""One flaw of one package as an observation: what the adapters of package and image tools share.

Which words a tool has for severities, and where its facts stand, is the adapter's to know; what they
mean together is the same everywhere. It knows no report format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from gate.model import (
    Cvss,
    Finding,
    FixState,
    Kev,
    Kind,
    Location,
    Observation,
    Severity,
    Vex,
)
from scanners.identifiers import cwes, fix_state, names_one_flaw, purl_version
from scanners.purls import purl as purl_of

SEVERITIES: Final[Mapping[str, Severity]] = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}
"""The words that every tool has; what else a tool says is in the table of its adapter."""
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,}")
_CWE: Final = re.compile(r"CWE-0*([1-9]\d{0,5})\b", re.IGNORECASE)


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says of one flaw in one package."""

    id: str
    package: str
    """The package's name; of Maven `group:artifact`."""
    version: str | None = None
    system: str = ""
    """The tool's word for the package system (`npm`, `Debian:12`); without a known one there is no purl."""
    purl: str | None = None
    """Where the tool has one itself."""
    title: str | None = None
    severity: Severity = Severity.UNKNOWN
    word: str | None = None
    """The severity as the tool writes it."""
    names: Iterable[str] = ()
    """Other ids that the tool gives for the flaw, in any number and of any kind."""
    cwes: Iterable[str] = ()
    cvss: Iterable[Cvss | None] = ()
    fixed: Iterable[str] = ()
    """Versions with the fix."""
    unfixed: FixState = FixState.UNKNOWN
    """What the tool says of fixes where it names no version."""
    epss: float | None = None
    kev: Kev | None = None
    vex: Vex | None = None
    kind: Kind = Kind.VULNERABILITY
    location: Location = Location()


def observed(flaw: Flaw, scanner: str) -> Observation:
    """`flaw` as `scanner` saw it."""
    address = flaw.purl or purl_of(flaw.system, flaw.package, flaw.version)
    fixed = tuple(dict.fromkeys(filter(None, flaw.fixed)))
    return Observation(
        finding=Finding(
            kind=flaw.kind,
            rule=flaw.id,
            title=flaw.title or f"{flaw.id} in {flaw.package}",
            severity=flaw.severity,
            severity_raw=flaw.word or None,
            aliases=aliases(flaw.id, flaw.names),
            cwes=cwes(flaw.cwes),
            cvss=tuple(score for score in flaw.cvss if score),
            epss=flaw.epss if flaw.epss is not None and 0.0 <= flaw.epss <= 1.0 else None,
            kev=flaw.kev,
            purl=address,
            version=flaw.version or (purl_version(address) if address else None),
            fixed_versions=fixed,
            fix_state=fix_state(fixed, flaw.unfixed),
            location=flaw.location,
            scanners=(scanner,),
            vex=flaw.vex,
        ),
        context="" if address else f"{flaw.system}:{flaw.package}",
    )


def aliases(id_: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that name the flaw `id_` and no other; of several CVEs none does."""
    own = {name for name in names if name and name != id_ and names_one_flaw(name)}
    if len({name for name in (id_, *own) if _CVE.fullmatch(name)}) > 1:
        own = {name for name in own if not _CVE.fullmatch(name)}
    return tuple(sorted(own))


def worded(word: str | None, more: Mapping[str, Severity] | None = None) -> Severity:
    """The severity that `word` names, in any case; `more` are the words of one tool. Else unknown."""
    key = (word or "").strip().lower()
    return SEVERITIES.get(key) or (more or {}).get(key) or Severity.UNKNOWN


def cves(*texts: str | None) -> tuple[str, ...]:
    """Every CVE id in `texts`, in their order, each once."""
    return tuple(dict.fromkeys(name for text in texts if text for name in _CVE.findall(text)))


def cwe_names(*texts: str | None) -> tuple[str, ...]:
    """Every CWE id in `texts` as `CWE-79`, in their order, each once."""
    return tuple(dict.fromkeys(f"CWE-{number}" for text in texts if text for number in _CWE.findall(text)))
