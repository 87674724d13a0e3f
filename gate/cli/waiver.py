"""`gate waiver`: waivers written and checked."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gate.cli import asking
from gate.errors import SettingsError, WaiverError, quoted
from gate.model import Severity

if TYPE_CHECKING:
    from gate.documents.yaml import Parsed
    from gate.foreign_waivers import Candidate
    from gate.waivers import Waiver


@click.group(
    epilog="Examples:  gate waiver new --vulnerability CVE-2026-1 --reason accepted_risk --note '…'    gate waiver check"
)
def command() -> None:
    """Write and check waivers in files; request, approve and revoke those of the service."""


@command.command()
@click.argument("fingerprint", required=False)
@click.option("--rule", metavar="ID", help="rule whose violations it covers")
@click.option("--vulnerability", metavar="ID", help="CVE, GHSA … it covers")
@click.option("--purl", metavar="PURL", help="only in this package")
@click.option("--path", metavar="GLOB", help="only in these files")
@click.option("--object", "object_", metavar="GLOB", help="only on these objects, Kind/namespace/name")
@click.option("--subject", metavar="NAME", help="only for this subject")
@click.option(
    "--environment", "environments", multiple=True, metavar="NAME", help="only in these environments"
)
@click.option(
    "--reason", required=True, metavar="WORD", help="accepted_risk, false_positive … (docs/waivers.md)"
)
@click.option("--note", required=True, metavar="TEXT", help="what and why, in a sentence")
@click.option("--until", metavar="DATE", help="last day (default: the longest allowed)")
@click.option("--severity", default="critical", metavar="WORD", help="severity of what it covers")
@click.option("--by", metavar="WHO", help="who asks (default: git's user.email)")
@click.option("--ticket", metavar="ID")
@click.option("--owner", metavar="WHO", help="who sees to it that it goes away")
@click.option("--file", metavar="FILE", help="file to append to (default: the first of waivers.files)")
def new(file: str | None, **given: Any) -> None:
    """Append a waiver to the file; it waives nothing until somebody else fills in approved_by."""
    from gate import repository, waiver_files, waivers
    from gate.cli.check import replaced
    from gate.configuration import WAIVERS_FILE, configuration
    from gate.documents import yaml

    until = given.pop("until")
    now = datetime.now(UTC)
    with configuration(None, None, Path.cwd(), None) as config:
        listed = config.settings.waivers.files or (WAIVERS_FILE,)
        path = Path(file) if file else config.home / listed[0]
        max_days = {one.value: config.settings.waivers.longest_days(one) for one in Severity}
    severity = given.pop("severity")
    if severity not in tuple(Severity):
        raise SettingsError(
            f"--severity {quoted(severity)} is not known", code="usage", expected=", ".join(Severity)
        )
    top = repository.top_level(Path.cwd())
    by = given.pop("by") or (repository.user(top) if top else None)
    if not by:
        raise SettingsError(
            "nobody asks for the waiver", code="usage", fix="name yourself: --by you@example.com"
        )
    waiver_id = f"w-{now:%Y%m%d}-{secrets.token_hex(3)}"
    entry = _draft(
        id=waiver_id,
        match=_match(given),
        reason=given["reason"],
        note=given["note"],
        ticket=given["ticket"],
        owner=given["owner"],
        requested_by=by,
        severity=Severity(severity),
        now=now,
        max_days=max_days,
        until=_day(until),
    )
    before = path.read_text("utf-8") if path.exists() else ""
    text = waiver_files.appended(before, entry)
    label = file or listed[0]
    parsed = yaml.parsed(text.encode(), label, WaiverError)
    # Read it as `gate check` will before it replaces anything: what is written must parse.
    found = _read(parsed, label)
    if waiver_id not in {waiver.id for waiver in found}:
        raise WaiverError(
            "the file is laid out in a way that nothing can be appended to", path=file, fix=entry
        )
    replaced(path, text.encode())
    reason = waivers.idle_reason(found[-1], now, max_days)
    click.echo(f"{label}: waiver {waiver_id} added; {reason or 'it is in force'}")


def _draft(**entry: Any) -> str:
    """The YAML of a new entry; what the command line got wrong is its own error."""
    from gate import waiver_files

    try:
        return waiver_files.draft(**entry)
    except WaiverError as error:
        raise SettingsError(problems=error.problems) from None


def _read(parsed: Parsed, label: str) -> tuple[Waiver, ...]:
    from gate import waiver_files

    try:
        return waiver_files.waivers(parsed.value, label, parsed.position)
    except WaiverError as error:
        raise SettingsError(problems=error.problems) from None


def _match(given: dict[str, Any]) -> dict[str, str | list[str]]:
    keys = ("fingerprint", "rule", "vulnerability", "purl", "path", "object_", "subject")
    names = {"fingerprint": "finding", "object_": "object"}
    match: dict[str, str | list[str]] = {names.get(key, key): given[key] for key in keys if given[key]}
    if given["environments"]:
        match["environments"] = list(given["environments"])
    return match


def _day(until: str | None) -> date | None:
    if until is None:
        return None
    try:
        return date.fromisoformat(until)
    except ValueError:
        raise SettingsError(
            f"--until {quoted(until)} is no date", code="usage", expected="2026-12-31"
        ) from None


@command.command()
@click.argument("waiver_files", nargs=-1, metavar="[FILE]...")
@click.option("--soon", default=14, metavar="DAYS", help="tell what ends within DAYS")
def check(waiver_files: tuple[str, ...], soon: int) -> int:
    """Check the configured waiver files, or FILES: what cannot act, what ends soon; exit 1 if any is idle."""
    from gate.configuration import configuration
    from gate.configuration import waivers as configured
    from gate.waivers import idle_reason

    now = datetime.now(UTC)
    with configuration(None, None, Path.cwd(), None) as config:
        found = configured(config, waiver_files, Path.cwd())
        max_days = {one.value: config.settings.waivers.longest_days(one) for one in Severity}
    idle = {w.id: reason for w in found if (reason := idle_reason(w, now, max_days)) is not None}
    for waiver in found:
        if waiver.id in idle:
            click.echo(f"{waiver.place}: waiver {waiver.id} waives nothing: {idle[waiver.id]}")
        elif waiver.expires - now <= timedelta(days=soon):
            click.echo(f"{waiver.place}: waiver {waiver.id} ends in {(waiver.expires - now).days} days")
    click.echo(f"{len(found)} waivers, {len(found) - len(idle)} in force")
    return 1 if idle else 0


@command.command()
@click.argument("fingerprint", required=False)
@click.option("--project", metavar="P", help="as the service knows it (default: of gate.yaml)")
@click.option("--rule", metavar="ID", help="rule whose violations it covers")
@click.option("--vulnerability", metavar="ID", help="CVE, GHSA … it covers")
@click.option("--purl", metavar="PURL", help="only in this package")
@click.option("--path", metavar="GLOB", help="only in these files")
@click.option("--object", "object_", metavar="GLOB", help="only on these objects, Kind/namespace/name")
@click.option("--subject", metavar="NAME", help="only for this subject")
@click.option(
    "--environment", "environments", multiple=True, metavar="NAME", help="only in these environments"
)
@click.option("--reason", required=True, metavar="WORD", help="accepted_risk, false_positive …")
@click.option("--note", required=True, metavar="TEXT", help="what and why, in a sentence")
@click.option("--until", required=True, metavar="DATE", help="last day")
@click.option("--ticket", metavar="ID")
@click.option("--owner", metavar="WHO", help="who sees to it that it goes away")
@asking.asks
def request(project: str | None, server: str | None, token: str | None, output: str, **given: Any) -> None:
    """Ask the service for a waiver; it acts once somebody else has approved it."""
    entry = {name: given[name] for name in ("reason", "note", "ticket", "owner") if given[name]}
    expires = _day(given["until"])
    body = {
        **entry,
        "project": asking.project(project),
        "match": _match(given),
        "expires": f"{expires:%Y-%m-%d}",
    }
    key = secrets.token_hex(16)
    found = asking.client(server, token).ask("POST", "/api/v1/waivers", body, **{"Idempotency-Key": key})
    asking.printed(found, output, _lines)


@command.command()
@click.option("--project", metavar="P", help="only of this project")
@click.option(
    "--state",
    type=click.Choice(["requested", "active", "expiring", "rejected", "revoked", "expired"]),
    help="only these",
)
@asking.asks
def ls(project: str | None, state: str | None, server: str | None, token: str | None, output: str) -> None:
    """List the service's waivers, newest first."""
    asked = {"project": project, "state": state}
    query = "&".join(f"{name}={asking.path(value)}" for name, value in asked.items() if value)
    found = asking.client(server, token).ask("GET", f"/api/v1/waivers?limit=500&{query}")
    asking.printed(
        found,
        output,
        lambda value: [line for one in value["items"] for line in _lines(one)] or ["no waivers"],
    )


