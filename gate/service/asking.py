"""What routes take out of a request, the same everywhere: caller, page, idempotency key, precondition."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Depends, Header, Query, Request
from starlette.responses import Response

from gate.service import answers, tables
from gate.service.auth import Caller, caller_of
from gate.service.context import OtherRequest, Service
from gate.service.problems import Detail, Refusal
from gate.stores import paging
from gate.stores.database import Clash
from gate.stores.idempotency import Answer
from gate.stores.paging import CursorError, Page
from gate.stores.writer import Transaction

T = TypeVar("T")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")


# Coroutines, though they wait for nothing: functions would each be sent to a thread and back.
async def service_of(request: Request) -> Service:
    """The running service."""
    service: Service = request.app.state.service
    return service


async def who_asks(request: Request) -> Caller:
    """The caller that `authorized` let through."""
    return caller_of(request)


Ours = Annotated[Service, Depends(service_of)]
Who = Annotated[Caller, Depends(who_asks)]
Limit = Annotated[int, Query(ge=1, le=paging.MOST, description="Most items of a page.")]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next` of the page before.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="ETag of what is replaced.")]


async def key_of(
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="The same again is done once (24 h).")
    ] = None,
) -> str | None:
    """The request's key; raises `Refusal` 400 for one that is none."""
    return key_in(idempotency_key)


def key_in(idempotency_key: str | None) -> str | None:
    """The key that a header names, if it is one; raises as `key_of`."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Refusal(400, "Idempotency-Key: expected 1 to 200 visible ASCII characters")
    return idempotency_key


Once = Annotated[str | None, Depends(key_of)]


def other_request() -> Refusal:
    """The answer to a key that was used for something else."""
    return Refusal(
        422, "the Idempotency-Key was used for another request; use a fresh one", code="idempotency_reused"
    )


def digest(*parts: Any) -> str:
    """What a request is compared by."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def done_once(
    service: Service,
    who: Caller,
    key: str | None,
    request_sha256: str,
    work: Callable[[Transaction], Answer],
) -> Response:
    """The answer of `work`, on the disk; of the first time, where it is asked again under its key.

    Raises `Refusal` 422 for a key of another request, 409 for what is there already.
    """
    try:
        answer = service.answered(who.principal, key, request_sha256)
        answer = answer or service.once(who.principal, key, request_sha256, work)
    except OtherRequest:
        raise other_request() from None
    except Clash:
        raise Refusal(409, "it is there already") from None
    headers = {"Location": answer.location} if answer.location else {}
    return Response(answer.body, answer.status, headers, media_type="application/json")


def listed(
    request: Request,
    page: Callable[[], Page[T]],
    shown: Callable[[T], Any],
    columns: tuple[str, ...] = (),
) -> Response:
    """A page as JSON: `items`, `next`, and the same as a Link header (RFC 8288); with `columns` also as CSV."""
    try:
        found = page()
    except CursorError:
        detail = Detail(
            code="cursor_invalid", detail="not a cursor that this list gave", pointer="query/cursor"
        )
        raise Refusal(422, "cursor: not one that this list gave", errors=[detail]) from None
    headers = {}
    if found.cursor is not None:
        url = request.url.include_query_params(cursor=found.cursor)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    if columns and tables.is_wanted(request):
        content = tables.lines((shown(item) for item in found.items), columns)
        return Response(content, headers=headers, media_type=tables.CSV)
    value = {"items": [shown(item) for item in found.items], "next": found.cursor}
    return answers.json(value, headers=headers)
