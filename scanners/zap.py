"""ZAP's reports, XML (traditional and "plus") and JSON: what an attack on a running application found.

One finding for each alert and place. Queries of addresses, evidence, requests and responses may hold
credentials and are not read. Confidence 0 is what a person marked as false: it stays a finding, with
that word. ZAP names no failure; a report without any site looked at nothing.

Source: ZAP's report templates, "traditional-json", "traditional-xml"; FORMATS.md 2.21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import msgspec
from msgspec import Raw, field

from gate import times
from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import quoted
from gate.model import Finding, Kind, Location, Observation, Rejected, Scan, Severity, Status

_EXPECTED: Final = "a ZAP report"
_SEVERITIES: Final = {"3": Severity.HIGH, "2": Severity.MEDIUM, "1": Severity.LOW, "0": Severity.INFO}
"""There is no critical."""
_CONFIDENCES: Final = {"0": "false positive", "1": "low", "2": "medium", "3": "high", "4": "confirmed"}


class _Instance(msgspec.Struct):
    uri: str = ""
    method: str = ""
    param: str = ""


class _Alert(msgspec.Struct):
    pluginid: str
    riskcode: str
    name: str = ""
    alert: str = ""
    ref: str = field(name="alertRef", default="")
    confidence: str = ""
    cweid: str = ""
    instances: list[_Instance] | None = None


class _Site(msgspec.Struct):
    alerts: list[Raw]
    name: str = field(name="@name", default="")


class _Report(msgspec.Struct):
    site: list[_Site] | _Site
    version: str | None = field(name="@version", default=None)
    created: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a ZAP report, or None."""
    if document.root == "OWASPZAPReport":
        return "the root is OWASPZAPReport"
    if "site" in document.keys and "@version" in document.keys and "vulnerabilities" not in document.keys:
        return "site and @version"
    return None


def parse(document: Document) -> Scan:
    """Every alert of every site, once for each place.

    Raises `ReportError` where there are no sites; an alert without pluginid or riskcode is rejected.
    """
    if document.syntax == "xml":
        root = document.element(_EXPECTED)
        if document.root != "OWASPZAPReport":
            raise wrong_shape(
                document.path,
                f"not {_EXPECTED}",
                found=f"the root {quoted(document.root)}",
                expected="the root OWASPZAPReport",
            )
        sites = [
            (site.get("name", ""), _alerts(site, number))
            for number, site in enumerate(root.findall("site"), 1)
        ]
        version, created = root.get("version"), root.get("created")
        found = [
            (name, records.understood(alerts, lambda one: _alert(one, document.path)))
            for name, alerts in sites
        ]
    else:
        report = document.decoded(_Report, _EXPECTED)
        listed = report.site if isinstance(report.site, list) else [report.site]
        version, created = report.version, report.created
        found = [
            (site.name, document.each(site.alerts, _Alert, f"$.site[{number}].alerts", _EXPECTED))
            for number, site in enumerate(listed)
        ]
    rejected: tuple[Rejected, ...] = tuple(one for _, rows in found for one in rows.rejected)
    return Scan(
        format="zap",
        scanner="zap",
        scanner_version=version,
        status=Status.OK if found else Status.EMPTY_TARGET,
        created=times.normalized(created),
        kinds=(),
        observations=tuple(
            seen for name, rows in found for row in rows.good for seen in _observations(name, row)
        ),
        rejected=rejected,
        notes=() if found else ("no site was looked at",),
    )


def _alerts(site: Element, number: int) -> Iterator[tuple[Element, str]]:
    # Version 2.4 and older wrote the alerts of a site without `alerts` around them.
    for index, alert in enumerate(site.iter("alertitem"), 1):
        yield alert, f"site[{number}]/alerts/alertitem[{index}]"


def _alert(item: Element, path: str) -> _Alert:
    for name in ("pluginid", "riskcode"):
        if not item.findtext(name):
            raise wrong_shape(path, f"not {_EXPECTED}: an alert without {name}")
    return _Alert(
        pluginid=item.findtext("pluginid", ""),
        riskcode=item.findtext("riskcode", ""),
        name=item.findtext("name", ""),
        alert=item.findtext("alert", ""),
        ref=item.findtext("alertRef", ""),
        confidence=item.findtext("confidence", ""),
        cweid=item.findtext("cweid", ""),
        instances=[
            _Instance(one.findtext("uri", ""), one.findtext("method", ""), one.findtext("param", ""))
            for one in item.iter("instance")
        ]
        or [_Instance(item.findtext("uri", ""))],
    )


def _observations(site: str, row: _Alert) -> Iterator[Observation]:
    rule = row.ref or row.pluginid
    cwe = row.cweid if row.cweid.isdecimal() and int(row.cweid) > 0 else ""
    for place in row.instances or [_Instance(site)]:
        yield Observation(
            finding=Finding(
                kind=Kind.DAST,
                rule=rule,
                title=row.name or row.alert or f"alert {rule}",
                severity=_SEVERITIES.get(row.riskcode, Severity.UNKNOWN),
                severity_raw=row.riskcode,
                cwes=(f"CWE-{int(cwe)}",) if cwe else (),
                location=Location(url=_address(place.uri or site)),
                scanners=("zap",),
                confidence=_CONFIDENCES.get(row.confidence),
            ),
            context=f"{place.method} {place.param}",
        )


def _address(uri: str) -> str | None:
    """Scheme, host and path; a query or a user's name may be what nobody should keep."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else parts.path or None
