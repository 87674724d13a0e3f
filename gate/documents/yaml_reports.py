"""Reports that are written as YAML: what scanners leave in a cluster (`kubectl get … -o yaml`), SPDX documents.

The reading is that of manifests; what comes out is the JSON that the adapters know. Which documents are
reports is told by their API groups, or by an adapter that knows a document which is no Kubernetes object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gate.documents.manifests import Document
from gate.kubernetes import objects


def as_json(found: Sequence[Document], path: str, groups: tuple[str, ...]) -> bytes | None:
    """The documents `found` as one JSON report; None where they are manifests, or reports among others.

    Several reports become a `List`, as kubectl writes them.
    """
    if not found:
        return None
    if len(found) == 1 and not _is_kubernetes(found[0]):
        return bytes(found[0].value)
    texts = [bytes(one.value) for one in found]
    # Most files are manifests: nothing is decoded that cannot be a report.
    if not all(any(group.encode() in text for group in groups) for text in texts):
        return None
    values = [msgspec.json.decode(text) for text in texts]
    items: list[Any] = [
        item
        for one, value in zip(found, values, strict=True)
        for item, _ in objects.expanded(value, path, one.line)
    ]
    if not items or not all(_group(item).endswith(groups) for item in items):
        return None
    if len(values) == 1:
        return texts[0]
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items})


def _is_kubernetes(document: Document) -> bool:
    """Whether it is one object, or says that it is a list of some."""
    if document.kind is not None:
        return True
    text = bytes(document.value)
    return text[:1] == b"{" and "apiVersion" in msgspec.json.decode(text, type=dict[str, msgspec.Raw])


def _group(item: Any) -> str:
    version = item.get("apiVersion") if isinstance(item, dict) else None
    return str(version or "").partition("/")[0]
