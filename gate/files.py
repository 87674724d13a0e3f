"""Files named on the command line or in gate.yaml, read whole; an edge: it opens files, nothing else.

A folder gives its files that could be reports or manifests, by ending; whatever is taken from it
must then be understood (ingest refuses the rest). Hidden files and what is no regular file are left
out. A link that leads out of the folder is refused: followed it would read what nobody named, left
out it would hide a report.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gate import limits
from gate.errors import GateError, ReportError, SettingsError, quoted

ENDINGS: Final = (".json", ".sarif", ".xml", ".yaml", ".yml", ".spdx", ".cdx", ".jsonl", ".ndjson", ".gz")
"""What is looked at in a folder; a file named by itself is read whatever it is called."""
NOT_INPUTS: Final = frozenset({"gate.yaml", "gate.yml", "node_modules", "__pycache__"})
STDIN: Final = "-"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file, read."""

    path: str
    """As named, with `/`."""
    data: bytes
    declared: str | None = None


def read(paths: Sequence[str], declared: Iterable[tuple[str, str]], root: Path) -> tuple[File, ...]:
    """Every file below `paths`, and each `(format, path)` of `declared`; relative to `root`.

    A declared folder or glob declares each of its files, but for those declared by themselves. Raises `ReportError` where a path is absent, a folder holds nothing to read, or nothing was
    named at all: no inputs is not a pass.
    """
    formats = {_plain(path): format_ for format_, path in declared}
    wanted: dict[str, str | None] = {file: None for path in paths for file in _below(path, root)}
    for path, format_ in formats.items():
        for file in _below(path, root):
            wanted[file] = formats.get(file, format_)
    if not wanted:
        raise ReportError(
            "nothing to check",
            code="no_inputs",
            expected="reports, SBOMs or manifests",
            fix="name files or folders, or list them under inputs in gate.yaml",
        )
    if len(wanted) > limits.REPORTS:
        raise ReportError(
            "too many files", code="too_large", found=str(len(wanted)), expected=f"at most {limits.REPORTS}"
        )
    return tuple(
        File(path=path, data=_bytes(path, root), declared=format_) for path, format_ in wanted.items()
    )


def content(path: Path, label: str, error: type[GateError]) -> bytes:
    """The bytes of a file that gate.yaml or the command line names; raises `error` where there are none."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise error(
            f"cannot be read: {problem.strerror}", path=label, fix="check the path, and whose file it is"
        ) from None


def declarations(pairs: Iterable[str]) -> list[tuple[str, str]]:
    """`FORMAT=PATH` texts of `--as`; raises `SettingsError` for anything else."""
    result = []
    for pair in pairs:
        format_, equals, path = pair.partition("=")
        if not (format_ and equals and path):
            raise SettingsError(
                f"--as {quoted(pair)} is not understood", code="usage", expected="--as FORMAT=PATH"
            )
        result.append((format_, path))
    return result


def _plain(path: str) -> str:
    return path if path == STDIN else Path(path).as_posix()


def _below(path: str, root: Path) -> Iterator[str]:
    if path == STDIN:
        yield STDIN
        return
    label, place = _plain(path), root / path
    if place.is_file():
        yield label
        return
    if not place.is_dir():
        matches = _matches(path, root)
        if not matches:
            raise ReportError("no such file or folder", code="no_inputs", path=label, fix="check the path")
        yield from matches
        return
    found = False
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(filter(_is_looked_at, folders))
        for name in folders:
            linked = Path(folder) / name
            _refuse_link_out(linked, place, (Path(label) / linked.relative_to(place)).as_posix())
        for name in sorted(filter(_is_looked_at, names)):
            file = Path(folder) / name
            if not name.lower().endswith(ENDINGS):
                continue
            its_label = (Path(label) / file.relative_to(place)).as_posix()
            _refuse_link_out(file, place, its_label)
            if file.is_file():
                found = True
                yield its_label
    if not found:
        raise ReportError(
            "the folder holds nothing to check",
            code="no_inputs",
            path=label,
            expected=f"files ending in {' '.join(ENDINGS)}",
            fix="check that the scanners wrote their reports there",
        )


def _matches(pattern: str, root: Path) -> list[str]:
    """The files that a glob names, sorted; those in hidden folders only where the pattern spells them."""
    if not any(character in pattern for character in "*?["):
        return []
    spelled = Path(pattern)
    base = Path(spelled.anchor) if spelled.is_absolute() else root
    matches: list[str] = []
    for match in sorted(base.glob(pattern.removeprefix(spelled.anchor))):
        parts = match.relative_to(base).parts
        if match.is_dir() or not all(_is_looked_at(part) or part in spelled.parts for part in parts):
            continue
        label = (match if spelled.is_absolute() else match.relative_to(base)).as_posix()
        _refuse_link_out(match, base, label)
        matches.append(label)
    return matches


def _is_looked_at(name: str) -> bool:
    return not name.startswith(".") and name not in NOT_INPUTS


def _refuse_link_out(path: Path, folder: Path, label: str) -> None:
    if path.is_symlink() and not (path.exists() and path.resolve().is_relative_to(folder.resolve())):
        raise ReportError(
            "a link that leads out of the folder, or nowhere",
            code="link_out",
            path=label,
            fix="name what it leads to by itself, or remove the link",
        )


def _bytes(path: str, root: Path) -> bytes:
    try:
        data = _content(path, root)
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}", path=path) from None
    if len(data) > limits.REPORT_BYTES:
        raise ReportError(
            "the file is too large",
            code="report_too_large",
            path=path,
            expected=f"at most {limits.REPORT_BYTES} bytes",
        )
    return data


def _content(path: str, root: Path) -> bytes:
    """At most one byte more than allowed, so that a file that grows while it is read is seen."""
    if path == STDIN:
        return sys.stdin.buffer.read(limits.REPORT_BYTES + 1)
    with (root / path).open("rb") as file:
        return file.read(limits.REPORT_BYTES + 1)
