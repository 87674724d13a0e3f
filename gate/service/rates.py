"""How often somebody may ask: each token, and each address that does not know one.

Counted in this process: with several replicas each has its own count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

REQUESTS: Final = 30_000
"""Requests a minute of one token: two and a half times what two cores can decide."""
WRONG_TOKENS: Final = 1_200
"""Requests a minute without a valid token from one address."""
MINUTE_S: Final = 60


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a minute."""

    most: int
    remaining: int
    reset_s: int
    """Seconds until the count begins anew."""
    is_over: bool

    def headers(self) -> dict[str, str]:
        """As fields of an answer (draft-ietf-httpapi-ratelimit-headers, the three separate ones)."""
        return {
            "RateLimit-Limit": str(self.most),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class Rates:
    """The counts of one process in one minute; the next one begins with none.

    Twenty lines instead of `limits`, whose storage in memory starts a thread for nearly every count: a tenth of
    what a decision cost (docs/adr/0017).
    """

    def __init__(
        self,
        requests: int = REQUESTS,
        wrong_tokens: int = WRONG_TOKENS,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = requests
        self._wrong = wrong_tokens
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._ends_s = clock_s() + MINUTE_S
        self._counts: dict[tuple[str, str], int] = {}

    def asked(self, token_id: str) -> Left:
        """One more request with that token."""
        return self._counted("token", token_id, self._requests, more=1)

    def guessed(self, address: str) -> None:
        """One more request without a valid token from there."""
        self._counted("address", address, self._wrong, more=1)

    def guesses(self, address: str) -> Left:
        """Whether `address` has been wrong too often: one more would be too many."""
        known = self._counted("address", address, self._wrong, more=0)
        return msgspec.structs.replace(known, is_over=known.remaining == 0)

    def _counted(self, kind: str, name: str, most: int, more: int) -> Left:
        with self._lock:
            left_s = self._ends_s - self._clock_s()
            if left_s <= 0:
                self._counts = {}
                self._ends_s += MINUTE_S * (1 + int(-left_s // MINUTE_S))
                left_s = self._ends_s - self._clock_s()
            count = self._counts.get((kind, name), 0) + more
            if more:
                self._counts[kind, name] = count
        return Left(
            most=most,
            remaining=max(most - count, 0),
            reset_s=max(int(-(-left_s // 1)), 1),
            is_over=count > most,
        )
