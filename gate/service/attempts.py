"""Failed attempts to become somebody: counted, and slowed down; never locked for good (THREATS.md F3).

Counted by where they come from, and by whom they name *from there*: somebody elsewhere who names another's
repository in bad tokens must not keep that repository out. A name counts in its canonical form, so that `A`,
`a` and full-width `Ａ` are one.
"""

from __future__ import annotations

import math
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

FREE: Final = 10
"""Failures of one name from one source before it has to wait."""
FREE_OF_SOURCE: Final = 200
"""Failures from one source, which may be a proxy in front of everybody."""
LONGEST_S: Final = 60.0
FORGOTTEN_S: Final = 300.0
"""After so long without a failure everything begins anew."""
MOST: Final = 10_000
"""Names remembered; the one that failed longest ago makes room."""


class _Failures(msgspec.Struct):
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Attempts:
    """The failures of late."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, source: str, name: str) -> int:
        """Whole seconds after which `name` may try again from `source`; 0 where it may now.

        Without a name (it could not be read) the source alone counts.
        """
        now = self._clock()
        with self._lock:
            found = [self._known.get(key) for key, _ in _keys(source, name)]
        return max([0, *(math.ceil(one.until - now) for one in found if one is not None)])

    def failed(self, source: str, name: str) -> None:
        """Count a failure: each beyond the free ones doubles the wait."""
        now = self._clock()
        with self._lock:
            for key, free in _keys(source, name):
                one = self._known.pop(key, None)
                if one is None or now - one.last > FORGOTTEN_S:
                    one = _Failures()
                one.count, one.last = one.count + 1, now
                if one.count > free:
                    one.until = now + min(2.0 ** min(one.count - free - 1, 16), LONGEST_S)
                self._known[key] = one
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def succeeded(self, source: str, name: str) -> None:
        """Forget what `name` failed at from `source`; the source's own count stays."""
        with self._lock:
            self._known.pop((source, canonical(name)), None)


def _keys(source: str, name: str) -> list[tuple[tuple[str, str], int]]:
    """What is counted, and how many failures are free."""
    named = [((source, canonical(name)), FREE)] if name else []
    return [*named, ((source, ""), FREE_OF_SOURCE)]


def canonical(name: str) -> str:
    """One spelling of a name: width, case, white space and what cannot be seen make no other."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    seen = (c for c in plain if unicodedata.category(c) not in ("Cf", "Cc", "Mn"))
    return " ".join("".join(seen).split())[:500] or "-"
