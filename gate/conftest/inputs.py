"""Files as Conftest reads them: which parser a name means, and the documents that are judged apart.

A list at the top of a file is several documents, as in Conftest; so are the documents of a YAML stream.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from gate.documents import dockerfile, dotenv, ini, toml, xml_values
from gate.documents import json as json_documents
from gate.documents.manifests import Document
from gate.errors import ReportError
from gate.kubernetes import objects
from gate.model import KubernetesObject, Source

Reader = Callable[[bytes, str], Any]
"""UTF-8 text and label -> value; raises `ReportError` with a place."""

READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "dockerfile": dockerfile.parsed,
        "dotenv": dotenv.parsed,
        "ini": ini.parsed,
        "toml": toml.parsed,
    }
)
"""What is read only where Conftest's policies ask for it."""
_ENDINGS: Final = {
    "hcl": "hcl2",
    "tf": "hcl2",
    "tfvars": "hcl2",
    "env": "dotenv",
    "ini": "ini",
    "toml": "toml",
}


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """One document of configuration."""

    value: Any
    path: str
    line: int = 1
    document: int = 0
    """Which one of the file it is, 0-based."""

    @property
    def as_object(self) -> KubernetesObject:
        """What a violation points at; a document that is no Kubernetes object is called by its number."""
        named = {"kind": "Document", "metadata": {"name": str(self.document + 1)}}
        return KubernetesObject(
            object=self.value if objects.is_object(self.value) else named,
            source=Source(file=self.path, line=self.line),
            document=self.document,
        )


def parser(path: str) -> str | None:
    """The reader of `READERS` that Conftest's rules about names choose for `path`, or None."""
    name = posixpath.basename(path).lower()
    ending = name.rpartition(".")[2] if "." in name else ""
    if name == "dockerfile" or name.startswith("dockerfile.") or ending == "dockerfile":
        return "dockerfile"
    if name == ".env" or name.startswith(".env."):
        return "dotenv"
    return _ENDINGS.get(ending)


def is_read(name: str) -> bool:
    """Whether a file of this name in a folder is configuration, HCL too, so that it is refused and not missed."""
    return parser(name) is not None


def documents(value: Any, path: str) -> tuple[Configured, ...]:
    """The documents of a file with one value."""
    values = value if isinstance(value, list) else [value]
    return tuple(Configured(value=one, path=path, document=index) for index, one in enumerate(values))


def yaml_documents(found: Sequence[Document], path: str) -> tuple[Configured, ...]:
    """The documents of a YAML stream, from what the engine's reader answered.

    A stream without any is one null, as in Conftest: rules may ask for what is missing.
    """
    if not found:
        return documents(None, path)
    values = [msgspec.json.decode(one.value) for one in found]
    if len(found) == 1 and isinstance(values[0], list):
        line = found[0].line
        return tuple(
            Configured(value=one, path=path, line=line, document=index) for index, one in enumerate(values[0])
        )
    return tuple(
        Configured(value=value, path=path, line=one.line, document=one.index)
        for value, one in zip(values, found, strict=True)
    )


def values(text: bytes, path: str, syntax: Literal["json", "xml"]) -> tuple[Configured, ...]:
    """The documents of a JSON or XML file."""
    read = xml_values.parsed if syntax == "xml" else json_documents.parsed
    return documents(read(text, path), path)


def read(text: bytes, path: str, name: str) -> tuple[Configured, ...]:
    """The documents of a file that reader `name` reads; raises `ReportError` with its place."""
    if name not in READERS:
        # python-hcl2 nests blocks in another way than Conftest: rules would look past them and pass.
        raise ReportError(
            "HCL is not read by this version",
            code="format_not_read",
            path=path,
            line=1,
            column=1,
            expected=f"YAML, JSON or one of {', '.join(sorted(READERS))}",
            fix="hand over `terraform show -json` of the plan instead",
        )
    try:
        return documents(READERS[name](text, path), path)
    except RecursionError:
        raise ReportError("nested too deep", code="report_too_deep", path=path, line=1, column=1) from None
