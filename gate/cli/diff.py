"""`gate diff`: what came and what went between two decisions or two lists of findings."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec


@click.command(
    epilog="Examples:  gate diff yesterday.json today.json    gate diff .gate/baseline.json trivy.json --exit-code"
)
@click.argument("before")
@click.argument("after")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@click.option("--exit-code", is_flag=True, help="exit 1 where something was introduced")
def command(before: str, after: str, output: str, exit_code: bool) -> int:
    """Compare two decisions, or two baselines, reports or outputs of `gate convert -o json`."""
    from gate import bootstrap, differences, files
    from gate.errors import ReportError
    from gate.outputs.escaping import terminal

    with bootstrap.engine() as engine:
        old, new = (
            differences.listed(files.content(Path(name), name, ReportError), name, engine)
            for name in (before, after)
        )
    found = differences.difference(old, new)
    if output == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    else:
        for sign, items in (("+", found.introduced), ("-", found.fixed)):
            for one in items:
                click.echo(terminal(f"{sign} {one.severity or '-':8}  {one.rule}  {one.where}"))
        counts = f"{len(found.introduced)} introduced, {len(found.fixed)} fixed"
        click.echo(f"{found.of}: {counts}, {len(found.persisting)} persisting")
    return 1 if exit_code and found.introduced else 0
