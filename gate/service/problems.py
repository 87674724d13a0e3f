"""Every answer that is no success, in one shape: problem details (RFC 9457), with a stable code.

A denied gate is no problem: its outcome is in the body of a 200 or 201.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gate.errors import GateError, PolicyError, Problem, StoreError, quoted
from gate.stores.database import Unavailable

LOGGER: Final = logging.getLogger("gate.service")
MEDIA_TYPE: Final = "application/problem+json"
TYPES: Final = "urn:gate:problem:"
RETRY_AFTER_S: Final = "2"

_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("malformed", "the request cannot be read"),
    401: ("unauthenticated", "a valid token is needed"),
    403: ("forbidden", "this token may not do that"),
    404: ("not_found", "there is nothing here"),
    405: ("method_not_allowed", "this method is not known here"),
    406: ("not_acceptable", "none of the accepted formats is known"),
    408: ("receive_timeout", "the request did not arrive in time"),
    409: ("conflict", "it is there already, or was changed meanwhile"),
    410: ("gone", "it is no longer kept"),
    412: ("precondition_failed", "it was changed since it was read"),
    413: ("too_large", "the request is too large"),
    415: ("unsupported_media_type", "this content is not read"),
    422: ("invalid", "the request is well formed and cannot be done"),
    428: ("precondition_required", "If-Match is needed"),
    429: ("too_many_requests", "too many requests"),
    500: ("internal_error", "gate itself failed"),
    503: ("unavailable", "the service cannot answer now"),
    504: ("evaluation_timeout", "the policies did not decide in time"),
}
"""Status -> code and title; what is not here is never answered."""


class Detail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong, and where."""

    code: str
    detail: str
    pointer: str | None = None
    """JSON pointer into the body, or the name of a parameter."""
    path: str | None = None
    line: int | None = None
    column: int | None = None
    found: str | None = None
    expected: str | None = None
    fix: str | None = None


class Refusal(HTTPException):
    """A request that is not done; becomes a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[Detail] = (),
        headers: Mapping[str, str] | None = None,
        exit_code: int = 3,
    ) -> None:
        super().__init__(status, detail, headers)
        self.exit_code = exit_code
        self.code = code or _TITLES[status][0]
        self.errors = tuple(errors)


def not_found() -> Refusal:
    """The one answer for what is not there and for what this token may not know of."""
    return Refusal(404, "no such resource, or not for this token")


def refused(error: GateError) -> Refusal:
    """What an error of the stages or the store is over HTTP."""
    errors = [_detail(problem) for problem in error.problems]
    first = error.problems[0]
    if isinstance(error, Unavailable):
        return Refusal(503, str(first), code=first.code, headers={"Retry-After": RETRY_AFTER_S})
    if isinstance(error, StoreError):
        return Refusal(500, str(first), code=first.code, errors=errors)
    if isinstance(error, PolicyError) and first.code in ("engine_lost", "bundle_unknown", "engine_missing"):
        return Refusal(503, str(first), code=first.code, headers={"Retry-After": RETRY_AFTER_S})
    if isinstance(error, PolicyError) and first.code == "timeout":
        return Refusal(504, str(first), code="evaluation_timeout", errors=errors)
    detail = str(first) if len(errors) == 1 else f"{len(errors)} problems, the first: {first}"
    return Refusal(422, detail, code=first.code, errors=errors, exit_code=error.exit_code)


def _detail(problem: Problem) -> Detail:
    return Detail(
        code=problem.code,
        detail=problem.message,
        path=problem.path,
        line=problem.line,
        column=problem.column,
        found=problem.found,
        expected=problem.expected,
        fix=problem.fix,
    )


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        return answer(request, error)

    async def on_gate(request: Request, error: Exception) -> Response:
        assert isinstance(error, GateError)  # noqa: S101 - what it is registered for
        refusal = refused(error)
        if refusal.status_code == 500:
            LOGGER.error("store: %s", error, extra={"request_id": request_id(request)})
        return answer(request, refusal)

    async def on_invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        return answer(request, _invalid(error))

    async def on_bug(request: Request, error: Exception) -> Response:
        LOGGER.error("bug", exc_info=error, extra={"request_id": request_id(request)})
        return answer(
            request, Refusal(500, f"{type(error).__name__}; the log has more under this request id")
        )

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(GateError, on_gate)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_bug)


def answer(request: Request, error: HTTPException) -> Response:
    """The response for a refusal, or for what the framework itself refuses."""
    refusal = error if isinstance(error, Refusal) else _of_framework(error)
    body = document(refusal, request.url.path, request_id(request))
    headers = dict(refusal.headers or {})
    return Response(body, refusal.status_code, headers, media_type=MEDIA_TYPE)


def document(refusal: Refusal, instance: str, its_request_id: str) -> bytes:
    """The problem as JSON."""
    value: dict[str, Any] = {
        "type": f"{TYPES}{refusal.code}",
        "title": _TITLES[refusal.status_code][1],
        "status": refusal.status_code,
        "detail": refusal.detail,
        "instance": instance,
        "code": refusal.code,
        "request_id": its_request_id,
        "exit_code": refusal.exit_code,
        "errors": refusal.errors,
    }
    return msgspec.json.encode(value)


def request_id(request: Request) -> str:
    """The id given to the request by the outermost layer."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def _of_framework(error: HTTPException) -> Refusal:
    status = error.status_code if error.status_code in _TITLES else 400
    return Refusal(status, _TITLES[status][1], headers=error.headers)


def _invalid(error: RequestValidationError) -> Refusal:
    errors = [
        Detail(
            code=str(one["type"]),
            detail=str(one["msg"])[:1].lower() + str(one["msg"])[1:],
            pointer=_pointer(one["loc"]),
            found=quoted(one["input"]) if isinstance(one.get("input"), str | int | float | bool) else None,
        )
        for one in error.errors()[:50]
    ]
    first = errors[0]
    return Refusal(422, f"{first.pointer or 'the body'}: {first.detail}", errors=errors)


def _pointer(loc: Sequence[Any]) -> str:
    where, *rest = loc
    steps = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in rest)
    return steps or "/" if where == "body" else f"{where}{steps}"
