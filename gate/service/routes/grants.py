"""Break-glass: a namespace takes for hours what the gate would deny, because two persons said so."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from pydantic import Field
from starlette.responses import Response

from gate import limits, principals, times
from gate.service import answers
from gate.service.asking import Ours, Who
from gate.service.auth import Caller, forbidden
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routing import Body, Routes
from gate.service.submission import Text
from gate.stores import events, grants
from gate.stores.grants import Grant
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "admission")
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Namespace = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]


class GrantIn(Body):
    """What somebody needs, and why."""

    namespace: Namespace
    digests: Annotated[list[Digest], Field(max_length=50, default_factory=list)]
    """Only objects whose images are all of these; empty: every object of the namespace."""
    reason: Text
    hours: Annotated[int, Field(ge=1, le=limits.BREAK_GLASS_HOURS)] = 1


@ROUTES.add("GET", "/admission/grants", Permission.GRANTS_REQUEST)
def list_grants(service: Ours, who: Who) -> Response:
    """Grants, newest first, of the namespaces that are the caller's to speak for."""
    with service.database.reading() as connection:
        found = grants.listed(connection)
    return answers.json({"items": [one for one in found if who.in_namespace(one.namespace)]})


@ROUTES.add("POST", "/admission/grants", Permission.GRANTS_REQUEST, status_code=201)
def request_grant(service: Ours, who: Who, body: GrantIn) -> Response:
    """A request; nothing changes before somebody else approves it."""
    if not who.in_namespace(body.namespace):
        raise forbidden(who.permission)
    made = Grant(
        id=service.new_id(),
        namespace=body.namespace,
        digests=tuple(sorted(set(body.digests))),
        reason=body.reason,
        hours=body.hours,
        requested_by=who.principal,
        requested_at=service.now_text(),
    )

    def work(transaction: Transaction) -> None:
        grants.requested(transaction.connection, made)
        _told(transaction, who.principal, "grant.requested", made)

    service.writer.submit(work)
    return answers.json(made, 201)


@ROUTES.add("POST", "/admission/grants/{grant_id}/approve", Permission.GRANTS_APPROVE)
def approve_grant(service: Ours, who: Who, grant_id: str) -> Response:
    """Give it, from now on and for its hours; whoever asked cannot."""
    now = service.now()

    def work(transaction: Transaction) -> Grant:
        grant = _known(transaction, grant_id, who)
        if grant.approved_by is not None or grant.ended_by is not None:
            raise Refusal(409, "the grant was approved or ended before; request another")
        if principals.may_be_same(grant.requested_by, who.principal):
            raise Refusal(403, "whoever requests a grant does not approve it", code="self_approval")
        asked_at = times.instant(grant.requested_at)
        if asked_at is None or now - asked_at > timedelta(hours=limits.BREAK_GLASS_HOURS):
            raise Refusal(409, "the request is too old; request another")
        given = msgspec.structs.replace(
            grant,
            approved_by=who.principal,
            starts=times.rfc3339(now),
            until=times.rfc3339(now + timedelta(hours=grant.hours)),
        )
        grants.changed(transaction, given)
        _told(transaction, who.principal, "grant.approved", given)
        return given

    return answers.json(service.writer.submit(work))


@ROUTES.add("DELETE", "/admission/grants/{grant_id}", Permission.GRANTS_REQUEST)
def end_grant(service: Ours, who: Who, grant_id: str) -> Response:
    """Take it back, before or after it was approved; one person suffices to be stricter."""

    def work(transaction: Transaction) -> Grant:
        grant = _known(transaction, grant_id, who)
        if grant.ended_by is not None:
            return grant
        ended = msgspec.structs.replace(grant, ended_by=who.principal)
        grants.changed(transaction, ended)
        _told(transaction, who.principal, "grant.ended", ended)
        return ended

    return answers.json(service.writer.submit(work))


def _known(transaction: Transaction, grant_id: str, who: Caller) -> Grant:
    grant = grants.known(transaction.connection, grant_id)
    if grant is None or not who.in_namespace(grant.namespace):
        raise not_found()
    return grant


def _told(transaction: Transaction, by: str, action: str, grant: Grant) -> None:
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=None,
        by=by,
        action=action,
        target=grant.id,
        namespace=grant.namespace,
        reason=grant.reason,
        until=grant.until,
    )
