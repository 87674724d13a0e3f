"""Aqua's image scans: of the scanner (resources with their flaws), of API version 1 (`cves`) and 2 (`result`).

Secrets in files are told by their type and file alone. Severity is Aqua's own word; without one the
vendor's, then NVD's. Malware is malware. Not read: assurance results (they are decisions, not
findings), licences, layers.

Source: real reports of Aqua 4 to 2022.4 and of its API; DefectDojo's samples; FORMATS.md.
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
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Rejected,
    ReportSubject,
    Scan,
    Severity,
    Status,
)
from scanners import cvss_scores, flaws

_EXPECTED: Final = "an image scan of Aqua"
_SEVERITIES: Final = {"malware": Severity.CRITICAL, "negligible": Severity.INFO, "sensitive": Severity.HIGH}
_KINDS: Final = (Evidence.IMAGE, Evidence.DEPENDENCIES)
_DISTRIBUTIONS: Final = frozenset({"apk", "deb", "dpkg", "rpm"})


class _Weakness(msgspec.Struct):
    id: str = field(name="Id", default="")


class _Flaw(msgspec.Struct):
    """A flaw of the scanner."""

    name: str
    aqua_severity: str = ""
    vendor_severity_v3: str = ""
    vendor_severity: str = ""
    nvd_severity_v3: str = ""
    nvd_severity: str = ""
    nvd_score: float | None = None
    nvd_vectors: str = ""
    nvd_score_v3: float | None = None
    nvd_vectors_v3: str = ""
    fix_version: str = ""
    cwe_info: list[_Weakness] | None = None
    epss_score: float | None = None

    @property
    def word(self) -> str:
        """Aqua's severity, or the next best."""
        words = (self.aqua_severity, self.vendor_severity_v3, self.vendor_severity)
        return next(filter(None, (*words, self.nvd_severity_v3, self.nvd_severity)), "")


class _About(msgspec.Struct):
    name: str = ""
    format: str = ""
    version: str = ""
    path: str = ""


class _Sensitive(msgspec.Struct):
    type: str = "secret"
    filename: str = ""


class _Malware(msgspec.Struct):
    malware: str = ""
    name: str = ""


class _Resource(msgspec.Struct):
    resource: _About
    scanned: bool = True
    vulnerabilities: list[_Flaw] | None = None
    sensitive: list[_Sensitive] | None = field(name="sensitive_data_items", default=None)
    malware: list[_Malware] | None = None


class _Counts(msgspec.Struct):
    total: int = 0


class _Scanned(msgspec.Struct):
    image: str
    resources: list[Raw] | None
    os: str = ""
    counts: _Counts | None = field(name="vulnerability_summary", default=None)


class _Wrapped(msgspec.Struct):
    """An element of what newer scanners write."""

    results: _Scanned
    image_name: str = ""


class _Row(msgspec.Struct):
    """A flaw of API version 1."""

    name: str
    file: str = ""
    severity: str = ""
    score: float | str | None = None
    score_version: str = ""
    fix_version: str = ""


class _First(msgspec.Struct):
    """The answer of API version 1."""

    cves: list[Raw] | None
    status: str = ""
    image_name: str = ""
    error: str | None = field(name="errorMsg", default=None)
    counts: _Counts = field(name="cves_counts", default_factory=_Counts)


class _Package(msgspec.Struct):
    name: str = ""
    version: str = ""
    format: str = ""
    path: str = ""


class _Second(msgspec.Struct):
    """A flaw of API version 2."""

    name: str
    resource: _Package
    image_name: str = ""
    image_digest: str = ""
    aqua_severity: str = ""
    vendor_severity: str = ""
    nvd_severity_v3: str = ""
    fix_version: str = ""
    aqua_vectors: str = ""
    nvd_vectors_v3: str = ""
    epss_score: float | None = None
    acknowledged: bool = False


class _Page(msgspec.Struct):
    """A page of API version 2."""

    count: int
    result: list[Raw] | None
    page: int = 1
    is_partial: bool = field(name="is_partial_data", default=False)


