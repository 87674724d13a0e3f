"""`gate token`: tokens of the service, made, listed, revoked."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from gate.cli import asking


@click.group(
    epilog="Examples:  gate token create --role ci --project acme/web --name 'ci of web' --owner ci-web    gate token list"
)
def command() -> None:
    """Make, list and revoke the service's tokens; an administrator's business."""


@command.command()
@click.option("--name", required=True, metavar="TEXT", help="what it is for")
@click.option(
    "--owner", required=True, metavar="WHO", help="the person or machine that acts with it; approvals compare"
)
@click.option("--role", required=True, metavar="ROLE", help="viewer, ci, developer, approver, …")
@click.option("--project", metavar="P", help="where it counts (without: the whole instance)")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True, help="how long it counts")
@asking.asks
def create(
    name: str,
    owner: str,
    role: str,
    project: str | None,
    days: int,
    server: str | None,
    token: str | None,
    output: str,
) -> None:
    """Make a token; stdout is the token alone, shown this once: TOKEN=$(gate token create …)."""
    made = asking.administration(server, token).create_token(
        name=name, owner=owner, role=role, project=project, expires_in_days=days
    )
    where = made.project or "the whole instance"
    click.echo(f"{made.id}: {made.role} of {where}, until {made.expires_at}", err=True)
    asking.printed(msgspec.to_builtins(made), output, lambda value: [value["token"]])


@command.command("list")
@click.option("--project", metavar="P", help="only of this project")
@asking.asks
def list_tokens(project: str | None, server: str | None, token: str | None, output: str) -> None:
    """List tokens, newest first, revoked and expired ones too; never the tokens themselves."""
    found = asking.administration(server, token).tokens(project)
    asking.printed(msgspec.to_builtins(found), output, _lines)


@command.command()
@click.argument("token_ids", metavar="ID…", nargs=-1, required=True)
@asking.asks
def revoke(token_ids: tuple[str, ...], server: str | None, token: str | None, output: str) -> None:
    """Have tokens count no longer, at once and for good."""
    administration = asking.administration(server, token)
    for token_id in token_ids:
        administration.revoke_token(token_id)
        asking.printed({"id": token_id, "revoked": True}, output, lambda value: [f"{value['id']}: revoked"])


def _lines(value: Any) -> list[str]:
    return [
        f"{one['id']}  {one['role']}  {one['project'] or '(instance)'}  {one['owner']}  {one['name']}  "
        + (
            f"revoked {one['revoked_at']}"
            if one["revoked_at"]
            else f"until {one['expires_at'] or 'for ever'}"
        )
        for one in value
    ] or ["no tokens"]
