"""Which gate.yaml judges, and everything it names, readable from one folder (CONTRACTS.md).

A merge request must not pass its own gate by editing it: in CI, and with `--config-from`, gate.yaml and
what it names are read from the base commit. Files that the command line names are the caller's choice
and are read from the working tree.
"""

from __future__ import annotations

import os
import posixpath
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from gate import baseline, bootstrap, ci, environments, files, repository, settings, waiver_files
from gate.bundle import Bundle
from gate.conftest.policies import Options
from gate.documents import yaml
from gate.engines.embedded import Engine
from gate.errors import GateError, PolicyError, ReportError, SettingsError, StoreError, WaiverError, quoted
from gate.gate_yaml import Settings
from gate.kubernetes import schemas
from gate.model import KubernetesObject, Said
from gate.policy_files import Collected, clash, collected
from gate.waivers import Waiver

WAIVERS_FILE = ".gate/waivers.yaml"


_DATA_ENDINGS: Final = (".yaml", ".yml", ".json")
_PAIR: Final = re.compile(rb"\\\\|(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
"""Two escapes of JSON that are one character; YAML has another escape for it and refuses halves. Or an escaped backslash."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """gate.yaml and where it came from."""

    settings: Settings
    label: str
    """What to call the file in messages; empty where there is none."""
    root: Path
    """What its paths are relative to: its folder, or a copy of the base commit's files."""
    home: Path
    """Its folder in the working tree: inputs and the record are there."""
    own: tuple[Said, ...] = ()
    """What is to be said about the configuration itself."""


@contextmanager
def configuration(
    named: str | None, config_from: str | None, root: Path, run: ci.Run | None
) -> Iterator[Configuration]:
    """The configuration that judges, its files readable while the context lasts.

    `named` is `--config`, `root` the working directory. Raises `SettingsError` for a gate.yaml that
    does not read, `GateError` for a base commit that is not in the clone.
    """
    top = repository.top_level(root)
    commit = repository.judging_commit(top, config_from, run)
    if commit is None or top is None:
        path = root / named if named else settings.found_from(root)
        home = path.parent if path else root
        label = named or (Path(os.path.relpath(path, root.resolve())).as_posix() if path else "")
        value = _settings(files.content(path, label, SettingsError), label) if path else None
        yield Configuration(
            settings=value or settings.defaults(),
            label=label,
            root=home,
            home=home,
        )
        return
    with tempfile.TemporaryDirectory(prefix="gate-base-") as folder:
        yield _of_commit(named, root, top, commit, Path(folder))


def data(config: Configuration, extra: tuple[str, ...], root: Path) -> dict[str, Any]:
    """The user's data files merged, those of the command line (`extra`) on top.

    A folder gives its files, each mounted at its folder below it, as Conftest does. Raises `PolicyError` where
    two of them give one key, `SettingsError` where one gives a known key what the shipped rules cannot read.
    """
    given = [name for one in extra for name in _split(root, one)]
    places = [*((config.root, name) for name in config.settings.policies.data), *((root, n) for n in given)]
    result: dict[str, Any] = {}
    for base, name in places:
        place = base / name
        value = _data_of_folder(place, name) if place.is_dir() else _data_of_file(place, name)
        result = settings.merged(result, value)
    return result


def _split(root: Path, name: str) -> list[str]:
    """`a,b` as Conftest's `--data` takes it, where no file is called so; raises `SettingsError` for nothing."""
    if not name:
        # An empty variable of a pipeline; as a path it would be the whole working directory.
        raise SettingsError(
            "--data is empty", code="usage", expected="--data FILE", fix="name a file or folder"
        )
    parts = name.split(",")
    return parts if all(parts) and not (root / name).exists() else [name]


def _data_of_file(place: Path, label: str) -> dict[str, Any]:
    content = files.content(place, label, PolicyError)
    if label.endswith(".json"):
        content = _PAIR.sub(_character, content)
    parsed = yaml.parsed(content, label, PolicyError)
    if not isinstance(parsed.value, dict):
        raise PolicyError("not an object", code="data_invalid", path=label, line=1, column=1)
    if found := settings.data_problems(parsed):
        raise SettingsError(problems=found)
    return parsed.value


def _character(found: re.Match[bytes]) -> bytes:
    pair = found["pair"]
    if pair is None:
        return found[0]
    text: str = msgspec.json.decode(b'"' + pair + b'"')
    return text.encode()


def _data_of_folder(place: Path, label: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    found = sorted(one for one in place.rglob("*") if one.suffix in _DATA_ENDINGS and one.is_file())
    if not found:
        raise PolicyError(
            "the folder holds no data", path=label, expected=f"files ending in {' '.join(_DATA_ENDINGS)}"
        )
    for file in found:
        below = file.relative_to(place)
        named = posixpath.join(label, below.as_posix())
        value = _data_of_file(file, named)
        for folder in reversed(below.parts[:-1]):
            value = {folder: value}
        if twice := clash(result, value):
            raise PolicyError(
                f"data.{twice} is given twice",
                code="data_invalid",
                path=named,
                line=1,
                column=1,
                fix="give it in one file",
            )
        result = settings.merged(result, value)
    return result


def policies(config: Configuration, named: tuple[str, ...], root: Path) -> Collected:
    """The policy files of `named` (command line, relative to `root`), else the configured ones."""
    if named:
        return collected(named, root)
    return collected(config.settings.policies.use, config.root)


def conftest_options(
    config: Configuration, flags: Options, given: dict[str, Any], *, is_configured: bool, has_policies: bool
) -> Options:
    """How Conftest's policies are asked: what `flags` say, over what gate.yaml says of its own policies.

    `given` is what stands below `data`; `is_configured` tells that the policies are gate.yaml's. Raises
    `SettingsError` where something is asked of Conftest's policies and there are none.
    """
    flags.refuse_without(has_policies=has_policies)
    own = config.settings.policies.conftest if is_configured else None
    if own is None:
        return msgspec.structs.replace(flags, data=given)
    if not has_policies or (own.namespaces and own.all_namespaces):
        raise SettingsError(
            "policies.conftest has namespaces and all_namespaces"
            if has_policies
            else "policies.conftest without Conftest's policies",
            path=config.label,
            expected="one of the two" if has_policies else "a folder of theirs in policies.use",
            fix="leave one out" if has_policies else "name it, or remove the key",
        )
    is_named = bool(flags.namespaces) or flags.all_namespaces
    return Options(
        namespaces=flags.namespaces if is_named else own.namespaces or (),
        all_namespaces=flags.all_namespaces if is_named else own.all_namespaces,
        combine=flags.combine or own.combine,
        rego_version=flags.rego_version or own.rego_version,
        data=given,
    )


def waivers(config: Configuration, named: tuple[str, ...], root: Path) -> tuple[Waiver, ...]:
    """The entries of every waiver file; `named` (command line) replaces the configured ones.

    A configured file must be there; the default `.gate/waivers.yaml` is read where it is.
    """
    listed = config.settings.waivers.files
    places = [(config.root, name) for name in (listed if listed is not None else (WAIVERS_FILE,))]
    is_optional = listed is None and not named
    if named:
        places = [(root, name) for name in named]
    parts: list[tuple[Waiver, ...]] = []
    for base, name in places:
        if is_optional and not (base / name).exists():
            continue
        parsed = yaml.parsed(files.content(base / name, name, WaiverError), name, WaiverError)
        parts.append(waiver_files.waivers(parsed.value, name, parsed.position))
    return waiver_files.together(parts)


def known_before(
    config: Configuration, named: str | None, root: Path, project: str | None
) -> baseline.Baseline | None:
    """The baseline to compare with; `named` is `--baseline`, `auto` the file that gate.yaml names."""
    if named is not None and named != "auto":
        return baseline.parsed(files.content(root / named, named, StoreError), named, project)
    configured = config.settings.baseline or settings.Baseline(mode="off" if named is None else "file")
    if configured.mode == "off" and named is None:
        return None
    if configured.mode == "merge-base":
        raise SettingsError(
            "baseline.mode merge-base asks the service, which this version has not",
            code="not_available",
            path=config.label,
            fix="use mode: file with `gate baseline write`",
        )
    content = files.content(config.root / configured.file, configured.file, StoreError)
    return baseline.parsed(content, configured.file, project)


def cluster(
    config: Configuration, bundle: Bundle, version: str | None, engine: Engine
) -> schemas.Schemas | None:
    """What the cluster takes, where that is to be checked: with the Kubernetes rules, or because somebody asks.

    `version` is `--kubernetes-version`. Raises `SettingsError` where it is none, or the schemas are not there.
    """
    own = config.settings.kubernetes
    versions = {one.kubernetes_version for one in config.settings.inputs if one.kubernetes_version}
    if len(versions) > 1 and not (version or own.version):
        raise SettingsError(
            f"inputs name several versions of Kubernetes: {', '.join(sorted(versions))}",
            path=config.label,
            expected="one",
            fix="name the cluster's under kubernetes.version, or check the inputs one by one",
        )
    version = version or own.version or next(iter(versions), None)
    if version is not None and not re.fullmatch(r"1\.[0-9]{1,3}(\.[0-9]{1,3})?", version):
        raise SettingsError(
            f"--kubernetes-version {quoted(version)} is not understood", code="usage", expected="1.36"
        )
    is_judged = any(package.name.startswith("policy.kubernetes") for package in bundle.packages)
    if not (is_judged or version or own.schemas):
        return None
    return schemas.schemas(version, _definitions(own.schemas, config.root, engine))


def _definitions(paths: Sequence[str], root: Path, engine: Engine) -> tuple[KubernetesObject, ...]:
    """The objects of the folders and files `paths`: CustomResourceDefinitions, and whatever lies beside them.

    Raises `SettingsError` where a path holds none, or one that cannot be read.
    """
    try:
        given = list(files.read(paths, [], root)) if paths else []
        objects = [one for read in bootstrap.ingested(given, engine) for one in read.scan.objects]
    except ReportError as error:
        raise SettingsError(problems=error.problems) from None
    if paths and not any(one.object.get("kind") == "CustomResourceDefinition" for one in objects):
        raise SettingsError(
            f"kubernetes.schemas: {quoted(', '.join(paths))} holds no CustomResourceDefinition",
            expected="manifests of CustomResourceDefinitions",
        )
    return tuple(objects)


def validated(named: str | None, root: Path) -> str | None:
    """The label of the gate.yaml that holds in `root`, once it and what it names have been read.

    None where there is none. Raises `GateError` for whatever does not read.
    """
    with configuration(named, None, root, None) as config:
        if not config.label:
            return None
        data(config, (), root)
        waivers(config, (), root)
        known_before(config, None, root, config.settings.project)
        return config.label


def _settings(content: bytes, label: str) -> Settings:
    return settings.settings(yaml.parsed(content, label))


def _of_commit(named: str | None, root: Path, top: Path, commit: str, folder: Path) -> Configuration:
    """The configuration as `commit` has it, what it names copied to `folder`; and what the change does to it."""
    name = named or _nearest(root, top, commit)
    at = posixpath.normpath(posixpath.join(_below(root, top), name))
    content = repository.shown(top, commit, at)
    label = f"{name} of {commit[:12]}"
    value = _settings(content, label) if content is not None else settings.defaults()
    deciding = environments.configuration_paths(value, at)
    for path in deciding:
        for file in repository.files(top, commit, path):
            _copied(repository.shown(top, commit, file), folder / file)
    parent = posixpath.dirname(at)
    return Configuration(
        settings=value,
        label=label if content is not None else "",
        root=folder / parent,
        home=top / parent,
        own=environments.configuration(
            repository.changed(top, commit), deciding, commit, content is not None
        ),
    )


def _nearest(root: Path, top: Path, commit: str) -> str:
    """gate.yaml in the folder `root` or above it up to `top`, as `commit` has it; relative to `root`."""
    below = _below(root, top)
    for ups in range(len(Path(below).parts) + 1):
        name = "../" * ups + settings.FILE
        if repository.shown(top, commit, posixpath.normpath(posixpath.join(below, name))) is not None:
            return name
    return settings.FILE


def _below(root: Path, top: Path) -> str:
    return root.resolve().relative_to(top.resolve()).as_posix()


def _copied(content: bytes | None, path: Path) -> None:
    if content is None:
        raise GateError("a file of the base commit cannot be read", code="base_unreadable", path=path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
