"""Answers of a child for whoever waits on an event loop; apart, so that only they import asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import TypeVar

T = TypeVar("T")

in_thread = asyncio.to_thread


async def arrival(answer: Future[T], timeout_s: float) -> T:
    """What `answer` gives; raises `concurrent.futures.TimeoutError` where it has not come by then.

    Never cancels `answer`: the child answers all the same, and its reader must find it open. That, and
    half of the time, is why neither `asyncio.wrap_future` nor `asyncio.wait_for` is used.
    """
    loop = asyncio.get_running_loop()
    here: asyncio.Future[T] = loop.create_future()

    def came(_: Future[T]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed before the answer came
            loop.call_soon_threadsafe(_handed_over, answer, here)

    overdue = loop.call_later(timeout_s, _given_up, here)
    answer.add_done_callback(came)
    try:
        return await here
    finally:
        overdue.cancel()


def _handed_over(answer: Future[T], here: asyncio.Future[T]) -> None:
    if here.done():
        return  # given up, or whoever waited was cancelled
    error = answer.exception()
    if error is None:
        here.set_result(answer.result())
    else:
        here.set_exception(error)


def _given_up(here: asyncio.Future[T]) -> None:
    if not here.done():
        here.set_exception(NotInTime())
