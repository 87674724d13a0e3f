"""`gate decision`: decisions that the service recorded."""

from __future__ import annotations

import os
import sys

import click
import msgspec

from gate.cli import check
from gate.cli.terminal import Terminal
from gate.errors import SettingsError
from gate.outputs import OUTPUTS


@click.group(epilog="Examples:  gate decision show 01a22152-6620-7929-8b2b-bbfa43b523dd -o html=report.html")
def command() -> None:
    """Show what was decided."""


@command.command()
@click.argument("decision_id", metavar="ID")
@click.option("--server", metavar="URL", help="the service (GATE_SERVER_URL)")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT[=FILE]", help=", ".join(OUTPUTS))
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
def show(
    decision_id: str, server: str | None, token: str | None, outputs: tuple[str, ...], color: str
) -> int:
    """Print the decision ID as `gate check` did; the exit code is the outcome's."""
    from gate import remote
    from gate.client import Client

    url = server or os.environ.get("GATE_SERVER_URL")
    if not url:
        raise SettingsError(
            "no service to ask", code="usage", expected="--server, or GATE_SERVER_URL", fix="name the service"
        )
    wanted = check.outputs(outputs)
    shown = Client(url, remote.token(token, os.environ)).decision(decision_id)
    code = check.exit_code(shown.decision.outcome, 0, report_only=False)
    terminal = Terminal.of(sys.stdout, color)
    shown = msgspec.structs.replace(
        shown, exit_code=code, color=terminal.color, unicode=terminal.unicode, width=terminal.width
    )
    check.written(wanted, shown, sys.stdout.buffer)
    return code
