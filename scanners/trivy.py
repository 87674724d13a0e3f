"""Trivy JSON: images, file systems, repositories, clusters; schema version 2 and the array before it.

Reads `Results[]` of a report, of a cluster report (`ClusterName`), of the legacy root array and of a
cosign-vuln predicate. Does not read the operator's resources (`kind: VulnerabilityReport`).

Three choices. `Status: fixed` means that a fix exists, never that this package is fixed; only
`not_affected` and `under_investigation` become a VEX status, and the finding stays. The digest of an
image is that of its repository reference: `ImageID` names the configuration, not the manifest. What
a report proves is read from its blocks: one without a package block is no evidence of an image scan.

Source: aquasecurity/trivy, `pkg/types/report.go`; FORMATS.md 2.11.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from packageurl import PackageURL

from gate import times
from gate.documents.document import Document
from gate.errors import quoted
from gate.model import (
    Cvss,
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    ReportSubject,
    Scan,
    Secret,
    Severity,
    Status,
    Vex,
)
from scanners import cvss_scores
from scanners import trivy_shapes as shapes
from scanners.identifiers import cwes, fix_state, image_digest, names_one_flaw

_EXPECTED: Final = "a Trivy report"
_CLUSTER_LISTS: Final = frozenset({"Resources", "Vulnerabilities", "Misconfigurations", "Findings"})
_SEVERITIES: Final = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
}
_VEX_STATUSES: Final = frozenset({"not_affected", "under_investigation"})
_FIX_STATES: Final = {
    "fixed": FixState.FIXED,
    "unknown": FixState.UNKNOWN,
    "will_not_fix": FixState.WONT_FIX,
    "end_of_life": FixState.WONT_FIX,
}
"""By `Status`, of what names no version with the fix. Trivy always writes that version where it knows
one, so every other status, or none as before 0.40, says that there is no fix yet."""
_GENERIC_TARGETS: Final = frozenset({"Java", "Node.js", "Python", "Ruby", "Conda", "Kubernetes"})
"""What Trivy writes as target where packages of one language come from many files."""
_PURL_TYPES: Final = {
    "bundler": "gem", "cargo": "cargo", "composer": "composer", "gemspec": "gem", "gobinary": "golang",
    "gomod": "golang", "gradle": "maven", "hex": "hex", "jar": "maven", "node-pkg": "npm", "npm": "npm",
    "nuget": "nuget", "pip": "pypi", "pipenv": "pypi", "pnpm": "npm", "poetry": "pypi", "pom": "maven",
    "pub": "pub", "python-pkg": "pypi", "rustbinary": "cargo", "uv": "pypi", "yarn": "npm",
}  # fmt: skip
_PURL_SYSTEMS: Final = {
    "alpine": "apk",
    "chainguard": "apk",
    "debian": "deb",
    "ubuntu": "deb",
    "wolfi": "apk",
}
"""Systems whose purl is certain; the namespaces of rpm packages differ from tool to tool."""
_CHECK_ID: Final = re.compile(r"(?:AVD-)?(?P<family>[A-Z]+)-?(?P<number>\d{3,4})")


class _Place(msgspec.Struct, frozen=True, gc=False):
    """What the findings of one result share."""

    image: str | None = None
    resource: str | None = None


class _Block(NamedTuple):
    """One result, and where it stands in the document."""

    place: _Place
    result: shapes.Result
    at: tuple[str | int, ...]


def detect(document: Document) -> str | None:
    """Why `document` is a Trivy report, or None."""
    keys = document.keys
    if "SchemaVersion" in keys and keys & {"ArtifactName", "ArtifactType"}:
        return "it has SchemaVersion with ArtifactName or ArtifactType"
    if "ClusterName" in keys and keys & _CLUSTER_LISTS:
        return f"it has ClusterName with {min(keys & _CLUSTER_LISTS)}"
    if document.at("scanner", "result", "SchemaVersion") is not None and "invocation" in keys:
        return "it is a cosign-vuln predicate with a Trivy report in scanner.result"
    if "Target" in document.first and document.first.keys() & {"Vulnerabilities", "Type", "Class"}:
        return "it is an array of results with Target (Trivy before schema version 2)"
    return None


def parse(document: Document) -> Scan:
    """What a Trivy report says; raises `ReportError` where it has another shape."""
    if document.data.strip() == b"null":
        return _scan(
            document,
            [],
            ["the report is `null`: nothing was found that could be scanned"],
            Status.EMPTY_TARGET,
        )
    if isinstance(document.top, list):
        return _legacy(document, document.decoded(list[shapes.Result], _EXPECTED))
    if "ClusterName" in document.keys:
        return _cluster(document, document.decoded(shapes.Cluster, _EXPECTED))
    if "scanner" in document.keys:
        report = document.decoded(shapes.Predicate, _EXPECTED).scanner.result
        return _artifact(document, report, "scanner", "result")
    return _artifact(document, document.decoded(shapes.Report, _EXPECTED))


def _artifact(document: Document, report: shapes.Report, *at: str) -> Scan:
    """What `report`, which stands under `at` in the document, says."""
    is_image = report.artifact_type == "container_image"
    results = report.results or []
    digests = report.metadata.repo_digests or []
    notes = [
        "Results is absent: Trivy found nothing that it can scan (unsupported or empty target)"
        if not results
        else "no operating system packages were recognised in the image"
        if is_image and not any(result.is_system for result in results)
        else "",
        f"the operating system {report.metadata.os.family} {report.metadata.os.name} is at its end of life"
        if report.metadata.os.eosl
        else "",
    ]
    place = _Place(image=report.artifact_name or None if is_image else None)
    scan = _scan(
        document,
        [_Block(place, result, (*at, "Results", index)) for index, result in enumerate(results)],
        [note for note in notes if note],
        Status.OK if results else Status.EMPTY_TARGET,
        _kinds(results, is_image),
    )
    return msgspec.structs.replace(
        scan,
        scanner_version=report.trivy.version,
        created=times.normalized(report.created_at),
        subject=ReportSubject(name=report.artifact_name, digest=image_digest(report.artifact_name, digests))
        if is_image and report.artifact_name
        else None,
    )


def _legacy(document: Document, results: list[shapes.Result]) -> Scan:
    status = Status.OK if results else Status.EMPTY_TARGET
    notes = [] if results else ["the report is an empty array: nothing was found that could be scanned"]
    blocks = [_Block(_Place(), result, (index,)) for index, result in enumerate(results)]
    return _scan(document, blocks, notes, status, _kinds(results, is_image=False))


def _cluster(document: Document, report: shapes.Cluster) -> Scan:
    """A cluster is no image and no release: its results are evidence of manifests at most."""
    lists = {
        "Resources": report.resources,
        "Vulnerabilities": report.vulnerabilities,
        "Misconfigurations": report.misconfigurations,
        "Findings": report.findings,
    }
    resources = [((name, index), one) for name, some in lists.items() for index, one in enumerate(some or [])]
    blocks = [
        _Block(_Place(image=_image_of(result), resource=_address(resource)), result, (*at, "Results", index))
        for at, resource in resources
        for index, result in enumerate(resource.results or [])
    ]
    broken = [f"{_address(r)} was not scanned: {quoted(r.error)}" for _, r in resources if r.error]
    status = Status.PARTIAL if broken else Status.OK if blocks else Status.EMPTY_TARGET
    notes = broken if blocks or broken else ["no resource of the cluster was scanned"]
    has_checks = any(block.result.class_ == "config" for block in blocks)
    return _scan(document, blocks, notes, status, (Evidence.MANIFESTS,) if has_checks else ())


def _scan(
    document: Document,
    blocks: list[_Block],
    notes: list[str],
    status: Status,
    kinds: tuple[Evidence, ...] = (),
) -> Scan:
    return Scan(
        format="trivy",
        scanner="trivy",
        status=status,
        kinds=kinds,
        observations=document.kept(seen for block in blocks for seen in _observations(document, block)),
        notes=(*notes, *_filtered(document, blocks)),
    )


def _kinds(results: list[shapes.Result], is_image: bool) -> tuple[Evidence, ...]:
    """What the blocks of a report prove; for an image without any, what was meant to be proved."""
    classes = {result.class_ for result in results}
    packages = any(result.holds_packages for result in results) or (is_image and not results)
    claims = (
        (Evidence.IMAGE, packages and is_image),
        (Evidence.DEPENDENCIES, packages),
        (Evidence.SECRETS, "secret" in classes),
        (Evidence.MANIFESTS, "config" in classes and not is_image),
    )
    return tuple(kind for kind, proved in claims if proved)


def _filtered(document: Document, blocks: list[_Block]) -> Iterator[str]:
    """Notes about what the report left out before gate saw it."""
    results = [block.result for block in blocks]
    modified = sum(len(result.modified or ()) for result in results)
    if modified:
        yield f"{modified} findings are suppressed in the report (ExperimentalModifiedFindings)"
    exceptions = sum(result.misconf_summary.exceptions for result in results)
    if exceptions:
        yield f"{exceptions} failed checks are excepted in the report"
    failures = sum(result.misconf_summary.failures for result in results)
    listed = (
        sum(_is_failure(check) for block in blocks for check in _checks(document, block)) if failures else 0
    )
    if failures > listed:
        yield f"the summaries count {failures} failed checks, the report lists {listed}"


def _checks(document: Document, block: _Block) -> Iterable[shapes.Misconfiguration]:
    given, at = block.result.misconfigurations, (*block.at, "Misconfigurations")
    return document.elements(given, shapes.Misconfiguration, _EXPECTED, *at)


def _observations(document: Document, block: _Block) -> Iterator[Observation]:
    place, result, at = block
    flaws = document.elements(result.vulnerabilities, shapes.Vulnerability, _EXPECTED, *at, "Vulnerabilities")
    for vulnerability in flaws:
        finding = _vulnerability(place, result, vulnerability)
        yield Observation(finding=finding, context="" if finding.purl else vulnerability.pkg_name)
    for check in _checks(document, block):
        if _is_failure(check):
            yield _misconfiguration(place, result, check)
    for secret in document.elements(result.secrets, shapes.Secret, _EXPECTED, *at, "Secrets"):
        yield _secret(place, result, secret)
    for license_ in document.elements(result.licenses, shapes.License, _EXPECTED, *at, "Licenses"):
        yield _license(place, result, license_)


def _vulnerability(place: _Place, result: shapes.Result, found: shapes.Vulnerability) -> Finding:
    # The packages of a system stand in its database, not in a place of their own.
    file = None if result.is_system else found.pkg_path or _file(place, result)
    fixed = tuple(filter(None, map(str.strip, found.fixed_version.split(","))))
    aliases = tuple(id_ for id_ in found.vendor_ids or () if id_ != found.id and names_one_flaw(id_))
    return Finding(
        kind=Kind.VULNERABILITY,
        rule=found.id,
        title=found.title or f"{found.id} in {found.pkg_name}",
        severity=_SEVERITIES.get(found.severity, Severity.UNKNOWN),
        severity_raw=found.severity or None,
        aliases=aliases,
        cwes=cwes(found.cwe_ids or ()),
        cvss=_scores(found.cvss or {}),
        purl=found.pkg_identifier.purl or _purl(result.type, found.pkg_name, found.installed_version),
        version=found.installed_version or None,
        fixed_versions=fixed,
        fix_state=fix_state(fixed, _FIX_STATES.get(found.status, FixState.NOT_FIXED)),
        location=Location(file=file, image=place.image, resource=place.resource),
        scanners=("trivy",),
        vex=Vex(status=found.status) if found.status in _VEX_STATUSES else None,
    )


def _misconfiguration(place: _Place, result: shapes.Result, found: shapes.Misconfiguration) -> Observation:
    cause = found.cause_metadata
    aliases = {found.avdid, _long_id(found.id), _long_id(found.avdid)} - {"", found.id}
    finding = Finding(
        kind=Kind.MISCONFIGURATION,
        rule=found.id,
        title=found.title or found.message or found.id,
        severity=_SEVERITIES.get(found.severity, Severity.UNKNOWN),
        severity_raw=found.severity or None,
        aliases=tuple(sorted(aliases)),
        location=Location(
            file=_file(place, result),
            line=cause.start_line if cause.start_line > 0 else None,
            resource=place.resource or cause.resource or None,
            image=place.image,
        ),
        scanners=("trivy",),
    )
    # Kubernetes checks name no resource: their message alone tells two containers of a file apart.
    return Observation(finding=finding, context=cause.resource or found.message)


def _secret(place: _Place, result: shapes.Result, found: shapes.Secret) -> Observation:
    finding = Finding(
        kind=Kind.SECRET,
        rule=found.rule_id,
        title=found.title or found.rule_id,
        severity=_SEVERITIES.get(found.severity, Severity.UNKNOWN),
        severity_raw=found.severity or None,
        location=Location(
            file=_file(place, result),
            line=found.start_line if found.start_line > 0 else None,
            resource=place.resource,
            image=place.image,
        ),
        scanners=("trivy",),
    )
    # Trivy writes stars over what it recognised; the rest of the line may still hold a secret.
    return Observation(finding=finding, secret=Secret(found.match) if found.match else None)


def _license(place: _Place, result: shapes.Result, found: shapes.License) -> Observation:
    bearer = found.pkg_name or found.file_path or result.target
    finding = Finding(
        kind=Kind.LICENSE,
        rule=found.name,
        title=f"licence {found.name} of {bearer}",
        severity=_SEVERITIES.get(found.severity, Severity.UNKNOWN),
        severity_raw=found.severity or None,
        location=Location(file=found.file_path or None, resource=place.resource, image=place.image),
        scanners=("trivy",),
    )
    return Observation(finding=finding, context=bearer)


def _is_failure(check: shapes.Misconfiguration) -> bool:
    """Everything but a pass and an exception: a status that is not known must not vanish."""
    return check.status not in ("PASS", "EXCEPTION")


def _file(place: _Place, result: shapes.Result) -> str | None:
    """The target as a file; in a cluster it is `Kind/name`, for some languages a word."""
    is_file = place.resource is None and result.target not in _GENERIC_TARGETS
    return result.target or None if is_file else None


def _image_of(result: shapes.Result) -> str | None:
    """The image in a cluster's target, `docker.io/redis:6.0.5 (debian 10.4)`."""
    return result.target.rpartition(" (")[0] or None if result.is_system else None


