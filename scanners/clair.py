"""Clair: the report of version 4, a layer of the API of versions 1 and 2, and what clair-scanner and klar write of them.

Version 4 joins packages and flaws by id; a flaw that it names and does not describe is rejected. The
old ones have one row for each flaw in a package. A layer that was asked for without its flaws looks like a
clean one, so one without any flaw is partial. Advisories of distributions (RHSA) name several flaws
and are no aliases. Not read: layers, enrichments other than CVSS scores.

Source: quay/clair documentation, "Vulnerability Report" and "Clair v1 API" (its example; no real file); real reports of clair-scanner and klar; FORMATS.md 2.24.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

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
    Status,
)
from scanners import cvss_scores, flaws
from scanners.identifiers import sha256_digest

_EXPECTED: Final = "a Clair report"
_SEVERITIES: Final = {"defcon1": Severity.CRITICAL, "negligible": Severity.INFO}
_RANGE: Final = re.compile(r"(?:^|&)fixed=(?P<version>[^&]+)")
_KINDS: Final = (Evidence.IMAGE, Evidence.DEPENDENCIES)


class _Row(msgspec.Struct):
    """A flaw of clair-scanner's."""

    package: str = field(name="featurename")
    id: str = field(name="vulnerability")
    version: str = field(name="featureversion", default="")
    namespace: str = ""
    severity: str = ""
    fixed: str = field(name="fixedby", default="")


class _Scanner(msgspec.Struct):
    """clair-scanner's report."""

    image: str
    unapproved: list[str] | None
    vulnerabilities: list[Raw]


class _KlarRow(msgspec.Struct, rename="pascal"):
    name: str
    feature_name: str
    feature_version: str = ""
    namespace_name: str = ""
    severity: str = ""
    fixed_by: str = ""


class _Klar(msgspec.Struct, rename="pascal"):
    layer_count: int
    vulnerabilities: dict[str, list[Raw]]


class _LayerFlaw(msgspec.Struct, rename="pascal"):
    name: str
    severity: str = ""
    fixed_by: str = ""


class _Feature(msgspec.Struct, rename="pascal"):
    name: str
    namespace_name: str = ""
    version: str = ""
    vulnerabilities: list[_LayerFlaw] | None = None


class _Layer(msgspec.Struct, rename="pascal"):
    name: str
    features: list[Raw] | None = None


class _Answer(msgspec.Struct, rename="pascal"):
    """An answer of the API of versions 1 and 2."""

    layer: _Layer


class _Named(msgspec.Struct):
    """A package or a distribution of version 4."""

    name: str = ""
    version: str = ""
    did: str = ""
    version_id: str = ""


class _Flaw(msgspec.Struct):
    name: str
    severity: str = ""
    normalized_severity: str = ""
    fixed_in_version: str = ""
    distribution: _Named | None = None


