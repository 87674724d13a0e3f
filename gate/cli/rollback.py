"""`gate rollback`: where an environment can go back to."""

from __future__ import annotations

from typing import Any

import click

from gate.cli import asking
from gate.cli.decision import difference_lines


@click.group(epilog="Examples:  gate rollback plan production --server https://gate.example")
def command() -> None:
    """Plan the way back."""


@command.command()
@click.argument("environment")
@click.option("--project", metavar="P", help="as the service knows it (default: of gate.yaml)")
@asking.asks
def plan(environment: str, project: str | None, server: str | None, token: str | None, output: str) -> int:
    """Name the newest earlier release of ENVIRONMENT that passes today's policies; exit 1 where none does.

    Nothing is changed: promote the digest to go there.
    """
    query = f"?project={asking.path(asking.project(project))}"
    route = f"/api/v1/baselines/{asking.path(environment)}/rollback{query}"
    found = asking.client(server, token).ask("GET", route)
    asking.printed(found, output, _lines)
    return 0 if found["target"] is not None else 1


def _lines(value: Any) -> list[str]:
    current, target = value["current"], value["target"]
    lines = [f"now: {current['name']}@{current['digest']}, released {current['released_at']}"]
    for one in value["rejected"]:
        lines.append(f"not {one['digest']}, released {one['released_at']}:")
        lines += [f"  {reason}" for reason in one["against"]]
    if target is None:
        return [*lines, "no earlier release passes today's policies"]
    lines.append(f"back to {target['digest']}, released {target['released_at']}")
    lines += [f"  first: {step}" for step in target["to_do"]]
    lines += ["what differs:", *(f"  {line}" for line in difference_lines(value["differs"]))]
    return [
        *lines,
        f"ask for it: gate decision promote {current['environment']} {current['name']}@{target['digest']}",
    ]