def _address(resource: shapes.Resource) -> str:
    return "/".join(filter(None, (resource.kind, resource.namespace, resource.name)))


def _long_id(check: str) -> str:
    """`DS002`, `DS-0002` and `AVD-DS-0002` as `DS-0002`: the three ways Trivy has written one check."""
    match = _CHECK_ID.fullmatch(check)
    return f"{match['family']}-{int(match['number']):04d}" if match else ""


def _scores(by_source: dict[str, shapes.Cvss]) -> tuple[Cvss, ...]:
    """Every score of every source; a V3 entry without a vector to say more counts as 3.1."""
    ratings: Iterable[Cvss | None] = (
        cvss_scores.rating(version=version, vector=vector, score=score, source=source)
        for source, given in by_source.items()
        for version, vector, score in (
            ("2.0", given.v2_vector, given.v2_score),
            ("3.1", given.v3_vector, given.v3_score),
            ("4.0", given.v40_vector, given.v40_score),
        )
        if vector or score is not None
    )
    return tuple(rating for rating in ratings if rating)


@lru_cache(maxsize=65_536)
def _purl(type_: str, name: str, version: str) -> str | None:
    """The purl of a package in a report without them (before 0.45), where the mapping is certain."""
    separator = ":" if _PURL_TYPES.get(type_) == "maven" else "/"
    namespace, _, base = name.rpartition(separator)
    if not base or (separator == ":" and not namespace):
        return None
    if type_ in _PURL_SYSTEMS:
        return PackageURL(_PURL_SYSTEMS[type_], type_, name, version or None).to_string()
    if type_ in _PURL_TYPES:
        return PackageURL(_PURL_TYPES[type_], namespace or None, base, version or None).to_string()
    return None
