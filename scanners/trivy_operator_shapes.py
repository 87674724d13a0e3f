"""The shapes of the Trivy operator's objects, as far as gate reads them (`trivy_operator.py`)."""

from __future__ import annotations

import msgspec
from msgspec import Raw, field

from scanners import cyclonedx_shapes

GROUP = "aquasecurity.github.io"


class Items(msgspec.Struct):
    """A list as kubectl gives it."""

    items: list[Raw]


class Scanner(msgspec.Struct):
    version: str | None = None


class Artifact(msgspec.Struct):
    repository: str = ""
    tag: str = ""
    digest: str = ""


class Registry(msgspec.Struct):
    server: str = ""


class System(msgspec.Struct):
    family: str = ""


class Cvss(msgspec.Struct):
    v2_vector: str | None = field(name="V2Vector", default=None)
    v2_score: float | None = field(name="V2Score", default=None)
    v3_vector: str | None = field(name="V3Vector", default=None)
    v3_score: float | None = field(name="V3Score", default=None)
    v40_vector: str | None = field(name="V40Vector", default=None)
    v40_score: float | None = field(name="V40Score", default=None)


class Vulnerability(msgspec.Struct, rename="camel"):
    id: str = field(name="vulnerabilityID")
    resource: str
    severity: str
    installed_version: str = ""
    fixed_version: str = ""
    title: str = ""
    score: float | None = None
    target: str = ""
    class_: str = field(name="class", default="")
    package_type: str = ""
    package_path: str = field(name="pkgPath", default="")
    purl: str = field(name="packagePURL", default="")
    cvss: dict[str, Cvss] | None = None


class Check(msgspec.Struct, rename="camel"):
    success: bool
    severity: str = ""
    id: str = field(name="checkID", default="")
    title: str = ""
    messages: list[str] | None = None
    target: str = ""


class Secret(msgspec.Struct, rename="camel"):
    rule: str = field(name="ruleID")
    severity: str
    title: str = ""
    target: str = ""
    match: str = ""


class Summary(msgspec.Struct, rename="camel"):
    critical_count: int = 0
    high_count: int = 0
    medium_count: int = 0
    low_count: int = 0
    unknown_count: int = 0
    none_count: int = 0

    @property
    def total(self) -> int:
        """How many findings the report counts."""
        counts = (self.critical_count, self.high_count, self.medium_count, self.low_count)
        return sum(counts) + self.unknown_count + self.none_count


class Bom(msgspec.Struct):
    components: list[cyclonedx_shapes.Component] | None = None


class ControlCheck(msgspec.Struct, rename="camel"):
    id: str
    severity: str = ""
    name: str = ""
    total_fail: int | None = None


class Control(msgspec.Struct):
    id: str
    checks: list[Check] | None = None
    severity: str = ""
    name: str = ""


class Summaries(msgspec.Struct, rename="camel"):
    control_check: list[ControlCheck] | None = None


class Details(msgspec.Struct):
    results: list[Control] | None = None


class Compliance(msgspec.Struct, rename="camel"):
    summary_report: Summaries | None = None
    detail_report: Details | None = None


class Report(msgspec.Struct):
    """A report; which of its lists must be there follows from its kind."""

    scanner: Scanner = field(default_factory=Scanner)
    artifact: Artifact = field(default_factory=Artifact)
    registry: Registry = field(default_factory=Registry)
    os: System = field(default_factory=System)
    summary: Summary = field(default_factory=Summary)
    vulnerabilities: list[Raw] | None = None
    checks: list[Raw] | None = None
    secrets: list[Raw] | None = None
    components: Bom | None = None


class Metadata(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    created: str | None = field(name="creationTimestamp", default=None)


class Object(msgspec.Struct, rename="camel"):
    """One report, with what says which object it is about."""

    api_version: str
    kind: str
    metadata: Metadata = field(default_factory=Metadata)
    report: Report | None = None
    status: Compliance | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is of the operator's group."""
        return self.api_version.partition("/")[0] == GROUP

    @property
    def created(self) -> str | None:
        """When the object was made."""
        return self.metadata.created

    @property
    def image(self) -> str | None:
        """The image that was looked at, with its registry."""
        about = self.report.artifact if self.report else Artifact()
        server = self.report.registry.server if self.report else ""
        name = "/".join(filter(None, (server, about.repository)))
        return f"{name}:{about.tag}" if name and about.tag else name or None
