"""`npm audit --json` of npm 6 (and pnpm, yarn) and of npm 7 on, and the lines of yarn: flaws in npm packages.

Of npm 7 on, only the advisories count: a package whose `via` holds names alone depends on a flawed one
and is no finding of its own. That report has no installed versions. An `error` in place of the report
means that the audit failed. Not read: `actions`, `effects`, overviews.

Source: npm/cli and pnpm documentation, real reports; FORMATS.md 2.14.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
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
from scanners import cvss_scores
from scanners.identifiers import cwes, fix_state, names_one_flaw
from scanners.purls import purl

_EXPECTED: Final = "an npm audit report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
}
_GHSA: Final = re.compile(r"GHSA(?:-[0-9a-z]{4}){3}")
_CWE: Final = re.compile(r"CWE-\d+")
_NEVER: Final = frozenset({"", "<0.0.0"})
"""`patched_versions` where there is no fix."""


class _Score(msgspec.Struct):
    score: float | None = None
    vector: str | None = field(name="vectorString", default=None)


class _Place(msgspec.Struct):
    version: str = ""


class _Advisory(msgspec.Struct):
    """npm 6, pnpm, yarn."""

    module_name: str
    severity: str
    title: str
    id: int | str = ""
    url: str = ""
    cves: list[str] | None = None
    cwe: str | list[str] | None = None
    cvss: _Score | None = None
    github_advisory_id: str | None = None
    patched_versions: str | None = None
    findings: list[_Place] | None = None


class _Via(msgspec.Struct):
    """An advisory of npm 7 on."""

    name: str
    title: str
    severity: str
    source: int | str = ""
    url: str = ""
    cwe: list[str] | None = None
    cvss: _Score | None = None
    range: str = ""


class _Package(msgspec.Struct):
    name: str
    severity: str
    via: list[str | _Via]
    nodes: list[str] = []
    fix_available: bool | dict[str, object] = field(name="fixAvailable", default=False)


class _Error(msgspec.Struct):
    code: str | None = None
    summary: str | None = None


class _Counts(msgspec.Struct):
    """How much was looked at: `totalDependencies` (npm 6, pnpm, yarn), `dependencies.total` (npm 7 on)."""

    total: int | None = field(name="totalDependencies", default=None)
    dependencies: int | dict[str, int] | None = None
    vulnerabilities: dict[str, int] = {}
    """By severity; of npm 7 on with a `total` of packages, before one number for each path."""

    @property
    def flaws(self) -> int:
        """How many flaws, paths or packages it counts."""
        return self.vulnerabilities.get("total", sum(self.vulnerabilities.values()))


class _Report(msgspec.Struct):
    advisories: dict[str, Raw] | None = None
    vulnerabilities: dict[str, Raw] | None = None
    error: _Error | None = None
    metadata: _Counts | None = None


class _Line(msgspec.Struct):
    """One line of yarn 1 (`type`, `data`) or of yarn 2 on (`value`, `children`)."""

    type: str = ""
    data: Raw = Raw(b"null")
    value: str = ""
    children: Raw = Raw(b"null")


class _Resolved(msgspec.Struct):
    advisory: _Advisory


class _Berry(msgspec.Struct):
    """An advisory of yarn 2 on."""

    id: int | str = field(name="ID")
    issue: str = field(name="Issue")
    severity: str = field(name="Severity")
    url: str = field(name="URL", default="")
    versions: list[str] = field(name="Tree Versions", default=[])


def detect(document: Document) -> str | None:
    """Why `document` is an npm audit report, or None."""
    if document.at("auditReportVersion") == 2:
        return "auditReportVersion is 2 (npm 7 on)"
    if isinstance(document.at("advisories"), dict) and isinstance(document.at("metadata"), dict):
        return "advisories and metadata (npm 6, pnpm, yarn)"
    if document.at("error", "code") is not None and document.at("error", "summary") is not None:
        return "error with code and summary: npm audit failed"
    kind = document.record.get("type")
    if kind in ("auditAdvisory", "auditSummary") or (
        kind in ("info", "warning") and "data" in document.record
    ):
        return f"lines with type and data, the first {kind} (yarn 1)"
    if "value" in document.record and document.at_record("children", "Issue") is not None:
        return "lines with value and children.Issue (yarn 2 on)"
    return None


def parse(document: Document) -> Scan:
    """Every advisory of every package; raises `ReportError` where the report has another shape."""
    if document.syntax == "ndjson" or document.record.keys() & {"type", "value"}:
        return _lines(document)
    report = document.decoded(_Report, _EXPECTED)
    if report.error is not None:
        said = report.error.summary or report.error.code or "no reason given"
        return _scan([], (), Status.FAILED, (f"npm audit failed: {quoted(said)}",))
    if report.advisories is not None:
        rows = document.each(report.advisories.values(), _Advisory, "$.advisories", _EXPECTED)
        seen = [one for row in rows.good for one in _old(row)]
        return _scan(seen, rows.rejected, *_looked_at(report.metadata, bool(seen)))
    if report.vulnerabilities is None:
        return _scan([], (), Status.FAILED, ("the report has neither advisories nor vulnerabilities",))
    packages = document.each(report.vulnerabilities.values(), _Package, "$.vulnerabilities", _EXPECTED)
    once: dict[tuple[str, str], Observation] = {}
    for package in packages.good:
        for via in package.via:
            if isinstance(via, _Via):
                once.setdefault((str(via.source) or via.url, via.name), _new(via, package))
    chained = _without_end(packages.good)
    if chained:
        notes = tuple(f"{quoted(name)} leads to no advisory of the report" for name in chained)
        return _scan(list(once.values()), packages.rejected, Status.PARTIAL, notes)
    if report.metadata and report.metadata.flaws > len(report.vulnerabilities):
        told = f"{report.metadata.flaws} packages are counted and {len(report.vulnerabilities)} listed"
        return _scan(list(once.values()), packages.rejected, Status.PARTIAL, (told,))
    return _scan(list(once.values()), packages.rejected, *_looked_at(report.metadata, bool(once)))


def _looked_at(counts: _Counts | None, is_found: bool) -> tuple[Status, tuple[str, ...]]:
    """What the totals say of a report: of no packages at all nothing is clean, nor where there is no total."""
    if is_found:
        return Status.OK, ()
    if counts and counts.flaws > 0:
        return Status.PARTIAL, (f"{counts.flaws} flaws are counted and none is listed",)
    by_kind = counts.dependencies if counts else None
    total = by_kind.get("total") if isinstance(by_kind, dict) else by_kind
    if counts and counts.total is not None:
        total = counts.total
    if total is None:
        return Status.PARTIAL, ("the report does not say how many packages it looked at",)
    return (Status.OK, ()) if total > 0 else (Status.EMPTY_TARGET, ("no package was looked at",))


def _without_end(packages: Iterable[_Package]) -> list[str]:
    """Packages whose chain of names ends nowhere: an advisory is missing."""
    by_name = {package.name: package for package in packages}
    return [
        package.name
        for package in by_name.values()
        if not any(isinstance(via, _Via) for via in package.via)
        and not any(via in by_name for via in package.via if isinstance(via, str))
    ]


def _lines(document: Document) -> Scan:
    """yarn's lines: whole only where yarn 1 ends with its summary; of yarn 2 nobody can tell."""
    lines = document.records(_Line, _EXPECTED)
    advisories = [line.data for line in lines.good if line.type == "auditAdvisory"]
    rows = document.each(advisories, _Resolved, "auditAdvisory", _EXPECTED)
    named = [(line, f"the advisory of {quoted(line.value)}") for line in lines.good if line.value]
    berry = records.understood(named, lambda line: _berry(line.value, _children(line, document.path)))
    # yarn writes an advisory once for every path that leads to the package.
    once = {(str(row.advisory.id), row.advisory.module_name): row.advisory for row in rows.good}
    observations = [*(seen for one in once.values() for seen in _old(one)), *berry.good]
    rejected = (*lines.rejected, *rows.rejected, *berry.rejected)
    return _scan(observations, rejected, *_end(lines.good, bool(observations), document.path))


