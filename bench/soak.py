"""A million evaluations through one engine: memory of both processes, as it goes."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Final

from bench import machine, reviews, throughput
from bench.processes import resident_bytes
from bench.table import Row, Table, slope
from gate.engines.embedded import Engine
from gate.engines.protocol import Op

EVALUATIONS: Final = 1_000_000
QUICK: Final = 50_000
POINTS: Final = 10
SETTLED: Final = 3
"""Points left out at the start: both collectors find their size first."""
FLAT_MIB: Final = 16.0
"""A line that rises less between the first settled point and the last counts as flat."""
MIB: Final = 1024 * 1024

Sample = tuple[int, int, int]
"""Evaluations so far, bytes held by Python, bytes held by the engine."""


def measured(_: Path, quick: bool) -> Table:
    """Sixteen in flight, every input another one."""
    total = QUICK if quick else EVALUATIONS
    started = time.perf_counter()
    with machine.engine() as engine:
        throughput.loaded(engine)
        samples = asyncio.run(_sampled(engine, total))
        children = engine.children()
    wall_s = time.perf_counter() - started
    rows = [_row("Python", samples, 1), _row("gate-opa", samples, 2)]
    rows.append(Row(what="wall", figure=f"{wall_s:.0f} s", note=f"{total / wall_s:,.0f} evaluations/s"))
    rows.append(Row(what="children at the end", figure=f"{len(children)}", bar="1", holds=len(children) == 1))
    return Table(name="soak", title=f"{total:,} evaluations of a Pod review, 11 rules", rows=tuple(rows))


def _row(what: str, samples: list[Sample], column: int) -> Row:
    points = [(sample[0], sample[column] / MIB) for sample in samples]
    settled = points[SETTLED:]
    rise_mib = slope(settled) * (settled[-1][0] - settled[0][0])
    return Row(
        what=f"{what}, rise",
        figure=f"{rise_mib:+.1f} MiB",
        bar=f"{FLAT_MIB:.0f} MiB",
        holds=rise_mib <= FLAT_MIB,
        note="MiB at each tenth: " + " ".join(f"{size:.0f}" for _, size in points),
    )


async def _sampled(engine: Engine, total: int) -> list[Sample]:
    before, _, after = reviews.encoded(reviews.pod_review("@NAME@")).partition(b"@NAME@")
    left = iter(range(total))
    samples: list[Sample] = []

    async def one() -> None:
        for number in left:
            body = b"%bweb-%d%b" % (before, number, after)
            await engine.ask_async(
                Op.EVALUATE,
                throughput.header(number),
                body,
                timeout_s=throughput.TIMEOUT_S,
                bundle=throughput.BUNDLE,
            )
            if (number + 1) % (total // POINTS) == 0:
                [child] = engine.children()
                samples.append((number + 1, resident_bytes(os.getpid()), resident_bytes(child)))

    await asyncio.gather(*(one() for _ in range(throughput.IN_FLIGHT)))
    return sorted(samples)
