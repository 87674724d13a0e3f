"""gate.yaml read, checked across its keys, and asked: environments, actions, thresholds.

Every key is known or refused, with its place and a suggestion; all problems of a file are told at
once. Not here: the shape itself (gate_yaml.py), reading the file of the right commit
(repository.py), the rules that speak of environments (environments.py), the policies' own
settings.yaml (bundle.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from gate import limits, times
from gate.documents import shape
from gate.documents.shape import Duration
from gate.documents.yaml import Parsed
from gate.errors import Problem, SettingsError, quoted
from gate.gate_yaml import (
    MAX_DAYS,
    Actions,
    ActionsByPoint,
    ApprovalSettings,
    Baseline,
    EnvironmentSettings,
    EvidenceSettings,
    Input,
    OpaEngine,
    Output,
    Policies,
    Requires,
    Settings,
    Thresholds,
    Waivers,
)
from gate.model import Action, Evidence, Point

__all__ = [
    "FILE",
    "LONGEST_EVALUATION_S",
    "MAX_DAYS",
    "Actions",
    "ActionsByPoint",
    "ApprovalSettings",
    "Baseline",
    "Duration",
    "EnvironmentSettings",
    "EvidenceSettings",
    "Input",
    "OpaEngine",
    "Output",
    "Policies",
    "Requires",
    "Settings",
    "Thresholds",
    "Waivers",
    "action_for",
    "data_problems",
    "defaults",
    "environment",
    "found_from",
    "json_schema",
    "merged",
    "settings",
    "stricter_evidence",
    "thresholds_overlay",
]  # fmt: skip

FILE: Final = "gate.yaml"
LONGEST_EVALUATION_S: Final = 600.0
"""A pipeline that waits longer for its policies waits for a mistake."""
LONGEST_RUN_S: Final = 86_400.0
"""A scanner that takes a day belongs into a job of its own."""
FLOOR: Final = ("GATE-EVID-", "GATE-ENV-")
"""How the ids of rules begin that hold whatever the policies are (docs/adr/0003-evidence-is-a-floor.md)."""
CHARTS: Final = ("helm",)
"""What `as` names a chart by."""
_PINNED: Final = re.compile(r"oci://[^\s@]+@sha256:[0-9a-f]{64}")

Refuse = Callable[..., Problem]
"""Keys and message, then found, expected, fix -> the problem with its place (shape.problem)."""


# ------------------------------------------------------------------------------------- reading


def settings(parsed: Parsed) -> Settings:
    """The settings in a parsed gate.yaml.

    Raises `SettingsError` with every problem of the file, each with line and column.
    """
    found = shape.problems(parsed, json_schema(), SettingsError.code)
    version = parsed.value.get("version", 1) if isinstance(parsed.value, dict) else 1
    if found:
        # Of another version nothing else is known, so nothing else is worth telling.
        at_version = tuple(problem for problem in found if problem.message.startswith("version "))
        raise SettingsError(problems=at_version if version != 1 and at_version else found)
    value: Settings = msgspec.convert(parsed.value, Settings, dec_hook=_duration)
    if contradictions := shape.in_order(_contradictions(value, parsed)):
        raise SettingsError(problems=contradictions)
    return value


def defaults() -> Settings:
    """What holds without a gate.yaml: `builtin:default`, no environment, no required evidence."""
    return Settings(version=1)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of gate.yaml (`gate config schema`; gate/schemas/gate.v1.schema.json)."""
    made = shape.schema(Settings)
    made["$defs"]["Input"]["oneOf"] = [{"required": ["path"]}, {"required": ["run"]}]
    return (
        {"$schema": "https://json-schema.org/draft/2020-12/schema"} | made | {"title": "gate.yaml, version 1"}
    )


def data_problems(parsed: Parsed) -> tuple[Problem, ...]:
    """What of a data file (`policies.data`, `--data`) the shipped rules could not read, with its place.

    Known keys must fit; any other key is the user's own. The rules take a hole for "everything is
    required", which nobody means who writes one.
    """
    return shape.problems(parsed, _data_schema(), SettingsError.code)


def _data_schema() -> dict[str, Any]:
    """`thresholds` as in gate.yaml, and `evidence` as in policies/settings.yaml: seconds, and null."""
    made = shape.schema(Settings)
    for section in made["$defs"].values():
        if section.get("additionalProperties") is False:
            del section["additionalProperties"]
    kinds = {"type": "array", "items": {"enum": [kind.value for kind in Evidence]}}
    seconds = {"type": "number", "minimum": 0, "title": "seconds, 0 or more"}
    evidence = {"require": kinds, "max_age_s": {"anyOf": [seconds, {"type": "null"}]}}
    return {
        "type": "object",
        "properties": {
            "thresholds": made["properties"]["thresholds"],
            "evidence": {"type": "object", "properties": evidence},
        },
        "$defs": made["$defs"],
    }


