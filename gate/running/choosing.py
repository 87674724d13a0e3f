"""Which tools a folder asks for: looked over once, by names, and YAML by its first bytes.

Links are not followed: what they lead to is scanned where it lies, or not at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gate.errors import ReportError, SettingsError, quoted
from gate.running import TIMEOUT_S, Run
from gate.running.reports import LABEL, found
from gate.running.tools import ANYWHERE, EACH, FILES, TOOLS, Fits, Tool

FILES_LOOKED_AT: Final = 500_000
"""Most files of a folder; more is a mistake about which folder."""
RUNS: Final = 200
"""Most runs of one scan: a folder of many packages has one for each."""
_HEAD_BYTES: Final = 64 * 1024
_KIND: Final = re.compile(rb"^\s*\"?kind\"?\s*:", re.MULTILINE)
_DOCKERFILE: Final = re.compile(r"(?:.+\.)?(?:dockerfile|containerfile)(?:\..+)?", re.IGNORECASE)
_REQUIREMENTS: Final = re.compile(r"requirements(?:[-_.].+)?\.txt|.+[-_.]requirements\.txt")
_NPM_LOCKS: Final = frozenset({"package-lock.json", "npm-shrinkwrap.json"})
_LOCKS: Final = frozenset({
    "Cargo.lock", "Gemfile.lock", "Pipfile.lock", "build.gradle.lockfile", "composer.lock", "conan.lock", "go.mod",
    "gradle.lockfile", "mix.lock", "npm-shrinkwrap.json", "package-lock.json", "packages.lock.json", "pdm.lock",
    "pnpm-lock.yaml", "poetry.lock", "pom.xml", "pubspec.lock", "pylock.toml", "renv.lock", "requirements.txt",
    "uv.lock", "yarn.lock", "bun.lock",
})  # fmt: skip
_INFRASTRUCTURE: Final = (".tf", ".tf.json", ".bicep", ".template")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What is run, and what is not and why."""

    runs: tuple[Run, ...]
    left_out: tuple[str, ...]
    """One sentence for each tool that fits and is not run."""


def choice(
    root: Path,
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    network: bool = False,
    timeout_s: float = TIMEOUT_S,
) -> Choice:
    """The tools that fit what lies below `root` and are there; those of `only` must be.

    Raises `SettingsError` for a name that is no tool's, `ReportError` where nothing can be run, where one
    of `only` cannot, or where the folder holds what a tool must not obey.
    """
    unknown = [name for name in (*only, *skip) if name not in TOOLS]
    if unknown:
        raise SettingsError(
            f"{quoted(unknown[0])} is no tool that gate runs",
            code="usage",
            expected=f"one of {', '.join(TOOLS)}",
            fix="any other tool stands in gate.yaml: inputs: [{run: [program, argument]}]",
        )
    if not root.is_dir():
        raise ReportError("no such folder", code="no_inputs", path=str(root), fix="check the path")
    there = fitting(root)
    runs: list[Run] = []
    left_out: list[str] = []
    for name, tool in TOOLS.items():
        files = there.get(tool.fits, ())
        if name in skip or (only and name not in only):
            continue
        why = _why_not(tool, files, network=network)
        if why is None:
            _refuse_configured(name, tool, root, files)
            runs += _runs(name, tool, files, network=network, timeout_s=timeout_s)
        elif only:
            raise ReportError(why, code="tool_missing", path=f"{LABEL}{name}", fix=tool.get)
        elif files:
            left_out.append(f"{name}: {why}")
    if len(runs) > RUNS:
        raise ReportError(
            "too many runs", code="too_large", found=str(len(runs)), expected=f"at most {RUNS}",
            fix="scan the parts one by one",
        )  # fmt: skip
    if not runs:
        raise ReportError(
            "no scanner was run",
            code="no_inputs",
            path=str(root),
            found="; ".join(left_out) or "nothing that a known tool is for",
            expected="at least one tool that fits and is installed",
            fix="gate scan --list shows every tool and how to get it",
        )
    return Choice(runs=tuple(runs), left_out=tuple(left_out))


