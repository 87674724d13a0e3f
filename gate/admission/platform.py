"""The platform's own file: which images need what, which namespace is which environment (CONTRACTS.md).

It belongs to those who run the cluster, not to a project: no gate.yaml, label or annotation changes it.
Read strictly, every problem at once with its place; nothing here decides.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from gate import globs, times
from gate.documents import shape, yaml
from gate.documents.shape import Duration
from gate.errors import Problem, SettingsError, quoted
from gate.scales import Action

STALE_AFTER_S: Final = 24 * 3600.0
"""How old the knowledge of the store may be where the file does not say."""

_REVISION: Final = re.compile(r"sha256:[0-9a-f]{64}")
Mode = Literal["deny", "warn", "audit"]
"""The most that may follow from a violation."""
Requirement = Literal["decision", "allow", "audit", "deny"]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the file: keys that it does not have are refused."""


class ImageRule(_Section, frozen=True, kw_only=True):
    """What images of a repository need."""

    match: str
    """Glob over registry and repository, `docker.io/library/nginx` completed."""
    require: Requirement
    why: str | None = None


class Namespace(_Section, frozen=True, kw_only=True):
    """What a namespace is."""

    match: str
    environment: str
    project: str | None = None
    """None: a decision of any project counts."""
    mode: Mode | None = None


class EnvironmentLimits(_Section, frozen=True, kw_only=True):
    """What holds in one environment."""

    name: str
    stale_after: Duration | None = None
    max_age: Duration | None = None
    """Oldest decision that counts for a first admission, besides its own expiry."""
    policies: tuple[str, ...] = ()
    """Revisions of policies whose decisions count for a first admission; none named: of any."""
    mode: Mode | None = None


class Admission(_Section, frozen=True, kw_only=True):
    """Section `admission`."""

    mode: Mode = "deny"
    """Of every namespace where neither it nor its environment says: `warn` while a gate is new."""
    images: tuple[ImageRule, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    environments: tuple[EnvironmentLimits, ...] = ()
    """In order; those that are only named under `namespaces` follow."""
    actions: dict[str, Action] = {}
    """Rule or glob -> what follows, as `policies.actions` of gate.yaml."""
    on_audit_failure: Literal["deny", "allow"] = "deny"
    """What is answered where neither the spool nor the store can be written."""
    connect: bool = False
    """Whether exec, attach and port-forward are judged."""


class Platform(_Section, frozen=True, kw_only=True):
    """The file."""

    version: Literal[1]
    admission: Admission = Admission()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of one namespace."""

    environment: str | None
    project: str | None
    order: int
    mode: Mode
    stale_after_s: float
    max_age_s: float
    policies: frozenset[str] = frozenset()
    """Revisions that count; empty: any."""


class Rules:
    """The file, ready to be asked."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        names = [
            *(one.name for one in admission.environments),
            *(one.environment for one in admission.namespaces),
        ]
        self._order = {name: index for index, name in enumerate(dict.fromkeys(names))}
        self._limits = {one.name: one for one in admission.environments}
        self._places: dict[str, Place] = {}
        self._required: dict[str, ImageRule | None] = {}

    def place(self, namespace: str) -> Place:
        """What `namespace` is; an unmapped one has no environment."""
        known = self._places.get(namespace)
        if known is None:
            known = self._place(namespace)
            if len(self._places) < REMEMBERED:
                self._places[namespace] = known
        return known

    def required(self, repository: str) -> ImageRule | None:
        """The first rule about images of `repository`; None where none is."""
        if repository not in self._required:
            found = next((rule for rule in self.admission.images if globs.fits(rule.match, repository)), None)
            if len(self._required) >= REMEMBERED:
                return found
            self._required[repository] = found
        return self._required[repository]

    def _place(self, namespace: str) -> Place:
        entry = next((one for one in self.admission.namespaces if globs.fits(one.match, namespace)), None)
        limits = self._limits.get(entry.environment) if entry else None
        modes = ("deny", "warn", "audit")
        said = [one.mode for one in (entry, limits) if one is not None and one.mode is not None]
        return Place(
            environment=entry.environment if entry else None,
            project=entry.project if entry else None,
            order=self._order[entry.environment] if entry else 0,
            mode=max(said, key=modes.index) if said else self.admission.mode,
            stale_after_s=_seconds(limits.stale_after if limits else None, STALE_AFTER_S),
            max_age_s=_seconds(limits.max_age if limits else None, math.inf),
            policies=frozenset(limits.policies if limits else ()),
        )


REMEMBERED: Final = 10_000
"""Namespaces and repositories whose answer is kept; beyond that it is looked up each time."""


def rules(content: bytes, path: str, others: frozenset[str] = frozenset()) -> Rules:
    """The rules in the file `content`; `others` are top-level sections that are somebody else's.

    Raises `SettingsError` with every problem, each with line and column.
    """
    parsed = yaml.parsed(content, path, SettingsError)
    if isinstance(parsed.value, dict) and others & parsed.value.keys():
        mine = {key: part for key, part in parsed.value.items() if key not in others}
        parsed = dataclasses.replace(parsed, value=mine)
    if found := shape.problems(parsed, json_schema(), SettingsError.code):
        raise SettingsError(problems=found)
    value: Platform = msgspec.convert(parsed.value, Platform, dec_hook=_duration)
    if found := tuple(_contradictions(value, parsed)):
        raise SettingsError(problems=found)
    return Rules(value.admission)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the platform's file."""
    made = shape.schema(Platform)
    return (
        {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        | made
        | {"title": "platform file, version 1"}
    )


def capped(action: Action, mode: Mode) -> Action:
    """`action`, made no stronger than `mode`."""
    order = [Action.DENY, Action.WARN, Action.AUDIT, Action.OFF]
    return max(action, Action(mode), key=order.index)


def _contradictions(value: Platform, parsed: yaml.Parsed) -> Iterator[Problem]:
    """Entries that an earlier one hides: whoever wrote them believes that they count."""
    admission = value.admission
    for index, limits in enumerate(admission.environments):
        for at, revision in enumerate(limits.policies):
            if not _REVISION.fullmatch(revision):
                yield shape.problem(
                    parsed,
                    SettingsError.code,
                    ("admission", "environments", index, "policies", at),
                    f"{quoted(revision)} is no revision, so no decision would count",
                    fix="sha256: and 64 hex digits, as `gate policy ls` and every decision tell it",
                )
    listed = {"images": [one.match for one in admission.images]} | {
        "namespaces": [one.match for one in admission.namespaces]
    }
    for section, globs_ in listed.items():
        for index, one in enumerate(globs_):
            hiding = next((before for before in globs_[:index] if globs.fits(before, one)), None)
            if hiding is not None:
                yield shape.problem(
                    parsed,
                    SettingsError.code,
                    ("admission", section, index, "match"),
                    f"{quoted(one)} is never reached, {quoted(hiding)} before it matches the same",
                    fix="the first match counts; put the narrower entry first",
                )


def _duration(_: type, text: str) -> Duration:
    return Duration(times.duration_s(text) or 0.0)


def _seconds(given: Duration | None, default: float) -> float:
    return default if given is None else float(given)