def found_from(start: Path) -> Path | None:
    """The nearest gate.yaml from the folder `start` up to the root of its git repository, else None.

    Outside of a repository only `start` itself is looked at: a file further up may be anybody's.
    Raises `SettingsError` for a `gate.yml`, which would otherwise silently not count.
    """
    folders = [start.resolve(), *start.resolve().parents]
    roots = [index for index, folder in enumerate(folders) if os.path.lexists(folder / ".git")]
    for folder in folders[: roots[0] + 1 if roots else 1]:
        if os.path.lexists(folder / FILE):
            return folder / FILE
        if os.path.lexists(folder / "gate.yml"):
            raise SettingsError(
                "a name that is not read",
                path=str(folder / "gate.yml"),
                expected=FILE,
                fix=f"rename it to {FILE}",
            )
    return None


def _duration(_: type, text: str) -> Duration:
    return Duration(times.duration_s(text) or 0.0)


def _contradictions(value: Settings, parsed: Parsed) -> Iterator[Problem]:
    """What each key allows and the file as a whole does not."""
    problem: Refuse = partial(shape.problem, parsed, SettingsError.code)
    yield from _wrong_environments(value, problem)
    yield from _wrong_inputs(value, problem)
    yield from _wrong_policies(value, problem)
    if not 0 < value.limits.evaluation_timeout_s <= LONGEST_EVALUATION_S:
        yield problem(
            ("limits", "evaluation_timeout"),
            "a deadline out of bounds",
            expected=f"more than 0s, at most {LONGEST_EVALUATION_S:g}s",
            fix=f"write {limits.EVALUATION_TIMEOUT_S:g}s",
        )
    for severity, days in value.waivers.max_days.items():
        if days > MAX_DAYS[severity]:
            yield problem(
                ("waivers", "max_days", severity.value),
                "longer than a waiver may live",
                found=f"{days} days",
                expected=f"at most {MAX_DAYS[severity]}",
                fix="shorten it; gate.yaml may not lengthen",
            )
    paths = [output.path for output in value.outputs]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            message, place = "two outputs in one place", path or "standard output"
            yield problem(("outputs", index), message, found=place, fix="give each its own path")


def _wrong_environments(value: Settings, problem: Refuse) -> Iterator[Problem]:
    seen: set[str] = set()
    earlier: list[str] = []
    for index, one in enumerate(value.environments):
        at: shape.Keys = ("environments", index)
        aliases = [((*at, "aliases", place), alias) for place, alias in enumerate(one.aliases)]
        for keys, name in [((*at, "name"), one.name), *aliases]:
            if name in seen:
                message = f"the name {name!r} stands twice"
                yield problem(keys, message, expected="each name once", fix="rename one")
            seen.add(name)
        if one.requires and one.requires.environment not in earlier:
            yield problem(
                (*at, "requires", "environment"),
                "no environment further up",
                found=quoted(one.requires.environment),
                expected=f"one of {', '.join(earlier)}" if earlier else "nothing: this is the first one",
                fix="name an earlier environment by its name, no alias",
            )
        if one.evidence.max_age_s is not None and one.evidence.max_age_s <= 0:
            keys = (*at, "evidence", "max_age")
            yield problem(keys, "no time at all", expected="more than 0", fix="write 24h")
        earlier.append(one.name)


def _wrong_inputs(value: Settings, problem: Refuse) -> Iterator[Problem]:
    for index, given in enumerate(value.inputs):
        at: shape.Keys = ("inputs", index)
        if (given.path is None) == (given.run is None):
            message = "an input that is not one thing"
            yield problem(at, message, expected="either path or run", fix="make it one, or two inputs of it")
        if given.run is None and (given.timeout_s is not None or given.exit_codes != (1,)):
            yield problem(
                at, "timeout or exit_codes without run", expected="keys of a run", fix="remove them"
            )
        if given.timeout_s is not None and not 0 < given.timeout_s <= LONGEST_RUN_S:
            keys = (*at, "timeout")
            yield problem(
                keys, "a time limit out of bounds", expected="more than 0s, at most 24h", fix="write 10m"
            )
        if given.kubernetes_version and given.as_ not in (None, "kubernetes", *CHARTS):
            message, fix = f"a version for {given.as_}", "remove it, or write as: kubernetes"
            yield problem((*at, "kubernetes_version"), message, fix=fix)
        for key in ("values", "release", "namespace"):
            if getattr(given, key) != getattr(Input(), key) and given.as_ not in (None, *CHARTS):
                message = f"{key} of a chart for {given.as_ or 'a program'}"
                yield problem((*at, key), message, fix="remove it, or write as: helm")


