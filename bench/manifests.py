"""2,000 files with a Deployment each: `gate check` with few rules and with the shipped ones, beside conftest."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Final

from bench import machine, processes
from bench.table import Row, Table

FILES: Final = 2_000
QUICK: Final = 200
MIB: Final = 1024 * 1024
FOLDER: Final = Path(__file__).parent
CONFTEST: Final = "conftest test, 4 rules"


def measured(folder: Path, quick: bool) -> Table:
    """Medians of rounds in turns."""
    files, rounds = (QUICK, 3) if quick else (FILES, 5)
    written(folder / "k8s", files)
    env = machine.environment(folder / "bytecode")
    policy = str(FOLDER / "deployments_conftest.rego")
    commands = {
        "gate check, conftest's 4 rules as they are": _gate(policy),
        "gate check, the same 4 rules": _gate(str(FOLDER / "deployments_gate.rego")),
        "gate check, shipped rules": _gate("builtin:kubernetes"),
    }
    rows: list[Row] = []
    try:
        conftest = str(machine.peer(machine.CONFTEST))
    except machine.PeerMissing as missing:
        rows.append(Row(what="conftest", figure="-", note=str(missing)))
    else:
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
    rows = [_row(name, turns) for name, turns in runs.items()] + rows
    theirs = walls.pop(CONFTEST, None)
    if theirs:
        rows += [
            Row(what=f"{name} / conftest", figure=f"{ours / theirs:.2f}", note="of wall time")
            for name, ours in walls.items()
        ]
    return Table(name="manifests", title=f"{files:,} Deployment files, median of {rounds}", rows=tuple(rows))


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