class _Report(msgspec.Struct):
    """The report of version 4."""

    manifest_hash: str
    packages: dict[str, _Named] | None
    vulnerabilities: dict[str, _Flaw] | None
    package_vulnerabilities: dict[str, list[str] | None] | None
    enrichments: dict[str, list[dict[str, list[dict[str, object]]]]] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a report of Clair, or None."""
    keys = document.keys
    if {"manifest_hash", "package_vulnerabilities"} <= keys:
        return "manifest_hash and package_vulnerabilities (version 4)"
    if {"image", "unapproved", "vulnerabilities"} <= keys:
        return "image, unapproved and vulnerabilities (clair-scanner)"
    if "LayerCount" in keys and isinstance(document.at("Vulnerabilities"), dict):
        return "LayerCount and Vulnerabilities (klar)"
    if document.at("Layer", "IndexedByVersion") is not None and document.at("Layer", "Name"):
        return "Layer with IndexedByVersion (API of versions 1 and 2)"
    return None


def parse(document: Document) -> Scan:
    """Every flaw of every package.

    Raises `ReportError` where the lists that the tool always writes are absent.
    """
    if "manifest_hash" in document.keys:
        return _current(document.decoded(_Report, _EXPECTED))
    if "Layer" in document.keys:
        return _layer(document.decoded(_Answer, _EXPECTED).layer, document)
    if "LayerCount" in document.keys:
        return _klar(document.decoded(_Klar, _EXPECTED), document)
    return _scanner(document.decoded(_Scanner, _EXPECTED), document)


def _scanner(report: _Scanner, document: Document) -> Scan:
    rows = document.each(report.vulnerabilities, _Row, "$.vulnerabilities", _EXPECTED)
    missing = set(report.unapproved or ()) - {row.id for row in rows.good}
    image = report.image
    return Scan(
        format="clair",
        scanner="clair",
        status=Status.PARTIAL if missing else Status.OK,
        subject=ReportSubject(name=image) if image else None,
        kinds=_KINDS,
        observations=tuple(
            _observation(row.id, row.package, row.version, row.namespace, row.severity, row.fixed, image)
            for row in rows.good
        ),
        rejected=rows.rejected,
        notes=(f"{len(missing)} flaws are unapproved and not listed, one of them {min(missing)}",)
        if missing
        else (),
    )


def _klar(report: _Klar, document: Document) -> Scan:
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    for word, raws in report.vulnerabilities.items():
        rows = document.each(raws, _KlarRow, f"$.Vulnerabilities.{word}", _EXPECTED)
        rejected += rows.rejected
        observations += [
            _observation(
                row.name, row.feature_name, row.feature_version, row.namespace_name, word, row.fixed_by, ""
            )
            for row in rows.good
        ]
    return Scan(
        format="clair",
        scanner="clair",
        status=Status.OK if report.layer_count > 0 else Status.EMPTY_TARGET,
        kinds=_KINDS,
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=() if report.layer_count > 0 else ("the image has no layer",),
    )


def _layer(layer: _Layer, document: Document) -> Scan:
    rows = document.each(layer.features, _Feature, "$.Layer.Features", _EXPECTED)
    seen = tuple(
        _observation(flaw.name, row.name, row.version, row.namespace_name, flaw.severity, flaw.fixed_by, "")
        for row in rows.good
        for flaw in row.vulnerabilities or ()
    )
    notes = ["no package has a flaw: was the layer asked for with `?vulnerabilities`?"] if not seen else []
    return Scan(
        format="clair",
        scanner="clair",
        status=Status.OK if seen else Status.PARTIAL if layer.features else Status.EMPTY_TARGET,
        kinds=_KINDS,
        observations=seen,
        rejected=rows.rejected,
        notes=tuple(notes) if layer.features else ("the layer has no package",),
    )


def _current(report: _Report) -> Scan:
    packages, known = report.packages or {}, report.vulnerabilities or {}
    pairs = [
        (package, flaw)
        for package, found in (report.package_vulnerabilities or {}).items()
        for flaw in dict.fromkeys(found or ())
    ]
    lost = [pair for pair in pairs if pair[0] not in packages or pair[1] not in known]
    silent = known.keys() - {flaw for _, flaw in pairs}
    notes = [f"{len(silent)} flaws are described and no package has them"] if silent else []
    scores = _scores(report)
    return Scan(
        format="clair",
        scanner="clair",
        status=Status.EMPTY_TARGET if not packages else Status.PARTIAL if silent else Status.OK,
        subject=ReportSubject(name=report.manifest_hash, digest=sha256_digest(report.manifest_hash)),
        kinds=_KINDS,
        observations=tuple(
            _joined(packages[package], known[flaw], scores.get(flaw, []))
            for package, flaw in pairs
            if package in packages and flaw in known
        ),
        rejected=tuple(_lost(*pair) for pair in lost),
        notes=tuple(notes) if packages else ("no package was recognised in the image",),
    )


def _lost(package: str, flaw: str) -> Rejected:
    return Rejected(
        where=f"$.package_vulnerabilities.{package}",
        reason=f"package {package} or its flaw {flaw} is not described in the report",
    )


def _joined(package: _Named, flaw: _Flaw, scores: list[Cvss]) -> Observation:
    at = flaw.distribution or _Named()
    word = flaw.normalized_severity or flaw.severity
    return _observation(
        flaw.name,
        package.name,
        package.version,
        f"{at.did}:{at.version_id}",
        word,
        flaw.fixed_in_version,
        "",
        scores,
    )


def _scores(report: _Report) -> dict[str, list[Cvss]]:
    """CVSS scores by the id of the flaw."""
    found: dict[str, list[Cvss]] = {}
    for name, entries in (report.enrichments or {}).items():
        if "clair.cvss" in name:
            for id_, score in _entries(entries):
                found.setdefault(id_, []).append(score)
    return found


def _entries(entries: list[dict[str, list[dict[str, object]]]]) -> Iterator[tuple[str, Cvss]]:
    for entry in entries:
        for id_, given in entry.items():
            for one in given:
                read = cvss_scores.rating(vector=str(one.get("vectorString") or ""))
                if read:
                    yield id_, read


def _observation(
    id_: str,
    package: str,
    version: str,
    namespace: str,
    word: str,
    fixed: str,
    image: str,
    scores: list[Cvss] | None = None,
) -> Observation:
    return flaws.observed(
        flaws.Flaw(
            id=id_.split(" ", maxsplit=1)[0],
            package=package,
            version=version or None,
            system=namespace,
            severity=flaws.worded(word, _SEVERITIES),
            word=word,
            names=flaws.cves(id_),
            cvss=scores or (),
            fixed=[_fixed(fixed)],
            unfixed=FixState.NOT_FIXED,
            location=Location(image=image or None),
        ),
        "clair",
    )


def _fixed(text: str) -> str:
    """The version with the fix; version 4 writes ranges of OSV as `fixed=1.2&introduced=0`."""
    match = _RANGE.search(text)
    return unquote(match["version"]) if match else "" if "introduced=" in text else text
