"""Terraform's and OpenTofu's plan (`show -json`): what would change.

Its findings are the checks that the configuration itself makes (`check` blocks, conditions, validations) and that
failed; their messages are not kept, they may quote values. Else it is checked for being whole, and counted. Values,
with passwords in clear among them, are not read at all; Conftest's policies see the file itself (docs/conftest.md).
Evidence of nothing. Source: HashiCorp, "JSON Output Format"; FORMATS.md 2.27.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document, wrong_shape
from gate.errors import quoted
from gate.model import Finding, Kind, Location, Observation, Scan, Severity, Status

_EXPECTED: Final = "a Terraform plan"
_VERSION: Final = re.compile(r"[01]\.\d+")
"""An unknown major version is refused, as HashiCorp asks; unknown names are not."""
_FAILED: Final = "fail"
_QUIET: Final = (["no-op"], ["read"])


class _Actions(msgspec.Struct):
    actions: list[str]


class _Change(msgspec.Struct):
    address: str
    change: _Actions


class _Address(msgspec.Struct):
    shown: str = msgspec.field(name="to_display", default="")


class _Instance(msgspec.Struct):
    status: str
    address: _Address = msgspec.field(default_factory=_Address)


class _Check(msgspec.Struct):
    status: str
    """`pass`, `fail`, `error`, or `unknown` where it depends on what is not made yet."""
    address: _Address = msgspec.field(default_factory=_Address)
    instances: list[_Instance] | None = None


class _Plan(msgspec.Struct):
    format: str = msgspec.field(name="format_version")
    changes: list[msgspec.Raw] = msgspec.field(name="resource_changes", default_factory=list)
    terraform: str = msgspec.field(name="terraform_version", default="")
    checks: list[msgspec.Raw] = msgspec.field(default_factory=list)
    errored: bool = False
    complete: bool = True
    timestamp: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Terraform plan, or None; a state has neither of the two."""
    if "format_version" in document.keys and document.keys & {"resource_changes", "planned_values"}:
        return "format_version, and resource_changes or planned_values"
    return None


def parse(document: Document) -> Scan:
    """Every failed check; raises `ReportError` for an unknown format version or where no change is understood."""
    plan = document.decoded(_Plan, _EXPECTED)
    if not _VERSION.fullmatch(plan.format):
        raise wrong_shape(
            document.path,
            f"not {_EXPECTED} of a known version",
            found=f"format_version {quoted(plan.format)}",
            expected="0.x or 1.x",
        )
    rows = document.each(plan.changes, _Change, "$.resource_changes", _EXPECTED)
    counts = Counter("+".join(row.change.actions) for row in rows.good if row.change.actions not in _QUIET)
    told = ", ".join(f"{count} {action}" for action, count in sorted(counts.items()))
    status, notes = Status.OK, [f"changes: {told}" if told else "nothing would change"]
    if plan.errored or not plan.complete:
        status = Status.FAILED if plan.errored and not rows.good else Status.PARTIAL
        notes.append("planning ended with errors" if plan.errored else "the plan is not complete")
    checks = document.each(plan.checks, _Check, "$.checks", _EXPECTED)
    open_ = Counter(check.status for check in checks.good if check.status not in ("pass", "fail"))
    if open_.keys() - {"unknown"}:
        status = Status.PARTIAL if status is Status.OK else status
    notes += [f"{count} checks are {quoted(word)}" for word, count in sorted(open_.items())]
    return Scan(
        format="terraform-plan",
        scanner="terraform",
        scanner_version=plan.terraform or None,
        status=status,
        created=times.normalized(plan.timestamp),
        kinds=(),
        observations=tuple(seen for check in checks.good for seen in _failures(check)),
        rejected=(*rows.rejected, *checks.rejected),
        notes=tuple(notes),
    )


def _failures(check: _Check) -> Iterator[Observation]:
    """One observation for each instance that fails; for the check itself where none is named."""
    if check.status != _FAILED:
        return
    name = check.address.shown or "unnamed"
    failed = [one.address.shown or name for one in check.instances or () if one.status == _FAILED]
    for place in dict.fromkeys(failed or [name]):
        yield Observation(
            finding=Finding(
                kind=Kind.MISCONFIGURATION,
                rule=name,
                title=f"the check {name} failed",
                severity=Severity.UNKNOWN,
                location=Location(resource=place),
                scanners=("terraform",),
            )
        )
