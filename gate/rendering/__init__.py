"""Charts and kustomizations become the manifests that the cluster would get: rendered by the user's own tools.

Which of the named paths are one is told by what is in them. Before a tool runs, what it would read is
looked over (links, remote references, bombs); it then runs with an empty home, no cluster, a deadline and
a bound on memory and output. Rendering has no opinion about what comes out: the policies have.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gate.errors import SettingsError, quoted
from gate.files import NAMED, File
from gate.rendering import chart, kustomization

HELM: Final = "helm"
KUSTOMIZE: Final = "kustomize"
FORMATS: Final = (HELM, KUSTOMIZE)
"""What `--as` and `as:` name."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a chart is rendered; for a kustomization all of it is said in its own file."""

    values: tuple[str, ...] = ()
    """Files, relative to where the chart is looked for."""
    sets: tuple[str, ...] = ()
    """`KEY=VALUE`, as `helm --set` takes them."""
    release: str = "release"
    namespace: str = "default"
    kubernetes_version: str | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One folder or archive to be rendered."""

    path: str
    format: str
    options: Options = Options()


def found(paths: Iterable[str], root: Path, options: Options) -> tuple[list[str], list[Wanted]]:
    """The paths that are rendered, and the others; charts below a folder are taken out of it."""
    others: list[str] = []
    wanted: list[Wanted] = []
    for path in paths:
        place = root / path
        if chart.is_chart(place):
            wanted.append(Wanted(path=path, format=HELM, options=options))
        elif kustomization.file_in(place) is not None:
            wanted.append(Wanted(path=path, format=KUSTOMIZE, options=options))
        else:
            others.append(path)
            below = _charts_below(place) if place.is_dir() else ()
            wanted += [Wanted(path=_joined(path, one), format=HELM, options=options) for one in below]
    return others, wanted


def rendered(wanted: Sequence[Wanted], root: Path) -> list[File]:
    """The manifests of all of `wanted`, one file a template where the tool tells the template.

    Raises `ReportError` where something is refused or the tool fails, `SettingsError` where a format
    does not fit.
    """
    files: list[File] = []
    for one in wanted:
        place = root / one.path
        if one.format == HELM:
            if not chart.is_chart(place):
                raise _unfit(one, "a folder or archive with a Chart.yaml")
            options = one.options
            files += chart.rendered(
                place,
                one.path,
                values=[root / file for file in options.values],
                sets=options.sets,
                release=options.release,
                namespace=options.namespace,
                kubernetes_version=options.kubernetes_version,
            )
        else:
            if kustomization.file_in(place) is None:
                raise _unfit(one, "a folder with a kustomization.yaml")
            files.append(kustomization.rendered(place, one.path))
    return files


def left_out(wanted: Sequence[Wanted], root: Path) -> tuple[str, ...]:
    """Notices of manifests beside those that are rendered: who applies the folder as it lies applies them too."""
    notices: list[str] = []
    for one in wanted:
        place = root / one.path
        if not place.is_dir():
            continue
        if one.format == HELM:
            beside = [
                file
                for file in kustomization.like_manifests(place)
                if file.name != chart.FILE and file.relative_to(place).parts[0] not in chart.FOLDERS
            ]
        else:
            beside = kustomization.others(place, one.path)
        if beside:
            names = ", ".join(quoted(file.relative_to(place).as_posix()) for file in beside[:NAMED])
            more = ", …" if len(beside) > NAMED else ""
            notices.append(
                f"{one.path}: manifests that are not part of what {one.format} renders, and are not judged: "
                f"{len(beside)} ({names}{more})"
            )
    return tuple(notices)


def _unfit(one: Wanted, expected: str) -> SettingsError:
    return SettingsError(f"{quoted(one.path)} is not for {one.format}", code="usage", expected=expected)


def _charts_below(folder: Path) -> list[str]:
    """Charts in a folder and archives of them, relative to it; those inside another belong to it."""
    charts: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in list(folders):
            if (Path(place) / name / chart.FILE).is_file():
                charts.append((Path(place) / name).relative_to(folder).as_posix())
                folders.remove(name)
        charts += [
            file.relative_to(folder).as_posix()
            for file in (Path(place) / name for name in sorted(names) if not name.startswith("."))
            if chart.is_chart(file)
        ]
    return charts


def _joined(path: str, below: str) -> str:
    return (Path(path) / below).as_posix()
