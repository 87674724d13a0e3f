"""The service's way in: a submission, a project and the store become a Question, the Judgement a recording.

1. reports are read, those handed over before from the store
2. the project's own settings, waivers and approvals stand; the request can only ask for more
3. gate's own rules speak: branch, promotion
4. `pipeline.judge` decides
5. what is recorded is made ready, secrets left out; the caller writes it, then answers
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec

from gate import bootstrap, environments, ids, principals, settings, times, waiver_files, waivers
from gate.bundle import Bundle, unknown_rules
from gate.documents import envelope
from gate.errors import PolicyError, SettingsError, quoted
from gate.files import File
from gate.gate_yaml import EnvironmentSettings, Settings
from gate.ingest import Read
from gate.model import (
    Approval,
    EnvironmentRef,
    Evidence,
    Finding,
    Point,
    Report,
    Rule,
    Said,
    Severity,
    Subject,
)
from gate.pipeline import Gathered, Judgement, Question, judge
from gate.presentation import Excerpt, Presentation
from gate.service import evidence, origins, project_settings
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.known_reports import holds_secrets
from gate.service.problems import Detail, Refusal
from gate.service.submission import Meta, Submission
from gate.stores import approvals, components, decisions, findings, reports
from gate.stores import waivers as stored_waivers
from gate.stores.database import Connection
from gate.stores.decisions import Recording
from gate.stores.packing import packed
from gate.stores.projects import Project
from gate.stores.reports import Kept

WAIVERS: Final = "waivers of the service"
HOLDS_SECRETS: Final = "it holds secrets: only its digest is kept"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_MASKED: Final = "…"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What outputs show beside a decision, without the decision and the rules of its bundle."""

    findings: tuple[Any, ...]
    excerpts: dict[str, Excerpt]
    components: int
    objects: int
    sources: tuple[Report, ...]


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks what about what."""

    meta: Meta
    subject: Subject
    by: str
    asked_first: str | None = None
    """As in `evidence.Kept`."""
    notices: tuple[str, ...] = ()
    """What whoever asks is told besides."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement on its way to be recorded."""

    judgement: Judgement
    presentation: Presentation
    reads: tuple[Read, ...]
    """Those that were handed over with it; none for a decision that is made again."""
    kept: evidence.Kept
    origin: str | None = None
    """JSON of the run that asked, and of what it claimed otherwise."""


def decided(service: Service, caller: Caller, project: Project, asked: Submission) -> Decided:
    """The decision about what `asked` hands over; nothing is recorded yet.

    Raises `GateError` and `Refusal` where none can be made.
    """
    value = project_settings.parsed(project.document)
    environment = (
        settings.environment(value, asked.meta.environment) if asked.meta.environment is not None else None
    )
    bundle = service.bundle(value.policies.use)
    files = (*asked.files, *_handed_over(service, project, asked.meta))
    refuse_utf16(files)
    known = service.read(project.id, files)
    reads, handed = known.reads, known.gathered
    subject = origins.subject(asked.meta.subject, project.key, caller.facts)
    told = origins.notices(asked.meta.subject, caller.facts)
    asking = Asking(meta=asked.meta, subject=subject, by=caller.principal, notices=told)
    places = evidence.Noted(
        partial(bootstrap.places, service.engine, {read.report.path: read.data for read in reads})
    )
    judgement, kept = judged(service, project, asking, handed, places, value, environment, bundle)
    return Decided(
        judgement=judgement,
        presentation=bootstrap.presentation(judgement, reads),
        reads=reads,
        kept=kept,
        origin=origins.document(asked.meta.subject, caller.facts),
    )


def judged(
    service: Service,
    project: Project,
    asking: Asking,
    handed: Gathered,
    places: evidence.Noted,
    value: Settings,
    environment: EnvironmentSettings | None,
    bundle: Bundle,
) -> tuple[Judgement, evidence.Kept]:
    """The judgement about what was handed over, and what is kept so that it can be made again."""
    question, entries = _question(service, project, value, environment, bundle, handed, asking)
    with service.metrics.evaluation(), service.tracing.span("gate.evaluate") as span:
        judgement = judge(question, bundle, service.engine, None, places)
        if span is not None:
            span.set_attribute("gate.policy.bundle.digest", bundle.revision)
            span.set_attribute("gate.outcome", judgement.decision.outcome.value)
    meta = asking.meta.model_dump(mode="json", exclude={"reports", "files", "report_ids"})
    kept = evidence.kept(
        meta, asking.by, asking.asked_first, project.version, question, handed, entries, places.found
    )
    return judgement, kept


