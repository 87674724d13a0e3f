"""Files as Conftest reads them: which parser a name means, and the documents that are judged apart.

A list at the top of a file is several documents, as in Conftest; so are the documents of a YAML stream.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from gate.documents import json as json_documents
from gate.documents.manifests import Document
from gate.errors import ReportError
from gate.kubernetes import objects
from gate.model import KubernetesObject, Source

Reader = Callable[[bytes, str], Any]
"""UTF-8 text and label -> value; raises `ReportError` with a place."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_ENDINGS: Final = {
    "hcl": "hcl2",
    "tf": "hcl2",
    "tfvars": "hcl2",
    "env": "dotenv",
    "dockerignore": "ignore",
    "gitignore": "ignore",
    "ignore": "ignore",
    "ini": "ini",
    "jsonc": "jsonc",
    "properties": "properties",
    "toml": "toml",
}
_NOT_READ: Final = {
    "codeowners": "codeowners",
    "cue": "cue",
    "edn": "edn",
    "groovy": "groovy",
    "hcl1": "hcl1",
    "hocon": "hocon",
    "jsonnet": "jsonnet",
    "nginx": "nginx",
    "textpb": "textproto",
    "textproto": "textproto",
    "vcl": "vcl",
}
"""What Conftest 0.71 reads by these endings and gate does not: refused, since rules may be about it."""


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """One document of configuration."""

    text: msgspec.Raw
    """Its value as JSON: thousands go from the engine's reader to its evaluator as they are."""
    path: str
    line: int = 1
    document: int = 0
    """Which one of the file it is, 0-based."""
    api_version: str | None = None
    """None where it is not known to be one Kubernetes object by itself."""

    @property
    def value(self) -> Any:
        """The value."""
        return msgspec.json.decode(self.text)

    @property
    def is_like_an_object(self) -> bool:
        """Whether it may be meant as a Kubernetes object: then it must be one."""
        if self.api_version is not None:
            return True
        value = self.value
        return isinstance(value, dict) and ("apiVersion" in value or "kind" in value)

    @property
    def as_object(self) -> KubernetesObject:
        """What a violation points at; a document that is no Kubernetes object is called by its number."""
        source = Source(file=self.path, line=self.line)
        if self.api_version is not None:
            return KubernetesObject(
                text=self.text, api_version=self.api_version, source=source, document=self.document
            )
        value = self.value
        named = {"kind": "Document", "metadata": {"name": str(self.document + 1)}}
        return KubernetesObject(
            object=value if objects.is_object(value) else named, source=source, document=self.document
        )


def readers() -> dict[str, Reader]:
    """What is read only where Conftest's policies ask for it, by name; HCL the engine reads."""
    names = ("dockerfile", "dotenv", "ignore", "ini", "jsonc", "properties", "toml")
    return {name: partial(_read_by, name) for name in names}


def _read_by(name: str, text: bytes, path: str) -> Any:
    """What the reader `name` reads; imported with the first file of its kind."""
    module = importlib.import_module(f"gate.documents.{name}")
    return module.parsed(text, path)


def parser(path: str) -> str | None:
    """The reader that Conftest's rules about names choose for `path`, or None where gate tells by the content.

    It may be one that gate has not; `read` says so.
    """
    name = path.rpartition("/")[2].lower()
    ending = name.rpartition(".")[2] if "." in name else ""
    if name == "dockerfile" or name.startswith("dockerfile.") or ending == "dockerfile":
        return "dockerfile"
    if name == ".env" or name.startswith(".env."):
        return "dotenv"
    if name == "jenkinsfile" or name.startswith("jenkinsfile."):
        return "groovy"
    if name in ("nginx.conf", "codeowners"):
        return name.removesuffix(".conf")
    return _ENDINGS.get(ending) or _NOT_READ.get(ending)


def is_read(name: str) -> bool:
    """Whether a file of this name in a folder is configuration."""
    return parser(name) is not None


def documents(value: Any, path: str, line: int = 1) -> tuple[Configured, ...]:
    """The documents of a file with one value."""
    values = value if isinstance(value, list) else [value]
    return tuple(
        Configured(text=msgspec.Raw(_ENCODER.encode(one)), path=path, line=line, document=index)
        for index, one in enumerate(values)
    )


def yaml_documents(found: Sequence[Document], path: str) -> tuple[Configured, ...]:
    """The documents of a YAML stream, from what the engine's reader answered.

    A stream without any is one null, as in Conftest: rules may ask for what is missing.
    """
    if not found:
        return documents(None, path)
    if len(found) == 1 and bytes(found[0].value).startswith(b"["):
        return documents(msgspec.json.decode(found[0].value), path, found[0].line)
    return tuple(
        Configured(text=one.value, path=path, line=one.line, document=one.index, api_version=one.api_version)
        for one in found
    )


def values(text: bytes, path: str, syntax: Literal["json", "xml"]) -> tuple[Configured, ...]:
    """The documents of a JSON or XML file."""
    if syntax == "json":
        return documents(json_documents.parsed(text, path), path)
    from gate.documents import xml_values  # noqa: PLC0415 - as above

    return documents(xml_values.parsed(text, path), path)


def read(text: bytes, path: str, name: str, given: Mapping[str, Reader]) -> tuple[Configured, ...]:
    """The documents of a file that the reader `name` of `given` reads; raises `ReportError` with its place."""
    try:
        return documents(reader(name, path, given)(text, path), path)
    except RecursionError:
        raise ReportError("nested too deep", code="report_too_deep", path=path, line=1, column=1) from None


def reader(name: str, path: str, given: Mapping[str, Reader]) -> Reader:
    """The reader `name` of `given`; raises `ReportError` for a language that gate does not read."""
    if name not in given:
        raise ReportError(
            f"Conftest reads this as {name}, gate does not",
            code="format_not_read",
            path=path,
            line=1,
            column=1,
            expected=f"JSON, YAML, XML, {', '.join(sorted(given))}",
            fix="name the files and folders that are to be judged without it, or turn it into JSON first",
        )
    return given[name]
