"""`cargo audit --json`: flaws in crates. A soundness warning is a flaw too, other warnings are notes.

Severity is the band of the CVSS vector, where the advisory has one. Withdrawn advisories are left out
with a note; what `--ignore` named leaves no trace but the names. Not read: affected functions, keywords.

Source: RustSec, `rustsec/src/report.rs`; real reports.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Evidence, FixState, Observation, Rejected, Scan, Severity, Status, from_cvss
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a cargo-audit report"
_UNSOUND: Final = "unsound"
_LEAST: Final = re.compile(r"(?:>=|\^|=|~)?\s*(?P<version>\d[^\s,]*)")


class _Advisory(msgspec.Struct):
    id: str
    title: str = ""
    aliases: list[str] | None = None
    cvss: str | None = None
    withdrawn: str | None = None


class _Package(msgspec.Struct):
    name: str
    version: str = ""


class _Versions(msgspec.Struct):
    patched: list[str] | None = None


class _Flaw(msgspec.Struct):
    advisory: _Advisory
    package: _Package
    versions: _Versions | None = None


class _Vulnerabilities(msgspec.Struct):
    count: int
    list_: list[Raw] = field(name="list")


class _Lockfile(msgspec.Struct):
    count: int = field(name="dependency-count")


class _Settings(msgspec.Struct):
    ignore: list[str] | None = None


class _Database(msgspec.Struct):
    updated: str | None = field(name="last-updated", default=None)


class _Report(msgspec.Struct):
    lockfile: _Lockfile
    vulnerabilities: _Vulnerabilities
    database: _Database
    settings: _Settings | None = None
    warnings: dict[str, list[Raw]] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a cargo-audit report, or None."""
    if "lockfile" in document.keys and document.at("database", "advisory-count") is not None:
        return "lockfile, and database with advisory-count"
    return None


def parse(document: Document) -> Scan:
    """Every flaw; partial where the report counts more than it lists.

    Raises `ReportError` where the lock file, the database or the flaws are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    found = document.each(report.vulnerabilities.list_, _Flaw, "$.vulnerabilities.list", _EXPECTED)
    unsound = document.each((report.warnings or {}).get(_UNSOUND), _Flaw, f"$.warnings.{_UNSOUND}", _EXPECTED)
    rows = [*found.good, *unsound.good]
    missing = report.vulnerabilities.count - len(report.vulnerabilities.list_)
    is_empty = not report.lockfile.count
    return Scan(
        format="cargo-audit",
        scanner="cargo-audit",
        status=Status.EMPTY_TARGET if is_empty else Status.PARTIAL if missing > 0 else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(_observation(row) for row in rows if not row.advisory.withdrawn),
        rejected=tuple[Rejected, ...]((*found.rejected, *unsound.rejected)),
        notes=tuple(_notes(report, rows, missing)),
    )


def _notes(report: _Report, rows: list[_Flaw], missing: int) -> list[str]:
    notes = [] if report.lockfile.count else ["the lock file has no package"]
    if missing > 0:
        notes.append(f"the report counts {missing} flaws more than it lists")
    notes += [
        f"{len(rows)} warnings of kind {kind} are no findings"
        for kind, rows in sorted((report.warnings or {}).items())
        if rows and kind != _UNSOUND
    ]
    ignored = (report.settings and report.settings.ignore) or []
    if ignored:
        notes.append(f"advisories that cargo-audit was told to ignore: {', '.join(sorted(ignored))}")
    notes += [f"{row.advisory.id} is withdrawn and left out" for row in rows if row.advisory.withdrawn]
    return notes


def _observation(row: _Flaw) -> Observation:
    advisory = row.advisory
    score = cvss_scores.rating(vector=advisory.cvss)
    known = score is not None and score.score is not None
    patched = (row.versions and row.versions.patched) or []
    return flaws.observed(
        flaws.Flaw(
            id=advisory.id,
            package=row.package.name,
            version=row.package.version or None,
            system="cargo",
            title=advisory.title or None,
            severity=from_cvss(score.score) if score and score.score is not None else Severity.UNKNOWN,
            word=str(score.score) if score and known else None,
            names=advisory.aliases or (),
            cvss=[score],
            fixed=[_version(requirement) for requirement in patched],
            unfixed=FixState.NOT_FIXED if row.versions else FixState.UNKNOWN,
        ),
        "cargo-audit",
    )


def _version(requirement: str) -> str:
    """The least version that `>=1.1.0` or `^2.3` allows; another requirement as it is written."""
    match = _LEAST.match(requirement.strip())
    return match["version"] if match else requirement.strip()
