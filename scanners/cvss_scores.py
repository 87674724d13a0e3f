"""CVSS vectors: their version and base score. The one place that knows the `cvss` package.

Severity is not decided here (`gate.model.from_cvss`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from cvss import CVSS2, CVSS3, CVSS4, CVSSError  # type: ignore[import-untyped]

from gate.model import Cvss

_VECTOR_CHARACTERS: Final = 512
"""A CVSS 4.0 vector with every metric has about 200."""


class Scored(NamedTuple):
    """What a vector says."""

    version: str
    """`2.0`, `3.0`, `3.1` or `4.0`."""
    score: float
    """Base score, 0.0 to 10.0."""


@lru_cache(maxsize=65_536)
def scored(vector: str, version: str | None = None) -> Scored | None:
    """Version and base score of `vector`, or None where it is no CVSS vector; never raises.

    A prefix (`CVSS:3.1/`) says the version and stands above `version`; a vector without one is read
    as `version`, and as 2.0 where that is not given (2.0 has no prefix).
    """
    vector = vector.strip().strip("()")
    if not vector or len(vector) > _VECTOR_CHARACTERS:
        return None
    prefixed = version_of(vector)
    version = prefixed or version or "2.0"
    if not prefixed and version != "2.0":
        vector = f"CVSS:{version}/{vector}"
    try:
        score = _base_score(vector, version)
    except CVSSError:
        return None
    return Scored(version, score) if score is not None and 0.0 <= score <= 10.0 else None


def version_of(vector: str) -> str | None:
    """The version that the prefix of `vector` names, or None."""
    head = vector[:9]
    return head[5:8] if head in ("CVSS:3.0/", "CVSS:3.1/", "CVSS:4.0/") else None


def rating(
    *,
    version: str | None = None,
    vector: str | None = None,
    score: float | None = None,
    source: str | None = None,
) -> Cvss | None:
    """One `Cvss` with its gaps filled from the vector; None where nothing can be said.

    A score that the report gives is kept; one outside 0 to 10 counts as not given. A vector of 3.x or
    4.0 without its prefix gets it.
    """
    given = score if score is not None and 0.0 <= score <= 10.0 else None
    vector = vector or None
    known = (version_of(vector) if vector else None) or version
    if vector and (given is None or known is None):
        read = scored(vector, version)
        known, given = (read.version, read.score if given is None else given) if read else (known, given)
    if known not in ("2.0", "3.0", "3.1", "4.0") or (vector is None and given is None):
        return None
    if vector and known != "2.0" and not version_of(vector):
        vector = f"CVSS:{known}/{vector}"
    return Cvss(version=known, vector=vector, score=given, source=source)


def _base_score(vector: str, version: str) -> float | None:
    match version:
        case "2.0":
            score = CVSS2(vector).base_score
        case "3.0" | "3.1":
            score = CVSS3(vector).base_score
        case "4.0":
            score = CVSS4(vector).base_score
        case _:
            return None
    return float(score) if score is not None else None