def detect(document: Document) -> str | None:
    """Why `document` is Aqua's, or None."""
    keys = document.keys
    if {"image", "resources"} <= keys and keys & {"vulnerability_summary", "image_assurance_results"}:
        return "image, resources and Aqua's summary"
    results = document.first.get("results")
    if "image_name" in document.first and isinstance(results, dict) and "resources" in results:
        return "an array of image_name and results with resources"
    if {"cves", "cves_counts"} <= keys:
        return "cves and cves_counts (API version 1)"
    if {"count", "result", "pagesize", "query"} <= keys:
        return "count, result, pagesize and query (API version 2)"
    return None


def parse(document: Document) -> Scan:
    """Every flaw, secret and piece of malware.

    Raises `ReportError` where the list of resources or of flaws is absent.
    """
    if "cves" in document.keys:
        return _first(document.decoded(_First, _EXPECTED), document)
    if "result" in document.keys:
        return _page(document.decoded(_Page, _EXPECTED), document)
    if "resources" in document.keys:
        return _scanned([(document.decoded(_Scanned, _EXPECTED), "$.resources")], document)
    images = document.decoded(list[_Wrapped], _EXPECTED)
    return _scanned(
        [(one.results, f"$[{number}].results.resources") for number, one in enumerate(images)], document
    )


def _scanned(images: list[tuple[_Scanned, str]], document: Document) -> Scan:
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    notes: list[str] = []
    resources = 0
    for image, where in images:
        rows = document.each(image.resources, _Resource, where, _EXPECTED)
        rejected += rows.rejected
        resources += len(rows.good)
        observations += [seen for row in rows.good for seen in _resource(row, image)]
        listed = sum(len(row.vulnerabilities or ()) for row in rows.good)
        if image.counts and image.counts.total > listed:
            notes.append(f"the summary counts {image.counts.total} flaws, the report lists {listed}")
        skipped = sum(not row.scanned for row in rows.good)
        notes += [f"{skipped} resources were not scanned"] if skipped else []
    status = Status.PARTIAL if notes else Status.OK
    if not resources and not rejected and not notes:
        status, notes = Status.EMPTY_TARGET, ["no resource was found in the image"]
    subject = _subject(images[0][0].image) if len(images) == 1 else None
    return _scan(observations, rejected, notes, status, subject)


def _resource(row: _Resource, image: _Scanned) -> Iterator[Observation]:
    about = row.resource
    is_system = about.format in _DISTRIBUTIONS
    location = Location(file=None if is_system else _file(about), image=image.image or None)
    for flaw in row.vulnerabilities or ():
        yield flaws.observed(
            flaws.Flaw(
                id=flaw.name,
                package=about.name,
                version=about.version or None,
                system=image.os if is_system else about.format,
                severity=flaws.worded(flaw.word, _SEVERITIES),
                word=flaw.word,
                cwes=[one.id for one in flaw.cwe_info or ()],
                cvss=_scores(flaw),
                fixed=flaw.fix_version.split(", "),
                unfixed=FixState.NOT_FIXED,
                epss=flaw.epss_score,
                location=location,
            ),
            "aqua",
        )
    # Aqua names neither line nor text: two of one type in one file cannot be told apart.
    for item in {(one.type, one.filename): one for one in row.sensitive or ()}.values():
        yield _secret(item, location, about.name)
    for found in row.malware or ():
        yield _malware(found.malware or found.name or "malware", location)


def _file(about: _About) -> str | None:
    """Where a package of a language stands; of npm Aqua names the folder, other tools the file in it."""
    folder = about.format == "npm" and about.path and not about.path.endswith(".json")
    return f"{about.path}/package.json" if folder else about.path or None


def _secret(item: _Sensitive, location: Location, context: str) -> Observation:
    at = msgspec.structs.replace(location, file=item.filename or location.file)
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=item.type,
            title=f"{item.type} in a file of the image",
            severity=Severity.HIGH,
            location=at,
            scanners=("aqua",),
        ),
        context=context,
    )


