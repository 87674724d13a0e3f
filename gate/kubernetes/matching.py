"""Which objects a Gatekeeper constraint is about: `spec.match`, with Gatekeeper's own meaning.

Nothing here reads a file or asks a cluster: namespaces are those it is given.
Source: the match field of Gatekeeper 3.23's constraints, and its audit's way to look at an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, Literal

import msgspec

from gate.errors import quoted
from gate.kubernetes import resources

_NAME: Final = re.compile(r"\*?[-:a-z0-9]*\*?")
"""Of Gatekeeper 3.23's schema (spec.match of constraints)."""
NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
"""The label that the API server itself puts on every Namespace."""


class Matched(Enum):
    """Whether a constraint is about an object."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    """It depends on the labels of a Namespace that was not given."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names are Kubernetes' own; an unknown one is refused, for the cluster would drop it."""


class Kinds(_Part, frozen=True, kw_only=True):
    """API groups and kinds; empty or `*` is any."""

    apiGroups: tuple[str, ...] = ()  # noqa: N815 - Kubernetes' name
    kinds: tuple[str, ...] = ()


class Expression(_Part, frozen=True, kw_only=True):
    """One requirement of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise where the API server would: `In []` could never fit, `NotIn []` always."""
        if bool(self.values) != (self.operator in ("In", "NotIn")):
            wanted = "needs values" if not self.values else "takes no values"
            raise ValueError(f"operator {self.operator} {wanted}")


class Selector(_Part, frozen=True, kw_only=True):
    """A label selector; all of it must fit, an empty one fits everything."""

    matchLabels: dict[str, str] = {}  # noqa: N815
    matchExpressions: tuple[Expression, ...] = ()  # noqa: N815

    def fits(self, labels: Mapping[str, Any]) -> bool:
        """Whether `labels` fit."""
        return all(labels.get(key) == value for key, value in self.matchLabels.items()) and all(
            _fits(one, labels) for one in self.matchExpressions
        )

    def keys(self) -> set[str]:
        """The labels it looks at."""
        return {*self.matchLabels, *(one.key for one in self.matchExpressions)}


class Match(_Part, frozen=True, kw_only=True):
    """`spec.match`; what is absent is any."""

    kinds: tuple[Kinds, ...] = ()
    namespaces: tuple[str, ...] = ()
    excludedNamespaces: tuple[str, ...] = ()  # noqa: N815
    labelSelector: Selector | None = None  # noqa: N815
    namespaceSelector: Selector | None = None  # noqa: N815
    scope: Literal["*", "Cluster", "Namespaced"] = "*"
    name: str = ""
    source: Literal["All", "Original", "Generated"] = "All"

    def __post_init__(self) -> None:
        """Raise for a name that Gatekeeper's schema refuses: it would fit nothing, and nobody would hear of it."""
        for field in ("namespaces", "excludedNamespaces", "name"):
            given = getattr(self, field)
            for one in (given,) if isinstance(given, str) else given:
                if not _NAME.fullmatch(one):
                    raise ValueError(
                        f"{field}: {quoted(one)} fits no name; stars stand at the ends alone, letters are small"
                    )


def fits_kind(match: Match, group: str, kind: str) -> bool:
    """Whether `match` can be about objects of this kind."""
    return not match.kinds or any(_any(one.kinds, kind) and _any(one.apiGroups, group) for one in match.kinds)


def matched(match: Match, review: Mapping[str, Any], namespaces: Mapping[str, Mapping[str, Any]]) -> Matched:
    """Whether `match` is about the object of `review`, or about its old one.

    `namespaces` are the labels of the namespaces that are known, by name.
    """
    given = [one for one in (review.get("object"), review.get("oldObject")) if isinstance(one, dict)]
    namespace = str(review.get("namespace") or "")
    answers = {_matched(match, one, namespace, namespaces) for one in given}
    return next((one for one in (Matched.YES, Matched.UNKNOWN) if one in answers), Matched.NO)


