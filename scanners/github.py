"""GitHub's alerts as its API gives them: Dependabot (REST and GraphQL), code scanning, secret scanning.

Alerts that are fixed are left out with a note; those that a person dismissed or resolved stay findings,
for gate's waivers decide. A page that says there are more makes the report partial; REST pages do not
say it. The plaintext of a secret goes into `model.Secret` and nowhere else.

Source: GitHub REST API "Dependabot alerts", "Code scanning", "Secret scanning"; GraphQL
`RepositoryVulnerabilityAlert`; FORMATS.md 2.31.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import field

from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
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
from scanners import cvss_scores
from scanners.identifiers import cwes, fix_state
from scanners.purls import purl

_EXPECTED: Final = "alerts of GitHub"
_SEVERITIES: Final = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
}
_TAG: Final = re.compile(r"external/cwe/cwe-0*([1-9]\d*)")
_FIXED: Final = frozenset({"fixed", "FIXED"})


class _Package(msgspec.Struct):
    name: str
    ecosystem: str = ""


class _Identifier(msgspec.Struct):
    value: str


class _Cvss(msgspec.Struct):
    score: float | None = None
    vector_string: str | None = None
    vector: str | None = field(name="vectorString", default=None)


class _Cwe(msgspec.Struct):
    cwe_id: str = ""
    id: str = field(name="cweId", default="")


class _Cwes(msgspec.Struct):
    nodes: list[_Cwe] = []


class _Advisory(msgspec.Struct):
    summary: str = ""
    identifiers: list[_Identifier] = []
    cvss: _Cvss | None = None
    cwes: list[_Cwe] | _Cwes | None = None


class _Patched(msgspec.Struct):
    identifier: str


class _Flaw(msgspec.Struct, rename="camel"):
    package: _Package
    severity: str = ""
    advisory: _Advisory | None = None
    first_patched_version: _Patched | None = None
    first_patched: _Patched | None = field(name="first_patched_version", default=None)


class _Dependency(msgspec.Struct):
    manifest_path: str = ""


class _Dependabot(msgspec.Struct):
    """REST writes `security_vulnerability` and `security_advisory`, GraphQL `securityVulnerability`."""

    state: str | None = None
    rest: _Flaw | None = field(name="security_vulnerability", default=None)
    graph: _Flaw | None = field(name="securityVulnerability", default=None)
    advisory: _Advisory | None = field(name="security_advisory", default=None)
    dependency: _Dependency | None = None
    manifest: str | None = field(name="vulnerableManifestPath", default=None)


class _Place(msgspec.Struct):
    path: str = ""
    start_line: int | None = None
    start_column: int | None = None


class _Instance(msgspec.Struct):
    location: _Place | None = None


class _Rule(msgspec.Struct):
    id: str
    severity: str | None = None
    description: str = ""
    tags: list[str] | None = None
    security_severity_level: str | None = None


class _Tool(msgspec.Struct):
    name: str


class _Code(msgspec.Struct):
    rule: _Rule
    tool: _Tool
    state: str | None = None
    most_recent_instance: _Instance | None = None


class _Leak(msgspec.Struct):
    secret_type: str
    number: int
    state: str | None = None
    secret: str | None = None
    secret_type_display_name: str = ""
    validity: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` holds GitHub's alerts, or None (always for an empty array)."""
    keys = document.record.keys()
    if "number" in keys and {"rule", "most_recent_instance"} <= keys:
        return "alerts with rule and most_recent_instance (code scanning)"
    if {"number", "secret_type"} <= keys:
        return "alerts with secret_type (secret scanning)"
    if {"number", "security_vulnerability"} <= keys:
        return "alerts with security_vulnerability (Dependabot)"
    if next(_lists(document.at("data")), None) is not None:
        return "data with vulnerabilityAlerts (Dependabot, GraphQL)"
    return None


def parse(document: Document) -> Scan:
    """Every alert that is not fixed; raises `ReportError` where no alert is understood."""
    keys = document.record.keys()
    if "most_recent_instance" in keys:
        code = document.records(_Code, _EXPECTED)
        rows = records.Records(tuple((one.state, _code(one)) for one in code.good), code.rejected)
        return _scan(rows, (Evidence.CODE,), Status.OK)
    if "secret_type" in keys:
        leaks = document.records(_Leak, _EXPECTED)
        rows = records.Records(tuple((one.state, _leak(one)) for one in leaks.good), leaks.rejected)
        return _scan(rows, (Evidence.SECRETS,), Status.OK)
    if "data" in keys:
        return _graph(document)
    alerts = document.records(_Dependabot, _EXPECTED)
    made = records.understood(((one, f"$[{at}]") for at, one in enumerate(alerts.good)), _checked(document))
    return _scan(
        records.Records(made.good, (*alerts.rejected, *made.rejected)), (Evidence.DEPENDENCIES,), Status.OK
    )


