"""Scanners that are installed, run for a decision: their reports become files like any other.

    tools.py     the tools that gate knows, as a literal
    choosing.py  which of them fit what lies in a folder, and which are missing
    process.py   one process, within bounds
    reports.py   what a run leaves, and what its exit code means
    answers.py   whether the report says what the exit code said

A run that fails is an error (exit 3), never an empty report; what a report says is for ingest to read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

REPORT: Final = "{report}"
"""In an argument: the file that the tool writes its report to; without it the report is stdout."""
TIMEOUT_S: Final = 600.0
"""How long one tool may run where nobody says otherwise."""

Progress = Callable[[int, int, Sequence[str]], None]
"""Runs that have ended, all of them, and the names of those that run now."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One tool to be run, and how its answer is understood."""

    name: str
    """What messages call it."""
    command: tuple[str, ...]
    """Program and arguments; the program is a name on PATH or an absolute path."""
    format: str | None = None
    """Format of the report; None: by content."""
    clean: frozenset[int] = frozenset({0})
    """Exit codes after which a report counts, whatever it holds."""
    findings: frozenset[int] = frozenset({1})
    """Exit codes that say "I found something": the report must hold something then."""
    folder: str = "."
    """Where it works, below the folder that is scanned."""
    settings: Mapping[str, str] = {}
    """Files that `{home}` in an argument leads to: name -> content."""
    environment: Mapping[str, str] = {}
    """Variables set for it."""
    is_own_command: bool = False
    """Written by the team in gate.yaml: it sees the caller's environment. Others see what they need."""
    has_network: bool = False
    """Whether somebody asked for the network."""
    timeout_s: float = TIMEOUT_S
    fix: str = "run it by hand and look"
    """What to do where it is missing."""
