"""The shapes of semgrep's two documents: the keys that gate reads, strictly typed.

Source: semgrep_output_v1 (jsonschema), and an export of the Supply Chain API.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Position(msgspec.Struct):
    """`start` of a result; 1-based."""

    line: int
    col: int | None = None


class Metadata(msgspec.Struct):
    """Written by the authors of rules: types are looked at where a value is used."""

    cwe: Any = None
    confidence: Any = None
    technology: Any = None
    flaw: Any = msgspec.field(default=None, name="sca-vuln-database-identifier")


class Dependency(msgspec.Struct):
    """The package that a Supply Chain rule found."""

    package: str
    version: str
    ecosystem: str
    lockfile_path: str | None = None
    line_number: int | None = None


class Match(msgspec.Struct):
    """`dependency_match`."""

    found_dependency: Dependency


class Sca(msgspec.Struct):
    """`extra.sca_info`: present only for results about packages."""

    dependency_match: Match


class Extra(msgspec.Struct):
    """What a rule says of a result."""

    severity: str
    message: str = ""
    lines: str | None = None
    fingerprint: str | None = None
    metadata: Metadata = msgspec.field(default_factory=Metadata)
    is_ignored: bool | None = None
    validation_state: str | None = None
    sca_info: Sca | None = None


class Result(msgspec.Struct):
    """One result of `--json`."""

    check_id: str
    path: str
    start: Position
    extra: Extra


class Error(msgspec.Struct):
    """One error or warning of the run."""

    level: str = "error"
    type: Any = None
    """A word, or an array that starts with one."""
    path: str | None = None
    message: str | None = None


class Skipped(msgspec.Struct):
    """One file that was left out."""

    reason: str = ""


class Paths(msgspec.Struct):
    """Which files were looked at."""

    scanned: list[str] | None = None
    skipped: list[Skipped] | None = None


class Report(msgspec.Struct):
    """The document of `--json`."""

    results: list[Result]
    errors: list[Error]
    paths: Paths = msgspec.field(default_factory=Paths)
    skipped_rules: list[msgspec.Raw] | None = None
    version: str | None = None


class References(msgspec.Struct, rename="camel"):
    """Other ids of an advisory."""

    cve_ids: list[str] | None = None
    cwe_ids: list[str] | None = None


class Advisory(msgspec.Struct, rename="camel"):
    """One advisory of the export."""

    rule_id: str
    severity: str
    title: str = ""
    references: References = msgspec.field(default_factory=References)


class Named(msgspec.Struct, rename="camel"):
    """A package with a version, or with a range of them."""

    name: str
    version_specifier: str = ""


class Place(msgspec.Struct, rename="camel"):
    """Where a lock file names the package."""

    path: str | None = None
    start_line: str | int | None = None
    """A string in the export."""


class Triage(msgspec.Struct):
    """What somebody said of it in the service."""

    status: str = "NEW"


class Vulnerability(msgspec.Struct, rename="camel"):
    """One row of the export."""

    advisory: Advisory
    matched_dependency: Named
    closest_safe_dependency: Named | None = None
    dependency_file_location: Place = msgspec.field(default_factory=Place)
    triage: Triage = msgspec.field(default_factory=Triage)
    repository_name: str | None = None


class Export(msgspec.Struct, rename="camel"):
    """The document of the Supply Chain API."""

    vulns: list[Vulnerability]
    has_more: bool = False
