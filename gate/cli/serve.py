"""`gate serve`: the service."""

from __future__ import annotations

import os

import click

from gate.errors import SettingsError


@click.command(
    epilog="Examples:  gate serve    GATE_DATABASE_URL=postgresql://gate@db/gate gate serve --host 0.0.0.0"
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65_535))
@click.option("--admission-port", type=click.IntRange(0, 65_535), help="where Kubernetes asks")
@click.option("--database-url", metavar="URL", help="postgresql://… (GATE_DATABASE_URL, without --data-dir)")
@click.option(
    "--data-dir", default=".gate/service", show_default=True, metavar="DIR", help="where SQLite's file is"
)
@click.option("--policies", metavar="DIR", help="folder of policy folders that projects may name")
def command(
    host: str,
    port: int,
    admission_port: int | None,
    database_url: str | None,
    data_dir: str,
    policies: str | None,
) -> None:
    """Answer other machines: decisions over HTTP, recorded for good.

    Without a database URL everything is in one SQLite file below --data-dir.
    """
    from gate.service import server

    if admission_port is not None:
        raise SettingsError(
            "--admission-port is not part of this version", code="not_available", fix="leave it out"
        )
    options = server.Options(
        host=host,
        port=port,
        database_url=database_url or server.secret(os.environ, "GATE_DATABASE_URL"),
        data_dir=data_dir,
        policies=policies,
        bootstrap_token=server.secret(os.environ, "GATE_BOOTSTRAP_TOKEN"),
    )
    server.serve(options, lambda line: click.echo(line, err=True))