def recording(given: Decided, by: str, project: Project) -> Recording:
    """Everything that is kept of a decision, ready to be written."""
    judgement, shown = given.judgement, given.presentation
    view = View(
        findings=judgement.findings,
        excerpts=shown.excerpts,
        components=shown.components,
        objects=shown.objects,
        sources=shown.sources,
    )
    document, is_masked = _masked(judgement)
    return Recording(
        decision=judgement.decision,
        project_id=project.id,
        project=project.key,
        by=by,
        settings_version=project.version,
        input=packed(document),
        is_masked=is_masked,
        view=packed(msgspec.json.encode(view)),
        reports=tuple(kept_report(read) for read in given.reads),
        findings=tuple(findings.ready(finding) for finding in judgement.findings),
        components=tuple(components.ready(component) for component in judgement.components),
        origin=given.origin,
        asked=packed(msgspec.json.encode(given.kept)),
        asked_first=given.kept.asked_first,
    )


def kept_report(read: Read) -> Kept:
    """What is kept of one report: everything, or its digest where its bytes hold secrets (THREATS.md F13)."""
    report = read.report
    return reports.ready(
        report.sha256,
        report.path or "",
        report.format,
        read.data,
        HOLDS_SECRETS if holds_secrets(read) else None,
    )


def presented(connection: Connection, decision_id: str) -> Presentation:
    """A recorded decision with what outputs show beside it; without that where it is no longer kept."""
    decision = decisions.decision(connection, decision_id)
    view, rules = decisions.view(connection, decision_id)
    shown = Presentation(decision=decision, sources=decision.reports)
    if rules is not None:
        known = msgspec.json.decode(rules, type=dict[str, Rule])
        shown = msgspec.structs.replace(shown, rules={**known, **environments.RULES})
    if view is None:
        return shown
    parts = msgspec.json.decode(view, type=_StoredView)
    return msgspec.structs.replace(
        shown,
        findings={finding.fingerprint: finding for finding in parts.findings},
        excerpts=parts.excerpts,
        components=parts.components,
        objects=parts.objects,
        sources=parts.sources,
    )


class _StoredView(View, frozen=True, kw_only=True):
    findings: tuple[Finding, ...]


# --------------------------------------------------------------------------- what is handed over


def _handed_over(service: Service, project: Project, meta: Meta) -> tuple[File, ...]:
    """The reports that `meta` names by digest; only those this project has handed over itself."""
    given: list[File] = []
    if not meta.report_ids:
        return ()
    with service.database.reading() as connection:
        for index, sha256 in enumerate(meta.report_ids):
            pointer = f"/report_ids/{index}"
            upload = reports.upload(connection, (project.id,), sha256)
            data = reports.content(connection, sha256) if upload is not None else None
            if upload is None or data is None:
                what = "is not kept" if upload is not None else "was not handed over by this project"
                detail = Detail(code="report_unknown", detail=f"{sha256} {what}", pointer=pointer)
                raise Refusal(
                    422,
                    f"{pointer}: the report {what}; send it again",
                    code="report_unknown",
                    errors=[detail],
                )
            given.append(File(path=upload.path, data=data, declared=None))
    return tuple(given)


def refuse_utf16(files: tuple[File, ...]) -> None:
    """Raise for UTF-16: the command line reads it, over HTTP nobody needs it (CONTRACTS.md, UTF-16)."""
    for file in files:
        if envelope.uncompressed(file.data, file.path).startswith(_UTF16):
            raise Refusal(415, f"{file.path[:80]!r} is UTF-16, expected UTF-8", code="report_encoding")


def _question(
    service: Service,
    project: Project,
    value: Settings,
    environment: EnvironmentSettings | None,
    bundle: Bundle,
    handed: Gathered,
    asking: Asking,
) -> tuple[Question, list[dict[str, Any]]]:
    """The question, and the waivers in force as entries of a file."""
    now = service.now()
    subject, meta = asking.subject, asking.meta
    name = environment.name if environment else None
    _refuse_unknown(bundle, value, meta)
    own: tuple[Said, ...] = ()
    given: tuple[Approval, ...] = ()
    entries: list[dict[str, Any]] = []
    # Without an environment nothing is promoted or approved, without waivers none is asked for.
    if environment is not None or project.may_have_waivers:
        with service.database.reading() as connection:
            own = (
                *environments.branch_feeds(environment, subject.branch),
                *_promotion(connection, project, environment, subject, now),
            )
            askers = origins.askers(asking.by, meta.subject)
            given = _approvals(connection, askers, project, environment, subject, now)
            entries = stored_waivers.active(connection, project.id, times.sortable(now))
    overlay = settings.thresholds_overlay(value, environment)
    merged = settings.merged(settings.merged(bundle.settings, {}), overlay)
    max_age_s = times.duration_s(meta.max_age) if meta.max_age else None
    merged = settings.stricter_evidence(merged, tuple(meta.require), max_age_s)
    order = [one.name for one in value.environments].index(name) if name else 0
    question = Question(
        decision_id=ids.uuid7(now, service.randomness(10)),
        now=now,
        point=Point.CI,
        project=project.key,
        environment=EnvironmentRef(name=name, order=order) if name else None,
        subject=subject,
        reads=(),
        gathered=handed,
        settings=merged,
        action_for=partial(settings.action_for, value.policies.actions),
        notices=(*meta.notices, *asking.notices),
        own=own,
        waivers=waivers_of(entries),
        waiver_days=waiver_days(value),
        approvals=given,
        approvals_required=environment.approvals.number if environment and environment.approvals else 0,
        timeout_s=_timeout_s(meta, value),
    )
    return question, entries


