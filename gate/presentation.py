"""What an output shows: a decision with everything that helps a person to read it."""

from __future__ import annotations

import msgspec

from gate.model import Decision, Finding, Report, Rule


class Excerpt(msgspec.Struct, frozen=True, kw_only=True):
    """Source lines around a violation, already read inside the checked paths."""

    first_line: int
    lines: tuple[str, ...]
    line: int
    column: int | None = None


class Presentation(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with everything an output may want to show beside it."""

    decision: Decision
    rules: dict[str, Rule] = {}
    """By id, for every rule of the bundle."""
    findings: dict[str, Finding] = {}
    """By fingerprint, all of them."""
    excerpts: dict[str, Excerpt] = {}
    """By violation fingerprint."""
    components: int = 0
    objects: int = 0
    sources: tuple[Report, ...] = ()
    """As `decision.reports`, in the order they were read."""
    written: tuple[str, ...] = ()
    """Paths of outputs written beside this one."""
    elapsed_s: float = 0.0
    exit_code: int = 0
    color: bool = False
    unicode: bool = True
    """Whether the terminal's encoding has ✓ ✗ ‼ and box characters."""
    width: int = 100
    """Columns."""
    verbosity: int = 0
    """-1 quiet (last line only), 0, 1 verbose."""