def group_and_version(value: Mapping[str, Any]) -> tuple[str, str]:
    """`apps`, `v1` of `apps/v1`; the core group is empty."""
    group, _, version = str(value.get("apiVersion", "")).rpartition("/")
    return group, version


def _matched(
    match: Match, value: Mapping[str, Any], namespace: str, namespaces: Mapping[str, Mapping[str, Any]]
) -> Matched:
    """Plan: everything the object itself tells first, so that only the rest can be unknown."""
    group, _ = group_and_version(value)
    metadata = mapping(value.get("metadata"))
    is_namespace = group == "" and value.get("kind") == "Namespace"
    if not fits_kind(match, group, str(value.get("kind"))) or match.source == "Generated":
        return Matched.NO
    known = resources.found(group, str(value.get("kind")))
    within = str(metadata.get("namespace") or "") or namespace
    if known is not None and not known.is_namespaced:
        within = ""  # the API server takes it away, were it the name of an excluded one
    if not _fits_scope(match.scope, within, known):
        return Matched.NO
    called = str(metadata.get("name") or "")
    judged = called if is_namespace else within
    # An object of the cluster has no namespace that could tell it apart: both lists let it in.
    if judged and match.namespaces and not _any_wildcard(match.namespaces, judged):
        return Matched.NO
    if judged and _any_wildcard(match.excludedNamespaces, judged):
        return Matched.NO
    if match.labelSelector and not match.labelSelector.fits(mapping(metadata.get("labels"))):
        return Matched.NO
    if match.name and not (
        _wildcard(match.name, called) or _generated(match.name, str(metadata.get("generateName") or ""))
    ):
        return Matched.NO
    selector = match.namespaceSelector
    if selector is None or not judged:
        return Matched.YES
    labels = _labels(selector, judged, metadata.get("labels") if is_namespace else namespaces.get(judged))
    if labels is None:
        return Matched.UNKNOWN
    return Matched.YES if selector.fits(labels) else Matched.NO


def _fits_scope(scope: str, within: str, known: resources.Resource | None) -> bool:
    """Whether an object in the namespace `within` fits; without one a manifest says nothing of its scope.

    What will be put into a namespace is then told by its kind; a custom resource may be either, and a
    constraint of either scope is about it.
    """
    if scope == "*":
        return True
    if known is None:
        return scope == "Namespaced" or not within
    return known.is_namespaced == (scope == "Namespaced")


def _labels(selector: Selector, namespace: str, known: Any) -> Mapping[str, Any] | None:
    """The labels of a namespace as the cluster will have them; None where they are not known."""
    if known is None and not selector.keys() <= {NAMESPACE_NAME}:
        return None
    return {**mapping(known), NAMESPACE_NAME: namespace}


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` where it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def _fits(expression: Expression, labels: Mapping[str, Any]) -> bool:
    match expression.operator:
        case "In":
            return labels.get(expression.key) in expression.values
        case "NotIn":
            return labels.get(expression.key) not in expression.values
        case "Exists":
            return expression.key in labels
        case "DoesNotExist":
            return expression.key not in labels


def _any(wanted: Iterable[str], value: str) -> bool:
    listed = tuple(wanted)
    return not listed or "*" in listed or value in listed


def _any_wildcard(patterns: Iterable[str], text: str) -> bool:
    return any(_wildcard(pattern, text) for pattern in patterns)


def _wildcard(pattern: str, text: str) -> bool:
    """A star counts at either end; `Match` has none elsewhere."""
    inner = pattern.removeprefix("*").removesuffix("*")
    if pattern.startswith("*") and pattern.endswith("*"):
        return inner in text
    if pattern.startswith("*"):
        return text.endswith(inner)
    return text.startswith(inner) if pattern.endswith("*") else text == pattern


def _generated(pattern: str, prefix: str) -> bool:
    """Whether whatever name the API server makes of `generateName: prefix` fits."""
    return bool(prefix) and pattern.endswith("*") and _wildcard(pattern, prefix)