def waiver_days(value: Settings) -> dict[str, int]:
    """How long a waiver may last, by severity."""
    return {severity: value.waivers.longest_days(severity) for severity in Severity}


def waivers_of(entries: Sequence[dict[str, Any]]) -> tuple[waivers.Waiver, ...]:
    """Entries of a file as waivers."""
    if not entries:
        return ()
    return waiver_files.waivers({"version": 1, "waivers": list(entries)}, WAIVERS, lambda *_: (1, 1))


def _refuse_unknown(bundle: Bundle, value: Settings, meta: Meta) -> None:
    """Raise for names that nothing has: a misspelt one would silently want nothing."""
    unknown = unknown_rules(bundle, value.policies.actions, project_settings.OWN_RULES)
    if unknown:
        raise SettingsError(
            f"policies.actions names a rule that no policy has: {unknown[0]}",
            path=project_settings.LABEL,
            fix="correct the project's settings",
        )
    for index, kind in enumerate(meta.require):
        if kind not in tuple(Evidence):
            detail = f"{quoted(kind)} is no kind of evidence, expected {', '.join(Evidence)}"
            raise Refusal(422, f"/require/{index}: {detail}", code="usage")


def _promotion(
    connection: Connection,
    project: Project,
    environment: EnvironmentSettings | None,
    subject: Subject,
    now: Any,
) -> tuple[Said, ...]:
    if environment is None or environment.requires is None:
        return ()
    newest = None
    if subject.digest:
        newest = decisions.newest(connection, project.id, subject.digest, environment.requires.environment)
    return environments.promotion(environment, subject.digest, newest, now)


def _approvals(
    connection: Connection,
    askers: tuple[str, ...],
    project: Project,
    environment: EnvironmentSettings | None,
    subject: Subject,
    now: Any,
) -> tuple[Approval, ...]:
    """Those that count: recorded here, by others than the authors and everybody who asked."""
    if environment is None or subject.digest is None:
        return ()
    given = approvals.given(connection, project.id, subject.digest, environment.name)
    if not given:
        return ()
    asked_by = approvals.askers(connection, project.id, subject.digest, environment.name)
    own = {*askers, *asked_by, *decisions.authors(connection, project.id, subject.digest)}
    by_others = [one for one in given if not any(principals.may_be_same(one.by, other) for other in own)]
    groups = environment.approvals.groups if environment.approvals else None
    return environments.approvals_given(
        by_others, subject.digest, environment.name, subject.author, now, groups
    )


def _timeout_s(meta: Meta, value: Settings) -> float:
    """The project's deadline; a request may want a shorter one, never a longer."""
    ours = float(value.limits.evaluation_timeout_s)
    wanted = times.duration_s(meta.timeout) if meta.timeout else None
    return ours if not wanted else min(ours, wanted)


# -------------------------------------------------------------------------------- what is kept


def _masked(judgement: Judgement) -> tuple[bytes, bool]:
    """The policy input without the values of Secrets, and whether it had any.

    A decision whose input is masked can be looked at again, and not be made again bit for bit.
    """
    if not any(one.object.get("kind") == "Secret" for one in judgement.objects):
        return judgement.input, False
    document = msgspec.json.decode(judgement.input)
    if len(document["objects"]) != len(judgement.objects):
        raise PolicyError("the policy input has other objects than were read", code="internal_error")
    for one in document["objects"]:
        _mask(one["object"])
    return msgspec.json.encode(document), True


def _mask(object_: dict[str, Any]) -> None:
    if object_.get("kind") != "Secret":
        return
    for key in ("data", "stringData"):
        if isinstance(object_.get(key), dict):
            object_[key] = dict.fromkeys(object_[key], _MASKED)
    # kubectl keeps the whole object in an annotation; a mask beside a copy hides nothing.
    metadata = object_.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = dict.fromkeys(metadata["annotations"], _MASKED)
