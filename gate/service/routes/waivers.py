"""Waivers: requested, looked up, edited, approved, rejected, revoked; one by one or many at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from gate import times
from gate.service import answers, asking, tables, waiving
from gate.service.asking import Cursor, IfMatch, Limit, Once, Ours, Who
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import Refusal, not_found
from gate.service.routing import Body, Routes
from gate.service.submission import Digest, Key, Text
from gate.stores import projects, waivers
from gate.stores.database import Connection
from gate.stores.idempotency import Answer
from gate.stores.waivers import State, Stored
from gate.stores.writer import Transaction
from gate.waivers import SOON_DAYS

ROUTES = Routes("/api/v1", "waivers")
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Names = Annotated[list[Text], Field(min_length=1, max_length=100)]
MOST_AT_ONCE = 100


class MatchIn(Body):
    """What is waived: all keys that are given must match (CONTRACTS.md, Waivers)."""

    rule: Text | None = None
    vulnerability: Text | None = None
    finding: Text | None = None
    purl: Text | None = None
    versions: Text | None = None
    path: Text | None = None
    object: Text | None = None
    subject: Text | None = None
    environments: Names | None = None


class WaiverEdit(Body):
    """What may be said of a waiver; what is left out stays as it is."""

    match: MatchIn | None = None
    reason: Text | None = None
    note: Text | None = None
    expires: Text | None = None
    """A date means its end, UTC."""
    ticket: Text | None = None
    owner: Text | None = None


class WaiverIn(WaiverEdit):
    """A waiver that is wanted."""

    project: Key
    match: MatchIn
    reason: Text
    note: Text
    expires: Text


class Approving(Body):
    """An approval of what was read."""

    sha256: Digest
    """Of the waiver as it was read: `sha256` of its answer."""


class Noting(Body):
    """A refusal."""

    note: Text | None = None


class BulkItem(Body):
    """One of many."""

    id: Id
    sha256: Digest | None = None
    """Wanted for `approve`."""


class BulkIn(Body):
    """The same for many; each succeeds or fails by itself."""

    action: Literal["approve", "reject", "revoke"]
    items: Annotated[list[BulkItem], Field(min_length=1, max_length=MOST_AT_ONCE)]
    note: Text | None = None


@ROUTES.add("GET", "/waivers", Permission.WAIVERS_READ, media_types=(tables.CSV,))
def list_waivers(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    state: Literal["requested", "active", "expiring", "rejected", "revoked", "expired"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Waivers, newest first; `expiring` are active ones that end within 14 days."""
    soon = times.sortable(service.now() + timedelta(days=SOON_DAYS))
    with service.database.reading() as connection:
        wanted = waivers.Filter(
            project_ids=who.projects(connection, project),
            state="active" if state == "expiring" else state,
            expires_before=soon if state == "expiring" else None,
        )
        return asking.listed(
            request,
            lambda: waivers.listed(connection, wanted, cursor, limit),
            lambda one: shown(service, one, projects.keys(connection, [one.project_id])),
            tables.WAIVERS,
        )


@ROUTES.add("POST", "/waivers", Permission.WAIVERS_REQUEST, status_code=201)
def request_waiver(service: Ours, who: Who, body: WaiverIn, once: Once) -> Response:
    """Ask for a waiver; it acts once somebody else has approved it."""
    asked = asking.digest("POST waivers", body.model_dump(mode="json"))
    document = _document(body)

    def work(transaction: Transaction) -> Answer:
        project = who.project(transaction.connection, body.project)
        made = waiving.requested(transaction, service, who, project, document)
        value = msgspec.json.encode(shown(service, made, {project.id: project.key}))
        location = f"/api/v1/waivers/{made.id}"
        return Answer(request_sha256=asked, status=201, location=location, body=value)

    return asking.done_once(service, who, once, asked, work)


@ROUTES.add("GET", "/waivers/{waiver_id}", Permission.WAIVERS_READ)
def show_waiver(service: Ours, who: Who, waiver_id: str) -> Response:
    """One waiver; its version is the ETag."""
    with service.database.reading() as connection:
        found = visible(connection, who, waiver_id)
        keys = projects.keys(connection, [found.project_id])
    return _answer(service, found, keys)


@ROUTES.add("PATCH", "/waivers/{waiver_id}", Permission.WAIVERS_REQUEST)
def edit_waiver(
    service: Ours, who: Who, waiver_id: str, body: WaiverEdit, if_match: IfMatch = None
) -> Response:
    """Change what it says; it then waits for approval again, whoever had approved it."""

    def work(transaction: Transaction) -> tuple[Stored, dict[str, str]]:
        found, project = _to_change(transaction, who, waiver_id)
        if if_match is None:
            raise Refusal(428, f'send If-Match: "{found.version}", the ETag of what was read')
        if if_match.strip() != f'"{found.version}"':
            raise Refusal(412, f"it is at version {found.version}; read it again")
        document = {**found.document, **_document(body)}
        return waiving.edited(transaction, service, who, project, found, document), {project.id: project.key}

    return _answer(service, *service.writer.submit(work))


