"""Why no decision could be made, as values a person can act on.

    GateError
    ├── ReportError     a report, an SBOM or a manifest cannot be understood
    ├── PolicyError     the bundle does not load, or did not answer
    ├── WaiverError     a waiver file does not parse
    ├── StoreError      the record cannot be read or written
    └── SettingsError   gate.yaml or the command line is wrong (exit 2, all others exit 3)

Raised where the cause is known; translated only in the ways in (CLI, service, admission).
"""

from __future__ import annotations

import msgspec

QUOTE_CHARACTERS = 80
"""Untrusted text in a message is cut here (STYLE.md, Messages)."""


def quoted(value: object) -> str:
    """`value` as it may stand in a message: its `repr`, cut at 80 characters."""
    text = repr(value)
    return text if len(text) <= QUOTE_CHARACTERS else text[: QUOTE_CHARACTERS - 1] + "…"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One reason; the shape of `problems[]` in gate.error/v1 (CONTRACTS.md)."""

    code: str
    """Stable, `snake_case`: what scripts compare."""
    message: str
    """What is wrong, lower case, without the place and without the remedy."""
    path: str | None = None
    line: int | None = None
    """1-based."""
    column: int | None = None
    """1-based, in characters."""
    found: str | None = None
    expected: str | None = None
    fix: str | None = None
    """What to do, one line."""

    def place(self) -> str:
        """`path:line:col`, as far as it is known; empty when nothing is."""
        known = [self.path or "", *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(known) if self.path else ""

    def __str__(self) -> str:
        place = self.place()
        sides = [
            f"found {self.found}" if self.found else "",
            f"expected {self.expected}" if self.expected else "",
        ]
        text = ", ".join([self.message, *filter(None, sides)])
        return (f"{place}: " if place else "") + text + (f"; {self.fix}" if self.fix else "")


class GateError(Exception):
    """No decision was made; `problems` says why, never empty."""

    code = "could_not_decide"
    exit_code = 3

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        found: str | None = None,
        expected: str | None = None,
        fix: str | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        self.problems = problems or (
            Problem(
                code=code or self.code,
                message=message,
                path=path,
                line=line,
                column=column,
                found=found,
                expected=expected,
                fix=fix,
            ),
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ReportError(GateError):
    """A report, an SBOM or a manifest cannot be understood."""

    code = "report_unreadable"


class PolicyError(GateError):
    """The bundle does not load, or a policy did not answer."""

    code = "policy_invalid"


class WaiverError(GateError):
    """A waiver file does not parse."""

    code = "waivers_invalid"


class StoreError(GateError):
    """The record cannot be read or written."""

    code = "store_unavailable"


class SettingsError(GateError):
    """gate.yaml or the command line is wrong."""

    code = "settings_invalid"
    exit_code = 2
