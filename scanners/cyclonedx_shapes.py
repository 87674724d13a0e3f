"""The shape of a CycloneDX document, as far as gate reads it. What it means is said in `cyclonedx.py`.

Required is what the JSON schemas 1.2 to 1.7 require of the parts that are read.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import field


class _Camel(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An object of CycloneDX."""


class Party(_Camel, frozen=True):
    name: str | None = None


class License(_Camel, frozen=True):
    id: str | None = None
    name: str | None = None


class LicenseChoice(_Camel, frozen=True):
    license: License | None = None
    expression: str | None = None


class Hash(_Camel, frozen=True):
    alg: str
    content: str


class Component(_Camel, frozen=True):
    type: str
    name: str
    bom_ref: str | None = field(name="bom-ref", default=None)
    group: str | None = None
    version: str | None = None
    purl: str | None = None
    scope: str | None = None
    is_external: bool = False
    hashes: list[Hash] | None = None
    licenses: list[LicenseChoice] | None = None
    supplier: Party | None = None
    manufacturer: Party | None = None
    publisher: str | None = None
    author: str | None = None
    authors: list[Party] | None = None
    components: list[Component] | None = None

    @property
    def full_name(self) -> str:
        """`org.slf4j/slf4j-api`: with its group, without which many names mean nothing."""
        return f"{self.group}/{self.name}" if self.group else self.name


class Tool(_Camel, frozen=True):
    name: str | None = None
    version: str | None = None


class Tools(_Camel, frozen=True):
    components: list[Tool] | None = None
    services: list[Tool] | None = None


class Metadata(_Camel, frozen=True):
    timestamp: str | None = None
    tools: list[Tool] | Tools | None = None
    component: Component | None = None


class Dependency(_Camel, frozen=True):
    ref: str
    depends_on: list[str] | None = None


class Source(_Camel, frozen=True):
    name: str | None = None


class Rating(_Camel, frozen=True):
    source: Source | None = None
    score: float | None = None
    severity: str | None = None
    method: str | None = None
    vector: str | None = None


class Reference(_Camel, frozen=True):
    id: str | None = None


class Version(_Camel, frozen=True):
    version: str | None = None
    status: str = "affected"


class Affected(_Camel, frozen=True):
    ref: str
    versions: list[Version] | None = None


class Analysis(_Camel, frozen=True):
    state: str | None = None
    justification: str | None = None


class Vulnerability(_Camel, frozen=True):
    id: str | None = None
    bom_ref: str | None = field(name="bom-ref", default=None)
    references: list[Reference] | None = None
    ratings: list[Rating] | None = None
    cwes: list[int] | None = None
    rejected: str | None = None
    analysis: Analysis | None = None
    affects: list[Affected] | None = None


class Composition(_Camel, frozen=True):
    aggregate: str = ""


class Bom(_Camel, frozen=True):
    bom_format: Literal["CycloneDX"]
    spec_version: Literal["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]
    serial_number: str | None = None
    metadata: Metadata | None = None
    components: list[Component] | None = None
    dependencies: list[Dependency] | None = None
    compositions: list[Composition] | None = None
    vulnerabilities: list[Vulnerability] | None = None
