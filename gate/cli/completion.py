"""`gate completion`: the script that teaches a shell gate's commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(epilog='Examples:  eval "$(gate completion bash)"    gate completion fish > gate.fish')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL."""
    from gate.cli import group

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(group, {}, "gate", "_GATE_COMPLETE").source())
