"""`gate check`: arguments in, `local.checked`, outputs out, exit code."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click
import msgspec

from gate import files
from gate.cli import progress
from gate.cli.terminal import Terminal
from gate.engines import installed
from gate.errors import SettingsError, StoreError, quoted
from gate.model import Outcome
from gate.outputs import OUTPUTS
from gate.presentation import Presentation

if TYPE_CHECKING:
    from gate.local import Checked
    from gate.remote import Asked
    from gate.wish import Wish

EXIT_CODES = {Outcome.PASS: 0, Outcome.WARN: 0, Outcome.FAIL: 1, Outcome.NEEDS_APPROVAL: 4}


@click.command(
    epilog="Examples:  gate check reports/ k8s/    "
    "gate check --environment staging --subject web@sha256:… reports/ -o sarif=gate.sarif"
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--config", metavar="FILE", help="gate.yaml to use (default: the nearest one up to the git root)"
)
@click.option("--config-from", metavar="REF", help="read configuration from this commit")
@click.option(
    "--policy", "policies", multiple=True, metavar="PATH", help="policies instead of the configured"
)
@click.option("--data", multiple=True, metavar="FILE", help="settings for policies, on top of the configured")
@click.option(
    "--policy-namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="ask Conftest's rules of it (main)",
)
@click.option("--all-namespaces", is_flag=True, help="ask Conftest's rules of every namespace")
@click.option("--combine", is_flag=True, help="show Conftest's rules all files as one list")
@click.option("--rego-version", type=click.Choice(["v0", "v1"]), help="language of Conftest's rules (v1)")
@click.option("--environment", metavar="NAME", help="environment to enter")
@click.option("--subject", metavar="NAME[@sha256:…]", help="what is judged")
@click.option("--subject-type", type=click.Choice(["source", "image", "manifests", "release"]))
@click.option("--project", metavar="NAME")
@click.option("--repository", metavar="URL")
@click.option("--commit", metavar="SHA")
@click.option("--branch", metavar="NAME")
@click.option("--author", metavar="WHO")
@click.option("--approvals", metavar="FILE", help="approvals given, as claimed")
@click.option("--waivers", multiple=True, metavar="FILE", help="waiver files instead of the configured")
@click.option("--baseline", metavar="FILE|auto", help="fail on what is new since this baseline")
@click.option("--timeout", metavar="DURATION", help="deadline of the policies (10s)")
@click.option("--as", "declared", multiple=True, metavar="FORMAT=PATH", help="read PATH as FORMAT")
@click.option("--require", multiple=True, metavar="KIND", help="evidence that must be there")
@click.option("--max-age", metavar="DURATION", help="how old required evidence may be (24h)")
@click.option("--values", multiple=True, metavar="FILE", help="values file of a Helm chart")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="value of a Helm chart")
@click.option("--release", default="release", metavar="NAME", help="release name of a Helm chart")
@click.option("--namespace", default="default", metavar="NAME", help="namespace a Helm chart is rendered for")
@click.option("--kubernetes-version", metavar="1.NN", help="version of the cluster")
@click.option("--server", metavar="URL", help="ask a gate service (GATE_SERVER_URL)")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT[=FILE]", help=", ".join(OUTPUTS))
@click.option(
    "--warn-exit-code", type=click.IntRange(0, 255), default=0, metavar="N", help="exit code of a warning"
)
@click.option("--report-only", is_flag=True, help="exit 0 where the gate would fail or wait")
@click.option(
    "--ci", type=click.Choice(["auto", "none"]), default="auto", help="use the CI system's variables"
)
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
@click.option(
    "--post-renderer", is_flag=True, help="print stdin's manifests again if they pass, the decision on stderr"
)
@click.option("--no-record", is_flag=True, help="do not append to the record")
@click.option("-q", "--quiet", is_flag=True, help="print the last line only")
@click.option("-v", "--verbose", is_flag=True, help="spell out warnings too")
def command(**given: Any) -> int:
    """Decide whether what the PATHs tell may pass.

    PATHs are scanner reports, SBOMs, Kubernetes manifests, Helm charts and kustomizations, or folders of
    them; `-` is stdin.
    Without any, the inputs of gate.yaml are read.
    """
    started = time.perf_counter()
    wanted = outputs(given.pop("outputs"))
    url, token = given.pop("server") or os.environ.get("GATE_SERVER_URL"), given.pop("token")
    post_renderer = given.pop("post_renderer")
    if post_renderer and given["paths"] != (files.STDIN,):
        raise SettingsError(
            "--post-renderer without `-` alone", code="usage", expected="gate check - --post-renderer"
        )
    # The engine warms up while the rest is imported.
    engine = None if url else installed.started()
    from gate import local
    from gate.conftest.policies import Options
    from gate.wish import Wish

    color, quiet, verbose = given.pop("color"), given.pop("quiet"), given.pop("verbose")
    warn_exit_code, report_only = given.pop("warn_exit_code"), given.pop("report_only")
    asked = ("namespaces", "all_namespaces", "combine", "rego_version")
    # Conftest takes `-n a,b`; no package has a comma in its name.
    given["namespaces"] = tuple(name for one in given["namespaces"] for name in one.split(","))
    conftest = Options(**{name: given.pop(name) for name in asked})
    wish = Wish(
        conftest=conftest,
        record=not given.pop("no_record"),
        formats=tuple(OUTPUTS),
        keep_stdin=post_renderer,
        **given,
    )
    now, randomness = datetime.now(UTC), os.urandom(10)
    with progress.shown() as wish_progress:
        wish = msgspec.structs.replace(wish, progress=wish_progress)
        if url:
            checked: Checked | Asked = _remotely(wish, url, token, now, randomness)
        else:
            checked = local.checked(wish, Path.cwd(), os.environ, now, randomness, started=engine)
    code = exit_code(checked.presentation.decision.outcome, warn_exit_code, report_only=report_only)
    verbosity = -1 if quiet else 1 if verbose else 0
    stream = sys.stderr if post_renderer else sys.stdout
    told(checked, wanted, stream, started=started, code=code, color=color, verbosity=verbosity)
    if post_renderer and code == 0:
        # Only what was judged, and only all of it: whoever reads this applies it.
        sys.stdout.buffer.write(checked.stdin or b"")
        sys.stdout.buffer.flush()
    return code


def told(
    checked: Checked | Asked,
    wanted: list[tuple[str, str | None]],
    stream: TextIO,
    *,
    started: float,
    code: int,
    color: str,
    verbosity: int,
) -> None:
    """Write what was decided: the outputs `wanted` and those of gate.yaml; `started` is `perf_counter`'s."""
    for notice in checked.notices:
        click.echo(notice, err=True)
    terminal = Terminal.of(stream, color)
    presentation = msgspec.structs.replace(
        checked.presentation,
        elapsed_s=time.perf_counter() - started,
        exit_code=code,
        color=terminal.color,
        unicode=terminal.unicode,
        width=terminal.width,
        verbosity=verbosity,
    )
    configured = [(one.format, one.path) for one in checked.configuration.settings.outputs]
    written([*wanted, *configured], presentation, stream.buffer)


