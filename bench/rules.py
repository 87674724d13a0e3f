"""One Pod against each built-in set about Kubernetes: what the engine takes for an object.

The engine's own processor time, not the clock, so that other work on the machine counts less.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bench.reviews import pod_review
from bench.table import Row, Table, within
from gate import bootstrap
from gate.assemble import Facts, assemble
from gate.bundle import entrypoints
from gate.engines.embedded import Engine
from gate.model import Point, Subject

SETS: Final = (
    ("builtin:kubernetes",),
    ("builtin:pod-security/restricted",),
    ("builtin:hardening",),
    ("builtin:reliability",),
    ("builtin:kubernetes", "builtin:hardening"),
)
BAR_US: Final = 500.0


def measured(_: Path, quick: bool) -> Table:
    """The least of rounds, for each set; four containers in the Pod."""
    rounds, objects = (3, 100) if quick else (5, 500)
    with bootstrap.engine() as engine:
        rows = tuple(_row(engine, sets, rounds, objects) for sets in SETS)
    return Table(name="rules", title=f"one Pod, least of {rounds} times {objects}", rows=rows)


def _row(engine: Engine, sets: tuple[str, ...], rounds: int, objects: int) -> Row:
    bundle = bootstrap.bundle(list(sets), Path(), engine, python=False)
    subject = Subject(type="manifests", name="pods", claimed=True)
    facts = Facts(
        now=datetime(2026, 11, 22, tzinfo=UTC), point=Point.ADMISSION, project=None, environment=None, subject=subject, settings=bundle.settings
    )  # fmt: skip
    base = assemble(facts).base
    entries = entrypoints(bundle.packages, "object", Point.ADMISSION)
    pod = pod_review()["request"]["object"]
    overlays = [msgspec.json.encode({"object": pod, "source": None, "request": None})] * objects
    figures = []
    for _ in range(rounds):
        before = _children_s()
        engine.evaluate_many(bundle.revision, entries, base, overlays, now_ns=0, seed="", timeout_s=60.0)
        figures.append((_children_s() - before) / objects * 1e6)
    rules = sum(rule.scope == "object" for rule in bundle.rules.values())
    return Row(
        what=" + ".join(name.removeprefix("builtin:") for name in sets),
        figure=f"{min(figures):,.0f} us",
        bar=f"{BAR_US:.0f} us",
        holds=within(min(figures), BAR_US),
        note=f"{rules} rules",
    )


def _children_s() -> float:
    """Processor seconds of this process's children so far (Linux)."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
