"""Kustomizations: looked over for what they would fetch, then built by `kustomize` or `kubectl kustomize`.

Plugins stay off and files outside of a kustomization's own folder unread, as the tool does by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gate import limits
from gate.documents import yaml as yaml_documents
from gate.errors import ReportError, quoted
from gate.files import File
from gate.kubernetes.kustomizations import NAMES
from gate.kubernetes_object import RENDERED
from gate.rendering import tool

_MANIFESTS: Final = (".yaml", ".yml", ".json")
_OBJECT: Final = [
    re.compile(rb"^[\"']?%b\b|^\s*\{(?s:.*)%b" % (word, word), re.MULTILINE)
    for word in (b"apiVersion", b"kind")
]
_NOT_ENTERED: Final = (".git", "node_modules")
FOLDERS: Final = 1_000
"""Kustomizations that one may be made of."""
_LISTS: Final = (
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
)
_REMOTE: Final = r"(?i)^[a-z][a-z0-9+.-]*::|://|^[\w.-]+@|^[\w.-]+\.[a-z]{2,}[:/]|^gh:|[?&](ref|version|timeout|submodules)="
_OF_FILES: Final = (
    "patches",
    "patchesJson6902",
    "patchesStrategicMerge",
    "replacements",
    "configMapGenerator",
    "secretGenerator",
)
"""Lists whose members are files, or name some in `path`, `files`, `env` and `envs`."""


def file_in(place: Path) -> Path | None:
    """The kustomization in the folder `place`, if there is one."""
    return (
        next((place / name for name in NAMES if (place / name).is_file()), None) if place.is_dir() else None
    )


def rendered(place: Path, path: str) -> File:
    """What the kustomization at `place` builds; messages call it `path`.

    Raises `ReportError` where it would fetch something, or does not build.
    """
    _refuse_remote(place, path)
    kustomize, kubectl = tool.executable(["kustomize"]), tool.executable(["kubectl"])
    if kustomize is None and kubectl is None:
        raise tool.missing(
            path,
            "kustomize or kubectl",
            "install one, or check what it prints: kustomize build … | gate check -",
        )
    command = [kustomize, "build"] if kustomize else [str(kubectl), "kustomize"]
    output = tool.output([*command, str(place.resolve())], path)
    if not output.strip():
        raise ReportError(
            "the kustomization builds nothing", code="no_inputs", path=path, expected="at least one object"
        )
    return File(path=path.rstrip("/") + RENDERED, data=output, declared="kubernetes")


def others(place: Path, path: str) -> list[Path]:
    """Files below `place` that look like manifests and are no part of what it builds."""
    used = _refuse_remote(place, path)
    return [file for file in like_manifests(place) if file.resolve() not in used]


def like_manifests(place: Path) -> Iterator[Path]:
    """Files below `place` that `kubectl apply -f` would look at, and that begin like an object."""
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if name not in _NOT_ENTERED)
        for name in sorted(names):
            file = Path(folder) / name
            if file.suffix.lower() in _MANIFESTS and name not in NAMES and file.is_file():
                with file.open("rb") as opened:
                    content = opened.read(limits.MIB)
                if all(one.search(content) for one in _OBJECT):
                    yield file


def _refuse_remote(place: Path, path: str) -> set[Path]:
    """The files that the kustomization, and those that it is made of, name; raises for what would be fetched."""
    pending, seen, used = [place.resolve()], set[Path](), set[Path]()
    while pending:
        folder = pending.pop()
        file = file_in(folder)
        if folder in seen or file is None:
            continue
        seen.add(folder)
        if len(seen) > FOLDERS:
            raise ReportError(
                "too many kustomizations", code="too_large", path=path, expected=f"at most {FOLDERS}"
            )
        for named in _named(file, path):
            if re.search(_REMOTE, named) and not (folder / named).exists():
                raise ReportError(
                    f"the kustomization refers to {quoted(named)}",
                    code="remote_reference",
                    path=f"{path.rstrip('/')}/{file.name}" if folder == place.resolve() else str(file.name),
                    expected="files and folders of this repository",
                    fix="vendor it: what is fetched while it is judged may be another thing when it is applied",
                )
            used |= {(folder / one).resolve() for one in (named, named.rpartition("=")[2])}
            below = folder / named
            if below.is_dir():
                pending.append(below.resolve())
    return used


def _named(file: Path, path: str) -> Iterator[str]:
    """What a kustomization names to be read besides itself."""
    parsed = yaml_documents.parsed(
        file.read_bytes()[: limits.YAML_BYTES + 1], f"{path.rstrip('/')}/{file.name}"
    )
    value: Any = parsed.value
    if not isinstance(value, dict):
        return
    for key in _LISTS:
        listed = value.get(key)
        yield from (
            (one for one in listed if isinstance(one, str) and "\n" not in one)
            if isinstance(listed, list)
            else ()
        )
    schema = value.get("openapi")
    if isinstance(schema, dict) and isinstance(schema.get("path"), str):
        yield schema["path"]
    yield from _files_named(value)


def _files_named(value: Mapping[str, Any]) -> Iterator[str]:
    """Files that patches and generators read: kustomize fetches each of them where it is a URL."""
    for key in _OF_FILES:
        listed = value.get(key)
        for one in listed if isinstance(listed, list) else ():
            named = [one]
            if isinstance(one, dict):
                many = [one.get("files"), one.get("envs")]
                named = [one.get("path"), one.get("env")]
                named += [file for files in many if isinstance(files, list) for file in files]
            yield from (file for file in named if isinstance(file, str) and "\n" not in file)
