"""`gate scan`: run the scanners that fit a folder, then decide about what they report."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli import check, progress
from gate.errors import SettingsError, quoted
from gate.outputs import OUTPUTS

if TYPE_CHECKING:
    from gate.running.choosing import Choice


@click.command(
    epilog="Examples:  gate scan    gate scan src --only bandit --only gitleaks -o sarif=gate.sarif    "
    "gate scan --list"
)
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--list", "listed", is_flag=True, help="show every tool, whether it is here, how to get it")
@click.option("--only", multiple=True, metavar="TOOL", help="run this one, which must be installed")
@click.option("--skip", multiple=True, metavar="TOOL", help="do not run this one")
@click.option("--network", is_flag=True, help="let tools use the network; some do nothing without")
@click.option("--tool-timeout", metavar="DURATION", help="how long one tool may run (10m)")
@click.option("--keep", metavar="FOLDER", help="keep the tools' reports there")
@click.option("--config", metavar="FILE", help="gate.yaml to use")
@click.option("--config-from", metavar="REF", help="read configuration from this commit")
@click.option(
    "--policy", "policies", multiple=True, metavar="PATH", help="policies instead of the configured"
)
@click.option("--data", multiple=True, metavar="FILE", help="settings for policies")
@click.option("--environment", metavar="NAME", help="environment to enter")
@click.option("--subject", metavar="NAME[@sha256:…]", help="what is judged")
@click.option("--project", metavar="NAME")
@click.option("--branch", metavar="NAME")
@click.option("--waivers", multiple=True, metavar="FILE", help="waiver files instead of the configured")
@click.option("--baseline", metavar="FILE|auto", help="fail on what is new since this baseline")
@click.option("--require", multiple=True, metavar="KIND", help="evidence that must be there")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT[=FILE]", help=", ".join(OUTPUTS))
@click.option(
    "--warn-exit-code", type=click.IntRange(0, 255), default=0, metavar="N", help="exit code of a warning"
)
@click.option("--report-only", is_flag=True, help="exit 0 where the gate would fail or wait")
@click.option(
    "--ci", type=click.Choice(["auto", "none"]), default="auto", help="use the CI system's variables"
)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
@click.option("--no-progress", is_flag=True, help="no bar, not even on a terminal")
@click.option("--no-record", is_flag=True, help="do not append to the record")
@click.option("-q", "--quiet", is_flag=True, help="print the last line only")
@click.option("-v", "--verbose", is_flag=True, help="spell out warnings too")
def command(path: str, listed: bool, **given: Any) -> int:
    """Run the installed scanners that fit what lies below PATH, and decide about their reports.

    Tools that fit and are not installed are named on stderr. One that fails makes exit code 3: its silence
    is not a clean result.
    """
    if listed:
        click.echo(_table(), nl=False)
        return 0
    from gate import local
    from gate.running import choosing
    from gate.wish import Wish

    started = time.perf_counter()
    root = Path(path)
    choice = choosing.choice(
        root,
        only=given.pop("only"),
        skip=given.pop("skip"),
        network=given.pop("network"),
        timeout_s=_seconds(given.pop("tool_timeout")),
    )
    quiet, verbose, color = given.pop("quiet"), given.pop("verbose"), given.pop("color")
    warn_exit_code, report_only = given.pop("warn_exit_code"), given.pop("report_only")
    keep, no_progress = given.pop("keep"), given.pop("no_progress")
    wanted = check.outputs(given.pop("outputs"))
    if not quiet:
        _tell(choice)
    with progress.shown(wanted=not no_progress) as shown:
        wish = Wish(
            runs=choice.runs,
            scanned=path,
            progress=shown,
            keep=keep,
            record=not given.pop("no_record"),
            formats=tuple(OUTPUTS),
            **given,
        )
        checked = local.checked(wish, Path.cwd(), os.environ, datetime.now(UTC), os.urandom(10))
    code = check.exit_code(checked.presentation.decision.outcome, warn_exit_code, report_only=report_only)
    verbosity = -1 if quiet else 1 if verbose else 0
    check.told(checked, wanted, sys.stdout, started=started, code=code, color=color, verbosity=verbosity)
    return code


def _seconds(text: str | None) -> float:
    from gate import settings, times
    from gate.running import TIMEOUT_S

    seconds = times.duration_s(text) if text else TIMEOUT_S
    if not seconds or seconds > settings.LONGEST_RUN_S:
        raise SettingsError(
            f"--tool-timeout {quoted(text)} is no duration", code="usage", expected="10m, at most 24h"
        )
    return seconds


def _tell(choice: Choice) -> None:
    names = list(dict.fromkeys(run.name for run in choice.runs))
    click.echo(f"running {', '.join(names)}", err=True)
    for line in choice.left_out:
        click.echo(f"  - {line}", err=True)


def _table() -> str:
    """Every tool: whether it is here, what it looks for, whether it needs the network, how to get it."""
    from gate.running.reports import found
    from gate.running.tools import TOOLS

    width = max(map(len, TOOLS))
    lines: list[str] = []
    for name, tool in TOOLS.items():
        place = found(tool.command[0])
        needs = ", needs --network" if tool.needs_network else ""
        lines.append(f"{name:{width}}  {'installed' if place else 'missing  '}  {tool.looks_for}{needs}")
        lines.append(f"{'':{width}}  {place or tool.get}")
    return "\n".join(lines) + "\n"
