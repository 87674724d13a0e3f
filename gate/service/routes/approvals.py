"""Approvals: what waits for somebody's word, and the word."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from gate.service import answers, approving, asking, jobs, tables
from gate.service.asking import Cursor, Limit, Ours, Who
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import not_found
from gate.service.routing import Body, Routes
from gate.service.submission import Text
from gate.stores import approvals, decisions, projects
from gate.stores.approvals import Stored
from gate.stores.database import Connection
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "approvals")
Words = Annotated[str | None, Query(max_length=1_000, pattern=r"^[^\x00]*$")]


class Noting(Body):
    """Why."""

    note: Text | None = None


@ROUTES.add("GET", "/approvals", Permission.APPROVALS_READ, media_types=(tables.CSV,))
def list_approvals(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    environment: Words = None,
    digest: Words = None,
    state: Literal["requested", "approved", "rejected"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Requests for approval, newest first; a decision that needs some makes one by itself."""
    with service.database.reading() as connection:
        wanted = approvals.Filter(
            project_ids=who.projects(connection, project),
            environment=environment,
            digest=digest,
            state=state,
        )
        return asking.listed(
            request,
            lambda: approvals.listed(connection, wanted, cursor, limit),
            lambda one: _shown(connection, one),
            tables.APPROVALS,
        )


@ROUTES.add("GET", "/approvals/{approval_id}", Permission.APPROVALS_READ)
def show_approval(service: Ours, who: Who, approval_id: str) -> Response:
    """One request, with its answers."""
    with service.database.reading() as connection:
        return answers.json(_shown(connection, _visible(connection, who, approval_id)))


@ROUTES.add("POST", "/approvals/{approval_id}/approve", Permission.APPROVALS_GIVE)
def approve(service: Ours, who: Who, approval_id: str, body: Noting) -> Response:
    """Say yes; the decision is made again at once, and is in the answer."""
    return _answered(service, who, approval_id, body.note, is_yes=True)


@ROUTES.add("POST", "/approvals/{approval_id}/reject", Permission.APPROVALS_GIVE)
def reject(service: Ours, who: Who, approval_id: str, body: Noting) -> Response:
    """Say no: the request is closed, and no yes that was given to it counts any more."""
    return _answered(service, who, approval_id, body.note, is_yes=False)


def _answered(service: Service, who: Caller, approval_id: str, note: str | None, *, is_yes: bool) -> Response:
    def work(transaction: Transaction) -> str | None:
        request = _visible(transaction.connection, who, approval_id, to_change=True)
        project = projects.by_id(transaction.connection, request.project_id)
        if project is None:
            raise not_found()
        return approving.answered(transaction, service, who, project, request, note, is_yes=is_yes)

    job_id = service.writer.submit(work)
    job = jobs.done_now(service, job_id, service.writer.name) if job_id is not None else None
    with service.database.reading() as connection:
        request = _visible(connection, who, approval_id)
        value = _shown(connection, request)
        newest = decisions.newest_summary(connection, request.project_id, request.digest, request.environment)
    decision = (
        None
        if newest is None
        else {"decision_id": newest.id, "outcome": newest.outcome, "revoked_at": newest.revoked_at}
    )
    its_job = {"job_id": job_id, "job": job.result if job is not None else None}
    return answers.json({**value, "decision": decision, **its_job})


def _visible(connection: Connection, who: Caller, approval_id: str, *, to_change: bool = False) -> Stored:
    if "\x00" in approval_id:
        raise not_found()
    found = approvals.by_id(connection, approval_id, to_change=to_change)
    if found is None or not who.sees(found.project_id):
        raise not_found()
    return found


def _shown(connection: Connection, one: Stored) -> dict[str, Any]:
    value = msgspec.structs.asdict(one)
    answered = [
        {
            "by": answer.by,
            "at": answer.at,
            "expires_at": answer.expires_at,
            "groups": answer.groups,
            "state": answer.state.value,
            "note": answer.note,
        }
        for answer in approvals.answers(connection, one.id)
    ]
    kept = ("id", "environment", "digest", "decision_id", "requested_by", "created_at")
    return {
        **{name: value[name] for name in kept},
        "project": projects.keys(connection, [one.project_id]).get(one.project_id),
        "state": one.state.value,
        "answers": answered,
    }
