"""Decisions as they were recorded: never changed, found by what they are about."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from gate.model import Decision
from gate.stores import components, findings, paging, reports
from gate.stores.components import Seen as SeenComponent
from gate.stores.findings import Seen
from gate.stores.packing import packed, unpacked
from gate.stores.paging import Page
from gate.stores.reports import Kept
from gate.stores.schema import (
    BUNDLES,
    DECISION_DOCUMENTS,
    DECISION_ORIGINS,
    DECISION_REPORTS,
    DECISIONS,
    RELEASES,
)
from gate.stores.writer import Transaction


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One decision with all that is kept of it, compressed already: the writer only writes."""

    decision: Decision
    project_id: str
    project: str
    by: str
    settings_version: int
    input: bytes
    is_masked: bool
    view: bytes
    reports: tuple[Kept, ...]
    findings: tuple[Seen, ...]
    components: tuple[SeenComponent, ...]
    origin: str | None = None
    """JSON of the run that asked, where its CI system vouched for it."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One decision in a list."""

    id: str
    project_id: str
    environment: str | None
    outcome: str
    subject_type: str
    subject_name: str
    subject_digest: str | None
    branch: str | None
    commit: str | None
    decided_at: str
    expires_at: str | None
    policy_revision: str
    input_sha256: str
    by: str
    revoked_at: str | None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions a list wants; None says nothing."""

    project_ids: tuple[str, ...] | None = None
    environment: str | None = None
    outcome: str | None = None
    digest: str | None = None
    branch: str | None = None
    since: str | None = None


_COLUMNS = tuple(DECISIONS.c[name] for name in Summary.__struct_fields__)


def recorded(transaction: Transaction, given: Recording) -> None:
    """Append the decision to this process's chain, with its reports, findings, components and change.

    1. what it rests on; 2. the entry and its documents; 3. what admission and baselines want to know
    """
    connection, decision = transaction.connection, given.decision
    reports.kept(connection, given.project_id, given.reports, given.by, transaction.now)
    entry = transaction.entry(decision)
    row = {
        "id": decision.decision_id,
        "project_id": given.project_id,
        "writer": transaction.writer,
        "sequence": entry.sequence,
        "previous": entry.previous,
        "digest": entry.digest,
        **about(decision),
        "by": given.by,
        "settings_version": given.settings_version,
    }
    connection.execute(insert(DECISIONS), row)
    document = {
        "decision_id": decision.decision_id,
        "line": packed(entry.line),
        "input": given.input,
        "is_masked": given.is_masked,
        "view": given.view,
    }
    connection.execute(insert(DECISION_DOCUMENTS), document)
    if given.origin is not None:
        origin = {"decision_id": decision.decision_id, "document": given.origin}
        connection.execute(insert(DECISION_ORIGINS), origin)
    used = [
        {"decision_id": decision.decision_id, "position": position, "sha256": report.sha256}
        for position, report in enumerate(decision.reports)
    ]
    if used:
        connection.execute(insert(DECISION_REPORTS), used)
    findings.seen(connection, given.project_id, decision.decision_id, given.findings, decision.decided_at)
    components.seen(
        connection,
        given.project_id,
        decision.subject.name,
        decision.decision_id,
        given.components,
        decision.decided_at,
    )
    _told(transaction, given)


def about(decision: Decision) -> dict[str, Any]:
    """The columns that repeat what the record's line says; `gate audit verify` compares them."""
    return {
        "environment": decision.environment,
        "outcome": decision.outcome.value,
        "subject_type": decision.subject.type,
        "subject_name": decision.subject.name,
        "subject_digest": decision.subject.digest,
        "branch": decision.subject.branch,
        "commit": decision.subject.commit,
        "decided_at": decision.decided_at,
        "expires_at": decision.expires_at,
        "policy_revision": decision.policy.revision,
        "input_sha256": decision.input_sha256,
    }


