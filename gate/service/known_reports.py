"""Reports that were read before: the same bytes of the same project are not read twice.

Reading and normalizing are functions of the bytes alone, so what they gave may be given again; whatever depends
on the time, the settings or the policies is done anew for every decision.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final

import msgspec

from gate import bootstrap, limits
from gate.engines.embedded import Engine
from gate.files import File
from gate.ingest import Read
from gate.model import Evidence
from gate.pipeline import Gathered, gathered
from gate.service.tracing import Tracing

_Key = tuple[str, tuple[tuple[str, str | None, bytes], ...]]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The reports of one request, read."""

    reads: tuple[Read, ...]
    gathered: Gathered


class KnownReports:
    """The reports read last, by project and digest, within `limits.SERVICE_KNOWN_BYTES`."""

    def __init__(self, most_bytes: int = limits.SERVICE_KNOWN_BYTES) -> None:
        self._most_bytes: Final = most_bytes
        self._lock: Final = threading.Lock()
        self._known: Final[OrderedDict[_Key, tuple[Known, int]]] = OrderedDict()
        self._bytes = 0

    def read(
        self, project_id: str, given: tuple[File, ...], engine: Engine, tracing: Tracing | None = None
    ) -> Known:
        """`given`, read and normalized; raises `ReportError` where one is not understood."""
        if sum(len(file.data) for file in given) < limits.SERVICE_KNOWN_FROM_BYTES:
            return _read(given, engine, tracing or Tracing())
        key = _key(project_id, given)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key][0]
        known = _read(given, engine, tracing or Tracing())
        size = sum(len(read.data) for read in known.reads)
        if size > self._most_bytes or any(holds_secrets(read) for read in known.reads):
            return known
        with self._lock:
            if key not in self._known:
                self._known[key] = known, size
                self._bytes += size
            while self._bytes > self._most_bytes:
                self._bytes -= self._known.popitem(last=False)[1][1]
        return known


def holds_secrets(read: Read) -> bool:
    """Whether the report's bytes hold secrets, so that nothing of them is kept (THREATS.md F13)."""
    return (
        Evidence.SECRETS in read.scan.kinds
        or any(observation.secret is not None for observation in read.scan.observations)
        or any(one.object.get("kind") == "Secret" for one in read.scan.objects)
    )


def _read(given: tuple[File, ...], engine: Engine, tracing: Tracing) -> Known:
    with tracing.span("gate.ingest", **{"gate.reports": len(given)}):
        reads = bootstrap.ingested(given, engine)
    with tracing.span("gate.normalise"):
        return Known(reads=reads, gathered=gathered(reads))


def _key(project_id: str, given: tuple[File, ...]) -> _Key:
    # The whole digest of what was sent, gzip and all: a report is what it was only if every byte is.
    return project_id, tuple((file.path, file.declared, hashlib.sha256(file.data).digest()) for file in given)
