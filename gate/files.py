"""Files named on the command line or in gate.yaml, read whole; an edge: it opens files, nothing else.

A folder gives its files that could be reports or manifests, by ending; whatever is taken from it
must then be understood (ingest refuses the rest). Hidden files, other endings and what is no regular
file are left out, and `left_out` tells so. A folder that is declared to be of a format gives its hidden
files too: `kubectl apply -f` takes them. A link that leads out of the folder is refused: followed it would read what nobody named, left
out it would hide a report.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gate import limits
from gate import stored as stored_files
from gate.errors import GateError, ReportError, SettingsError, quoted
from gate.stored import Stored

ENDINGS: Final = (".json", ".sarif", ".xml", ".yaml", ".yml", ".spdx", ".cdx", ".jsonl", ".ndjson", ".gz")
"""What is looked at in a folder; a file named by itself is read whatever it is called."""
KUSTOMIZATION: Final = "Kustomization"
"""One of the names that `kustomize` knows and that has no ending; it is looked at, so that it can be refused."""
NOT_INPUTS: Final = frozenset({"node_modules", "__pycache__"})
OURS: Final = frozenset({"gate.yaml", "gate.yml"})
NEVER: Final = ".git"
NAMED: Final = 5
"""How many left-out files a notice names."""
STDIN: Final = "-"
MANIFESTS: Final = "kubernetes"
"""The format whose files are always held: their places are looked up."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """How a report came to be that gate had a tool make."""

    how: str
    """The command, as one reads it."""
    says_findings: bool
    """Whether the tool said by its exit code that it found something."""
    root: str
    """The absolute folder that was scanned: paths below it are told relative to it."""
    folder: str
    """The folder below it that the tool worked in, `.` for itself."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file, read."""

    path: str
    """As named, with `/`."""
    data: bytes
    """Empty where it is `stored`."""
    stored: Stored | None = None
    """Where it is too large to be held, and may be read piece by piece."""
    declared: str | None = None
    made: Made | None = None
    """None where somebody else made it."""
    is_named: bool = False
    """Whether it was named by itself, not found below a folder or by a glob."""


def no_others(_: str) -> bool:
    """No file but those of `ENDINGS` is looked at in a folder."""
    return False


def read(
    paths: Sequence[str],
    declared: Iterable[tuple[str, str]],
    root: Path,
    made: Sequence[File] = (),
    without: Collection[str] = (),
    also: Callable[[str], bool] = no_others,
    *,
    whole: bool = True,
) -> Iterator[File]:
    """Every file below `paths`, and each `(format, path)` of `declared`; relative to `root`.

    Files are opened one by one as they are asked for. A declared folder or glob declares each of its
    files, but for those declared by themselves. `made` are files that no disk holds, they come first; the
    folders and files `without`, as they would be labelled, are left: something else reads them. `also` tells
    by its name whether a file of another ending is taken from a folder, hidden or not. Without `whole`
    large files are not held. Raises `ReportError` where a path is absent, a folder holds nothing to read,
    or nothing was named at all: no inputs is not a pass.
    """
    formats = {_plain(path): format_ for format_, path in declared}
    # What only looked like inputs because a chart keeps it, and nothing else there: no reason to complain.
    wanted: dict[str, str | None] = {
        file: None
        for path in paths
        for file in _below(path, root, without=without, may_be_empty=bool(made), also=also)
    }
    for path, format_ in formats.items():
        for file in _below(path, root, hidden_too=True):
            wanted[file] = formats.get(file, format_)
    if not wanted and not made:
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
    yield from made
    named = {*map(_plain, paths), *formats}
    for file, declared_as in wanted.items():
        # Nothing but a report is read piece by piece.
        may_be_stored = not (whole or declared_as == MANIFESTS or file.lower().endswith((".yaml", ".yml")))
        given = _given(file, root, may_be_stored=may_be_stored)
        if isinstance(given, bytes):
            yield File(path=_printable(file), data=given, declared=declared_as, is_named=file in named)
        else:
            yield File(path=_printable(file), data=b"", stored=given, declared=declared_as)


