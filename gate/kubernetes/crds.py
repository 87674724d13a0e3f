"""Schemas of CustomResourceDefinitions, as shapes (shapes.py).

Only structure is taken: types, fields, required ones, enumerations. Patterns, bounds and CEL rules are the
cluster's to check; a pattern of a stranger never runs here. What a schema leaves open stays open.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from gate.kubernetes.matching import mapping
from gate.model import KubernetesObject

_LETTERS: Final = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
_META: Final = {"apiVersion": "s", "kind": "s"}
DEPTH: Final = 100


def shapes(objects: Iterable[KubernetesObject], metadata: Any) -> dict[str, Any]:
    """`group/version/Kind` -> shape, of every CustomResourceDefinition among `objects`.

    `metadata` is the shape of an object's metadata. A version that is not served is left out.
    """
    found: dict[str, Any] = {}
    for one in objects:
        if one.group != "apiextensions.k8s.io" or one.object.get("kind") != "CustomResourceDefinition":
            continue
        spec = mapping(one.object.get("spec"))
        group, kind = spec.get("group"), mapping(spec.get("names")).get("kind")
        versions = spec.get("versions")
        for version in versions if isinstance(versions, list) else ():
            told = mapping(version)
            if told.get("served") is not True:
                continue
            schema = mapping(mapping(told.get("schema")).get("openAPIV3Schema"))
            found[f"{group}/{told.get('name')}/{kind}"] = _top(schema, metadata)
    return found


def _top(schema: dict[str, Any] | Any, metadata: Any) -> Any:
    shape = _shape(schema, 0)
    if not isinstance(shape, dict) or "p" not in shape:
        return {"p": {**_META, "metadata": metadata}, "o": True}
    return {**shape, "p": {**shape["p"], **_META, "metadata": metadata}}


def _shape(schema: Any, depth: int) -> Any:
    given = mapping(schema)
    if depth > DEPTH or not given:
        return "x"
    if given.get("x-kubernetes-int-or-string") is True:
        return "j"
    inner = _structure(given, depth)
    choices = given.get("enum")
    return {"e": choices, "t": inner} if isinstance(choices, list) and choices else inner


def _structure(given: Any, depth: int) -> Any:
    properties, extra = given.get("properties"), given.get("additionalProperties")
    if given.get("type") == "array":
        return {"a": _shape(given.get("items"), depth + 1)}
    if isinstance(properties, dict):
        shape: dict[str, Any] = {"p": {str(name): _shape(one, depth + 1) for name, one in properties.items()}}
        required = given.get("required")
        if isinstance(required, list):
            shape["r"] = [str(name) for name in required]
        if given.get("x-kubernetes-preserve-unknown-fields") is True or extra:
            shape["o"] = True
        return _with_meta(shape) if given.get("x-kubernetes-embedded-resource") is True else shape
    if isinstance(extra, dict):
        return {"m": _shape(extra, depth + 1)}
    if given.get("type") == "object":
        is_open = given.get("x-kubernetes-preserve-unknown-fields") is True or extra is True
        # A structural schema prunes what an object without properties holds: none of it is known.
        return "x" if is_open or given.get("x-kubernetes-embedded-resource") is True else {"m": "x"}
    return _LETTERS.get(str(given.get("type")), "x")


def _with_meta(shape: dict[str, Any]) -> dict[str, Any]:
    """An object within an object: with what every object has."""
    return {**shape, "p": {**_META, "metadata": "x", **shape["p"]}}
