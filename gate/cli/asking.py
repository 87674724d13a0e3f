"""What commands that ask the service share: where it is, with which token, and how its answers are printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click
import msgspec

from gate.errors import SettingsError
from gate.outputs.escaping import terminal

if TYPE_CHECKING:
    from gate.administration import Administration
    from gate.client import Client

F = TypeVar("F", bound=Callable[..., Any])


def asks(function: F) -> F:
    """Give a command --server, --token and -o; take the first two with `client`."""
    options = (
        click.option("--server", metavar="URL", help="the service (GATE_SERVER_URL)"),
        click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)"),
        click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text"),
    )
    for option in reversed(options):
        function = option(function)
    return function


def client(server: str | None, token: str | None) -> Client:
    """The service; raises `SettingsError` where none is named, or no token."""
    from gate import remote

    url = server or os.environ.get("GATE_SERVER_URL")
    if not url:
        raise SettingsError(
            "no service to ask", code="usage", expected="--server, or GATE_SERVER_URL", fix="name the service"
        )
    return remote.client(url, remote.token(token, os.environ), os.environ)


def administration(server: str | None, token: str | None) -> Administration:
    """The service, administered; raises `SettingsError` as `client`."""
    from gate.administration import Administration

    return Administration(client(server, token))


def project(named: str | None) -> str:
    """The project that was named, else the one of gate.yaml; raises `SettingsError` where neither says."""
    if named:
        return named
    from gate.configuration import configuration

    with configuration(None, None, Path.cwd(), None) as config:
        found = config.settings.project
    if found is None:
        raise SettingsError(
            "no project is named", code="usage", expected="--project, or project in gate.yaml"
        )
    return found


def path(text: str) -> str:
    """`text` as one part of a path."""
    return quote(text, safe="")


def printed(value: Any, output: str, lines: Callable[[Any], list[str]]) -> None:
    """Print an answer: as it came, or as `lines` tells it; nothing of it moves the terminal's cursor."""
    if output == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
        sys.stdout.buffer.flush()
        return
    for line in lines(value):
        click.echo(terminal(line))