def _children(line: _Line, path: str) -> _Berry:
    return json_documents.decoded(bytes(line.children), _Berry, path, _EXPECTED)


def _end(lines: Iterable[_Line], is_found: bool, path: str) -> tuple[Status, tuple[str, ...]]:
    """How far yarn got, by its errors, its remarks and its summary."""
    by_type: dict[str, list[bytes]] = {}
    for line in lines:
        by_type.setdefault(line.type, []).append(bytes(line.data))
    if "error" in by_type:
        said = by_type["error"][0].decode("utf-8", "replace")
        return Status.FAILED, (f"yarn audit failed: {quoted(said)}",)
    if any(b"No lockfile found" in said for said in by_type.get("info", ())):
        return Status.EMPTY_TARGET, ("yarn found no lockfile",)
    if "auditSummary" in by_type:
        counts = json_documents.decoded(by_type["auditSummary"][-1], _Counts, path, _EXPECTED)
        return _looked_at(counts, is_found)
    if is_found and not by_type.keys() - {""}:
        return Status.OK, ()
    return Status.PARTIAL, ("the auditSummary at the end is missing: lines may have been cut off",)


def _scan(
    observations: list[Observation],
    rejected: tuple[Rejected, ...],
    status: Status = Status.OK,
    notes: tuple[str, ...] = (),
) -> Scan:
    return Scan(
        format="npm-audit",
        scanner="npm-audit",
        status=status,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(observations),
        rejected=rejected,
        notes=notes,
    )