def _remotely(wish: Wish, url: str, token: str | None, now: datetime, randomness: bytes) -> Asked:
    """What the service decides; imported here, for most checks ask none."""
    from gate import remote

    its_token = remote.token(token, os.environ)
    return remote.asked(wish, url, its_token, Path.cwd(), os.environ, now, randomness)


def exit_code(outcome: Outcome, warn_exit_code: int, *, report_only: bool) -> int:
    """The exit code of an outcome (PRODUCT.md c.4)."""
    if report_only:
        return 0
    return warn_exit_code if outcome is Outcome.WARN else EXIT_CODES[outcome]


def outputs(wanted: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """(format, file or None for stdout) of each `-o`; raises `SettingsError` for an unknown format."""
    result: list[tuple[str, str | None]] = []
    for one in wanted:
        name, equals, path = one.partition("=")
        if name not in OUTPUTS or (equals and not path):
            raise SettingsError(
                f"-o {quoted(one)} is not understood", code="usage", expected=f"one of {', '.join(OUTPUTS)}"
            )
        result.append((name, path if path not in ("", "-") else None))
    if sum(1 for _, path in result if path is None) > 1:
        raise SettingsError(
            "two outputs for stdout", code="usage", fix="give all but one a file: -o sarif=gate.sarif"
        )
    return result


def written(wanted: list[tuple[str, str | None]], presentation: Presentation, stream: BinaryIO) -> None:
    """Write every output: files first, whole or not at all, then `stream`."""
    paths: list[str] = []
    for name, path in wanted:
        if path is not None:
            _refuse_input(path, presentation)
            replaced(Path(path), OUTPUTS[name](presentation))
            paths.append(path)
    on_stdout = next((name for name, path in wanted if path is None), "text")
    presentation = msgspec.structs.replace(presentation, written=tuple(paths))
    stream.write(OUTPUTS[on_stdout](presentation))
    stream.flush()


def _refuse_input(path: str, presentation: Presentation) -> None:
    """Raise where an output would replace what was judged."""
    judged = {Path(report.path).resolve() for report in presentation.sources if report.path}
    if Path(path).resolve() in judged:
        raise StoreError(
            "an output would replace an input", code="output_unwritable", path=path, fix="name another file"
        )


def replaced(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step, so that nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=not path.is_absolute(), exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StoreError(
            f"cannot be written: {error.strerror}", code="output_unwritable", path=str(path)
        ) from None
