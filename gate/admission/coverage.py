"""What a bundle speaks of at admission, and what of it a webhook configuration does not ask about.

A rule about a kind that no webhook is registered for never speaks: it is told, never passed over. Nothing here
asks a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gate.admission import defaults
from gate.bundle import Bundle
from gate.errors import SettingsError, quoted
from gate.kubernetes import resources
from gate.kubernetes.resources import KNOWN, Resource
from gate.model import Point
from gate.scales import Action

WRITES: Final = ("CREATE", "UPDATE")


class Speaks(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on one resource that rules have something to say about."""

    resource: str
    """With its subresource, `pods/exec`."""
    group: str
    kind: str
    operation: str
    is_namespaced: bool
    by: tuple[str, ...]
    """Packages and constraints, sorted."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """What rules speak of and no webhook asks about."""

    kind: str
    operations: tuple[str, ...]
    by: tuple[str, ...]
    why: str
    is_final: bool = False
    """Whether no configuration could mend it: other enforcement points judge the kind."""


def spoken(
    bundle: Bundle, extra: Mapping[str, Resource], point: Point = Point.ADMISSION
) -> tuple[tuple[Speaks, ...], tuple[Gap, ...]]:
    """What the rules of `bundle` speak of at `point`, and what of it has no resource that is known.

    `extra` are custom resources by `Kind.group`, which constraints do not say themselves.
    """
    found: dict[tuple[Resource, str], set[str]] = {}
    unknown: dict[str, set[str]] = {}
    for package in bundle.packages:
        if package.scope != "object" or point not in package.points:
            continue
        for resource in resources.listed(package.kinds):
            for operation in package.operations:
                found.setdefault((resource, operation), set()).add(package.name)
    for constraint in bundle.gatekeeper.constraints if bundle.gatekeeper else ():
        if constraint.actions.get(point) is Action.OFF:
            continue
        known, others = _of_match(constraint.match.kinds, extra)
        for resource in known:
            for operation in WRITES:
                found.setdefault((resource, operation), set()).add(constraint.id)
        for kind in others:
            unknown.setdefault(kind, set()).add(constraint.id)
    speaks = [_speaks(resource, operation, by) for (resource, operation), by in found.items()]
    return (
        tuple(one for some in speaks for one in some),
        tuple(
            Gap(
                kind=kind,
                operations=WRITES,
                by=tuple(sorted(by)),
                why="every kind is meant, and only those are asked about that others name"
                if kind == "*"
                else f"its resource is not known; say --resource {kind}=PLURAL",
            )
            for kind, by in sorted(unknown.items())
        ),
    )


def gaps(speaks: Iterable[Speaks], webhooks: Sequence[Mapping[str, Any]]) -> tuple[Gap, ...]:
    """What of `speaks` none of `webhooks` (of a ValidatingWebhookConfiguration) asks about."""
    rules = [rule for webhook in webhooks for rule in webhook.get("rules", ())]
    missing: dict[str, list[Speaks]] = {}
    for one in speaks:
        if one.group == defaults.UNASKED or not any(_covers(rule, one) for rule in rules):
            missing.setdefault(f"{one.kind}.{one.group}" if one.group else one.kind, []).append(one)
    return tuple(
        Gap(
            kind=kind,
            operations=tuple(dict.fromkeys(one.operation for one in some)),
            by=tuple(sorted({by for one in some for by in one.by})),
            why=_why(some[0]),
            is_final=_is_final(some[0]),
        )
        for kind, some in sorted(missing.items())
    )


class Registered:
    """What is registered, and what of a bundle is not; asked often, worked out once a revision."""

    def __init__(self, webhooks: Sequence[Mapping[str, Any]]) -> None:
        self._webhooks = webhooks
        self._known: tuple[str, tuple[Gap, ...]] | None = None

    def gaps(self, bundle: Bundle) -> tuple[Gap, ...]:
        """What `bundle` speaks of and nobody asks about."""
        if self._known is None or self._known[0] != bundle.revision:
            speaks, unknown = spoken(bundle, {})
            self._known = bundle.revision, (*gaps(speaks, self._webhooks), *unknown)
        return self._known[1]


def webhooks(configuration: Any, path: str) -> list[dict[str, Any]]:
    """The webhooks of a ValidatingWebhookConfiguration; raises `SettingsError` for anything else."""
    given = configuration if isinstance(configuration, dict) else {}
    listed = given.get("webhooks")
    is_whole = isinstance(listed, list) and all(isinstance(one, dict) for one in listed)
    if given.get("kind") != "ValidatingWebhookConfiguration" or not is_whole:
        raise SettingsError(
            "this is no webhook configuration",
            path=path,
            found=quoted(given.get("kind")),
            expected="a ValidatingWebhookConfiguration, as `gate webhook render` prints it",
        )
    return list(listed or ())


def _covers(rule: Mapping[str, Any], one: Speaks) -> bool:
    names = {"*/*", one.resource, "*" if "/" not in one.resource else f"*/{one.resource.partition('/')[2]}"}
    scope = rule.get("scope", "*")
    return (
        bool({"*", one.operation} & set(rule.get("operations", ())))
        and bool({"*", one.group} & set(rule.get("apiGroups", ())))
        and bool(names & set(rule.get("resources", ())))
        and (scope == "*" or (scope == "Namespaced") == one.is_namespaced)
    )


def _is_final(one: Speaks) -> bool:
    return one.group == defaults.UNASKED or (one.group, one.resource) in defaults.NEVER


def _why(one: Speaks) -> str:
    if one.group == defaults.UNASKED:
        return "the API server asks no webhook about this group; CI and the background audit judge it"
    if (one.group, one.resource) in defaults.NEVER:
        return "a cluster that had to ask about it could not start; CI and the background audit judge it"
    if one.operation == "CONNECT":
        return "render with --connect, and say connect: true in the platform's file"
    if one.operation == "DELETE":
        return "render with --delete"
    return "render with --cluster-scoped" if not one.is_namespaced else "render the configuration anew"


def _of_match(kinds: Sequence[Any], extra: Mapping[str, Resource]) -> tuple[list[Resource], list[str]]:
    """The resources of a constraint's `match.kinds`, and the kinds whose resource is not known."""
    known: list[Resource] = []
    others: list[str] = [] if kinds else ["*"]
    for entry in kinds:
        groups, names = set(entry.apiGroups), entry.kinds or ("*",)
        for name in names:
            if name == "*":
                others.append("*")
                continue
            fitting = [
                one
                for one in (*KNOWN, *extra.values())
                if one.kind == name and (not groups or "*" in groups or one.group in groups)
            ]
            known.extend(fitting)
            missing = groups - {"*"} - {one.group for one in fitting}
            if not fitting or (missing and "*" not in groups):
                others.extend(f"{name}.{group}" if group else name for group in sorted(missing) or [""])
    return known, others


def _speaks(resource: Resource, operation: str, by: set[str]) -> list[Speaks]:
    """CONNECT is about subresources, everything else about the resource itself."""
    is_pod = (resource.group, resource.name) == ("", "pods")
    names = defaults.CONNECTS if operation == "CONNECT" else (resource.name,)
    if operation == "CONNECT" and not is_pod:
        return []
    return [
        Speaks(
            resource=name,
            group=resource.group,
            kind=resource.kind,
            operation=operation,
            is_namespaced=resource.is_namespaced,
            by=tuple(sorted(by)),
        )
        for name in names
    ]
