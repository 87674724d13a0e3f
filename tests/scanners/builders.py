"""Documents for adapter tests: from bytes, text or a Python value, read as `gate.ingest` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import msgspec

from gate import ingest
from gate.documents import envelope, syntax
from gate.documents.document import Document
from gate.errors import ReportError
from gate.ingest import Read
from scanners import SCANNERS

UTF8_BOM = b"\xef\xbb\xbf"


def document(data: bytes | str | object, path: str = "report.json") -> Document:
    """`data` as an adapter sees it: bytes and text are the file, anything else is encoded as JSON first.

    Raises `ReportError` where no syntax fits.
    """
    if isinstance(data, str):
        source = data.encode()
    elif isinstance(data, bytes):
        source = data
    else:
        source = msgspec.json.encode(data)
    return syntax.document(source.removeprefix(UTF8_BOM), path)


def document_of(file: Path) -> Document:
    """The document of a file, under its name alone; UTF-16 with a byte order mark is decoded."""
    text, _ = envelope.decoded(file.read_bytes(), file.name)
    return syntax.document(text, file.name)


def read(data: bytes, path: str = "report.json", declared: str | None = None) -> Read:
    """`data` through the whole of ingest, without an engine: a manifest is refused."""

    def no_manifests(_data: bytes, path: str) -> NoReturn:
        raise ReportError("a manifest", code="manifest", path=path)

    return ingest.ingest(data, path, SCANNERS, no_manifests, declared)
