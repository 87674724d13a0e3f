"""`gate project`: the service's projects and their settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from gate.cli import asking
from gate.errors import GateError, SettingsError


@click.group(epilog="Examples:  gate project put acme/web gate.yaml    gate project environments acme/web")
def command() -> None:
    """List, show and write the settings that the service keeps for projects."""


@command.command("list")
@asking.asks
def list_projects(server: str | None, token: str | None, output: str) -> None:
    """List the projects that the token may know of."""
    found = asking.administration(server, token).projects()
    asking.printed(
        msgspec.to_builtins(found),
        output,
        lambda value: (
            [
                f"{one['project']}  version {one['version']}, {one['updated_at']} by {one['updated_by']}"
                for one in value
            ]
            or ["no projects"]
        ),
    )


@command.command()
@click.argument("key", metavar="PROJECT")
@asking.asks
def show(key: str, server: str | None, token: str | None, output: str) -> None:
    """Print the settings of PROJECT as they hold now: a gate.yaml."""
    found = asking.administration(server, token).project(key)
    asking.printed(msgspec.to_builtins(found), output, lambda value: value["settings"].splitlines())


@command.command()
@click.argument("key", metavar="PROJECT")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--version",
    type=click.IntRange(min=1),
    help="the version that FILE replaces; refused where another holds (without: the newest)",
)
@asking.asks
def put(
    key: str, file: Path, version: int | None, server: str | None, token: str | None, output: str
) -> None:
    """Make PROJECT with the settings in FILE, or replace those it has."""
    from gate import files

    settings = _text(files.content(file, str(file), SettingsError), file)
    administration = asking.administration(server, token)
    if version is None:
        try:
            version = administration.project(key).version
        except GateError as error:
            if error.problems[0].code != "not_found":
                raise
    made = administration.put_project(key, settings, version)

    def lines(value: Any) -> list[str]:
        done = [f"{value['project']}: version {value['version']}"]
        unused = ", ".join(value["not_used"])
        return [*done, f"not looked at by the service: {unused}"] if unused else done

    asking.printed(msgspec.to_builtins(made), output, lines)


@command.command()
@click.argument("key", metavar="PROJECT")
@asking.asks
def environments(key: str, server: str | None, token: str | None, output: str) -> None:
    """List the environments of PROJECT in the order of promotion, and what each wants."""
    from gate import settings
    from gate.documents import yaml

    found = asking.administration(server, token).project(key)
    value = settings.settings(yaml.parsed(found.settings.encode(), key))
    shown = [
        {
            "name": one.name,
            "branches": list(one.branches) if one.branches is not None else None,
            "requires": one.requires.environment if one.requires else None,
            "approvals": one.approvals.number if one.approvals else 0,
        }
        for one in value.environments
    ]
    asking.printed(shown, output, _environment_lines)


def _environment_lines(value: Any) -> list[str]:
    lines = []
    for one in value:
        facts = [f"from {', '.join(one['branches'])}"] if one["branches"] is not None else []
        facts += [f"after {one['requires']}"] if one["requires"] else []
        facts += [f"approvals: {one['approvals']}"] if one["approvals"] else []
        lines.append(f"{one['name']}: {'; '.join(facts) or 'no rules of its own'}")
    return lines or ["no environments"]


def _text(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError("this is no text", path=str(file), expected="a gate.yaml in UTF-8") from None
