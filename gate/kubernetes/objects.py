"""Objects of a manifest: `List` expanded, named `Kind/namespace/name`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, Final

from gate.errors import ReportError, quoted
from gate.kubernetes import kustomizations, resources


def is_object(value: object) -> bool:
    """Whether `value` says which kind of Kubernetes object it is."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("apiVersion"), str)
        and isinstance(value.get("kind"), str)
        and bool(value["kind"])
    )


def name(value: dict[str, Any]) -> str:
    """`Kind/namespace/name`; a part that is absent is empty, generateName ends in `*`.

    A custom resource whose kind is called as one of Kubernetes' own is `Kind.group/namespace/name`: what is said
    of the one, in a waiver, is not said of the other.
    """
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    generated = metadata.get("generateName")
    called = metadata.get("name") or (f"{generated}*" if generated else "")
    kind = str(value.get("kind", ""))
    group, slash, _ = str(value.get("apiVersion", "")).partition("/")
    if slash and resources.is_namesake(group, kind):
        kind = f"{kind}.{group}"
    return f"{kind}/{metadata.get('namespace') or ''}/{called}"


FIX_OF_KUSTOMIZATION: Final = "name the folder of the kustomization, so that it is built, or leave it out"


def _called(pointer: str) -> str:
    """`/items/0/items/1` as `items[0].items[1]`."""
    return re.sub(r"/items/(\d+)", r".items[\1]", pointer).removeprefix(".") or "a document"


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return f"an object with {quoted(sorted(map(str, value))[:8])}" if value else "an empty object"
    return quoted(value)


def expanded(value: object, path: str, line: int, pointer: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of one document with their JSON pointers; what has `items` gives those too.

    kubectl takes every object with `items` for a list, whatever its kind, and applies its members.

    Raises `ReportError` for anything that is no Kubernetes object: a document that is not
    understood must not vanish between others that pass.
    """
    if not is_object(value) and not pointer:
        value = kustomizations.whole(value, path) or value
    if not is_object(value) or not isinstance(value, dict):
        raise ReportError(
            f"{_called(pointer)} is no Kubernetes object",
            code="manifest_not_an_object",
            path=path,
            line=line,
            column=1,
            found=_shown(value),
            expected="apiVersion and kind, both texts",
            fix=FIX_OF_KUSTOMIZATION
            if posixpath.basename(path).lower().startswith("kustomization")
            else "check manifests only, or name the file's format with --as",
        )
    is_list = value["kind"].endswith("List")
    if "items" not in value:
        yield value, pointer
        return
    if not is_list:
        yield value, pointer
    items = value["items"]
    if not isinstance(items, list):
        raise ReportError(
            f"items of a {value['kind']} are no list",
            code="manifest_not_an_object",
            path=path,
            line=line,
            column=1,
            found=_shown(items),
            expected="a list of objects",
        )
    kind = value["kind"].removesuffix("List") if is_list else ""
    for index, item in enumerate(items):
        # A typed list (`PodList`) leaves kind and apiVersion out of its items.
        if kind and isinstance(item, dict) and "kind" not in item and "apiVersion" not in item:
            whole = {"apiVersion": value["apiVersion"], "kind": kind, **item}
        else:
            whole = item
        yield from expanded(whole, path, line, f"{pointer}/items/{index}")
