"""Whole processes, measured from outside: seconds, and the memory of a process and all it started.

Memory is read from `/proc` (Linux); elsewhere only the largest process is known, from `wait4`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

SAMPLE_S = 0.02
"""How often memory is looked at; the peak of one process is the kernel's own and needs no luck."""
PROC = Path("/proc")


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One process from start to end."""

    code: int
    wall_s: float
    cpu_s: float
    """User and system, children included."""
    peaks: dict[str, int] = {}
    """Program name -> bytes at its peak; the largest where several have one name."""
    together_bytes: int = 0
    """Most that all of them held at one moment, as sampled."""
    out: str = ""
    """The end of what it printed, stdout and stderr."""


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, watch: bool = False
) -> Run:
    """`command`, run to its end; `watch` samples memory, which costs a little time."""
    output = cwd / ".bench-output"
    with output.open("w+b") as sink:
        start = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
        peaks: dict[str, int] = {}
        together = 0
        while watch and not _has_ended(child.pid):
            together = max(together, _sampled(child.pid, peaks))
            time.sleep(SAMPLE_S)
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        sink.seek(max(sink.tell() - 4096, 0))
        out = sink.read().decode("utf-8", "replace")
    output.unlink()
    if not peaks:
        # Kilobytes on Linux, bytes on macOS (getrusage(2) of each).
        peaks["largest"] = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Run(
        code=child.returncode,
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peaks=peaks,
        together_bytes=together,
        out=out,
    )


def resident_bytes(pid: int) -> int:
    """What a process holds now; 0 where that cannot be known."""
    return memory(_text(PROC / str(pid) / "status"))[0]


def memory(status: str) -> tuple[int, int]:
    """Bytes held now and at the peak, from the text of `/proc/PID/status`."""
    found = dict.fromkeys(("VmRSS", "VmHWM"), 0)
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0]) * 1024
    return found["VmRSS"], found["VmHWM"]


def _sampled(pid: int, peaks: dict[str, int]) -> int:
    """Bytes held now by `pid` and everything below it; raises the `peaks` of each program."""
    total = 0
    for one in (pid, *_below(pid)):
        status = _text(PROC / str(one) / "status")
        now, peak = memory(status)
        total += now
        name = status.partition("\n")[0].partition("\t")[2]
        if peak:
            peaks[name] = max(peaks.get(name, 0), peak)
    return total


def _below(pid: int) -> list[int]:
    direct: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        direct += [int(word) for word in _text(task).split()]
    return [each for child in direct for each in (child, *_below(child))]


def _has_ended(pid: int) -> bool:
    """Whether `pid` waits to be reaped; on a machine without `/proc` always, so that nothing is sampled."""
    stat = _text(PROC / str(pid) / "stat")
    return not stat or stat.rpartition(")")[2].split()[0] == "Z"


def _text(path: Path) -> str:
    """The content of a `/proc` file; empty where the process has gone in between."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def resident_mib(pid: int) -> float:
    """What a process and all it started hold now (Linux); 0 elsewhere."""
    return _sampled(pid, {}) / 2**20
