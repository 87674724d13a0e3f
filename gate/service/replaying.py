"""A decision made again exactly as it was: its input, its policies, its clock; and two decisions compared."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from gate import bootstrap, policy_files, settings, times
from gate.bundle import Bundle
from gate.errors import StoreError
from gate.model import Decision, EnvironmentRef, Finding, Point
from gate.pipeline import Question, judge
from gate.service import deciding, evidence, project_settings
from gate.service.context import Service
from gate.service.evidence import NotAgain
from gate.stores import bundles, decisions, projects
from gate.stores.database import Connection
from gate.stores.decisions import Summary

_ENCODER: Final = msgspec.json.Encoder()


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What making a decision again exactly as it was came to."""

    decision_id: str
    reproduced: bool
    """Whether every byte of the decision came out the same."""
    differences: tuple[str, ...]
    """Keys that came out otherwise."""
    recorded: dict[str, Any]
    """What the record says under those keys."""
    replayed: dict[str, Any]
    """What came out this time."""


def replayed(service: Service, row: Summary) -> Replayed:
    """The decision of `row` made again; nothing is recorded.

    Raises `NotAgain` where what it was made of is not kept whole, `StoreError` where its policies are gone.
    """
    with service.database.reading() as connection:
        recorded = decisions.decision(connection, row.id)
        given = evidence.of(connection, row.id)
        document = projects.settings_of(connection, row.project_id, given.kept.settings_version)
        content = bundles.content(connection, row.policy_revision)
    now = times.instant(recorded.decided_at)
    if document is None or now is None:
        raise NotAgain(f"decision {row.id}: the settings it was made under are no longer kept")
    bundle = _bundle(service, row.policy_revision, content)
    value = project_settings.parsed(document)
    kept = given.kept
    question = Question(
        decision_id=recorded.decision_id,
        now=now,
        point=Point(given.value["point"]),
        project=recorded.project,
        environment=msgspec.convert(given.value["environment"], EnvironmentRef | None),
        subject=kept.subject,
        reads=(),
        gathered=given.gathered(),
        settings=given.value["settings"],
        action_for=partial(settings.action_for, value.policies.actions),
        notices=kept.notices,
        own=kept.own,
        waivers=deciding.waivers_of(kept.waivers),
        waiver_days=deciding.waiver_days(value),
        approvals=kept.approvals,
        approvals_required=kept.approvals_required,
        timeout_s=kept.timeout_s,
    )
    judgement = judge(question, bundle, service.engine, None, given.places)
    return _compared(recorded, judgement.decision, judgement.input == given.document)


def _bundle(service: Service, revision: str, content: bytes | None) -> Bundle:
    """The policies of `revision`: those that are loaded, or compiled from what was kept of them."""
    loaded = service.loaded_bundle(revision)
    if loaded is not None:
        return loaded
    if content is None:
        raise StoreError(f"the policies of revision {revision:.19} are not kept", code="bundle_gone")
    collected = msgspec.json.decode(content, type=policy_files.Collected)
    made = bootstrap.compiled(collected, service.policies or Path(), service.engine, python=False)
    if made.revision != revision:
        raise StoreError(
            f"the policies kept under revision {revision:.19} are of another",
            code="store_damaged",
            found=made.revision,
            expected=revision,
            fix="run `gate audit verify`; restore from a backup",
        )
    return made


def _compared(recorded: Decision, fresh: Decision, is_same_input: bool) -> Replayed:
    before, after = (msgspec.json.decode(_ENCODER.encode(one)) for one in (recorded, fresh))
    differing = [key for key in before if before[key] != after.get(key)]
    if not is_same_input and "input_sha256" not in differing:
        differing.append("input")
    return Replayed(
        decision_id=recorded.decision_id,
        reproduced=_ENCODER.encode(recorded) == _ENCODER.encode(fresh) and is_same_input,
        differences=tuple(differing),
        recorded={key: before.get(key) for key in differing},
        replayed={key: after.get(key) for key in differing},
    )


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What one decision has that another has not; `introduced` is only in the second."""

    base: dict[str, Any]
    decision: dict[str, Any]
    introduced: tuple[dict[str, Any], ...]
    fixed: tuple[dict[str, Any], ...]
    persisting: int
    violations_introduced: tuple[dict[str, Any], ...]
    violations_fixed: tuple[dict[str, Any], ...]
    components_added: tuple[str, ...]
    components_removed: tuple[str, ...]
    is_partial: bool
    """Whether findings and components of one of them are no longer kept, so that only violations are compared."""


def difference(connection: Connection, base_id: str, decision_id: str) -> Difference:
    """What changed from `base_id` to `decision_id`."""
    base, other = (decisions.decision(connection, one) for one in (base_id, decision_id))
    seen_before, seen = (_seen(connection, one) for one in (base_id, decision_id))
    is_partial = seen_before is None or seen is None
    findings_before, components_before = seen_before if seen_before and not is_partial else ({}, frozenset())
    findings, components = seen if seen and not is_partial else ({}, frozenset())
    said_before = {one.fingerprint: one for one in base.violations}
    said = {one.fingerprint: one for one in other.violations}
    return Difference(
        base=_facts(base),
        decision=_facts(other),
        introduced=tuple(_shown(findings[key]) for key in sorted(findings.keys() - findings_before.keys())),
        fixed=tuple(_shown(findings_before[key]) for key in sorted(findings_before.keys() - findings.keys())),
        persisting=len(findings.keys() & findings_before.keys()),
        violations_introduced=tuple(_said(said[key]) for key in sorted(said.keys() - said_before.keys())),
        violations_fixed=tuple(_said(said_before[key]) for key in sorted(said_before.keys() - said.keys())),
        components_added=tuple(sorted(components - components_before)),
        components_removed=tuple(sorted(components_before - components)),
        is_partial=is_partial,
    )


def _seen(connection: Connection, decision_id: str) -> tuple[dict[str, Finding], frozenset[str]] | None:
    """Findings by fingerprint and names of components, as the policies saw them; None where not kept."""
    document, _ = decisions.policy_input(connection, decision_id)
    if document is None:
        return None
    value = msgspec.json.decode(document)
    found = msgspec.convert(value["findings"], tuple[Finding, ...])
    names = (one["purl"] or f"{one['name']}@{one['version'] or ''}" for one in value["components"])
    return {one.fingerprint: one for one in found}, frozenset(names)


def _facts(decision: Decision) -> dict[str, Any]:
    subject = decision.subject
    return {
        "decision_id": decision.decision_id,
        "decided_at": decision.decided_at,
        "environment": decision.environment,
        "outcome": decision.outcome,
        "digest": subject.digest,
        "commit": subject.commit,
        "branch": subject.branch,
        "policy_revision": decision.policy.revision,
        "evidence": sorted(report.sha256 for report in decision.reports),
        "waivers": sorted({one.waiver for one in decision.waived}),
    }


def _shown(finding: Finding) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "kind": finding.kind,
        "rule": finding.rule,
        "title": finding.title,
        "severity": finding.severity,
        "purl": finding.purl,
        "file": finding.location.file,
    }


def _said(violation: Any) -> dict[str, Any]:
    return {
        "fingerprint": violation.fingerprint,
        "rule": violation.rule,
        "severity": violation.severity,
        "action": violation.action,
        "message": violation.message,
    }
