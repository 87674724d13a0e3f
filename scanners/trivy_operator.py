"""Reports that the Trivy operator writes into a cluster, as JSON: one object, `kubectl get -o json`, or a map.

Read are reports of vulnerabilities, configuration, RBAC, infrastructure, exposed secrets and compliance,
and SBOMs. A report of one image is evidence of an image scan; several are a cluster, which is no image.
The hash that a Deployment gives its ReplicaSets is no part of a resource's name: it changes with every
roll-out. Objects of other groups in the same list are rejected. Not read: remediation, links.

Source: aquasecurity/trivy-operator, `pkg/apis/aquasecurity/v1alpha1`; real reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import (
    Component,
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Rejected,
    ReportSubject,
    Scan,
    Secret,
    Severity,
    Status,
)
from scanners import cvss_scores, cyclonedx_shapes, flaws
from scanners import trivy_operator_shapes as shapes
from scanners.identifiers import all_licenses, hash_name, sha256_digest

_EXPECTED: Final = "a report of the Trivy operator"
_SEVERITIES: Final = {"none": Severity.INFO}
_HASH: Final = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}$")
"""What a Deployment appends to the names of its ReplicaSets (Kubernetes' `SafeEncodeString`)."""
_CHECKS: Final = frozenset({
    "ClusterConfigAuditReport", "ClusterInfraAssessmentReport", "ClusterRbacAssessmentReport",
    "ConfigAuditReport", "InfraAssessmentReport", "RbacAssessmentReport",
})  # fmt: skip
_VULNERABILITIES: Final = frozenset({"ClusterVulnerabilityReport", "VulnerabilityReport"})
_SECRETS: Final = "ExposedSecretReport"
_COMPLIANCE: Final = "ClusterComplianceReport"
_SBOMS: Final = frozenset({"ClusterSbomReport", "SbomReport"})
_READ: Final = _CHECKS | _VULNERABILITIES | _SBOMS | {_SECRETS, _COMPLIANCE}


class _Gathered(msgspec.Struct):
    """What the objects of a document say together."""

    observations: list[Observation] = []
    components: list[Component] = []
    notes: list[str] = []
    rejected: list[Rejected] = []
    is_partial: bool = False

    def reject(self, where: str, reason: str) -> None:
        """Notes an object that is not understood."""
        self.rejected.append(Rejected(where=where, reason=reason))


def detect(document: Document) -> str | None:
    """Why `document` holds reports of the Trivy operator, or None."""
    if _is_report(document.record):
        return f"apiVersion is {document.record['apiVersion']}"
    items = document.at("items")
    if isinstance(items, list) and items and _is_report(items[0]):
        return f"its items are of {items[0]['apiVersion']}"
    if document.keys and all(name.endswith(f".{shapes.GROUP}") for name in document.keys):
        return f"all its keys are lists of {shapes.GROUP}"
    return None


def _is_report(value: object) -> bool:
    return (
        isinstance(value, dict)
        and str(value.get("apiVersion")).partition("/")[0] == shapes.GROUP
        and isinstance(value.get("kind"), str)
    )


def parse(document: Document) -> Scan:
    """Every failed check, flaw, secret and component of every report.

    Raises `ReportError` where no report is understood.
    """
    found = _Gathered()
    objects: list[shapes.Object] = []
    for where, raws in _parts(document):
        rows = document.each(raws, shapes.Object, where, _EXPECTED)
        found.rejected += rows.rejected
        for one in rows.good:
            if not (one.is_own and one.kind in _READ):
                found.reject(where, f"{one.kind} of {one.api_version} is no report of the operator")
            elif _read(one, where, document, found):
                objects.append(one)
    if found.rejected and not objects:
        raise _not_understood(found.rejected[0], document)
    single = objects[0] if len(objects) == 1 else None
    is_image = single is not None and single.kind in _VULNERABILITIES
    if not objects:
        found.notes.append("the document holds no report")
    return Scan(
        format="trivy-operator",
        scanner="trivy",
        scanner_version=next((one.report.scanner.version for one in objects if one.report), None),
        status=Status.EMPTY_TARGET if not objects else Status.PARTIAL if found.is_partial else Status.OK,
        created=times.normalized(single.metadata.created) if single else None,
        subject=_subject(single) if single and is_image else None,
        kinds=_evidence({one.kind for one in objects}, is_image=is_image),
        observations=tuple(found.observations),
        components=tuple(found.components),
        notes=tuple(found.notes),
        rejected=tuple(found.rejected),
    )


def _parts(document: Document) -> Iterator[tuple[str, list[Raw]]]:
    """The objects of the document, each list with its place."""
    if not document.keys:
        yield "$", document.decoded(list[Raw], _EXPECTED)
    elif "items" in document.keys:
        yield "$.items", document.decoded(shapes.Items, _EXPECTED).items
    elif "kind" in document.keys:
        yield "$", [document.decoded(Raw, _EXPECTED)]
    else:
        for name, raws in document.decoded(dict[str, list[Raw]], _EXPECTED).items():
            yield f"$.{name}", raws


def _evidence(kinds: set[str], *, is_image: bool) -> tuple[Evidence, ...]:
    claims = (
        (Evidence.SBOM, kinds & _SBOMS),
        (Evidence.IMAGE, is_image),
        (Evidence.DEPENDENCIES, kinds & _VULNERABILITIES),
        (Evidence.SECRETS, _SECRETS in kinds),
        (Evidence.MANIFESTS, kinds & {"ClusterConfigAuditReport", "ConfigAuditReport"}),
    )
    return tuple(kind for kind, proved in claims if proved)


def _subject(one: shapes.Object) -> ReportSubject | None:
    digest = sha256_digest(one.report.artifact.digest) if one.report else None
    return ReportSubject(name=one.image or digest or "", digest=digest) if one.image or digest else None


def _not_understood(first: Rejected, document: Document) -> ReportError:
    return wrong_shape(
        document.path,
        f"not {_EXPECTED}: {first.reason}",
        found=first.where,
        fix="hand over the objects as kubectl get -o json gives them",
    )


def _read(one: shapes.Object, where: str, document: Document, found: _Gathered) -> bool:
    """Adds what `one` says to `found`; False for a report without the list of its kind, which is rejected."""
    name = f"{one.kind} {one.metadata.name}"
    if one.kind == _COMPLIANCE:
        _compliance(one, name, found)
        return True
    report = one.report or shapes.Report()
    raws = report.vulnerabilities
    if one.kind in _CHECKS:
        raws = report.checks
    elif one.kind == _SECRETS:
        raws = report.secrets
    elif one.kind in _SBOMS:
        raws = None if report.components is None else []
    if raws is None:
        found.reject(where, f"{name} has no list of what was found")
        return False
    if one.kind in _VULNERABILITIES:
        flawed = document.each(raws, shapes.Vulnerability, f"{where} ({name})", _EXPECTED)
        found.rejected += flawed.rejected
        found.observations += [_vulnerability(one, report, row) for row in flawed.good]
        _compare(report, len(raws), name, found)
    elif one.kind in _CHECKS:
        checked = document.each(raws, shapes.Check, f"{where} ({name})", _EXPECTED)
        found.rejected += checked.rejected
        failed = [row for row in checked.good if not row.success]
        found.observations += [_check(one, row, "") for row in failed]
        _compare(report, len(failed) + len(checked.rejected), name, found)
    elif one.kind == _SECRETS:
        exposed = document.each(raws, shapes.Secret, f"{where} ({name})", _EXPECTED)
        found.rejected += exposed.rejected
        found.observations += [_secret(one, row) for row in exposed.good]
        _compare(report, len(raws), name, found)
    else:
        given = report.components.components if report.components else None
        found.components += [_component(part) for part in _nested(given)]
        if not given:
            found.is_partial = True
            found.notes.append(f"{name} lists no component")
    return True


def _compare(report: shapes.Report, listed: int, name: str, found: _Gathered) -> None:
    if report.summary.total > listed:
        found.is_partial = True
        found.notes.append(f"{name} counts {report.summary.total} findings and lists {listed}")


def _compliance(one: shapes.Object, name: str, found: _Gathered) -> None:
    """Failed checks where they are told, else failed controls; a report that is not filled yet is partial."""
    status = one.status or shapes.Compliance()
    controls = status.detail_report.results if status.detail_report else None
    summaries = status.summary_report.control_check if status.summary_report else None
    if controls is None and summaries is None:
        found.is_partial = True
        found.notes.append(f"{name} was not filled by the operator")
    for control in controls or ():
        failed = [check for check in control.checks or () if not check.success]
        found.observations += [_check(one, check, control.severity) for check in failed]
    for summary in () if controls else summaries or ():
        if summary.total_fail:
            row = shapes.Check(
                False, severity=summary.severity, id=summary.id, title=summary.name or summary.id
            )
            found.observations.append(_check(one, row, ""))


def _location(one: shapes.Object, file: str = "") -> Location:
    labels = one.metadata.labels
    kind = labels.get("trivy-operator.resource.kind", "")
    name = labels.get("trivy-operator.resource.name", "")
    if kind == "ReplicaSet":
        name = _HASH.sub("", name)
    parts = (kind, labels.get("trivy-operator.resource.namespace") or one.metadata.namespace, name)
    return Location(
        file=file or None,
        resource="/".join(filter(None, parts)) if kind and name else None,
        image=one.image,
    )


def _vulnerability(one: shapes.Object, report: shapes.Report, row: shapes.Vulnerability) -> Observation:
    is_system = row.class_ == "os-pkgs" or not (row.package_path or row.target)
    cvss = [
        cvss_scores.rating(version=version, vector=vector, score=score, source=source)
        for source, given in (row.cvss or {}).items()
        for version, vector, score in (
            ("2.0", given.v2_vector, given.v2_score),
            ("3.1", given.v3_vector, given.v3_score),
            ("4.0", given.v40_vector, given.v40_score),
        )
    ]
    return flaws.observed(
        flaws.Flaw(
            id=row.id,
            package=row.resource,
            version=row.installed_version or None,
            system=report.os.family if is_system else row.package_type,
            purl=row.purl or None,
            title=row.title or None,
            severity=flaws.worded(row.severity, _SEVERITIES),
            word=row.severity,
            cvss=cvss or [cvss_scores.rating(version="3.1", score=row.score)],
            fixed=row.fixed_version.split(", "),
            unfixed=FixState.NOT_FIXED,
            location=_location(one, "" if is_system else row.package_path or row.target),
        ),
        "trivy",
    )


def _check(one: shapes.Object, row: shapes.Check, otherwise: str) -> Observation:
    word = row.severity or otherwise
    said = "; ".join(row.messages or ())
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=row.id or row.title or "unnamed",
            title=row.title or said or row.id or "unnamed",
            severity=flaws.worded(word, _SEVERITIES),
            severity_raw=word or None,
            location=_location(one, row.target.lstrip("/")),
            scanners=("trivy",),
        ),
        context="" if one.metadata.labels.get("trivy-operator.resource.name") else said,
    )


def _secret(one: shapes.Object, row: shapes.Secret) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=row.rule,
            title=row.title or row.rule,
            severity=flaws.worded(row.severity),
            severity_raw=row.severity,
            location=_location(one, row.target),
            scanners=("trivy",),
        ),
        # Trivy writes stars over what it recognised; the rest of the line may still hold a secret.
        secret=Secret(row.match) if row.match else None,
    )


def _nested(parts: Iterable[cyclonedx_shapes.Component] | None) -> Iterator[cyclonedx_shapes.Component]:
    for part in parts or ():
        yield part
        yield from _nested(part.components)


def _component(part: cyclonedx_shapes.Component) -> Component:
    terms = [choice.expression or _named(choice.license) for choice in part.licenses or ()]
    return Component(
        purl=part.purl or None,
        name=part.full_name,
        version=part.version or None,
        license=all_licenses(terms),
        hashes={hash_name(one.alg): one.content for one in part.hashes or ()},
        supplier=part.supplier.name if part.supplier else None,
    )


def _named(license_: cyclonedx_shapes.License | None) -> str:
    return (license_ and (license_.id or license_.name)) or ""
