"""The shape of a SARIF 2.1.0 log: the properties that gate reads, strictly typed.

Unknown properties are skipped while decoding, so that a large log takes no more memory than its
results need. Source: SARIF 2.1.0 (OASIS), section 3; property names are the specification's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec


class _Object(msgspec.Struct, rename="camel", gc=False):
    """One SARIF object; gc=False because these trees have no cycles."""


class Text(_Object):
    """message, multiformatMessageString and artifactContent alike (3.11, 3.12, 3.3)."""

    text: str | None = None
    id: str | None = None
    arguments: list[str] | None = None


class ArtifactLocation(_Object):
    """3.4; also what `originalUriBaseIds` maps to."""

    uri: str | None = None
    uri_base_id: str | None = None
    index: int | None = None


class Artifact(_Object):
    """3.24."""

    location: ArtifactLocation | None = None


class Region(_Object):
    """3.30; `startLine` is absent where a region has only offsets."""

    start_line: int | None = None
    start_column: int | None = None
    snippet: Text | None = None


class PhysicalLocation(_Object):
    """3.29."""

    artifact_location: ArtifactLocation | None = None
    region: Region | None = None
    context_region: Region | None = None


class LogicalLocation(_Object):
    """3.33."""

    fully_qualified_name: str | None = None


class Location(_Object):
    """3.28."""

    physical_location: PhysicalLocation | None = None
    logical_locations: list[LogicalLocation] | None = None


class ComponentReference(_Object):
    """3.54; also a taxonomy as far as it is read."""

    name: str | None = None
    index: int | None = None


class RuleReference(_Object):
    """reportingDescriptorReference, 3.52."""

    id: str | None = None
    index: int | None = None
    tool_component: ComponentReference | None = None


class Relationship(_Object):
    """3.53."""

    target: RuleReference


class Configuration(_Object):
    """3.50."""

    level: str | None = None


class RuleProperties(msgspec.Struct, gc=False):
    """A property bag (3.8): every tool's own, so types are looked at where a value is used."""

    tags: Any = None
    cwe: Any = None
    precision: Any = None
    confidence: Any = None
    purls: Any = None
    security_severity: Any = msgspec.field(default=None, name="security-severity")


class Rule(_Object):
    """reportingDescriptor, 3.49."""

    id: str = ""
    name: str | None = None
    short_description: Text | None = None
    full_description: Text | None = None
    help: Text | None = None
    default_configuration: Configuration | None = None
    message_strings: dict[str, Text] | None = None
    relationships: list[Relationship] | None = None
    deprecated_ids: list[str] | None = None
    properties: RuleProperties | None = None


class Component(_Object):
    """toolComponent, 3.19."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    version: str | None = None
    semantic_version: str | None = None
    rules: list[Rule] | None = None
    notifications: list[Rule] | None = None
    global_message_strings: dict[str, Text] | None = None


class Tool(_Object):
    """3.18."""

    driver: Component
    extensions: list[Component] | None = None


class Override(_Object):
    """configurationOverride, 3.51."""

    descriptor: RuleReference
    configuration: Configuration


class Notification(_Object):
    """3.58."""

    level: str | None = None
    message: Text | None = None
    descriptor: RuleReference | None = None


class Invocation(_Object):
    """3.20."""

    execution_successful: bool | None = None
    exit_signal_name: str | None = None
    process_start_failure_message: str | None = None
    end_time_utc: str | None = None
    working_directory: ArtifactLocation | None = None
    tool_execution_notifications: list[Notification] | None = None
    tool_configuration_notifications: list[Notification] | None = None
    rule_configuration_overrides: list[Override] | None = None


class Suppression(_Object):
    """3.35."""

    status: str | None = None


class Provenance(_Object):
    """3.48."""

    invocation_index: int | None = None


class ResultProperties(msgspec.Struct, gc=False):
    """A property bag, as `RuleProperties`."""

    cwe: Any = None
    issue_confidence: Any = None
    offender: Any = None


class Result(_Object):
    """3.27."""

    message: Text | None = None
    """Required by 3.27.11; a result without one is a result all the same."""
    rule_id: str | None = None
    rule_index: int | None = None
    rule: RuleReference | None = None
    kind: str | None = None
    level: str | None = None
    locations: list[Location] | None = None
    baseline_state: str | None = None
    suppressions: list[Suppression] | None = None
    partial_fingerprints: dict[str, Any] | None = None
    fingerprints: dict[str, Any] | None = None
    """Values may be objects (Black Duck), so only text among them is used."""
    taxa: list[RuleReference] | None = None
    provenance: Provenance | None = None
    properties: ResultProperties | None = None


class External(_Object):
    """externalPropertyFileReferences (3.15) or externalProperties (4.3): whether they hold results."""

    results: list[msgspec.Raw] | None = None


class RunProperties(_Object):
    """A property bag, as `RuleProperties`; Trivy's names."""

    image_name: Any = None
    repo_digests: Any = None


class Run(_Object):
    """3.14."""

    tool: Tool
    results: list[Result] | None = None
    """None is not the empty list: 3.14.23 keeps the empty list for "looked and found nothing"."""
    invocations: list[Invocation] | None = None
    artifacts: list[Artifact] | None = None
    taxonomies: list[ComponentReference] | None = None
    original_uri_base_ids: dict[str, ArtifactLocation] | None = None
    external_property_file_references: External | None = None
    properties: RunProperties | None = None


class Log(_Object):
    """sarifLog, 3.13."""

    version: Literal["2.1.0"]
    runs: list[Run]
    inline_external_properties: list[External] | None = None
