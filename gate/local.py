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

import msgspec

from gate import bootstrap, ci, environments, files, ids, inputs, rendering, repository, settings
from gate.bundle import Bundle, unknown_rules
from gate.configuration import (
    Configuration,
    cluster,
    configuration,
    conftest_options,
    data,
    known_before,
    policies,
)
from gate.configuration import waivers as waivers_of
from gate.conftest.inputs import is_read
from gate.engines.embedded import Engine
from gate.errors import SettingsError, quoted
from gate.gate_yaml import EnvironmentSettings
from gate.ingest import Read
from gate.model import Approval, Decision, EnvironmentRef, Point, Said, Severity, Subject
from gate.pipeline import OWN_RULES, Gathered, Judgement, Question, gathered, judge, without_findings
from gate.policy_files import Collected
from gate.presentation import Presentation
from gate.wish import Wish, timeout_s

REPLACED = "counts for no promotion: "
"""How the notice begins of a decision whose rules or exceptions the command line replaced."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What `gate check` has to tell."""

    judgement: Judgement
    presentation: Presentation
    configuration: Configuration
    notices: tuple[str, ...] = ()
    """What keeping the record came upon."""
    stdin: bytes | None = None
    """What stood on stdin, where that was wanted and read."""


def checked(
    wish: Wish,
    root: Path,
    environ: Mapping[str, str],
    now: datetime,
    randomness: bytes,
    *,
    started: Engine | None = None,
    compare: bool = True,
) -> Checked:
    """The decision about what `wish` names, recorded if gate.yaml says so.

    `root` is the working directory, `environ` the process environment, `started` an engine that
    is closed here; without `compare` no baseline is looked at. Raises `GateError` where no decision can be made.
    """
    run = ci.detected(environ) if wish.ci == "auto" else None
    with (
        started or bootstrap.engine() as engine,
        configuration(wish.config, wish.config_from, root, run) as config,
    ):
        _refuse_what_is_not_here(config, wish.formats)
        environment = settings.environment(config.settings, wish.environment) if wish.environment else None
        if environment and config.settings.record is not None and not wish.record:
            raise SettingsError(
                "--no-record together with --environment",
                code="usage",
                expected="a decision that is kept: a promotion looks for the newest one",
                fix="leave one of the two out",
            )
        engine.start()
        with ThreadPoolExecutor(1, "policies") as pool:
            collected = policies(config, wish.policies, root)
            loading = pool.submit(_loaded, collected, wish, config, root, engine)
            named = handed(wish, config, root)
            stdin: list[bytes] = []
            also = is_read if collected.conftest else files.no_others
            keep = root / wish.keep if wish.keep else None
            given = inputs.read(
                named,
                stdin if wish.keep_stdin else None,
                also,
                wish.progress,
                keep,
                whole=bool(collected.conftest),
            )
            reads = bootstrap.ingested(given, engine, configuration=bool(collected.conftest))
            all_of_them = gathered(reads)
            reads = tuple(map(without_findings, reads))
            question, bundle = _question(
                wish,
                config,
                root,
                run,
                environment,
                reads,
                loading,
                engine,
                all_of_them=all_of_them,
                now=now,
                randomness=randomness,
                compare=compare,
                notices=(
                    *_replaced(wish, config, environ),
                    *files.left_out(named.paths, named.base, also, named.elsewhere),
                    *rendering.left_out(named.rendered, named.base),
                ),
            )
        python = bootstrap.python() if config.settings.policies.python else None
        places = partial(bootstrap.places, engine, {read.report.path: read.data for read in reads})
        notices: tuple[str, ...] = ()
        judgement = judge(question, bundle, engine, python, places)
        if config.settings.record is not None and wish.record:
            notices = bootstrap.recorded(config.home / config.settings.record, judgement.decision)
        presentation = bootstrap.presentation(judgement, reads)
    return Checked(
        judgement=judgement,
        presentation=presentation,
        configuration=config,
        notices=notices,
        stdin=stdin[0] if stdin else None,
    )


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


def handed(wish: Wish, config: Configuration, root: Path) -> inputs.Handed:
    """What the command line names, or else the inputs of gate.yaml."""
    declared = files.declarations(wish.declared)
    options = rendering.Options(**{name: getattr(wish, name) for name in rendering.Options.__struct_fields__})
    if wish.runs:
        return inputs.sorted_out([], declared, options, root / wish.scanned, wish.runs)
    if wish.paths or declared:
        return inputs.sorted_out([(None, path, options) for path in wish.paths], declared, options, root)
    given = inputs.configured(config.settings.inputs, options)
    runs = inputs.commanded(config.settings.inputs, config.label)
    return inputs.sorted_out(given, [], options, config.home, runs)


def _loaded(collected: Collected, wish: Wish, config: Configuration, root: Path, engine: Engine) -> Bundle:
    given = data(config, wish.data, root) if collected.conftest else {}
    options = conftest_options(
        config,
        wish.conftest,
        given,
        is_configured=not wish.policies,
        has_policies=bool(collected.conftest),
    )
    return bootstrap.compiled(
        collected,
        root if wish.policies else config.root,
        engine,
        python=config.settings.policies.python,
        conftest=options,
    )


