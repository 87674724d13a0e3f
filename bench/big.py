"""Reports of 100 MB through the whole of `gate check`, and one of 256 MB: seconds and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import machine, processes, reports
from bench.table import Row, Table, within

SIZE_BYTES: Final = 100_000_000
QUICK_BYTES: Final = 5_000_000
WALL_BAR_S: Final = 10.0
MEMORY_BAR_BYTES: Final = 1024**3
LARGE_BYTES: Final = 256_000_000
LARGE: Final = "Trivy of an image"
LARGE_BAR_BYTES: Final = 512 * 1024**2
"""Of each process."""
MIB: Final = 1024 * 1024
SMALL_BYTES: Final = 16 * MIB
TIMEOUT: Final = "120s"
"""Of the policies: what is late is measured all the same."""

Write = Callable[[Path, int, dict[str, Any]], reports.Written]

VARIANTS: Final[Mapping[str, tuple[Write, str | None, dict[str, Any]]]] = {
    "SARIF of CodeQL": (reports.sarif, "codeql-sarif/smi__out.python.sarif.json", reports.SMALL_SARIF),
    "SARIF, many small": (reports.sarif, None, reports.SMALL_SARIF),
    "Trivy of an image": (reports.trivy, "trivy/scb__juice-shop-v12.10.2.json", reports.SMALL_TRIVY),
    "Trivy, many small": (reports.trivy, None, reports.SMALL_TRIVY),
}
"""How it is written, the real sample below the reports, and what stands in for it."""


def measured(folder: Path, quick: bool) -> Table:
    """Each report once, as one process tree."""
    rows = [row for name in VARIANTS for row in _rows(name, folder, QUICK_BYTES if quick else SIZE_BYTES)]
    size = (QUICK_BYTES if quick else SIZE_BYTES) / 1e6
    if not quick:
        rows += _rows(LARGE, folder, LARGE_BYTES)
    return Table(
        name="big", title=f"gate check of one report of {size:.0f} MB, to a JSON file", rows=tuple(rows)
    )


def _rows(name: str, folder: Path, size_bytes: int) -> list[Row]:
    is_large = size_bytes == LARGE_BYTES
    memory_bar_bytes = LARGE_BAR_BYTES if is_large else MEMORY_BAR_BYTES
    write, sample, stand_in = VARIANTS[name]
    real = real_sample(sample)
    report = write(folder / "report.json", size_bytes, real or stand_in)
    command = [*machine.gate_command(), "check", "report.json", "-o", "json=out.json", "-q"]
    command += ["--timeout", TIMEOUT, "--ci", "none"]
    run = processes.run(command, cwd=folder, env=machine.environment(folder / "bytecode"), watch=True)
    made_up = "" if real or sample is None else ", made up: the sample is absent"
    rows = [
        Row(
            what=f"{name}, {LARGE_BYTES / 1e6:.0f} MB" if is_large else name,
            figure=f"{run.wall_s:.1f} s",
            bar="" if is_large else f"{WALL_BAR_S:.0f} s",
            holds=None if is_large else within(run.wall_s, WALL_BAR_S),
            note=f"{report.findings:,} findings{made_up}, CPU {run.cpu_s:.1f} s, exit {run.code}",
        )
    ]
    for program, peak in sorted(run.peaks.items()):
        if peak < SMALL_BYTES:
            continue  # a shell around the command
        rows.append(
            Row(
                what=f"  {program}, peak",
                figure=f"{peak / MIB:,.0f} MiB",
                bar=f"{memory_bar_bytes / MIB:,.0f} MiB",
                holds=within(peak, memory_bar_bytes),
            )
        )
    rows.append(Row(what="  together, peak", figure=f"{run.together_bytes / MIB:,.0f} MiB"))
    if run.code not in (0, 1):
        last = run.out.strip().splitlines()[:2]
        rows.append(Row(what="  no decision", figure=f"exit {run.code}", holds=False, note=" ".join(last)))
    return rows


def real_sample(name: str | None) -> dict[str, Any] | None:
    """A real report of the shared data, or None where there is none."""
    path = machine.data() / "reports" / name if name else None
    if path is None or not path.is_file():
        return None
    sample: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return sample
