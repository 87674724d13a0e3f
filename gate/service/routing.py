"""Routes that cannot be added without a permission, and whose JSON bodies are read strictly."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gate import limits
from gate.documents import json as json_documents
from gate.errors import ReportError
from gate.service.permissions import Permission
from gate.service.problems import Detail, Refusal

F = TypeVar("F", bound=Callable[..., Any])

PERMISSION: Final = "x-permission"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


class Body(BaseModel):
    """What a client may say: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a client is told."""

    model_config = ConfigDict(extra="forbid")


def strict_json(data: bytes) -> Any:
    """The value of a request's JSON body; raises `Refusal` 400 or 415 (THREATS.md, finding 2)."""
    if data.startswith(_UTF16):
        raise Refusal(415, "the body is UTF-16, expected UTF-8; write it as UTF-8")
    try:
        return json_documents.parsed(data, "body")
    except ReportError as error:
        first = error.problems[0]
        detail = Detail(code="json_invalid", detail=first.message, line=first.line, column=first.column)
        where = f"line {first.line}, column {first.column}: " if first.line else ""
        raise Refusal(400, f"{where}{first.message}", code="json_invalid", errors=[detail]) from None


class _StrictRequest(Request):
    """A request whose JSON is read by our own reader."""

    async def json(self) -> Any:
        return strict_json(await self.body())


Straight = Callable[[Request, bytes], Response]
"""A request and its whole body -> the answer, in a thread; it authorizes by itself, first."""
SMALL_BYTES: Final = 64 * limits.KIB
"""Bodies up to here may be taken in before anybody is known."""
_STRAIGHT: Final = "straight"


def straight(answer: Straight) -> Callable[[F], F]:
    """Have small JSON bodies answered by `answer`, in one thread from end to end; all others by the route itself.

    Both must answer alike. Dependencies of FastAPI took a third of the time of a decision, and each is another
    way to a thread and back (docs/adr/0017).
    """

    def declare(function: F) -> F:
        setattr(function, _STRAIGHT, answer)
        return function

    return declare


def is_small_json(request: Request) -> bool:
    """Whether it says that it is JSON, and how long, and that is not much."""
    headers = request.headers
    length = headers.get("content-length", "")
    return (
        headers.get("content-type") == "application/json"
        and "content-encoding" not in headers
        and length.isascii()
        and length.isdecimal()
        and len(length) < 9
        and int(length) <= SMALL_BYTES
    )


class _StrictRoute(APIRoute):
    """A route of such requests; a body of another type than JSON is refused, not guessed at."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        wants_json = self.body_field is not None
        answer: Straight | None = getattr(self.endpoint, _STRAIGHT, None)

        async def handler(request: Request) -> Response:
            if answer is not None and is_small_json(request):
                return await run_in_threadpool(answer, request, await request.body())
            if wants_json:
                refuse_other_type(request, ("application/json",))
            return await inner(_StrictRequest(request.scope, request.receive))

        return handler


def refuse_other_type(request: Request, known: Iterable[str]) -> str:
    """The media type of the request's body, one of `known`; raises `Refusal` 415 for any other."""
    given, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "").partition("charset=")[2].partition(";")[0]
    if given.strip().lower() not in known or charset not in ("", "utf-8", "utf8", "us-ascii"):
        expected = " or ".join(known)
        raise Refusal(415, f"found {given.strip()[:80] or 'no Content-Type'!r}, expected {expected} in UTF-8")
    return given.strip().lower()


class Routes:
    """What a module of routes declares; `install` puts it into an application."""

    def __init__(self, prefix: str, tag: str) -> None:
        self.prefix = prefix
        self._tag = tag
        self.declared: list[tuple[str, Callable[..., Any], dict[str, Any]]] = []

    def add(self, method: str, path: str, permission: Permission, **options: Any) -> Callable[[F], F]:
        """Declare a function under `method` and `path`, for callers with `permission`.

        `media_types`: what a success may be beside JSON.
        """
        kinds: dict[str, dict[str, Any]] = {name: {} for name in options.pop("media_types", ())}
        if kinds:
            options["responses"] = {options.get("status_code", 200): {"content": kinds}}
        extra = {**options.pop("openapi_extra", {}), PERMISSION: permission.value}

        def declare(function: F) -> F:
            its = {"operation_id": function.__name__, "methods": [method], "openapi_extra": extra, **options}
            self.declared.append((path, function, its))
            return function

        return declare

    def install(self, app: FastAPI) -> None:
        """Put every route into `app` itself: an included router would hide them from `undeclared`."""
        app.router.route_class = _StrictRoute
        for path, function, options in self.declared:
            app.router.add_api_route(f"{self.prefix}{path}", function, tags=[self._tag], **options)


def permission_of(route: object) -> Permission | None:
    """What a route wants; None for one that does not say, which nobody may then call."""
    extra = getattr(route, "openapi_extra", None) or {}
    said = str(extra.get(PERMISSION))
    return Permission(said) if said in tuple(Permission) else None


def undeclared(app: FastAPI) -> list[str]:
    """Routes without a permission."""
    return [str(getattr(route, "path", route)) for route in app.routes if permission_of(route) is None]
