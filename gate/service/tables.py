"""Lists as CSV for a spreadsheet: the same rows as in JSON, under columns that stay.

Everything in a cell may come from a report or a person who asks, and a spreadsheet runs what begins like a formula
(THREATS.md C5): such a cell gets an apostrophe, every cell is quoted, and what cannot be seen is spelled out.
RFC 4180, UTF-8 without a mark of byte order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from starlette.requests import Request

from gate.outputs.escaping import visible

CSV: Final = "text/csv"
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What begins a formula, in either width; tab and carriage return are spelled out before."""

EVENTS: Final = ("sequence", "at", "project", "by", "action", "target", "document")
DECISIONS: Final = (
    "decision_id",
    "project",
    "environment",
    "outcome",
    "subject_type",
    "subject_name",
    "subject_digest",
    "branch",
    "commit",
    "decided_at",
    "expires_at",
    "policy_revision",
    "by",
    "revoked_at",
)
RECORD: Final = ("chain", "sequence", "previous", "digest", *DECISIONS, "input_sha256")
FINDINGS: Final = (
    "project",
    "finding.kind",
    "finding.rule",
    "finding.severity",
    "finding.title",
    "finding.purl",
    "finding.version",
    "finding.fixed_versions",
    "finding.aliases",
    "finding.location.file",
    "finding.location.line",
    "finding.scanners",
    "finding.fingerprint",
    "first_seen",
    "last_seen",
    "decision_id",
)
COMPONENTS: Final = (
    "project",
    "subject",
    "purl",
    "name",
    "version",
    "license",
    "first_seen",
    "last_seen",
    "decision_id",
)
WAIVERS: Final = (
    "id",
    "project",
    "state",
    "match",
    "reason",
    "note",
    "ticket",
    "owner",
    "requested_by",
    "approved_by",
    "created_at",
    "updated_at",
    "expires_at",
)
APPROVALS: Final = (
    "id",
    "project",
    "environment",
    "digest",
    "decision_id",
    "state",
    "requested_by",
    "created_at",
    "answers",
)


def is_wanted(request: Request) -> bool:
    """Whether the client takes CSV, and no JSON as well."""
    names = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")}
    return CSV in names and names.isdisjoint({"application/json", "*/*", "application/*"})


def lines(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], *, with_head: bool = True) -> bytes:
    """`rows` as lines of CSV; `a.b` of `columns` is what `b` of `a` is."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    if with_head:
        writer.writerow(columns)
    # Through JSON: what a list shows holds structs and JSON that is already text.
    for row in msgspec.json.decode(msgspec.json.encode(list(rows))):
        writer.writerow([cell(_at(row, column)) for column in columns])
    return out.getvalue().encode()


def cell(value: object) -> str:
    """What stands in one cell: text as it is, numbers, empty for null; anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = "; ".join(value)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        text = msgspec.json.encode(value).decode()
    text = visible(text)
    # Spreadsheets look behind white space.
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _at(row: Any, column: str) -> object:
    for name in column.split("."):
        row = row.get(name) if isinstance(row, dict) else None
    found: object = row
    return found
