"""`gate worker`: jobs done beside the servers."""

from __future__ import annotations

import gc
import os

import click

from gate.errors import SettingsError


@click.command(epilog="Examples:  GATE_DATABASE_URL=postgresql://gate@db/gate gate worker")
@click.option("--database-url", metavar="URL", help="postgresql://… (GATE_DATABASE_URL)")
@click.option("--policies", metavar="DIR", help="folder of policy folders that projects may name")
def command(database_url: str | None, policies: str | None) -> None:
    """Do jobs of the service: decisions that are made again, waivers that end.

    Any number may run, and every server does them too. With SQLite the server is alone with its file.
    """
    from gate.service import server

    url = database_url or server.secret(os.environ, "GATE_DATABASE_URL")
    if url is None:
        raise SettingsError(
            "no database is named",
            code="usage",
            expected="--database-url or GATE_DATABASE_URL",
            fix="with SQLite the server does its jobs itself: run `gate serve` alone",
        )
    gc.enable()
    again = None if database_url else lambda: server.secret(os.environ, "GATE_DATABASE_URL")
    options = server.Options(database_url=url, database_url_again=again, policies=policies)
    server.work(options, lambda line: click.echo(line, err=True))
