"""`gate audit`: the record verified."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(epilog="Examples:  gate audit verify .gate/record.jsonl")
def command() -> None:
    """Verify the record of decisions."""


@command.command()
@click.argument("file", default=".gate/record.jsonl")
def verify(file: str) -> None:
    """Follow the hash chain of FILE from its first entry to its last."""
    from gate import bootstrap

    click.echo(f"{file}: {bootstrap.verified(Path(file))} entries, chain unbroken")
