"""Nikto's JSON and XML: what it found on a web server.

There are no severities: they are `unknown`. Errors that the XML counts make the scan partial; a host that was
not reached leaves no details, or JSON without checks. Source: sullo/nikto, its report plugins, 2.1.5 to 2.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element

import msgspec

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from gate.model import Finding, Kind, Location, Observation, Rejected, Scan, Severity, Status
from scanners.words import address, positive

_EXPECTED: Final = "a Nikto report"


class _Item(msgspec.Struct):
    id: str
    message: str = msgspec.field(name="msg")
    method: str = ""
    url: str = ""


class _Host(msgspec.Struct):
    host: str
    port: str
    items: list[msgspec.Raw] = msgspec.field(name="vulnerabilities")


def detect(document: Document) -> str | None:
    """Why `document` is a Nikto report, or None."""
    if document.root == "niktoscan":
        return "the root is niktoscan"
    if {"host", "ip", "port", "banner", "vulnerabilities"} <= document.record.keys():
        return "host, port, banner and vulnerabilities"
    return None


def parse(document: Document) -> Scan:
    """Every item of every host; raises `ReportError` where no host is understood."""
    return _xml(document) if document.syntax == "xml" else _json(document)


def _json(document: Document) -> Scan:
    hosts = document.records(_Host, _EXPECTED)
    pairs = [(f"//{host.host}:{host.port}", raw) for host in hosts.good for raw in host.items]

    def made(part: tuple[str, msgspec.Raw]) -> Observation:
        row = json_documents.decoded(bytes(part[1]), _Item, document.path, _EXPECTED)
        return _observation(row, part[0] + row.url)

    rows = records.understood(((pair, f"vulnerabilities[{n}]") for n, pair in enumerate(pairs)), made)
    seen, rejected = list(rows.good), [*hosts.rejected, *rows.rejected]
    return _scan(seen, rejected, None, [] if hosts.good else ["no host was looked at"])


def _xml(document: Document) -> Scan:
    root = document.element(_EXPECTED)
    if document.root != "niktoscan":
        raise _wrong(document.path, "another root")
    details = list(root.iter("scandetails"))
    parts = ((item, f"scandetails/item[{number}]") for number, item in enumerate(_items(details), 1))
    rows = records.understood(parts, lambda item: _from_element(item, document.path))
    version = next((scan.get("version") for scan in root.iter("niktoscan") if scan.get("version")), None)
    errors = [one.get("errors", "") for one in details if one.get("errors", "0") not in ("", "0")]
    notes = [f"{count} errors on a host" for count in errors]
    notes += [
        f"{counted} items are counted on a host and {len(listed)} listed"
        for one in details
        for listed in [one.findall("item")]
        for counted in [_counted(one)]
        if counted > len(listed)
    ]
    scan = _scan(
        list(rows.good), list(rows.rejected), version, notes or ([] if details else ["no host was looked at"])
    )
    return msgspec.structs.replace(scan, status=Status.PARTIAL) if notes else scan


def _counted(host: Element) -> int:
    statistics = host.find("statistics")
    return positive(statistics.get("itemsfound")) or 0 if statistics is not None else 0


def _scan(seen: list[Observation], rejected: list[Rejected], version: str | None, notes: list[str]) -> Scan:
    return Scan(
        format="nikto",
        scanner="nikto",
        scanner_version=version,
        status=Status.EMPTY_TARGET if notes else Status.OK,
        kinds=(),
        observations=tuple(seen),
        rejected=tuple(rejected),
        notes=tuple(notes),
    )


def _items(details: list[Element]) -> Iterator[Element]:
    for one in details:
        yield from one.findall("item")


def _from_element(item: Element, path: str) -> Observation:
    text = item.findtext("description", "").strip()
    if not item.get("id") or not text:
        raise _wrong(path, "an item without id or description")
    row = _Item(id=item.get("id", ""), message=text, method=item.get("method", ""))
    return _observation(row, item.findtext("namelink", "") or item.findtext("uri", ""))


def _observation(row: _Item, url: str) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=row.id,
            title=row.message or row.id,
            severity=Severity.UNKNOWN,
            location=Location(url=address(url)),
            scanners=("nikto",),
        ),
        # One test has many meanings: which header is missing is in the text alone.
        context=f"{row.method} {row.message}",
    )


def _wrong(path: str, found: str) -> ReportError:
    return wrong_shape(
        path,
        f"not {_EXPECTED}: {found}",
        found=found,
        expected="niktoscan with scandetails and items",
    )
