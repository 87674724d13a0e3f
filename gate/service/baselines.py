"""What runs where, as far as gate knows: the last release of each environment, drift, and the way back."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from gate.errors import SettingsError
from gate.model import Action, Decision
from gate.service import reevaluation
from gate.service.context import Service
from gate.service.evidence import NotAgain
from gate.service.replaying import Difference, difference
from gate.stores import decisions, releases
from gate.stores.database import Connection
from gate.stores.projects import Project
from gate.stores.releases import Release, Reported

LOOKED_BACK: Final = 200
"""Releases of an environment that a plan looks through."""
CANDIDATES: Final = 20
"""Digests that a plan judges."""
ANEW: Final = ("GATE-EVID-005", "GATE-ENV-003")
"""Evidence too old, promotion: what time alone brings about, and what asking again settles."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The last release of an environment."""

    project: str
    environment: str
    digest: str
    name: str
    released_at: str
    decision_id: str
    outcome: str
    commit: str | None
    branch: str | None
    policy_revision: str
    evidence: tuple[str, ...]
    """Digests of the reports it rests on."""
    waivers: tuple[str, ...]
    approved_by: tuple[str, ...]
    expires_at: str | None


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """What was released, beside what the cluster reports to run."""

    state: Literal["none", "drifted", "unreported"]
    """`unreported`: admission told of nothing since the release; that is not known to be no drift."""
    running: tuple[dict[str, Any], ...]
    """What admission let in since the release, the last first."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier release, judged by today's policies."""

    digest: str
    released_at: str
    decision_id: str
    passes: bool
    against: tuple[str, ...]
    """Why it does not pass any more."""
    to_do: tuple[str, ...]
    """What asking for it takes that time has taken away: fresh evidence, soak, approvals."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where one can go back to."""

    current: Baseline
    target: Candidate | None
    """The newest earlier release that passes today's policies; None where none does."""
    rejected: tuple[Candidate, ...]
    """Newer ones than the target, which do not."""
    differs: Difference | None
    """From what is released now to the target."""


def baseline(connection: Connection, project: Project, release: Release) -> Baseline:
    """The baseline that a release is."""
    decision = decisions.decision(connection, release.decision_id)
    subject = decision.subject
    return Baseline(
        project=project.key,
        environment=release.environment,
        digest=release.subject_digest,
        name=subject.name,
        released_at=release.at,
        decision_id=release.decision_id,
        outcome=decision.outcome.value,
        commit=subject.commit,
        branch=subject.branch,
        policy_revision=decision.policy.revision,
        evidence=tuple(sorted(report.sha256 for report in decision.reports)),
        waivers=tuple(sorted({one.waiver for one in decision.waived})),
        approved_by=tuple(one.by for one in decision.approvals.given),
        expires_at=decision.expires_at,
    )


def drift(connection: Connection, project: Project, release: Release) -> Drift:
    """How far what runs is from what was released, by what admission let in since then."""
    seen = releases.reported(connection, project.key, release.environment, release.at)
    if not seen:
        return Drift(state="unreported", running=())
    is_same = all(one.digest == release.subject_digest for one in seen)
    ever = {
        one.subject_digest
        for one in releases.newest_first(connection, project.id, release.environment, LOOKED_BACK)
    }
    running = tuple(_running(one, release, ever) for one in seen)
    return Drift(state="none" if is_same else "drifted", running=running)


def _running(one: Reported, release: Release, ever: set[str]) -> dict[str, Any]:
    return {
        "digest": one.digest,
        "namespaces": one.namespaces,
        "last_at": one.last_at,
        "is_baseline": one.digest == release.subject_digest,
        "was_released": one.digest in ever,
    }


def plan(service: Service, project: Project, environment: str) -> Plan | None:
    """The newest earlier release that still passes; None where nothing was released yet. Nothing is recorded."""
    with service.database.reading() as connection:
        found = releases.newest_first(connection, project.id, environment, LOOKED_BACK)
        current = baseline(connection, project, found[0]) if found else None
    if current is None:
        return None
    rejected: list[Candidate] = []
    target: Candidate | None = None
    for release in found[1 : 1 + CANDIDATES]:
        candidate = _judged(service, project, release)
        if candidate.passes:
            target = candidate
            break
        rejected.append(candidate)
    with service.database.reading() as connection:
        differs = (
            difference(connection, current.decision_id, target.decision_id) if target is not None else None
        )
    return Plan(current=current, target=target, rejected=tuple(rejected), differs=differs)


def _judged(service: Service, project: Project, release: Release) -> Candidate:
    try:
        decision = reevaluation.again(
            service, project, release.decision_id, release.environment
        ).judgement.decision
    except (NotAgain, SettingsError) as error:
        return _candidate(release, against=(str(error),), to_do=())
    denied = [one for one in decision.violations if one.action is Action.DENY]
    against = tuple(f"{one.rule}: {one.message}" for one in denied if one.rule not in ANEW)
    to_do = tuple(f"{one.rule}: {one.message}" for one in denied if one.rule in ANEW)
    return _candidate(release, against=against, to_do=(*to_do, *_approvals_wanted(decision)))


def _candidate(release: Release, against: tuple[str, ...], to_do: tuple[str, ...]) -> Candidate:
    return Candidate(
        digest=release.subject_digest,
        released_at=release.at,
        decision_id=release.decision_id,
        passes=not against,
        against=against,
        to_do=to_do,
    )


def _approvals_wanted(decision: Decision) -> tuple[str, ...]:
    lacking = decision.approvals.required - len(decision.approvals.given)
    return (f"{lacking} approvals are wanted",) if lacking > 0 else ()
