"""Helm charts: looked over, then rendered by `helm template`, one file a template.

Not done here: fetching dependencies. A chart is rendered as it lies there, as a pipeline would package it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from gate import limits
from gate.documents import json as json_documents
from gate.errors import ReportError, quoted
from gate.files import File
from gate.kubernetes_object import RENDERED
from gate.rendering import tool

FILE: Final = "Chart.yaml"
FOLDERS: Final = ("templates", "charts", "crds")
"""Where Helm looks for what it renders."""
ENDINGS: Final = (".tgz", ".tar.gz")
FILES: Final = 10_000
BYTES: Final = 256 * limits.MIB
"""Of all files of a chart, expanded; Helm itself takes far less."""
MEMBER_BYTES: Final = 16 * limits.MIB
RATIO: Final = 100
_SOURCE: Final = re.compile(rb"^---\r?\n# Source: ([^\r\n]+)\r?\n", re.MULTILINE)
_SCHEMA: Final = "values.schema.json"
_FORMATTED: Final = "kubernetes"


def is_chart(place: Path) -> bool:
    """Whether `place` is a chart's folder, or an archive of one."""
    if place.is_dir():
        return (place / FILE).is_file()
    return place.name.endswith(ENDINGS) and place.is_file() and _holds_chart(place)


def _holds_chart(archive: Path) -> bool:
    """Whether an archive has a chart's file among what Helm would read of it; no more is expanded to tell."""
    import tarfile  # noqa: PLC0415 - few checks open an archive

    size = 0
    try:
        with tarfile.open(archive, "r:gz") as members:
            for member, _ in zip(members, range(FILES), strict=False):
                name = PurePosixPath(member.name)
                if name.name == FILE and len(name.parts) == 2:
                    return True
                size += member.size
                if size > BYTES:
                    return False
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return False
    return False


def rendered(
    place: Path,
    path: str,
    *,
    values: Sequence[Path],
    sets: Sequence[str],
    release: str,
    namespace: str,
    kubernetes_version: str | None,
) -> list[File]:
    """The manifests of the chart at `place`, which messages call `path`; its CRDs and tests among them.

    Raises `ReportError` where the chart is refused or does not render.
    """
    for name, size, content in _archived(place, path) if place.is_file() else _in_folder(place, path):
        if size > MEMBER_BYTES:
            raise _refused(path, name, f"has {size} bytes", f"at most {MEMBER_BYTES}")
        if PurePosixPath(name).name == _SCHEMA:
            _refuse_remote(content, f"{path}/{name}")
    for file in values:
        if not file.is_file():
            raise ReportError("no such values file", code="no_inputs", path=str(file), fix="check --values")
    helm = tool.executable(["helm"])
    if helm is None:
        raise tool.missing(
            path,
            "helm",
            "install Helm 3 or 4, or check what `helm template` prints: helm template … | gate check -",
        )
    # Not --skip-tests: it drops whatever is a test among other hooks (`pre-install,test`), which an install runs.
    command = [
        helm,
        "template",
        release,
        str(place.resolve()),
        "--include-crds",
        "--namespace",
        namespace,
    ]
    command += [f"--values={file.resolve()}" for file in values]
    command += [f"--set={one}" for one in sets]
    command += [f"--kube-version={kubernetes_version}"] if kubernetes_version else []
    return _files(tool.output(command, path), path)


def _files(output: bytes, path: str) -> list[File]:
    """What Helm printed, cut at the comments that name a template; nothing of it is left out.

    A template may print such a comment itself: it then misleads about its name and about nothing else.
    """
    parts: dict[str, list[bytes]] = {}
    starts = list(_SOURCE.finditer(output))
    before = output[: starts[0].start() if starts else len(output)]
    if before.strip():
        parts[path] = [before]
    ends = [*(one.start() for one in starts[1:]), len(output)]
    for start, end in zip(starts, ends, strict=False):
        parts.setdefault(_label(start[1], path), []).append(output[start.start() : end])
    if not parts:
        raise ReportError(
            "the chart renders to nothing",
            code="no_inputs",
            path=path,
            expected="at least one object",
            fix="enable something in its values, or leave the chart out",
        )
    return [
        File(path=label + RENDERED, data=b"".join(texts), declared=_FORMATTED)
        for label, texts in parts.items()
    ]


