"""The nouns of gate: what is judged, what was handed over, what was found, what was decided.

Immutable values; encoding one with msgspec gives the JSON of CONTRACTS.md, key for key. This file
reads nothing, decides nothing and imports nothing of ours.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec

# ---------------------------------------------------------------------------------------- scales


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


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable record built by keyword; encodes with every key present."""


# ------------------------------------------------------------------------------- what is judged


class Subject(_Value, frozen=True, kw_only=True):
    """What the decision is about."""

    type: Literal["source", "image", "manifests", "release"] = "source"
    name: str
    digest: str | None = None
    """`sha256:` + 64 lowercase hex."""
    repository: str | None = None
    commit: str | None = None
    branch: str | None = None
    author: str | None = None
    claimed: bool = True
    """False only where the service verified the facts from a token."""


class EnvironmentRef(_Value, frozen=True, kw_only=True):
    """The environment asked about, as policies see it."""

    name: str
    order: int
    """0 for the first environment of gate.yaml."""


# ---------------------------------------------------------------------------- what was handed over


class ReportSubject(_Value, frozen=True, kw_only=True):
    """What a report says it is about."""

    name: str
    digest: str | None = None


class Report(_Value, frozen=True, kw_only=True):
    """One report as the decision lists it."""

    format: str
    scanner: str
    scanner_version: str | None = None
    status: Status
    sha256: str
    """Of the bytes as handed over, `sha256:` + 64 hex."""
    created: str | None = None
    """RFC 3339 UTC, from the report itself; None where the format has no date."""
    subject: ReportSubject | None = None
    findings: int = 0
    kinds: tuple[Evidence, ...] = ()
    """What this report is evidence of (docs/adr/0001)."""
    path: str | None = None
    """Where it was read from; not part of the policy input."""
    notes: tuple[str, ...] = ()
    """Why the status is not `ok`, and deliberate gaps; not part of the policy input."""


class Cvss(_Value, frozen=True, kw_only=True):
    """One score of one source."""

    version: str
    """`2.0`, `3.0`, `3.1` or `4.0`."""
    vector: str | None = None
    score: float | None = None
    source: str | None = None


class Kev(_Value, frozen=True, kw_only=True):
    """An entry of CISA's catalogue of known exploited vulnerabilities."""

    added: str | None = None
    due: str | None = None
    ransomware: bool | None = None


class Location(_Value, frozen=True, kw_only=True):
    """Where a finding is; every part may be unknown."""

    file: str | None = None
    """Relative, `/`-separated, without `./`."""
    line: int | None = None
    column: int | None = None
    resource: str | None = None
    """`Kind/namespace/name`, or the address of an infrastructure resource."""
    image: str | None = None
    url: str | None = None


class Vex(_Value, frozen=True, kw_only=True):
    """What a VEX statement says of a finding."""

    status: str
    justification: str | None = None


class WaivedBy(_Value, frozen=True, kw_only=True):
    """The waiver that covers a finding."""

    waiver: str
    expires: str


class Finding(_Value, frozen=True, kw_only=True):
    """One flaw, the same for every tool that saw it (CONTRACTS.md, Finding)."""

    fingerprint: str = ""
    """32 hex characters; given by `normalize`, empty before."""
    kind: Kind
    rule: str
    """The tool's rule id, or the vulnerability id."""
    title: str
    severity: Severity
    severity_raw: str | None = None
    aliases: tuple[str, ...] = ()
    """Other ids of the same flaw, without `rule`; sorted by `normalize`."""
    cwes: tuple[str, ...] = ()
    """`CWE-79` and so on."""
    cvss: tuple[Cvss, ...] = ()
    epss: float | None = None
    """Probability 0 to 1."""
    kev: Kev | None = None
    purl: str | None = None
    """Package URL with its version where that is known."""
    version: str | None = None
    fixed_versions: tuple[str, ...] = ()
    location: Location = Location()
    scanners: tuple[str, ...]
    """Every tool that saw it, sorted, never empty."""
    confidence: str | None = None
    """`high`, `medium`, `low`, or the tool's own word."""
    state: State = State.NEW
    first_seen: str | None = None
    vex: Vex | None = None
    waived: WaivedBy | None = None


class Secret:
    """Plaintext on its way to being hashed: never printed, never encoded."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self) -> str:
        """The plaintext; called by `normalize` alone, to make its HMAC."""
        return self._text


class Observation(_Value, frozen=True, kw_only=True):
    """One record of a report: the finding it gives, and what its identity is made of."""

    finding: Finding
    context: str = ""
    """Text that stays when lines move: the code around, a tool's own line hash. Hashed, not kept."""
    secret: Secret | None = None
    """Only for kind `secret`."""


class Component(_Value, frozen=True, kw_only=True):
    """One package of an SBOM."""

    purl: str | None = None
    name: str
    version: str | None = None
    license: str | None = None
    """SPDX expression."""
    direct: bool | None = None
    scope: str | None = None
    hashes: dict[str, str] = {}
    supplier: str | None = None


class Source(_Value, frozen=True, kw_only=True):
    """Where an object stands."""

    file: str
    line: int


