"""What gate itself says of an environment: branches, its own configuration, promotion, approvals.

Pure: decisions, changed files and the hour are arguments. Not here: which environments there are
(settings.py), where decisions are kept (stores), which commit's configuration counts (repository.py).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gate import globs, principals, times
from gate.documents import shape
from gate.documents import yaml as yaml_documents
from gate.errors import GateError, SettingsError, quoted
from gate.gate_yaml import EnvironmentSettings, Settings
from gate.model import Approval, Decision, Evidence, Outcome, Point, Rule, Said, Severity

POLICY: Final = "gate.environments"
"""Stands where a rule's package stands: these rules are gate's own, no bundle can replace them."""
APPROVALS_INVALID: Final = "approvals_invalid"


def _rule(id_: str, severity: Severity, title: str, description: str, fix: str) -> Rule:
    return Rule(
        id=id_,
        policy=POLICY,
        title=title,
        description=description,
        severity=severity,
        fix=fix,
        points=(Point.CI,),
        file="gate/environments.py",
        line=1,
    )


RULES: Final[dict[str, Rule]] = {
    rule.id: rule
    for rule in (
        _rule(
            "GATE-ENV-001",
            Severity.HIGH,
            "The branch feeds the environment",
            "gate.yaml names the branches whose pipelines may ask for an environment. A pipeline of another "
            "branch, of a tag, or of a branch that is not known may not.",
            "ask from a pipeline of one of these branches, or add the branch to the environment's `branches`",
        ),
        _rule(
            "GATE-ENV-002",
            Severity.MEDIUM,
            "A change to gate's configuration is seen by somebody",
            "The change touches gate.yaml, waivers, the baseline or policies. It was judged by the "
            "configuration of its base, so what it changes counts from the next change on.",
            "have an owner of the policies review these files",
        ),
        _rule(
            "GATE-ENV-003",
            Severity.HIGH,
            "What enters an environment has passed the one before",
            "The environment requires that exactly this digest has passed another environment, and for long "
            "enough. Its newest decision there counts.",
            "check the same digest in the required environment first",
        ),
    )
}
"""By id; GATE-ENV-001 and 003 deny, 002 warns."""


def _said(rule: str, message: str, remedy: str | None = None) -> tuple[Said, ...]:
    verb: Literal["deny", "warn"] = "warn" if rule == "GATE-ENV-002" else "deny"
    return (Said(policy=POLICY, verb=verb, rule=rule, message=message, remedy=remedy or RULES[rule].fix),)


# ------------------------------------------------------------------------------------- branches


def branch_feeds(environment: EnvironmentSettings | None, branch: str | None) -> tuple[Said, ...]:
    """GATE-ENV-001 where `branch` does not feed `environment`; an unknown branch feeds nothing."""
    if environment is None or environment.branches is None:
        return ()
    if branch and any(globs.fits(pattern, branch) for pattern in environment.branches):
        return ()
    wanted = ", ".join(environment.branches)
    found = f"branch {quoted(branch)} does not feed" if branch else "the branch is not known; wanted for"
    return _said(
        "GATE-ENV-001",
        f"{found} environment {environment.name}, expected {wanted}",
        None if branch else f"pass --branch, or ask from a pipeline of one of: {wanted}",
    )


# ------------------------------------------------------------------------------- configuration


def configuration_paths(value: Settings, config: str) -> tuple[str, ...]:
    """Files and folders of the repository that decide, by the gate.yaml at `config` (from its top).

    Paths in gate.yaml start at its folder. Built-in and remote policies are not part of a change.
    """
    folder = posixpath.dirname(config)
    sources = [path for path in value.policies.use if "://" not in path and not path.startswith("builtin:")]
    waivers = value.waivers.files if value.waivers.files is not None else ()
    baseline = [value.baseline.file] if value.baseline else []
    below = [".gate", *sources, *value.policies.data, *value.kubernetes.schemas, *waivers, *baseline]
    return (config, *(posixpath.normpath(posixpath.join(folder, path)) for path in below))


def configuration(
    changed: Iterable[str], deciding: Sequence[str], base: str, base_has_gate_yaml: bool
) -> tuple[Said, ...]:
    """GATE-ENV-002 where the change touches what judges it, or where its base has no gate.yaml.

    `changed` and `deciding` (from `configuration_paths`) are paths from the repository's top, `base` is
    the commit whose configuration judged.
    """
    said: tuple[Said, ...] = ()
    if not base_has_gate_yaml:
        said += _said(
            "GATE-ENV-002",
            f"{base:.12} has no gate.yaml, so builtin:default judged",
            "merge gate.yaml first; it judges from the next change on",
        )
    touched = sorted({path for path in changed if any(_is_below(path, part) for part in deciding)})
    if touched:
        shown = ", ".join(quoted(path) for path in touched[:5]) + (", …" if len(touched) > 5 else "")
        said += _said("GATE-ENV-002", f"the change touches {shown}; judged by {base:.12} instead")
    return said


def _is_below(path: str, part: str) -> bool:
    return part in (".", path) or path.startswith(part + "/")


# ------------------------------------------------------------------------------------ promotion


def promotion(
    environment: EnvironmentSettings | None, digest: str | None, newest: Decision | None, now: datetime
) -> tuple[Said, ...]:
    """GATE-ENV-003 where `digest` may not come into `environment` yet.

    `newest` is the newest decision about `digest` in the environment that `requires` names; one about
    anything else counts as none. Soak counts from its `decided_at`; an expired one no longer counts.
    """
    if environment is None or environment.requires is None:
        return ()
    required, soak_s = environment.requires.environment, environment.requires.soak_s

    def lacking(message: str, remedy: str | None = None) -> tuple[Said, ...]:
        return _said("GATE-ENV-003", f"{environment.name} requires {required}: {message}", remedy)

    if not digest:
        return lacking("the subject has no digest to look up", "pass --subject NAME@sha256:…")
    if newest is None or newest.environment != required or newest.subject.digest != digest:
        return lacking(
            f"no decision about {digest:.19} there", f"check it with --environment {required} first"
        )
    if newest.outcome not in (Outcome.PASS, Outcome.WARN):
        return lacking(f"its newest decision there is {newest.outcome.value}, expected pass or warn")
    decided, expires = times.instant(newest.decided_at), times.instant(newest.expires_at or "")
    if newest.expires_at is not None and (expires is None or expires <= now):
        return lacking(f"its newest decision there expired at {quoted(newest.expires_at)}")
    if decided is None:
        return lacking(f"its newest decision there has no time, found {quoted(newest.decided_at)}")
    ends = decided + timedelta(seconds=soak_s)
    if now < ends:
        return lacking(
            f"soak of {soak_s:g} s ends at {times.rfc3339(ends)}", f"ask again after {times.rfc3339(ends)}"
        )
    return ()


# ------------------------------------------------------------------------------------ approvals


def approvals_given(
    approvals: Iterable[Approval],
    digest: str | None,
    environment: str,
    author: str | None,
    now: datetime,
    wanted_groups: Sequence[str] | None,
) -> tuple[Approval, ...]:
    """Those that count: exactly this digest and environment, in force, by distinct persons but the author.

    Without a digest none counts, and without a known author none does: nobody could then be told
    apart from the author. The earliest of one person counts.
    """
    given: list[Approval] = []
    for approval in sorted(approvals, key=lambda one: (one.at, one.by)):
        is_about_this = bool(digest) and approval.digest == digest and approval.environment == environment
        in_group = wanted_groups is None or not set(wanted_groups).isdisjoint(approval.groups)
        if not (is_about_this and in_group and _is_in_force(approval, now)):
            continue
        others = [author or "", *(one.by for one in given)]
        if not any(principals.may_be_same(approval.by, other) for other in others):
            given.append(approval)
    return tuple(given)


def _is_in_force(approval: Approval, now: datetime) -> bool:
    """Whether `now` is in [at, expires); a time that cannot be read is in force never."""
    at = times.instant(approval.at)
    if at is None or now < at:
        return False
    if approval.expires is None:
        return True
    expires = times.instant(approval.expires)
    return expires is not None and now < expires


class _GivenApproval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    digest: Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$", title="sha256: and 64 hex digits")]
    environment: Annotated[str, Meta(min_length=1)]
    by: Annotated[str, Meta(pattern="[^\\W_]", title="a person")]
    groups: tuple[str, ...] = ()
    at: str
    expires: str | msgspec.UnsetType | None = msgspec.UNSET


def extra_evidence(require: tuple[str, ...], max_age: str | None) -> tuple[tuple[str, ...], float | None]:
    """What `--require` and `--max-age` add to what the environment wants: kinds, and seconds.

    Raises `SettingsError` for what is no kind of evidence or no duration.
    """
    unknown = [kind for kind in require if kind not in tuple(Evidence)]
    if unknown:
        raise SettingsError(
            f"--require {quoted(unknown[0])} is no kind of evidence",
            code="usage",
            expected=", ".join(Evidence),
        )
    seconds = times.duration_s(max_age) if max_age else None
    if max_age and not seconds:
        raise SettingsError(f"--max-age {quoted(max_age)} is no duration", code="usage", expected="24h")
    return require, seconds


class _ApprovalsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1]
    approvals: tuple[_GivenApproval, ...]


def approvals_file(data: bytes, path: str) -> tuple[Approval, ...]:
    """The approvals in a file for `--approvals` (CONTRACTS.md, gate.yaml), JSON or YAML.

    Raises `GateError` with every problem and its place; a part of such a file never counts.
    """
    parsed = yaml_documents.parsed(data, path, GateError)
    if found := shape.problems(parsed, shape.schema(_ApprovalsFile), APPROVALS_INVALID):
        raise GateError(problems=found)
    file = msgspec.convert(parsed.value, _ApprovalsFile)
    no_times = [
        shape.problem(
            parsed,
            APPROVALS_INVALID,
            ("approvals", index, key),
            f"{key} is no time",
            found=quoted(text),
            expected="RFC 3339, 2026-11-22T10:00:00Z",
            fix="correct it",
        )
        for index, one in enumerate(file.approvals)
        for key, text in (("at", one.at), ("expires", one.expires))
        if isinstance(text, str) and times.instant(text) is None
    ]
    if no_times:
        raise GateError(problems=tuple(no_times))
    return tuple(
        Approval(
            digest=one.digest,
            environment=one.environment,
            by=one.by,
            groups=one.groups,
            at=one.at,
            expires=one.expires or None,
        )
        for one in file.approvals
    )
