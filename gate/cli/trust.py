"""`gate trust`: which runs of CI systems are given tokens of a project, without a secret."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from gate.cli import asking


@click.group(
    epilog="Examples:  gate trust add --project acme/web --provider github --repository acme/web --repository-id 123456789 --ref 'refs/heads/main'    gate trust list"
)
def command() -> None:
    """Rules about runs of CI systems: which of them may ask the service for a project."""


@command.command("list")
@click.option("--project", metavar="P", help="only of this project")
@asking.asks
def list_trusts(project: str | None, server: str | None, token: str | None, output: str) -> None:
    """List the rules, newest first."""
    found = asking.administration(server, token).trusts(project)
    asking.printed(
        msgspec.to_builtins(found),
        output,
        lambda value: [line for one in value for line in _lines(one)] or ["no rules"],
    )


@command.command()
@click.option("--project", metavar="P", help="as the service knows it (default: of gate.yaml)")
@click.option("--provider", required=True, metavar="NAME", help="of `identity.ci` in the platform's file")
@click.option("--repository", required=True, metavar="PATH", help="acme/web")
@click.option("--repository-id", required=True, metavar="N", help="its number: a name can be taken over")
@click.option("--role", type=click.Choice(["ci", "viewer"]), default="ci", show_default=True)
@click.option("--ref", "refs", multiple=True, metavar="GLOB", help="whole refs: refs/heads/main")
@click.option("--environment", "environments", multiple=True, metavar="E", help="of the CI system, exactly")
@click.option("--workflow", "workflows", multiple=True, metavar="GLOB", help="where the job is defined")
@click.option("--protected", is_flag=True, help="of a protected branch or tag alone")
@click.option("--changes", is_flag=True, help="pull and merge requests keep the role")
@asking.asks
def add(project: str | None, server: str | None, token: str | None, output: str, **conditions: Any) -> None:
    """Have runs of a repository be given tokens of a project; every condition that is given must fit."""
    wanted = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in conditions.items()
        if value != ()
    }
    made = asking.administration(server, token).create_trust({"project": asking.project(project), **wanted})
    asking.printed(msgspec.to_builtins(made), output, _lines)


@command.command()
@click.argument("trust_id", metavar="ID")
@asking.asks
def remove(trust_id: str, server: str | None, token: str | None, output: str) -> None:
    """Take a rule away; tokens that it gave end within a quarter of an hour."""
    asking.administration(server, token).remove_trust(trust_id)
    asking.printed({"id": trust_id, "removed": True}, output, lambda value: [f"{value['id']}: removed"])


def _lines(value: Any) -> list[str]:
    facts = [
        f"{name} {', '.join(value[name])}" for name in ("refs", "environments", "workflows") if value[name]
    ]
    facts += [name for name in ("protected", "changes") if value[name]]
    head = f"{value['id']}  {value['project']}: {value['role']} for {value['repository']}"
    whose = f"({value['repository_id']}) of {value['provider']}"
    return ["; ".join([f"{head} {whose}", *facts])]
