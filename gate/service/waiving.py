"""What people do to waivers: request, edit, approve, reject, revoke; and what follows for decisions.

    requested ─► active ─► expired        an edit leads back to requested: nobody has approved what stands now
        │  └──► rejected  └──► revoked    rejected, revoked and expired are ends

The four eyes: whoever asked for it neither approves nor rejects it, by principal, however many tokens they have.
An approval names the digest that was read, so that nothing else than that is approved (THREATS.md F10).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from gate import ids, limits, principals, times, waiver_files
from gate import waivers as rules
from gate.errors import WaiverError
from gate.model import Severity
from gate.service import deciding, project_settings
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import Detail, Refusal
from gate.stores import decisions, events, findings, jobs, waivers
from gate.stores.jobs import Job
from gate.stores.projects import Project
from gate.stores.waivers import State, Stored
from gate.stores.writer import Transaction, Work

NOBODY_YET: Final = "somebody-else"
"""Stands for whoever will approve, where it is asked whether that could make an entry act."""
TAKES_BACK: Final = ("revoked", "edited")
"""Causes after which what rested on a waiver is taken back at once, before it is looked at again."""
_LIKE_ANOTHER: Final = 1_000


def requested(
    transaction: Transaction, service: Service, who: Caller, project: Project, document: dict[str, Any]
) -> Stored:
    """A fresh waiver that waits for somebody else to approve it.

    Raises `Refusal` 422 for one that could never act: nobody should be asked to approve it.
    """
    waiver_id = service.new_id()
    document = {**document, "created": transaction.now}
    fresh = _stored(waiver_id, project, document, who.principal, transaction.now)
    refuse_what_cannot_act(transaction, service, project, fresh)
    waivers.created(transaction.connection, fresh)
    _told(transaction, fresh, who.principal, "waiver.requested")
    return fresh


def edited(
    transaction: Transaction,
    service: Service,
    who: Caller,
    project: Project,
    found: Stored,
    document: dict[str, Any],
) -> Stored:
    """The waiver with another content; whoever approved it approved something else."""
    if found.requested_by != who.principal:
        raise Refusal(403, "only who requested a waiver edits it; request another")
    _refuse_ended(found)
    changed_document = {**document, "created": found.document["created"]}
    fresh = _stored(found.id, project, changed_document, found.requested_by, found.created_at)
    after = msgspec.structs.replace(fresh, version=found.version, updated_at=transaction.now)
    refuse_what_cannot_act(transaction, service, project, after)
    if not waivers.replaced(transaction.connection, found, after):
        raise Refusal(412, "somebody else was faster; read it again")
    _told(transaction, after, who.principal, "waiver.edited")
    if found.state is State.ACTIVE:
        changed(transaction, service, project, after, who.principal, "edited")
    return _again(after, found.version + 1)


def approved(
    transaction: Transaction, service: Service, who: Caller, project: Project, found: Stored, sha256: str
) -> Stored:
    """The waiver, acting from now on; `sha256` is of what was read."""
    _refuse_own(found, who, "approve")
    _refuse_other_state(found, State.REQUESTED)
    if found.sha256 != sha256:
        raise Refusal(412, "it was changed since it was read; read it again and approve what it says now")
    after = msgspec.structs.replace(
        found,
        state=State.ACTIVE,
        approved_by=who.principal,
        approved_sha256=sha256,
        updated_at=transaction.now,
    )
    refuse_what_cannot_act(transaction, service, project, after)
    if not after.is_approved_as_it_stands() or not waivers.replaced(transaction.connection, found, after):
        raise Refusal(412, "somebody else was faster; read it again")
    changed(transaction, service, project, after, who.principal, "approved")
    return _again(after, found.version + 1)


def rejected(transaction: Transaction, who: Caller, found: Stored, note: str | None) -> Stored:
    """The waiver, refused for good."""
    _refuse_own(found, who, "reject")
    _refuse_other_state(found, State.REQUESTED)
    after = msgspec.structs.replace(found, state=State.REJECTED, updated_at=transaction.now)
    if not waivers.replaced(transaction.connection, found, after):
        raise Refusal(412, "somebody else was faster; read it again")
    _told(transaction, after, who.principal, "waiver.rejected", note=note)
    return _again(after, found.version + 1)


def revoked(
    transaction: Transaction, service: Service, who: Caller, project: Project, found: Stored, note: str | None
) -> Stored:
    """The waiver, taken back for good: by whoever requested it, or whoever may approve."""
    may_approve = who.may(Permission.WAIVERS_APPROVE) and who.wanting(Permission.WAIVERS_APPROVE).sees(
        project.id
    )
    if found.requested_by != who.principal and not may_approve:
        raise Refusal(403, "only who requested a waiver, or an approver, revokes it")
    _refuse_ended(found)
    after = msgspec.structs.replace(found, state=State.REVOKED, updated_at=transaction.now)
    if not waivers.replaced(transaction.connection, found, after):
        raise Refusal(412, "somebody else was faster; read it again")
    if found.state is State.ACTIVE:
        changed(transaction, service, project, after, who.principal, "revoked", note=note)
    else:
        _told(transaction, after, who.principal, "waiver.revoked", note=note)
    return _again(after, found.version + 1)


def changed(
    transaction: Transaction,
    service: Service,
    project: Project,
    waiver: Stored,
    by: str,
    cause: str,
    **more: Any,
) -> None:
    """What follows in the same transaction where a waiver begins or ceases to act.

    Admission hears of it; what rests on one that was taken back counts for nothing until it is looked at again,
    which a job does.
    """
    connection = transaction.connection
    is_in_force = cause == "approved"
    if {"rule", "object"} & set(waiver.document["match"]):
        change = {
            "kind": "waived",
            "project": project.key,
            "waiver": waiver.entry(),
            "is_in_force": is_in_force,
        }
        transaction.changes.append(change)
    resting = [] if is_in_force else decisions.resting_on(connection, project.id, waiver.name)
    if cause in TAKES_BACK:
        for one in resting:
            decisions.revoked(transaction, project.key, one)
    document = {
        "waiver": waiver.name,
        "cause": cause,
        "decisions": [[one.subject_digest, one.environment] for one in resting],
    }
    jobs.queued(
        connection,
        service.new_id(),
        kind="waiver",
        project_id=project.id,
        document=document,
        by=by,
        at=transaction.now,
    )
    service.jobs_wait.set()
    if cause != "edited":
        _told(transaction, waiver, by, f"waiver.{cause}", **more)


def followed(service: Service, project: Project, job: Job) -> Work[dict[str, Any]]:
    """A job for each decision that the waiver's change is about, written with the end of this one."""
    pairs = [tuple(pair) for pair in job.document["decisions"]]
    if job.document["cause"] == "approved":
        oldest = service.now() - timedelta(days=limits.DECISION_DAYS)
        with service.database.reading() as connection:
            newest = decisions.newest_of_each(connection, project.id, ids.uuid7(oldest, bytes(10)))
        pairs = [(one.subject_digest, one.environment) for one in newest if one.outcome == "fail"]
    fresh = [(service.new_id(), pair) for pair in pairs]

    def work(transaction: Transaction) -> dict[str, Any]:
        for job_id, (digest, environment) in fresh:
            jobs.queued(
                transaction.connection,
                job_id,
                kind="reevaluate",
                project_id=project.id,
                document={"digest": digest, "environment": environment, "cause": job.document["cause"]},
                by=job.by,
                at=transaction.now,
            )
        return {"jobs": [job_id for job_id, _ in fresh]}

    return work