def _label(source: bytes, path: str) -> str:
    """`chart/templates/a.yaml` as the comment has it -> the template below `path`."""
    _, _, inside = source.decode("utf-8", "replace").partition("/")
    plain = PurePosixPath(inside or "templates")
    if plain.is_absolute() or ".." in plain.parts:
        return path
    return f"{path.rstrip('/')}/{plain}"


def _in_folder(place: Path, path: str) -> Iterator[tuple[str, int, bytes]]:
    """Name, size and (of a schema) content of every file; raises at a link that leads out."""
    top = place.resolve()
    total = 0
    for number, file in enumerate(sorted(place.rglob("*"))):
        name = file.relative_to(place).as_posix()
        if file.is_symlink() and not (file.exists() and file.resolve().is_relative_to(top)):
            raise _refused(
                path, name, "is a link that leads out of the chart, or nowhere", "files of the chart"
            )
        if number > FILES:
            raise _refused(path, name, f"is one of more than {FILES} files", f"at most {FILES}")
        if not file.is_file():
            continue
        size = file.stat().st_size
        total += size
        if total > BYTES:
            raise _refused(path, name, "makes the chart too large", f"at most {BYTES} bytes")
        yield name, size, file.read_bytes() if file.name == _SCHEMA and size <= MEMBER_BYTES else b""


def _archived(place: Path, path: str) -> Iterator[tuple[str, int, bytes]]:
    """The same of an archive, which is never extracted; bounded in size, ratio and members."""
    import tarfile  # noqa: PLC0415 - few checks open an archive

    most = min(BYTES, max(place.stat().st_size, 1) * RATIO)
    total = 0
    names: set[str] = set()
    try:
        with tarfile.open(place, "r:gz") as members:
            for number, member in enumerate(members):
                name = member.name
                plain = PurePosixPath(name)
                if number > FILES:
                    raise _refused(path, name, f"is one of more than {FILES} members", f"at most {FILES}")
                if plain.is_absolute() or ".." in plain.parts or "\\" in name or ":" in plain.parts[0]:
                    raise _refused(path, name, "leads out of the archive", "names below the chart's folder")
                if not (member.isfile() or member.isdir()):
                    raise _refused(path, name, "is a link or a device", "regular files")
                if name.casefold() in names:
                    raise _refused(path, name, "is there twice", "each name once")
                names.add(name.casefold())
                total += member.size
                if total > most:
                    raise _refused(
                        path, name, "makes the archive too large", f"at most {most} bytes ({RATIO} to 1)"
                    )
                is_schema = member.isfile() and plain.name == _SCHEMA and member.size <= MEMBER_BYTES
                content = members.extractfile(member) if is_schema else None
                yield name, member.size, content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ReportError(
            f"the archive cannot be read: {error}",
            code="report_truncated",
            path=path,
            fix="package the chart again",
        ) from None


def _refuse_remote(schema: bytes, path: str) -> None:
    """Raise for a schema of the values that names another file: Helm would fetch it."""
    pending = [json_documents.parsed(schema, path)]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            named = value.get("$ref")
            if isinstance(named, str) and not named.startswith("#"):
                raise ReportError(
                    f"the schema of the values refers to {quoted(named)}",
                    code="remote_reference",
                    path=path,
                    expected="references within the file (#/…)",
                    fix="put what it refers to into the schema",
                )
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _refused(path: str, name: str, found: str, expected: str) -> ReportError:
    return ReportError(
        f"the chart is refused: {quoted(name)} {found}", code="chart_refused", path=path, expected=expected
    )