class KubernetesObject(_Value, frozen=True, kw_only=True):
    """One object of a manifest, as sent, with its place."""

    object: dict[str, Any]
    source: Source | None = None
    document: int = 0
    """Which document of the file it is (or is part of), 0-based; not part of the policy input."""
    pointer: str = ""
    """JSON pointer from the document to the object, for members of a `List`; likewise."""


class Scan(_Value, frozen=True, kw_only=True):
    """What an adapter made of one report."""

    format: str
    scanner: str
    """The tool, lower case (`trivy`, `codeql`)."""
    scanner_version: str | None = None
    status: Status = Status.OK
    created: str | None = None
    subject: ReportSubject | None = None
    kinds: tuple[Evidence, ...]
    observations: tuple[Observation, ...] = ()
    components: tuple[Component, ...] = ()
    objects: tuple[KubernetesObject, ...] = ()
    notes: tuple[str, ...] = ()
    """Why the status is not `ok`; what the report filtered out before gate saw it."""


# --------------------------------------------------------------------------------- what was decided


class Approval(_Value, frozen=True, kw_only=True):
    """One person's yes to one digest in one environment."""

    digest: str
    environment: str
    by: str
    groups: tuple[str, ...] = ()
    at: str
    expires: str | None = None


class Said(_Value, frozen=True, kw_only=True):
    """What a rule said, before anyone decided what follows from it."""

    policy: str
    """The package."""
    verb: Literal["deny", "warn"]
    """The set it was written to."""
    rule: str
    message: str
    remedy: str | None = None
    finding: str | None = None
    """Fingerprint."""
    path: str | None = None
    """JSON pointer into the object."""
    about: int | None = None
    """Index of the object it is about, for rules of scope `object`."""


class Violation(_Value, frozen=True, kw_only=True):
    """What one rule said."""

    fingerprint: str
    rule: str
    policy: str
    """The package that said it, `policy.kubernetes.pods`."""
    severity: Severity
    action: Action
    message: str
    remedy: str | None = None
    finding: str | None = None
    """Fingerprint of the finding it is about."""
    object: str | None = None
    """`Kind/namespace/name`."""
    path: str | None = None
    """JSON pointer into the object."""
    location: Location | None = None


class Waived(_Value, frozen=True, kw_only=True):
    """A violation or finding that a waiver covers."""

    waiver: str
    expires: str
    violation: Violation | None = None
    finding: str | None = None
    """Fingerprint."""


class Condition(_Value, frozen=True, kw_only=True):
    """One threshold in force, or one required kind of evidence, and how it came out."""

    id: str
    """The rule's id."""
    title: str
    threshold: Any
    actual: Any
    outcome: Literal["pass", "warn", "fail"]


class PolicySet(_Value, frozen=True, kw_only=True):
    """Which policies judged."""

    revision: str
    """`sha256:` + 64 hex over modules, data and settings."""
    engine: str
    """`opa 1.22.2 (embedded)`."""
    packages: tuple[str, ...]
    """Sorted, never empty."""


class Approvals(_Value, frozen=True, kw_only=True):
    """How many approvals the environment wants, and those that count."""

    required: int = 0
    given: tuple[Approval, ...] = ()


class Decision(_Value, frozen=True, kw_only=True):
    """The answer; encodes as gate.decision/v1 (CONTRACTS.md)."""

    schema: Literal["gate.decision/v1"] = "gate.decision/v1"
    decision_id: str
    """UUIDv7."""
    outcome: Outcome
    project: str | None
    environment: str | None
    subject: Subject
    policy: PolicySet
    conditions: tuple[Condition, ...] = ()
    violations: tuple[Violation, ...] = ()
    waived: tuple[Waived, ...] = ()
    reports: tuple[Report, ...] = ()
    counts: dict[str, dict[str, int]] = {}
    """kind -> severity -> number of findings, waived ones included."""
    approvals: Approvals = Approvals()
    baseline: str | None = None
    """Digest of the baseline compared with."""
    waivers_sha256: str | None = None
    """Digest of the waiver set in force."""
    input_sha256: str
    decided_at: str
    expires_at: str | None = None
    gate_version: str
    notices: tuple[str, ...] = ()
    """What a person should know though it does not change the outcome: unused waivers and so on."""


class Rule(_Value, frozen=True, kw_only=True):
    """What METADATA says of one rule: the source of `explain`, SARIF rules and docs pages."""

    id: str
    policy: str
    """The package, `policy.vulnerabilities`."""
    title: str
    description: str = ""
    severity: Severity | None = None
    """None where the finding's own severity counts."""
    fix: str | None = None
    frameworks: tuple[str, ...] = ()
    scope: Literal["subject", "object"] = "subject"
    points: tuple[Point, ...] = (Point.CI, Point.ADMISSION, Point.BACKGROUND)
    effective_on: str | None = None
    """RFC 3339 UTC; before it a deny counts as a warning."""
    threshold: str | None = None
    """Dotted path below `settings.thresholds` whose number this rule enforces."""
    file: str
    line: int


class Excerpt(_Value, frozen=True, kw_only=True):
    """Source lines around a violation, already read inside the checked paths."""

    first_line: int
    lines: tuple[str, ...]
    line: int
    column: int | None = None


class Presentation(_Value, frozen=True, kw_only=True):
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
