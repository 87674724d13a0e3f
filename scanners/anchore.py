"""Anchore: the flaws of an image as Anchore Engine, Anchore Enterprise and `anchorectl` list them.

One shape in two spellings (`package_name`, `packageName`), in an object or a bare array, and the
evaluation of Enterprise. `None` written as a word is no value, and a score of -1 is none.
Policy evaluations are read by `anchore_policy.py`. Not read: CPEs, links, feeds' own data of flaws.

Source: Anchore Engine and Enterprise API documentation, real reports; FORMATS.md 2.24.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import (
    Cvss,
    Evidence,
    FixState,
    Location,
    Observation,
    Rejected,
    ReportSubject,
    Scan,
    Severity,
)
from scanners import cvss_scores, flaws
from scanners.identifiers import sha256_digest

_EXPECTED: Final = "a list of vulnerabilities of Anchore"
_SEVERITIES: Final = {"negligible": Severity.INFO}
_SYSTEMS: Final = {"gem": "gem", "go": "golang", "npm": "npm", "nuget": "nuget", "python": "pypi"}
"""Types of packages whose name is all that a purl needs; of `java` the group is not known."""
_DISTRIBUTIONS: Final = frozenset({"apkg", "apk", "deb", "dpkg", "rpm"})
_NOTHING: Final = frozenset({"", "none", "n/a", "unknown"})


class _BaseScore(msgspec.Struct):
    score: float = field(name="base_score", default=-1.0)
    camel: float = field(name="baseScore", default=-1.0)

    @property
    def value(self) -> float | None:
        """The score, in whichever spelling; None for -1."""
        best = max(self.score, self.camel)
        return best if best >= 0 else None


class _Scores(msgspec.Struct):
    cvss_v2: _BaseScore | None = None
    cvss_v3: _BaseScore | None = None
    camel_v2: _BaseScore | None = field(name="cvssV2", default=None)
    camel_v3: _BaseScore | None = field(name="cvssV3", default=None)


class _Snake(msgspec.Struct):
    """A row of Anchore Engine."""

    vuln: str
    severity: str
    package: str
    package_name: str = ""
    package_version: str = ""
    package_type: str = ""
    package_path: str = ""
    fix: str = ""
    feed_group: str = ""
    nvd_data: list[_Scores] | None = None
    vendor_data: list[_Scores] | None = None
    cves: list[str] | str | None = None


class _Camel(msgspec.Struct, rename="camel"):
    """A row of anchorectl: the same in other spelling; msgspec renames no field that is inherited."""

    vuln: str
    severity: str
    package: str
    package_name: str = ""
    package_version: str = ""
    package_type: str = ""
    package_path: str = ""
    fix: str = ""
    feed_group: str = ""
    nvd_data: list[_Scores] | None = None
    vendor_data: list[_Scores] | None = None
    cves: list[str] | str | None = None


class _Evaluated(msgspec.Struct, rename="camel"):
    """A row of an evaluation of Enterprise."""

    vulnerability_id: str
    severity: str
    package: str
    package_type: str = ""
    cves: list[str] | str | None = None
    path: str | None = None
    fix_available: str | None = None
    nvd_cvss_base_score: float | None = None


class _Engine(msgspec.Struct):
    vulnerabilities: list[Raw]
    image_digest: str | None = None
    camel_digest: str | None = field(name="imageDigest", default=None)
    tag: str | None = field(name="imageFullTag", default=None)


class _Metadata(msgspec.Struct, rename="camel"):
    registry: str = ""
    repository: str = ""
    tag: str = ""
    image_digest: str | None = None


class _Enterprise(msgspec.Struct):
    metadata: _Metadata
    rows: list[Raw] = field(name="securityEvaluation")


def detect(document: Document) -> str | None:
    """Why `document` is Anchore's, or None."""
    keys = document.keys
    if "vulnerabilities" in keys and keys & {"vulnerability_type", "vulnerabilityType"}:
        return "vulnerabilities and vulnerability_type"
    if "securityEvaluation" in keys and document.at("metadata", "imageDigest"):
        return "securityEvaluation and metadata.imageDigest"
    if {"vuln", "package", "packageName"} <= document.first.keys():
        return "an array of records with vuln and packageName (anchorectl)"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every package.

    Raises `ReportError` where the list is absent or none of its rows is understood.
    """
    if "securityEvaluation" in document.keys:
        return _enterprise(document.decoded(_Enterprise, _EXPECTED), document)
    if not document.keys:
        bare = document.records(_Camel, _EXPECTED)
        return _scan(tuple(_observation(row, None) for row in bare.good), None, bare.rejected)
    report = document.decoded(_Engine, _EXPECTED)
    digest = sha256_digest(report.image_digest or report.camel_digest)
    subject = ReportSubject(name=report.tag or digest or "", digest=digest) if digest or report.tag else None
    is_camel = document.at("vulnerabilities", 0, "packageName") is not None
    if is_camel:
        camel = document.each(report.vulnerabilities, _Camel, "$.vulnerabilities", _EXPECTED)
        return _scan(tuple(_observation(row, report.tag) for row in camel.good), subject, camel.rejected)
    rows = document.each(report.vulnerabilities, _Snake, "$.vulnerabilities", _EXPECTED)
    return _scan(tuple(_observation(row, report.tag) for row in rows.good), subject, rows.rejected)


def _enterprise(report: _Enterprise, document: Document) -> Scan:
    about = report.metadata
    name = "/".join(filter(None, (about.registry, about.repository))) + (f":{about.tag}" if about.tag else "")
    rows = document.each(report.rows, _Evaluated, "$.securityEvaluation", _EXPECTED)
    subject = ReportSubject(name=name, digest=sha256_digest(about.image_digest)) if name else None
    return _scan(tuple(_evaluated(row, name) for row in rows.good), subject, rows.rejected)


def _scan(
    observations: tuple[Observation, ...], subject: ReportSubject | None, rejected: tuple[Rejected, ...]
) -> Scan:
    return Scan(
        format="anchore",
        scanner="anchore",
        subject=subject,
        kinds=(Evidence.IMAGE, Evidence.DEPENDENCIES),
        observations=observations,
        rejected=rejected,
    )


def _observation(row: _Snake | _Camel, image: str | None) -> Observation:
    is_system = row.package_type.lower() in _DISTRIBUTIONS
    system = row.feed_group if is_system else _SYSTEMS.get(row.package_type.lower(), "")
    fixed = [version for version in row.fix.split(", ") if version.lower() not in _NOTHING]
    return flaws.observed(
        flaws.Flaw(
            id=row.vuln,
            package=row.package_name or row.package,
            version=row.package_version or None,
            system=system,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            names=[row.cves] if isinstance(row.cves, str) else row.cves or (),
            cvss=_ratings(row),
            fixed=fixed,
            unfixed=FixState.NOT_FIXED if row.fix else FixState.UNKNOWN,
            location=Location(file=None if is_system else _value(row.package_path), image=image),
        ),
        "anchore",
    )


def _evaluated(row: _Evaluated, image: str) -> Observation:
    names = row.cves.split(",") if isinstance(row.cves, str) else row.cves or ()
    return flaws.observed(
        flaws.Flaw(
            id=row.vulnerability_id,
            package=row.package,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            names=[name.strip() for name in names],
            cvss=[cvss_scores.rating(version="3.1", score=row.nvd_cvss_base_score, source="nvd")],
            fixed=[v for v in (row.fix_available or "").split(", ") if v.lower() not in _NOTHING],
            unfixed=FixState.NOT_FIXED if row.fix_available else FixState.UNKNOWN,
            location=Location(file=_value(row.path or ""), image=image or None),
        ),
        "anchore",
    )


def _ratings(row: _Snake | _Camel) -> Iterator[Cvss | None]:
    for source, some in (("nvd", row.nvd_data), ("vendor", row.vendor_data)):
        for given in some or ():
            for version, score in (
                ("2.0", given.cvss_v2 or given.camel_v2),
                ("3.1", given.cvss_v3 or given.camel_v3),
            ):
                yield cvss_scores.rating(version=version, score=score.value if score else None, source=source)


def _value(text: str) -> str | None:
    """`text`, or None for the words that say that there is none, and for the database of a system."""
    return None if text.lower() in _NOTHING or text == "pkgdb" else text