def refuse_what_cannot_act(
    transaction: Transaction, service: Service, project: Project, waiver: Stored
) -> None:
    """Raise `Refusal` 422 where the entry would waive nothing even once it is approved, and say why."""
    entry = {**waiver.entry(), "approved_by": waiver.approved_by or NOBODY_YET}
    try:
        [read] = waiver_files.waivers({"version": 1, "waivers": [entry]}, "waiver", lambda *_: (1, 1))
    except WaiverError as error:
        details = [
            Detail(code=one.code, detail=one.message, found=one.found, expected=one.expected, fix=one.fix)
            for one in error.problems
        ]
        first = details[0]
        detail = f"{first.detail}, found {first.found}" + (
            f", expected {first.expected}" if first.expected else ""
        )
        raise Refusal(422, detail, code="waiver_invalid", errors=details) from None
    days = deciding.waiver_days(project_settings.parsed(project.document))
    reason = rules.idle_reason(read, service.now(), days) or _too_long(transaction, project, read, days)
    if reason is not None:
        raise Refusal(422, f"it would waive nothing: {reason}", code="waiver_idle")


def _too_long(
    transaction: Transaction, project: Project, waiver: rules.Waiver, days: Mapping[str, int]
) -> str | None:
    """Why it lasts too long for what is known to be covered; the matcher judges what is not known yet."""
    match = waiver.match
    wanted = findings.Filter(project_ids=(project.id,), fingerprint=match.finding, rule=match.vulnerability)
    if match.finding is None and match.vulnerability is None:
        return None
    known = findings.listed(transaction.connection, wanted, None, _LIKE_ANOTHER).items
    severities = [Severity(msgspec.json.decode(one.document)["severity"]) for one in known]
    if not severities:
        return None
    strictest = min(severities, key=lambda one: rules.days_allowed(one, days))
    allowed = rules.days_allowed(strictest, days)
    lasts = waiver.expires - waiver.created
    if lasts <= timedelta(days=allowed):
        return None
    return f"it lasts {lasts.days} days, at most {allowed} are allowed for {strictest}; shorten `expires`"


def _stored(
    waiver_id: str, project: Project, document: dict[str, Any], requested_by: str, created_at: str
) -> Stored:
    expires = times.instant(str(document.get("expires") or ""))
    if expires is None:
        raise Refusal(422, "/expires: no time, expected 2026-12-06 or 2026-12-06T12:00:00Z")
    return Stored(
        id=waiver_id,
        project_id=project.id,
        name=waiver_id,
        state=State.REQUESTED,
        version=1,
        document=document,
        sha256=waivers.digest(project.id, waiver_id, requested_by, document),
        requested_by=requested_by,
        approved_by=None,
        created_at=created_at,
        updated_at=created_at,
        expires_at=times.sortable(expires),
        approved_sha256=None,
        reminded_at=None,
    )


def _again(after: Stored, version: int) -> Stored:
    return msgspec.structs.replace(after, version=version)


def _refuse_own(found: Stored, who: Caller, verb: str) -> None:
    if principals.may_be_same(found.requested_by, who.principal):
        raise Refusal(
            403,
            f"{who.principal!r} may be who requested it; somebody else must {verb} it",
            code="own_request",
        )


def _refuse_other_state(found: Stored, wanted: State) -> None:
    if found.state is not wanted:
        raise Refusal(409, f"it is {found.state}, expected {wanted}", code="already_decided")


def _refuse_ended(found: Stored) -> None:
    if found.state not in (State.REQUESTED, State.ACTIVE):
        raise Refusal(409, f"it is {found.state} for good; request another", code="already_decided")


def _told(transaction: Transaction, waiver: Stored, by: str, action: str, **more: Any) -> None:
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=waiver.project_id,
        by=by,
        action=action,
        target=waiver.id,
        sha256=waiver.sha256,
        expires_at=waiver.expires_at,
        **{key: value for key, value in more.items() if value is not None},
    )
