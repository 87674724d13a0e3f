"""The shape of gate.yaml, version 1, as frozen values: source of its JSON Schema, and what it reads as.

Key for key as CONTRACTS.md has it. Durations are seconds here (`max_age_s`) and text there
(`max_age: 24h`). Reading, checking across keys and asking is `gate/settings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gate import limits
from gate.documents.shape import Duration
from gate.model import Action, Evidence, Severity

MAX_DAYS: Final[Mapping[Severity, int]] = {
    Severity.CRITICAL: 14,
    Severity.HIGH: 30,
    Severity.MEDIUM: 90,
    Severity.LOW: 180,
    Severity.INFO: 365,
    Severity.UNKNOWN: 14,
}
"""Longest life of a waiver in days (CONTRACTS.md, Waivers); gate.yaml may shorten, never lengthen."""
Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0, title="a whole number, 0 or more")]
Limit = Count | None
Probability = Annotated[float, Meta(ge=0, le=1, title="a number from 0 to 1")] | None
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9._-]*$", title="a name of a-z, 0-9, '.', '_', '-'")]
Glob = Annotated[str, Meta(pattern="^[^\\s\\[\\]]+$", title="a branch; * is anything but /, ** anything")]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1)]
Globs = Annotated[tuple[Glob, ...], Meta(min_length=1)]
RulePattern = Annotated[
    str, Meta(pattern="^[A-Za-z*?][A-Za-z0-9._/*?-]*$", title="a rule id, or a pattern of * and ?")
]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of gate.yaml; a default stands for an absent key."""


class EvidenceSettings(_Section, frozen=True, kw_only=True):
    """What must have been looked at before anything enters an environment."""

    require: Annotated[
        tuple[Evidence, ...] | None, Meta(description="Kinds of evidence that must be there and complete.")
    ] = None
    """None: as the policies' settings say."""
    max_age_s: Annotated[
        Duration | None, Meta(description="How old required evidence may be.", examples=["24h"])
    ] = msgspec.field(default=None, name="max_age")


class Requires(_Section, frozen=True, kw_only=True):
    """The environment a digest must have passed before this one."""

    environment: Annotated[Name, Meta(description="Name of an environment further up in the list.")]
    soak_s: Annotated[
        Duration, Meta(description="How long ago it must have passed there.", examples=["1h"])
    ] = msgspec.field(default_factory=Duration, name="soak")


class ApprovalSettings(_Section, frozen=True, kw_only=True):
    """How many persons must say yes."""

    number: Annotated[
        int, Meta(ge=1, le=20, description="How many distinct persons, the author not among them.")
    ]
    groups: Annotated[Texts | None, Meta(description="Only members of one of these groups count.")] = None


class EnvironmentSettings(_Section, frozen=True, kw_only=True):
    """One environment; the order of the list is the order of promotion."""

    name: Annotated[Name, Meta(description="What `--environment` names.")]
    aliases: Annotated[tuple[Name, ...], Meta(description="Other names of the same environment.")] = ()
    branches: Annotated[
        Globs | None,
        Meta(description="Branches whose pipelines may ask for it; absent: any."),
    ] = None
    evidence: Annotated[EvidenceSettings, Meta(description="Evidence it wants.")] = EvidenceSettings()
    requires: Annotated[Requires | None, Meta(description="What a promotion into it rests on.")] = None
    approvals: Annotated[ApprovalSettings | None, Meta(description="Approvals it wants.")] = None


class Input(_Section, frozen=True, kw_only=True):
    """Files to judge, or a scanner to run for them; exactly one of `path` and `run`."""

    path: Annotated[
        Text | None, Meta(description="File, folder or glob.", examples=["reports/**/*.json"])
    ] = None
    run: Annotated[
        Texts | None,
        Meta(description="Program and arguments, no shell; {report} is the file of its report, else stdout."),
    ] = None
    exit_codes: Annotated[
        tuple[Annotated[int, Meta(ge=1, le=255, title="a whole number from 1 to 255")], ...],
        Meta(description="Of a run: what its program ends with where it found something.", examples=[[1]]),
    ] = (1,)
    timeout_s: Annotated[
        Duration | None, Meta(description="How long a run may take; absent: 10m.", examples=["10m"])
    ] = msgspec.field(default=None, name="timeout")
    as_: Annotated[
        Name | None, Meta(description="The format, where it cannot be seen.", examples=["zap"])
    ] = msgspec.field(default=None, name="as")
    kubernetes_version: Annotated[
        Annotated[str, Meta(pattern="^1\\.[0-9]{1,3}(\\.[0-9]{1,3})?$", title='a version in quotes, "1.36"')]
        | None,
        Meta(description="The cluster's version, for manifests and charts."),
    ] = None
    values: Annotated[tuple[Text, ...], Meta(description="Values files of a chart.")] = ()
    release: Annotated[Text, Meta(description="Name of a chart's release.")] = "release"
    namespace: Annotated[Text, Meta(description="Namespace a chart is rendered for.")] = "default"


