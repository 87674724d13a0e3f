"""Documents for adapter tests: from bytes, text or a Python value, read as `gate.ingest` reads JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gate.documents.document import Document
from gate.documents.json import outline, parsed

UTF8_BOM = b"\xef\xbb\xbf"


def document(data: bytes | str | object, path: str = "report.json") -> Document:
    """`data` as an adapter sees it: bytes and text are JSON source, anything else is encoded first.

    Raises `ReportError` where the source is not strict JSON.
    """
    if isinstance(data, str):
        source = data.encode()
    elif isinstance(data, bytes):
        source = data
    else:
        source = msgspec.json.encode(data)
    source = source.removeprefix(UTF8_BOM)
    return Document(path=path, data=source, syntax="json", top=outline(parsed(source, path)))


def document_of(file: Path) -> Document:
    """The document of a file, under its name alone; UTF-16 with a byte order mark is decoded."""
    data = file.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16").encode()
    return document(data, file.name)
