"""`gate version`."""

from __future__ import annotations

import platform

import click

from gate import __version__


@click.command(epilog="Examples:  gate version    gate version -o json")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="shape of the answer"
)
def command(output: str) -> None:
    """Print the versions of gate, its engine and Python."""
    from gate import bootstrap

    with bootstrap.engine() as engine:
        facts = {"gate": __version__, "engine": engine.version, "python": platform.python_version()}
    if output == "json":
        import msgspec

        click.echo(msgspec.json.encode(facts).decode())
    else:
        for name, value in facts.items():
            click.echo(f"{name:7} {value}")
