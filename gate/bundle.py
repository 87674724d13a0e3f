"""Bundle: policy files compiled by the engine it is given, with their METADATA and entry points.

Entry points come from the compiled packages, never from a hand-written list: every package under
`policy.` that defines deny or warn. A package elsewhere that defines them is refused, not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from gate import times, unheard
from gate.conftest import policies as conftests
from gate.documents import rego
from gate.errors import GateError, PolicyError, quoted
from gate.kubernetes import gatekeeper as gatekeepers
from gate.kubernetes import resources
from gate.model import Point, Rule, Severity
from gate.policy_files import Collected, Module

VERBS: Final = ("deny", "warn")
_FOREIGN_VERBS: Final = ("deny", "warn", "violation")
_ALL_POINTS: Final = tuple(Point)
_SUBJECT_POINTS: Final = (Point.CI, Point.BACKGROUND)
_OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~%#?=&/+-]*)?")
_RULE_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One package that judges."""

    name: str
    scope: str
    points: tuple[Point, ...]
    entrypoints: tuple[str, ...]
    operations: tuple[str, ...] = ("CREATE", "UPDATE")
    """At admission: what is done to the object. Deleting a bad one is asked of none that does not say so."""
    kinds: tuple[str, ...] = (resources.WORKLOADS,)
    """What it speaks of: a webhook is registered for these (gate/kubernetes/resources.py)."""
    is_own: bool = True
    """Whether somebody chose it; False for the floor, which judges the evidence and nothing else."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """Compiled policies, ready to be asked."""

    revision: str
    packages: tuple[Package, ...]
    rules: dict[str, Rule]
    """By id."""
    settings: dict[str, Any]
    python: tuple[Module, ...] = ()
    python_packages: tuple[str, ...] = ()
    gatekeeper: gatekeepers.Library | None = None
    """Gatekeeper's templates and constraints, compiled apart under `gatekeeper_id`."""
    conftest: conftests.Library | None = None
    """Conftest's rules, compiled apart."""
    input_keys: frozenset[str] | None = None
    """Members of the input that any module looks at; None where that is not known."""

    def looks_at(self, key: str) -> bool:
        """Whether a module may look at the member `key` of the input."""
        return self.input_keys is None or key in self.input_keys

    @property
    def judges_objects(self) -> bool:
        """False where only Conftest's policies look at manifests, whose answers are to be Conftest's own."""
        has_others = self.gatekeeper is not None or bool(self.python_packages)
        return self.conftest is None or has_others or any(one.scope == "object" for one in self.packages)

    @property
    def gatekeeper_id(self) -> str:
        """What the engine knows the Gatekeeper part by."""
        return f"{self.revision}/gatekeeper"


Load = Callable[[str, dict[str, Any]], Any]
"""Bundle id and COMPILE header -> what COMPILE answers (engine/PROTOCOL.md)."""


def bundle(
    given: Collected,
    load: Load,
    input_schema: dict[str, Any] | None = None,
    *,
    python_rules: Mapping[str, Rule] = MappingProxyType({}),
    python_packages: tuple[str, ...] = (),
    gatekeeper: gatekeepers.Library | None = None,
    conftest: conftests.Library | None = None,
) -> Bundle:
    """`given` compiled, with its packages and rules, those of Python, Gatekeeper and Conftest among them.

    Raises `PolicyError` with the place of everything that does not compile, is not allowed, or
    could never answer.
    """
    header: dict[str, Any] = {
        "modules": [{"path": module.path, "text": module.text} for module in given.modules],
        "data": given.data,
        "rego_version": "v1",
        "strict": True,
    }
    if input_schema is not None:
        header["schemas"] = {"input": input_schema}
    compiled = load(given.revision, header)
    inventory, input_keys = compiled["packages"], compiled.get("input_keys")
    packages: list[Package] = []
    rules: dict[str, Rule] = dict(python_rules)
    problems = [
        *unheard.intruders(given, inventory),
        *unheard.never_asked(inventory),
        *unheard.nowhere(given, inventory),
    ]
    chosen = {rego.package(module.text) for module in given.modules if module.path in given.own}
    for entry in inventory:
        verbs = {rule["name"]: rule for rule in entry["rules"] if rule["name"] in _FOREIGN_VERBS}
        if not verbs:
            continue
        try:
            package, its_rules = _package(entry, verbs, chosen)
        except GateError as error:
            problems.extend(error.problems)
            continue
        packages.append(package)
        for rule in its_rules:
            if rule.id in rules and rules[rule.id] != rule:
                problems.append(unheard.problem(rule.file, rule.line, f"rule id {rule.id} is used twice"))
            rules[rule.id] = rule
    for rule in _foreign(gatekeeper, conftest):
        if rule.id in rules:
            problems.append(unheard.problem(rule.file, rule.line, f"rule id {rule.id} is used twice"))
        rules[rule.id] = rule
    problems.extend(unheard.out_of_scope(given, {one.name: (one.scope, one.points) for one in packages}))
    if problems:
        raise PolicyError(problems=tuple(problems))
    is_judged = any(package.is_own for package in packages) or bool(gatekeeper and gatekeeper.constraints)
    if not is_judged and not given.python and conftest is None:
        raise PolicyError(
            "no policies found: no package under policy. defines deny or warn",
            code="no_policies",
            found=_found(inventory, gatekeeper),
            fix="a bundle without rules would pass everything",
        )
    result = Bundle(
        revision=given.revision,
        packages=tuple(sorted(packages, key=lambda p: p.name)),
        rules=dict(sorted(rules.items())),
        settings=given.settings,
        python=given.python,
        python_packages=python_packages,
        gatekeeper=gatekeeper,
        input_keys=None if input_keys is None else frozenset(input_keys),
        conftest=conftest,
    )
    if gatekeeper is not None:
        _compile_gatekeeper(gatekeeper, load, result.gatekeeper_id)
    return result


