"""The nouns of gate: what is judged, what was handed over, what was found, what was decided.

Immutable values; encoding one with msgspec gives the JSON of CONTRACTS.md, key for key. This file
reads nothing, decides nothing and imports nothing of ours.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gate.kubernetes_object import KubernetesObject, Source
from gate.scales import (
    Action,
    Evidence,
    FixState,
    Kind,
    Outcome,
    Point,
    Severity,
    State,
    Status,
    from_cvss,
)


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
    fix_state: FixState = FixState.UNKNOWN
    """`fixed` wherever `fixed_versions` are; `unknown` is not "no fix exists" (docs/adr/0005)."""
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


class Statement(_Value, frozen=True, kw_only=True):
    """Of what product a record of a VEX document speaks; its package is the finding's purl."""

    image: str | None = None
    """Digest of the image that it is limited to."""
    within: str | None = None
    """Another product that it is limited to, where nothing shows whether that is the one at hand."""


class Observation(_Value, frozen=True, kw_only=True):
    """One record of a report: the finding it gives, and what its identity is made of."""

    finding: Finding
    context: str = ""
    """Text that stays when lines move: the code around, a tool's own line hash. Hashed, not kept."""
    secret: Secret | None = None
    """Only for kind `secret`."""
    statement: Statement | None = None
    """Where nobody saw the flaw: somebody says something of it (gate/statements.py)."""


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


class Rejected(_Value, frozen=True, kw_only=True):
    """One element of a report that could not be understood (docs/adr/0009)."""

    where: str
    """Its place in the document: `$.results[3]`, `line 7`, `site[1]/alerts/alertitem[2]`."""
    line: int | None = None
    column: int | None = None
    reason: str

    def __str__(self) -> str:
        return f"{self.where}{f' (line {self.line})' if self.line else ''}: {self.reason}"


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
    rejected: tuple[Rejected, ...] = ()
    """Elements that were not understood; where there are any, `ok` becomes `partial`."""


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
    verb: Literal["deny", "warn", "audit"]
    """The set it was written to; `audit` only from a constraint in dry run."""
    rule: str
    message: str
    remedy: str | None = None
    finding: str | None = None
    """Fingerprint."""
    path: str | None = None
    """JSON pointer into the object."""
    severity: Severity | None = None
    """Where the saying itself has one; else its rule's."""
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
    docs: str | None = None
    """Where to read more, https."""
    frameworks: tuple[str, ...] = ()
    scope: Literal["subject", "object"] = "subject"
    points: tuple[Point, ...] = (Point.CI, Point.ADMISSION, Point.BACKGROUND)
    effective_on: str | None = None
    """RFC 3339 UTC; before it a deny counts as a warning."""
    threshold: str | None = None
    """Dotted path below `settings.thresholds` whose number this rule enforces."""
    file: str
    line: int
