"""What was named becomes files: some lie on the disk, some a tool renders or makes first.

Which path is which is told by what is there; whatever is named must be read by something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gate import files, rendering
from gate.errors import SettingsError, quoted
from gate.gate_yaml import Input
from gate.running import TIMEOUT_S, Progress, Run


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """What is read: paths, declared (format, path) pairs, charts to render, tools to run; relative to `base`."""

    paths: tuple[str, ...]
    declared: tuple[tuple[str, str], ...]
    rendered: tuple[rendering.Wanted, ...]
    base: Path
    runs: tuple[Run, ...] = ()

    @property
    def elsewhere(self) -> frozenset[str]:
        """What is rendered, as it would be labelled if it were read."""
        return frozenset(one.path.rstrip("/") for one in self.rendered)


Given = tuple[str | None, str, rendering.Options]
"""Format where it is named, path, and how it is rendered if it is."""


def configured(given: Sequence[Input], options: rendering.Options) -> list[Given]:
    """The paths among the inputs of gate.yaml; what the command line says of `options` is laid over."""
    result: list[Given] = []
    for one in given:
        if one.path is None:
            continue  # a run (`commanded`)
        its_own = rendering.Options(
            values=(*one.values, *options.values),
            sets=options.sets,
            release=one.release,
            namespace=one.namespace,
            kubernetes_version=options.kubernetes_version or one.kubernetes_version,
        )
        result.append((one.as_, one.path, its_own))
    return result


def commanded(given: Sequence[Input], label: str) -> tuple[Run, ...]:
    """The tools to run among the inputs of the gate.yaml `label`.

    Raises `SettingsError` for a program that lies in the repository: a change could bring its own.
    """
    runs: list[Run] = []
    for one in given:
        if one.run is None:
            continue
        program = one.run[0]
        if "/" in program and not Path(program).is_absolute():
            raise SettingsError(
                f"inputs run {quoted(program)}, which a change of the repository could replace",
                path=label,
                expected="a program on PATH, or an absolute path",
                fix="install it where the pipeline runs",
            )
        name = Path(program).name
        runs.append(
            Run(
                name=name,
                command=one.run,
                format=one.as_,
                findings=frozenset(one.exit_codes),
                is_own_command=True,
                timeout_s=float(one.timeout_s) if one.timeout_s is not None else TIMEOUT_S,
                fix=f"install {name}, or run its command by hand and look",
            )
        )
    return tuple(runs)


def sorted_out(
    given: Sequence[Given],
    declared: Sequence[tuple[str, str]],
    options: rendering.Options,
    base: Path,
    runs: tuple[Run, ...] = (),
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
        runs=runs,
    )


def read(
    handed: Handed,
    stdin: list[bytes] | None,
    also: Callable[[str], bool] = files.no_others,
    progress: Progress | None = None,
    keep: Path | None = None,
    *,
    whole: bool = True,
) -> Iterator[files.File]:
    """Every file, those that are rendered or made first; what stood on stdin is left in `stdin`.

    `also` is `files.read`'s, `progress` is told how far the tools are, `keep` is where their reports stay.
    Without `whole` large files are not held.
    """
    made = rendering.rendered(handed.rendered, handed.base)
    if handed.runs:
        from gate.running import reports  # noqa: PLC0415 - few checks run anything

        made += reports.made(handed.runs, handed.base, progress, keep)
    for file in files.read(
        handed.paths,
        handed.declared,
        handed.base,
        made,
        handed.elsewhere,
        also,
        whole=whole or stdin is not None,
    ):
        if stdin is not None and file.path == files.STDIN:
            stdin.append(file.data)
        yield file
