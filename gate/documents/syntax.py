"""What a text is written in, told by its content and never by its name."""

from __future__ import annotations

import re
from typing import Final

from gate.documents import json as json_documents
from gate.documents import records
from gate.documents.document import Document
from gate.errors import ReportError

_TEXT: Final = re.compile(rb"(?:\s*#[^\n]*\n)*\s*[A-Za-z]\w*:")
"""`Tag: value`, as SPDX and LCOV write; comments may stand before."""
_TRAILING: Final = "trailing characters"


def document(text: bytes, path: str) -> Document:
    """`text` with its syntax known; raises `ReportError` with the place where it is none."""
    start = text.lstrip()[:1]
    if start == b"<":
        _refuse_web_page(text, path)
        from gate.documents import xml as xml_documents  # noqa: PLC0415 - few checks have any

        name, attributes = xml_documents.root(text, path)
        return Document(path=path, data=text, syntax="xml", top=name, attributes=attributes)
    if _TEXT.match(text):
        lines = text.decode("utf-8").splitlines()
        first = next(line for line in lines if line.strip() and not line.lstrip().startswith("#"))
        return Document(path=path, data=text, syntax="text", top=first)
    try:
        value = json_documents.parsed(text, path)
    except ReportError as error:
        if start not in (b"{", b"[") or _TRAILING not in error.problems[0].message:
            raise
        parts = records.split(text, path)
        first_record = json_documents.outline(records.parsed(parts, path))
        return Document(path=path, data=text, syntax="ndjson", top=[first_record])
    return Document(path=path, data=text, syntax="json", top=json_documents.outline(value))


def _refuse_web_page(text: bytes, path: str) -> None:
    head = text.lstrip()[:256].lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise ReportError(
            "the file is a web page",
            code="report_web_page",
            path=path,
            line=1,
            column=1,
            expected="a report",
            fix="an error page was probably saved as the report; look at what the scanner printed",
        )