def _old(row: _Advisory) -> list[Observation]:
    fixed = () if (row.patched_versions or "") in _NEVER else (row.patched_versions or "",)
    ghsa = row.github_advisory_id or _first(_GHSA, row.url)
    names = [*(row.cves or ()), *([ghsa] if ghsa else [])]
    weaknesses = _CWE.findall(row.cwe) if isinstance(row.cwe, str) else row.cwe or []
    return [
        _observation(
            rule=names[0] if names else f"NPM-{row.id}",
            names=names,
            package=row.module_name,
            version=next((place.version for place in row.findings or ()), ""),
            title=row.title,
            severity=row.severity,
            weaknesses=weaknesses,
            score=row.cvss,
            fixed=fixed,
            unfixed=FixState.UNKNOWN if row.patched_versions is None else FixState.NOT_FIXED,
        )
    ]


def _new(via: _Via, package: _Package) -> Observation:
    ghsa = _first(_GHSA, via.url)
    return _observation(
        rule=ghsa or f"NPM-{via.source}",
        names=[ghsa] if ghsa else [],
        package=via.name,
        version="",
        title=via.title,
        severity=via.severity,
        weaknesses=via.cwe or [],
        score=via.cvss,
        fixed=(),
        # `fixAvailable` tells of an upgrade of the parent, without the version of this package.
        unfixed=FixState.FIXED if package.fix_available else FixState.NOT_FIXED,
    )


def _berry(name: str, row: _Berry) -> Observation:
    ghsa = _first(_GHSA, row.url)
    deprecated = str(row.id).endswith("(deprecation)")
    if deprecated:
        finding = Finding(
            kind=Kind.QUALITY,
            rule="deprecated",
            title=f"{name} is deprecated",
            severity=_SEVERITIES.get(row.severity.lower(), Severity.UNKNOWN),
            severity_raw=row.severity,
            purl=purl("npm", name, row.versions[0] if row.versions else None),
            scanners=("npm-audit",),
        )
        return Observation(finding=finding, context=name)
    return _observation(
        rule=ghsa or f"NPM-{row.id}",
        names=[ghsa] if ghsa else [],
        package=name,
        version=row.versions[0] if row.versions else "",
        title=row.issue,
        severity=row.severity,
        weaknesses=[],
        score=None,
        fixed=(),
        unfixed=FixState.UNKNOWN,
    )


def _observation(
    *,
    rule: str,
    names: list[str],
    package: str,
    version: str,
    title: str,
    severity: str,
    weaknesses: list[str],
    score: _Score | None,
    fixed: tuple[str, ...],
    unfixed: FixState,
) -> Observation:
    # A vector that is null beside a score of 0 says nothing.
    rating = cvss_scores.rating(vector=score.vector, score=score.score) if score and score.vector else None
    return Observation(
        finding=Finding(
            kind=Kind.VULNERABILITY,
            rule=rule,
            title=title.strip() or f"{rule} in {package}",
            severity=_SEVERITIES.get(severity.lower(), Severity.UNKNOWN),
            severity_raw=severity,
            aliases=tuple(name for name in names if name != rule and names_one_flaw(name)),
            cwes=cwes(weaknesses),
            cvss=(rating,) if rating else (),
            purl=purl("npm", package, version),
            version=version or None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed, unfixed),
            location=Location(),
            scanners=("npm-audit",),
        )
    )


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[0] if match else None
