"""`gate audit`: the record verified, a cluster judged."""

from __future__ import annotations

from pathlib import Path

import click

from gate.cli import clusters


@click.group(
    commands={"cluster": clusters.audit},
    epilog="Examples:  gate audit verify .gate/record.jsonl    gate audit cluster --config platform.yaml",
)
def command() -> None:
    """Verify the record of decisions; judge what runs in a cluster."""


@command.command()
@click.argument("file", default=".gate/record.jsonl")
def verify(file: str) -> None:
    """Follow the hash chain of FILE from its first entry to its last."""
    from gate import bootstrap

    click.echo(f"{file}: {bootstrap.verified(Path(file))} entries, chain unbroken")