def _compile_gatekeeper(library: gatekeepers.Library, load: Load, name: str) -> None:
    """Load the templates, as Gatekeeper compiles them: not strict, and without a schema of the input."""
    try:
        compiled = load(name, library.header())
    except PolicyError as error:
        raise PolicyError(problems=library.placed(error.problems)) from None
    gatekeepers.check_compiled(library, compiled["packages"])


def _foreign(gatekeeper: gatekeepers.Library | None, conftest: conftests.Library | None) -> list[Rule]:
    """The rules of policies that others' tools read too."""
    return [rule for one in (gatekeeper, conftest) if one for rule in one.rules.values()]


def _found(inventory: Iterable[Mapping[str, Any]], library: gatekeepers.Library | None) -> str:
    packages = f"packages {quoted(sorted({entry['path'] for entry in inventory}))}"
    kinds = [template.kind for template in library.templates] if library else []
    return f"templates without a constraint: {', '.join(kinds)}" if kinds else packages


def _package(
    entry: Mapping[str, Any], verbs: Mapping[str, Any], chosen: set[tuple[str, ...]]
) -> tuple[Package, list[Rule]]:
    name: str = entry["path"]
    first = next(iter(verbs.values()))
    if not name.startswith("policy."):
        raise PolicyError(
            f"package {name} defines {first['name']}, but is not under policy.",
            path=first["file"],
            line=first["line"],
            column=1,
            fix=f"name it policy.{name}, or put Conftest's policies into a folder that has no package under policy.",
        )
    for verb, rule in verbs.items():
        if verb not in VERBS or rule["kind"] != "partial_set":
            raise PolicyError(
                f"{name}.{verb} is no set of violations",
                code="policy_not_a_set",
                path=rule["file"],
                line=rule["line"],
                column=1,
                found=f"{verb} as {rule['kind'].replace('_', ' ')}",
                expected="`deny contains {…} if …` or `warn contains {…} if …`",
            )
    custom = _custom(entry.get("annotations"))
    scope = custom.get("scope", "object" if name.startswith("policy.kubernetes") else "subject")
    if scope not in ("subject", "object"):
        raise PolicyError(
            f"scope {quoted(scope)} is not known",
            path=entry["file"],
            line=1,
            column=1,
            expected="subject or object",
        )
    points = _points(custom.get("points"), scope, entry["file"])
    rules = [
        _rule(name, scope, points, annotation, rule)
        for rule in verbs.values()
        for annotation in rule["annotations"]
    ]
    if not any(rules):
        raise PolicyError(
            f"{name} has no rule with an id",
            path=first["file"],
            line=first["line"],
            column=1,
            expected="a METADATA block with custom.id above every deny and warn rule",
        )
    package = Package(
        name=name,
        scope=scope,
        points=points,
        entrypoints=tuple(f"{name}.{verb}" for verb in VERBS if verb in verbs),
        operations=_operations(custom.get("operations"), entry["file"]),
        kinds=_kinds(custom.get("kinds"), entry["file"]),
        is_own=rego.segments(name) in chosen,
    )
    return package, [rule for rule in rules if rule]


def _custom(annotations: Any) -> Mapping[str, Any]:
    """`custom` of one METADATA block, or of the first of a list that has one."""
    for block in annotations if isinstance(annotations, list) else [annotations]:
        if isinstance(block, dict) and isinstance(block.get("custom"), dict):
            custom: Mapping[str, Any] = block["custom"]
            return custom
    return {}


