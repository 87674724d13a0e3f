"""An inventory as CycloneDX 1.6, JSON or XML, written by the specification's own Python library.

The same inventory gives the same bytes: the serial number is made of the components, and the time is the
SBOM's own, or none. Of dependencies it writes which components are direct, where that is known of all.
"""

from __future__ import annotations

import re
import uuid
import warnings
from typing import Final, Literal

import msgspec
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.exception.model import CycloneDxModelException
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as CycloneDxComponent
from cyclonedx.model.component import ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import License
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from gate import __version__, times
from gate.model import Component
from gate.sbom.inventory import Inventory

_NAMESPACE: Final = uuid.UUID("b7f5f1a2-3f0e-5c58-9d3a-0b8f6d2c4e11")
"""Of the serial numbers that are made here."""
_GRAPH: Final = re.compile(r"\s*<dependencies>.*</dependencies>", re.DOTALL)
"""References in it are those given below, and hold no markup."""
_HASHES: Final = {algorithm.value.lower().replace("-", ""): algorithm for algorithm in HashAlgorithm}


def written(inventory: Inventory, syntax: Literal["json", "xml"]) -> bytes:
    """The bytes of the document, which the published schema accepts."""
    subject = inventory.subject
    metadata = BomMetaData(
        tools=ToolRepository(
            components=[CycloneDxComponent(name="gate", type=ComponentType.APPLICATION, version=__version__)]
        ),
        component=CycloneDxComponent(
            name=subject.name, type=ComponentType.APPLICATION, version=subject.digest, bom_ref="subject"
        )
        if subject
        else None,
    )
    created = times.instant(inventory.created) if inventory.created else None
    metadata.timestamp = created  # type: ignore[assignment]  # None is "not said"
    content = msgspec.json.encode(inventory.components, order="deterministic").decode()
    components = [_component(one, number) for number, one in enumerate(inventory.components)]
    bom = Bom(
        components=components,
        serial_number=uuid.uuid5(_NAMESPACE, content),
        metadata=metadata,
    )
    is_known = all(one.direct is not None for one in inventory.components)
    if metadata.component is not None and is_known:
        pairs = zip(components, inventory.components, strict=True)
        bom.register_dependency(metadata.component, [made for made, one in pairs if one.direct])
    format_ = OutputFormat.JSON if syntax == "json" else OutputFormat.XML
    with warnings.catch_warnings():
        # It misses the subject's dependencies, which are not known then.
        warnings.simplefilter("ignore", UserWarning)
        text: str = make_outputter(bom, format_, SchemaVersion.V1_6).output_as_string(indent=2)
    return (text if metadata.component and is_known else _without_dependencies(text, syntax)).encode() + b"\n"


def _without_dependencies(text: str, syntax: Literal["json", "xml"]) -> str:
    """`text` without the graph that the library writes for every document: empty, it would say "depends on nothing"."""
    if syntax == "xml":
        return _GRAPH.sub("", text)
    value = msgspec.json.decode(text)
    value.pop("dependencies", None)
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _component(component: Component, number: int) -> CycloneDxComponent:
    return CycloneDxComponent(
        name=component.name,
        version=component.version,
        bom_ref=f"component-{number}",
        purl=_purl(component.purl),
        licenses=_licenses(component.license),
        hashes=_hashes(component),
        supplier=OrganizationalEntity(name=component.supplier) if component.supplier else None,
    )


def _purl(text: str | None) -> PackageURL | None:
    try:
        return PackageURL.from_string(text) if text else None
    except ValueError:
        return None


def _licenses(text: str | None) -> list[License]:
    if not text:
        return []
    return [LicenseFactory().make_from_string(text)]


def _hashes(component: Component) -> list[HashType]:
    found: list[HashType] = []
    for name, content in sorted(component.hashes.items()):
        algorithm = _HASHES.get(name.lower().replace("-", "").replace("_", ""))
        if algorithm is None:
            continue
        try:
            found.append(HashType(alg=algorithm, content=content))
        except CycloneDxModelException:
            continue
    return found
