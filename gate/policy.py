"""What a Python policy imports: `policy`, `deny`, `warn`.

    from gate.policy import deny, policy

    @policy(id="TEAM-001", title="One person alone must not own a release", severity="high")
    def check(input):
        if input["subject"]["author"] is None:
            yield deny("the author of the change is not known", remedy="pass --author")

`input` is the policy input v1 as plain dictionaries and lists. A policy runs in a process of its
own with limits, which keeps accidents small; it is no sandbox. Python policies are code that you
trust as you trust your own (THREATS.md E9), and are off unless gate.yaml turns them on
(docs/python-policies.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

VERBS: Final = ("deny", "warn")
Check = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]

POLICIES: list[tuple[dict[str, Any], Check]] = []
"""Filled by the decorator, in the policy's own process only."""


def policy(
    *,
    id: str,
    title: str,
    severity: Literal["critical", "high", "medium", "low", "info"] | None = None,
    description: str = "",
    fix: str | None = None,
    frameworks: Sequence[str] = (),
    effective_on: str | None = None,
) -> Callable[[Check], Check]:
    """Make a function a policy; its parameters are what METADATA is to a Rego rule.

    Raises `TypeError` for a parameter that is no text.
    """
    texts = {"id": id, "title": title, "description": description}
    optional = {"severity": severity, "fix": fix, "effective_on": effective_on}
    for name, value in (texts | {key: value for key, value in optional.items() if value is not None}).items():
        _refuse_no_text(name, value)
    for framework in [frameworks] if isinstance(frameworks, str) else frameworks:
        _refuse_no_text("a framework", framework)

    def register(check: Check) -> Check:
        about = {
            "id": id,
            "title": title,
            "severity": severity,
            "description": description,
            "fix": fix,
            "frameworks": [frameworks] if isinstance(frameworks, str) else list(frameworks),
            "effective_on": effective_on,
            "line": check.__code__.co_firstlineno,
        }
        POLICIES.append((about, check))
        return check

    return register


def deny(message: str, *, remedy: str | None = None, finding: str | None = None) -> dict[str, Any]:
    """A violation that fails the gate. `finding` is a finding's fingerprint.

    Raises `TypeError` for anything that is no text, `UnicodeError` for text that is no UTF-8.
    """
    return _said("deny", message, remedy, finding)


def warn(message: str, *, remedy: str | None = None, finding: str | None = None) -> dict[str, Any]:
    """A violation that warns; otherwise as `deny`."""
    return _said("warn", message, remedy, finding)


def _said(verb: str, message: str, remedy: str | None, finding: str | None) -> dict[str, Any]:
    optional = {"remedy": remedy, "finding": finding}
    given = {key: value for key, value in optional.items() if value is not None}
    violation = {"message": message, **given}
    # Here, where the policy's own line is on the stack, and not in the process that reads the answer.
    for name, value in violation.items():
        _refuse_no_text(name, value)
    return {"verb": verb, **violation}


def _refuse_no_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, expected text")
    value.encode()
