"""A project's settings as the service honours them: a gate.yaml, without what only a checkout has.

What would make the service read its own disk, or run code, is refused; what has no meaning here (inputs,
outputs, where a record is kept) is left alone and told.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from gate import settings
from gate.documents import yaml
from gate.documents.shape import Duration
from gate.environments import RULES
from gate.errors import Problem, SettingsError, quoted
from gate.gate_yaml import Settings
from gate.kubernetes import kustomizations

LABEL: Final = "settings"
OWN_RULES: Final = (*RULES, *kustomizations.RULES)
"""Ids of what gate says here without a policy; no schemas are looked at."""
BUILTIN: Final = "builtin:"
_FOLDER: Final = re.compile(r"[a-z0-9][a-z0-9_-]*")
_WITHOUT_MEANING: Final = ("inputs", "outputs", "record")


@lru_cache(maxsize=1_024)
def parsed(document: str) -> Settings:
    """The settings in `document`; raises `SettingsError` with every problem and its place."""
    value = settings.settings(yaml.parsed(document.encode(), LABEL))
    if problems := _not_here(value):
        raise SettingsError(problems=problems)
    return value


def without_meaning(value: Settings) -> tuple[str, ...]:
    """Keys that the service does not look at."""
    found = [name for name in _WITHOUT_MEANING if getattr(value, name)]
    return (*found, "waivers.files") if value.waivers.files else tuple(found)


def environments(value: Settings) -> list[tuple[str, str]]:
    """Name and JSON of each environment, in order."""
    return [(one.name, msgspec.json.encode(one, enc_hook=_seconds).decode()) for one in value.environments]


def _seconds(value: Any) -> float:
    """A duration as the number it is; msgspec knows no subclass of float."""
    if not isinstance(value, Duration):
        raise TypeError(type(value).__name__)
    return float(value)


def _not_here(value: Settings) -> tuple[Problem, ...]:
    problems: list[Problem] = []

    def refuse(key: str, found: str, fix: str) -> None:
        problem = Problem(
            code="not_on_a_server", message=f"{key} cannot be used here", path=LABEL, found=found, fix=fix
        )
        problems.append(problem)

    for source in value.policies.use:
        if not source.startswith(BUILTIN) and not _FOLDER.fullmatch(source.rstrip("/")):
            fix = "name builtin:… or a folder that the operator put below `gate serve --policies`"
            refuse("policies.use", quoted(source), fix)
    if value.policies.data:
        refuse("policies.data", quoted(value.policies.data[0]), "say it under thresholds")
    if value.policies.python:
        refuse("policies.python", "true", "write the policy in Rego")
    if value.engine != "embedded":
        refuse("engine", "opa", "leave it out: the service has its own engine")
    if value.baseline is not None and value.baseline.mode != "off":
        refuse("baseline.mode", value.baseline.mode, "leave it out: every finding then counts as new")
    return tuple(problems)
