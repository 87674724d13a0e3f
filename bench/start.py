"""`gate check` on one manifest and one report, as a whole process, and where its time goes."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from bench import machine, processes, reports
from bench.table import Row, Table, within
from gate import bootstrap

WALL_BAR_S: Final = 0.30
IMPORTS_BAR_S: Final = 0.15
MANIFEST: Final = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example/acme/web:1.2
          resources: {limits: {memory: 128Mi}}
"""
ARGUMENTS: Final = ("check", "web.yaml", "trivy.json", "--ci", "none")


def measured(folder: Path, quick: bool) -> Table:
    """Medians of 15 runs, after one that fills the caches."""
    runs = 5 if quick else 15
    inputs = folder / "in"
    inputs.mkdir()
    (inputs / "web.yaml").write_text(MANIFEST, "utf-8")
    (inputs / "trivy.json").write_bytes(msgspec.json.encode(reports.SMALL_TRIVY))
    env = machine.environment(folder / "bytecode")
    env["PYTHONPATH"] = str(machine.REPOSITORY)

    walls, bare, imports = list[float](), list[float](), list[float]()
    for number in range(runs + 1):
        check = processes.run([*machine.gate_command(), *ARGUMENTS], cwd=inputs, env=env)
        if check.code not in (0, 1):
            raise RuntimeError(f"gate check ended with {check.code}: {check.out}")
        python = processes.run([sys.executable, "-c", "pass"], cwd=inputs, env=env)
        told = folder / "imports.json"
        processes.run([sys.executable, "-m", "bench.imports", str(told), *ARGUMENTS], cwd=inputs, env=env)
        if number:
            walls.append(check.wall_s)
            bare.append(python.wall_s)
            imports.append(msgspec.json.decode(told.read_bytes())["imports_s"])
    wall_s, imports_s = statistics.median(walls), statistics.median(imports)
    hello_s, compile_s = (statistics.median(times) for times in zip(*map(_engine, range(runs)), strict=True))
    rest_s = wall_s - statistics.median(bare) - imports_s
    return Table(
        name="start",
        title=f"gate check on one manifest and one report, median of {runs} processes",
        rows=(
            Row(
                what="wall",
                figure=f"{wall_s:.3f} s",
                bar=f"{WALL_BAR_S:.2f} s",
                holds=within(wall_s, WALL_BAR_S),
                note=f"least {min(walls):.3f}, most {max(walls):.3f}; bytecode cached, as installed",
            ),
            Row(
                what="  imports",
                figure=f"{imports_s:.3f} s",
                bar=f"{IMPORTS_BAR_S:.2f} s",
                holds=within(imports_s, IMPORTS_BAR_S),
                note="every import the check makes",
            ),
            Row(what="  Python itself", figure=f"{statistics.median(bare):.3f} s", note="python -c pass"),
            Row(
                what="  the rest",
                figure=f"{rest_s:.3f} s",
                note="read, judge, print, end; waits for the engine",
            ),
            Row(what="engine: start to first answer", figure=f"{hello_s:.3f} s", note="beside the reading"),
            Row(
                what="engine: collect and compile",
                figure=f"{compile_s:.3f} s",
                note="the default policies, too",
            ),
        ),
    )


def _engine(_: int) -> tuple[float, float]:
    """Seconds until a new engine answers, and until it has the default policies."""
    with machine.engine() as engine:
        hello_s = _seconds(lambda: engine.version)
        compile_s = _seconds(
            lambda: bootstrap.bundle(("builtin:default",), machine.REPOSITORY, engine, python=False)
        )
    return hello_s, compile_s


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