def _points(wanted: Any, scope: str, path: str | None) -> tuple[Point, ...]:
    if wanted is None:
        return _ALL_POINTS if scope == "object" else _SUBJECT_POINTS
    try:
        points = tuple(Point(point) for point in wanted)
    except (ValueError, TypeError):
        raise PolicyError(
            f"points {quoted(wanted)} are not known", path=path, line=1, column=1, expected=", ".join(Point)
        ) from None
    if not points:
        raise PolicyError(
            "points is empty, so nothing would ever be asked",
            path=path,
            line=1,
            column=1,
            expected=", ".join(Point),
        )
    if scope == "subject" and Point.ADMISSION in points:
        raise PolicyError(
            "a rule about reports cannot speak at admission: there are none",
            path=path,
            line=1,
            column=1,
            expected=f"points among {', '.join(_SUBJECT_POINTS)}, or custom.scope object",
        )
    return points


def _operations(wanted: Any, path: str | None) -> tuple[str, ...]:
    """`custom.operations` of a package: what it speaks of at admission."""
    if wanted is None:
        return _OPERATIONS[:2]
    if not isinstance(wanted, list) or not wanted or not set(map(str, wanted)) <= set(_OPERATIONS):
        raise PolicyError(
            f"operations {quoted(wanted)} are not known",
            path=path,
            line=1,
            column=1,
            expected=f"a list of {', '.join(_OPERATIONS)}",
        )
    return tuple(map(str, wanted))


def _kinds(wanted: Any, path: str | None) -> tuple[str, ...]:
    """`custom.kinds` of a package; a kind that no webhook could be registered for is refused here."""
    if wanted is None:
        return (resources.WORKLOADS,)
    given = tuple(map(str, wanted)) if isinstance(wanted, list) else ()
    try:
        if not resources.listed(given):
            raise ValueError(f"kinds {quoted(wanted)} is no list of kinds")
    except ValueError as error:
        raise PolicyError(
            str(error),
            path=path,
            line=1,
            column=1,
            expected="for example [workloads, Role.rbac.authorization.k8s.io]",
        ) from None
    return given


def _rule(
    package: str, scope: str, points: tuple[Point, ...], annotation: Mapping[str, Any], of: Mapping[str, Any]
) -> Rule | None:
    custom = _custom(annotation)
    file, line = annotation.get("file") or of["file"], annotation.get("line") or of["line"]
    if "id" not in custom:
        return None
    if not _RULE_ID.fullmatch(str(custom["id"])):
        raise PolicyError(
            f"custom.id {quoted(custom['id'])} is no rule id",
            path=file,
            line=line,
            column=1,
            expected="a letter, then letters, digits, '.', '_', '-'",
        )
    severity = custom.get("severity")
    if severity is not None and severity not in tuple(Severity):
        raise PolicyError(
            f"severity {quoted(severity)} is not known",
            path=file,
            line=line,
            column=1,
            expected=", ".join(Severity),
        )
    effective = custom.get("effective_on")
    if effective is not None and times.normalized(str(effective)) is None:
        raise PolicyError(
            f"effective_on {quoted(effective)} is no date",
            path=file,
            line=line,
            column=1,
            expected="2026-12-31",
        )
    return Rule(
        id=str(custom["id"]),
        policy=package,
        title=str(annotation.get("title") or custom["id"]),
        description=str(annotation.get("description") or ""),
        severity=Severity(severity) if severity else None,
        fix=custom.get("fix"),
        docs=_docs(custom.get("docs"), file, line),
        frameworks=tuple(str(one) for one in custom.get("frameworks", ())),
        scope="object" if scope == "object" else "subject",
        points=_points(custom.get("points"), scope, file) if "points" in custom else points,
        effective_on=times.start_of(str(effective)) if effective else None,
        threshold=custom.get("threshold"),
        file=file,
        line=line,
    )


def _docs(value: Any, file: str | None, line: int | None) -> str | None:
    """`custom.docs`, which outputs make a link of; raises `PolicyError` for what is no https address."""
    if value is None or (isinstance(value, str) and _ADDRESS.fullmatch(value)):
        return value
    raise PolicyError(
        f"docs {quoted(value)} is no address",
        path=file,
        line=line,
        column=1,
        expected="https://host/path, without spaces",
    )


def entrypoints(packages: Iterable[Package], scope: str, point: Point) -> tuple[str, ...]:
    """What to ask for one scope at one point."""
    return tuple(
        entry
        for package in packages
        if package.scope == scope and point in package.points
        for entry in package.entrypoints
    )


def unknown_rules(bundle: Bundle, patterns: Iterable[str], others: Iterable[str]) -> list[str]:
    """Ids in `patterns` (no globs) that neither the bundle nor `others` has: misspelt actions."""
    known = {*bundle.rules, *others}
    return sorted(p for p in patterns if not any(c in p for c in "*?[") and p not in known)
