"""What came and what went between two decisions, or between two lists of findings.

A decision is compared by its violations, anything else (a baseline, `gate convert -o json`, a report) by
its findings; the two are never compared with one another. Fingerprints say what is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from gate import baseline, bootstrap
from gate.documents import json as json_documents
from gate.engines.embedded import Engine
from gate.errors import ReportError, quoted
from gate.files import File
from gate.model import Decision, Finding
from gate.normalize import normalize

Of = Literal["violations", "findings"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One finding or violation, as far as a person needs it."""

    fingerprint: str
    rule: str
    severity: str | None
    """None where the list does not keep it (a baseline)."""
    where: str


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What one file lists."""

    of: Of
    items: dict[str, Item]
    """By fingerprint."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the second alone, in the first alone, in both."""

    of: Of
    introduced: tuple[Item, ...]
    fixed: tuple[Item, ...]
    persisting: tuple[Item, ...]


class _Converted(msgspec.Struct):
    """The output of `gate convert -o json`, as far as it is read."""

    format: str
    findings: list[Finding]


def difference(before: Listed, after: Listed) -> Difference:
    """What `after` has and `before` has not, and so on; raises `ReportError` where they list different things."""
    if before.of != after.of:
        raise ReportError(
            f"{before.of} cannot be compared with {after.of}",
            code="not_comparable",
            expected="two decisions, or two lists of findings",
            fix="compare the reports behind the decision, or two decisions",
        )
    old, new = before.items, after.items
    return Difference(
        of=before.of,
        introduced=tuple(item for name, item in new.items() if name not in old),
        fixed=tuple(item for name, item in old.items() if name not in new),
        persisting=tuple(item for name, item in new.items() if name in old),
    )


def listed(data: bytes, path: str, engine: Engine) -> Listed:
    """What the file `path` lists; raises `ReportError` where it is none of the four kinds."""
    value = _object(data, path)
    schema = value.get("schema")
    if schema == "gate.decision/v1":
        decision = json_documents.decoded(data, Decision, path, "a decision")
        return _listed("violations", (_violation(one) for one in decision.violations))
    if schema == baseline.SCHEMA:
        known = baseline.parsed(data, path, value.get("project"))
        return _listed("findings", (_known(one) for one in known.findings))
    if schema is not None and str(schema).startswith("gate."):
        raise ReportError(
            "nothing that can be compared",
            code="format_not_read",
            path=path,
            found=quoted(schema),
            expected="gate.decision/v1, gate.baseline/v1 or a report",
        )
    if {"format", "scanner", "kinds", "findings", "components"} <= value.keys():
        converted = json_documents.decoded(data, _Converted, path, "the output of gate convert -o json")
        return _listed("findings", map(_finding, converted.findings))
    [read] = bootstrap.ingested((File(path=path, data=data),), engine)
    findings, _ = normalize([read.scan])
    return _listed("findings", map(_finding, findings))


def _object(data: bytes, path: str) -> Mapping[str, Any]:
    """The file as a JSON object; empty for what is none: a report may be anything."""
    if data.lstrip()[:1] != b"{":
        return {}
    try:
        value = json_documents.parsed(data, path)
    except ReportError:
        return {}  # lines of JSON: the adapters judge
    return value if isinstance(value, dict) else {}


def _listed(of: Of, items: Iterable[Item]) -> Listed:
    return Listed(of=of, items={item.fingerprint: item for item in items})


def _violation(one: Any) -> Item:
    at = one.location
    where = one.object or (at.file if at else None) or one.message
    return Item(fingerprint=one.fingerprint, rule=one.rule, severity=one.severity.value, where=where)


def _known(one: baseline.KnownFinding) -> Item:
    return Item(fingerprint=one.fingerprint, rule=one.rule, severity=None, where=one.purl or one.file or "")


def _finding(one: Finding) -> Item:
    at = one.location
    where = one.purl or at.file or at.resource or at.url or at.image or one.title
    return Item(fingerprint=one.fingerprint, rule=one.rule, severity=one.severity.value, where=where)
