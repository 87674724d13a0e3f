"""The shape of an SPDX 2 document, as far as gate reads it. What it means is said in `spdx.py`.

JSON is decoded into it; `spdx_tag_value.py` makes it of text.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import field


class _Camel(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """An object of SPDX."""


class CreationInfo(_Camel, frozen=True):
    created: str
    creators: list[str]


class Checksum(_Camel, frozen=True):
    algorithm: str
    checksum_value: str


class Reference(_Camel, frozen=True):
    reference_category: str
    reference_type: str
    reference_locator: str


class Package(_Camel, frozen=True):
    id: str = field(name="SPDXID")
    name: str
    version_info: str | None = None
    supplier: str | None = None
    license_concluded: str | None = None
    license_declared: str | None = None
    checksums: list[Checksum] | None = None
    external_refs: list[Reference] | None = None
    primary_package_purpose: str | None = None


class Relationship(_Camel, frozen=True):
    spdx_element_id: str
    relationship_type: str
    related_spdx_element: str


class Document(_Camel, frozen=True):
    spdx_version: Literal["SPDX-2.2", "SPDX-2.3"]
    id: str = field(name="SPDXID")
    name: str
    creation_info: CreationInfo
    packages: list[Package] | None = None
    document_describes: list[str] | None = None
    relationships: list[Relationship] | None = None


class Wrapper(msgspec.Struct, frozen=True):
    sbom: Document
