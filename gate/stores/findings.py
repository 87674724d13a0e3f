"""Findings of every project by fingerprint: when each was first and last seen."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from gate.model import Finding
from gate.stores import paging, rows
from gate.stores.paging import Page
from gate.stores.schema import FINDINGS, PROJECTS
from gate.stores.writer import Transaction


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of one decision."""

    fingerprint: str
    kind: str
    rule: str
    title: str
    severity: str
    severity_rank: int
    purl: str | None
    file: str | None
    document: str
    """The finding as JSON, without what changes from decision to decision."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One finding of one project."""

    project_id: str
    fingerprint: str
    kind: str
    rule: str
    title: str
    severity: str
    purl: str | None
    file: str | None
    document: str
    first_seen: str
    last_seen: str
    decision_id: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which findings a list wants; None says nothing."""

    project_ids: tuple[str, ...] | None = None
    fingerprint: str | None = None
    kind: str | None = None
    severity: str | None = None
    rule: str | None = None


_COLUMNS = tuple(FINDINGS.c[name] for name in Known.__struct_fields__)
_REPLACED = ("title", "severity", "severity_rank", "purl", "file", "document", "last_seen", "decision_id")
_NOT_OLDER = "WHERE excluded.last_seen >= findings.last_seen"


def ready(finding: Finding) -> Seen:
    """What is kept of a finding."""
    lasting = msgspec.structs.replace(finding, waived=None)
    return Seen(
        fingerprint=finding.fingerprint,
        kind=finding.kind.value,
        rule=finding.rule,
        title=finding.title,
        severity=finding.severity.value,
        severity_rank=finding.severity.rank,
        purl=finding.purl,
        file=finding.location.file,
        document=msgspec.json.encode(lasting).decode(),
    )


def seen(transaction: Transaction, project_id: str, decision_id: str, given: Iterable[Seen], at: str) -> None:
    """Put `given` down as seen at `at`; the first time stays what it was."""
    common = {"project_id": project_id, "first_seen": at, "last_seen": at, "decision_id": decision_id}
    # In one order everywhere: two transactions then wait for each other, and never for ever.
    ordered = sorted(given, key=lambda one: one.fingerprint)
    order = f"{project_id}/{ordered[0].fingerprint}" if ordered else ""
    rows.upserted(transaction, FINDINGS, ordered, common, _REPLACED, order=order, where=_NOT_OLDER)


def listed(connection: Connection, wanted: Filter, cursor: str | None, limit: int) -> Page[Known]:
    """Findings, last seen first."""
    query = select(*_COLUMNS)
    if wanted.project_ids is not None:
        query = query.where(FINDINGS.c.project_id.in_(wanted.project_ids))
    elif wanted.fingerprint is not None:
        # One look for each project along the primary key: no index of fingerprints is needed beside it.
        query = query.where(FINDINGS.c.project_id.in_(select(PROJECTS.c.id)))
    for column, value in (
        (FINDINGS.c.fingerprint, wanted.fingerprint),
        (FINDINGS.c.kind, wanted.kind),
        (FINDINGS.c.severity, wanted.severity),
        (FINDINGS.c.rule, wanted.rule),
    ):
        if value is not None:
            query = query.where(column == value)
    keys = (FINDINGS.c.last_seen, FINDINGS.c.fingerprint, FINDINGS.c.project_id)
    found = connection.execute(paging.after(query, keys, cursor, limit)).all()
    known = [Known(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's own name
    return paging.page(known, limit, ("last_seen", "fingerprint", "project_id"))