@ROUTES.add("POST", "/waivers/bulk", Permission.WAIVERS_REQUEST)
def change_waivers(service: Ours, who: Who, body: BulkIn) -> Response:
    """Approve, reject or revoke many; the answer tells of each."""
    if body.action != "revoke":
        who = who.wanting(Permission.WAIVERS_APPROVE)

    def one(item: BulkItem) -> dict[str, Any]:
        try:
            if body.action == "approve" and item.sha256 is None:
                raise Refusal(422, "sha256 of what was read is wanted")
            after, keys = service.writer.submit(
                lambda t: _acted(t, service, who, item.id, body.action, item.sha256, body.note)
            )
        except Refusal as refusal:
            return {
                "id": item.id,
                "status": refusal.status_code,
                "code": refusal.code,
                "detail": refusal.detail,
            }
        return {"id": item.id, "status": 200, "waiver": shown(service, after, keys)}

    return answers.json({"items": [one(item) for item in body.items]})


@ROUTES.add("POST", "/waivers/{waiver_id}/approve", Permission.WAIVERS_APPROVE)
def approve_waiver(service: Ours, who: Who, waiver_id: str, body: Approving) -> Response:
    """Let it act from now on; what it covers is decided anew at once."""
    return _acting(service, who, waiver_id, "approve", body.sha256, None)


@ROUTES.add("POST", "/waivers/{waiver_id}/reject", Permission.WAIVERS_APPROVE)
def reject_waiver(service: Ours, who: Who, waiver_id: str, body: Noting) -> Response:
    """Refuse it for good."""
    return _acting(service, who, waiver_id, "reject", None, body.note)


@ROUTES.add("POST", "/waivers/{waiver_id}/revoke", Permission.WAIVERS_REQUEST)
def revoke_waiver(service: Ours, who: Who, waiver_id: str, body: Noting) -> Response:
    """Take it back for good; what rested on it counts for nothing until it is decided anew, at once."""
    return _acting(service, who, waiver_id, "revoke", None, body.note)


def visible(connection: Connection, who: Caller, waiver_id: str, *, to_change: bool = False) -> Stored:
    """The waiver; 404 where it is not there or of a project the caller may not know of."""
    if "\x00" in waiver_id:
        raise not_found()
    found = waivers.by_id(connection, waiver_id, to_change=to_change)
    if found is None or not who.sees(found.project_id):
        raise not_found()
    return found


def shown(service: Service, one: Stored, keys: dict[str, str]) -> dict[str, Any]:
    """A waiver as it is answered."""
    return {
        "id": one.id,
        "project": keys.get(one.project_id),
        "state": _state(service, one),
        "version": one.version,
        **{key: value for key, value in one.document.items() if key not in ("expires", "created")},
        "requested_by": one.requested_by,
        "approved_by": one.approved_by if one.is_approved_as_it_stands() else None,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "expires_at": one.expires_at,
        "sha256": one.sha256,
    }


def _state(service: Service, one: Stored) -> str:
    """Its state by the service's clock, whatever the sweeper has come to."""
    if one.state is not State.ACTIVE:
        return one.state.value
    now = service.now()
    if one.expires_at <= times.sortable(now):
        return "expired"
    return "expiring" if one.expires_at <= times.sortable(now + timedelta(days=SOON_DAYS)) else "active"


def _acting(
    service: Service, who: Caller, waiver_id: str, action: str, sha256: str | None, note: str | None
) -> Response:
    work: Callable[[Transaction], tuple[Stored, dict[str, str]]] = lambda transaction: _acted(  # noqa: E731
        transaction, service, who, waiver_id, action, sha256, note
    )
    return _answer(service, *service.writer.submit(work))


def _acted(
    transaction: Transaction,
    service: Service,
    who: Caller,
    waiver_id: str,
    action: str,
    sha256: str | None,
    note: str | None,
) -> tuple[Stored, dict[str, str]]:
    found, project = _to_change(transaction, who, waiver_id)
    match action:
        case "approve":
            after = waiving.approved(transaction, service, who, project, found, sha256 or "")
        case "reject":
            after = waiving.rejected(transaction, who, found, note)
        case _:
            after = waiving.revoked(transaction, service, who, project, found, note)
    return after, {project.id: project.key}


def _to_change(transaction: Transaction, who: Caller, waiver_id: str) -> tuple[Stored, projects.Project]:
    found = visible(transaction.connection, who, waiver_id, to_change=True)
    project = projects.by_id(transaction.connection, found.project_id)
    if project is None:
        raise not_found()
    return found, project


def _document(body: WaiverEdit) -> dict[str, Any]:
    """What was said of it, as an entry of the waiver file has it."""
    given = body.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in given.items() if key != "project"}


def _answer(service: Service, one: Stored, keys: dict[str, str]) -> Response:
    return answers.json(shown(service, one, keys), headers={"ETag": f'"{one.version}"'})
