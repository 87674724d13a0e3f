"""Nuclei's JSON lines (`-jsonl`) and array (`-json-export`): what templates found in running services.

`request`, `response`, `curl-command` and extracted results may hold credentials and are not read. A record
whose matcher did not match (`-matcher-status`) is no finding. A clean run writes an empty file, which is
refused; lines have no end of their own. Source: projectdiscovery/nuclei, `pkg/output`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document
from gate.model import Cvss, Finding, Kind, Location, Observation, Scan
from scanners import cvss_scores
from scanners.identifiers import cwes
from scanners.words import address, severity

_EXPECTED: Final = "a Nuclei report"


class _Classes(msgspec.Struct):
    cves: list[str] | str | None = msgspec.field(name="cve-id", default=None)
    cwes: list[str] | str | None = msgspec.field(name="cwe-id", default=None)
    vector: str | None = msgspec.field(name="cvss-metrics", default=None)
    score: float | None = msgspec.field(name="cvss-score", default=None)


class _Info(msgspec.Struct):
    name: str
    severity: str = ""
    classification: _Classes | None = None


class _Record(msgspec.Struct):
    info: _Info
    template: str = msgspec.field(name="template-id", default="")
    old_template: str = msgspec.field(name="templateID", default="")
    host: str = ""
    matched: str = msgspec.field(name="matched-at", default="")
    old_matched: str = msgspec.field(name="matched", default="")
    matcher: str = msgspec.field(name="matcher-name", default="")
    old_matcher: str = msgspec.field(name="matcher_name", default="")
    is_matched: bool = msgspec.field(name="matcher-status", default=True)
    timestamp: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Nuclei report, or None (always for an empty array)."""
    keys = document.record.keys()
    if (
        "info" in keys
        and keys & {"template-id", "templateID"}
        and keys & {"matched-at", "matched", "matcher-status"}
    ):
        return "records with template-id, info and matched-at"
    return None


def parse(document: Document) -> Scan:
    """Every record that matched; raises `ReportError` where no record is understood."""
    rows = document.records(_Record, _EXPECTED)
    matched = [row for row in rows.good if row.is_matched]
    return Scan(
        format="nuclei",
        scanner="nuclei",
        created=times.normalized(rows.good[-1].timestamp) if rows.good else None,
        kinds=(),
        observations=tuple(map(_observation, matched)),
        rejected=rows.rejected,
    )


def _observation(row: _Record) -> Observation:
    classes = row.info.classification or _Classes()
    rule = row.template or row.old_template or "unnamed"
    return Observation(
        finding=Finding(
            kind=Kind.DAST,
            rule=rule,
            title=row.info.name or rule,
            severity=severity(row.info.severity),
            severity_raw=row.info.severity or None,
            aliases=tuple(name.upper() for name in _list(classes.cves) if name.upper() != rule),
            cwes=cwes(name.upper() for name in _list(classes.cwes)),
            cvss=_cvss(classes),
            location=Location(url=address(row.matched or row.old_matched or row.host)),
            scanners=("nuclei",),
        ),
        context=row.matcher or row.old_matcher,
    )


def _cvss(classes: _Classes) -> tuple[Cvss, ...]:
    rating = cvss_scores.rating(vector=classes.vector, score=classes.score) if classes.vector else None
    return (rating,) if rating else ()


def _list(value: list[str] | str | None) -> list[str]:
    return value.split(",") if isinstance(value, str) else value or []
