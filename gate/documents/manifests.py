"""Kubernetes manifests as the cluster reads them: the engine's reader, as `KubernetesObject`s.

The reading itself is gate-opa's (engine/manifests.go); this file is given it as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gate.kubernetes import objects
from gate.model import KubernetesObject, Source

Read = Callable[[bytes, str, Sequence[tuple[int, str]]], Any]
"""Bytes, label, wanted (document, JSON pointer) pairs -> {"documents": […], "positions": […]}."""


def kubernetes_objects(read: Read, data: bytes, path: str) -> tuple[KubernetesObject, ...]:
    """Every object of a YAML or JSON stream, `List`s expanded.

    Raises `ReportError` with `path:line:col` for anything the cluster would not read, and for
    documents that are no objects.
    """
    return tuple(
        KubernetesObject(
            object=value,
            source=Source(file=path, line=document["line"]),
            document=document["index"],
            pointer=pointer,
        )
        for document in read(data, path, ())["documents"]
        for value, pointer in objects.expanded(document["value"], path, document["line"])
    )


def positions(
    read: Read, data: bytes, path: str, wanted: Sequence[tuple[int, str]]
) -> list[tuple[int, int] | None]:
    """Line and column of each wanted (document, JSON pointer), of its key where it has one.

    A pointer to something absent gets its nearest ancestor's place: "missing field" rules point at
    what is not there.
    """
    ladder = [_ancestors(pointer) for _, pointer in wanted]
    asked = [(document, step) for (document, _), steps in zip(wanted, ladder, strict=True) for step in steps]
    found = iter(read(data, path, asked)["positions"])
    places: list[tuple[int, int] | None] = []
    for steps in ladder:
        answers = [next(found) for _ in steps]
        nearest = next((answer for answer in answers if answer is not None), None)
        places.append(_place(nearest) if nearest else None)
    return places


def _place(answer: dict[str, int]) -> tuple[int, int]:
    if answer.get("key_line"):
        return answer["key_line"], answer["key_column"]
    return answer["line"], answer["column"]


def _ancestors(pointer: str) -> list[str]:
    """`/a/b` -> `/a/b`, `/a`, ``."""
    steps = [pointer]
    while pointer:
        pointer = pointer.rpartition("/")[0]
        steps.append(pointer)
    return steps