def summary(connection: Connection, decision_id: str) -> Summary | None:
    """The row of a decision."""
    row = connection.execute(select(*_COLUMNS).where(DECISIONS.c.id == decision_id)).one_or_none()
    return None if row is None else Summary(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name


def line(connection: Connection, decision_id: str) -> bytes:
    """The record's line of a decision that is there."""
    query = select(DECISION_DOCUMENTS.c.line).where(DECISION_DOCUMENTS.c.decision_id == decision_id)
    return unpacked(connection.execute(query).scalar_one())


def decision(connection: Connection, decision_id: str) -> Decision:
    """The decision itself, out of the record's line."""
    return msgspec.convert(msgspec.json.decode(line(connection, decision_id))["decision"], Decision)


def view(connection: Connection, decision_id: str) -> tuple[bytes | None, bytes | None]:
    """What outputs show beside it (None where retention dropped it), and the rules of its bundle."""
    query = (
        select(DECISION_DOCUMENTS.c.view, BUNDLES.c.rules)
        .join(DECISIONS, DECISIONS.c.id == DECISION_DOCUMENTS.c.decision_id)
        .join(BUNDLES, BUNDLES.c.revision == DECISIONS.c.policy_revision, isouter=True)
        .where(DECISION_DOCUMENTS.c.decision_id == decision_id)
    )
    row = connection.execute(query).one()
    return (unpacked(row.view) if row.view else None, unpacked(row.rules) if row.rules else None)


def origin(connection: Connection, decision_id: str) -> str | None:
    """JSON of who asked, as their CI system vouched for them; None where nobody did."""
    query = select(DECISION_ORIGINS.c.document).where(DECISION_ORIGINS.c.decision_id == decision_id)
    return connection.execute(query).scalar_one_or_none()


def policy_input(connection: Connection, decision_id: str) -> tuple[bytes | None, bool]:
    """The policy input that was judged (None where retention dropped it), and whether it is masked."""
    columns = (DECISION_DOCUMENTS.c.input, DECISION_DOCUMENTS.c.is_masked)
    row = connection.execute(select(*columns).where(DECISION_DOCUMENTS.c.decision_id == decision_id)).one()
    return (unpacked(row.input) if row.input else None), bool(row.is_masked)


def newest(connection: Connection, project_id: str, digest: str, environment: str) -> Decision | None:
    """The newest decision about a digest in an environment; None where there is none, or it was revoked.

    One that was taken back counts for nothing, and neither does what it had replaced.
    """
    if not digest or not environment:
        raise ValueError("no digest, or no environment, would match decisions about something else")
    query = (
        select(DECISIONS.c.id, DECISIONS.c.revoked_at)
        .where(
            DECISIONS.c.subject_digest == digest,
            DECISIONS.c.environment == environment,
            DECISIONS.c.project_id == project_id,
        )
        .order_by(DECISIONS.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None or row.revoked_at is not None else decision(connection, row.id)


def listed(connection: Connection, wanted: Filter, cursor: str | None, limit: int) -> Page[Summary]:
    """Decisions, newest first."""
    query = select(*_COLUMNS)
    if wanted.project_ids is not None:
        query = query.where(DECISIONS.c.project_id.in_(wanted.project_ids))
    for column, value in (
        (DECISIONS.c.environment, wanted.environment),
        (DECISIONS.c.outcome, wanted.outcome),
        (DECISIONS.c.subject_digest, wanted.digest),
        (DECISIONS.c.branch, wanted.branch),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(DECISIONS.c.decided_at >= wanted.since)
    rows = connection.execute(paging.after(query, (DECISIONS.c.id,), cursor, limit)).all()
    found = [Summary(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's own name
    return paging.page(found, limit, ("id",))


def used_reports(connection: Connection, decision_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Decision id -> digests of its reports, in their order."""
    query = select(DECISION_REPORTS).where(DECISION_REPORTS.c.decision_id.in_(list(decision_ids)))
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(DECISION_REPORTS.c.position)):
        found.setdefault(row.decision_id, []).append(row.sha256)
    return {key: tuple(value) for key, value in found.items()}


def _told(transaction: Transaction, given: Recording) -> None:
    """The change for admission, and the release, where an environment and a digest are named."""
    decision = given.decision
    if decision.environment is None or decision.subject.digest is None:
        return
    change = {
        "kind": "decided",
        "project": given.project,
        "environment": decision.environment,
        "digest": decision.subject.digest,
        "decision_id": decision.decision_id,
        "outcome": decision.outcome.value,
        "decided_at": decision.decided_at,
        "expires_at": decision.expires_at,
        "policy_revision": decision.policy.revision,
        "revoked_at": None,
    }
    transaction.changes.append(change)
    if decision.outcome in ("pass", "warn"):
        release = {
            "id": decision.decision_id,
            "project_id": given.project_id,
            "environment": decision.environment,
            "subject_digest": decision.subject.digest,
            "decision_id": decision.decision_id,
            "at": decision.decided_at,
        }
        transaction.connection.execute(insert(RELEASES), release)
