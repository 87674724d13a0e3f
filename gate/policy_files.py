"""Policy files: built-in sets, folders, files and archives, read and hashed; nothing is evaluated.

What they say is `gate/bundle.py`'s matter, once an engine has compiled them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from gate import limits, pod_security
from gate.conftest import policies as conftest
from gate.documents import json as json_documents
from gate.documents import yaml as yaml_documents
from gate.errors import PolicyError, ReportError, quoted
from gate.kubernetes import gatekeeper
from gate.settings import merged

BUILTIN: Final = "builtin:"
FLOOR: Final = ("lib", "evidence")
"""Built-in folders that are part of every bundle: without `evidence` a failed scan would count as
clean wherever somebody replaces the policies; `lib` is what it and the others are written with."""
SETTINGS_FILE: Final = "settings.yaml"
_DATA_FILES: Final = ("data.json", "data.yaml", "data.yml")


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One Rego file."""

    path: str
    text: str


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, before anything is compiled."""

    modules: tuple[Module, ...]
    python: tuple[Module, ...] = ()
    conftest: tuple[Module, ...] = ()
    """Rego of sources that are Conftest's; `modules` has none of it but where tests are taken along."""
    manifests: tuple[tuple[str, bytes], ...] = ()
    """Files that may hold Gatekeeper's templates and constraints: label and bytes."""
    data: dict[str, Any]
    settings: dict[str, Any]
    """`settings.yaml` of every source, later ones on top, then what the sources' names select."""
    revision: str
    """`sha256:` + 64 hex over all of it."""
    own: frozenset[str]
    """Paths of modules that are not the floor."""


def shipped() -> Path:
    """The folder of the built-in policies, in a checkout as in an installed wheel."""
    inside = Path(__file__).parent / "_policies"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "policies"


def collected(sources: Sequence[str], root: Path, *, tests: bool = False) -> Collected:
    """Everything below `sources` (`builtin:NAME`, folder, file, `.tar.gz`; relative to `root`).

    `tests` takes `*_test.rego` and `*_test.py` along. Raises `PolicyError` for a source that is
    absent, empty or cannot be read.
    """
    if not sources:
        raise PolicyError("no policies are configured", code="no_policies", fix="name some in policies.use")
    files: dict[str, bytes] = {}
    own: set[str] = set()
    foreign: set[str] = set()
    mounts: dict[str, tuple[str, ...]] = {}
    selected = pod_security.settings(one for source in sources for one in _pod_security(source))
    for source in sources:
        found = dict(_files(source, root))
        if not any(_is_policy(path) or gatekeeper.is_candidate(path, found[path]) for path in found):
            raise PolicyError(
                "no policies found",
                code="no_policies",
                path=source,
                expected="at least one .rego or policy .py file, or a Gatekeeper template or constraint",
                fix="check the path; a bundle without policies would pass everything",
            )
        files |= found
        own |= set(found)
        foreign |= _of_conftest(found)
        mounts |= {path: _mount(path, source) for path in found if _name(path) in _DATA_FILES}
    # The floor's own tests stand on its builders; beside somebody else's policies they would pass for them.
    is_builtin = any(path.startswith(BUILTIN) for path in own)
    for name in FLOOR:
        files |= {path: text for path, text in _builtin(name) if is_builtin or not _is_test(path)}
    if len(files) > limits.POLICY_FILES:
        raise PolicyError(
            "too many policy files",
            code="too_large",
            found=str(len(files)),
            expected=f"at most {limits.POLICY_FILES}",
        )
    wanted = {path: text for path, text in files.items() if tests or not _is_test(path)}
    digest = hashlib.sha256()
    for path in sorted(wanted):
        for part in (path.encode(), wanted[path]):
            digest.update(b"%d:" % len(part) + part)
    if selected:
        digest.update(msgspec.json.encode(selected, order="deterministic"))
    return Collected(
        modules=tuple(
            _module(path, wanted[path])
            for path in sorted(wanted)
            if path.endswith(".rego") and (tests or path not in foreign)
        ),
        conftest=tuple(_module(path, wanted[path]) for path in sorted(foreign & set(wanted))),
        python=tuple(_module(path, wanted[path]) for path in sorted(wanted) if path.endswith(".py")),
        manifests=tuple(
            (path, wanted[path]) for path in sorted(wanted) if gatekeeper.is_candidate(path, wanted[path])
        ),
        data=_data({path: wanted[path] for path in mounts}, mounts),
        settings=merged(_settings(wanted), selected),
        revision=f"sha256:{digest.hexdigest()}",
        own=frozenset(own),
    )


