"""What admission asks of the store and hands to it (docs/adr/0006)."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import msgspec
from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gate.feed import AdmissionRecord, Page
from gate.service import answers
from gate.service.asking import Ours, Who
from gate.service.context import Service
from gate.service.permissions import Permission
from gate.service.problems import Refusal
from gate.service.routing import Routes, refuse_other_type, strict_json
from gate.stores import admissions, changes
from gate.stores.writer import Transaction

ROUTES = Routes("/api/v1", "admission")
LONGEST_WAIT_S = 30.0
PAUSE_S = 0.25
MOST_RECORDS = 1_000
RECORDS = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "maxItems": MOST_RECORDS,
                    "items": {"type": "object", "description": "AdmissionRecord of gate/feed.py"},
                }
            }
        },
    }
}


@ROUTES.add("GET", "/admission/changes", Permission.ADMISSION_READ)
async def list_changes(
    service: Ours,
    who: Who,  # noqa: ARG001 - every route has its caller
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    epoch: Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$")] = None,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S, description="Seconds to wait for one.")] = 0,
) -> Response:
    """What became different behind `after`, in order; waits for something to tell."""
    until = time.monotonic() + wait
    while True:
        page = await run_in_threadpool(_page, service, epoch, after)
        is_news = bool(page.changes) or page.epoch != epoch
        if is_news or time.monotonic() >= until or service.is_stopping:
            return answers.json(page)
        await asyncio.sleep(PAUSE_S)


def _page(service: Service, epoch: str | None, after: int) -> Page:
    now = service.now_text()
    with service.database.reading() as connection:
        return changes.page(connection, epoch, after, now)


@ROUTES.add("POST", "/admission/records", Permission.ADMISSION_WRITE, openapi_extra=RECORDS)
async def keep_records(request: Request, service: Ours, who: Who) -> Response:  # noqa: ARG001 - as above
    """Keep what admission decided; the same again changes nothing."""
    refuse_other_type(request, ("application/json",))
    value = strict_json(await request.body())
    try:
        given = msgspec.convert(value, tuple[AdmissionRecord, ...])
    except msgspec.ValidationError as error:
        raise Refusal(422, str(error)[:1].lower() + str(error)[1:]) from None
    if len(given) > MOST_RECORDS:
        raise Refusal(413, f"found {len(given)} records, expected at most {MOST_RECORDS}")
    if b"\\u0000" in msgspec.json.encode(given):
        raise Refusal(422, "a NUL character is in no name")

    def work(transaction: Transaction) -> None:
        for one in given:
            admissions.recorded(transaction, one)

    await run_in_threadpool(service.writer.submit, work)
    return answers.json({"kept": len(given)})
