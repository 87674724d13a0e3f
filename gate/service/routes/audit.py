"""The record: what was done, whether it is whole, all of it for an auditor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Query, Request
from starlette.responses import Response, StreamingResponse

from gate.errors import StoreError
from gate.service import answers, asking, tables
from gate.service.asking import Limit, Ours, Who
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import Refusal
from gate.service.routing import Routes
from gate.stores import chains, events, projects
from gate.stores.database import Unavailable
from gate.stores.events import Event

ROUTES = Routes("/api/v1", "audit")
NDJSON: Final = "application/x-ndjson"
_AT_ONCE: Final = 500


@ROUTES.add("GET", "/audit", Permission.AUDIT_READ, media_types=(tables.CSV,))
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
            return _shown(one, projects.keys(connection, [one.project_id] if one.project_id else []))

        return asking.listed(
            request, lambda: events.listed(connection, ids, before, limit), shown, tables.EVENTS
        )


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


@ROUTES.add("GET", "/audit/export", Permission.AUDIT_VERIFY, media_types=(NDJSON, tables.CSV))
def export_record(
    request: Request,
    service: Ours,
    who: Who,  # noqa: ARG001 - every route has its caller
    of: Literal["decisions", "events"] = "decisions",
) -> Response:
    """All of the record, chain by chain, or every event, oldest first; as NDJSON, or CSV where that is accepted.

    The lines of decisions are the record's own: anybody can check them without gate.
    """
    if tables.is_wanted(request):
        return StreamingResponse(_table(service, of), media_type=tables.CSV)
    return StreamingResponse(_lines(service) if of == "decisions" else _events(service), media_type=NDJSON)


def _lines(service: Service) -> Iterator[bytes]:
    with service.database.snapshot() as connection:
        yield from chains.lines(connection)


def _events(service: Service) -> Iterator[bytes]:
    for batch in _batches(service):
        yield b"".join(msgspec.json.encode(row) + b"\n" for row in batch)


def _table(service: Service, of: str) -> Iterator[bytes]:
    if of == "events":
        yield tables.lines((), tables.EVENTS)
        for batch in _batches(service):
            yield tables.lines(batch, tables.EVENTS, with_head=False)
        return
    yield tables.lines((), tables.RECORD)
    with service.database.snapshot() as connection:
        keys = projects.all_keys(connection)
        for row in chains.rows(connection):
            shown = {
                **row,
                "chain": row["writer"],
                "decision_id": row["id"],
                "project": keys.get(str(row["project_id"])),
            }
            yield tables.lines([shown], tables.RECORD, with_head=False)


def _batches(service: Service) -> Iterator[list[dict[str, Any]]]:
    """Every event as lists show it, oldest first, all of one moment."""
    with service.database.snapshot() as connection:
        keys, after = projects.all_keys(connection), 0
        while found := events.following(connection, None, after, _AT_ONCE):
            yield [_shown(one, keys) for one in found]
            after = found[-1].sequence


def _shown(one: Event, keys: Mapping[str, str]) -> dict[str, Any]:
    value = msgspec.structs.asdict(one)
    return {**value, "project": keys.get(value.pop("project_id") or "")}
