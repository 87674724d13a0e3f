"""One multi-document stream of up to 100,000 Deployments: whether time grows with the objects, and with nothing else."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from bench import machine, manifests, processes
from bench.table import Row, Table, within

SIZES: Final = (12_500, 25_000, 50_000, 100_000)
QUICK: Final = (500, 1_000)
ROUNDS: Final = 2
GROWTH: Final = 1.25
"""Time an object of the longest stream may take, in times of one of the shortest."""


def measured(folder: Path, quick: bool) -> Table:
    """The median of rounds for each size."""
    env = machine.environment(folder / "bytecode")
    policy = str(manifests.FOLDER / "deployments_gate.rego")
    rows: list[Row] = []
    each_s: list[float] = []
    for size in QUICK if quick else SIZES:
        written(folder / "stream.yaml", size)
        command = [*machine.gate_command(), "check", "stream.yaml", "--policy", policy, "--ci", "none", "-q"]
        runs = [processes.run(command, cwd=folder, env=env, watch=True) for _ in range(ROUNDS)]
        for run in runs:
            if run.code != 1:
                raise RuntimeError(f"{size} objects ended with {run.code}: {run.out}")
        wall_s = statistics.median(run.wall_s for run in runs)
        memory = max(run.together_bytes for run in runs) / manifests.MIB
        each_s.append(wall_s / size)
        rows.append(
            Row(
                what=f"{size:,} objects",
                figure=f"{wall_s:.1f} s",
                note=f"{wall_s / size * 1e6:.0f} us an object, memory {memory:.0f} MiB",
            )
        )
    growth = each_s[-1] / each_s[0]
    rows.append(
        Row(
            what="time an object, longest / shortest",
            figure=f"{growth:.2f}",
            bar=f"{GROWTH}",
            holds=within(growth, GROWTH),
        )
    )
    return Table(name="objects", title="one multi-document stream, four rules", rows=tuple(rows))


def written(path: Path, size: int) -> None:
    """A stream of `size` Deployments, no two alike."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(size):
            file.write("---\n" + manifests.deployment(number))
