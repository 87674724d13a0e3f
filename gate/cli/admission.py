"""`gate admission`: one saved AdmissionReview answered on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group(epilog="Examples:  gate admission review review.json --policy policies/")
def command() -> None:
    """Answer what a Kubernetes API server asked."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config", help="the platform's file: images, namespaces, environments")
@click.option("--policy", "policies", multiple=True, help="bundle, instead of builtin:default")
@click.option("--data", multiple=True, help="settings for the rules")
@click.option("--waivers", multiple=True, help="waivers of the platform")
@click.option("--data-dir", type=click.Path(path_type=Path), help="what a webhook knows of the store")
def review(
    file: Path,
    config: str | None,
    policies: tuple[str, ...],
    data: tuple[str, ...],
    waivers: tuple[str, ...],
    data_dir: Path | None,
) -> None:
    """Print the response to the AdmissionReview in FILE (- for stdin); nothing is recorded.

    The exit code is 0 for every response, a denial too: `.response.allowed` tells them apart.
    """
    import asyncio

    from gate import bootstrap, files
    from gate.admission.desk import Desk
    from gate.admission.known import Kept, Known
    from gate.errors import ReportError
    from gate.service import standing

    body = sys.stdin.buffer.read() if str(file) == "-" else files.content(file, str(file), ReportError)
    sources = standing.Sources.named(policies, data, waivers, config)
    known = Kept(data_dir / "known.jsonl").known if data_dir else Known()
    with bootstrap.engine() as engine:
        desk = Desk(engine, standing.loaded(sources, engine, known), known, None)
        answer = asyncio.run(desk.answer(body))
    sys.stdout.buffer.write(answer + b"\n")
