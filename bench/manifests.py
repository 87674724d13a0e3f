"""Files with a Deployment each: `gate check` with few rules and with the shipped ones, beside conftest."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from bench import machine, processes
from bench.table import Row, Table, within

SIZES: Final = ((2_000, 5, 0.5), (20_000, 2, 1 / 3))
"""Files, rounds, and what of conftest's wall time they may take."""
QUICK: Final = ((200, 3, 0.5),)
MIB: Final = 1024 * 1024
FOLDER: Final = Path(__file__).parent
CONFTEST: Final = "conftest test, 4 rules"
SAME: Final = "gate check, conftest's 4 rules as they are"
OWN: Final = "gate check, the same 4 rules"


def measured(folder: Path, quick: bool) -> Table:
    """Medians of rounds in turns, for each size."""
    sizes = QUICK if quick else SIZES
    env = machine.environment(folder / "bytecode")
    rows: list[Row] = []
    for files, rounds, bar in sizes:
        place = folder / str(files)
        place.mkdir()
        written(place / "k8s", files)
        rows += _of_size(place, env, rounds, bar, f"{files:,} files: ")
    return Table(name="manifests", title="Deployment files, medians of rounds in turns", rows=tuple(rows))


def _of_size(folder: Path, env: dict[str, str], rounds: int, bar: float, label: str) -> list[Row]:
    policy = str(FOLDER / "deployments_conftest.rego")
    commands = {SAME: _gate(policy), OWN: _gate(str(FOLDER / "deployments_gate.rego"))}
    if bar == SIZES[0][2]:
        commands["gate check, shipped rules"] = _gate("builtin:kubernetes")
    try:
        conftest = str(machine.peer(machine.CONFTEST))
    except machine.PeerMissing as missing:
        return [Row(what=f"{label}conftest", figure="-", bar=f"{bar:.2f}", holds=False, note=str(missing))]
    commands[CONFTEST] = [conftest, "test", "k8s", "--policy", policy, "--quiet"]
    runs: dict[str, list[processes.Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            run = processes.run(command, cwd=folder, env=env, watch=True)
            if run.code not in (0, 1):
                raise RuntimeError(f"{name} ended with {run.code}: {run.out}")
            if number:
                runs[name].append(run)
    walls = {name: statistics.median(run.wall_s for run in turns) for name, turns in runs.items()}
    memory = {name: max(run.together_bytes for run in turns) for name, turns in runs.items()}
    rows = [_row(label + name, turns) for name, turns in runs.items()]
    for name in (SAME, OWN):
        ratio = walls[name] / walls[CONFTEST]
        rows.append(
            Row(
                what=f"{label}{name} / conftest",
                figure=f"{ratio:.2f}",
                bar=f"{bar:.2f}",
                holds=within(ratio, bar),
                note="of wall time",
            )
        )
        share = memory[name] / memory[CONFTEST]
        rows.append(
            Row(
                what=f"{label}{name} / conftest",
                figure=f"{share:.2f}",
                bar="1.00",
                holds=within(share, 1.0),
                note="of memory, both processes together",
            )
        )
    return rows


def _gate(policy: str) -> list[str]:
    return [*machine.gate_command(), "check", "k8s", "--policy", policy, "--ci", "none", "-q"]


def written(folder: Path, files: int) -> None:
    """Files with a Deployment each, no two alike, a few of them flawed."""
    folder.mkdir()
    for number in range(files):
        (folder / f"deployment-{number:05}.yaml").write_text(deployment(number), "utf-8")


def deployment(number: int) -> str:
    """The manifest of one Deployment."""
    tag = "latest" if number % 100 == 0 else f"1.{number}"
    return f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  namespace: team-{number % 20}
  labels: {{app.kubernetes.io/name: web-{number}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app.kubernetes.io/name: web-{number}}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: web-{number}}}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile: {{type: RuntimeDefault}}
      containers:
        - name: web
          image: registry.example/acme/web-{number}:{tag}
          ports:
            - containerPort: 8080
          resources:
            limits: {{cpu: 500m, memory: 128Mi}}
            requests: {{cpu: 100m, memory: 64Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
"""


def _row(name: str, turns: list[processes.Run]) -> Row:
    wall_s, cpu_s = (statistics.median(getattr(run, field) for run in turns) for field in ("wall_s", "cpu_s"))
    memory = max(run.together_bytes for run in turns) / MIB
    return Row(what=name, figure=f"{wall_s:.2f} s", note=f"CPU {cpu_s:.2f} s, memory {memory:.0f} MiB")
