"""One process within bounds: a deadline, memory, size of output, and nothing of it left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from gate import limits

MEMORY_BYTES: Final = 4 * limits.GIB
"""Data of one process (a scanner's rules and the tree it builds)."""
SAID_BYTES: Final = 64 * limits.KIB
"""How much of what it says on stderr is looked at, from its end."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a process ended."""

    code: int | None
    """Exit code, negative for a signal; None where its time was up."""
    said: str
    """The end of stderr."""


class Stopped(Exception):
    """Another run failed or the user interrupted, so this one was ended."""


class Group:
    """Processes that are ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._is_ended = False

    def end(self) -> None:
        """Kill what runs; whatever is started later is killed at once."""
        with self._lock:
            self._is_ended = True
            for pid in self._running:
                _kill(pid)

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        output: BinaryIO,
        said: BinaryIO,
        timeout_s: float,
    ) -> Ended:
        """Run `command` to its end, its stdout to `output` and its stderr to `said`.

        Whatever it started ends with it. Raises `OSError` where it does not start, `Stopped` where the
        group was ended meanwhile.
        """
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=said,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
        with self._lock:
            self._running.add(process.pid)
            if self._is_ended:
                _kill(process.pid)
        _bound(process.pid)
        code: int | None = None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with self._lock:
                # What it started may still run; its group keeps its number as long as one of them lives.
                _kill(process.pid)
                self._running.discard(process.pid)
            process.wait()
        if self._is_ended:
            raise Stopped
        size = said.seek(0, os.SEEK_END)
        said.seek(max(size - SAID_BYTES, 0))
        return Ended(code=code, said=said.read().decode("utf-8", "replace"))


def _bound(pid: int) -> None:
    """Bounds on memory and files, where the system has them for a process that runs."""
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        most = limits.REPORT_BYTES + 1
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(pid, signal.SIGKILL)