def _malware(name: str, location: Location) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.MALWARE,
            rule=name,
            title=f"malware {name}",
            severity=Severity.CRITICAL,
            location=location,
            scanners=("aqua",),
        ),
        context=name,
    )


def _scores(flaw: _Flaw) -> list[Cvss | None]:
    return [
        cvss_scores.rating(
            version="3.1", vector=flaw.nvd_vectors_v3, score=flaw.nvd_score_v3 or None, source="nvd"
        ),
        cvss_scores.rating(
            version="2.0", vector=flaw.nvd_vectors, score=flaw.nvd_score or None, source="nvd"
        ),
    ]


def _first(report: _First, document: Document) -> Scan:
    rows = document.each(report.cves, _Row, "$.cves", _EXPECTED)
    notes = []
    if report.error:
        notes.append("Aqua reports an error")
    if report.status.upper() not in ("", "SCANNED", "FINISHED", "SUCCESS"):
        notes.append(f"the scan is not finished: {report.status.lower()[:40]}")
    observations = [
        flaws.observed(
            flaws.Flaw(
                id=row.name,
                package=row.file,
                severity=flaws.worded(row.severity, _SEVERITIES),
                word=row.severity,
                cvss=[_score(row)],
                fixed=row.fix_version.split(", "),
                unfixed=FixState.NOT_FIXED,
                location=Location(image=report.image_name or None),
            ),
            "aqua",
        )
        for row in rows.good
    ]
    status = Status.FAILED if notes else Status.OK
    if report.counts.total > len(report.cves or ()):
        notes.append(f"{report.counts.total} flaws are counted and {len(report.cves or ())} listed")
        status = status if status is Status.FAILED else Status.PARTIAL
    return _scan(observations, list(rows.rejected), notes, status, _subject(report.image_name))


def _score(row: _Row) -> Cvss | None:
    version = {"CVSS v2": "2.0", "CVSS v3": "3.1"}.get(row.score_version)
    try:
        return cvss_scores.rating(version=version, score=float(row.score or "nan"))
    except ValueError:
        return None


def _page(report: _Page, document: Document) -> Scan:
    rows = document.each(report.result, _Second, "$.result", _EXPECTED)
    listed = len(report.result or ())
    notes = []
    if report.count > listed or report.page > 1:
        notes.append(f"the answer is one page: {listed} of {report.count} flaws")
    if report.is_partial:
        notes.append("Aqua says that its data are partial")
    observations = [
        flaws.observed(
            flaws.Flaw(
                id=row.name,
                package=row.resource.name,
                version=row.resource.version or None,
                system="" if row.resource.format in _DISTRIBUTIONS else row.resource.format,
                severity=flaws.worded(row.aqua_severity or row.vendor_severity, _SEVERITIES),
                word=row.aqua_severity or row.vendor_severity or row.nvd_severity_v3,
                cvss=[cvss_scores.rating(vector=row.aqua_vectors or row.nvd_vectors_v3)],
                fixed=row.fix_version.split(", "),
                unfixed=FixState.NOT_FIXED,
                epss=row.epss_score,
                location=Location(file=row.resource.path or None, image=row.image_name or None),
            ),
            "aqua",
        )
        for row in rows.good
    ]
    acknowledged = sum(row.acknowledged for row in rows.good)
    notes_ = (
        [*notes, f"{acknowledged} flaws are acknowledged in Aqua and count here"] if acknowledged else notes
    )
    status = Status.PARTIAL if notes else Status.OK
    return _scan(observations, list(rows.rejected), notes_, status, None)


def _subject(image: str) -> ReportSubject | None:
    """The image by its name: whether Aqua's `digest` is of the manifest is not said."""
    return ReportSubject(name=image) if image else None


def _scan(
    observations: list[Observation],
    rejected: list[Rejected],
    notes: list[str],
    status: Status,
    subject: ReportSubject | None,
) -> Scan:
    return Scan(
        format="aqua",
        scanner="aqua",
        status=status,
        subject=subject,
        kinds=_KINDS,
        observations=tuple(observations),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )
