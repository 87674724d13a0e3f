"""Connections that cannot be held by saying nothing: uvicorn's protocol, with deadlines of its own.

uvicorn bounds the pause between two requests, not how long a request may take to arrive; an API server
has sent its review within milliseconds (THREATS.md I1).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gate import limits

HEAD_TIMEOUT_S: Final = 5.0
"""From the first moment of a connection, and of each request, to the end of its headers."""
HEAD_BYTES: Final = 16 * limits.KIB
CONNECTIONS: Final = 2_000
OF_ONE_ADDRESS: Final = 1_000
"""Half: whoever is alone behind a proxy has room, and no single machine takes all of it."""


class Connection(HttpToolsProtocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection begins, and its first request must too."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self._drop)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of headers are counted."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or not self._head_bytes:
            return
        if self._head_bytes > HEAD_BYTES:
            self._drop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self._drop)

    def on_headers_complete(self) -> None:
        """The headers are whole; the body has a deadline of its own (`webhook`)."""
        self._in_head = False
        self._rest()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; the next has headers again."""
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end has left."""
        self._rest()
        super().connection_lost(exc)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self) -> None:
        self._rest()
        self.transport.abort()


class Capped(Connection):
    """One of at most `CONNECTIONS`, and of `OF_ONE_ADDRESS` from its address; one more is closed at once."""

    _open: ClassVar[Counter[str]] = Counter()
    _address: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection begins, if there is room for it."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if self._open.total() >= CONNECTIONS or self._open[address] >= OF_ONE_ADDRESS:
            self._drop()
            return
        self._address = address
        self._open[address] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end has left."""
        if self._address is not None:
            self._open[self._address] -= 1
            if not self._open[self._address]:
                del self._open[self._address]
            self._address = None
        super().connection_lost(exc)
