"""The record: what was done, whether it is whole, all of it for an auditor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from gate.errors import StoreError
from gate.service import answers, asking
from gate.service.asking import Limit, Ours, Who
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import Refusal
from gate.service.routing import Routes
from gate.stores import chains, events, projects
from gate.stores.database import Unavailable
from gate.stores.events import Event

ROUTES = Routes("/api/v1", "audit")


@ROUTES.add("GET", "/audit", Permission.AUDIT_READ)
def list_events(
    request: Request,
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    """Who changed what, newest first; decisions are in their own list."""
    if cursor is not None and not (cursor.isascii() and cursor.isdecimal()):
        raise Refusal(422, "cursor: not one that this list gave")
    with service.database.reading() as connection:
        ids = who.projects(connection, project)
        before = int(cursor) if cursor else None

        def shown(one: Event) -> dict[str, Any]:
            value = msgspec.structs.asdict(one)
            project_id = value.pop("project_id")
            keys = projects.keys(connection, [project_id] if project_id else [])
            return {**value, "project": keys.get(project_id or "")}

        return asking.listed(request, lambda: events.listed(connection, ids, before, limit), shown)


@ROUTES.add("GET", "/audit/verify", Permission.AUDIT_VERIFY)
def verify_record(service: Ours, who: Who) -> Response:  # noqa: ARG001 - every route has its caller
    """Follow every chain from its first entry to its last; 500 with the place where one is broken."""
    is_whole = service.metrics.chain_ok.labels("verify")
    try:
        with service.database.snapshot() as connection:
            verified = chains.verified(connection)
    except Unavailable:
        raise
    except StoreError:
        is_whole.set(0)
        raise
    is_whole.set(1)
    return answers.json(verified)


@ROUTES.add("GET", "/audit/export", Permission.AUDIT_VERIFY, media_types=("application/x-ndjson",))
def export_record(service: Ours, who: Who) -> Response:  # noqa: ARG001 - every route has its caller
    """Every line of the record as NDJSON, chain by chain; anybody can check them without gate."""
    return StreamingResponse(_lines(service), media_type="application/x-ndjson")


def _lines(service: Service) -> Iterator[bytes]:
    with service.database.snapshot() as connection:
        yield from chains.lines(connection)
