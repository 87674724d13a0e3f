"""`gate sbom`: what is in an SBOM, what differs, whether it is valid, under which licences."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from gate.errors import SettingsError

if TYPE_CHECKING:
    from gate.model import Component
    from gate.sbom.inventory import Difference, Inventory

JSON = click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
AS = click.option("--as", "declared", metavar="FORMAT", help="read the file as this format")


@click.group(epilog="Examples:  gate sbom show bom.json -o cyclonedx    gate sbom diff old.json new.json")
def command() -> None:
    """Look at SBOMs: CycloneDX, SPDX, and what other reports list."""


@command.command()
@click.argument("file")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "cyclonedx", "cyclonedx-xml"]),
    default="text",
    help="cyclonedx writes version 1.6",
)
@AS
def show(file: str, output: str, declared: str | None) -> None:
    """List the components of FILE, or write them as CycloneDX."""
    inventory = _inventory(file, declared)
    if output == "json":
        _print_json(inventory)
    elif output == "text":
        _print(_shown(inventory))
    else:
        _require_extra()
        from gate.sbom import cyclonedx

        sys.stdout.buffer.write(cyclonedx.written(inventory, "json" if output == "cyclonedx" else "xml"))


@command.command()
@click.argument("before")
@click.argument("after")
@JSON
@click.option("--exit-code", is_flag=True, help="exit 1 where they differ")
def diff(before: str, after: str, output: str, exit_code: bool) -> int:
    """Tell which components came, went, or changed version or licence."""
    from gate.sbom.inventory import difference

    found = difference(_inventory(before, None), _inventory(after, None))
    if output == "json":
        _print_json(found)
    else:
        _print(_differing(found))
    return 1 if exit_code and (found.added or found.removed or found.changed) else 0


@command.command()
@click.argument("file")
@JSON
def validate(file: str, output: str) -> int:
    """Hold FILE against the published schema of its version; exit 1 where it does not fit."""
    _require_extra()
    from gate.outputs.escaping import terminal
    from gate.sbom.validation import validated

    found = validated(_text(file), file)
    if output == "json":
        _print_json(found)
    else:
        for problem in found.problems:
            click.echo(terminal(str(problem)))
        count = len(found.problems)
        click.echo(f"{file}: {'valid' if not count else f'{count} problems'} · {found.schema}")
    return 1 if found.problems else 0


@command.command()
@click.argument("file")
@JSON
@AS
def licenses(file: str, output: str, declared: str | None) -> None:
    """List the licences of FILE's components, those without one first."""
    from gate.sbom.inventory import licenses as by_license

    found = by_license(_inventory(file, declared).components)
    if output == "json":
        _print_json(found)
    else:
        _print([f"{len(names):6}  {name}" for name, names in found.items()])


def _inventory(file: str, declared: str | None) -> Inventory:
    from gate import bootstrap, files
    from gate.errors import ReportError
    from gate.model import Status
    from gate.sbom.inventory import inventory

    [given] = files.read([] if declared else [file], [(declared, file)] if declared else [], Path.cwd())
    with bootstrap.engine() as engine:
        [read] = bootstrap.ingested([given], engine)
    found = inventory(read)
    if not found.components:
        raise ReportError(
            "no component is listed",
            code="no_inputs",
            path=file,
            found=f"{found.format}, status {found.status.value}",
            expected="an SBOM",
            fix="an inventory of nothing is what a failed scan leaves; make it again",
        )
    if found.status is not Status.OK:
        click.echo(f"{file}: status {found.status.value}: {'; '.join(found.notes)}", err=True)
    return found


def _text(file: str) -> bytes:
    """The bytes of FILE as ingest reads them: bounded, unpacked, UTF-8."""
    from gate import files
    from gate.documents.envelope import decoded, uncompressed

    [given] = files.read([file], [], Path.cwd())
    text, _ = decoded(uncompressed(given.data, file), file)
    return text


def _require_extra() -> None:
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("cyclonedx", "jsonschema", "lxml")):
        raise SettingsError(
            "the parts for writing and validating SBOMs are not installed",
            code="not_available",
            expected="the extra sbom",
            fix="pip install 'gate[sbom]'",
        )


def _shown(inventory: Inventory) -> list[str]:
    subject = inventory.subject.name if inventory.subject else "no subject"
    head = f"{inventory.format} · {inventory.scanner} · {subject} · {len(inventory.components)} components"
    return [head, *map(_row, inventory.components)]


def _row(component: Component) -> str:
    from gate.sbom.inventory import UNKNOWN, label

    return f"  {label(component)}  {component.license or UNKNOWN}"


def _differing(found: Difference) -> list[str]:
    lines = [f"+{_row(one)[1:]}" for one in found.added]
    lines += [f"-{_row(one)[1:]}" for one in found.removed]
    for one in found.changed:
        pairs = [one.versions] if one.versions[0] != one.versions[1] else []
        pairs += [one.licenses] if one.licenses[0] != one.licenses[1] else []
        told = ", ".join(f"{' '.join(before) or '-'} → {' '.join(after) or '-'}" for before, after in pairs)
        lines.append(f"~ {one.name}  {told}")
    counts = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
    return [*lines, f"{counts}, {found.same} the same"]


def _print(lines: list[str]) -> None:
    from gate.outputs.escaping import terminal

    for line in lines:
        click.echo(terminal(line))


def _print_json(value: object) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
