"""`gate convert`: any known report in one shape."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from gate.model import Component, Evidence, Finding, Status


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """What `gate convert -o json` prints."""

    format: str
    scanner: str
    scanner_version: str | None
    status: Status
    kinds: tuple[Evidence, ...]
    created: str | None
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    components: tuple[Component, ...]


@click.command(epilog="Examples:  gate convert trivy.json -o json    gate convert --why report.json")
@click.argument("file")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "text", "summary"]),
    default="text",
    help="shape of the answer",
)
@click.option("--as", "declared", metavar="FORMAT", help="read the file as this format")
@click.option("--why", is_flag=True, help="tell only which format it is, and why")
def command(file: str, output: str, declared: str | None, why: bool) -> None:
    """Read one report, SBOM or manifest and print what gate sees in it.

    `-o summary` counts SARIF, Trivy, Grype and CycloneDX JSON of any size, also from stdin (`-`).
    """
    from gate import bootstrap, files
    from gate.normalize import normalize

    if output == "summary":
        _summarize(file, declared)
        return
    [given] = files.read(
        [] if declared else [file], [(declared, file)] if declared else [], Path.cwd(), whole=False
    )
    with bootstrap.engine() as engine:
        [read] = bootstrap.ingested([given], engine)
    if why:
        click.echo(f"{read.scan.format}  {read.why}")
        return
    findings, components = normalize([read.scan])
    converted = Converted(
        format=read.scan.format,
        scanner=read.scan.scanner,
        scanner_version=read.scan.scanner_version,
        status=read.scan.status,
        kinds=read.scan.kinds,
        created=read.scan.created,
        notes=read.report.notes,
        findings=findings,
        components=components,
    )
    _print(converted, output)


def _summarize(file: str, declared: str | None) -> None:
    """Print the numbers of `file` as JSON, in memory that does not grow with it."""
    from gate import bootstrap, summaries
    from gate.errors import ReportError

    try:
        stream = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise ReportError(f"cannot be read: {error.strerror}", path=file) from None
    with stream, bootstrap.engine() as engine:
        found = summaries.summary(stream, file, declared, engine)
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


def _print(converted: Converted, output: str) -> None:
    if output == "json":
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(converted), indent=2) + b"\n")
        return
    from gate.outputs.escaping import terminal

    click.echo(f"{converted.format} · {terminal(converted.scanner)} · status {converted.status.value}")
    for note in converted.notes:
        click.echo(f"  note  {terminal(note)}")
    for finding in converted.findings:
        click.echo("  ".join(terminal(str(part)) for part in _row(finding)))
    click.echo(f"{len(converted.findings)} findings, {len(converted.components)} components")


def _row(finding: Finding) -> tuple[Any, ...]:
    at = finding.location
    place = finding.purl or at.resource or (f"{at.file}:{at.line or 1}" if at.file else at.url or "")
    return f"{finding.severity.value:8}", finding.rule, place, finding.title[:80]
