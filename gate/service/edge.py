"""The outermost layer of HTTP: request ids, how much may come, how fast, and in which envelope.

Pure ASGI, before any route is known: what is refused here was never parsed.
"""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gate import limits
from gate.service.context import Service
from gate.service.problems import MEDIA_TYPE, RETRY_AFTER_S, Refusal, document
from gate.service.tracing import is_traceparent

UPLOADS: Final = frozenset({"/api/v1/decisions", "/api/v1/reports", "/api/v1/evaluate"})
"""Paths whose bodies hold reports."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""A decision as HTML has inline style and nothing else (docs/outputs.md)."""


class Edge:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        its_id = given if _REQUEST_ID.fullmatch(given) else self._service.new_id()
        scope.setdefault("state", {})["request_id"] = its_id
        traceparent = request.headers.get("traceparent", "")
        telling = _Telling(scope, send, its_id, traceparent if is_traceparent(traceparent) else "")
        began = time.perf_counter()
        try:
            with self._service.tracing.request(scope["method"], traceparent) as span:
                await self._answered(request, receive, telling)
                if span is not None:
                    span.update_name(f"{scope['method']} {getattr(scope.get('route'), 'path', '')}".strip())
                    span.set_attribute("http.response.status_code", telling.status)
        finally:
            route = getattr(scope.get("route"), "path", None)
            took_s = time.perf_counter() - began
            self._service.metrics.answered(scope["method"], route, telling.status, took_s)

    async def _answered(self, request: Request, receive: Receive, telling: _Telling) -> None:
        scope, its_id = request.scope, request.scope["state"]["request_id"]
        is_health = scope["path"] in ("/livez", "/readyz", "/metrics")
        if self._in_flight >= limits.SERVICE_IN_FLIGHT and not is_health:
            refusal = Refusal(503, "too many requests at once", headers={"Retry-After": RETRY_AFTER_S})
            await _refuse(telling, refusal, scope["path"], its_id)
            return
        self._in_flight += 1
        try:
            reading = _Body(request, receive)
            reading.refuse_by_headers()
            await self._app(scope, reading.receive, telling)
        except Refusal as refusal:
            await _refuse(telling, refusal, scope["path"], its_id)
        finally:
            self._in_flight -= 1


class _Body:
    """One body on its way in: bounded, in time, out of its gzip envelope."""

    def __init__(self, request: Request, receive: Receive) -> None:
        self._request = request
        self._receive = receive
        self._most = limits.SERVICE_UPLOAD_BYTES if request.url.path in UPLOADS else limits.SERVICE_BODY_BYTES
        self._received = self._given = 0
        self._began = time.monotonic()
        self._inflate = self._inflater()
        self._is_done = False

    def _inflater(self) -> Any:
        encoding = self._request.headers.get("content-encoding", "identity").strip().lower()
        return zlib.decompressobj(wbits=31) if encoding == "gzip" else None

    def refuse_by_headers(self) -> None:
        """Raise `Refusal` for what needs no look at the body."""
        headers = self._request.headers
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", ""):
            raise _closing(Refusal(415, f"Content-Encoding {encoding[:40]!r}, expected gzip or none"))
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next part of the body."""
        if self._is_done:
            return await self._receive()
        left_s = self._began + limits.SERVICE_RECEIVE_S - time.monotonic()
        left_s += self._received / limits.SERVICE_RECEIVE_RATE
        try:
            message = await asyncio.wait_for(self._receive(), max(left_s, 0.001))
        except TimeoutError:
            raise _closing(Refusal(408, "the body came too slowly")) from None
        if message["type"] != "http.request":
            return message
        part: bytes = message.get("body", b"")
        self._is_done = not message.get("more_body", False)
        self._received += len(part)
        plain = part if self._inflate is None else self._inflated(part)
        self._given += len(plain)
        if self._received > self._most or self._given > self._most:
            raise self._too_large()
        return {"type": "http.request", "body": plain, "more_body": not self._is_done}

    def _inflated(self, part: bytes) -> bytes:
        most = self._most - self._given + 1
        try:
            plain: bytes = self._inflate.decompress(part, most) if part else b""
        except zlib.error:
            raise _closing(Refusal(400, "the gzip data is broken")) from None
        given = self._given + len(plain)
        if len(plain) >= most or given > max(self._received, limits.KIB) * limits.REPORT_GZIP_RATIO:
            raise self._too_large()
        if self._inflate.unused_data or (self._is_done and not self._inflate.eof and self._received):
            raise _closing(Refusal(400, "the gzip data does not end where the body ends"))
        return plain

    def _too_large(self) -> Refusal:
        ratio = f", gzip at most {limits.REPORT_GZIP_RATIO} to 1" if self._inflate else ""
        return _closing(Refusal(413, f"expected at most {self._most} bytes{ratio}"))


def _closing(refusal: Refusal) -> Refusal:
    """A refusal after which nothing of the rest of the body is read."""
    refusal.headers = {**(refusal.headers or {}), "Connection": "close"}
    return refusal


class _Telling:
    """The way out: every answer gets the fields that every answer has."""

    def __init__(self, scope: Scope, send: Send, its_id: str, traceparent: str) -> None:
        self.status = 0
        """What was answered; 0 where the other end left before."""
        self._scope = scope
        self._send = send
        self._ours = [(b"x-request-id", its_id.encode()), *_HEADERS]
        if traceparent:
            self._ours.append((b"traceparent", traceparent.encode()))

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = {name.lower() for name, _ in message["headers"]}
            left = self._scope["state"].get("rate", {})
            ours = [*self._ours, *((name.lower().encode(), value.encode()) for name, value in left.items())]
            message["headers"] = [*message["headers"], *(one for one in ours if one[0] not in names)]
        await self._send(message)


async def _refuse(send: Send, refusal: Refusal, path: str, its_id: str) -> None:
    body = document(refusal, path, its_id)
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in (refusal.headers or {}).items()},
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status_code, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
