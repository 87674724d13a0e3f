"""What was named becomes files: some lie on the disk, some a tool renders first.

Which path is which is told by what is there; whatever is named must be read by something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gate import files, rendering
from gate.errors import SettingsError
from gate.gate_yaml import Input


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What is read: paths, declared (format, path) pairs, charts to render; all relative to `base`."""

    paths: tuple[str, ...]
    declared: tuple[tuple[str, str], ...]
    rendered: tuple[rendering.Wanted, ...]
    base: Path


Given = tuple[str | None, str, rendering.Options]
"""Format where it is named, path, and how it is rendered if it is."""


def configured(given: Sequence[Input], options: rendering.Options, label: str) -> list[Given]:
    """The inputs of gate.yaml, called `label`; what the command line says of `options` is laid over."""
    result: list[Given] = []
    for one in given:
        if one.run is not None or one.path is None:
            raise SettingsError(
                "inputs that run a scanner are not read by this version",
                code="not_available",
                path=label,
                fix="run the scanner before, and name its report under path",
            )
        its_own = rendering.Options(
            values=(*one.values, *options.values),
            sets=options.sets,
            release=one.release,
            namespace=one.namespace,
            kubernetes_version=options.kubernetes_version or one.kubernetes_version,
        )
        result.append((one.as_, one.path, its_own))
    return result


def sorted_out(
    given: Sequence[Given],
    declared: Sequence[tuple[str, str]],
    options: rendering.Options,
    base: Path,
) -> Handed:
    """`given` (format, path, options) by what becomes of each."""
    pairs = [(name, path, options) for name, path in declared] + [(n, p, o) for n, p, o in given if n]
    wanted = [
        rendering.Wanted(path=path, format=name, options=its)
        for name, path, its in pairs
        if name in rendering.FORMATS
    ]
    paths: list[str] = []
    for name, path, its in given:
        if name is None:
            others, found = rendering.found([path], base, its)
            paths += others
            wanted += found
    return Handed(
        paths=tuple(paths),
        declared=tuple((name, path) for name, path, _ in pairs if name not in rendering.FORMATS),
        rendered=tuple(wanted),
        base=base,
    )


def read(
    handed: Handed, stdin: list[bytes] | None, also: Callable[[str], bool] = files.no_others
) -> Iterator[files.File]:
    """Every file, those that are rendered first; what stood on stdin is left in `stdin`.

    `also` is `files.read`'s.
    """
    made = rendering.rendered(handed.rendered, handed.base)
    without = frozenset(one.path.rstrip("/") for one in handed.rendered)
    for file in files.read(handed.paths, handed.declared, handed.base, made, without, also):
        if stdin is not None and file.path == files.STDIN:
            stdin.append(file.data)
        yield file
