"""`gate baseline`: what is known today, so that a gate can fail on what is new."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gate.cli import asking


@click.group(
    epilog="Examples:  gate baseline write reports/ k8s/    gate baseline show production --server https://gate.example"
)
def command() -> None:
    """Accept what is known today; show what was released last."""


@command.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--file", metavar="FILE", help="where to write it (default: baseline.file of gate.yaml)")
@click.option("--config", metavar="FILE")
@click.option("--policy", "policies", multiple=True, metavar="PATH")
@click.option("--as", "declared", multiple=True, metavar="FORMAT=PATH")
@click.option("--project", metavar="NAME")
def write(file: str | None, **given: Any) -> None:
    """Write every finding and violation of the PATHs into a baseline file.

    Commit the file: a change is judged with the baseline of its base commit, so nobody widens it
    unseen.
    """
    from gate import baseline, local
    from gate.cli.check import replaced
    from gate.wish import Wish

    now = datetime.now(UTC)
    wish = Wish(record=False, baseline=None, **given)
    judgement = local.checked(wish, Path.cwd(), os.environ, now, os.urandom(10), compare=False).judgement
    decision = judgement.decision
    path, label = (Path(file), file) if file else _configured(given["config"])
    previous = baseline.parsed(path.read_bytes(), label, decision.project) if path.exists() else None
    known = baseline.taken(
        decision.project, now, judgement.findings, decision.violations, judgement.components, previous
    )
    replaced(path, baseline.written(known))
    click.echo(
        f"{label}: {len(known.findings)} findings and {len(known.violations)} violations are known now"
    )


@command.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--file", metavar="FILE", help="which one (default: baseline.file of gate.yaml)")
@click.option("--config", metavar="FILE")
@click.option("--policy", "policies", multiple=True, metavar="PATH")
@click.option("--as", "declared", multiple=True, metavar="FORMAT=PATH")
@click.option("--project", metavar="NAME")
def prune(file: str | None, **given: Any) -> None:
    """Take out of a baseline what the PATHs no longer show; nothing is ever added."""
    from gate import baseline, local
    from gate.cli.check import replaced
    from gate.errors import StoreError
    from gate.files import content
    from gate.wish import Wish

    now = datetime.now(UTC)
    wish = Wish(record=False, baseline=None, **given)
    judgement = local.checked(wish, Path.cwd(), os.environ, now, os.urandom(10), compare=False).judgement
    path, label = (Path(file), file) if file else _configured(given["config"])
    before = baseline.parsed(content(path, label, StoreError), label, judgement.decision.project)
    after = baseline.pruned(before, judgement.findings, judgement.decision.violations)
    replaced(path, baseline.written(after))
    gone = len(before.findings) + len(before.violations) - len(after.findings) - len(after.violations)
    click.echo(f"{label}: {gone} entries are gone, {len(after.findings) + len(after.violations)} stay")


def _configured(config: str | None) -> tuple[Path, str]:
    """Where gate.yaml says that the baseline is kept, or would be, and how it calls that."""
    from gate import settings
    from gate.configuration import configuration

    with configuration(config, None, Path.cwd(), None) as found:
        name = (found.settings.baseline or settings.Baseline(mode="file")).file
        return found.home / name, name


@command.command()
@click.argument("environment", required=False)
@click.option("--project", metavar="P", help="as the service knows it (default: of gate.yaml)")
@asking.asks
def show(
    environment: str | None, project: str | None, server: str | None, token: str | None, output: str
) -> None:
    """Show the last release of ENVIRONMENT, or of all, and whether it is what runs; the service tells."""
    query = f"?project={asking.path(asking.project(project))}"
    client = asking.client(server, token)
    if environment is None:
        found = client.ask("GET", f"/api/v1/baselines{query}")
        asking.printed(found, output, lambda value: [line for one in value["items"] for line in _lines(one)])
        return
    found = client.ask("GET", f"/api/v1/baselines/{asking.path(environment)}{query}")
    asking.printed(found, output, _lines)


def _lines(value: Any) -> list[str]:
    known, drift = value["baseline"], value["drift"]
    if known is None:
        return [f"{value['environment']}: nothing was released"]
    lines = [
        f"{known['environment']}: {known['name']}@{known['digest']}",
        f"  released {known['released_at']} by decision {known['decision_id']} ({known['outcome']})",
        f"  commit {known['commit'] or 'unknown'}, branch {known['branch'] or 'unknown'}",
        f"  policies {known['policy_revision']}",
        f"  evidence {', '.join(known['evidence']) or 'none'}",
    ]
    if known["approved_by"]:
        lines.append(f"  approved by {', '.join(known['approved_by'])}")
    if known["waivers"]:
        lines.append(f"  rests on waivers {', '.join(known['waivers'])}")
    others = [one for one in drift["running"] if not one["is_baseline"]]
    if drift["state"] == "unreported":
        lines.append("  no cluster has reported what runs since then")
    elif not others:
        lines.append("  runs, by what admission reported")
    lines += [
        f"  DRIFT: {one['digest']} was let in at {one['last_at']} into {', '.join(one['namespaces']) or 'no namespace'}"
        f"{'' if one['was_released'] else ', never released'}"
        for one in others
    ]
    return lines
