"""A tool of the user's, run over what a change brings: found on PATH, alone with it, and within bounds."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from gate import limits
from gate.errors import ReportError

TIMEOUT_S: Final = 60.0
"""A chart that takes longer is not rendered in a pipeline either."""
OUTPUT_BYTES: Final = 256 * limits.MIB
MESSAGE_BYTES: Final = 2_000
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")
"""What a tool gets of the environment: no proxy, no kubeconfig, no credential."""
_NOWHERE: Final = "http://127.0.0.1:9"  # the port named discard: nobody listens
_OFFLINE: Final = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE),
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
}
"""A second wall behind what is refused by name: fetching goes nowhere. Go sends loopback past any proxy."""


def executable(names: Sequence[str]) -> str | None:
    """The first of `names` on PATH."""
    return next((place for name in names if (place := shutil.which(name))), None)


def missing(path: str, names: str, fix: str) -> ReportError:
    """The error of a tool that is not there: what it would have rendered is not passed over."""
    return ReportError(
        f"{names} is not installed, so this cannot be rendered",
        code="tool_missing",
        path=path,
        expected=f"{names} on PATH",
        fix=fix,
    )


def output(command: Sequence[str], path: str, *, extra: Mapping[str, str] | None = None) -> bytes:
    """What `command` prints; `path` is what messages blame.

    Raises `ReportError` where it fails, takes longer than `TIMEOUT_S` or prints more than `OUTPUT_BYTES`.
    """
    name = Path(command[0]).name
    with (
        tempfile.TemporaryDirectory(prefix="gate-") as home,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as said,
    ):
        kept = {key: value for key, value in os.environ.items() if key in _KEPT}
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=said,
            env={**kept, **_OFFLINE, "HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home, **(extra or {})},
            cwd=home,
            start_new_session=True,
        )
        _bounded(process.pid)
        try:
            code = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise ReportError(
                f"{name} did not end within {TIMEOUT_S:g} s",
                code="timeout",
                path=path,
                fix="render it by hand and look",
            ) from None
        finally:
            _ended(process)
        if out.seek(0, os.SEEK_END) > OUTPUT_BYTES:
            raise ReportError(
                f"{name} printed too much",
                code="too_large",
                path=path,
                expected=f"at most {OUTPUT_BYTES} bytes",
            )
        if code != 0:
            said.seek(0)
            raise ReportError(
                f"{name} cannot render it: {_message(said.read(64 * limits.KIB), home)}",
                code="rendering_failed",
                path=path,
                found=f"exit code {code}",
                fix="see that the tool renders it by hand; dependencies must lie beside it (helm dependency build)",
            )
        out.seek(0)
        return out.read()


def _bounded(pid: int) -> None:
    """A bound on the memory of a process, where the system has one for processes that run."""
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.prlimit(pid, resource.RLIMIT_DATA, (2 * limits.GIB, 2 * limits.GIB))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (OUTPUT_BYTES + 1, OUTPUT_BYTES + 1))


def _ended(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _message(said: bytes, home: str) -> str:
    """The last lines of what a tool said, on one line."""
    text = said.decode("utf-8", "replace").replace(home, "~")
    lines = [line.strip() for line in text.splitlines() if line.strip() and "WARNING" not in line]
    told = "; ".join(lines[-5:]) or "no message"
    return told if len(told) <= MESSAGE_BYTES else told[:MESSAGE_BYTES] + "…"