# ------------------------------------------------------------------------------------ the question


def _question(
    wish: Wish,
    config: Configuration,
    root: Path,
    run: ci.Run | None,
    environment: EnvironmentSettings | None,
    reads: tuple[Read, ...],
    loading: Future[Bundle],
    engine: Engine,
    *,
    all_of_them: Gathered,
    now: datetime,
    randomness: bytes,
    compare: bool,
    notices: tuple[str, ...],
) -> tuple[Question, Bundle]:
    value = config.settings
    project = wish.project or value.project or (run.project if run else None)
    subject = subject_of(wish, project, root, run, clone(root) if environment else None)
    name = environment.name if environment else None
    approvals = _approvals(wish, root, subject, environment, now)
    given_waivers = waivers_of(config, wish.waivers, root)
    known = known_before(config, wish.baseline, root, project) if compare else None
    own = (
        *config.own,
        *environments.branch_feeds(environment, subject.branch),
        *_promotion(config, environment, subject, now),
    )
    overlay = settings.thresholds_overlay(value, environment)
    extra = environments.extra_evidence(wish.require, wish.max_age)
    given_data = data(config, wish.data, root)
    bundle = loading.result()
    unknown = unknown_rules(bundle, value.policies.actions, OWN_RULES)
    if unknown:
        raise SettingsError(
            f"policies.actions names a rule that no policy has: {unknown[0]}",
            path=config.label,
            fix="see `gate policy ls`",
        )
    merged = settings.merged(bundle.settings, given_data)
    merged = settings.stricter_evidence(settings.merged(merged, overlay), *extra)
    order = [one.name for one in value.environments].index(name) if name else 0
    question = Question(
        decision_id=ids.uuid7(now, randomness),
        now=now,
        point=Point.CI,
        project=project,
        environment=EnvironmentRef(name=name, order=order) if name else None,
        subject=subject,
        reads=reads,
        gathered=all_of_them,
        settings=merged,
        action_for=partial(settings.action_for, value.policies.actions),
        notices=notices,
        own=own,
        waivers=given_waivers,
        waiver_days={severity: value.waivers.longest_days(severity) for severity in Severity},
        baseline=known,
        grace_days=value.baseline.grace_days if value.baseline else 0,
        schemas=cluster(config, bundle, wish.kubernetes_version, engine),
        approvals=approvals,
        approvals_required=environment.approvals.number if environment and environment.approvals else 0,
        timeout_s=timeout_s(wish, value),
    )
    return question, bundle


def clone(root: Path) -> repository.Facts | None:
    """What the clone says of itself: asked for an environment only, for git takes its time."""
    top = repository.top_level(root)
    return repository.facts(top) if top else None


def subject_of(
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


def _replaced(wish: Wish, config: Configuration, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What of the configuration the command line replaced; of no interest without an environment."""
    own = config.settings.baseline
    is_other_baseline = wish.baseline is not None and not (
        wish.baseline == "auto" and own is not None and own.mode == "file"
    )
    flags = [
        *(f"--policy {quoted(name)}" for name in wish.policies),
        *(f"--data {quoted(name)}" for name in wish.data),
        *(f"--waivers {quoted(name)}" for name in wish.waivers),
        *wish.conftest.flags,
        *([f"--baseline {quoted(wish.baseline)}"] if is_other_baseline else []),
    ]
    if wish.ci == "none" and wish.config_from is None and ci.is_known(environ):
        flags.append("--ci none (the working tree judged)")
    said = f"{REPLACED}{', '.join(flags)} instead of what gate.yaml says"
    return (said,) if wish.environment and flags else ()


def _promotion(
    config: Configuration, environment: EnvironmentSettings | None, subject: Subject, now: datetime
) -> tuple[Said, ...]:
    """GATE-ENV-003 where the digest has not passed what is required, by the rules that gate.yaml names."""
    newest = _newest(config, environment, subject)
    notices = newest.notices if newest else ()
    why = next((notice.removeprefix(REPLACED) for notice in notices if notice.startswith(REPLACED)), None)
    if environment is None or environment.requires is None or newest is None or why is None:
        return environments.promotion(environment, subject.digest, newest, now)
    required = environment.requires.environment
    return (
        Said(
            policy=environments.POLICY,
            verb="deny",
            rule="GATE-ENV-003",
            message=f"{environment.name} requires {required}: its newest decision there was made with {why}",
            remedy=f"check the same digest in {required} again, without these flags",
        ),
    )


def _newest(
    config: Configuration, environment: EnvironmentSettings | None, subject: Subject
) -> Decision | None:
    """The newest recorded decision about the subject's digest in the environment that is required."""
    record = config.settings.record
    if environment is None or environment.requires is None or record is None or subject.digest is None:
        return None
    repository.refuse_carried(Path(record), config.home)
    return bootstrap.newest(config.home / record, subject.digest, environment.requires.environment)
