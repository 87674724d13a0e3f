"""PolicyReports and OpenReports (`kubectl get policyreports -A -o json`): what policy engines left in a cluster.

`fail` and `warn` are findings; a severity that the result does not give is `unknown`. `error` means that a
policy could not be evaluated: partial. A report whose summary counts nothing judged nothing. A policy with the
id of a vulnerability is one, in the package that the properties name.

Source: wgpolicyk8s.io/v1alpha2 and openreports.io/v1alpha1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Rejected, Scan, Status
from scanners.identifiers import fix_state, names_one_flaw
from scanners.words import severity

_EXPECTED: Final = "a PolicyReport"
_KINDS: Final = ("PolicyReport", "ClusterPolicyReport", "Report", "ClusterReport")
_GROUPS: Final = ("wgpolicyk8s.io/", "openreports.io/", "reports.kyverno.io/")
_GOOD: Final = ("pass", "skip")


class _Resource(msgspec.Struct):
    kind: str = ""
    name: str = ""
    namespace: str = ""


class _Result(msgspec.Struct):
    policy: str
    result: str
    rule: str = ""
    severity: str = ""
    message: str = ""
    source: str = ""
    properties: dict[str, str] | None = None
    resources: list[_Resource] | None = None
    subjects: list[_Resource] | None = None


class _Report(msgspec.Struct):
    kind: str
    version: str = msgspec.field(name="apiVersion")
    results: list[msgspec.Raw] | None = None
    summary: dict[str, int] | None = None
    scope: _Resource | None = None


class _List(msgspec.Struct):
    items: list[msgspec.Raw]


def detect(document: Document) -> str | None:
    """Why `document` is a PolicyReport or a list of them, or None."""
    for kind, version, what in (
        (document.at("kind"), document.at("apiVersion"), "kind"),
        (document.at("items", 0, "kind"), document.at("items", 0, "apiVersion"), "items of kind"),
    ):
        if kind in _KINDS and str(version).startswith(_GROUPS):
            return f"{what} {kind} of {version}"
    return None


def parse(document: Document) -> Scan:
    """Every result that failed or warns; raises `ReportError` where no report is understood."""
    rejected: list[Rejected] = []
    if "items" in document.keys:
        raws = document.decoded(_List, _EXPECTED).items
        rows = document.each(raws, _Report, "$.items", _EXPECTED)
        reports = [row for row in rows.good if _is_report(row)]
        rejected += rows.rejected
        rejected += [
            Rejected(where="$.items", reason=f"a {row.kind[:80]}, not a report")
            for row in rows.good
            if not _is_report(row)
        ]
    else:
        reports = [document.decoded(_Report, _EXPECTED)]
    pairs = [(report, raw) for report in reports for raw in report.results or ()]

    def made(part: tuple[_Report, msgspec.Raw]) -> tuple[_Report, _Result]:
        return part[0], json_documents.decoded(bytes(part[1]), _Result, document.path, _EXPECTED)

    found = records.understood(((pair, f"results[{number}]") for number, pair in enumerate(pairs)), made)
    results = list(found.good)
    rejected += found.rejected
    status, notes = _outcome(reports, results)
    return Scan(
        format="policyreport",
        scanner="policyreport",
        status=status,
        kinds=(Evidence.MANIFESTS,),
        observations=tuple(seen for report, one in results for seen in _observations(report, one)),
        rejected=tuple(rejected),
        notes=notes,
    )


def _is_report(row: _Report) -> bool:
    return row.kind in _KINDS and row.version.startswith(_GROUPS)


def _outcome(
    reports: list[_Report], results: list[tuple[_Report, _Result]]
) -> tuple[Status, tuple[str, ...]]:
    errors = sum(1 for _, one in results if one.result == "error")
    if errors:
        return Status.PARTIAL, (f"{errors} policies could not be evaluated",)
    counted = sum(sum((report.summary or {}).values()) for report in reports)
    if not results and not counted:
        return Status.EMPTY_TARGET, ("no policy was evaluated",)
    if len(results) < counted:
        return Status.PARTIAL, (f"the summaries count {counted} results, {len(results)} are listed",)
    return Status.OK, ()


def _observations(report: _Report, one: _Result) -> Iterator[Observation]:
    if one.result in _GOOD:
        return
    about = one.properties or {}
    is_flaw = names_one_flaw(one.policy)
    fixed = tuple(filter(None, (about.get("fixedVersion", ""),))) if is_flaw else ()
    rule = one.policy if is_flaw or not one.rule else f"{one.policy}/{one.rule}"
    for resource in one.resources or one.subjects or [report.scope or _Resource()]:
        parts = (resource.kind, resource.namespace, resource.name)
        yield Observation(
            finding=Finding(
                kind=Kind.VULNERABILITY if is_flaw else Kind.MISCONFIGURATION,
                rule=rule,
                title=one.message or rule,
                severity=severity(one.severity),
                severity_raw=one.severity or None,
                version=about.get("installedVersion") or None if is_flaw else None,
                fixed_versions=fixed,
                fix_state=fix_state(fixed),
                location=Location(resource="/".join(part for part in parts if part) or None),
                scanners=(one.source.lower() or "policyreport",),
            ),
            context=about.get("pkgName", "") if is_flaw else one.message,
        )
