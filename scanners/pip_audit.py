"""pip-audit's JSON (`-f json`), and the bare array of its first versions: flaws in Python packages.

The tool knows no severities, so all are `unknown` until enriched. What `--ignore-vuln` left out is
invisible (pip-audit#1113). `fixes` and descriptions are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from packageurl import PackageURL

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, FixState, Kind, Observation, Scan, Severity, Status
from scanners.identifiers import fix_state

_SEPARATORS: Final = re.compile(r"[-_.]+")
_OWN_KEYS: Final = frozenset({"dependencies", "fixes"})


class _Vulnerability(msgspec.Struct):
    id: str
    fix_versions: list[str] | msgspec.UnsetType = msgspec.UNSET
    """Always written: an empty list says that no release has the fix."""
    aliases: list[str] = []


class _Dependency(msgspec.Struct):
    """Without a version, or without `vulns`, it was not audited."""

    name: str
    version: str | None = None
    vulns: list[_Vulnerability] | None = None
    skip_reason: str | None = None


class _Report(msgspec.Struct):
    dependencies: list[_Dependency]


def detect(document: Document) -> str | None:
    """Why `document` is a pip-audit report, or None."""
    if document.keys and document.keys <= _OWN_KEYS and document.at("dependencies") == []:
        return "dependencies, empty, and nothing else but fixes"
    row = document.at("dependencies", 0) if "bomFormat" not in document.keys else None
    row = document.first if isinstance(document.top, list) else row
    if isinstance(row, dict) and "name" in row and ("vulns" in row or "skip_reason" in row):
        return "dependencies with vulns or skip_reason"
    return None


def parse(document: Document) -> Scan:
    """Every vulnerability of every dependency; dependencies that were not audited are named in notes.

    Raises `ReportError` where `dependencies`, a name or a vulnerability id is absent.
    """
    if isinstance(document.top, list):
        rows = document.decoded(list[_Dependency], "a pip-audit report")
    else:
        rows = document.decoded(_Report, "a pip-audit report").dependencies
    gaps = [row for row in rows if not row.version or row.vulns is None or row.skip_reason]
    return Scan(
        format="pip-audit",
        scanner="pip-audit",
        status=Status.PARTIAL if gaps else Status.OK if rows else Status.EMPTY_TARGET,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(seen for row in rows for seen in _observations(row)),
        notes=tuple(map(_gap, gaps)) if rows else ("no dependency was audited",),
    )


def _gap(row: _Dependency) -> str:
    return f"{quoted(row.name)} was not audited: {quoted(row.skip_reason or 'no reason given')}"


def _observations(row: _Dependency) -> Iterable[Observation]:
    name = _SEPARATORS.sub("-", row.name).lower()  # PEP 503
    purl = PackageURL("pypi", None, name, row.version or None).to_string() if name else None
    for flaw in row.vulns or ():
        yield Observation(
            finding=Finding(
                kind=Kind.VULNERABILITY,
                rule=flaw.id,
                title=f"{row.name} {row.version or '(unknown version)'} is affected by {flaw.id}",
                severity=Severity.UNKNOWN,
                aliases=tuple(flaw.aliases),
                purl=purl,
                version=row.version,
                fixed_versions=tuple(flaw.fix_versions or ()),
                fix_state=fix_state(
                    flaw.fix_versions or (),
                    FixState.UNKNOWN if flaw.fix_versions is msgspec.UNSET else FixState.NOT_FIXED,
                ),
                scanners=("pip-audit",),
            )
        )
