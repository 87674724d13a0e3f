"""`gate decision`: decisions that the service recorded, and what people say to them."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from typing import Any, Final

import click
import msgspec

from gate.cli import asking, check
from gate.cli.terminal import Terminal
from gate.errors import SettingsError, quoted
from gate.outputs import OUTPUTS
from gate.presentation import Presentation

_DIGEST: Final = re.compile(r"(?:[^@]+@)?(sha256:[0-9a-f]{64})")


@click.group(
    epilog="Examples:  gate decision show 01a22152-6620-7929-8b2b-bbfa43b523dd -o html=report.html    gate decision promote production web@sha256:…"
)
def command() -> None:
    """Show what was decided, ask for a promotion, approve one, replay one."""


@command.command()
@click.argument("decision_id", metavar="ID")
@click.option("--server", metavar="URL", help="the service (GATE_SERVER_URL)")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT[=FILE]", help=", ".join(OUTPUTS))
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
def show(
    decision_id: str, server: str | None, token: str | None, outputs: tuple[str, ...], color: str
) -> int:
    """Print the decision ID as `gate check` did; the exit code is the outcome's."""
    wanted = check.outputs(outputs)
    return _shown(asking.client(server, token).decision(decision_id), wanted, color)


@command.command()
@click.argument("environment")
@click.argument("subject", metavar="[NAME@]DIGEST")
@click.option("--project", metavar="P", help="as the service knows it (default: of gate.yaml)")
@click.option("--branch", metavar="B", help="of the pipeline that asks (default: of the evidence)")
@click.option("--server", metavar="URL", help="the service (GATE_SERVER_URL)")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT[=FILE]", help=", ".join(OUTPUTS))
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto")
def promote(
    environment: str,
    subject: str,
    project: str | None,
    branch: str | None,
    server: str | None,
    token: str | None,
    outputs: tuple[str, ...],
    color: str,
) -> int:
    """Ask whether a digest may enter ENVIRONMENT, on what the service knows of it already.

    It is a decision like any other: recorded, with the exit codes of `gate check` (4: it waits for approval).
    """
    from gate.ids import uuid7

    digest = _DIGEST.fullmatch(subject)
    if digest is None:
        raise SettingsError(
            f"{quoted(subject)} names no digest", code="usage", expected="NAME@sha256: and 64 hex digits"
        )
    wanted = check.outputs(outputs)
    asked = {"project": asking.project(project), "environment": environment, "digest": digest[1]}
    if branch is not None:
        asked["branch"] = branch
    key = uuid7(datetime.now(UTC), os.urandom(10))
    return _shown(asking.client(server, token).promoted(asked, key), wanted, color)


def _shown(shown: Presentation, wanted: list[tuple[str, str | None]], color: str) -> int:
    code = check.exit_code(shown.decision.outcome, 0, report_only=False)
    terminal = Terminal.of(sys.stdout, color)
    shown = msgspec.structs.replace(
        shown, exit_code=code, color=terminal.color, unicode=terminal.unicode, width=terminal.width
    )
    check.written(wanted, shown, sys.stdout.buffer)
    return code


@command.command()
@click.option("--project", metavar="P", help="only of this project")
@asking.asks
def waiting(project: str | None, server: str | None, token: str | None, output: str) -> None:
    """List what waits for approval."""
    query = f"&project={asking.path(project)}" if project else ""
    found = asking.client(server, token).ask("GET", f"/api/v1/approvals?state=requested{query}")

    def lines(value: Any) -> list[str]:
        shown = [
            f"{one['id']}  {one['project']}  {one['environment']}  {one['digest']}  "
            f"asked by {one['requested_by']}, {len(one['answers'])} answers"
            for one in value["items"]
        ]
        return shown or ["nothing waits for approval"]

    asking.printed(found, output, lines)


@command.command()
@click.argument("approval_id", metavar="ID")
@click.option("--note", metavar="TEXT", help="why")
@asking.asks
def approve(approval_id: str, note: str | None, server: str | None, token: str | None, output: str) -> None:
    """Say yes to what waits under ID (see `waiting`); the decision is made again at once."""
    _answered(approval_id, "approve", note, server, token, output)


