"""`gate team`: who is in a team as what, and which projects and namespaces are its."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
import msgspec

from gate.cli import asking
from gate.errors import SettingsError

if TYPE_CHECKING:
    from gate.administration import Kind

F = TypeVar("F", bound=Callable[..., Any])


@click.group(
    epilog="Examples:  gate team create web    gate team give web --project acme/web    gate team add web --group devs --role developer"
)
def command() -> None:
    """Teams own projects and namespaces; their owners say who does what there."""


def _who(function: F) -> F:
    """Give a command --person and --group."""
    options = (
        click.option("--person", metavar="SUB", help="`subject` of GET /api/v1/session"),
        click.option("--group", metavar="G", help="of the identity provider"),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _what(function: F) -> F:
    """Give a command --project and --namespace."""
    options = (
        click.option("--project", metavar="P"),
        click.option("--namespace", metavar="N", help="of the cluster"),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command.command("list")
@asking.asks
def list_teams(server: str | None, token: str | None, output: str) -> None:
    """List the teams that the token may know of."""
    found = asking.administration(server, token).teams()
    asking.printed(
        msgspec.to_builtins(found), output, lambda value: [one["team"] for one in value] or ["no teams"]
    )


@command.command()
@click.argument("team")
@asking.asks
def show(team: str, server: str | None, token: str | None, output: str) -> None:
    """Tell who is in TEAM, and what is its."""
    asking.printed(msgspec.to_builtins(asking.administration(server, token).team(team)), output, _lines)


@command.command()
@click.argument("team")
@asking.asks
def create(team: str, server: str | None, token: str | None, output: str) -> None:
    """Make TEAM, of nobody and with nothing."""
    made = asking.administration(server, token).create_team(team)
    asking.printed(msgspec.to_builtins(made), output, _lines)


@command.command()
@click.argument("team")
@asking.asks
def remove(team: str, server: str | None, token: str | None, output: str) -> None:
    """Have there be no TEAM; what is its is taken away first."""
    asking.administration(server, token).remove_team(team)
    asking.printed({"team": team, "removed": True}, output, lambda value: [f"{value['team']}: removed"])


@command.command()
@click.argument("team")
@_who
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="in every project of the team")
@click.option("--owner", is_flag=True, help="says who is in the team, and gives no more than their own roles")
@asking.asks
def add(
    team: str,
    person: str | None,
    group: str | None,
    roles: tuple[str, ...],
    owner: bool,
    server: str | None,
    token: str | None,
    output: str,
) -> None:
    """Take somebody into TEAM, or change what they are there."""
    kind, name = _one_of("--person", person, "--group", group)
    its: Kind = "person" if kind == "--person" else "group"
    made = asking.administration(server, token).put_member(team, its, name, roles, is_owner=owner)
    asking.printed(msgspec.to_builtins(made), output, _lines)


@command.command()
@click.argument("team")
@_who
@asking.asks
def drop(
    team: str, person: str | None, group: str | None, server: str | None, token: str | None, output: str
) -> None:
    """Have somebody be in TEAM no longer."""
    kind, name = _one_of("--person", person, "--group", group)
    its: Kind = "person" if kind == "--person" else "group"
    administration = asking.administration(server, token)
    administration.remove_member(team, its, name)
    asking.printed(msgspec.to_builtins(administration.team(team)), output, _lines)


@command.command()
@click.argument("team")
@_what
@asking.asks
def give(
    team: str, project: str | None, namespace: str | None, server: str | None, token: str | None, output: str
) -> None:
    """Make a project or a namespace TEAM's; it is of one team at a time."""
    kind, name = _one_of("--project", project, "--namespace", namespace)
    made = asking.administration(server, token).give(team, _place(kind), name)
    asking.printed(msgspec.to_builtins(made), output, _lines)


@command.command()
@click.argument("team")
@_what
@asking.asks
def take(
    team: str, project: str | None, namespace: str | None, server: str | None, token: str | None, output: str
) -> None:
    """Make a project or a namespace of TEAM nobody's."""
    kind, name = _one_of("--project", project, "--namespace", namespace)
    administration = asking.administration(server, token)
    administration.take(team, _place(kind), name)
    asking.printed(msgspec.to_builtins(administration.team(team)), output, _lines)


def _place(kind: str) -> Literal["projects", "namespaces"]:
    return "projects" if kind == "--project" else "namespaces"


def _one_of(first: str, one: str | None, second: str, other: str | None) -> tuple[str, str]:
    """The flag that was given, and its value; raises `SettingsError` where it is not exactly one."""
    if one and not other:
        return first, one
    if other and not one:
        return second, other
    raise SettingsError(
        f"{'both' if one else 'neither'} {first} {'and' if one else 'nor'} {second}",
        code="usage",
        expected="one of them",
        fix=f"give {first} or {second}",
    )


def _lines(value: Any) -> list[str]:
    return [
        value["team"],
        *(
            f"  {one['kind']} {one['name']}: {', '.join([*one['roles'], *(['owner'] if one['is_owner'] else [])])}"
            for one in value["members"]
        ),
        *(f"  has project {name}" for name in value["projects"]),
        *(f"  has namespace {name}" for name in value["namespaces"]),
    ]
