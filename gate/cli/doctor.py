"""`gate doctor`: whether everything gate needs is there, as a table."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from gate import __version__
from gate.errors import GateError


class Row(NamedTuple):
    """One thing looked at."""

    what: str
    is_good: bool
    found: str


@click.command(epilog="Examples:  gate doctor")
def command() -> int:
    """Show versions, engine, policies, configuration and record; exit 3 if something is missing."""
    rows = list(_rows())
    for row in rows:
        click.echo(f"{'ok ' if row.is_good else 'BAD'}  {row.what:14} {row.found}")
    return 0 if all(row.is_good for row in rows) else 3


def _rows() -> Iterator[Row]:
    yield Row("gate", True, __version__)
    yield Row("python", sys.version_info >= (3, 11), platform.python_version())
    yield _checked("engine", _engine)
    yield _checked("policies", _policies)
    yield _checked("configuration", _configuration)
    yield _checked("record", _record)
    yield Row("git", True, shutil.which("git") or "not found: configuration of a base commit cannot be read")
    yield Row("locale", True, sys.stdout.encoding)
    yield Row("clock", datetime.now(UTC).year >= 2026, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")


def _checked(what: str, look: Callable[[], str]) -> Row:
    try:
        return Row(what, True, look())
    except GateError as error:
        return Row(what, False, str(error).splitlines()[0])


def _engine() -> str:
    from gate import bootstrap

    with bootstrap.engine() as engine:
        return f"{engine.version}, {bootstrap.engine_executable()}"


def _policies() -> str:
    from gate import bootstrap, policy_files

    with bootstrap.engine() as engine:
        loaded = bootstrap.bundle(["builtin:default"], Path.cwd(), engine, python=False)
    return f"{len(loaded.rules)} rules in {len(loaded.packages)} packages, {policy_files.shipped()}"


def _configuration() -> str:
    from gate import configuration

    return configuration.validated(None, Path.cwd()) or "no gate.yaml: the defaults hold"


def _record() -> str:
    from gate import bootstrap
    from gate.configuration import configuration

    with configuration(None, None, Path.cwd(), None) as config:
        name, home = config.settings.record, config.home
    if name is None:
        return "not kept (gate.yaml has no record)"
    path = home / name
    if not path.exists():
        return f"{name}: none yet"
    return f"{name}: {bootstrap.verified(path)} entries, chain unbroken"
