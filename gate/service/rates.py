"""How often somebody may ask: each token, and each address that does not know one.

Counted in this process: with several replicas each has its own count.
"""

from __future__ import annotations

import math
import time
from typing import Final

import msgspec
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

REQUESTS: Final = 30_000
"""Requests a minute of one token: two and a half times what two cores can decide."""
WRONG_TOKENS: Final = 1_200
"""Requests a minute without a valid token from one address."""


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
    """The counts of one process."""

    def __init__(self, requests: int = REQUESTS, wrong_tokens: int = WRONG_TOKENS) -> None:
        self._requests = RateLimitItemPerMinute(requests)
        self._wrong = RateLimitItemPerMinute(wrong_tokens)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def asked(self, token_id: str) -> Left:
        """One more request with that token."""
        is_within = self._limiter.hit(self._requests, "token", token_id)
        return self._left(self._requests, "token", token_id, is_over=not is_within)

    def guessed(self, address: str) -> None:
        """One more request without a valid token from there."""
        self._limiter.hit(self._wrong, "address", address)

    def guesses(self, address: str) -> Left:
        """Whether `address` has been wrong too often."""
        is_within = self._limiter.test(self._wrong, "address", address)
        return self._left(self._wrong, "address", address, is_over=not is_within)

    def _left(self, item: RateLimitItemPerMinute, kind: str, name: str, *, is_over: bool) -> Left:
        reset_at, remaining = self._limiter.get_window_stats(item, kind, name)
        return Left(
            most=item.amount,
            remaining=max(remaining, 0),
            reset_s=max(math.ceil(reset_at - time.time()), 1),
            is_over=is_over,
        )
