"""Gitleaks' JSON, version 8 and version 7: secrets.

The plaintext goes into `model.Secret` and nowhere else: a secret is titled by its rule where the
description repeats it, and `Match`, the line, the commit message, author and e-mail are not kept.
Gitleaks knows no severities; every secret is high. `[]` and `null` mean "no leaks" (version 7 wrote
null), recognised only where somebody says that the file is gitleaks'. Allow lists leave no trace.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gate.documents.document import Document
from gate.model import Evidence, Finding, Kind, Location, Observation, Scan, Secret, Severity

_REDACTED: Final = "REDACTED"


class _Leak(msgspec.Struct, rename="pascal", kw_only=True):
    """One finding of version 8."""

    rule: str = msgspec.field(name="RuleID")
    file: str
    start_line: int
    start_column: int | None = None
    match: str = ""
    secret: str
    description: str = ""
    commit: str = ""


class _OldLeak(msgspec.Struct, kw_only=True):
    """One finding of version 7; its first releases had no line number."""

    rule: str
    file: str
    offender: str
    line: str = ""
    line_number: int | None = msgspec.field(default=None, name="lineNumber")
    commit: str = ""


def detect(document: Document) -> str | None:
    """Why `document` is a gitleaks report, or None (always for an empty one)."""
    keys = document.first.keys()
    if {"RuleID", "StartLine", "File"} <= keys and ("Match" in keys or "Secret" in keys):
        return "an array of records with RuleID, StartLine and Match"
    if {"rule", "offender", "line", "file"} <= keys:
        return "an array of records with rule, offender and line (gitleaks 7)"
    return None


def parse(document: Document) -> Scan:
    """Every leak, those of past commits too.

    Raises `ReportError` where a record lacks its rule, file or secret.
    """
    if "offender" in document.first:
        old = document.decoded(list[_OldLeak], "a gitleaks 7 report")
        leaks = [
            _Leak(
                rule=one.rule,
                file=one.file,
                start_line=one.line_number or 0,
                match=one.line,
                secret=one.offender,
                commit=one.commit,
            )
            for one in old
        ]
    else:
        clean = document.data.strip() == b"null"
        leaks = [] if clean else document.decoded(list[_Leak], "a gitleaks report")
    past = sum(1 for leak in leaks if leak.commit)
    return Scan(
        format="gitleaks",
        scanner="gitleaks",
        kinds=(Evidence.SECRETS,),
        observations=tuple(map(_observation, leaks)),
        notes=(f"{past} of {len(leaks)} secrets are in commits, perhaps no longer in any file",)
        if past
        else (),
    )


def _observation(leak: _Leak) -> Observation:
    plain = leak.secret if leak.secret != _REDACTED else ""
    echoes = any(text and text in leak.description for text in (plain, leak.match))
    return Observation(
        finding=Finding(
            kind=Kind.SECRET,
            rule=leak.rule,
            title=leak.description
            if leak.description and not echoes
            else f"secret found by rule {leak.rule}",
            severity=Severity.HIGH,
            location=Location(
                file=leak.file,
                line=leak.start_line if leak.start_line > 0 else None,
                column=leak.start_column if leak.start_column and leak.start_column > 0 else None,
            ),
            scanners=("gitleaks",),
        ),
        secret=Secret(plain) if plain else None,
    )
