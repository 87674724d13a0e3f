"""`gate audit`: the record verified and exported, a cluster judged."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from gate.cli import asking, clusters
from gate.errors import SettingsError

if TYPE_CHECKING:
    from gate.client import Client

_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}


@click.group(
    commands={"cluster": clusters.audit},
    epilog="Examples:  gate audit verify .gate/record.jsonl    gate audit export --csv --file audit.csv    gate audit cluster --config platform.yaml",
)
def command() -> None:
    """Verify and export the record of decisions; judge what runs in a cluster."""


@command.command()
@click.argument("file", required=False)
@click.option("--server", metavar="URL", help="verify the record of this service instead of a file")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
def verify(file: str | None, server: str | None, token: str | None) -> None:
    """Follow the hash chain of FILE (default: .gate/record.jsonl), or of --server, from its first entry to its last."""
    if server is not None:
        if file is not None:
            raise SettingsError("FILE together with --server", code="usage", fix="name one of the two")
        told = asking.client(server, token).ask("GET", "/api/v1/audit/verify")
        click.echo(f"{told['decisions']} decisions in {told['chains']} chains, every chain unbroken")
        for name, digest in told["ends"].items():
            click.echo(f"chain {name} ends in {digest}")
        return
    from gate import bootstrap

    file = file or ".gate/record.jsonl"
    click.echo(f"{file}: {bootstrap.verified(Path(file))} entries, chain unbroken")


@command.command()
@click.option("--events", is_flag=True, help="who changed what, instead of the decisions")
@click.option(
    "--csv", "kind", flag_value="csv", help="for a spreadsheet (default: the record's own lines, NDJSON)"
)
@click.option("--ndjson", "kind", flag_value="ndjson", default=True, hidden=True)
@click.option("--file", metavar="FILE", help="where to; it appears once it is whole (default: stdout)")
@click.option("--server", metavar="URL", help="the service (GATE_SERVER_URL)")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
def export(events: bool, kind: str, file: str | None, server: str | None, token: str | None) -> None:
    """Write all that the service has recorded; an export that breaks off is exit 3, and no FILE."""
    service = asking.client(server, token)
    path = f"/api/v1/audit/export?of={'events' if events else 'decisions'}"
    if file is None:
        _written(service, path, kind, sys.stdout.buffer)
        return
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as opened:
            _written(service, path, kind, opened)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError as error:
        raise SettingsError(
            f"it cannot be written: {error.strerror}", path=file, fix="choose a folder that can be written to"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _written(service: Client, path: str, kind: str, stream: BinaryIO) -> None:
    stream.writelines(service.streamed(path, _TYPES[kind]))
    stream.flush()