def _of_conftest(found: Mapping[str, bytes]) -> set[str]:
    """The Rego files of one source, where they are Conftest's (gate/conftest/policies.py)."""
    paths = {path for path in found if path.endswith(".rego") and not path.startswith(BUILTIN)}
    texts = {path: found[path].decode("utf-8", "replace") for path in paths if not _is_test(path)}
    return paths if conftest.is_conftest(texts) else set()


def builtin_names() -> list[str]:
    """What can stand behind `builtin:`."""
    folders = [entry.name for entry in shipped().iterdir() if entry.is_dir() and _has_policies(entry)]
    return sorted({*_sets(), *folders, *pod_security.FOLDERS} - {"always", "lib"})


def _has_policies(folder: Path) -> bool:
    return any(_is_policy(path.name) for path in folder.iterdir())


def _sets() -> dict[str, list[str]]:
    path = shipped() / "sets.yaml"
    sets: dict[str, list[str]] = yaml_documents.parsed(path.read_bytes(), path.name, PolicyError).value
    return sets


def _folders(source: str) -> tuple[list[str], str]:
    """The folders behind `builtin:NAME[@VERSION]`, and the version; raises `PolicyError` for another name."""
    name, version = pod_security.parted(source.removeprefix(BUILTIN))
    if name not in builtin_names():
        raise PolicyError(
            f"built-in set {quoted(name)} is not known",
            code="no_policies",
            expected=f"one of {', '.join(builtin_names())}",
            fix="only pod-security sets have versions: builtin:pod-security/restricted@v1.29",
        )
    return _sets().get(name, [name]), version


def _pod_security(source: str) -> list[pod_security.Selection]:
    """What one source selects: the last level of its folders, as restricted stands after what it contains."""
    if not source.startswith(BUILTIN):
        return []
    folders, version = _folders(source)
    levels = [folder for folder in folders if folder in pod_security.FOLDERS]
    return [pod_security.selection(folder, version) for folder in levels[-1:]]


def _files(source: str, root: Path) -> Iterator[tuple[str, bytes]]:
    """Label and bytes of every file of one source that can matter."""
    if source.startswith(BUILTIN):
        for folder in _folders(source)[0]:
            yield from _builtin(folder)
        return
    if source.startswith("oci://"):
        raise PolicyError(
            "bundles from a registry are not read by this version",
            code="no_policies",
            path=source,
            fix="pull it first, and name the folder or archive",
        )
    path = root / source
    if path.is_dir() and path.resolve().is_relative_to(shipped().resolve()):
        # The built-in policies by their path: under another label the floor would be there twice.
        yield from _builtin(path.resolve().relative_to(shipped().resolve()).as_posix())
    elif path.is_dir():
        for file in _walk(path):
            content = _content(file, source)
            if _matters(file.name) or gatekeeper.is_candidate(file.name, content):
                label = f"{source.rstrip('/')}/{file.relative_to(path).as_posix()}"
                yield label, _bounded(content, label)
    elif path.is_file() and source.endswith((".tar.gz", ".tgz")):
        yield from _archive(path, source)
    elif path.is_file():
        yield source, _bytes(path, source)
    else:
        raise PolicyError("no such file or folder", code="no_policies", path=source)


def _builtin(folder: str) -> Iterator[tuple[str, bytes]]:
    for path in filter(lambda file: _matters(file.name), _walk(shipped() / folder)):
        yield f"{BUILTIN}{path.relative_to(shipped()).as_posix()}", _bytes(path, path.name)
    yield f"{BUILTIN}{SETTINGS_FILE}", _bytes(shipped() / SETTINGS_FILE, SETTINGS_FILE)


def _walk(base: Path) -> list[Path]:
    links = [p for p in base.rglob("*") if p.is_symlink() and p.is_dir()]
    if links:
        raise PolicyError(
            "a link to a folder among the policies is not followed",
            code="policy_unreadable",
            path=links[0].relative_to(base).as_posix(),
            expected="plain folders",
            fix="name the folder it leads to in policies.use",
        )
    hidden = (p for p in base.rglob("*") if any(part.startswith(".") for part in p.relative_to(base).parts))
    skipped = set(hidden)
    return sorted(p for p in base.rglob("*") if p not in skipped and p.is_file() and _may_matter(p.name))


def _name(label: str) -> str:
    return PurePosixPath(label.removeprefix(BUILTIN)).name


def _matters(name: str) -> bool:
    return name.endswith((".rego", ".py")) or name in _DATA_FILES or name == SETTINGS_FILE


