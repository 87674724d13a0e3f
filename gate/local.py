"""The local way in: a command line, files, git and gate.yaml become a Question, the Judgement a record.

1. which configuration judges: the working tree's, or the base commit's (CONTRACTS.md)
2. the engine starts and compiles while the reports are read
3. waivers, baseline and approvals are read; gate's own rules speak
4. `pipeline.judge` decides
5. the decision is recorded before anybody hears it
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from gate import bootstrap, ci, environments, files, ids, repository, settings, times
from gate.bundle import Bundle, unknown_rules
from gate.configuration import Configuration, configuration, data, known_before
from gate.configuration import waivers as waivers_of
from gate.engines.embedded import Engine
from gate.errors import SettingsError, quoted
from gate.gate_yaml import EnvironmentSettings, Settings
from gate.ingest import Read
from gate.model import Approval, Decision, EnvironmentRef, Evidence, Point, Severity, Subject
from gate.pipeline import Judgement, Question, judge
from gate.presentation import Presentation


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line asked for; None and empty stand for "not said"."""

    paths: tuple[str, ...] = ()
    config: str | None = None
    config_from: str | None = None
    policies: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    environment: str | None = None
    subject: str | None = None
    subject_type: Literal["source", "image", "manifests", "release"] | None = None
    project: str | None = None
    repository: str | None = None
    commit: str | None = None
    branch: str | None = None
    author: str | None = None
    approvals: str | None = None
    waivers: tuple[str, ...] = ()
    baseline: str | None = None
    timeout: str | None = None
    declared: tuple[str, ...] = ()
    """`FORMAT=PATH`."""
    require: tuple[str, ...] = ()
    max_age: str | None = None
    ci: Literal["auto", "none"] = "auto"
    formats: tuple[str, ...] = ()
    """Output formats that exist."""
    record: bool = True


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `gate check` has to tell."""

    judgement: Judgement
    presentation: Presentation
    configuration: Configuration
    notices: tuple[str, ...] = ()
    """What keeping the record came upon."""


def checked(
    wish: Wish,
    root: Path,
    environ: Mapping[str, str],
    now: datetime,
    randomness: bytes,
    *,
    compare: bool = True,
) -> Checked:
    """The decision about what `wish` names, recorded if gate.yaml says so.

    `root` is the working directory, `environ` the process environment; without `compare` no baseline
    is looked at. Raises `GateError` where no
    decision can be made.
    """
    run = ci.detected(environ) if wish.ci == "auto" else None
    with configuration(wish.config, wish.config_from, root, run) as config, bootstrap.engine() as engine:
        _refuse_what_is_not_here(config, wish.formats)
        engine.start()
        environment = settings.environment(config.settings, wish.environment) if wish.environment else None
        with ThreadPoolExecutor(1, "policies") as pool:
            loading = pool.submit(_loaded, wish, config, root, engine)
            reads = _reads(wish, config, root, engine)
            question, bundle = _question(
                wish,
                config,
                root,
                run,
                environment,
                reads,
                loading,
                now=now,
                randomness=randomness,
                compare=compare,
            )
        python = bootstrap.python() if config.settings.policies.python else None
        places = partial(bootstrap.places, engine, {read.report.path: read.data for read in reads})
        notices: tuple[str, ...] = ()
        judgement = judge(question, bundle, engine, python, places)
        if config.settings.record is not None and wish.record:
            notices = bootstrap.recorded(config.home / config.settings.record, judgement.decision)
        presentation = bootstrap.presentation(judgement, reads)
    return Checked(judgement=judgement, presentation=presentation, configuration=config, notices=notices)


# --------------------------------------------------------------------------- what is handed over


def _refuse_what_is_not_here(config: Configuration, formats: tuple[str, ...]) -> None:
    """Raise for keys of gate.yaml that this version reads and cannot honour; ignoring one would lie."""
    if config.settings.engine != "embedded":
        raise SettingsError(
            "an OPA server as engine is not part of this version",
            code="not_available",
            path=config.label,
            expected="engine: embedded",
            fix="the embedded engine is OPA itself and gives the same answers",
        )
    unknown = [one.format for one in config.settings.outputs if formats and one.format not in formats]
    if unknown:
        raise SettingsError(
            f"output format {quoted(unknown[0])} is not known", path=config.label, expected=", ".join(formats)
        )


def _reads(wish: Wish, config: Configuration, root: Path, engine: Engine) -> tuple[Read, ...]:
    """Every input, read. Paths on the command line replace the inputs of gate.yaml."""
    declared = files.declarations(wish.declared)
    paths: list[str] = list(wish.paths)
    if not paths and not declared:
        for given in config.settings.inputs:
            if given.run is not None or given.path is None:
                raise SettingsError(
                    "inputs that run a scanner are not read by this version",
                    code="not_available",
                    path=config.label,
                    fix="run the scanner before, and name its report under path",
                )
            declared += [(given.as_, given.path)] if given.as_ else []
            paths += [] if given.as_ else [given.path]
    return bootstrap.ingested(
        files.read(paths, declared, root if wish.paths or wish.declared else config.home), engine
    )


def _loaded(wish: Wish, config: Configuration, root: Path, engine: Engine) -> Bundle:
    if wish.policies:
        return bootstrap.bundle(wish.policies, root, engine, python=config.settings.policies.python)
    use = config.settings.policies.use
    return bootstrap.bundle(use, config.root, engine, python=config.settings.policies.python)


# ------------------------------------------------------------------------------------ the question


def _question(
    wish: Wish,
    config: Configuration,
    root: Path,
    run: ci.Run | None,
    environment: EnvironmentSettings | None,
    reads: tuple[Read, ...],
    loading: Future[Bundle],
    *,
    now: datetime,
    randomness: bytes,
    compare: bool,
) -> tuple[Question, Bundle]:
    value = config.settings
    project = wish.project or value.project or (run.project if run else None)
    subject = _subject(wish, project, root, run, _clone(root) if environment else None)
    name = environment.name if environment else None
    approvals = _approvals(wish, root, subject, environment, now)
    given_waivers = waivers_of(config, wish.waivers, root)
    known = known_before(config, wish.baseline, root, project) if compare else None
    own = (
        *config.own,
        *environments.branch_feeds(environment, subject.branch),
        *environments.promotion(environment, subject.digest, _newest(config, environment, subject), now),
    )
    overlay = settings.thresholds_overlay(value, environment)
    extra = _evidence(wish)
    given_data = data(config, wish.data, root)
    bundle = loading.result()
    unknown = unknown_rules(bundle, value.policies.actions, environments.RULES)
    if unknown:
        raise SettingsError(
            f"policies.actions names a rule that no policy has: {unknown[0]}",
            path=config.label,
            fix="see `gate policy ls`",
        )
    merged = settings.merged(bundle.settings, given_data)
    merged = _stricter_evidence(settings.merged(merged, overlay), extra)
    order = [one.name for one in value.environments].index(name) if name else 0
    question = Question(
        decision_id=ids.uuid7(now, randomness),
        now=now,
        point=Point.CI,
        project=project,
        environment=EnvironmentRef(name=name, order=order) if name else None,
        subject=subject,
        reads=reads,
        settings=merged,
        action_for=partial(settings.action_for, value.policies.actions),
        own=own,
        waivers=given_waivers,
        waiver_days={severity: value.waivers.longest_days(severity) for severity in Severity},
        baseline=known,
        approvals=approvals,
        approvals_required=environment.approvals.number if environment and environment.approvals else 0,
        timeout_s=_timeout_s(wish, value),
    )
    return question, bundle


def _clone(root: Path) -> repository.Facts | None:
    """What the clone says of itself: asked for an environment only, for git takes its time."""
    top = repository.top_level(root)
    return repository.facts(top) if top else None


def _subject(
    wish: Wish, project: str | None, root: Path, run: ci.Run | None, clone: repository.Facts | None
) -> Subject:
    """What is judged; facts of flags, of the CI system and of the clone are claims, in this order.

    A branch is never taken from the clone in CI: a detached HEAD on a tag is no branch.
    """
    name, digest = wish.subject, None
    if wish.subject and "@" in wish.subject:
        name, _, digest = wish.subject.rpartition("@")
        if not (
            digest.startswith("sha256:") and len(digest) == 71 and set(digest[7:]) <= set("0123456789abcdef")
        ):
            raise SettingsError(
                f"--subject {quoted(wish.subject)} is not understood",
                code="usage",
                expected="NAME, or NAME@sha256: and 64 lowercase hex digits",
            )
    return Subject(
        type=wish.subject_type or ("image" if digest else "source"),
        name=name or project or root.resolve().name,
        digest=digest,
        repository=wish.repository or _known("repository", run) or _known("origin", clone),
        commit=wish.commit or _known("commit", run) or _known("commit", clone),
        branch=wish.branch or (_known("branch", run) if run else _known("branch", clone)),
        author=wish.author or _known("author", run) or _known("author", clone),
        claimed=True,
    )


def _known(name: str, source: ci.Run | repository.Facts | None) -> str | None:
    value: str | None = getattr(source, name, None)
    return value


def _approvals(
    wish: Wish, root: Path, subject: Subject, environment: EnvironmentSettings | None, now: datetime
) -> tuple[Approval, ...]:
    if wish.approvals is None:
        return ()
    given = environments.approvals_file(
        files.content(root / wish.approvals, wish.approvals, SettingsError), wish.approvals
    )
    if environment is None:
        return ()
    groups = environment.approvals.groups if environment.approvals else None
    return environments.approvals_given(given, subject.digest, environment.name, subject.author, now, groups)


def _newest(
    config: Configuration, environment: EnvironmentSettings | None, subject: Subject
) -> Decision | None:
    """The newest recorded decision about the subject's digest in the environment that is required."""
    record = config.settings.record
    if environment is None or environment.requires is None or record is None or subject.digest is None:
        return None
    return bootstrap.newest(config.home / record, subject.digest, environment.requires.environment)


