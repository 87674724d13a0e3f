"""KubeLinter's JSON (`--format json`): flaws in Kubernetes manifests.

The tool knows no severities: they are `unknown`, never guessed. Where it finds no object, or has no
check, it writes nothing at all, and an empty file is refused; a report says that there was one. Checks that an annotation
switches off leave no trace. Source: stackrox/kube-linter, `pkg/diagnostic`,
`pkg/command/lint`; FORMATS.md 2.20.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Raw

from gate import times
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a KubeLinter report"


class _Pascal(msgspec.Struct, rename="pascal"):
    """A struct of KubeLinter's."""


class _Diagnostic(_Pascal):
    message: str


class _GroupVersionKind(_Pascal):
    kind: str


class _Named(_Pascal):
    name: str
    group_version_kind: _GroupVersionKind
    namespace: str = ""
    """As written in the manifest; empty is not `default`."""


class _Place(_Pascal):
    file_path: str = ""


class _Object(_Pascal):
    object: _Named = msgspec.field(name="K8sObject")
    metadata: _Place = msgspec.field(default_factory=_Place)


class _Record(_Pascal):
    check: str
    diagnostic: _Diagnostic
    object: _Object


class _Summary(_Pascal):
    checks_status: str = ""
    check_end_time: str | None = None
    kube_linter_version: str | None = None


class _Report(_Pascal):
    reports: list[Raw] | None
    """`null` where there are none."""
    summary: _Summary | None = None
    checks: list[Raw] | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a KubeLinter report, or None."""
    if "Reports" not in document.keys:
        return None
    if document.at("Summary", "KubeLinterVersion") is not None:
        return "Reports, and Summary with KubeLinterVersion"
    if document.at("Reports", 0, "Check") and document.at("Reports", 0, "Diagnostic"):
        return "Reports with Check and Diagnostic"
    return None


def parse(document: Document) -> Scan:
    """Every report of a check.

    Raises `ReportError` where Reports are absent. Failed are a run without checks, one whose summary
    says "Failed" though nothing is reported, and nothing reported without a summary.
    """
    report = document.decoded(_Report, _EXPECTED)
    rows = document.each(report.reports, _Record, "$.Reports", _EXPECTED)
    failure = _failure(report)
    summary = report.summary or _Summary()
    return Scan(
        format="kube-linter",
        scanner="kube-linter",
        scanner_version=summary.kube_linter_version,
        status=Status.FAILED if failure else Status.OK,
        created=times.normalized(summary.check_end_time),
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(map(_observation, rows.good)),
        rejected=rows.rejected,
        notes=(failure,) if failure else (),
    )


def _failure(report: _Report) -> str | None:
    if report.reports:
        return None
    if not report.checks:
        return "no check was run"
    if report.summary is None or report.summary.checks_status != "Passed":
        return "nothing is reported, and the summary does not say that the checks passed"
    return None


def _observation(record: _Record) -> Observation:
    named = record.object.object
    parts = (named.group_version_kind.kind, named.namespace, named.name)
    return Observation(
        finding=Finding(
            kind=Kind.MISCONFIGURATION,
            rule=record.check,
            title=record.diagnostic.message,
            severity=Severity.UNKNOWN,
            location=Location(
                file=record.object.metadata.file_path or None,
                resource="/".join(part for part in parts if part),
            ),
            scanners=("kube-linter",),
        )
    )