@command.command()
@click.argument("approval_id", metavar="ID")
@click.option("--note", metavar="TEXT", help="why")
@asking.asks
def reject(approval_id: str, note: str | None, server: str | None, token: str | None, output: str) -> None:
    """Say no to what waits under ID; no yes that was given to it counts any more."""
    _answered(approval_id, "reject", note, server, token, output)


@command.command()
@click.argument("decision_id", metavar="ID")
@click.option("--note", metavar="TEXT", help="why")
@asking.asks
def revoke(decision_id: str, note: str | None, server: str | None, token: str | None, output: str) -> None:
    """Take the decision ID back: it counts for no promotion and lets nothing in any more."""
    route = f"/api/v1/decisions/{asking.path(decision_id)}/revoke"
    found = asking.client(server, token).ask("POST", route, {"note": note} if note else {})
    asking.printed(
        found, output, lambda value: [f"decision {value['decision_id']}: taken back at {value['revoked_at']}"]
    )


def _answered(
    approval_id: str, verb: str, note: str | None, server: str | None, token: str | None, output: str
) -> None:
    body = {"note": note} if note else {}
    route = f"/api/v1/approvals/{asking.path(approval_id)}/{verb}"
    found = asking.client(server, token).ask("POST", route, body)

    def lines(value: Any) -> list[str]:
        newest = value["decision"]
        now = f"; decision {newest['decision_id']}: {newest['outcome']}" if newest else ""
        return [f"{value['environment']}  {value['digest']}: {value['state']}{now}"]

    asking.printed(found, output, lines)


@command.command()
@click.argument("decision_id", metavar="ID")
@asking.asks
def replay(decision_id: str, server: str | None, token: str | None, output: str) -> int:
    """Make the decision ID again exactly as it was; exit 1 where anything comes out otherwise."""
    route = f"/api/v1/decisions/{asking.path(decision_id)}/replay"
    found = asking.client(server, token).ask("POST", route)

    def lines(value: Any) -> list[str]:
        if value["reproduced"]:
            return [f"decision {value['decision_id']}: reproduced, bit for bit"]
        return [
            f"decision {value['decision_id']}: came out otherwise",
            *(
                f"  {key}: recorded {quoted(value['recorded'].get(key))}, now {quoted(value['replayed'].get(key))}"
                for key in value["differences"]
            ),
        ]

    asking.printed(found, output, lines)
    return 0 if found["reproduced"] else 1


@command.command()
@click.argument("base", metavar="BASE")
@click.argument("decision_id", metavar="ID")
@asking.asks
def diff(base: str, decision_id: str, server: str | None, token: str | None, output: str) -> None:
    """Tell what the decision ID has that BASE has not, and the other way round."""
    route = f"/api/v1/decisions/{asking.path(decision_id)}/diff?base={asking.path(base)}"
    asking.printed(asking.client(server, token).ask("GET", route), output, difference_lines)


def difference_lines(value: Any) -> list[str]:
    """A difference of two decisions, as lines."""
    before, after = value["base"], value["decision"]
    facts = ("outcome", "digest", "commit", "branch", "policy_revision", "evidence", "waivers")
    lines = [f"{name}: {before[name]} -> {after[name]}" for name in facts if before[name] != after[name]]
    for sign, key in (("+", "introduced"), ("-", "fixed")):
        lines += [f"{sign} {one['severity']} {one['rule']}  {one['title']}" for one in value[key]]
    for sign, key in (("+", "violations_introduced"), ("-", "violations_fixed")):
        lines += [f"{sign} {one['action']} {one['rule']}: {one['message']}" for one in value[key]]
    for sign, key in (("+", "components_added"), ("-", "components_removed")):
        lines += [f"{sign} {name}" for name in value[key]]
    if value["is_partial"]:
        lines.append("findings of one of them are no longer kept: only violations were compared")
    return [*lines, f"{value['persisting']} findings are in both"]
