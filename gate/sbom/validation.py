"""Whether a document is what the published schema of its version wants: CycloneDX 1.0 to 1.7, SPDX 2.3 JSON.

CycloneDX's schemas come with the specification's own Python library, SPDX's with gate
(gate/schemas/spdx-2.3.schema.json, from spdx/spdx-spec). What is no strict JSON or no safe XML is refused
before a schema sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from gate.documents import json as json_documents
from gate.documents import xml as xml_documents
from gate.errors import Problem, ReportError, quoted

SPDX_SCHEMA: Final = Path(__file__).parent.parent / "schemas" / "spdx-2.3.schema.json"
MOST: Final = 100
"""Problems that are told."""
_MESSAGE_CHARACTERS: Final = 300
_INVALID: Final = "sbom_invalid"


class Validated(msgspec.Struct, frozen=True, kw_only=True):
    """What was held against what."""

    schema: str
    """`CycloneDX 1.6 (JSON)`."""
    problems: tuple[Problem, ...]


def validated(data: bytes, path: str) -> Validated:
    """The problems of the SBOM `data`, none where it is valid; at most `MOST`.

    Raises `ReportError` for what is no document of a format and version that has a published schema.
    """
    if data.lstrip()[:1] == b"<":
        return _xml(data, path)
    value = json_documents.parsed(data, path)
    if isinstance(value, dict) and value.get("bomFormat") == "CycloneDX":
        return _cyclonedx(data, value, path)
    if isinstance(value, dict) and value.get("spdxVersion") == "SPDX-2.3":
        return _spdx(data, value, path)
    raise ReportError(
        "no SBOM that has a schema here",
        code="format_not_read",
        path=path,
        line=1,
        column=1,
        found=json_documents.described(value),
        expected="CycloneDX 1.2 to 1.7 in JSON, 1.0 to 1.7 in XML, or SPDX 2.3 in JSON",
    )


def _cyclonedx(data: bytes, value: dict[str, Any], path: str) -> Validated:
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - for CycloneDX alone

    version = value.get("specVersion")
    errors = JsonStrictValidator(_version(version, path, "1.2")).validate_str(data.decode(), all_errors=True)
    found = [_placed(one.data, data, path) for _, one in zip(range(MOST), errors or (), strict=False)]
    return Validated(schema=f"CycloneDX {version} (JSON)", problems=tuple(found))


def _spdx(data: bytes, value: dict[str, Any], path: str) -> Validated:
    import jsonschema  # noqa: PLC0415 - for SPDX alone

    schema = json_documents.parsed(SPDX_SCHEMA.read_bytes(), SPDX_SCHEMA.name)
    errors = jsonschema.Draft7Validator(schema).iter_errors(value)
    found = [_placed(one, data, path) for _, one in zip(range(MOST), errors, strict=False)]
    return Validated(schema="SPDX 2.3 (JSON)", problems=tuple(found))


def _xml(data: bytes, path: str) -> Validated:
    from cyclonedx.validation.xml import XmlValidator  # noqa: PLC0415 - for CycloneDX alone

    root = xml_documents.parsed(data, path)
    namespace = str(root.tag).rpartition("}")[0].removeprefix("{")
    place, _, version = namespace.rpartition("/")
    if place != "http://cyclonedx.org/schema/bom" or not str(root.tag).endswith("}bom"):
        raise ReportError(
            "no SBOM that has a schema here",
            code="format_not_read",
            path=path,
            line=1,
            column=1,
            found=f"the XML root {quoted(root.tag)}",
            expected="bom of CycloneDX 1.0 to 1.7",
        )
    errors = XmlValidator(_version(version, path, "1.0")).validate_str(data.decode(), all_errors=True)
    found = [
        Problem(
            code=_INVALID,
            message=_shortened(one.data.message),
            path=path,
            line=one.data.line or None,
            column=one.data.column or None,
        )
        for _, one in zip(range(MOST), errors or (), strict=False)
    ]
    return Validated(schema=f"CycloneDX {version} (XML)", problems=tuple(found))


def _version(text: object, path: str, oldest: str) -> Any:
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - for CycloneDX alone

    known = {one.to_version(): one for one in SchemaVersion if one.to_version() >= oldest}
    if not isinstance(text, str) or text not in known:
        raise ReportError(
            "a version without a published schema",
            code="format_not_read",
            path=path,
            found=quoted(text),
            expected=", ".join(sorted(known)),
        )
    return known[text]


def _placed(error: Any, data: bytes, path: str) -> Problem:
    """One error of a JSON schema with its place in the file."""
    where = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in _steps(error))
    line, column = json_documents.position(data, where)
    return Problem(
        code=_INVALID,
        message=_shortened(str(error.message)),
        path=path,
        line=line,
        column=column,
        found=f"JSON path {where}",
    )


def _steps(error: Any) -> Iterator[str | int]:
    yield from error.absolute_path


def _shortened(message: str) -> str:
    """A message on one line that no terminal obeys, and no longer than one reads."""
    plain = "".join(character if character.isprintable() else " " for character in message)
    text = plain[:1].lower() + plain[1:]
    return text if len(text) <= _MESSAGE_CHARACTERS else text[: _MESSAGE_CHARACTERS - 1] + "…"
