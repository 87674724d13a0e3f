"""Policies that compile and would never be heard, or would change what others say: refused when loaded.

Each function gives the problems of one kind; `gate/bundle.py` raises them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gate.documents import rego
from gate.errors import Problem
from gate.model import Point
from gate.policy_files import BUILTIN, Collected

_INPUT: Final = re.compile(r"""\binput(?:\.|\[\s*["'`])(\w+)""")
_NEVER_ASKED: Final = re.compile(r"(deny|warn|violation)[_.\[]")
"""Rules that look like violations to those who come from Conftest, and that nothing would ask."""
_NEVER_IN: Final = {
    "subject": frozenset({"object", "source", "request"}),
    "object": frozenset({"reports", "findings", "components", "objects", "attestations", "approvals"}),
}
"""What the document of a scope has not, or has always empty (CONTRACTS.md, Policy input v1)."""


def intruders(given: Collected, inventory: list[dict[str, Any]]) -> Iterator[Problem]:
    """Modules that put themselves into, below or above a built-in package: they could change its rules.

    From above, `evidence._is_fresh(_, _) if true` in package `policy` is a rule of `policy.evidence`; every
    package whose rules reach another one is a beginning of its name.
    """
    theirs = {rego.package(one.text) for one in given.modules if one.path.startswith(BUILTIN)} | {("lib",)}
    compiled = {rego.segments(entry["path"]) for entry in inventory}
    for module in given.modules:
        name = rego.package(module.text)
        if module.path.startswith(BUILTIN):
            continue
        if name not in compiled or any(_meet(name, one) for one in theirs):
            yield problem(
                module.path,
                1,
                f"package {'.'.join(name) or '(none)'} belongs to the built-in policies, or is written strangely",
                fix="give the package a plain name of your own, such as policy.team",
            )


def never_asked(inventory: list[dict[str, Any]]) -> Iterator[Problem]:
    """Rules named like violations that are no entry points: they would compile, and never be asked."""
    for entry in inventory:
        for rule in entry["rules"]:
            is_policy = entry["path"].startswith("policy.") or rule["kind"] == "partial_set"
            verb = _NEVER_ASKED.match(rule["name"])
            if verb and is_policy and rule["kind"] != "function":
                yield problem(
                    rule["file"],
                    rule["line"],
                    f"{entry['path']}.{rule['name']} would never be asked: rules are named deny or warn",
                    fix=f"name it {'deny' if verb[1] == 'violation' else verb[1]}, and tell rules apart by "
                    "custom.id; anything else needs another name",
                )


def nowhere(given: Collected, inventory: list[dict[str, Any]]) -> Iterator[Problem]:
    """Uses of `data` that lead nowhere: the rule would compile, and never speak."""
    packages = {rego.segments(entry["path"]) for entry in inventory}
    rules = {
        rego.segments(entry["path"]) + rego.segments(rule["name"])
        for entry in inventory
        for rule in entry["rules"]
    }
    for module in given.modules:
        for path, line, column in () if module.path.startswith(BUILTIN) else rego.references(module.text):
            name = ".".join(("data", *path))
            if path and (
                any(_meet(path, rule) for rule in rules)
                or any(path == package[: len(path)] for package in packages)
                or _holds(given.data, path)
            ):
                continue
            yield Problem(
                code="policy_invalid",
                message=f"{name} is nowhere in the bundle"
                if path
                else "data is asked for under no fixed name",
                path=module.path,
                line=line,
                column=column,
                expected="a rule of a loaded package, or a value of data.json or data.yaml",
                fix="correct the name; settings and files of policies.data are input.settings",
            )


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one path is the other's beginning, or they are the same."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _holds(data: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True


def out_of_scope(given: Collected, scopes: Mapping[str, tuple[str, tuple[Point, ...]]]) -> Iterator[Problem]:
    """Rules that ask for what their scope or point never has: they would compile, and never speak.

    `scopes`: package name -> scope and points.
    """
    by_name = {rego.segments(name): facts for name, facts in scopes.items()}
    for module in given.modules:
        facts = by_name.get(rego.package(module.text))
        if facts is None:
            continue
        scope, points = facts
        text = rego.without_comments(module.text)
        for use in _INPUT.finditer(text):
            line = text.count("\n", 0, use.start()) + 1
            column = use.start() - text.rfind("\n", 0, use.start())
            if use[1] in _NEVER_IN[scope]:
                yield Problem(
                    code="policy_out_of_scope",
                    message=f"a rule of scope {scope} never has input.{use[1]}",
                    path=module.path,
                    line=line,
                    column=column,
                    fix="set custom.scope of the package to the other scope, or move the rule",
                )
            elif use[1] == "request" and set(points) != {Point.ADMISSION}:
                yield Problem(
                    code="policy_out_of_scope",
                    message="input.request is null at every point but admission",
                    path=module.path,
                    line=line,
                    column=column,
                    expected="custom.points: [admission] in the package's METADATA",
                    fix="put rules about the request into a package of their own",
                )


def problem(path: str | None, line: int | None, message: str, **more: str | None) -> Problem:
    """A problem of a policy at the start of a line."""
    return Problem(code="policy_invalid", message=message, path=path, line=line, column=1, **more)