def _wrong_policies(value: Settings, problem: Refuse) -> Iterator[Problem]:
    for index, source in enumerate(value.policies.use):
        if source.startswith("oci://") and not _PINNED.fullmatch(source):
            yield problem(
                ("policies", "use", index),
                "a bundle that may change",
                found=quoted(source),
                expected="oci://NAME@sha256: and 64 hex digits",
                fix="pin it by digest",
            )
    for pattern, action in value.policies.actions.items():
        if action == ActionsByPoint():
            expected = "ci, admission or background"
            yield problem(("policies", "actions", pattern), "no action", expected=expected, fix="name one")
        spoken = msgspec.structs.asdict(action) if isinstance(action, ActionsByPoint) else {None: action}
        for point, said in spoken.items():
            if pattern.startswith(FLOOR) and said in (Action.OFF, Action.AUDIT):
                yield problem(
                    ("policies", "actions", pattern, *([point] if point else [])),
                    "a rule about evidence or environments cannot be taken out of the outcome unseen",
                    found=quoted(said.value),
                    expected="deny or warn",
                    fix="write warn; it stays in sight",
                )


# ------------------------------------------------------------------------------------- asking


def environment(value: Settings, name: str) -> EnvironmentSettings:
    """The environment called `name`, by name or alias.

    Raises `SettingsError` for any other name: an unknown environment would have no requirements.
    """
    for one in value.environments:
        if name == one.name or name in one.aliases:
            return one
    names = [known for one in value.environments for known in (one.name, *one.aliases)]
    import difflib  # noqa: PLC0415 - only where something is wrong

    near = difflib.get_close_matches(name, names, n=1)
    raise SettingsError(
        f"no environment {quoted(name)}",
        code="environment_unknown",
        expected=f"one of {', '.join(names)}" if names else "environments in gate.yaml",
        fix=f"did you mean {near[0]!r}?" if near else "name one of these, or add it to gate.yaml",
    )


def action_for(
    actions: Mapping[str, Action | ActionsByPoint], rule: str, point: Point, default: Action
) -> Action:
    """What a violation of `rule` does at `point`; `default` where `actions` says nothing.

    The exact id first, then the longest pattern; of equally long patterns the strictest action. One
    that does not speak of `point` leaves it to the next. Rules of the `FLOOR` are made weaker by name
    only, and by `warn` only: a pattern that also fits others says nothing of them unless it says `deny`.
    """
    spoken: list[tuple[tuple[bool, int], Action]] = []
    for pattern, action in actions.items():
        said = getattr(action, point.value) if isinstance(action, ActionsByPoint) else action
        if said is None or not (pattern == rule or fnmatchcase(rule, pattern)):
            continue
        if not rule.startswith(FLOOR) or said is Action.DENY or _is_floors(pattern, said):
            spoken.append(((pattern == rule, len(pattern)), said))
    if not spoken:
        return default
    nearest = max(rank for rank, _ in spoken)
    return min((said for rank, said in spoken if rank == nearest), key=list(Action).index)


def _is_floors(pattern: str, said: Action) -> bool:
    return pattern.startswith(FLOOR) and said is Action.WARN


def thresholds_overlay(value: Settings, environment: EnvironmentSettings | None) -> dict[str, Any]:
    """What gate.yaml lays over the policies' settings: `thresholds`, and the environment's `evidence`."""
    overlay: dict[str, Any] = {"thresholds": msgspec.json.decode(msgspec.json.encode(value.thresholds))}
    evidence = environment.evidence if environment else EvidenceSettings()
    if evidence.require is not None:
        overlay["evidence"] = {"require": [kind.value for kind in evidence.require]}
    if evidence.max_age_s is not None:
        overlay.setdefault("evidence", {})["max_age_s"] = float(evidence.max_age_s)
    return overlay


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: maps merge key by key, everything else replaces."""
    result = dict(base)
    for key, part in over.items():
        below = result.get(key)
        both = below if isinstance(below, Mapping) and isinstance(part, Mapping) else None
        result[key] = part if both is None else merged(both, part)
    return result


def stricter_evidence(
    given: Mapping[str, Any], require: Sequence[str], max_age_s: float | None
) -> dict[str, Any]:
    """`given` (merged settings) with more kinds required, or a shorter age; never with less.

    A key that is absent stays so: the shipped rules take it for everything. Raises `SettingsError` for
    one they cannot read; only a policy folder's own settings.yaml gets here unchecked.
    """
    evidence = given.get("evidence", {})
    if not isinstance(evidence, dict):
        raise _unreadable("evidence", evidence, "a mapping")
    kinds, age_s = evidence.get("require", []), evidence.get("max_age_s")
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise _unreadable("evidence.require", kinds, "a list of kinds")
    if age_s is not None and (isinstance(age_s, bool) or not isinstance(age_s, int | float)):
        raise _unreadable("evidence.max_age_s", age_s, "seconds, or null")
    result = dict(evidence)
    if "require" in result:
        result["require"] = sorted({*kinds, *require})
    if "max_age_s" in result and max_age_s is not None:
        result["max_age_s"] = max_age_s if age_s is None else min(age_s, max_age_s)
    return {**given, "evidence": result}


def _unreadable(key: str, found: object, expected: str) -> SettingsError:
    return SettingsError(
        f"{key} does not fit",
        path="settings.yaml of the policies",
        found=quoted(found),
        expected=expected,
        fix="correct it",
    )
