"""Semgrep's JSON (`--json`), and the export of its Supply Chain service: code, secrets, packages.

Words it withholds without a login count as absent, or every finding would be the same one
(semgrep#10734). Suppressions (`is_ignored`, triage) are counted in a note, never obeyed. A secret is
titled by its rule: messages may quote it. Severities EXPERIMENT and INVENTORY are info.
Metavariables, fixes, data flow and reachability are not read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from packageurl import PackageURL

from gate.documents.document import Document
from gate.errors import quoted
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity, Status
from scanners import semgrep_shapes as shapes
from scanners.identifiers import fix_state

_SEVERITIES: Final = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "ERROR": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "MODERATE": Severity.MEDIUM,
    "WARNING": Severity.MEDIUM,
    "LOW": Severity.LOW,
    "INFO": Severity.LOW,
    "EXPERIMENT": Severity.INFO,
    "INVENTORY": Severity.INFO,
}
_WITHHELD: Final = "requires login"
_TITLE_CHARACTERS: Final = 300
_UNFINISHED: Final = ("timeout", "outofmemory", "stackoverflow", "fatalerror", "toomanymatches")
"""Error types after which a file was not looked at to its end, whatever level they have."""
_CWE: Final = re.compile(r"CWE-0*([1-9]\d{0,5})(?!\d)", re.IGNORECASE)
_OCCURRENCE: Final = re.compile(r"_\d+$")
_VERSION: Final = re.compile(r"[0-9A-Za-z][\w.+!~:-]*")
_ECOSYSTEM: Final = re.compile(r"[a-z][a-z0-9.-]*")
_PURL_TYPES: Final = {"gomod": "golang", "rubygems": "gem"}
"""Semgrep's names of ecosystems where the purl type is another."""


def detect(document: Document) -> str | None:
    """Why `document` is semgrep's, or None."""
    if document.at("vulns", 0, "advisory", "ruleId") is not None:
        return "vulns with an advisory.ruleId (semgrep Supply Chain)"
    if not isinstance(document.at("results"), list) or not isinstance(document.at("errors"), list):
        return None
    if document.at("results", 0, "check_id") is not None:
        return "results with check_id, and errors"
    if isinstance(document.at("paths"), dict) and not document.at("results"):
        return "results, errors and paths"
    return None


def parse(document: Document) -> Scan:
    """Every result, or every vulnerability of the export.

    Raises `ReportError` where results, errors, or what identifies a result is absent.
    """
    return _export(document) if "vulns" in document.keys else _scan(document)


def _scan(document: Document) -> Scan:
    report = document.decoded(shapes.Report, "a semgrep report")
    status, notes = _outcome(report)
    ignored = sum(1 for result in report.results if result.extra.is_ignored)
    if ignored:
        notes.append(f"{ignored} results are ignored in the report; they count here all the same")
    return Scan(
        format="semgrep",
        scanner="semgrep",
        scanner_version=report.version,
        status=status,
        kinds=(Evidence.CODE,),
        observations=tuple(map(_observation, report.results)),
        notes=tuple(notes),
    )


def _outcome(report: shapes.Report) -> tuple[Status, list[str]]:
    """How far semgrep got: errors, rules and files it skipped, and whether it saw a file at all."""
    notes: list[str] = []
    serious = [error for error in report.errors if _is_serious(error)]
    if serious:
        first = f"{quoted(_type(serious[0]))} in {quoted(serious[0].path or '(no file)')}"
        notes.append(f"semgrep reports {len(serious)} errors, the first: {first}")
    mild = Counter(_type(error) for error in report.errors if not _is_serious(error))
    notes += [f"semgrep warns {count} times: {quoted(what)}" for what, count in mild.items()]
    if report.skipped_rules:
        notes.append(f"{len(report.skipped_rules)} rules were skipped")
    reasons = Counter(one.reason for one in report.paths.skipped or ())
    notes += [f"{count} files were skipped: {quoted(reason)}" for reason, count in reasons.items()]
    unread = any(reason.startswith("analysis_failed") for reason in reasons)
    if not report.results and not report.paths.scanned:
        notes.append("the report does not say that any file was scanned")
        return Status.FAILED if serious else Status.EMPTY_TARGET, notes
    return Status.PARTIAL if serious or report.skipped_rules or unread else Status.OK, notes


def _is_serious(error: shapes.Error) -> bool:
    word = _type(error).lower().replace(" ", "")
    return error.level.lower() not in ("warn", "warning", "info") or word.startswith(_UNFINISHED)


def _type(error: shapes.Error) -> str:
    word = error.type[0] if isinstance(error.type, list) and error.type else error.type
    return word if isinstance(word, str) else "no type"


