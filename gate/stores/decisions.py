"""Decisions as they were recorded: never changed, found by what they are about."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from gate import ids, times
from gate.model import Decision
from gate.stores import components, findings, paging, releases, reports, waivers
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
    DECISION_WAIVERS,
    DECISIONS,
)
from gate.stores.writer import Transaction

AUTHORS_FROM: Final = 50
"""Decisions looked at from each end."""


class Overtaken(Exception):
    """A waiver or an approval that the decision rests on was taken away while it was made (THREATS.md G8).

    It must be made anew.
    """


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
    asked: bytes | None = None
    """How it was asked, compressed (gate/service/evidence.py)."""
    asked_first: str | None = None
    """The decision that somebody asked for, where this one was made again without being asked for."""


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
    settings_version: int
    revoked_at: str | None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions a list wants; None says nothing."""

    project_ids: tuple[str, ...] | None = None
    environment: str | None = None
    outcome: str | None = None
    digest: str | None = None
    branch: str | None = None
    since: str | None = None


_INSERT_DECISION = insert(DECISIONS)
_INSERT_DOCUMENT = insert(DECISION_DOCUMENTS)
_INSERT_REPORT = insert(DECISION_REPORTS)
_INSERT_ORIGIN = insert(DECISION_ORIGINS)
_INSERT_WAIVER = insert(DECISION_WAIVERS)
"""Each one object: the writer puts the rows of one statement together."""
_COLUMNS = tuple(DECISIONS.c[name] for name in Summary.__struct_fields__)