class KubernetesSettings(_Section, frozen=True, kw_only=True):
    """The cluster that manifests are for."""

    version: Annotated[
        Annotated[str, Meta(pattern="^1\\.[0-9]{1,3}(\\.[0-9]{1,3})?$", title='a version in quotes, "1.36"')]
        | None,
        Meta(description="Its version; absent: the newest that gate knows."),
    ] = None
    schemas: Annotated[
        tuple[Text, ...],
        Meta(description="Folders or files of CustomResourceDefinitions.", examples=["crds/"]),
    ] = ()


class ActionsByPoint(_Section, frozen=True, kw_only=True):
    """Another action at each enforcement point; a point not named keeps what it had."""

    ci: Action | None = None
    admission: Action | None = None
    background: Action | None = None


Actions = dict[RulePattern, Action | ActionsByPoint]


class ConftestSettings(_Section, frozen=True, kw_only=True):
    """How Conftest's policies are asked; what is left out is as in Conftest."""

    namespaces: Annotated[
        Texts | None, Meta(description="Namespaces to ask, globs too; main where it is left out.")
    ] = None
    all_namespaces: Annotated[bool, Meta(description="Whether every namespace is asked.")] = False
    combine: Annotated[bool, Meta(description="Whether all files are judged as one list.")] = False
    rego_version: Annotated[
        Literal["v0", "v1"] | None, Meta(description="Language of the policies; v1 where it is left out.")
    ] = None


class Policies(_Section, frozen=True, kw_only=True):
    """The rules, and what their violations do."""

    use: Annotated[
        Texts,
        Meta(description="builtin:NAME, directory, archive, oci://…@sha256:…; all are in force."),
    ] = ("builtin:default",)
    data: Annotated[tuple[Text, ...], Meta(description="Files laid over the policies' settings.")] = ()
    actions: Annotated[
        Actions,
        Meta(description="Action by rule id or pattern; the exact id first, then the longest pattern."),
    ] = {}
    conftest: Annotated[
        ConftestSettings | None, Meta(description="How Conftest's policies among them are asked.")
    ] = None
    python: Annotated[bool, Meta(description="Whether Python policies may run; they are trusted code.")] = (
        False
    )


class OpaEngine(_Section, frozen=True, kw_only=True):
    """An OPA server instead of the embedded engine."""

    opa: Annotated[
        str,
        Meta(
            pattern="^https?://[^\\s@/]+(/[^\\s@]*)?$",
            title="an http or https URL without credentials",
            description="Its base URL.",
            examples=["http://127.0.0.1:8181"],
            extra_json_schema={"writeOnly": True},
        ),
    ]


class LimitSettings(_Section, frozen=True, kw_only=True):
    """Bounds of one evaluation."""

    evaluation_timeout_s: Annotated[
        Duration, Meta(description="Deadline of the policies; passing it is an error.", examples=["10s"])
    ] = msgspec.field(
        default_factory=lambda: Duration(limits.EVALUATION_TIMEOUT_S), name="evaluation_timeout"
    )


class SeverityThresholds(_Section, frozen=True, kw_only=True):
    """How many findings of each severity are allowed; null is no limit."""

    critical: Limit | UnsetType = UNSET
    high: Limit | UnsetType = UNSET
    medium: Limit | UnsetType = UNSET
    low: Limit | UnsetType = UNSET
    unknown: Limit | UnsetType = UNSET


class VulnerabilityThresholds(SeverityThresholds, frozen=True, kw_only=True):
    """How many vulnerabilities are allowed; null is no limit."""

    kev: Annotated[Limit | UnsetType, Meta(description="Known to be exploited (CISA KEV).")] = UNSET
    epss: Annotated[Probability | UnsetType, Meta(description="Denied from this probability on.")] = UNSET
    only: Annotated[Literal["fixable", "all"] | UnsetType, Meta(description="Which of them count.")] = UNSET


