"""What is measured, with what it is compared, and where: the gate command, peers, the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from gate import bootstrap
from gate.engines.embedded import Engine

REPOSITORY: Final = Path(__file__).parent.parent
CACHE: Final = Path("~/.cache/gate/bench").expanduser()
BUILD_TIMEOUT_S: Final = 1_200.0
OPA: Final = ("opa", "github.com/open-policy-agent/opa", "1.22.2")
CONFTEST: Final = ("conftest", "github.com/open-policy-agent/conftest", "0.71.0")
GATOR: Final = ("gator", "github.com/open-policy-agent/gatekeeper/v3/cmd/gator", "3.23.1")
KUBECTL: Final = ("kubectl", "k8s.io/kubernetes/cmd/kubectl", "1.36.3")
"""Peers: name, Go package, version."""
KUBERNETES: Final = "k8s.io/kubernetes"


class PeerMissing(Exception):
    """A peer that cannot be built here; the text says why."""


def gate_command() -> list[str]:
    """The command that is measured: `GATE_BENCH_GATE`, or `gate` beside this Python."""
    return [os.environ.get("GATE_BENCH_GATE") or str(Path(sys.executable).with_name("gate"))]


def environment(folder: Path) -> dict[str, str]:
    """Variables for a measured process: bytecode is kept in `folder`, as installing keeps it elsewhere.

    Without that a process pays for compiling whatever the tree has changed since.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder)}


def data() -> Path:
    """Where real reports lie: `GATE_TEST_DATA` or `../shared/data`, as for the tests."""
    return Path(os.environ.get("GATE_TEST_DATA") or REPOSITORY.parent / "shared" / "data")


def engine() -> Engine:
    """A new engine of this tree; the caller closes it."""
    return Engine(bootstrap.engine_executable())


def description() -> str:
    """What the figures depend on, in one line."""
    with engine() as one:
        engine_version = one.version
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {engine_version}, load {os.getloadavg()[0]:.1f}"
    )


def peer(wanted: tuple[str, str, str]) -> Path:
    """The executable of a peer, built from its Go module once for each version.

    Raises `PeerMissing` where that fails.
    """
    name, module, version = wanted
    place = CACHE / f"{name}-{version}"
    if place.is_file():
        return place
    go = shutil.which("go") or shutil.which("go", path=Path(sys.executable).parent)
    if go is None:
        raise PeerMissing(f"{name} {version}: there is no Go to build it with")
    CACHE.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"building {name} {version}, once, in a minute or more\n")
    with tempfile.TemporaryDirectory(dir=CACHE) as text:
        folder = Path(text)
        try:
            if module.startswith(f"{KUBERNETES}/"):
                _build_kubernetes(go, folder, module, version)
            else:
                _go(go, folder, "install", f"{module}@v{version}")
        except subprocess.CalledProcessError as error:
            last = (str(error.stderr).strip().splitlines() or ["no message"])[-1]
            raise PeerMissing(f"{name} {version} does not build: {last}") from None
        (folder / name).replace(place)
    return place


def _build_kubernetes(go: str, folder: Path, package: str, version: str) -> None:
    """A command of Kubernetes, which `go install` refuses: its parts are replaced by folders of its own.

    A module around it replaces them by the same parts as published: 1.36.3 has them as 0.36.3.
    """
    minor = version.partition(".")[2]
    told = json.loads(_go(go, folder, "mod", "download", "-json", f"{KUBERNETES}@v{version}"))
    its = Path(told["GoMod"]).read_text("utf-8")
    language = re.search(r"(?m)^go (\S+)$", its)
    staged = re.findall(r"(?m)^\s*(?:replace )?(k8s\.io/\S+) => \./staging/", its)
    lines = [
        "module peer",
        f"go {language[1] if language else '1.26.0'}",
        f"require {KUBERNETES} v{version}",
        *(f"replace {part} => {part} v0.{minor}" for part in staged),
    ]
    (folder / "go.mod").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "peer.go").write_text(f'//go:build peer\n\npackage peer\n\nimport _ "{package}"\n', "utf-8")
    _go(go, folder, "mod", "tidy")
    # Without a version in it kubectl says v0.0.0, and programs that read that fail.
    stamp = f"-s -w -X k8s.io/component-base/version.gitVersion=v{version}"
    _go(go, folder, "build", "-ldflags", stamp, "-o", str(folder / package.rpartition("/")[2]), package)


def _go(go: str, folder: Path, *arguments: str) -> str:
    """What `go` prints in `folder`; raises `CalledProcessError`."""
    return subprocess.run(
        [go, *arguments],
        env={**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=True,
    ).stdout


if __name__ == "__main__":
    # `python -m bench.machine`: kubectl alone, for the tests that hold the manifest reader against it.
    sys.stdout.write(f"{peer(KUBECTL)}\n")
