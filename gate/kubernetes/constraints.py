"""One Gatekeeper constraint, decoded: what it is about, its parameters, and what follows from it where."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import msgspec

from gate.errors import PolicyError, Problem, quoted
from gate.kubernetes.matching import Match, mapping
from gate.kubernetes.parameters import Schema, defaulted, misfits
from gate.scales import Action, Point

T = TypeVar("T")

ENFORCEMENT_POINTS: Final[dict[str, tuple[Point, ...]]] = {
    "gator.gatekeeper.sh": (Point.CI,),
    "validation.gatekeeper.sh": (Point.ADMISSION,),
    "audit.gatekeeper.sh": (Point.BACKGROUND,),
    "vap.k8s.io": (),
    "*": tuple(Point),
}
"""Gatekeeper's enforcement points and ours; `vap.k8s.io` is the API server's own, none of ours."""
_ACTIONS: Final = {"deny": Action.DENY, "warn": Action.WARN, "dryrun": Action.AUDIT}
_STRICTEST: Final = (Action.DENY, Action.WARN, Action.AUDIT)
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


@dataclass(frozen=True)
class Place:
    """Where an object of a policy file stands."""

    path: str
    document: int
    pointer: str
    line: int
    positions: Callable[[Sequence[tuple[int, str]]], list[dict[str, int] | None]] = field(repr=False)
    """(document, pointer) of the file -> line, column, key_line, key_column."""
    lines: tuple[str, ...] = field(repr=False)

    def problem(self, message: str, fix: str | None = None, *, at: str = "", **parts: Any) -> Problem:
        """A problem of what stands at the JSON pointer `at` below the object."""
        line, column = self.of(at)
        parts.setdefault("code", "policy_invalid")
        return Problem(message=message, path=self.path, line=line, column=column, fix=fix, **parts)

    def error(self, message: str, fix: str | None = None, *, at: str = "", **parts: Any) -> PolicyError:
        """`problem` as an error."""
        return PolicyError(problems=(self.problem(message, fix, at=at, **parts),))

    def of(self, at: str) -> tuple[int, int]:
        """Line and column of `at`, or of its nearest ancestor that is there."""
        ladder = [at]
        while at:
            at = at.rpartition("/")[0]
            ladder.append(at)
        answers = self.positions([(self.document, self.pointer + step) for step in ladder])
        for answer in answers:
            if answer is not None:
                return (
                    (answer["key_line"], answer["key_column"])
                    if answer.get("key_line")
                    else (answer["line"], answer["column"])
                )
        return self.line, 1

    def converted(self, value: Any, type_: type[T], at: str) -> T:
        """`value`, which stands at `at`, as a `type_`; raises `PolicyError` with its place."""
        try:
            return msgspec.convert(_without_nulls(value), type_)
        except msgspec.ValidationError as error:
            told = str(error)
        found = _PLACE.match(told)
        what, path = (found["what"], found["path"] or "") if found else (told, "")
        steps = [name or ("0" if index == "..." else index) for name, index in _STEP.findall(path)]
        where = at + "".join(f"/{step}" for step in steps)
        raise self.error(f"{where.strip('/').replace('/', '.')}: {what[:1].lower()}{what[1:]}", at=where)


class _Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class _Scoped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str
    enforcementPoints: tuple[_Point, ...]  # noqa: N815 - Kubernetes' name


class _Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    enforcementAction: str = "deny"  # noqa: N815
    scopedEnforcementActions: tuple[_Scoped, ...] = ()  # noqa: N815
    match: Match = Match()
    parameters: Any = None


class Constraint(msgspec.Struct, frozen=True, kw_only=True):
    """One constraint."""

    kind: str
    name: str
    match: Match
    parameters: Any
    """With the defaults of its template's schema."""
    actions: dict[Point, Action]
    """For every point; `off` where it is not enforced."""
    annotations: dict[str, Any]
    place: Place

    @property
    def id(self) -> str:
        """The rule's id; names have dots, kinds have none."""
        return f"{self.kind}.{self.name}"

    @property
    def description(self) -> str:
        """Its annotation `description`."""
        return str(self.annotations.get("description") or "").strip()

    def says(self) -> tuple[Any, ...]:
        """What makes two constraints of one name the same."""
        return self.match, self.parameters, self.actions


