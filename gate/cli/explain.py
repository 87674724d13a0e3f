"""`gate explain`: what a rule, a finding or a decision means; offline."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import click

from gate.errors import SettingsError, quoted
from gate.model import Rule
from gate.outputs.escaping import terminal


@click.command(epilog="Examples:  gate explain GATE-K8S-001    gate explain 6f1c9e0a    gate explain 0193…")
@click.argument("id")
def command(id: str) -> None:
    """Explain ID: a rule, a finding's fingerprint (or its first 8 characters), or a decision id."""
    rules, decisions = _rules(), _decisions()
    matches = [rule for rule in rules if rule.id.casefold() == id.casefold()]
    if matches:
        _rule(matches[0])
        return
    for decision in decisions:
        if decision["decision_id"] == id:
            _decision(decision)
            return
    said = [(d, v) for d in decisions for v in d["violations"] if len(id) >= 8 and _is_meant(v, id)]
    if said:
        _violation(*said[-1])
        return
    near = difflib.get_close_matches(id.upper(), [rule.id for rule in rules], n=1)
    raise SettingsError(
        f"nothing is known by {quoted(id)}",
        code="unknown_id",
        expected="a rule id; or, where gate.yaml keeps a record, a decision id or 8 characters of a fingerprint",
        fix=f"did you mean {near[0]}?" if near else "see `gate policy ls`",
    )


def _rules() -> list[Rule]:
    """The rules of the configured policies, of every built-in set, and gate's own."""
    from gate import bootstrap, pipeline, policy_files
    from gate.configuration import configuration

    with configuration(None, None, Path.cwd(), None) as config, bootstrap.engine() as engine:
        policies, root = config.settings.policies, config.root
        configured = bootstrap.bundle(policies.use, root, engine, python=policies.python).rules
        builtin = [f"{policy_files.BUILTIN}{name}" for name in policy_files.builtin_names()]
        shipped = bootstrap.bundle(builtin, root, engine, python=False).rules
    return list({**shipped, **configured, **pipeline.OWN_RULES}.values())


def _decisions() -> list[dict[str, Any]]:
    """The recorded decisions, oldest first; none where no record is kept."""
    from gate import bootstrap
    from gate.configuration import configuration

    with configuration(None, None, Path.cwd(), None) as config:
        name, home = config.settings.record, config.home
    return bootstrap.decisions(home / name) if name and (home / name).exists() else []


def _is_meant(violation: dict[str, Any], id: str) -> bool:
    return any(str(violation.get(key) or "").startswith(id) for key in ("fingerprint", "finding"))


def _rule(rule: Rule) -> None:
    severity = rule.severity.value if rule.severity else "severity of the finding"
    click.echo(f"{rule.id}  {terminal(rule.title)}   {severity}")
    rows = {
        "What": rule.description,
        "Fix": rule.fix,
        "Docs": rule.docs,
        "Rule": f"{rule.file}:{rule.line}   package {rule.policy}",
        "Scope": f"{rule.scope}, at {', '.join(rule.points)}",
        "Frameworks": " · ".join(rule.frameworks),
        "Threshold": f"thresholds.{rule.threshold} in gate.yaml" if rule.threshold else None,
        "In force": f"from {rule.effective_on}" if rule.effective_on else None,
        "Waivable": "no: it is about the evidence itself"
        if rule.id.startswith(("GATE-EVID-", "GATE-ENV-"))
        else f"yes: gate waiver new --rule {rule.id} …",
    }
    for name, text in rows.items():
        if text:
            click.echo(f"{name:11} {terminal(' '.join(str(text).split()))}")


def _decision(decision: dict[str, Any]) -> None:
    click.echo(f"decision {decision['decision_id']}  {decision['outcome']}  {decision['decided_at']}")
    click.echo(
        f"subject    {terminal(decision['subject']['name'])}  environment {decision['environment'] or '-'}"
    )
    click.echo(f"policy     {decision['policy']['revision']}  input {decision['input_sha256']}")
    for violation in decision["violations"]:
        click.echo(f"{violation['action']:6} {violation['rule']:18} {terminal(violation['message'])}")
    click.echo(f"{len(decision['violations'])} violations, {len(decision['waived'])} waived")


def _violation(decision: dict[str, Any], violation: dict[str, Any]) -> None:
    click.echo(f"{violation['rule']}  {violation['severity']}  {violation['action']}")
    for name, key in (("What", "message"), ("Fix", "remedy"), ("Object", "object"), ("Finding", "finding")):
        if violation.get(key):
            click.echo(f"{name:11} {terminal(str(violation[key]))}")
    at = violation.get("location") or {}
    if at.get("file"):
        click.echo(f"{'Where':11} {terminal(at['file'])}:{at.get('line') or 1}")
    click.echo(f"{'Decision':11} {decision['decision_id']} at {decision['decided_at']}")
    click.echo(f"{'Rule':11} gate explain {violation['rule']}")
