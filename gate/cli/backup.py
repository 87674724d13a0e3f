"""`gate backup`: everything the service keeps as one file, and a database out of it."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group(
    epilog="Examples:  gate backup write gate.backup    GATE_DATABASE_URL=postgresql://gate@db/new gate backup restore gate.backup"
)
def command() -> None:
    """Write the service's database into one file, or a fresh database out of it."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--database-url", metavar="URL", help="postgresql://… (GATE_DATABASE_URL, without --data-dir)")
@click.option("--data-dir", default=".gate/service", show_default=True, metavar="DIR")
def write(file: Path, database_url: str | None, data_dir: str) -> None:
    """Write everything into FILE while servers go on; it appears when it is whole.

    FILE holds everything but tokens, of which it has the digests: keep it as you keep the database.
    """
    from datetime import UTC, datetime

    from gate import __version__, times
    from gate.service import server
    from gate.stores import backup

    url = server.database_url(database_url or server.secret(os.environ, "GATE_DATABASE_URL"), data_dir)
    with backup.reading(url) as connection:
        told = backup.written(connection, file, gate_version=__version__, at=times.rfc3339(datetime.now(UTC)))
    click.echo(f"{file}: {told.rows} rows, {told.decisions} decisions")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--database-url", metavar="URL", help="postgresql://… (GATE_DATABASE_URL, without --data-dir)")
@click.option("--data-dir", default=".gate/service", show_default=True, metavar="DIR")
def restore(file: Path, database_url: str | None, data_dir: str) -> None:
    """Put everything of FILE into an empty database, and verify its record: all of it or nothing."""
    import secrets
    from contextlib import closing
    from datetime import UTC, datetime

    from gate.ids import uuid7
    from gate.service import server
    from gate.stores import backup
    from gate.stores.database import Database

    url = server.database_url(database_url or server.secret(os.environ, "GATE_DATABASE_URL"), data_dir)
    with closing(Database(url)) as database:
        told = backup.restored(database, file, uuid7(datetime.now(UTC), secrets.token_bytes(10)))
    click.echo(f"{told.rows} rows of {told.at}: {told.verified.decisions} decisions, every chain unbroken")
    for name, digest in told.verified.ends.items():
        click.echo(f"chain {name} ends in {digest}")
