"""NeuVector's scan report of an image: flaws in its packages, and secrets that it found.

Package systems are known where the report names the base system. Not read: compliance checks (their
levels say how bad they would be, not whether they failed), commands, labels and variables of the image.

Source: NeuVector's REST API, `/v1/scan/…`; real reports.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gate.documents.document import Document
from gate.model import (
    Evidence,
    Finding,
    FixState,
    Kind,
    Location,
    Observation,
    Scan,
    Secret,
    Severity,
    Status,
)
from scanners import cvss_scores, flaws

_EXPECTED: Final = "a scan report of NeuVector"


class _Vulnerability(msgspec.Struct):
    name: str
    severity: str
    package_name: str
    package_version: str = ""
    fixed_version: str = ""
    file_name: str = ""
    score: float | None = None
    vectors: str = ""
    score_v3: float | None = None
    vectors_v3: str = ""


class _Secret(msgspec.Struct):
    type: str = ""
    evidence: str = ""
    path: str = ""


class _Body(msgspec.Struct):
    vulnerabilities: list[Raw] | None
    secrets: list[_Secret] | None = None
    base_os: str = ""
    image_digest: str = ""


class _Report(msgspec.Struct):
    report: _Body
    error_message: str = ""


def detect(document: Document) -> str | None:
    """Why `document` is of NeuVector, or None."""
    body = document.at("report")
    if isinstance(body, dict) and {"vulnerabilities", "modules", "checks"} <= body.keys():
        return "report with vulnerabilities, modules and checks"
    return None


def parse(document: Document) -> Scan:
    """Every flaw and secret; raises `ReportError` where the list of flaws is absent."""
    report = document.decoded(_Report, _EXPECTED)
    body = report.report
    rows = document.each(body.vulnerabilities, _Vulnerability, "$.report.vulnerabilities", _EXPECTED)
    secrets = [one for one in body.secrets or () if one.type or one.evidence or one.path]
    kinds = (Evidence.IMAGE, Evidence.DEPENDENCIES)
    return Scan(
        format="neuvector",
        scanner="neuvector",
        status=Status.FAILED if report.error_message else Status.OK,
        kinds=kinds if body.secrets is None else (*kinds, Evidence.SECRETS),
        observations=(*(_flaw(row, body.base_os) for row in rows.good), *map(_secret, secrets)),
        rejected=rows.rejected,
        notes=("NeuVector reports an error",) if report.error_message else (),
    )


def _flaw(row: _Vulnerability, system: str) -> Observation:
    return flaws.observed(
        flaws.Flaw(
            id=row.name,
            package=row.package_name,
            version=row.package_version or None,
            system="" if row.file_name else system,
            severity=flaws.worded(row.severity),
            word=row.severity,
            cvss=[
                cvss_scores.rating(version="2.0", vector=row.vectors, score=row.score or None),
                cvss_scores.rating(version="3.1", vector=row.vectors_v3, score=row.score_v3 or None),
            ],
            fixed=[row.fixed_version],
            unfixed=FixState.NOT_FIXED,
            location=Location(file=row.file_name or None),
        ),
        "neuvector",
    )


def _secret(row: _Secret) -> Observation:
    rule = row.type or "secret"
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=rule,
            title=f"{rule} in a file of the image",
            severity=Severity.HIGH,
            location=Location(file=row.path or None),
            scanners=("neuvector",),
        ),
        secret=Secret(row.evidence) if row.evidence else None,
    )
