"""`composer audit --format=json`: flaws in PHP packages.

The report has no installed versions, only ranges of flawed ones. Advisories that Composer was told to
ignore count, with a note; abandoned packages are a note. PHP writes an empty object as `[]`, and a list
with gaps as an object. Not read: ranges, dates.

Source: composer/composer, `src/Composer/Advisory/Auditor.php`; real reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Observation, Rejected, Scan, Status
from scanners import flaws

_EXPECTED: Final = "a Composer audit report"
_KEYS: Final = frozenset({
    "abandoned", "advisories", "filter", "ignored-advisories", "unreachable-repositories",
})  # fmt: skip


class _Source(msgspec.Struct):
    id: str = field(name="remoteId", default="")


class _Advisory(msgspec.Struct):
    package: str = field(name="packageName")
    title: str
    id: str = field(name="advisoryId", default="")
    cve: str | None = None
    severity: str | None = None
    sources: list[_Source] | None = None


_Lists = dict[str, list[Raw] | dict[str, Raw]] | list[Raw]


class _Report(msgspec.Struct):
    advisories: _Lists
    ignored: _Lists = field(name="ignored-advisories", default_factory=dict)
    abandoned: dict[str, str | None] | list[Raw] = field(default_factory=dict)
    unreachable: list[str] | dict[str, str] = field(name="unreachable-repositories", default_factory=list)


def detect(document: Document) -> str | None:
    """Why `document` is a Composer audit report, or None."""
    advisories = document.at("advisories")
    if not isinstance(advisories, (dict, list)) or not document.keys <= _KEYS:
        return None
    if "abandoned" in document.keys:
        return "advisories and abandoned"
    first = next(iter(advisories.values()), None) if isinstance(advisories, dict) else None
    row = next(iter(first.values()), None) if isinstance(first, dict) else (first or [None])[0]
    if isinstance(row, dict) and {"packageName", "affectedVersions"} <= row.keys():
        return "advisories with packageName and affectedVersions"
    return None


def parse(document: Document) -> Scan:
    """Every advisory; partial where a repository was not reached.

    Raises `ReportError` where `advisories` are absent.
    """
    report = document.decoded(_Report, _EXPECTED)
    rows, rejected = _advisories(report.advisories, document, "$.advisories")
    ignored, more = _advisories(report.ignored, document, "$.ignored-advisories")
    notes = [f"the repository {quoted(one)} was not reached" for one in report.unreachable]
    if ignored:
        notes.append(f"{len(ignored)} advisories are ignored in Composer and count here")
    if report.abandoned:
        notes.append(f"{len(report.abandoned)} packages are abandoned")
    return Scan(
        format="composer-audit",
        scanner="composer-audit",
        status=Status.PARTIAL if report.unreachable else Status.OK,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(map(_observation, (*rows, *ignored))),
        rejected=(*rejected, *more),
        notes=tuple(notes),
    )


def _advisories(
    lists: _Lists, document: Document, where: str
) -> tuple[list[_Advisory], tuple[Rejected, ...]]:
    if isinstance(lists, list):
        found = document.each(lists, _Advisory, where, _EXPECTED)
        return list(found.good), found.rejected
    rows: list[_Advisory] = []
    rejected: list[Rejected] = []
    for package, given in lists.items():
        raws = list(given.values()) if isinstance(given, Mapping) else given
        found = document.each(raws, _Advisory, f"{where}.{package}", _EXPECTED)
        rows += found.good
        rejected += found.rejected
    return rows, tuple(rejected)


def _observation(row: _Advisory) -> Observation:
    names = [source.id for source in row.sources or ()]
    known = [name for name in names if name.startswith("GHSA-")]
    return flaws.observed(
        flaws.Flaw(
            id=row.cve or next(iter(known), "") or row.id or "unnamed",
            package=row.package,
            system="composer",
            title=row.title or None,
            severity=flaws.worded(row.severity),
            word=row.severity,
            names=[row.id, *names],
        ),
        "composer-audit",
    )
