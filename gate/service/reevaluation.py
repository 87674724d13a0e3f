"""Decisions made again from what they were made of: under today's policies, settings, waivers and approvals.

Nobody asks here: `by` stays whoever asked for the first one. Where a decision cannot be made again (its input is
masked, or no longer kept) nothing is guessed.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from gate import settings
from gate.errors import SettingsError
from gate.model import Decision
from gate.presentation import Excerpt, Presentation
from gate.service import deciding, evidence, project_settings, recording
from gate.service.context import Service
from gate.service.deciding import Asking, Decided
from gate.service.evidence import NotAgain
from gate.service.submission import Meta
from gate.stores import decisions, events
from gate.stores.database import Connection
from gate.stores.decisions import Summary
from gate.stores.projects import Project
from gate.stores.writer import Transaction, Work

UNSETTLED: Final = ("fail", "needs_approval")


def again(
    service: Service,
    project: Project,
    decision_id: str,
    environment: str | None,
    *,
    by: str | None = None,
    branch: str | None = None,
) -> Decided:
    """The decision about what `decision_id` was made of, in `environment`, today; nothing is recorded.

    With `by` somebody asks for it (a promotion), from the pipeline of `branch`; without, nobody does. Raises
    `GateError` where it cannot be made.
    """
    with service.database.reading() as connection:
        given = evidence.of(connection, decision_id)
        shown = deciding.presented(connection, decision_id)
        origin = decisions.origin(connection, decision_id)
    kept = given.kept
    value = project_settings.parsed(project.document)
    named = settings.environment(value, environment) if environment is not None else None
    bundle = service.bundle(value.policies.use)
    # A branch that whoever promotes only says is not vouched for, whoever vouched for the rest.
    is_claimed = kept.subject.claimed or (branch is not None and branch != kept.subject.branch)
    subject = msgspec.structs.replace(kept.subject, branch=branch or kept.subject.branch, claimed=is_claimed)
    meta = Meta.model_validate({**kept.meta, "environment": named.name if named else None})
    first = None if by is not None else kept.asked_first or decision_id
    asking = Asking(meta=meta, subject=subject, by=by or kept.by, asked_first=first)
    handed = given.gathered()
    judgement, its_kept = deciding.judged(
        service, project, asking, handed, evidence.Noted(given.places), value, named, bundle
    )
    presentation = Presentation(
        decision=judgement.decision,
        rules=judgement.rules,
        findings={finding.fingerprint: finding for finding in judgement.findings},
        excerpts=_excerpts(judgement.decision, shown.excerpts),
        components=len(judgement.components),
        objects=len(judgement.objects),
        sources=handed.reports,
    )
    return Decided(judgement=judgement, presentation=presentation, reads=(), kept=its_kept, origin=origin)


def _excerpts(decision: Decision, known: dict[str, Excerpt]) -> dict[str, Excerpt]:
    return {
        one.fingerprint: known[one.fingerprint] for one in decision.violations if one.fingerprint in known
    }


def reevaluated(
    service: Service, project: Project, digest: str, environment: str, cause: str
) -> Work[dict[str, Any]]:
    """What is to be written after the newest decision about the pair is made again.

    `cause` is `approved`, or that a waiver is not what it was. Where it cannot be made again it is taken back,
    unless somebody only approved: what rested on a waiver may not stand without looking.
    """
    with service.database.reading() as connection:
        base = decisions.newest_summary(connection, project.id, digest, environment)
    if base is None:
        return lambda _: {"skipped": "no decision about it"}
    try:
        decided = again(service, project, base.id, environment)
    except (NotAgain, SettingsError) as error:
        return _not_possible(project, base, cause, str(error))
    ready = deciding.recording(decided, base.by, project)

    def work(transaction: Transaction) -> dict[str, Any]:
        if not _is_newest(transaction.connection, base):
            return {"skipped": "somebody asked anew meanwhile"}
        recording.recorded(transaction, service, ready)
        decision = ready.decision
        _told(transaction, project, decision.decision_id, cause, base, decision.outcome.value)
        return {"decision_id": decision.decision_id, "outcome": decision.outcome.value, "instead_of": base.id}

    return work


def _not_possible(project: Project, base: Summary, cause: str, reason: str) -> Work[dict[str, Any]]:
    def work(transaction: Transaction) -> dict[str, Any]:
        takes_back = cause != "approved" and base.outcome not in UNSETTLED
        if takes_back and _is_newest(transaction.connection, base):
            decisions.revoked(transaction, project.key, base)
            _told(transaction, project, base.id, cause, base, "revoked")
        return {"not_possible": reason, "revoked": takes_back}

    return work


def _is_newest(connection: Connection, base: Summary) -> bool:
    found = decisions.newest_summary(connection, base.project_id, base.subject_digest or "", base.environment)
    return found is not None and found.id == base.id


def _told(
    transaction: Transaction, project: Project, target: str, cause: str, base: Summary, outcome: str
) -> None:
    events.told(
        transaction.connection,
        at=transaction.now,
        project_id=project.id,
        by=base.by,
        action="decision.reevaluated",
        target=target,
        cause=cause,
        instead_of=base.id,
        outcome=outcome,
        environment=base.environment,
        digest=base.subject_digest,
    )
