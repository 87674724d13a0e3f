"""Ten thousand findings: parse, normalize, join and decide, as one `gate check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from bench import machine, processes, reports
from bench.table import Row, Table, within

FINDINGS: Final = 10_000
WALL_BAR_S: Final = 1.5
BYTES: Final[
    Mapping[str, tuple[Callable[[Path, int, dict[str, Any]], reports.Written], dict[str, Any], int]]
] = {
    "SARIF": (reports.sarif, reports.SMALL_SARIF, 370),
    "Trivy": (reports.trivy, reports.SMALL_TRIVY, 360),
}
"""How it is written, from what, and about how many bytes a finding has."""


def measured(folder: Path, quick: bool) -> Table:
    """Each report once; the first run of a machine pays for compiling bytecode."""
    env = machine.environment(folder / "code")
    rows: list[Row] = []
    for name, (write, sample, bytes_each) in BYTES.items():
        report = write(folder / "report.json", bytes_each * FINDINGS, sample)
        command = [
            *machine.gate_command(),
            "check",
            "report.json",
            "-o",
            "json=out.json",
            "-q",
            "--ci",
            "none",
        ]
        command += ["--timeout", "120s"]
        runs = [processes.run(command, cwd=folder, env=env) for _ in range(2 if quick else 4)][1:]
        best = min(runs, key=lambda run: run.wall_s)
        rows.append(
            Row(
                what=name,
                figure=f"{best.wall_s:.2f} s",
                bar=f"{WALL_BAR_S} s",
                holds=within(best.wall_s, WALL_BAR_S),
                note=f"{report.findings:,} findings, CPU {best.cpu_s:.2f} s, exit {best.code}",
            )
        )
    return Table(name="findings", title=f"gate check of about {FINDINGS:,} findings", rows=tuple(rows))
