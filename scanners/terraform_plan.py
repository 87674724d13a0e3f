"""Terraform's and OpenTofu's plan (`show -json`): what would change.

A plan has no findings of its own: it is recognised, checked for being whole, and counted. Its values, with
passwords in clear among them, are not read at all; Conftest's policies see the file itself (docs/conftest.md).
Evidence of nothing. Source: HashiCorp, "JSON Output Format"; FORMATS.md 2.27.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import msgspec

from gate import times
from gate.documents.document import Document, wrong_shape
from gate.errors import quoted
from gate.model import Scan, Status

_EXPECTED: Final = "a Terraform plan"
_VERSION: Final = re.compile(r"[01]\.\d+")
"""An unknown major version is refused, as HashiCorp asks; unknown names are not."""
_QUIET: Final = (["no-op"], ["read"])


class _Actions(msgspec.Struct):
    actions: list[str]


class _Change(msgspec.Struct):
    address: str
    change: _Actions


class _Plan(msgspec.Struct):
    format: str = msgspec.field(name="format_version")
    changes: list[msgspec.Raw] = msgspec.field(name="resource_changes", default_factory=list)
    terraform: str = msgspec.field(name="terraform_version", default="")
    errored: bool = False
    complete: bool = True
    timestamp: str | None = None


def detect(document: Document) -> str | None:
    """Why `document` is a Terraform plan, or None; a state has neither of the two."""
    if "format_version" in document.keys and document.keys & {"resource_changes", "planned_values"}:
        return "format_version, and resource_changes or planned_values"
    return None


def parse(document: Document) -> Scan:
    """No finding; raises `ReportError` for an unknown format version or where no change is understood."""
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
    return Scan(
        format="terraform-plan",
        scanner="terraform",
        scanner_version=plan.terraform or None,
        status=status,
        created=times.normalized(plan.timestamp),
        kinds=(),
        rejected=rows.rejected,
        notes=tuple(notes),
    )