def recorded(transaction: Transaction, given: Recording) -> None:
    """Append the decision to this process's chain, with its reports, findings, components and change.

    1. what it rests on; 2. the entry and its documents; 3. what admission and baselines want to know
    Raises `Overtaken` where it rests on a waiver that acts no longer.
    """
    decision = given.decision
    used_waivers = {one.waiver for one in decision.waived}
    if used_waivers and used_waivers != waivers.in_force(
        transaction.connection, given.project_id, used_waivers, transaction.now
    ):
        raise Overtaken
    reports.kept(transaction, given.project_id, given.reports, given.by, transaction.now)
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
    transaction.later(_INSERT_DECISION, row)
    document = {
        "decision_id": decision.decision_id,
        "line": packed(entry.line),
        "input": given.input,
        "is_masked": given.is_masked,
        "view": given.view,
        "asked": given.asked,
    }
    transaction.later(_INSERT_DOCUMENT, document)
    if given.origin is not None:
        origin = {"decision_id": decision.decision_id, "document": given.origin}
        transaction.later(_INSERT_ORIGIN, origin)
    for position, report in enumerate(decision.reports):
        used = {"decision_id": decision.decision_id, "position": position, "sha256": report.sha256}
        transaction.later(_INSERT_REPORT, used)
    for name in sorted(used_waivers):
        rests = {"project_id": given.project_id, "waiver": name, "decision_id": decision.decision_id}
        transaction.later(_INSERT_WAIVER, rests)
    findings.seen(transaction, given.project_id, decision.decision_id, given.findings, decision.decided_at)
    components.seen(
        transaction,
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
    return None if row is None else _summary(row)


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


def asked(connection: Connection, decision_id: str) -> bytes | None:
    """How it was asked; None where that is no longer kept."""
    query = select(DECISION_DOCUMENTS.c.asked).where(DECISION_DOCUMENTS.c.decision_id == decision_id)
    found = connection.execute(query).scalar_one_or_none()
    return unpacked(found) if found else None


def newest(connection: Connection, project_id: str, digest: str, environment: str) -> Decision | None:
    """The newest decision about a digest in an environment; None where there is none, or it was revoked.

    One that was taken back counts for nothing, and neither does what it had replaced.
    """
    found = newest_summary(connection, project_id, digest, environment)
    return None if found is None or found.revoked_at is not None else decision(connection, found.id)


def newest_summary(
    connection: Connection, project_id: str, digest: str, environment: str | None
) -> Summary | None:
    """The row of the newest decision about a digest, revoked or not; of any environment where None is named."""
    if not digest or environment == "":
        raise ValueError("no digest, or no environment, would match decisions about something else")
    query = select(*_COLUMNS).where(
        DECISIONS.c.subject_digest == digest, DECISIONS.c.project_id == project_id
    )
    if environment is not None:
        query = query.where(DECISIONS.c.environment == environment)
    row = connection.execute(query.order_by(DECISIONS.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _summary(row)


def authors(connection: Connection, project_id: str, digest: str) -> frozenset[str]:
    """Everybody who was ever named as the author of what has this digest: the first and the last decisions tell."""
    if not digest:
        raise ValueError("no digest would match decisions about something else")
    query = select(DECISIONS.c.id).where(
        DECISIONS.c.subject_digest == digest, DECISIONS.c.project_id == project_id
    )
    found: set[str] = set()
    for order in (DECISIONS.c.id, DECISIONS.c.id.desc()):
        found |= set(connection.execute(query.order_by(order).limit(AUTHORS_FROM)).scalars())
    named = (decision(connection, one).subject.author for one in sorted(found))
    return frozenset(one for one in named if one)


def newest_of_each(connection: Connection, project_id: str, since_id: str) -> list[Summary]:
    """The newest decision about each (digest, environment) of the project, of those with an id after `since_id`."""
    query = select(*_COLUMNS).where(
        DECISIONS.c.project_id == project_id,
        DECISIONS.c.id > since_id,
        DECISIONS.c.subject_digest.is_not(None),
        DECISIONS.c.environment.is_not(None),
    )
    found: dict[tuple[str | None, str | None], Summary] = {}
    for row in connection.execute(query.order_by(DECISIONS.c.id)):
        found[row.subject_digest, row.environment] = _summary(row)
    return list(found.values())


def resting_on(connection: Connection, project_id: str, waiver: str) -> list[Summary]:
    """Decisions that rest on a waiver and are the newest about their digest in their environment."""
    query = (
        select(*_COLUMNS)
        .join(DECISION_WAIVERS, DECISION_WAIVERS.c.decision_id == DECISIONS.c.id)
        .where(
            DECISION_WAIVERS.c.project_id == project_id,
            DECISION_WAIVERS.c.waiver == waiver,
            DECISIONS.c.subject_digest.is_not(None),
            DECISIONS.c.environment.is_not(None),
        )
    )
    found = [_summary(row) for row in connection.execute(query.order_by(DECISIONS.c.id)).all()]
    return [
        one
        for one in found
        if newest_summary(connection, project_id, one.subject_digest or "", one.environment) == one
    ]


def revoked(transaction: Transaction, project: str, one: Summary) -> None:
    """Take a decision back: it counts for nothing from now on, and admission is told. The first time counts."""
    if one.revoked_at is not None:
        return
    is_it = (DECISIONS.c.id == one.id) & DECISIONS.c.revoked_at.is_(None)
    values = {"revoked_at": transaction.now}
    transaction.connection.execute(update(DECISIONS).where(is_it).values(values))
    if one.environment is not None and one.subject_digest is not None:
        change = {
            "kind": "decided",
            "project": project,
            "environment": one.environment,
            "digest": one.subject_digest,
            "decision_id": one.id,
            "outcome": one.outcome,
            "decided_at": one.decided_at,
            "expires_at": one.expires_at,
            "policy_revision": one.policy_revision,
            "revoked_at": transaction.now,
        }
        transaction.changes.append(change)


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
        # The id is of the same instant, and in every index: without it a list of few would be looked for in all.
        first = ids.uuid7(instant, bytes(10)) if (instant := times.instant(wanted.since)) else ""
        query = query.where(DECISIONS.c.decided_at >= wanted.since, DECISIONS.c.id >= first)
    rows = connection.execute(paging.after(query, (DECISIONS.c.id,), cursor, limit)).all()
    return paging.page([_summary(row) for row in rows], limit, ("id",))


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
        release = releases.Release(
            id=decision.decision_id,
            project_id=given.project_id,
            environment=decision.environment,
            subject_digest=decision.subject.digest,
            decision_id=decision.decision_id,
            at=decision.decided_at,
        )
        releases.released(transaction, release, given.asked_first)


def _summary(row: Row[Any]) -> Summary:
    return Summary(**row._mapping)  # noqa: SLF001 - SQLAlchemy's own name
