"""What of an answer is the same for many reviews, made once for a ground. Nothing here judges.

A ground is replaced whole, and its plans with it: nothing remembered here outlives what it was made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gate import assemble, settings, waivers
from gate.admission.platform import Mode, Place, capped
from gate.assemble import Outline
from gate.bundle import Bundle, entrypoints
from gate.gate_yaml import ActionsByPoint
from gate.model import Action, EnvironmentRef, Point, Violation
from gate.waivers import Waiver


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How reviews of one operation, in namespaces of one environment and project, are asked about."""

    entries: tuple[str, ...]
    """Entry points of the rules that speak of the operation; none where no rule does."""
    outline: Outline
    sent: bytes
    """What the engine reads once for all of them (engine/PROTOCOL.md, review)."""


class Covering(msgspec.Struct, frozen=True, kw_only=True):
    """The waivers that may cover something in one project."""

    by_rule: Mapping[str, tuple[Waiver, ...]]
    """Upper case id of the rule that an entry names -> the entries."""
    sha256: str | None
    """Of all of them; None where there are none."""

    def naming(self, found: Sequence[Violation]) -> list[Waiver]:
        """Those that name a rule of `found`: no other can cover one of them."""
        rules = dict.fromkeys(one.rule.upper() for one in found)
        return [waiver for rule in rules for waiver in self.by_rule.get(rule, ())]


class Plans:
    """The plans of a ground, each made when it is first asked for.

    As many as there are environments and projects in the platform's file, for each operation.
    """

    def __init__(
        self,
        bundle: Bundle,
        data: dict[str, Any],
        actions: Mapping[str, Action | ActionsByPoint],
        given: Sequence[tuple[str | None, Waiver]],
        point: Point,
    ) -> None:
        self._bundle = bundle
        self._settings = data
        self._actions = actions
        self._waivers = given
        self._point = point
        self._plans: dict[tuple[str, str | None, str | None], Plan] = {}
        self._covering: dict[str | None, Covering] = {}
        self._action: dict[tuple[Mode, str, Action], Action] = {}

    def plan(self, operation: str, place: Place) -> Plan:
        """The plan of reviews of `operation` in `place`."""
        key = (operation, place.project, place.environment)
        known = self._plans.get(key)
        if known is None:
            known = self._plans[key] = self._made(operation, place)
        return known

    def covering(self, project: str | None) -> Covering:
        """The waivers of `project` and of every project."""
        known = self._covering.get(project)
        if known is None:
            those = [one for of, one in self._waivers if of in (None, project)]
            known = self._covering[project] = Covering(
                by_rule=waivers.by_rule(those), sha256=waivers.digest(those) if those else None
            )
        return known

    def action(self, mode: Mode, rule: str, point: Point, default: Action) -> Action:
        """What a violation of `rule` does by the platform's file, no stronger than `mode`."""
        key = (mode, rule, default)
        known = self._action.get(key)
        if known is None:
            said = settings.action_for(self._actions, rule, point, default)
            known = self._action[key] = capped(said, mode)
        return known

    def _made(self, operation: str, place: Place) -> Plan:
        speaking = [one for one in self._bundle.packages if operation in one.operations]
        entries = entrypoints(speaking, "object", self._point)
        environment = EnvironmentRef(name=place.environment, order=place.order) if place.environment else None
        outline = assemble.outline(self._point, place.project, environment, self._settings)
        sent = msgspec.json.encode({"entrypoints": entries, "base": msgspec.Raw(outline.base)})
        return Plan(entries=entries, outline=outline, sent=sent)
