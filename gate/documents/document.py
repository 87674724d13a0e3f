"""A file once its bytes are known to be well formed: what adapters look at and decode.

Reading the file, decompressing it and choosing its syntax is `gate/ingest.py`'s work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from gate.documents import json as json_documents

T = TypeVar("T")

Syntax = Literal["json", "ndjson", "xml", "yaml", "text"]


@dataclass(frozen=True)
class Document:
    """One report, SBOM or manifest file.

    `data` is UTF-8 without a byte order mark. For `json` it is strict JSON (documents/json.py), so
    `decoded` can only fail on shape.
    """

    path: str
    """Label for messages; never opened again."""
    data: bytes = field(repr=False)
    syntax: Syntax
    top: Any = field(default=None, repr=False)
    """Syntax `json`: the outline of the value (documents/json.py), arrays with their first element
    only. Syntax `xml`: the root's `{namespace}name`. For detection; `decoded` gives the rest."""

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the top-level JSON object; empty for anything else."""
        return frozenset(self.top) if isinstance(self.top, Mapping) else frozenset()

    @property
    def first(self) -> Mapping[str, Any]:
        """The first element of a top-level JSON array, where it is an object; else empty."""
        if isinstance(self.top, list) and self.top and isinstance(self.top[0], Mapping):
            return self.top[0]
        return {}

    def at(self, *names: str | int) -> Any:
        """The JSON value under `names` from the top, or None where there is none."""
        value = self.top
        for name in names:
            if isinstance(value, Mapping) and isinstance(name, str):
                value = value.get(name)
            elif isinstance(value, list) and isinstance(name, int) and name < len(value):
                value = value[name]
            else:
                return None
        return value

    def decoded(self, type_: type[T], expected: str) -> T:
        """The whole JSON document as a `type_`; raises `ReportError` with line and column."""
        return json_documents.decoded(self.data, type_, self.path, expected)
