"""Kubernetes manifests as the cluster reads them: the engine's reader, as `KubernetesObject`s.

The reading itself is gate-opa's (engine/manifests.go); this file is given it as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from gate.kubernetes import objects
from gate.model import KubernetesObject, Source

Read = Callable[[bytes, str, Sequence[tuple[int, str]]], Any]
"""Bytes, label, wanted (document, JSON pointer) pairs -> {"documents": […], "positions": […]}."""
ReadMany = Callable[[bytes, str], "Sequence[Document]"]
"""Bytes and label -> the documents of the file, from an answer that came with others'."""


class Document(msgspec.Struct):
    """One document of a stream, as the engine tells it (engine/PROTOCOL.md, manifests_many)."""

    index: int
    line: int
    value: msgspec.Raw
    api_version: str | None = None
    """None, as `kind`, where it is not one object by itself."""
    kind: str | None = None


class Position(msgspec.Struct):
    """Where a value and its key stand in the file."""

    line: int
    column: int
    key_line: int
    key_column: int


class Answer(msgspec.Struct):
    """What the engine says of one file of many."""

    documents: list[Document] = []
    positions: list[Position | None] = []
    error: msgspec.Raw = msgspec.Raw(b"")


def kubernetes_objects(read: ReadMany, data: bytes, path: str) -> tuple[KubernetesObject, ...]:
    """Every object of a YAML or JSON stream, `List`s expanded.

    Raises `ReportError` with `path:line:col` for anything the cluster would not read, and for
    documents that are no objects.
    """
    return tuple(one for document in read(data, path) for one in _objects(document, path))


def _objects(document: Document, path: str) -> Iterator[KubernetesObject]:
    source = Source(file=path, line=document.line)
    if document.kind is not None:
        yield KubernetesObject(
            text=document.value,
            api_version=document.api_version,
            source=source,
            document=document.index,
        )
        return
    value = msgspec.json.decode(document.value)
    for one, pointer in objects.expanded(value, path, document.line):
        yield KubernetesObject(object=one, source=source, document=document.index, pointer=pointer)


def place(position: Position | None) -> tuple[int, int] | None:
    """Line and column of the key where there is one, else of the value."""
    if position is None:
        return None
    if position.key_line:
        return position.key_line, position.key_column
    return position.line, position.column
