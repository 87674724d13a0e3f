"""`gate policy`: policies listed, checked, tested."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from gate.errors import PolicyError
from gate.outputs.escaping import terminal

if TYPE_CHECKING:
    from gate.bundle import Bundle
    from gate.configuration import Configuration
    from gate.policy_tools import Tested


@click.group(epilog="Examples:  gate policy ls    gate policy check policies/    gate policy test policies/")
def command() -> None:
    """List, check and test policies."""


_PYTHON = click.option(
    "--python", is_flag=True, help="run Python policies though gate.yaml does not turn them on"
)


@command.command("ls")
@click.argument("sources", nargs=-1, metavar="[PATH|builtin:NAME]...")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@_PYTHON
def list_(sources: tuple[str, ...], output: str, python: bool) -> None:
    """List the rules of the configured policies, or of SOURCES."""
    bundle = _bundle(sources, python)
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
@_PYTHON
def check(sources: tuple[str, ...], python: bool) -> None:
    """Compile the configured policies, or SOURCES; every problem with its place, exit 3 if there is one."""
    bundle = _bundle(sources, python)
    for notice in bundle.gatekeeper.notices if bundle.gatekeeper else ():
        click.echo(f"note  {terminal(notice)}")
    click.echo(f"{len(bundle.rules)} rules in {_packages(bundle)} packages compile")


@command.command()
@click.argument("sources", nargs=-1, metavar="[PATH|builtin:NAME]...")
@click.option("--run", default="", metavar="REGEX", help="only tests whose name matches")
@click.option("--coverage", is_flag=True, help="tell the lines that no test reaches")
@click.option("-o", "--output", type=click.Choice(["text", "json", "junit"]), default="text")
@_PYTHON
def test(sources: tuple[str, ...], run: str, coverage: bool, output: str, python: bool) -> int:
    """Run the unit tests of the configured policies, or of SOURCES; exit 1 if one fails."""
    from gate import bootstrap, policy_files, policy_tools

    with _configuration() as config:
        given = policy_files.collected(
            sources or config.settings.policies.use, _root(sources, config), tests=True
        )
        python = python or config.settings.policies.python
    left_out = [module.path for module in given.python if module.path.endswith("_test.py")]
    if left_out and not python:
        click.echo(f"not run: {', '.join(map(terminal, left_out))}; --python runs them", err=True)
    with bootstrap.engine() as engine:
        result = policy_tools.tested(given, engine, run=run, coverage=coverage, python=python)
    if output == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    elif output == "junit":
        from gate.outputs import junit

        sys.stdout.buffer.write(junit.tests(result.tests))
    else:
        _print(result)
    return 1 if result.has_failed else 0


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


def _configuration() -> AbstractContextManager[Configuration]:
    from gate.configuration import configuration

    return configuration(None, None, Path.cwd(), None)


def _root(sources: tuple[str, ...], config: Configuration) -> Path:
    """What the paths of policies are relative to: SOURCES are the caller's, others gate.yaml's."""
    return Path.cwd() if sources else config.root


def _packages(bundle: Bundle) -> int:
    foreign = bundle.gatekeeper.packages if bundle.gatekeeper else ()
    return len(bundle.packages) + len(bundle.python_packages) + len(foreign)


def _bundle(sources: tuple[str, ...], python: bool) -> Bundle:
    from gate import bootstrap

    with _configuration() as config, bootstrap.engine() as engine:
        python = python or config.settings.policies.python
        use = sources or config.settings.policies.use
        bundle = bootstrap.bundle(use, _root(sources, config), engine, python=python)
    if bundle.python and not python:
        raise PolicyError(
            "a Python policy; they are off",
            code="python_off",
            path=bundle.python[0].path,
            fix="set policies.python: true in gate.yaml, or pass --python, if you trust them as your own code",
        )
    return bundle
