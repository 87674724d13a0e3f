"""Gatekeeper's ConstraintTemplates and constraints, read and made ready for the engine (docs/gatekeeper.md).

    1. documents of the groups `templates.gatekeeper.sh` and `constraints.gatekeeper.sh` are policies;
       what would change their meaning and is not read here is refused; the rest is no policy
    2. each template is decoded; its Rego becomes modules that live apart from every other template's
    3. each constraint is decoded against its template: parameters, match, actions
    4. one module asks each template about each of its constraints that an object is given

Evaluating is `gate/kubernetes/reviews.py`'s work. A template that cannot judge here (CEL alone) is an
error: what is not evaluated must not look like a policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from gate.errors import GateError, PolicyError, Problem, ReportError, quoted
from gate.kubernetes.blocks import Block, placed, pointer
from gate.kubernetes.constraints import Constraint, Place, constraint
from gate.kubernetes.matching import group_and_version, mapping
from gate.kubernetes.templates import Template, decoded, severity
from gate.model import Rule, Severity
from gate.scales import Action, Point

TEMPLATES: Final = "templates.gatekeeper.sh"
CONSTRAINTS: Final = "constraints.gatekeeper.sh"
MARK: Final = b"gatekeeper.sh/"
"""Stands in every file that holds a template or a constraint."""
ENDINGS: Final = (".yaml", ".yml", ".json")
TARGET: Final = "admission.k8s.gatekeeper.sh"
PACKAGE: Final = "gatekeeper"
"""Of the module that asks; templates are reported as `gatekeeper.KIND`."""
ENTRYPOINT: Final = f"{PACKAGE}.results"
_REFUSED: Final = {"expansion.gatekeeper.sh": "expansion templates make objects that would have to be judged"}
_VERSIONS: Final = {TEMPLATES: ("v1", "v1beta1", "v1alpha1"), CONSTRAINTS: ("v1beta1", "v1alpha1")}
_KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_UNIQUE: Final = "#"

Read = Any
"""`gate.documents.manifests.Read`: bytes, label, wanted (document, pointer) -> documents, positions."""


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """Templates and constraints that belong together."""

    templates: tuple[Template, ...]
    constraints: tuple[Constraint, ...]
    rules: dict[str, Rule]
    """By id, `Kind.name`."""
    blocks: dict[str, Block]
    notices: tuple[str, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that judge: one for each template that has a constraint."""
        return tuple(sorted({f"{PACKAGE}.{one.kind}" for one in self.constraints}))

    @property
    def needs_inventory(self) -> bool:
        """Whether any template looks at other objects."""
        return any(template.needs_inventory for template in self.templates)

    def placed(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """`problems` of modules as problems of the files they stand in."""
        return tuple(placed(problem, self.blocks) for problem in problems)

    def header(self) -> dict[str, Any]:
        """The header of COMPILE."""
        modules = [module for template in self.templates for module in template.modules]
        return {
            "modules": [{"path": f"{PACKAGE}.rego", "text": _asking(self)}, *modules],
            "data": {"parameters": [one.parameters for one in self.constraints]},
            "rego_version": "v1",
        }


def is_candidate(name: str, content: bytes) -> bool:
    """Whether a file may hold templates or constraints; UTF-16 is, so that it is refused and not missed."""
    if not name.lower().endswith(ENDINGS):
        return False
    return MARK in content or content[:2] in (b"\xff\xfe", b"\xfe\xff")


def library(files: Sequence[tuple[str, bytes]], read: Read) -> Library | None:
    """The templates and constraints of `files` (label and bytes); None where there are none.

    Raises `PolicyError` with every problem of every file, each with its place.
    """
    templates: dict[str, Template] = {}
    given: list[tuple[dict[str, Any], Place]] = []
    notices: list[str] = []
    problems: list[Problem] = []
    for path, content in files:
        try:
            found = list(_documents(path, content, read))
        except GateError as error:
            problems.extend(error.problems)
            continue
        for value, place in found:
            try:
                _take(value, place, templates, given, notices)
            except GateError as error:
                problems.extend(error.problems)
    known = {template.kind: template for template in templates.values()}
    constraints: list[Constraint] = []
    is_whole = not problems
    for value, place in given:
        try:
            constraints.append(_constraint(value, place, known))
        except GateError as error:
            # Where a template was refused, that its constraints have none is no news.
            problems.extend(one for one in error.problems if is_whole or one.code != "template_unknown")
    if problems:
        raise PolicyError(problems=tuple(problems))
    if not templates:
        return None
    unique, doubled = _unique(constraints)
    used = {one.kind for one in unique}
    idle = [
        f"template {kind} ({template.place.path}) has no constraint and judges nothing"
        for kind, template in sorted(known.items())
        if kind not in used
    ]
    return Library(
        templates=tuple(sorted(known.values(), key=lambda one: one.kind)),
        constraints=unique,
        rules={one.id: _rule(one, known[one.kind]) for one in reversed(unique)},
        blocks={label: one for template in known.values() for label, one in template.blocks.items()},
        notices=(*notices, *doubled, *idle),
    )


def check_compiled(given: Library, packages: Iterable[Mapping[str, Any]]) -> None:
    """Raise `PolicyError` for a template without a rule `violation`: it could never say anything."""
    speaking = {
        package["path"] for package in packages for rule in package["rules"] if rule["name"] == "violation"
    }
    problems = tuple(
        template.place.problem(
            f"the Rego of template {template.kind} has no rule `violation`",
            code="policy_invalid",
            expected='violation[{"msg": msg}] { … }',
        )
        for template in given.templates
        if f"templates.{template.kind}" not in speaking and f'templates["{template.kind}"]' not in speaking
    )
    if problems:
        raise PolicyError(problems=problems)


# ----------------------------------------------------------------------------------- documents


def _documents(path: str, content: bytes, read: Read) -> Iterator[tuple[dict[str, Any], Place]]:
    """Objects of one file, `List`s expanded, with their places."""
    try:
        answer = read(content, path, ())
    except ReportError as error:
        raise PolicyError(problems=error.problems) from None

    def positions(wanted: Sequence[tuple[int, str]]) -> list[dict[str, int] | None]:
        found: list[dict[str, int] | None] = read(content, path, wanted)["positions"]
        return found

    lines = tuple(line.removesuffix("\r") for line in content.decode("utf-8-sig").split("\n"))
    for document in answer["documents"]:
        value = document["value"]
        items = value.get("items") if isinstance(value, dict) and value.get("kind") == "List" else None
        if isinstance(items, list):
            listed = [(item, pointer("items", index)) for index, item in enumerate(items)]
        else:
            listed = [(value, "")]
        for item, at in listed:
            if isinstance(item, dict):
                yield item, Place(path, document["index"], at, document["line"], positions, lines)


def _take(
    value: dict[str, Any],
    place: Place,
    templates: dict[str, Template],
    given: list[tuple[dict[str, Any], Place]],
    notices: list[str],
) -> None:
    """Put one object where it belongs; raises `PolicyError` for what cannot be honoured."""
    group, version = group_and_version(value)
    if group in _REFUSED:
        raise place.error(f"{quoted(value.get('kind'))} is not read by this version", f"{_REFUSED[group]}")
    if group == "config.gatekeeper.sh" and mapping(value.get("spec")).get("match"):
        notices.append(f"{place.path}: the namespaces that this Config exempts are judged all the same")
    if group not in _VERSIONS:
        return
    if version not in _VERSIONS[group]:
        raise place.error(
            f"apiVersion {quoted(value.get('apiVersion'))} is not known",
            expected=" or ".join(f"{group}/{one}" for one in _VERSIONS[group]),
            at="/apiVersion",
        )
    if group == CONSTRAINTS:
        given.append((value, place))
        return
    if value.get("kind") != "ConstraintTemplate":
        raise place.error(
            f"kind {quoted(value.get('kind'))} is not known", expected="ConstraintTemplate", at="/kind"
        )
    fresh = decoded(value, place, version)
    other = templates.setdefault(fresh.kind.lower(), fresh)
    if other.source != fresh.source:
        raise place.error(
            f"a template of kind {fresh.kind} is given twice, and they differ",
            f"the other one is {other.place.path}:{other.place.line}; keep one",
        )


# -------------------------------------------------------------------------------- what is compiled


def _asking(given: Library) -> str:
    """The module that asks each template about each of its constraints that the input names."""
    rules = [f"package {PACKAGE}\n"]
    for template in given.templates:
        others = " with data.inventory as input.inventory" if template.needs_inventory else ""
        rules.append(
            'results contains {"constraint": index, "violation": violation} if {\n'
            f'\tsome index in input.constraints["{template.kind}"]\n'
            '\tasked := {"review": input.review, "parameters": data.parameters[index]}\n'
            f'\tsome violation in data.templates["{template.kind}"].violation with input as asked{others}\n'
            "}\n"
        )
    return "\n".join(rules)


# --------------------------------------------------------------------------------- constraints


def _constraint(value: dict[str, Any], place: Place, templates: Mapping[str, Template]) -> Constraint:
    kind = value.get("kind")
    its_template = templates.get(str(kind))
    if its_template is None:
        import difflib  # noqa: PLC0415 - only where something is wrong

        near = difflib.get_close_matches(str(kind), templates, n=1)
        raise place.error(
            f"no template makes constraints of kind {quoted(kind)}",
            f"did you mean {near[0]!r}?" if near else "give its ConstraintTemplate along",
            code="template_unknown",
            at="/kind",
        )
    return constraint(value, place, its_template.schema, keeps_unknown=its_template.keeps_unknown)


def _unique(given: Sequence[Constraint]) -> tuple[tuple[Constraint, ...], list[str]]:
    """`given` without repetitions, and what to tell of those with one name that differ."""
    kept: dict[str, list[Constraint]] = {}
    for one in given:
        same = kept.setdefault(one.id, [])
        if not any(other.says() == one.says() for other in same):
            same.append(one)
    notices = [
        f"constraint {same[0].kind}/{same[0].name} is given {len(same)} times, and they differ; all are "
        f"applied, a cluster would keep the last: {', '.join(one.place.path for one in same)}"
        for same in kept.values()
        if len(same) > 1
    ]
    return tuple(one for same in kept.values() for one in same), notices


def _rule(one: Constraint, of: Template) -> Rule:
    points = tuple(point for point in Point if one.actions[point] is not Action.OFF)
    return Rule(
        id=one.id,
        policy=f"{PACKAGE}.{one.kind}",
        title=of.title,
        description=one.description or of.description,
        severity=severity(one.annotations) or of.severity or Severity.UNKNOWN,
        scope="object",
        points=points,
        file=one.place.path,
        line=one.place.line,
    )
