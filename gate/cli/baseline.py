"""`gate baseline`: what is known today, so that a gate can fail on what is new."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click


@click.group(
    epilog="Examples:  gate baseline write reports/ k8s/    gate baseline write --file known.json reports/"
)
def command() -> None:
    """Accept what is known today."""


@command.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--file", metavar="FILE", help="where to write it (default: baseline.file of gate.yaml)")
@click.option("--config", metavar="FILE")
@click.option("--policy", "policies", multiple=True, metavar="PATH")
@click.option("--as", "declared", multiple=True, metavar="FORMAT=PATH")
@click.option("--project", metavar="NAME")
def write(file: str | None, **given: Any) -> None:
    """Write every finding and violation of the PATHs into a baseline file.

    Commit the file: a change is judged with the baseline of its base commit, so nobody widens it
    unseen.
    """
    from gate import baseline, local
    from gate.cli.check import replaced
    from gate.wish import Wish

    now = datetime.now(UTC)
    wish = Wish(record=False, baseline=None, **given)
    judgement = local.checked(wish, Path.cwd(), os.environ, now, os.urandom(10), compare=False).judgement
    decision = judgement.decision
    path, label = (Path(file), file) if file else _configured(given["config"])
    previous = baseline.parsed(path.read_bytes(), label, decision.project) if path.exists() else None
    known = baseline.taken(
        decision.project, now, judgement.findings, decision.violations, judgement.components, previous
    )
    replaced(path, baseline.written(known))
    click.echo(
        f"{label}: {len(known.findings)} findings and {len(known.violations)} violations are known now"
    )


def _configured(config: str | None) -> tuple[Path, str]:
    """Where gate.yaml says that the baseline is kept, or would be, and how it calls that."""
    from gate import settings
    from gate.configuration import configuration

    with configuration(config, None, Path.cwd(), None) as found:
        name = (found.settings.baseline or settings.Baseline(mode="file")).file
        return found.home / name, name
