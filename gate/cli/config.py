"""`gate config`: gate.yaml checked, its JSON Schema printed."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(epilog="Examples:  gate config validate    gate config schema > gate.schema.json")
def command() -> None:
    """Check gate.yaml, or print its JSON Schema."""


@command.command()
@click.argument("file", required=False)
def validate(file: str | None) -> None:
    """Check gate.yaml (default: the nearest one) and every file it names."""
    from gate import configuration

    label = configuration.validated(file, Path.cwd())
    click.echo(f"{label} is valid" if label else "no gate.yaml here: the defaults hold")


@command.command()
def schema() -> None:
    """Print the JSON Schema of gate.yaml, for editors."""
    import msgspec

    from gate import settings

    click.echo(msgspec.json.format(msgspec.json.encode(settings.json_schema()), indent=2).decode())
