"""Xeol's JSON: packages and systems whose support has ended, or ends within the time it looks ahead.

The end of support is no flaw of its own and has no severity: it is unknown, which counts like high, until
a waiver or the settings say otherwise. Not read: catalogues, licences.

Source: xeol-io/xeol, `xeol/presenter/models`; real reports.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Raw, field

from gate.documents.document import Document
from gate.model import Location, Observation, ReportSubject, Scan, Status
from scanners import flaws
from scanners.identifiers import image_digest, sha256_digest

_EXPECTED: Final = "a Xeol report"
_SYSTEM_PACKAGES: Final = frozenset({"alpm", "apk", "deb", "portage", "rpm"})


class _Cycle(msgspec.Struct, rename="pascal"):
    product_name: str
    release_cycle: str = ""
    eol: str = ""
    eol_bool: bool = False
    latest_release: str = ""


class _Place(msgspec.Struct):
    path: str = ""


class _Artifact(msgspec.Struct):
    name: str
    version: str = ""
    type: str = ""
    purl: str = ""
    locations: list[_Place] | None = None


class _Match(msgspec.Struct):
    cycle: _Cycle = field(name="Cycle")
    artifact: _Artifact


class _Target(msgspec.Struct, rename="camel"):
    user_input: str = ""
    manifest_digest: str | None = None
    repo_digests: list[str] | None = None


class _Source(msgspec.Struct):
    type: str
    target: _Target | str


class _Database(msgspec.Struct):
    error: object = None
    built: str | None = None


class _Descriptor(msgspec.Struct):
    name: Literal["xeol"]
    version: str | None = None
    db: _Database | None = None


class _Report(msgspec.Struct):
    matches: list[Raw]
    descriptor: _Descriptor
    source: _Source | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Xeol report, or None."""
    if "matches" in document.keys and document.at("descriptor", "name") == "xeol":
        return "matches, and descriptor.name is xeol"
    return None


def parse(document: Document) -> Scan:
    """Every package beyond its support; raises `ReportError` where matches or the tool are absent."""
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.matches, _Match, "$.matches", _EXPECTED)
    target = report.source.target if report.source else None
    database = report.descriptor.db
    broken = database is not None and bool(database.error)
    subject = None
    image = None
    if isinstance(target, _Target) and report.source and report.source.type == "image":
        image = target.user_input or None
        digest = image_digest(target.user_input, target.repo_digests or []) or sha256_digest(
            target.manifest_digest
        )
        subject = ReportSubject(name=target.user_input, digest=digest)
    return Scan(
        format="xeol",
        scanner="xeol",
        scanner_version=report.descriptor.version,
        status=Status.PARTIAL if broken else Status.OK,
        subject=subject,
        kinds=(),
        observations=tuple(_observation(row, image) for row in rows.good),
        rejected=rows.rejected,
        notes=("the database was not usable",) if broken else (),
    )


def _observation(row: _Match, image: str | None) -> Observation:
    cycle, artifact = row.cycle, row.artifact
    places = [place.path for place in artifact.locations or () if place.path]
    file = places[0] if places and artifact.type not in _SYSTEM_PACKAGES else None
    end = f" since {cycle.eol[:10]}" if cycle.eol[:4] > "0001" else ""
    return flaws.observed(
        flaws.Flaw(
            id=f"EOL:{cycle.product_name}:{cycle.release_cycle}",
            package=artifact.name,
            version=artifact.version or None,
            purl=artifact.purl or None,
            title=f"{cycle.product_name} {cycle.release_cycle} is at its end of life{end}",
            location=Location(file=file, image=image),
        ),
        "xeol",
    )
