"""`gate init`: a first gate.yaml, made from what the repository holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from gate.errors import SettingsError

REPORT_NAMES = ("reports", "report", "scan", "artifacts")
MANIFEST_NAMES = ("k8s", "kubernetes", "manifests", "deploy")


@click.command(epilog="Examples:  gate init    gate init --yes --project acme/web")
@click.option("--project", metavar="NAME", help="the project's name (default: the folder's)")
@click.option("--yes", is_flag=True, help="ask nothing")
@click.option("--force", is_flag=True, help="replace a gate.yaml that is there")
def command(project: str | None, yes: bool, force: bool) -> None:
    """Write gate.yaml for this repository, and say what to do next."""
    path = Path("gate.yaml")
    if path.exists() and not force:
        raise SettingsError("there is a gate.yaml already", path="gate.yaml", fix="edit it, or pass --force")
    found = _found(Path.cwd())
    if not yes:
        project = project or click.prompt("Name of the project", default=Path.cwd().name)
        found = click.prompt("Reports and manifests (separated by spaces)", default=" ".join(found)).split()
    from gate.cli.check import replaced

    replaced(path, _text(project or Path.cwd().name, found).encode())
    click.echo("wrote  gate.yaml")
    click.echo("next   gate config validate    then    gate check")
    click.echo(
        "       in CI: run your scanners, then `gate check`; exit 1 fails, 3 could not decide, 4 waits"
    )


def _found(root: Path) -> list[str]:
    """Folders of this repository that look like reports or manifests; else what to begin with."""
    return list(_folders(root)) or ["reports/"]


def _folders(root: Path) -> Iterator[str]:
    for name in (*REPORT_NAMES, *MANIFEST_NAMES):
        if (root / name).is_dir():
            yield f"{name}/"


def _text(project: str, inputs: list[str]) -> str:
    safe = "".join(c if _is_plain(c) or c in "._-/" else "-" for c in project).lstrip("._-/") or "project"
    listed = "\n".join(f"  - {{path: {_quoted(path)}}}" for path in inputs)
    return f"""# What gate asks of this project; `gate config schema` describes every key.
version: 1
project: "{safe}"
inputs:
{listed}
policies:
  use: [builtin:default]        # `gate policy ls` lists the rules
thresholds:                     # how many are allowed; null is no limit
  vulnerabilities: {{critical: 0, high: 0, only: fixable}}
  code: {{critical: 0, high: 0}}
  secrets: 0
# baseline: {{mode: file}}       # after `gate baseline write`: fail on what is new only
# record: .gate/record.jsonl    # keep every decision in a hash chain
"""


def _quoted(path: str) -> str:
    """`path` as YAML; with a slash in it it is neither a number nor a truth value."""
    is_plain = "/" in path and all(_is_plain(c) or c in "._-/*" for c in path) and path[0] not in "*-"
    return path if is_plain else json.dumps(path)


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()
