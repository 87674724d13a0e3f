"""The scales and closed lists of gate: severities, outcomes, actions, points, statuses, kinds.

Words of CONTRACTS.md, one value each; `gate.model` offers them beside the nouns.
"""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """How bad, on one scale; `unknown` is its own value, never folded into another."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """Order for sorting and merging, worst first: critical 0 … info 5.

        `unknown` ranks behind high: it may be anything, so it must not vanish behind noise.
        """
        return _RANKS[self.value]


_RANKS = {"critical": 0, "high": 1, "unknown": 2, "medium": 3, "low": 4, "info": 5}


def from_cvss(score: float) -> Severity:
    """The severity band of a CVSS base score (0.0 to 10.0); `unknown` outside it, NaN is outside.

    Source: CVSS v3.1 specification, section 5, table 14 (0.0 is "None", here `info`).
    """
    if not 0.0 <= score <= 10.0:
        return Severity.UNKNOWN
    bands = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
    return next((severity for least, severity in bands if score >= least), Severity.INFO)


class Outcome(StrEnum):
    """What a decision says; "could not decide" is an error, not an outcome."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    WARN = "warn"
    FAIL = "fail"
    NEEDS_APPROVAL = "needs_approval"


class Action(StrEnum):
    """What a violation of a rule does to the outcome."""

    DENY = "deny"
    WARN = "warn"
    AUDIT = "audit"
    OFF = "off"


class Point(StrEnum):
    """Where the question is asked."""

    CI = "ci"
    ADMISSION = "admission"
    BACKGROUND = "background"


class Status(StrEnum):
    """How far a scan got, from the format's own failure signals."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"
    EMPTY_TARGET = "empty_target"


class Kind(StrEnum):
    """What sort of flaw a finding is."""

    VULNERABILITY = "vulnerability"
    CODE = "code"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    MISCONFIGURATION = "misconfiguration"
    LICENSE = "license"
    MALWARE = "malware"
    DAST = "dast"
    QUALITY = "quality"


class Evidence(StrEnum):
    """What a report is evidence of; `evidence.require` of gate.yaml names these."""

    SBOM = "sbom"
    IMAGE = "image"
    DEPENDENCIES = "dependencies"
    CODE = "code"
    SECRETS = "secrets"
    MANIFESTS = "manifests"


class State(StrEnum):
    """A finding against the baseline."""

    NEW = "new"
    EXISTING = "existing"
    NEWLY_DISCLOSED = "newly_disclosed"


class FixState(StrEnum):
    """Whether what repairs a vulnerability exists (docs/adr/0005)."""

    FIXED = "fixed"
    NOT_FIXED = "not_fixed"
    WONT_FIX = "wont_fix"
    UNKNOWN = "unknown"
    """The report does not say, which is not "there is none"."""

    @property
    def is_without_fix(self) -> bool:
        """Whether a tool that knows of fixes says that there is none."""
        return self in (FixState.NOT_FIXED, FixState.WONT_FIX)
