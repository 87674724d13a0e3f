"""OWASP Dependency-Check's XML and JSON: flaws in libraries, recognised by file.

A dependency without a purl is named by its file. What a dependency bundles under `relatedDependencies`
(copies at other places, parts of one library) has its flaws too, for each a finding. Suppressed vulnerabilities are told in a note and not
read. An exception during the analysis makes the report partial. Not read: evidence, references,
vulnerable software, hashes.

Source: schema dependency-check.2.x and 4.x; FORMATS.md 2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import Element

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import Cvss, Evidence, Finding, FixState, Kind, Location, Observation, Scan, Severity, Status
from scanners import cvss_scores
from scanners.identifiers import cwes, names_one_flaw, purl_version

_EXPECTED: Final = "a Dependency-Check report"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.INFO,
    "informational": Severity.INFO,
}


class _Score(msgspec.Struct):
    """CVSS of any version; the keys differ by version."""

    score: float | None = None
    base: float | None = field(name="baseScore", default=None)
    severity: str = ""
    word: str = field(name="baseSeverity", default="")
    vector: str | None = field(name="vectorString", default=None)


class _Vulnerability(msgspec.Struct):
    name: str
    severity: str = ""
    cwes: list[str] = []
    cvss2: _Score | None = field(name="cvssv2", default=None)
    cvss3: _Score | None = field(name="cvssv3", default=None)
    cvss4: _Score | None = field(name="cvssv4", default=None)


class _Identifier(msgspec.Struct):
    id: str


class _Related(msgspec.Struct):
    file_name: str = field(name="fileName", default="")
    file_path: str = field(name="filePath", default="")
    packages: list[_Identifier] | None = field(name="packageIds", default=None)


class _Dependency(msgspec.Struct):
    file_name: str = field(name="fileName")
    file_path: str = field(name="filePath", default="")
    packages: list[_Identifier] | None = None
    related: list[_Related] | None = field(name="relatedDependencies", default=None)
    vulnerabilities: list[_Vulnerability] | None = None
    suppressed: list[Any] | None = field(name="suppressedVulnerabilities", default=None)


class _Info(msgspec.Struct):
    engine: str | None = field(name="engineVersion", default=None)
    exceptions: Any = field(name="analysisExceptions", default=None)


class _Project(msgspec.Struct):
    date: str | None = field(name="reportDate", default=None)


class _Report(msgspec.Struct):
    dependencies: list[Raw]
    info: _Info = field(name="scanInfo")
    project: _Project = field(name="projectInfo", default_factory=_Project)


def detect(document: Document) -> str | None:
    """Why `document` is a Dependency-Check report, or None."""
    if document.root == "analysis" and "dependency-check" in document.namespace:
        return "the root is analysis of Dependency-Check's namespace"
    if "dependencies" in document.keys and document.at("scanInfo", "engineVersion") is not None:
        return "dependencies and scanInfo.engineVersion"
    return None


def parse(document: Document) -> Scan:
    """Every vulnerability of every dependency; raises `ReportError` for another shape."""
    if document.syntax == "xml":
        root = _plain(document.element(_EXPECTED), document.path)
        listed = root.find("dependencies")
        if listed is None:
            raise _wrong("no dependencies", document.path)
        parts = [
            (item, f"dependencies/dependency[{n}]") for n, item in enumerate(listed.findall("dependency"), 1)
        ]
        rows = records.understood(parts, lambda item: _dependency(item, document.path))
        version, date = root.findtext("scanInfo/engineVersion"), root.findtext("projectInfo/reportDate")
        failed = root.find("scanInfo/analysisExceptions") is not None
    else:
        report = document.decoded(_Report, _EXPECTED)
        rows = document.each(report.dependencies, _Dependency, "$.dependencies", _EXPECTED)
        version, date, failed = report.info.engine, report.project.date, bool(report.info.exceptions)
    suppressed = sum(len(row.suppressed or ()) for row in rows.good)
    notes = [f"{suppressed} vulnerabilities are suppressed in the report"] if suppressed else []
    if failed:
        notes.append("the analysis had exceptions (scanInfo.analysisExceptions)")
    if not rows.good and not rows.rejected:
        notes.append("no dependency was found")
    return Scan(
        format="dependency-check",
        scanner="dependency-check",
        scanner_version=version,
        status=Status.PARTIAL if failed else Status.OK if rows.good else Status.EMPTY_TARGET,
        created=times.normalized(date),
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(
            seen
            for row in rows.good
            for place in (row, *(row.related or ()))
            for seen in _observations(row, place)
        ),
        rejected=rows.rejected,
        notes=tuple(notes),
    )


def _wrong(what: str, path: str) -> ReportError:
    return wrong_shape(path, f"not {_EXPECTED}: {what}")


def _plain(root: Element, path: str) -> Element:
    """`root` without namespaces, which name the version of the schema."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "analysis":
        raise _wrong(f"the root is {root.tag[:40]!r}", path)
    return root