def left_out(
    paths: Sequence[str],
    root: Path,
    also: Callable[[str], bool] = no_others,
    without: Collection[str] = (),
) -> tuple[str, ...]:
    """Notices about files below the folders `paths` that `read` does not look at; none for other paths.

    Nothing is told of the files `without`, which something else reads.
    """
    notices: list[str] = []
    for path in paths:
        place = root / path
        if path == STDIN or not place.is_dir():
            continue
        hidden: list[str] = []
        other: list[str] = []
        for folder, folders, names in os.walk(place):
            folders[:] = sorted(name for name in folders if name != NEVER)
            below = Path(folder).relative_to(place)
            is_hidden = not all(map(_is_looked_at, below.parts))
            for name in sorted(names):
                if (also(name) and not is_hidden) or (Path(path) / below / name).as_posix() in without:
                    continue
                if not _has_ending(name):
                    other += [] if is_hidden or name.startswith(".") else [(below / name).as_posix()]
                elif is_hidden or not (
                    _is_input(Path(folder) / name) if name in OURS else _is_looked_at(name)
                ):
                    hidden += [] if name in OURS else [(below / name).as_posix()]
        notices += _notice(path, hidden, "hidden or of a package manager")
        notices += _notice(path, other, "of another ending")
    return tuple(notices)


def _notice(path: str, found: Sequence[str], what: str) -> list[str]:
    if not found:
        return []
    named = ", ".join(quoted(name) for name in found[:NAMED]) + (", …" if len(found) > NAMED else "")
    return [f"{_printable(path)}: not looked at, because {what}: {len(found)} ({named})"]


def _printable(path: str) -> str:
    """`path` as text that every output can hold; bytes that are no UTF-8 are spelt out."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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


def _below(
    path: str,
    root: Path,
    *,
    hidden_too: bool = False,
    without: Collection[str] = (),
    may_be_empty: bool = False,
    also: Callable[[str], bool] = no_others,
) -> Iterator[str]:
    if path == STDIN:
        yield STDIN
        return
    label, place = _plain(path), root / path
    # A pipe too where it is named: `<(helm template chart)` of a shell is one.
    if place.is_file() or place.is_fifo():
        yield label
        return
    if not place.is_dir():
        matches = _matches(path, root)
        if not matches:
            raise ReportError(
                "no such file or folder", code="no_inputs", path=_printable(label), fix="check the path"
            )
        yield from matches
        return
    found = False
    for its_label in _in_folder(
        os.fspath(place), label, place, hidden_too=hidden_too, without=without, also=also
    ):
        found = True
        yield its_label
    if not found and not may_be_empty:
        raise ReportError(
            "the folder holds nothing to check",
            code="no_inputs",
            path=_printable(label),
            expected=f"files ending in {' '.join(ENDINGS)}",
            fix="check that the scanners wrote their reports there",
        )


def _in_folder(
    folder: str,
    label: str,
    top: Path,
    *,
    hidden_too: bool,
    without: Collection[str],
    also: Callable[[str], bool],
) -> Iterator[str]:
    """Labels of the files below `folder` that are looked at: those in it first, then folder by folder, by name.

    Works on texts and directory entries: a `Path` for each of many thousands takes longer than reading it.
    """
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    prefix = "" if label == "." else label + "/"
    below: list[os.DirEntry[str]] = []
    for entry in entries:
        if entry.is_dir():
            is_taken_out = prefix + entry.name in without
            if entry.name != NEVER and not is_taken_out and (hidden_too or _is_looked_at(entry.name)):
                if entry.is_symlink():
                    _refuse_folder_link(Path(entry.path), prefix + entry.name)
                below.append(entry)
            continue
        if prefix + entry.name in without:
            continue
        is_usual = _has_ending(entry.name) and (hidden_too or _is_input(entry))
        if not is_usual and not also(entry.name):
            continue
        its_label = prefix + entry.name
        if entry.is_symlink():
            _refuse_link_out(Path(entry.path), top, its_label)
        if entry.is_file():
            yield its_label
    for entry in below:
        yield from _in_folder(
            entry.path, prefix + entry.name, top, hidden_too=hidden_too, without=without, also=also
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


def _has_ending(name: str) -> bool:
    return name.lower().endswith(ENDINGS) or name == KUSTOMIZATION


def _is_looked_at(name: str) -> bool:
    return not name.startswith(".") and name not in NOT_INPUTS


def _is_input(file: os.DirEntry[str] | Path) -> bool:
    """Whether a file in a folder is looked at; gate's own configuration only if it is a manifest in disguise."""
    if file.name not in OURS:
        return _is_looked_at(file.name)
    try:
        content = Path(file).read_bytes()
    except OSError:
        return True  # whatever it is, reading it will say so
    return not _is_configuration(content, file.name)