def _graph(document: Document) -> Scan:
    """A GraphQL answer: lists of alerts at whatever depth the query put them."""
    data = document.decoded(dict[str, Any], _EXPECTED)
    lists = list(_lists(data.get("data")))
    if not lists:
        raise wrong_shape(document.path, f"not {_EXPECTED}", found="no vulnerabilityAlerts", expected="data with vulnerabilityAlerts",)  # fmt: skip
    for one in lists:
        if not isinstance(one.get("nodes"), list):
            raise wrong_shape(document.path, f"not {_EXPECTED}", found="vulnerabilityAlerts without nodes", expected="vulnerabilityAlerts.nodes, a list",)  # fmt: skip
    nodes = [node for one in lists for node in one["nodes"]]
    check = _checked(document)

    def made(node: Any) -> tuple[str | None, Observation]:
        try:
            alert = msgspec.convert(node, _Dependabot)
        except msgspec.ValidationError as error:
            raise ReportError(str(error), code="report_wrong_shape", path=document.path) from None
        return check(alert)

    rows = records.understood(
        ((node, f"vulnerabilityAlerts.nodes[{at}]") for at, node in enumerate(nodes)), made
    )
    more = (
        any(_has_more(one) for one in lists) or bool(data.get("errors")) or _has_more_pages(data.get("data"))
    )
    return _scan(rows, (Evidence.DEPENDENCIES,), Status.PARTIAL if more else Status.OK)


def _lists(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every `vulnerabilityAlerts` below `value`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "vulnerabilityAlerts" and isinstance(item, Mapping):
                yield item
            else:
                yield from _lists(item)
    elif isinstance(value, list):
        for item in value:
            yield from _lists(item)


def _has_more(value: Mapping[str, Any]) -> bool:
    info = value.get("pageInfo")
    return isinstance(info, Mapping) and info.get("hasNextPage") is True


def _has_more_pages(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _has_more(value) or any(_has_more_pages(item) for item in value.values())
    return isinstance(value, list) and any(map(_has_more_pages, value))


def _scan(
    rows: records.Records[tuple[str | None, Observation]], kinds: tuple[Evidence, ...], status: Status
) -> Scan:
    fixed = sum(state in _FIXED for state, _ in rows.good)
    settled = sum(
        state is not None and state.lower() in ("dismissed", "resolved", "auto_dismissed")
        for state, _ in rows.good
    )
    notes = (
        f"{fixed} alerts are fixed and left out" if fixed else "",
        f"{settled} alerts are dismissed or resolved on GitHub; they still count" if settled else "",
        "there are more pages than this one, or the query had errors" if status is Status.PARTIAL else "",
    )
    return Scan(
        format="github",
        scanner="github",
        status=status,
        kinds=kinds,
        observations=tuple(seen for state, seen in rows.good if state not in _FIXED),
        rejected=rows.rejected,
        notes=tuple(filter(None, notes)),
    )


def _checked(document: Document) -> Callable[[_Dependabot], tuple[str | None, Observation]]:
    def made(row: _Dependabot) -> tuple[str | None, Observation]:
        flaw = row.rest or row.graph
        if flaw is None:
            raise ReportError(
                "an alert without its vulnerability", code="report_wrong_shape", path=document.path
            )
        return row.state, _package(row, flaw)

    return made


def _package(row: _Dependabot, flaw: _Flaw) -> Observation:
    advisory = row.advisory or flaw.advisory or _Advisory()
    names = sorted({one.value for one in advisory.identifiers}, key=lambda name: not name.startswith("CVE-"))
    patched = flaw.first_patched or flaw.first_patched_version
    listed = advisory.cwes.nodes if isinstance(advisory.cwes, _Cwes) else advisory.cwes or []
    score = advisory.cvss
    vector = (score.vector or score.vector_string) if score else None
    rating = cvss_scores.rating(vector=vector, score=score.score) if score and vector else None
    fixed = (patched.identifier,) if patched else ()
    name = flaw.package.name
    system = flaw.package.ecosystem or ("maven" if ":" in name else "")
    rule = names[0] if names else "unnamed"
    file = row.manifest or (row.dependency.manifest_path if row.dependency else "")
    return Observation(
        finding=Finding(
            kind=Kind.VULNERABILITY,
            rule=rule,
            title=advisory.summary or f"{rule} in {name}",
            severity=_SEVERITIES.get(flaw.severity.lower(), Severity.UNKNOWN),
            severity_raw=flaw.severity or None,
            aliases=tuple(names[1:]),
            cwes=cwes([one.cwe_id or one.id for one in listed]),
            cvss=(rating,) if rating else (),
            purl=purl(system, name) if system else None,
            fixed_versions=fixed,
            fix_state=fix_state(fixed, FixState.UNKNOWN),
            location=Location(file=file or None),
            scanners=("github",),
        ),
        context=name,
    )


def _code(row: _Code) -> Observation:
    at = (row.most_recent_instance or _Instance()).location or _Place()
    word = row.rule.security_severity_level or row.rule.severity or ""
    return Observation(
        finding=Finding(
            kind=Kind.CODE,
            rule=row.rule.id,
            title=row.rule.description or row.rule.id,
            severity=_SEVERITIES.get(word.lower(), Severity.UNKNOWN),
            severity_raw=word or None,
            cwes=tuple(f"CWE-{match[1]}" for tag in row.rule.tags or () if (match := _TAG.fullmatch(tag))),
            location=Location(
                file=at.path or None, line=at.start_line or None, column=at.start_column or None
            ),
            scanners=(row.tool.name.lower(),),
        )
    )


def _leak(row: _Leak) -> Observation:
    title = row.secret_type_display_name or f"secret of type {row.secret_type}"
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=row.secret_type,
            title=title,
            severity=Severity.CRITICAL if row.validity == "active" else Severity.HIGH,
            severity_raw=row.validity,
            scanners=("github",),
        ),
        context=f"alert {row.number}",
        secret=Secret(row.secret) if row.secret else None,
    )