def _observation(result: shapes.Result) -> Observation:
    extra, metadata = result.extra, result.extra.metadata
    if extra.sca_info is not None:
        return _dependency(result, extra.sca_info.dependency_match.found_dependency)
    lines = extra.lines if extra.lines != _WITHHELD else None
    mark = extra.fingerprint if extra.fingerprint != _WITHHELD else None
    context = lines or _OCCURRENCE.sub("", mark or "")
    is_secret = _is_secret(result)
    confidence = next(_texts(metadata.confidence), None)
    if is_secret and extra.validation_state is not None:
        confidence = extra.validation_state
    return Observation(
        finding=Finding(
            kind=Kind.SECRET if is_secret else Kind.CODE,
            rule=result.check_id,
            title=result.check_id.rpartition(".")[2] if is_secret else _title(result),
            severity=_severity(extra.severity),
            severity_raw=extra.severity,
            cwes=_cwes(_texts(metadata.cwe)),
            location=Location(
                file=result.path, line=_positive(result.start.line), column=_positive(result.start.col)
            ),
            scanners=("semgrep",),
            confidence=confidence.lower() if confidence else None,
        ),
        context="" if is_secret else context,
        secret=Secret(context) if is_secret and context else None,
    )


def _is_secret(result: shapes.Result) -> bool:
    """Validated, or of a rule about secrets; plain rules carry NO_VALIDATOR too."""
    if result.extra.validation_state not in (None, "NO_VALIDATOR"):
        return True
    words = {*result.check_id.split("."), *_texts(result.extra.metadata.technology)}
    return "secrets" in words


def _dependency(result: shapes.Result, found: shapes.Dependency) -> Observation:
    extra, metadata = result.extra, result.extra.metadata
    flaws = tuple(_texts(metadata.flaw))
    return Observation(
        finding=Finding(
            kind=Kind.VULNERABILITY,
            rule=result.check_id,
            title=_title(result),
            severity=_severity(extra.severity),
            severity_raw=extra.severity,
            aliases=flaws,
            cwes=_cwes(_texts(metadata.cwe)),
            purl=_purl(found),
            version=found.version,
            location=Location(
                file=found.lockfile_path or result.path,
                line=_positive(found.line_number),
                resource=found.package,
            ),
            scanners=("semgrep",),
        )
    )


def _purl(found: shapes.Dependency) -> str | None:
    """The package URL, or None where semgrep's ecosystem or name makes none."""
    ecosystem = found.ecosystem.lower()
    namespace, _, name = found.package.replace(":", "/").rpartition("/")
    if not name or not _ECOSYSTEM.fullmatch(ecosystem):
        return None
    purl = PackageURL(_PURL_TYPES.get(ecosystem, ecosystem), namespace or None, name, found.version or None)
    return purl.to_string()


def _export(document: Document) -> Scan:
    export = document.decoded(shapes.Export, "a semgrep Supply Chain export")
    triaged = sum(1 for one in export.vulns if one.triage.status != "NEW")
    notes = [f"{triaged} vulnerabilities are triaged; they count here all the same"] if triaged else []
    repositories = {one.repository_name for one in export.vulns}
    if len(repositories) > 1:
        notes.append(f"the export covers {len(repositories)} repositories")
    if export.has_more:
        notes.append("the export has more pages (hasMore), which are not here")
    return Scan(
        format="semgrep",
        scanner="semgrep",
        status=Status.PARTIAL if export.has_more else Status.OK if export.vulns else Status.EMPTY_TARGET,
        kinds=(Evidence.DEPENDENCIES,),
        observations=tuple(map(_exported, export.vulns)),
        notes=tuple(notes),
    )


def _exported(one: shapes.Vulnerability) -> Observation:
    """One row; the advisory's ecosystem is not the package's (`gem` for grpcio), so there is no purl."""
    advisory, found, safe = one.advisory, one.matched_dependency, one.closest_safe_dependency
    place, line = one.dependency_file_location, str(one.dependency_file_location.start_line or "")
    fixed = safe.version_specifier if safe is not None and safe.name == found.name else ""
    fixed_versions = (fixed,) if _VERSION.fullmatch(fixed) else ()
    return Observation(
        finding=Finding(
            kind=Kind.VULNERABILITY,
            rule=advisory.rule_id,
            title=advisory.title or f"{found.name} is affected by {advisory.rule_id}",
            severity=_severity(advisory.severity),
            severity_raw=advisory.severity,
            aliases=tuple(advisory.references.cve_ids or ()),
            cwes=_cwes(advisory.references.cwe_ids or ()),
            version=found.version_specifier if _VERSION.fullmatch(found.version_specifier) else None,
            fixed_versions=fixed_versions,
            fix_state=fix_state(fixed_versions),
            location=Location(
                file=place.path,
                line=_positive(int(line)) if line.isascii() and line.isdigit() and len(line) < 10 else None,
                resource=found.name,
            ),
            scanners=("semgrep",),
        )
    )


def _title(result: shapes.Result) -> str:
    """The first paragraph of the message on one line."""
    line = " ".join(result.extra.message.strip().split("\n\n", 1)[0].split())
    return (
        line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1] + "…"
    ) or result.check_id


def _severity(word: str) -> Severity:
    return _SEVERITIES.get(word.upper(), Severity.UNKNOWN)


def _cwes(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"CWE-{found[1]}" for text in texts if (found := _CWE.match(text.strip()))))


def _texts(value: object) -> Iterator[str]:
    """The strings of a value that is a string or an array of them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, str))


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None
