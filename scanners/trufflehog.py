"""TruffleHog's lines (version 3 and 2) and arrays of them, and the array of trufflehog3: secrets.

The plaintext goes into `model.Secret` and nowhere else. A secret that TruffleHog verified is alive and
critical; any other is high, for a verification that failed looks like one that was not tried. `diff`,
commit messages, authors, e-mails and `ExtraData` are not read. Lines have no end of their own: what was
cut off between two lines leaves no trace, and a clean run writes an empty file, which is refused.

Source: trufflesecurity/trufflehog, `pkg/output/json.go`; real reports; FORMATS.md 2.16.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import field

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity
from scanners.words import address

_EXPECTED: Final = "a TruffleHog report"
_SEVERITIES: Final = {"high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW}
_HOGS: Final = {"linenum", "new_line_num", "page_id", "issue_id"}
"""What Rusty Hog writes beside the same names."""


class _Metadata(msgspec.Struct):
    data: dict[str, dict[str, Any]] = field(name="Data", default={})


class _Found(msgspec.Struct):
    """Version 3."""

    detector: str = field(name="DetectorName")
    verified: bool = field(name="Verified")
    raw: str = field(name="Raw", default="")
    raw2: str = field(name="RawV2", default="")
    metadata: _Metadata | None = field(name="SourceMetadata", default=None)


class _Old(msgspec.Struct):
    """Version 2, and trufflehog3 before 3.0."""

    reason: str
    path: str
    strings: list[str] = field(name="stringsFound")


class _Rule(msgspec.Struct):
    id: str
    message: str = ""
    severity: str = ""


class _Three(msgspec.Struct):
    """trufflehog3, a tool of its own."""

    rule: _Rule
    path: str
    secret: str
    line: str | int | None = None


def detect(document: Document) -> str | None:
    """Why `document` is TruffleHog's, or None (always for an empty array)."""
    keys = document.record.keys()
    if {"SourceMetadata", "DetectorName"} <= keys:
        return "records with SourceMetadata and DetectorName (version 3)"
    if {"reason", "path", "stringsFound"} <= keys and not keys & _HOGS:
        return "records with reason, path and stringsFound (version 2)"
    if {"rule", "secret", "path"} <= keys and document.at_record("rule", "id") is not None:
        return "records with rule, path and secret (trufflehog3)"
    return None


def parse(document: Document) -> Scan:
    """One observation for each secret in each place; raises `ReportError` where no record is understood."""
    keys = document.record.keys()
    if "stringsFound" in keys:
        old = document.records(_Old, _EXPECTED)
        seen, rejected = [one for row in old.good for one in _old(row)], old.rejected
    elif "rule" in keys:
        three = document.records(_Three, _EXPECTED)
        seen, rejected = [_three(row) for row in three.good], three.rejected
    else:
        found = document.records(_Found, _EXPECTED)
        seen, rejected = [_found(row) for row in found.good], found.rejected
    return Scan(
        format="trufflehog",
        scanner="trufflehog3" if "rule" in keys else "trufflehog",
        kinds=(Evidence.SECRETS,),
        observations=tuple(seen),
        rejected=rejected,
    )


def _found(row: _Found) -> Observation:
    place = next(iter(row.metadata.data.values()), {}) if row.metadata else {}
    line = place.get("line")
    link = place.get("link")
    return _observation(
        rule=row.detector,
        title=f"{'live ' if row.verified else ''}{row.detector} secret",
        severity=Severity.CRITICAL if row.verified else Severity.HIGH,
        raw="verified" if row.verified else "unverified",
        location=Location(
            file=_text(place.get("file") or place.get("path")),
            line=line if isinstance(line, int) and line > 0 else None,
            image=_text(place.get("image")),
            url=address(link) if isinstance(link, str) and not place.get("file") else None,
        ),
        secret=row.raw2 or row.raw,
        confidence="high" if row.verified else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _old(row: _Old) -> Iterator[Observation]:
    for text in row.strings:
        yield _observation(
            rule=row.reason,
            title=f"secret found by rule {row.reason}",
            severity=Severity.HIGH,
            raw=None,
            location=Location(file=row.path),
            secret=text,
        )


def _three(row: _Three) -> Observation:
    line = str(row.line or "")
    message = row.rule.message
    return _observation(
        rule=row.rule.id,
        title=message if message and row.secret not in message else f"secret found by rule {row.rule.id}",
        severity=_SEVERITIES.get(row.rule.severity.lower(), Severity.UNKNOWN),
        raw=row.rule.severity or None,
        location=Location(file=row.path, line=int(line[:9]) if line.isdecimal() and line != "0" else None),
        secret=row.secret,
        tool="trufflehog3",
    )


def _observation(
    *,
    rule: str,
    title: str,
    severity: Severity,
    raw: str | None,
    location: Location,
    secret: str,
    confidence: str | None = None,
    tool: str = "trufflehog",
) -> Observation:
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=rule,
            title=title if not secret or secret not in title else "secret",
            severity=severity,
            severity_raw=raw,
            location=location,
            scanners=(tool,),
            confidence=confidence,
        ),
        secret=Secret(secret) if secret else None,
    )