def _is_configuration(content: bytes, label: str) -> bool:
    """Whether gate's own reader takes `content` for one mapping that names no kind; nothing else is passed over.

    The cluster's readers know more ways to write `kind` than a search finds: in quotes, with an escape,
    indented, in brackets, after a tag, in the second document.
    """
    from gate.documents import yaml  # noqa: PLC0415 - few folders have one

    if len(content) > limits.CONFIG_BYTES:
        return False
    try:
        value = yaml.parsed(content, label).value
    except GateError:
        return False
    return isinstance(value, dict) and not {"apiVersion", "kind", "items"} & value.keys()


def _refuse_folder_link(path: Path, label: str) -> None:
    if path.is_symlink():
        raise ReportError(
            "a link to a folder is not followed",
            code="link_out",
            path=_printable(label),
            fix="name the folder it leads to by itself, or remove the link",
        )


def _refuse_link_out(path: Path, folder: Path, label: str) -> None:
    if path.is_symlink() and not (path.exists() and path.resolve().is_relative_to(folder.resolve())):
        raise ReportError(
            "a link that leads out of the folder, or nowhere",
            code="link_out",
            path=_printable(label),
            fix="name what it leads to by itself, or remove the link",
        )


def _given(path: str, root: Path, *, may_be_stored: bool) -> bytes | Stored:
    if may_be_stored and path != STDIN:
        stored = stored_files.found(os.path.join(root, path), _printable(path))  # noqa: PTH118 - as in _in_folder
        if stored is not None:
            return stored
    try:
        data = _content(path, root, may_be_stored=may_be_stored)
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}", path=_printable(path)) from None
    if isinstance(data, bytes) and len(data) > limits.REPORT_BYTES:
        raise ReportError(
            "the file is too large",
            code="report_too_large",
            path=_printable(path),
            expected=f"at most {limits.REPORT_BYTES} bytes",
        )
    return data


def _content(path: str, root: Path, *, may_be_stored: bool) -> bytes | Stored:
    """At most one byte more than allowed, so that a file that grows while it is read is seen."""
    if path == STDIN:
        if not may_be_stored:
            return sys.stdin.buffer.read(limits.REPORT_BYTES + 1)
        head = sys.stdin.buffer.read(limits.STORED_BYTES)
        if len(head) == limits.STORED_BYTES and stored_files.may_be_json(head):
            return stored_files.spooled(head, sys.stdin.buffer, STDIN)
        return head + sys.stdin.buffer.read(limits.REPORT_BYTES + 1 - len(head))
    # One read of the whole limit would reserve its memory anew for each of thousands of small files.
    pieces: list[bytes] = []
    size = 0
    wanted = 16 * limits.KIB
    # A file object for each of them takes as long as reading it.
    file = os.open(os.path.join(root, path), os.O_RDONLY | getattr(os, "O_BINARY", 0))  # noqa: PTH118
    try:
        while size <= limits.REPORT_BYTES and (piece := os.read(file, wanted)):
            pieces.append(piece)
            size += len(piece)
            wanted = limits.MIB if len(piece) == wanted else wanted
    finally:
        os.close(file)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
