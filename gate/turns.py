"""Questions that wait for somebody: several at once, answered in the order they were asked."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def answered(questions: Iterable[Callable[[], T]], at_once: int, ahead: int) -> Iterator[T]:
    """What each of `questions` gives; the first failure is raised.

    `at_once` are asked at a time, in threads. No more than `ahead` wait for an earlier one, and no
    question is taken from `questions` before there is room for it.
    """
    with ThreadPoolExecutor(at_once, "asking") as pool:
        waiting: deque[Future[T]] = deque()
        try:
            for question in questions:
                waiting.append(pool.submit(question))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
