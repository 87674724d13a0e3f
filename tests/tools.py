"""Tools of other projects that tests run for real, built from their Go modules once (bench/machine.py)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench import machine
from tests.data import absent

HELM: Final = ("helm", "helm.sh/helm/v3/cmd/helm", "3.19.0")
KUSTOMIZE: Final = ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "5.7.1")


def tool(wanted: tuple[str, str, str]) -> Path:
    """The executable of a tool; skips by name where it cannot be built."""
    try:
        return machine.peer(wanted)
    except machine.PeerMissing as missing:
        absent(str(missing))


def on_path(folder: Path, tools: Iterable[tuple[str, str, str]]) -> str:
    """A PATH with git, these tools and nothing else, kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "git").symlink_to(shutil.which("git") or absent("git"))
    for one in tools:
        (folder / one[0]).symlink_to(tool(one))
    return str(folder)
