"""What is around an object that a constraint is asked about: namespaces, and `data.inventory`.

In CI it is made of the objects of the change, at admission of what an informer holds. Which kinds a library
needs stands in its templates, as in Gatekeeper. Nothing here asks a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gate.errors import PolicyError, Problem, quoted
from gate.kubernetes.constraints import Constraint
from gate.kubernetes.gatekeeper import Library
from gate.kubernetes.matching import NAMESPACE_NAME, group_and_version, mapping
from gate.kubernetes.templates import SYNCED
from gate.model import KubernetesObject
from gate.scales import Action, Point

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
Placed = tuple[str, str, str, str, Any]
"""Namespace (empty: of the cluster), apiVersion, kind, name, and the object: a value, or JSON as it is."""


class Kinds(msgspec.Struct, frozen=True):
    """Kinds that a template looks at, as its annotation says them."""

    groups: tuple[str, ...]
    versions: tuple[str, ...]
    kinds: tuple[str, ...]


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a template looks at."""

    by: str
    """The template's kind, for messages."""
    any_of: tuple[Kinds, ...]
    """Equivalent: what the API server serves of them is looked at."""

    def named(self) -> str:
        """The kinds, for messages."""
        groups = ("/".join(group or "the core group" for group in one.groups) for one in self.any_of)
        return " or ".join(
            f"{'/'.join(one.kinds)} of {of}" for one, of in zip(self.any_of, groups, strict=True)
        )


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of everything else."""

    namespaces: Mapping[str, Mapping[str, Any]] = {}
    """Namespace objects by name."""
    labels: Mapping[str, Mapping[str, Any]] = {}
    """Of the same."""
    inventory: Callable[[], bytes] = lambda: encoded(())
    """The input's part `inventory`, encoded when it is needed."""
    unknown_namespace: str = "check its Namespace manifest along"
    """Why a namespace may be missing, or what to do."""
    unknown_inventory: str | None = None
    """Why `inventory` cannot be relied on: then no template is asked that looks at it."""


def of(objects: Sequence[KubernetesObject]) -> Surroundings:
    """What `objects` are to one another."""
    namespaces = {
        str(mapping(one.object.get("metadata")).get("name")): one.object
        for one in objects
        if one.object.get("kind") == "Namespace" and group_and_version(one.object)[0] == ""
    }
    return Surroundings(
        namespaces=namespaces, labels=labels(namespaces), inventory=lambda: encoded(_placed(objects))
    )


def labels(namespaces: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Their labels."""
    return {name: mapping(mapping(value.get("metadata")).get("labels")) for name, value in namespaces.items()}


def encoded(objects: Iterable[Placed]) -> bytes:
    """`inventory` of the input: `namespace[NS][apiVersion][kind][name]` and `cluster[apiVersion][kind][name]`."""
    result: dict[str, Any] = {"namespace": {}, "cluster": {}}
    for namespace, api_version, kind, name, value in objects:
        place = result["namespace"].setdefault(namespace, {}) if namespace else result["cluster"]
        place.setdefault(api_version, {}).setdefault(kind, {})[name] = value
    return _ENCODER.encode({"inventory": result})


def needs(library: Library) -> tuple[Need, ...]:
    """What the templates of `library` that judge look at.

    Raises `PolicyError` for a template that looks around and does not say at what: it would see nothing there,
    and say nothing.
    """
    used = {one.kind for one in library.constraints}
    found: list[Need] = []
    problems: list[Problem] = []
    for template in library.templates:
        if not template.needs_inventory or template.kind not in used:
            continue
        try:
            # As in Gatekeeper: the JSON may stand in quotes of its own.
            text = (template.synced or "").strip().strip('"')
            listed = msgspec.json.decode(text, type=tuple[tuple[Kinds, ...], ...])
            if (
                not listed
                or not all(listed)
                or not all(map(_is_whole, (one for some in listed for one in some)))
            ):
                raise msgspec.ValidationError("nothing is named")
        except msgspec.DecodeError as error:
            problems.append(
                Problem(
                    message=f"template {template.kind} looks at data.inventory and does not say at which kinds",
                    path=template.place.path,
                    line=template.place.line,
                    column=1,
                    fix=f'for Ingresses: annotation {SYNCED}: \'[[{{"groups":["networking.k8s.io"],'
                    '"versions":["v1"],"kinds":["Ingress"]}]]\'',
                    code="inventory_unnamed",
                    found=f"{quoted(template.synced)}: {error}" if template.synced else None,
                )
            )
            continue
        found.extend(Need(by=template.kind, any_of=some) for some in listed)
    if problems:
        raise PolicyError(problems=tuple(problems))
    return tuple(found)


def needs_namespaces(library: Library, point: Point) -> tuple[str, ...]:
    """Constraints at `point` and templates that look at the namespace of an object, by name, sorted."""
    enforced = [one for one in library.constraints if one.actions[point] is not Action.OFF]
    judging = {one.kind for one in enforced}
    looking = {one.kind for one in library.templates if one.looks_at_namespace and one.kind in judging}
    return tuple(sorted(looking | {one.id for one in enforced if _selects(one)}))


def _selects(one: Constraint) -> bool:
    selector = one.match.namespaceSelector
    return selector is not None and not selector.keys() <= {NAMESPACE_NAME}


def _is_whole(kinds: Kinds) -> bool:
    return bool(kinds.groups and kinds.versions and kinds.kinds) and "*" not in (*kinds.groups, *kinds.kinds)


def _placed(objects: Sequence[KubernetesObject]) -> Iterable[Placed]:
    for number, one in enumerate(objects):
        metadata = mapping(one.object.get("metadata"))
        # Without a name yet, but there: the cluster will have given it one.
        name = metadata.get("name") or f"{metadata.get('generateName') or ''}{number}"
        namespace = str(metadata.get("namespace") or "")
        yield namespace, str(one.object.get("apiVersion")), str(one.object.get("kind")), str(name), one.object
