"""CycloneDX in XML, 1.0 to 1.7, as the same `shapes.Bom` that the JSON gives.

Up to 1.3 vulnerabilities stand in an extension, within the component or beside the components; a
vulnerability within a component affects that component. Source: the XML schemas of CycloneDX and of its
vulnerability extension 1.0; FORMATS.md 2.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from xml.etree.ElementTree import Element

import msgspec

from gate.documents.document import Document, wrong_shape
from gate.errors import ReportError
from scanners import cyclonedx_shapes as shapes

NAMESPACE: Final = "http://cyclonedx.org/schema/bom/"
_NUMBER: Final = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_TEXTS: Final = ("group", "name", "version", "purl", "scope", "publisher", "author")


def bom(document: Document) -> shapes.Bom:
    """The document of an XML file; raises `ReportError` where it has another shape."""
    root = document.element("a CycloneDX document (1.0 to 1.7)")
    version = document.namespace.removeprefix(NAMESPACE)
    if document.root != "bom" or not document.namespace.startswith(NAMESPACE):
        raise _wrong("the root is no bom of CycloneDX", document.path)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    refs = _Refs()
    components = [_component(item, refs) for item in root.findall("components/component")]
    value = {
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "serialNumber": root.get("serialNumber"),
        "metadata": _metadata(root, refs),
        "components": components,
        "dependencies": [
            {"ref": item.get("ref"), "dependsOn": [one.get("ref") for one in item.findall("dependency")]}
            for item in root.findall("dependencies/dependency")
        ],
        "compositions": [
            {"aggregate": item.findtext("aggregate", "")} for item in root.findall("compositions/composition")
        ],
        "vulnerabilities": [
            *map(_vulnerability, root.findall("vulnerabilities/vulnerability")),
            *refs.nested,
        ],
    }
    try:
        return msgspec.convert(value, shapes.Bom)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), document.path) from None


def _wrong(what: str, path: str) -> ReportError:
    return wrong_shape(path, f"not a CycloneDX document (1.0 to 1.7): {what}")


class _Refs:
    """Names for components that have none, so that what is nested in them can point there."""

    def __init__(self) -> None:
        self.nested: list[dict[str, Any]] = []
        self._count = 0

    def of(self, item: Element) -> str:
        self._count += 1
        return item.get("bom-ref") or f"gate:component:{self._count}"


def _metadata(root: Element, refs: _Refs) -> dict[str, Any] | None:
    item = root.find("metadata")
    if item is None:
        return None
    subject = item.find("component")
    tools = [*item.findall("tools/tool"), *item.findall("tools/components/component")]
    return {
        "timestamp": item.findtext("timestamp"),
        "tools": [{"name": tool.findtext("name"), "version": tool.findtext("version")} for tool in tools],
        "component": _component(subject, refs) if subject is not None else None,
    }


def _component(item: Element, refs: _Refs) -> dict[str, Any]:
    ref = refs.of(item)
    for flaw in item.findall("vulnerabilities/vulnerability"):
        refs.nested.append(_vulnerability(flaw) | {"affects": [{"ref": ref}]})
    texts = {name: (item.findtext(name) or "").strip() or None for name in _TEXTS}
    # The schema makes name and type required; a name may be empty, an absent one is refused.
    given = {"name": item.findtext("name"), "type": item.get("type")}
    return {
        **texts,
        **{key: value.strip() for key, value in given.items() if value is not None},
        "bom-ref": ref,
        "isExternal": item.get("isExternal") == "true",
        "hashes": [
            {"alg": one.get("alg"), "content": (one.text or "").strip()}
            for one in item.findall("hashes/hash")
        ],
        "licenses": list(_licenses(item)),
        "supplier": _party(item.find("supplier")),
        "manufacturer": _party(item.find("manufacturer")),
        "components": [_component(one, refs) for one in item.findall("components/component")],
    } | ({} if "name" in given and given["name"] is not None else {"name": None})


def _party(item: Element | None) -> dict[str, Any] | None:
    return {"name": item.findtext("name")} if item is not None else None


def _licenses(item: Element) -> Iterator[dict[str, Any]]:
    for one in item.findall("licenses/license"):
        yield {"license": {"id": one.findtext("id"), "name": one.findtext("name")}}
    for one in item.findall("licenses/expression"):
        yield {"expression": one.text or ""}
    for one in item.findall("licenses/expression-detailed"):
        yield {"expression": one.get("expression") or one.findtext("expression", "")}


def _vulnerability(item: Element) -> dict[str, Any]:
    analysis = item.find("analysis")
    return {
        "id": item.findtext("id"),
        "bom-ref": item.get("bom-ref"),
        "references": [{"id": one.findtext("id")} for one in item.findall("references/reference")],
        "ratings": [_rating(one) for one in item.findall("ratings/rating")],
        "cwes": [
            int(text) for one in item.findall("cwes/cwe") if (text := (one.text or "").strip()).isdecimal()
        ],
        "rejected": item.findtext("rejected"),
        "analysis": {"state": analysis.findtext("state"), "justification": analysis.findtext("justification")}
        if analysis is not None
        else None,
        "affects": [
            {
                "ref": target.findtext("ref"),
                "versions": [
                    {"version": one.findtext("version"), "status": one.findtext("status") or "affected"}
                    for one in target.findall("versions/version")
                ],
            }
            for target in item.findall("affects/target")
        ],
    }


def _rating(item: Element) -> dict[str, Any]:
    # The extension has the score one level deeper, and its severities begin with a capital.
    score = (item.findtext("score/base") or item.findtext("score") or "").strip()
    severity = item.findtext("severity")
    method = item.findtext("method")
    return {
        "source": {"name": item.findtext("source/name")},
        "score": float(score) if _NUMBER.fullmatch(score) else None,
        "severity": severity.strip().lower() if severity else None,
        "method": method.strip() if method else None,
        "vector": (item.findtext("vector") or "").strip() or None,
    }