def fitting(root: Path) -> Mapping[Fits, tuple[str, ...]]:
    """Kind of thing -> the files that are one, relative to `root`, sorted."""
    there: dict[Fits, list[str]] = {"anything": ["."]}
    for file in _walked(root):
        for kind in _kinds(root, file):
            there.setdefault(kind, []).append(file)
    rules = [name for name in (".semgrep.yml", ".semgrep.yaml", ".semgrep") if (root / name).exists()]
    if rules:
        there["semgrep rules"] = rules[:1]
    return {kind: tuple(sorted(files)) for kind, files in there.items()}


def _walked(root: Path) -> Iterator[str]:
    count = 0
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in ANYWHERE)
        below = Path(place).relative_to(root)
        for name in names:
            count += 1
            if count > FILES_LOOKED_AT:
                raise ReportError(
                    "too many files",
                    code="too_large",
                    path=str(root),
                    expected=f"at most {FILES_LOOKED_AT}",
                    fix="name the folder of the project",
                )
            yield (below / name).as_posix()


def _kinds(root: Path, file: str) -> Iterator[Fits]:
    name = file.rpartition("/")[2]
    if name.endswith((".py", ".pyw")):
        yield "python"
    if _REQUIREMENTS.fullmatch(name):
        yield "requirements"
    if name == "go.mod":
        yield "go"
    if name in _NPM_LOCKS:
        yield "npm"
    if name in _LOCKS:
        yield "lock file"
    is_manifest = name.endswith((".yaml", ".yml")) and _has_kind(root / file)
    if is_manifest:
        yield "kubernetes"
    is_dockerfile = _DOCKERFILE.fullmatch(name) is not None and not name.endswith(".dockerignore")
    if is_dockerfile:
        yield "dockerfile"
    if is_manifest or is_dockerfile or name.endswith(_INFRASTRUCTURE):
        yield "infrastructure"


def _has_kind(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _KIND.search(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


def _why_not(tool: Tool, files: Sequence[str], *, network: bool) -> str | None:
    """Why a tool is not run; None where it is."""
    if not files:
        return f"nothing here is for it ({tool.fits})"
    if found(tool.command[0]) is None:
        return f"not installed ({tool.looks_for}); {tool.get}"
    if tool.needs_network and not network:
        return f"not run ({tool.looks_for}): it asks the network; say --network"
    return None


def _refuse_configured(name: str, tool: Tool, root: Path, files: Sequence[str]) -> None:
    folders = {".", *(_folder(file) for file in files if tool.is_per_folder)}
    for folder in sorted(folders):
        for file in tool.refuses:
            if (root / folder / file).exists():
                raise ReportError(
                    f"{name} would obey a file of the folder that it scans",
                    code="tool_configured",
                    path=file if folder == "." else f"{folder}/{file}",
                    expected="a scan that what is scanned cannot change",
                    fix=f"write the command into gate.yaml (inputs: run), or leave it out: --skip {name}",
                )


def _runs(name: str, tool: Tool, files: Sequence[str], *, network: bool, timeout_s: float) -> Iterator[Run]:
    folders = sorted({_folder(file) for file in files}) if tool.is_per_folder else ["."]
    command = tool.online if network and tool.online is not None else tool.command
    for folder in folders:
        yield Run(
            name=name,
            command=tuple(part for argument in command for part in _argument(argument, files)),
            format=tool.format,
            clean=tool.clean,
            findings=tool.findings,
            folder=folder,
            settings=tool.settings,
            environment={**tool.environment, **({} if network else tool.offline)},
            has_network=network,
            timeout_s=timeout_s,
            fix=f"run it by hand and look, or leave it out: --skip {name}",
        )


def _argument(argument: str, files: Sequence[str]) -> Iterator[str]:
    # `./` before each: a file may be called `--config=…`.
    named = [f"./{file}" for file in files]
    if argument == FILES:
        yield from named
    elif argument == EACH:
        yield from (part for file in named for part in ("-r", file))
    else:
        yield argument


def _folder(file: str) -> str:
    return file.rpartition("/")[0] or "."
