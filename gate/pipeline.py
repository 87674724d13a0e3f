"""The verbs of gate, in the order they run: one question in, one judgement out.

    ingest ─► normalize ─► baseline and waivers on findings ─► assemble ─► evaluate ─► waivers on violations ─► decide

Same inputs, same decision, for ever: the clock, the randomness and the engine are arguments. The CLI,
the service and admission all ask through `judge`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

import msgspec

from gate import __version__, assemble, baseline, decide, environments, limits, times, waivers
from gate.bundle import Bundle
from gate.conftest.inputs import Configured
from gate.conftest.results import Tested
from gate.errors import ReportError
from gate.evaluate import (
    Engine,
    Python,
    evaluate,
    evaluate_conftest,
    evaluate_gatekeeper,
    refuse_if_off,
)
from gate.ingest import Read
from gate.kubernetes import kustomizations, pod_makers, schemas
from gate.kubernetes.reviews import Reviewed
from gate.model import (
    Approval,
    Approvals,
    Component,
    Decision,
    EnvironmentRef,
    Finding,
    KubernetesObject,
    Point,
    PolicySet,
    Report,
    Rule,
    Said,
    Subject,
    Waived,
)
from gate.normalize import normalize

OWN_RULES: Final[Mapping[str, Rule]] = {**environments.RULES, **kustomizations.RULES, **schemas.RULES}
"""What gate says without a policy, by id."""
Places = Callable[[Sequence[tuple[str, int, str]]], decide.Places]
"""Wanted (file, document, JSON pointer) -> line and column of those that are known."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What all reports together come to: each flaw once, as `normalize` gives it."""

    reports: tuple[Report, ...]
    findings: tuple[Finding, ...]
    components: tuple[Component, ...]
    objects: tuple[KubernetesObject, ...]


def gathered(reads: Sequence[Read]) -> Gathered:
    """What `reads` come to; raises `ReportError` where that is more than a decision can hold."""
    findings, components = normalize(read.scan for read in reads)
    if len(findings) > limits.FINDINGS:
        largest = max(reads, key=lambda read: read.report.findings).report
        raise ReportError(
            "more findings than one decision can hold",
            code="too_many_findings",
            path=largest.path,
            found=f"{len(findings)} in {len(reads)} reports, {largest.findings} of them in this one",
            expected=f"at most {limits.FINDINGS}",
            fix="check parts of the project by themselves, or have the tool leave out what no rule asks about; "
            "`gate convert FILE -o summary` counts reports of any size",
        )
    return Gathered(
        reports=tuple(read.report for read in reads),
        findings=findings,
        components=components,
        objects=tuple(one for read in reads for one in read.scan.objects),
    )


