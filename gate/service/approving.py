"""What people say to a digest that waits to enter an environment: yes or no, each once, none of their own.

A yes counts for exactly that digest in that environment, for `APPROVAL_DAYS`. Whoever wrote the commit, asked for
the decision or for the approval does not count, by principal. A no takes every yes away.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from gate import principals, times
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.problems import Refusal
from gate.stores import approvals, decisions, events, jobs
from gate.stores.approvals import State, Stored
from gate.stores.projects import Project
from gate.stores.writer import Transaction

APPROVAL_DAYS: Final = 7
"""As long as a decision counts (limits.DECISION_DAYS; THREATS.md G3)."""


def answered(
    transaction: Transaction,
    service: Service,
    who: Caller,
    project: Project,
    request: Stored,
    note: str | None,
    *,
    is_yes: bool,
) -> str | None:
    """Write the answer of `who` down; the job that makes the decision again, where there is a yes.

    Raises `Refusal` 403 where it is their own matter, 409 where it is settled or they have answered.
    """
    connection = transaction.connection
    if request.state is not State.REQUESTED:
        raise Refusal(409, f"it is {request.state}", code="already_decided")
    _refuse_own(transaction, who, request)
    before = approvals.answers(connection, request.id)
    if is_yes and any(principals.may_be_same(one.by or "", who.principal) for one in before):
        raise Refusal(409, f"{who.principal!r} has answered before", code="already_decided")
    expires = times.instant(transaction.now)
    answer = Stored(
        id=service.new_id(),
        project_id=request.project_id,
        environment=request.environment,
        digest=request.digest,
        decision_id=request.decision_id,
        state=State.APPROVED if is_yes else State.REJECTED,
        requested_by=None,
        by=who.principal,
        groups=who.groups,
        note=note,
        created_at=transaction.now,
        at=transaction.now,
        expires_at=times.sortable(expires + timedelta(days=APPROVAL_DAYS)) if expires else transaction.now,
        request_id=request.id,
    )
    approvals.created(connection, answer)
    _told(transaction, who, request, "approval.given" if is_yes else "approval.rejected", note)
    if not is_yes:
        approvals.settled(connection, request.project_id, request.digest, request.environment, State.REJECTED)
        _taken_back(transaction, project, request)
        return None
    job_id = service.new_id()
    jobs.queued(
        connection,
        job_id,
        kind="reevaluate",
        project_id=request.project_id,
        document={"digest": request.digest, "environment": request.environment, "cause": "approved"},
        by=who.principal,
        at=transaction.now,
    )
    return job_id


def _refuse_own(transaction: Transaction, who: Caller, request: Stored) -> None:
    connection = transaction.connection
    askers = approvals.askers(connection, request.project_id, request.digest, request.environment)
    if any(principals.may_be_same(asker, who.principal) for asker in askers):
        raise Refusal(
            403,
            f"{who.principal!r} may be who asked for it; somebody else must answer",
            code="own_request",
        )
    authors = decisions.authors(connection, request.project_id, request.digest)
    if not authors:
        raise Refusal(
            409,
            "the commit's author is not known, so nobody can be told apart from them; decide with --author",
            code="author_unknown",
        )
    if any(principals.may_be_same(author, who.principal) for author in authors):
        raise Refusal(
            403,
            f"{who.principal!r} may be who wrote the commit; somebody else must answer",
            code="own_request",
        )


def _taken_back(transaction: Transaction, project: Project, request: Stored) -> None:
    """A decision that passed on approvals which count no longer is taken back."""
    base = decisions.newest_summary(
        transaction.connection, request.project_id, request.digest, request.environment
    )
    if base is None or base.outcome not in ("pass", "warn"):
        return
    if decisions.decision(transaction.connection, base.id).approvals.required:
        decisions.revoked(transaction, project.key, base)


def _told(transaction: Transaction, who: Caller, request: Stored, action: str, note: str | None) -> None:
    more = {"note": note} if note is not None else {}
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=request.project_id,
        by=who.principal,
        action=action,
        target=request.id,
        environment=request.environment,
        digest=request.digest,
        **more,
    )
