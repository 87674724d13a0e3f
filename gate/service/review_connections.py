"""Connections of the API server: a review's bytes go straight to the desk, its answer back in one write.

No ASGI between them: its scope, event and three messages for each review took more time than the HTTP
itself (docs/adr/0014). What is no review goes the way of every other request.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from gate import limits, times
from gate.admission import defaults
from gate.errors import GateError
from gate.service.connections import Connection

LOG: Final = logging.getLogger("gate.admission")
PATH: Final = defaults.PATH.encode()
BODY_TIMEOUT_S: Final = 5.0
"""From the end of a request's headers to the end of its body."""
LONGEST_TIMEOUT_S: Final = 30.0
"""What admissionregistration/v1 allows a webhook at most."""
JSON: Final = b"application/json"
TEXT: Final = b"text/plain"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
Answer = Callable[[bytes, float], Awaitable[bytes]]
"""The body of a review and the seconds it may take -> the body of the answer; raises `GateError` for none."""


class _Asked(msgspec.Struct):
    """A review that arrives."""

    budget_s: float
    keeps_alive: bool
    pieces: list[bytes] = []
    size: int = 0


class ReviewConnection(Connection):
    """One connection; its reviews are answered one after another, in their order."""

    def __init__(self, *args: Any, answer: Answer, refused: Callable[[], None], **more: Any) -> None:
        super().__init__(*args, **more)
        self._answer = answer
        self._refused = refused
        self._asked: _Asked | None = None
        self._ready: deque[tuple[bytes, _Asked]] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._is_last = False

    def data_received(self, data: bytes) -> None:
        """Bytes came; what a body still lacks is waited for, for a while."""
        super().data_received(data)
        if self._asked is not None and self._deadline is None:
            self._deadline = self.loop.call_later(BODY_TIMEOUT_S, self._late)

    def on_headers_complete(self) -> None:
        """A review begins, or a request of another kind."""
        if self._is_last:
            return
        path, _, query = self.url.partition(b"?")
        if path != PATH or self.parser.get_method() != b"POST":
            if self._answering is None:
                super().on_headers_complete()
            else:
                self._abandon()
            return
        self._in_head = False
        self._rest()
        before: Any = self.cycle  # None before the first, whatever its annotation says
        if before is not None and not before.response_complete:
            self._abandon()
            return
        keeps_alive = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        if problem := self._problem():
            self._end(*problem)
            return
        self._asked = _Asked(budget_s=budget_s(query), keeps_alive=keeps_alive)
        if self.expect_100_continue:
            self.transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A piece of a body came."""
        asked = self._asked
        if asked is None:
            if not self._is_last:
                super().on_body(body)
            return
        asked.pieces.append(body)
        asked.size += len(body)
        if asked.size > limits.REVIEW_BYTES:
            self._end(*_TOO_LARGE)

    def on_message_complete(self) -> None:
        """A review is whole."""
        asked = self._asked
        if asked is None:
            if not self._is_last:
                super().on_message_complete()
            return
        self._asked = None
        self._rest()
        self._in_head, self._head_bytes = True, 0
        pieces = asked.pieces
        self._ready.append((pieces[0] if len(pieces) == 1 else b"".join(pieces), asked))
        if self._answering is None:
            self._answering = self.loop.create_task(self._answer_all())
            self.tasks.add(self._answering)
            self._answering.add_done_callback(self.tasks.discard)

    def shutdown(self) -> None:
        """The server stops: what was asked is answered, nothing more."""
        if self._answering is None:
            super().shutdown()
        else:
            self._is_last = True

    async def _answer_all(self) -> None:
        try:
            while self._ready:
                body, asked = self._ready.popleft()
                status, kind, text = await self._answered(body, asked)
                self.server_state.total_requests += 1
                if self.transport.is_closing():
                    return
                is_last = self._is_last or not asked.keeps_alive
                self.transport.write(_response(status, text, kind, close=is_last))
                if is_last:
                    self.transport.close()
                    return
        finally:
            self._answering = None
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    async def _answered(self, body: bytes, asked: _Asked) -> tuple[int, bytes, bytes]:
        try:
            return 200, JSON, await self._answer(body, asked.budget_s)
        except GateError as error:
            self._refused()
            is_large = error.problems[0].code == "review_too_large"
            return 413 if is_large else 400, TEXT, str(error).encode()
        except Exception:
            # The outermost handler of this way in: whatever is not an answer, the API server counts as none.
            LOG.exception("a review")
            return 500, TEXT, b"gate itself failed"

    def _problem(self) -> tuple[int, bytes] | None:
        """Why the review that begins is not read."""
        busy = max(len(self.connections), len(self.tasks))
        if self.limit_concurrency is not None and busy >= self.limit_concurrency:
            return 503, b"too many at once"
        for name, value in self.headers:
            if name == b"content-length" and (not value.isdigit() or int(value) > limits.REVIEW_BYTES):
                return _TOO_LARGE
        return None

    def _abandon(self) -> None:
        """A review and another request at once: answers keep their order, and nobody who asks here mixes them."""
        self._is_last = True
        self._drop()

    def _late(self) -> None:
        self._deadline = None
        self._end(408, b"the review did not arrive in time")

    def _end(self, status: int, text: bytes) -> None:
        """Say why, and read no more."""
        self._asked, self._is_last = None, True
        self._rest()
        if self._answering is None:
            self.transport.write(_response(status, text, TEXT, close=True))
            self.transport.close()


_TOO_LARGE: Final = (413, b"a review has at most %d bytes" % limits.REVIEW_BYTES)


def _response(status: int, body: bytes, kind: bytes, *, close: bool) -> bytes:
    head = b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n" % (
        status,
        HTTPStatus(status).phrase.encode(),
        kind,
        len(body),
    )
    return b"%b%b\r\n%b" % (head, b"connection: close\r\n" if close else b"", body)


def budget_s(query: bytes) -> float:
    """How long an answer may take: what `?timeout=` leaves, less a margin for the way back."""
    known = _BUDGETS.get(query)
    if known is None:
        known = _budget_s(query)
        if len(_BUDGETS) < REMEMBERED:
            _BUDGETS[query] = known
    return known


REMEMBERED: Final = 1_000
"""Queries whose budget is kept: an API server has as many as its webhooks have timeouts."""
_BUDGETS: Final[dict[bytes, float]] = {}


def _budget_s(query: bytes) -> float:
    given = parse_qs(query.decode("latin-1")).get("timeout", [""])[0]
    timeout_s = times.duration_s(given)
    if timeout_s is None or timeout_s <= 0:
        return limits.ADMISSION_TIMEOUT_S
    return max(min(timeout_s, LONGEST_TIMEOUT_S) - limits.ADMISSION_MARGIN_S, limits.ADMISSION_MARGIN_S / 2)
