"""Findings by the hundred thousand: what is equal in them is kept once.

A report repeats the texts, scores and places of a flaw for every package; decoded, each is a value of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from gate.model import Observation

_REPEATED: Final = (
    "rule",
    "title",
    "severity_raw",
    "aliases",
    "cwes",
    "cvss",
    "version",
    "fixed_versions",
    "location",
)
"""Members of a finding that others are likely to share; none holds anything that can change."""
_REMEMBERED: Final = 32_768
"""Values; then it begins anew, so that a report without repetitions does not keep all of them twice."""


def shared(seen: Iterable[Observation]) -> Iterator[Observation]:
    """`seen`, fresh from an adapter, each as it was but with the equal members of their findings as one value."""
    known: dict[Any, Any] = {}
    for one in seen:
        finding = one.finding
        for name in _REPEATED:
            value = getattr(finding, name)
            # What is empty is one value already.
            if value and (first := known.setdefault(value, value)) is not value:
                # Nobody has the finding yet, and what it holds stays equal.
                msgspec.structs.force_setattr(finding, name, first)
        if len(known) > _REMEMBERED:
            known.clear()
        yield one