class LicenseThresholds(_Section, frozen=True, kw_only=True):
    """SPDX identifiers; a list given here replaces the policies' own."""

    deny: tuple[Text, ...] | UnsetType = UNSET
    allow: tuple[Text, ...] | UnsetType = UNSET
    exceptions: tuple[Text, ...] | UnsetType = UNSET
    unknown: Literal["allow", "warn", "deny"] | UnsetType = UNSET


class Thresholds(_Section, frozen=True, kw_only=True):
    """Numbers laid over the policies' settings.yaml; what is not named stays as it is there."""

    vulnerabilities: VulnerabilityThresholds | UnsetType = UNSET
    malware: Limit | UnsetType = UNSET
    code: SeverityThresholds | UnsetType = UNSET
    secrets: Limit | UnsetType = UNSET
    dast: SeverityThresholds | UnsetType = UNSET
    misconfigurations: SeverityThresholds | UnsetType = UNSET
    licenses: LicenseThresholds | UnsetType = UNSET


class Baseline(_Section, frozen=True, kw_only=True):
    """What was there before; shipped rules judge what is new."""

    mode: Annotated[Literal["off", "file", "merge-base"], Meta(description="merge-base asks the service.")]
    file: Annotated[Text, Meta(description="Where `gate baseline write` keeps it.")] = ".gate/baseline.json"
    grace_days: Annotated[
        int,
        Meta(
            ge=0,
            le=30,
            title="a whole number from 0 to 30",
            description="Days that a flaw disclosed in an unchanged package may wait.",
            examples=[7],
        ),
    ] = 0


class Waivers(_Section, frozen=True, kw_only=True):
    """Where waivers are kept, and how long one may live."""

    files: Annotated[
        tuple[Text, ...] | None, Meta(description="Absent: .gate/waivers.yaml, where it exists.")
    ] = None
    max_days: Annotated[
        dict[Severity, Count],
        Meta(
            description="Days by severity; may only shorten.",
            examples=[{"critical": 7}],
            extra_json_schema={"propertyNames": {"enum": [severity.value for severity in Severity]}},
        ),
    ] = {}

    def longest_days(self, severity: Severity) -> int:
        """Days a waiver of `severity` may live from its `created`."""
        return min(self.max_days.get(severity, MAX_DAYS[severity]), MAX_DAYS[severity])


class Output(_Section, frozen=True, kw_only=True):
    """One more way to tell the decision."""

    format: Annotated[Name, Meta(description="A format of `gate check -o`.", examples=["sarif"])]
    path: Annotated[Text | None, Meta(description="Absent: standard output.")] = None


class Settings(_Section, frozen=True, kw_only=True):
    """What a project asks of gate."""

    version: Annotated[Literal[1], Meta(description="The version of this format.")]
    project: Annotated[
        Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._/-]*$", title="a name such as acme/web")] | None,
        Meta(description="The project's name in decisions.", examples=["acme/web"]),
    ] = None
    environments: Annotated[
        tuple[EnvironmentSettings, ...], Meta(description="In order; a promotion goes from one to the next.")
    ] = ()
    inputs: Annotated[tuple[Input, ...], Meta(description="What is judged when no PATH is given.")] = ()
    policies: Annotated[Policies, Meta(description="The rules.")] = Policies()
    engine: Annotated[
        Literal["embedded"] | OpaEngine, Meta(description="What evaluates them.", examples=["embedded"])
    ] = "embedded"
    limits: Annotated[LimitSettings, Meta(description="Bounds.")] = msgspec.field(
        default_factory=LimitSettings
    )
    thresholds: Annotated[Thresholds, Meta(description="What is still allowed.")] = Thresholds()
    kubernetes: Annotated[KubernetesSettings, Meta(description="The cluster that manifests are for.")] = (
        KubernetesSettings()
    )
    baseline: Annotated[Baseline | None, Meta(description="Absent: every finding is new.")] = None
    waivers: Annotated[Waivers, Meta(description="Exceptions with an end.")] = Waivers()
    record: Annotated[
        Text | None,
        Meta(
            description="File that keeps every decision; absent: not kept.", examples=[".gate/record.jsonl"]
        ),
    ] = None
    outputs: Annotated[tuple[Output, ...], Meta(description="Written beside the terminal's text.")] = ()
