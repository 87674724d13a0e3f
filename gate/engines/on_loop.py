"""Answers of a child for whoever waits on an event loop; apart, so that only they import asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

in_thread = asyncio.to_thread
running_loop = asyncio.get_running_loop


class Arrival:
    """One answer on its way to a coroutine; told from any thread.

    Half of what `asyncio.wrap_future` and `asyncio.wait_for` take; and giving up never cancels anything:
    the child answers all the same.
    """

    __slots__ = ("_future", "_loop", "_thread")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()
        self._future: asyncio.Future[memoryview] = loop.create_future()

    def set_result(self, result: memoryview, /) -> None:
        """The answer is there."""
        self._tell(self._future.set_result, result)

    def set_exception(self, exception: BaseException, /) -> None:
        """There will be no answer."""
        self._tell(self._future.set_exception, exception)

    async def within(self, timeout_s: float) -> memoryview:
        """The answer; raises what it was told instead, or `TimeoutError` where it has not come by then."""
        overdue = self._loop.call_later(timeout_s, self._told, self._future.set_exception, TimeoutError())
        try:
            return await self._future
        finally:
            overdue.cancel()

    def _tell(self, how: Callable[[Any], None], what: object) -> None:
        if threading.get_ident() == self._thread:
            self._told(how, what)
            return
        with contextlib.suppress(RuntimeError):  # the loop was closed before the answer came
            self._loop.call_soon_threadsafe(self._told, how, what)

    def _told(self, how: Callable[[Any], None], what: object) -> None:
        if not self._future.done():  # given up, or whoever waited was cancelled
            how(what)