def constraint(
    value: dict[str, Any], place: Place, schema: Schema | None, *, keeps_unknown: bool
) -> Constraint:
    """The constraint that `value` is, for a template whose parameters have `schema`.

    Raises `PolicyError`, with the place in the file, for whatever a cluster would refuse, drop or
    not understand.
    """
    metadata = mapping(value.get("metadata"))
    name = metadata.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise place.error(
            "the constraint has no usable name",
            found=quoted(name),
            expected="lower case letters, digits, `-` and `.`",
            at="/metadata/name",
        )
    spec = place.converted(_with_parameters(value.get("spec")), _Spec, "/spec")
    given = mapping(value.get("spec")).get("parameters")
    parameters = _parameters(given, place, schema, keeps_unknown=keeps_unknown)
    return Constraint(
        kind=str(value["kind"]),
        name=name,
        match=spec.match,
        parameters=parameters,
        actions=_actions(spec, place),
        annotations=dict(mapping(metadata.get("annotations"))),
        place=place,
    )


def _with_parameters(spec: Any) -> Any:
    """`spec` for decoding; its parameters are the schema's matter and must keep their nulls."""
    if spec is None:
        return {}
    return (
        {key: item for key, item in spec.items() if key != "parameters"} if isinstance(spec, dict) else spec
    )


def _parameters(given: Any, place: Place, schema: Schema | None, *, keeps_unknown: bool) -> Any:
    if schema is None:
        return {} if given is None else given
    whole = defaulted({} if given is None else {"parameters": given}, {"properties": {"parameters": schema}})
    if "parameters" not in whole:
        return {}
    value = whole["parameters"]
    problems = tuple(
        place.problem(
            f"spec.parameters{one.pointer.replace('/', '.')}: {one.message}",
            one.fix,
            code="parameters_invalid",
            expected=one.expected,
            at=f"/spec/parameters{one.pointer}",
        )
        for one in misfits(value, schema, any_field=keeps_unknown)
    )
    if problems:
        raise PolicyError(problems=problems)
    return value


def _actions(spec: _Spec, place: Place) -> dict[Point, Action]:
    """What follows from a violation at each point; several say the strictest."""
    if spec.enforcementAction != "scoped":
        return dict.fromkeys(
            Point, _action(spec.enforcementAction or "deny", place, "/spec/enforcementAction")
        )
    if not spec.scopedEnforcementActions:
        raise place.error(
            "enforcementAction is scoped, and no scope is given",
            expected="scopedEnforcementActions",
            at="/spec/enforcementAction",
        )
    said: dict[Point, list[Action]] = {point: [] for point in Point}
    for index, one in enumerate(spec.scopedEnforcementActions):
        at = f"/spec/scopedEnforcementActions/{index}"
        action = _action(one.action, place, f"{at}/action")
        if not one.enforcementPoints:
            raise place.error("no enforcement point is named", expected=_points(), at=at)
        for number, point in enumerate(one.enforcementPoints):
            if point.name not in ENFORCEMENT_POINTS:
                raise place.error(
                    f"enforcement point {quoted(point.name)} is not known",
                    expected=_points(),
                    at=f"{at}/enforcementPoints/{number}/name",
                )
            for ours in ENFORCEMENT_POINTS[point.name]:
                said[ours].append(action)
    return {
        point: next((a for a in _STRICTEST if a in actions), Action.OFF) for point, actions in said.items()
    }


def _points() -> str:
    return f"one of {', '.join(ENFORCEMENT_POINTS)}"


def _action(word: str, place: Place, at: str) -> Action:
    if word not in _ACTIONS:
        raise place.error(
            f"enforcement action {quoted(word)} is not known",
            "Gatekeeper would neither deny nor warn",
            expected="deny, warn, dryrun or scoped",
            at=at,
        )
    return _ACTIONS[word]


def _without_nulls(value: Any) -> Any:
    """`value` without keys that are null: the API server drops those."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
