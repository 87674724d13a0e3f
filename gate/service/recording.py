"""A decision on its way into the store, with what follows from its outcome in the same transaction."""

from __future__ import annotations

from typing import Final

from gate.model import Decision
from gate.service.context import Service
from gate.service.problems import RETRY_AFTER_S, Refusal
from gate.stores import approvals, decisions, events
from gate.stores.approvals import State, Stored
from gate.stores.decisions import Recording
from gate.stores.writer import Transaction

TRIES: Final = 3
"""How often a decision is made anew because what it rests on was taken away meanwhile."""


def recorded(transaction: Transaction, service: Service, given: Recording) -> None:
    """Record it; where it waits for approval that is asked for, where it passes what was asked for is settled.

    Raises `decisions.Overtaken` where a waiver or an approval that it rests on was taken away meanwhile.
    """
    decision = given.decision
    environment, digest = decision.environment, decision.subject.digest
    if decision.approvals.given:
        _refuse_taken_away(transaction, given.project_id, decision)
    decisions.recorded(transaction, given)
    if environment is None or digest is None or decision.approvals.required == 0:
        return
    if decision.outcome in ("pass", "warn"):
        approvals.settled(transaction.connection, given.project_id, digest, environment, State.APPROVED)
    elif decision.outcome == "needs_approval":
        _asked_for(transaction, service, given, decision, environment, digest)


def _refuse_taken_away(transaction: Transaction, project_id: str, decision: Decision) -> None:
    there = approvals.given(
        transaction.connection,
        project_id,
        decision.subject.digest or "",
        decision.environment or "",
        to_rest_on=True,
    )
    if not set(decision.approvals.given) <= set(there):
        raise decisions.Overtaken


def overtaken() -> Refusal:
    """The answer where waivers changed faster than a decision could be made."""
    return Refusal(
        503, "waivers changed while it was decided; ask again", headers={"Retry-After": RETRY_AFTER_S}
    )


def _asked_for(
    transaction: Transaction,
    service: Service,
    given: Recording,
    decision: Decision,
    environment: str,
    digest: str,
) -> None:
    connection = transaction.connection
    if approvals.open_request(connection, given.project_id, digest, environment) is not None:
        return
    request = Stored(
        id=service.new_id(),
        project_id=given.project_id,
        environment=environment,
        digest=digest,
        decision_id=decision.decision_id,
        state=State.REQUESTED,
        requested_by=given.by,
        by=None,
        note=None,
        created_at=transaction.now,
        at=None,
        expires_at=None,
        request_id=None,
    )
    approvals.created(connection, request)
    events.told(
        connection,
        at=transaction.now,
        project_id=given.project_id,
        by=given.by,
        action="approval.requested",
        target=request.id,
        environment=environment,
        digest=digest,
        decision_id=decision.decision_id,
    )
