"""The command line: `main`, which finds the command and translates every error into an exit code.

One file a command group; each is imported when it is called, so that `gate check` does not pay for
the others.
"""

from __future__ import annotations

import contextlib
import gc
import os
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click
import msgspec

from gate import __version__
from gate.errors import GateError, Problem

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "check": ("gate.cli.check", "decide: may this pass, here, now?"),
    "scan": ("gate.cli.scan", "run the installed scanners, decide about what they report"),
    "explain": ("gate.cli.explain", "tell what a rule, a finding or a decision means"),
    "convert": ("gate.cli.convert", "read any known report, print it in one shape"),
    "init": ("gate.cli.init", "write a first gate.yaml for this repository"),
    "policy": ("gate.cli.policy", "list, check and test policies"),
    "waiver": ("gate.cli.waiver", "write and check waivers; request and approve them"),
    "baseline": ("gate.cli.baseline", "accept what is known today; show what was released last"),
    "sbom": ("gate.cli.sbom", "show, compare, validate and convert SBOMs"),
    "diff": ("gate.cli.diff", "compare two decisions, or two lists of findings"),
    "decision": ("gate.cli.decision", "show, promote, approve, replay recorded decisions"),
    "rollback": ("gate.cli.rollback", "where an environment can go back to"),
    "token": ("gate.cli.token", "make, list and revoke the service's tokens"),
    "project": ("gate.cli.project", "settings that the service keeps for projects"),
    "team": ("gate.cli.team", "teams of the service: members, projects, namespaces"),
    "serve": ("gate.cli.serve", "answer other machines: decisions over HTTP, recorded for good"),
    "worker": ("gate.cli.worker", "do the service's jobs beside its servers"),
    "migrate": ("gate.cli.migrate", "bring the service's database to this version"),
    "backup": ("gate.cli.backup", "the service's database as one file, and back"),
    "config": ("gate.cli.config", "check gate.yaml, print its JSON Schema"),
    "audit": ("gate.cli.audit", "verify the record; judge what runs in a cluster"),
    "admission": ("gate.cli.admission", "answer a saved AdmissionReview"),
    "webhook": ("gate.cli.webhook", "answer a Kubernetes API server, and have it ask"),
    "cluster": ("gate.cli.clusters", "adopt what runs in a cluster already"),
    "doctor": ("gate.cli.doctor", "show whether everything gate needs is there"),
    "completion": ("gate.cli.completion", "print the completion script of a shell"),
    "version": ("gate.cli.version", "print versions"),
}
"""name -> module (its `command`) and one line of help."""

INTERRUPTED: Final = 130
_JSON_VALUES: Final = ("json", "json=-")
_JSON: Final = re.compile(r"(?:-[a-zA-Z]*o|--output=)json(?:=-)?")


class _Lazy(click.Group):
    """A group whose commands are imported on use; the help list needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Examples:  gate check reports/ k8s/    gate explain GATE-K8S-001",
)
@click.version_option(__version__, message="gate %(version)s")
def group() -> None:
    """May this pass, here, now?

    Exit codes: 0 pass, 1 fail, 2 usage or gate.yaml wrong, 3 could not decide, 4 needs approval.
    """


def main() -> None:
    """Run one command and end the process with its exit code."""
    # One command makes many values and few cycles, and ends: looking for cycles cost a quarter of the time
    # of a large report.
    gc.disable()
    code = run(sys.argv[1:])
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Nothing is left to do: taking every value apart before the process ends took a tenth of the time.
    os._exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of one command line; prints what it has to say."""
    try:
        result: Any = group.main(args=arguments, prog_name="gate", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        return _told(_usage(error), arguments, 2)
    except GateError as error:
        return _told(error.problems, arguments, error.exit_code)
    except BrokenPipeError:
        # Whoever read stopped reading; without this Python complains once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except Exception as error:
        if os.environ.get("GATE_DEBUG"):
            raise
        return _told((_bug(error),), arguments, 3)


def _usage(error: click.ClickException) -> tuple[Problem, ...]:
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    asked = context.command_path if context else "gate"
    return (
        Problem(
            code="usage",
            message=f"{message[:1].lower()}{message[1:].rstrip('.')}",
            fix=f"see `{asked} --help`",
        ),
    )


def _bug(error: Exception) -> Problem:
    return Problem(
        code="internal_error",
        message=f"gate itself failed: {type(error).__name__}: {str(error)[:200]}",
        fix="please report this; GATE_DEBUG=1 shows where",
    )


def _told(problems: tuple[Problem, ...], arguments: list[str], exit_code: int) -> int:
    """Print `problems` where the caller looks: JSON on stdout when it asked for that, else stderr."""
    from gate.cli.terminal import Terminal
    from gate.outputs import problems as problem_output

    problems = tuple(_printable(problem) for problem in problems)
    if _wants_json(arguments):
        sys.stdout.buffer.write(problem_output.problems_json(problems))
        sys.stdout.buffer.flush()
    else:
        terminal = Terminal.of(sys.stderr)
        text = problem_output.problems_text(
            problems,
            exit_code=exit_code,
            color=terminal.color,
            unicode=terminal.unicode,
            width=terminal.width,
        )
        sys.stderr.buffer.write(text)
        sys.stderr.flush()
    return exit_code


def _printable(problem: Problem) -> Problem:
    """`problem` with text that every output can hold: a file's name may be any bytes."""
    texts = {
        name: value.encode("utf-8", "backslashreplace").decode()
        for name in Problem.__struct_fields__
        if isinstance(value := getattr(problem, name), str)
    }
    return msgspec.structs.replace(problem, **texts)


def _wants_json(arguments: list[str]) -> bool:
    """Whether stdout was to be JSON; looked up by hand, for the command line may be what is wrong."""
    before = ""
    for argument in arguments:
        asks = (
            argument.startswith("-") and not argument.startswith("--") and argument.rstrip("=").endswith("o")
        )
        if _JSON.fullmatch(argument) or (argument in _JSON_VALUES and before):
            return True
        before = argument if asks or argument == "--output" else ""
    return False
