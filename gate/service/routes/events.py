"""What is done, as it is done: a stream of server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from fastapi import Header, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from gate.service.asking import Ours, Who
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import RETRY_AFTER_S, Refusal
from gate.service.routing import Routes
from gate.stores import events, projects
from gate.stores.events import Event

ROUTES = Routes("/api/v1", "events")
LONGEST_S: Final = 60.0
"""A stream ends then and is asked for again: so a token that was revoked hears no more."""
PAUSE_S: Final = 0.5
QUIET_S: Final = 10.0
"""After so long without news a comment is sent, so that nobody in between takes it for dead."""
MOST_STREAMS: Final = 64
AT_ONCE: Final = 200
LOOKED_BACK: Final = 200
"""Numbers behind the last that was sent: another process may commit a smaller one later."""


@ROUTES.add("GET", "/events", Permission.DECISIONS_READ, media_types=("text/event-stream",))
async def follow_events(
    service: Ours,
    who: Who,
    project: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
    after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    seconds: Annotated[float, Query(ge=0, le=LONGEST_S, description="How long to listen.")] = LONGEST_S,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None,
) -> Response:
    """What people and the service do from now on, or behind `Last-Event-ID`; the audit log has all of it."""
    if last_event_id is not None and not (last_event_id.isascii() and last_event_id.isdecimal()):
        raise Refusal(422, "Last-Event-ID: not one that this stream gave")
    if service.streams >= MOST_STREAMS:
        raise Refusal(503, "too many streams at once", headers={"Retry-After": RETRY_AFTER_S})
    start = int(last_event_id) if last_event_id else after
    ids, begins = await run_in_threadpool(_begun, service, who, project, start)
    return StreamingResponse(
        _stream(service, who, ids, begins, seconds),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


def _begun(
    service: Service, who: Caller, wanted: list[str], start: int | None
) -> tuple[tuple[str, ...] | None, int]:
    with service.database.reading() as connection:
        ids = who.projects(connection, wanted)
        return ids, events.last(connection) if start is None else start


async def _stream(
    service: Service, who: Caller, ids: tuple[str, ...] | None, begins: int, seconds: float
) -> AsyncIterator[bytes]:
    service.streams += 1
    try:
        yield b"retry: 1000\n\n"
        told_at = time.monotonic()
        until = told_at + seconds
        last, sent = begins, set[int]()
        while True:
            from_ = max(begins, last - LOOKED_BACK)
            found = await run_in_threadpool(_news, service, who, ids, from_)
            for one, line in found:
                if one.sequence not in sent:
                    sent.add(one.sequence)
                    last = max(last, one.sequence)
                    told_at = time.monotonic()
                    yield line
            if time.monotonic() - told_at > QUIET_S:
                told_at = time.monotonic()
                yield b": nothing new\n\n"
            if time.monotonic() >= until or service.is_stopping:
                return
            await asyncio.sleep(PAUSE_S)
    finally:
        service.streams -= 1


def _news(
    service: Service, who: Caller, ids: tuple[str, ...] | None, after: int
) -> list[tuple[Event, bytes]]:
    audits = who.wanting(Permission.AUDIT_READ) if who.may(Permission.AUDIT_READ) else None
    with service.database.reading() as connection:
        found = events.following(connection, ids, after, AT_ONCE + LOOKED_BACK)
        keys = projects.keys(connection, {one.project_id for one in found if one.project_id})
    return [(one, _line(one, keys.get(one.project_id or ""))) for one in found if _may_know(audits, one)]


def _may_know(audits: Caller | None, one: Event) -> bool:
    """Whether it is for everybody of its project, or whoever asks `audits` that."""
    if one.project_id is None:
        return audits is not None and audits.project_ids is None
    is_for_all = not one.action.startswith(("token.", "trust."))
    return is_for_all or (audits is not None and audits.sees(one.project_id))


def _line(one: Event, project: str | None) -> bytes:
    value = msgspec.structs.asdict(one)
    value.pop("project_id")
    data = msgspec.json.encode({**value, "project": project})
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (one.sequence, one.action.encode(), data)