def _dependency(item: Element, path: str) -> _Dependency:
    name = item.findtext("fileName")
    if not name:
        raise _wrong("a dependency without fileName", path)
    return _Dependency(
        file_name=name,
        file_path=item.findtext("filePath", ""),
        packages=[_Identifier(one.findtext("id", "")) for one in item.findall("identifiers/package")],
        related=[
            _Related(
                file_name=one.findtext("fileName", ""),
                file_path=one.findtext("filePath", ""),
                packages=[_Identifier(own.findtext("id", "")) for own in one.findall("identifiers/package")],
            )
            for one in item.findall("relatedDependencies/relatedDependency")
        ],
        vulnerabilities=[_vulnerability(one, path) for one in item.findall("vulnerabilities/vulnerability")],
        suppressed=item.findall("vulnerabilities/suppressedVulnerability"),
    )


def _vulnerability(item: Element, path: str) -> _Vulnerability:
    name = item.findtext("name")
    if not name:
        raise _wrong("a vulnerability without name", path)
    old = [one.text or "" for one in item.findall("cwe")]
    return _Vulnerability(
        name=name,
        severity=item.findtext("severity", ""),
        cwes=[one.text or "" for one in item.findall("cwes/cwe")] or [text.split(" ")[0] for text in old],
        cvss2=_score(item.find("cvssV2")),
        cvss3=_score(item.find("cvssV3")),
        cvss4=_score(item.find("cvssV4")),
    )


def _score(item: Element | None) -> _Score | None:
    if item is None:
        return None
    text = item.findtext("baseScore") or item.findtext("score") or ""
    try:
        score = float(text)
    except ValueError:
        score = None
    return _Score(score=score, vector=item.findtext("vectorString"))


def _observations(row: _Dependency, place: _Dependency | _Related) -> Iterator[Observation]:
    """The flaws of `row` where `place` stands: itself, or what it bundles."""
    url = next((one.id for one in place.packages or () if one.id.startswith("pkg:")), None)
    version = purl_version(url) if url else None
    file_name = place.file_name or place.file_path.replace("\\", "/").rpartition("/")[2] or row.file_name
    for flaw in row.vulnerabilities or ():
        named = flaw.severity or next(
            (score.word or score.severity for score in (flaw.cvss4, flaw.cvss3, flaw.cvss2) if score), ""
        )
        name = flaw.name.strip()
        yield Observation(
            finding=Finding(
                kind=Kind.VULNERABILITY,
                rule=name,
                title=f"{name} in {file_name}",
                severity=_SEVERITIES.get(named.lower(), Severity.UNKNOWN),
                severity_raw=named or None,
                cwes=cwes([text.strip() for text in flaw.cwes]),
                cvss=tuple(_ratings(flaw)),
                purl=url,
                version=version,
                fix_state=FixState.UNKNOWN,
                location=Location(file=None if url else place.file_path or file_name),
                scanners=("dependency-check",),
            ),
            context="" if url and names_one_flaw(name) else file_name,
        )


def _ratings(flaw: _Vulnerability) -> Iterator[Cvss]:
    for version, given in (("2.0", flaw.cvss2), ("3.1", flaw.cvss3), ("4.0", flaw.cvss4)):
        if given:
            score = given.base if given.base is not None else given.score
            rating = cvss_scores.rating(version=version, vector=given.vector, score=score)
            if rating:
                yield rating