@command.command()
@click.argument("waiver_id", metavar="ID")
@click.option("--sha256", metavar="DIGEST", help="of what was read (default: of what it says now)")
@asking.asks
def approve(waiver_id: str, sha256: str | None, server: str | None, token: str | None, output: str) -> None:
    """Let the waiver ID act; what it covers is decided anew at once."""
    client = asking.client(server, token)
    route = f"/api/v1/waivers/{asking.path(waiver_id)}"
    read = sha256 or client.ask("GET", route)["sha256"]
    asking.printed(client.ask("POST", f"{route}/approve", {"sha256": read}), output, _lines)


@command.command()
@click.argument("waiver_id", metavar="ID")
@click.option("--note", metavar="TEXT", help="why")
@asking.asks
def reject(waiver_id: str, note: str | None, server: str | None, token: str | None, output: str) -> None:
    """Refuse the waiver ID for good."""
    _ended(waiver_id, "reject", note, server, token, output)


@command.command()
@click.argument("waiver_id", metavar="ID")
@click.option("--note", metavar="TEXT", help="why")
@asking.asks
def revoke(waiver_id: str, note: str | None, server: str | None, token: str | None, output: str) -> None:
    """Take the waiver ID back for good; what rested on it is decided anew at once."""
    _ended(waiver_id, "revoke", note, server, token, output)