def without_findings(read: Read) -> Read:
    """`read` but for what `gathered` has of it: of a hundred thousand findings two sets are one too many."""
    scan = msgspec.structs.replace(read.scan, observations=(), components=())
    return msgspec.structs.replace(read, scan=scan)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """May this pass, here, now? With everything that was handed over."""

    decision_id: str
    now: datetime
    point: Point
    project: str | None
    environment: EnvironmentRef | None
    subject: Subject
    reads: tuple[Read, ...]
    gathered: Gathered | None = None
    """What `reads` come to, where somebody knows it already: a decision that is made again has nothing else."""
    settings: dict[str, Any]
    """The bundle's, the user's data, thresholds and the environment's evidence, merged."""
    action_for: decide.ActionFor
    notices: tuple[str, ...] = ()
    """What a person should know of how it was asked: files that were left out, and so on."""
    own: tuple[Said, ...] = ()
    """What gate itself found wrong with the asking (gate/environments.py)."""
    waivers: tuple[waivers.Waiver, ...] = ()
    waiver_days: Mapping[str, int] = {}
    baseline: baseline.Baseline | None = None
    grace_days: int = 0
    schemas: schemas.Schemas | None = None
    """What the cluster takes; None where nobody wants that checked."""
    approvals: tuple[Approval, ...] = ()
    """Those that count for this digest and environment."""
    approvals_required: int = 0
    timeout_s: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The decision and what it rests on."""

    decision: Decision
    findings: tuple[Finding, ...]
    components: tuple[Component, ...]
    objects: tuple[KubernetesObject, ...]
    rules: dict[str, Rule]
    assembled: assemble.Assembled

    @property
    def input(self) -> bytes:
        """The policy input v1 that was judged, made when it is asked for: a command line keeps none."""
        return self.assembled.document


def judge(
    asked: Question, bundle: Bundle, engine: Engine, python: Python | None, places: Places
) -> Judgement:
    """The decision about `asked` under `bundle`; raises `GateError` where none can be made."""
    environment = asked.environment.name if asked.environment else None
    handed = asked.gathered or gathered(asked.reads)
    findings, components, objects, reports = (
        handed.findings,
        handed.components,
        handed.objects,
        handed.reports,
    )
    if asked.baseline is not None:
        findings = baseline.marked(findings, asked.baseline, asked.now, asked.grace_days)
    findings, usage = waivers.waived_findings(
        findings, asked.waivers, asked.subject, environment, asked.now, asked.waiver_days
    )
    by_fingerprint = {finding.fingerprint: finding for finding in findings}

    given = assemble.assemble(
        assemble.Facts(
            now=asked.now,
            point=asked.point,
            project=asked.project,
            environment=asked.environment,
            subject=asked.subject,
            reports=reports,
            findings=findings,
            components=components,
            objects=objects,
            approvals=asked.approvals,
            settings=asked.settings,
        )
    )
    documents = tuple(one for read in asked.reads for one in read.configuration)
    own, constraints, conftest = _heard(
        asked, bundle, engine, python, given, frozenset(by_fingerprint), documents
    )
    of_schemas = schemas.said(asked.schemas, objects) if asked.schemas else ()
    unbuilt = kustomizations.said(objects) if bundle.judges_objects else ()
    said = (*own, *constraints.said, *of_schemas, *unbuilt, *conftest.said)
    shown = (*objects, *(one.as_object for one in documents))

    rules = {**bundle.rules, **OWN_RULES}
    found = decide.violations(
        (*asked.own, *said),
        rules,
        by_fingerprint,
        shown,
        places(_wanted(said, shown)),
        asked.action_for,
        asked.point,
        asked.now,
    )
    if asked.baseline is not None:
        found = decide.known_before(found, baseline.existing_violations(found, asked.baseline))
    found, waived, later = waivers.waived_violations(
        found, by_fingerprint, asked.waivers, asked.subject, environment, asked.now, asked.waiver_days
    )
    waived = (*_waived(findings), *waived)
    lacking = max(asked.approvals_required - len(asked.approvals), 0)
    decision = Decision(
        decision_id=asked.decision_id,
        outcome=decide.outcome(found, lacking),
        project=asked.project,
        environment=environment,
        subject=asked.subject,
        policy=PolicySet(
            revision=bundle.revision,
            engine=engine.version,
            packages=decide.packages(bundle),
        ),
        conditions=decide.conditions(
            rules, asked.settings, findings, reports, found, asked.action_for, asked.point
        ),
        violations=found,
        waived=waived,
        reports=reports,
        counts=decide.counts(findings),
        approvals=Approvals(required=asked.approvals_required, given=asked.approvals),
        baseline=baseline.digest(asked.baseline) if asked.baseline else None,
        waivers_sha256=waivers.digest(asked.waivers) if asked.waivers else None,
        input_sha256=given.sha256,
        decided_at=times.rfc3339(asked.now),
        expires_at=decide.expires_at(asked.now, _expiries(waived)),
        gate_version=__version__,
        notices=(
            *asked.notices,
            *([baseline.compared(findings, asked.baseline)] if asked.baseline is not None else []),
            *(schemas.notices(asked.schemas) if asked.schemas and objects else ()),
            *(pod_makers.notices(objects) if bundle.judges_objects else ()),
            *waivers.notices(asked.waivers, usage.joined(later), asked.subject, environment, asked.now),
            *constraints.notices,
            *conftest.notices,
        ),
    )
    return Judgement(
        decision=decision,
        findings=findings,
        components=components,
        objects=objects,
        rules=rules,
        assembled=given,
    )


def _heard(
    asked: Question,
    bundle: Bundle,
    engine: Engine,
    python: Python | None,
    given: assemble.Assembled,
    fingerprints: frozenset[str],
    documents: Sequence[Configured],
) -> tuple[tuple[Said, ...], Reviewed, Tested]:
    """What gate's rules, Gatekeeper's constraints and Conftest's policies say, asked side by side.

    Where several fail, the first of them in this order is told.
    """
    when: dict[str, Any] = {
        "point": asked.point,
        "now_ns": assemble.now_ns(asked.now),
        "timeout_s": asked.timeout_s,
    }

    def own() -> tuple[Said, ...]:
        said = evaluate(engine, python, bundle, given, fingerprints, **when)
        refuse_if_off(bundle, asked.point, asked.action_for)
        return said

    def constraints() -> Reviewed:
        return evaluate_gatekeeper(engine, bundle, given, given.objects, **when)

    def conftest() -> Tested:
        return evaluate_conftest(engine, bundle, given, documents, len(given.objects), **when)

    if bundle.gatekeeper is None and bundle.conftest is None:
        return own(), Reviewed(), Tested()
    with ThreadPoolExecutor(2, "asking") as pool:
        others = pool.submit(constraints), pool.submit(conftest)
        return own(), others[0].result(), others[1].result()


def _wanted(said: Sequence[Said], objects: Sequence[KubernetesObject]) -> list[tuple[str, int, str]]:
    """Where sayings about objects point to."""
    wanted: list[tuple[str, int, str]] = []
    for one in said:
        about = objects[one.about] if one.about is not None else None
        pointer = about.pointer + (one.path or "") if about else ""
        # A whole document begins at its own line: looking it up would read its file once more.
        if about is not None and about.source is not None and pointer:
            wanted.append((about.source.file, about.document, pointer))
    return wanted


def _waived(findings: Sequence[Finding]) -> tuple[Waived, ...]:
    return tuple(
        Waived(waiver=finding.waived.waiver, expires=finding.waived.expires, finding=finding.fingerprint)
        for finding in findings
        if finding.waived is not None
    )


def _expiries(waived: Sequence[Waived]) -> list[datetime]:
    instants = (times.instant(one.expires) for one in waived)
    return [instant for instant in instants if instant is not None]
