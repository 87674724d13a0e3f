"""`gate migrate`: the store's tables brought to this version."""

from __future__ import annotations

import os

import click


@click.command(epilog="Examples:  GATE_DATABASE_URL=postgresql://gate@db/gate gate migrate")
@click.option("--database-url", metavar="URL", help="postgresql://… (GATE_DATABASE_URL, without --data-dir)")
@click.option(
    "--data-dir", default=".gate/service", show_default=True, metavar="DIR", help="where SQLite's file is"
)
def command(database_url: str | None, data_dir: str) -> None:
    """Bring the tables to this version; older servers go on working meanwhile.

    Any number may run at once: one migrates, the others wait. A newer store is refused.
    """
    from contextlib import closing

    from gate.service import server
    from gate.stores import migrations
    from gate.stores.database import Database

    url = database_url or server.secret(os.environ, "GATE_DATABASE_URL")
    with closing(Database(server.database_url(url, data_dir))) as database:
        before, after = migrations.migrated(database)
    click.echo(f"schema {after}" if before == after else f"schema {after}, was {before or 'empty'}")