def _ended(
    waiver_id: str, verb: str, note: str | None, server: str | None, token: str | None, output: str
) -> None:
    body = {"note": note} if note else {}
    route = f"/api/v1/waivers/{asking.path(waiver_id)}/{verb}"
    asking.printed(asking.client(server, token).ask("POST", route, body), output, _lines)


def _lines(value: Any) -> list[str]:
    match = ", ".join(f"{key} {name}" for key, name in value["match"].items())
    by = f", approved by {value['approved_by']}" if value["approved_by"] else ""
    return [
        f"{value['id']}  {value['state']}  {value['project']}  until {value['expires_at']}",
        f"  {match}: {value['reason']}, {value['note']}",
        f"  requested by {value['requested_by']}{by}",
    ]


@command.command()
@click.option("--project", metavar="P", help="as the service knows it (default: of gate.yaml)")
@click.option("--author", required=True, metavar="WHO", help="who says it: a person or an organisation")
@click.option("--server", metavar="URL", help="the service (GATE_SERVER_URL)")
@click.option("--token", metavar="T", help="token for it (GATE_TOKEN, GATE_TOKEN_FILE)")
def export(project: str | None, author: str, server: str | None, token: str | None) -> None:
    """Print the service's waivers that act as an OpenVEX document; what VEX cannot say is left out, and told of."""
    import os

    import msgspec

    from gate import ids, openvex

    now = datetime.now(UTC)
    found = asking.administration(server, token).waivers(asking.project(project))
    made = openvex.document(found, id=f"urn:uuid:{ids.uuid7(now, os.urandom(10))}", author=author, now=now)
    click.echo(msgspec.json.format(msgspec.json.encode(made.document)).decode())
    for reason in made.left_out:
        click.echo(reason, err=True)


@command.command("import")
@click.argument("foreign", nargs=-1, required=True, metavar="FILE...")
@click.option("--by", required=True, metavar="WHO", help="who asks for them here")
@click.option(
    "--severity", default="unknown", metavar="WORD", help="how long each may last (docs/waivers.md)"
)
@click.option("--file", metavar="FILE", help="file to append to (default: print)")
def import_(foreign: tuple[str, ...], by: str, severity: str, file: str | None) -> None:
    """Take over what other tools overlook, as drafts: none waives anything until somebody else approves it.

    Reads .trivyignore, .trivyignore.yaml, DefectDojo's risk acceptances (JSON), Kyverno's PolicyException.
    """
    from gate import files, foreign_waivers, waiver_files
    from gate.cli.check import replaced
    from gate.documents import yaml

    now = datetime.now(UTC)
    drafts: list[str] = []
    gone = 0
    for name in foreign:
        found = foreign_waivers.candidates(files.content(Path(name), name, WaiverError), name)
        standing, ended = foreign_waivers.ended(found, now.date())
        gone += ended
        drafts += [_taken_over(one, by, severity, now) for one in standing]
    path = Path(file) if file else None
    text = path.read_text("utf-8") if path is not None and path.exists() else ""
    for entry in drafts:
        text = waiver_files.appended(text, entry)
    if drafts:
        read = _read(yaml.parsed(text.encode(), file or "drafts", WaiverError), file or "drafts")
        if len(read) < len(drafts):
            raise WaiverError("the file is laid out in a way that nothing can be appended to", path=file)
    if path is None:
        click.echo(text, nl=False)
    elif drafts:
        replaced(path, text.encode())
    click.echo(f"{len(drafts)} to review, {gone} had ended and were left out", err=True)


def _taken_over(one: Candidate, by: str, severity: str, now: datetime) -> str:
    """The draft of a waiver that another tool had; it lasts no longer than there, nor than is allowed here."""
    from gate.waivers import days_allowed

    if severity not in tuple(Severity):
        raise SettingsError(
            f"--severity {quoted(severity)} is not known", code="usage", expected=", ".join(Severity)
        )
    last = now.date() + timedelta(days=days_allowed(Severity(severity), {}))
    entry: dict[str, Any] = {
        "id": f"i-{now:%Y%m%d}-{secrets.token_hex(4)}",
        "match": one.match,
        "reason": "accepted_risk",
        "note": one.note,
        "owner": one.by,
        "requested_by": by,
        "severity": Severity(severity),
        "now": now,
        "max_days": {},
        "until": min(one.until, last) if one.until else None,
    }
    return _draft(**entry)