def _may_matter(name: str) -> bool:
    """Whether a file is worth reading: of manifests only the content tells whether they are policies."""
    return _matters(name) or name.lower().endswith(gatekeeper.ENDINGS)


def _is_policy(path: str) -> bool:
    return path.endswith((".rego", ".py")) and not _is_test(path)


def _is_test(path: str) -> bool:
    return path.endswith(("_test.rego", "_test.py"))


def _bytes(path: Path, label: str) -> bytes:
    return _bounded(_content(path, label), label)


def _content(path: Path, label: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyError(f"cannot be read: {error.strerror}", code="policy_unreadable", path=label) from None


def _bounded(data: bytes, label: str) -> bytes:
    if len(data) > limits.POLICY_BYTES:
        raise PolicyError(
            "the file is too large",
            code="too_large",
            path=label,
            expected=f"at most {limits.POLICY_BYTES} bytes",
        )
    return data


def _archive(path: Path, source: str) -> Iterator[tuple[str, bytes]]:
    """Regular members of a tar file, in memory; their names are labels only (THREATS.md B1, B2)."""
    import tarfile  # noqa: PLC0415 - few checks open an archive

    try:
        with tarfile.open(path, "r:gz") as archive:
            total, seen = 0, set()
            for member in archive:
                label = f"{source}/{PurePosixPath(member.name)}"
                # Members that do not matter count too: to get behind them they are decompressed.
                total += member.size + tarfile.BLOCKSIZE
                if total > limits.POLICY_FILES * limits.KIB:
                    raise PolicyError("the archive holds too much", code="too_large", path=source)
                if member.isdir() or not _may_matter(PurePosixPath(member.name).name):
                    continue
                # A link would leave a policy out, a second file of one name would replace it.
                if not member.isfile() or label in seen or member.size > limits.POLICY_BYTES:
                    raise PolicyError(
                        "a link, a name for the second time, or too large",
                        code="policy_unreadable",
                        path=label,
                        expected=f"regular files of at most {limits.POLICY_BYTES} bytes, each once",
                    )
                seen.add(label)
                file = archive.extractfile(member)
                content = file.read() if file else b""
                if _matters(PurePosixPath(member.name).name) or gatekeeper.is_candidate(label, content):
                    yield label, content
    except (tarfile.TarError, EOFError, OSError) as error:
        raise PolicyError(f"not a readable archive: {error}", code="policy_unreadable", path=source) from None


def _module(path: str, data: bytes) -> Module:
    try:
        return Module(path=path, text=data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError("not UTF-8", code="policy_unreadable", path=path, line=line, column=1) from None


def _mount(path: str, source: str) -> tuple[str, ...]:
    """The folder of a data file inside its source."""
    inside = path.removeprefix(source.rstrip("/"))
    return tuple(part for part in PurePosixPath(inside).parent.parts if part != "/")


def _data(files: Mapping[str, bytes], mounts: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """`data.json` and `data.yaml` files, each mounted at its folder, as OPA's bundles do."""
    data: dict[str, Any] = {}
    for path, content in sorted(files.items()):
        value = _value(content, path)
        if not isinstance(value, dict):
            raise PolicyError("not an object", code="data_invalid", path=path, line=1, column=1)
        for part in reversed(mounts[path]):
            value = {part: value}
        if twice := clash(data, value):
            raise PolicyError(
                f"data.{twice} is given twice", code="data_invalid", path=path, fix="keep one of them"
            )
        data = merged(data, value)
    return data


def clash(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first place that both fill, dotted; empty where there is none."""
    for key in sorted(set(one) & set(other)):
        both = one[key], other[key]
        if not all(isinstance(value, dict) for value in both):
            return key
        below = clash(*both)
        if below:
            return f"{key}.{below}"
    return ""


def _value(content: bytes, path: str) -> Any:
    """A data file's value; JSON by the JSON reader, whose numbers and escapes are not YAML's."""
    if not path.endswith(".json"):
        return yaml_documents.parsed(content, path, PolicyError).value
    try:
        return json_documents.parsed(content, path)
    except ReportError as error:
        raise PolicyError(problems=error.problems) from None


def _settings(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Settings files merged: the built-in one first, each further one over it."""
    result: dict[str, Any] = {}
    paths = [path for path in files if _name(path) == SETTINGS_FILE]
    for path in sorted(paths, key=lambda p: not p.startswith(BUILTIN)):  # the rest as `use` names them
        value = yaml_documents.parsed(files[path], path, PolicyError).value
        if not isinstance(value, dict):
            raise PolicyError("not an object", code="data_invalid", path=path, line=1, column=1)
        result = merged(result, value)
    return result