def _evidence(wish: Wish) -> dict[str, Any]:
    """`--require` and `--max-age`, which add to what the environment wants."""
    unknown = [kind for kind in wish.require if kind not in tuple(Evidence)]
    if unknown:
        raise SettingsError(
            f"--require {quoted(unknown[0])} is no kind of evidence",
            code="usage",
            expected=", ".join(Evidence),
        )
    seconds = times.duration_s(wish.max_age) if wish.max_age else None
    if wish.max_age and not seconds:
        raise SettingsError(f"--max-age {quoted(wish.max_age)} is no duration", code="usage", expected="24h")
    return {"require": list(wish.require), "max_age_s": seconds}


def _stricter_evidence(given: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """A flag can only want more: another kind, a shorter age."""
    evidence = dict(given.get("evidence") or {})
    evidence["require"] = sorted({*(evidence.get("require") or ()), *extra["require"]})
    ages = [age for age in (evidence.get("max_age_s"), extra["max_age_s"]) if age is not None]
    evidence["max_age_s"] = min(ages) if ages else None
    return {**given, "evidence": evidence}


def _timeout_s(wish: Wish, value: Settings) -> float:
    if wish.timeout is None:
        return float(value.limits.evaluation_timeout_s)
    seconds = times.duration_s(wish.timeout)
    if not seconds or seconds > settings.LONGEST_EVALUATION_S:
        raise SettingsError(
            f"--timeout {quoted(wish.timeout)} is no duration",
            code="usage",
            expected=f"10s, at most {settings.LONGEST_EVALUATION_S:g}s",
        )
    return seconds
