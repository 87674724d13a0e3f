"""`gate policy`: policies listed, checked, tested."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from gate.outputs.escaping import terminal

if TYPE_CHECKING:
    from gate.bundle import Bundle
    from gate.policy_tools import Tested


@click.group(epilog="Examples:  gate policy ls    gate policy check policies/    gate policy test policies/")
def command() -> None:
    """List, check and test policies."""


@command.command("ls")
@click.argument("sources", nargs=-1, metavar="[PATH|builtin:NAME]...")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
def list_(sources: tuple[str, ...], output: str) -> None:
    """List the rules of the configured policies, or of SOURCES."""
    bundle = _bundle(sources)
    if output == "json":
        sys.stdout.buffer.write(
            msgspec.json.format(msgspec.json.encode(list(bundle.rules.values())), indent=2) + b"\n"
        )
        return
    for rule in bundle.rules.values():
        severity = rule.severity.value if rule.severity else "finding's"
        click.echo(f"{rule.id:18} {severity:10} {rule.scope:8} {terminal(rule.title)}")
    click.echo(
        f"{len(bundle.rules)} rules in {_packages(bundle)} packages · revision {bundle.revision[7:19]}"
    )


@command.command()
@click.argument("sources", nargs=-1, metavar="[PATH|builtin:NAME]...")
def check(sources: tuple[str, ...]) -> None:
    """Compile the configured policies, or SOURCES; every problem with its place, exit 3 if there is one."""
    bundle = _bundle(sources)
    for notice in bundle.gatekeeper.notices if bundle.gatekeeper else ():
        click.echo(f"note  {terminal(notice)}")
    click.echo(f"{len(bundle.rules)} rules in {_packages(bundle)} packages compile")


@command.command()
@click.argument("sources", nargs=-1, metavar="[PATH|builtin:NAME]...")
@click.option("--run", default="", metavar="REGEX", help="only tests whose name matches")
@click.option("--coverage", is_flag=True, help="tell the lines that no test reaches")
@click.option("-o", "--output", type=click.Choice(["text", "json", "junit"]), default="text")
def test(sources: tuple[str, ...], run: str, coverage: bool, output: str) -> int:
    """Run the unit tests of the configured policies, or of SOURCES; exit 1 if one fails."""
    from gate import bootstrap, policy_files, policy_tools

    given = policy_files.collected(*_places(sources), tests=True)
    with bootstrap.engine() as engine:
        result = policy_tools.tested(given, engine, run=run, coverage=coverage)
    if output == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    elif output == "junit":
        from gate.outputs import junit

        sys.stdout.buffer.write(junit.tests(result.tests))
    else:
        _print(result)
    return 1 if result.has_failed else 0


def _packages(bundle: Bundle) -> int:
    return len(bundle.packages) + (len(bundle.gatekeeper.packages) if bundle.gatekeeper else 0)


def _print(result: Tested) -> None:
    for test in result.tests:
        if test.outcome != "pass":
            place = f"{test.file}:{test.line}" if test.file else test.package
            click.echo(
                f"{test.outcome.upper():5} {terminal(place)}  {terminal(test.name)}  {terminal(test.message)}"
            )
    passed = sum(1 for test in result.tests if test.outcome == "pass")
    for path, lines in (result.coverage or {}).get("files", {}).items():
        if lines["not_covered"] and not path.endswith("_test.rego"):
            numbers = ", ".join(str(line) for line in lines["not_covered"])
            click.echo(f"{terminal(path)}: no test reaches line {numbers}")
    click.echo(f"{passed} of {len(result.tests)} policy tests passed")
    if result.coverage:
        click.echo(f"coverage {result.coverage['covered_percent']:.1f} %")


def _places(sources: tuple[str, ...]) -> tuple[tuple[str, ...], Path]:
    """SOURCES of the command line, else the configured ones; and what they are relative to."""
    from gate import configuration

    return (sources, Path.cwd()) if sources else configuration.policies(Path.cwd())


def _bundle(sources: tuple[str, ...]) -> Bundle:
    from gate import bootstrap

    with bootstrap.engine() as engine:
        return bootstrap.bundle(*_places(sources), engine, python=True)
