"""Ranges of versions, `vers:TYPE/CONSTRAINT|CONSTRAINT`: does this version lie in that range?

Ordering is known for `pypi` (packaging) and for the types that use semantic versions; every other
type may only list exact versions, because a wrong order would cover a version nobody approved.
Source: package-url, version range specifier (vers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final
from urllib.parse import unquote

import msgspec

_CONSTRAINT: Final = re.compile(r"(?P<comparator>>=|<=|!=|<|>|=)?(?P<version>[^<>=!*|\s]+)")
_SEMVER: Final = re.compile(
    r"v?(?P<numbers>(?:0|[1-9]\d{0,17})(?:\.(?:0|[1-9]\d{0,17})){2})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)


def _semantic(text: str) -> tuple[Any, ...]:
    """Sort key of a semantic version, build metadata ignored (semver.org 2.0.0, section 11).

    Raises `ValueError` where `text` is none.
    """
    match = _SEMVER.fullmatch(text)
    if match is None:
        raise ValueError(text)
    numbers = tuple(int(number) for number in match["numbers"].split("."))
    if match["pre"] is None:
        return (*numbers, 1, ())
    parts = match["pre"].split(".")
    return (*numbers, 0, tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts))


def _of_python(text: str) -> Any:
    """The sort key of a version of PyPI."""
    from packaging.version import Version  # noqa: PLC0415 - a waiver with a range of versions is rare

    return Version(text)


_ORDERED: Final[Mapping[str, Callable[[str], Any]]] = {
    "cargo": _semantic,
    "golang": _semantic,
    "npm": _semantic,
    "pypi": _of_python,
}


class VersionRange(msgspec.Struct, frozen=True, kw_only=True):
    """A range as read; `contains` answers for it."""

    type: str
    """As in a package URL."""
    constraints: tuple[tuple[str, str], ...]
    """Comparator (`= != < <= > >=`) and version, bounds in ascending order."""

    def contains(self, version: str) -> bool:
        """Whether `version` lies in the range; a version that its type cannot order does not."""
        key = _ORDERED.get(self.type, str)
        try:
            at = key(version)
        except ValueError:
            return False
        equal = [comparator for comparator, text in self.constraints if key(text) == at]
        if equal:
            return equal[0] in ("=", "<=", ">=")
        bounds = [(c[0], key(text)) for c, text in self.constraints if c[0] in "<>"]
        least: Any = None
        for side, bound in bounds:
            if side == ">":
                least = bound
            elif at < bound and (least is None or at > least):
                return True
        return bool(bounds) and bounds[-1][0] == ">" and bool(at > bounds[-1][1])


def version_range(text: str) -> VersionRange:
    """The range `text` names.

    Raises `ValueError`, its text saying why: not `vers:`, every version (`*` or `!=` alone), a
    version that cannot be ordered, a comparator other than `=` for a type without a known order,
    bounds that do not take turns.
    """
    scheme, _, rest = text.partition(":")
    kind, slash, listed = rest.partition("/")
    if scheme != "vers" or not slash or not re.fullmatch(r"[a-z][a-z0-9.+-]*", kind):
        raise ValueError("a range looks like vers:pypi/>=1.0|<2.0")
    pairs = [_constraint(part, kind) for part in listed.split("|")]
    key = _ORDERED.get(kind, str)
    ordered = sorted(pairs, key=lambda pair: key(pair[1]))
    if any(key(a[1]) == key(b[1]) for a, b in pairwise(ordered)):
        raise ValueError("one version stands there twice")
    if all(comparator == "!=" for comparator, _ in ordered):
        raise ValueError("it leaves the range open on both sides; give a bound or list the versions")
    sides = [comparator[0] for comparator, _ in ordered if comparator[0] in "<>"]
    if any(a == b for a, b in pairwise(sides)):
        raise ValueError("lower and upper bounds must take turns")
    return VersionRange(type=kind, constraints=tuple(ordered))


def _constraint(part: str, kind: str) -> tuple[str, str]:
    match = _CONSTRAINT.fullmatch(part.strip())
    if match is None:
        raise ValueError("it holds an empty constraint, or * for every version")
    comparator, version = match["comparator"] or "=", unquote(match["version"])
    if kind not in _ORDERED and comparator != "=":
        raise ValueError(f"versions of type {kind} cannot be ordered here; list the exact ones")
    if kind in _ORDERED and not _is_version(version, kind):
        raise ValueError(f"{version[:40]} is no version of type {kind}")
    return comparator, version


def _is_version(text: str, kind: str) -> bool:
    try:
        _ORDERED[kind](text)
    except ValueError:
        return False
    return True
