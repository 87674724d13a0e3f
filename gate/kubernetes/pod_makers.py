"""Custom resources that hold containers outside of a pod's spec: Argo's Workflows, Tekton's Tasks, operators' own.

What becomes of such a container, its controller decides when it makes the pod: rules about pods do not see it
(policies/lib/pods.rego finds pod specs, in custom resources too), so a notice says that nobody judged it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from gate.errors import quoted
from gate.kubernetes.images import CONTAINERS
from gate.kubernetes.resources import KNOWN
from gate.model import KubernetesObject

_OWN_GROUPS: Final = frozenset(one.group for one in KNOWN)
_LIKE_A_CONTAINER: Final = frozenset({"args", "command", "script", "securityContext", "source"})
_PLACES: Final = frozenset({"container", "script", "sidecars", "steps"})
"""Where Argo and Tekton keep containers, which may be an image alone."""
_NAMED: Final = 5


def notices(found: Iterable[KubernetesObject]) -> tuple[str, ...]:
    """That containers of custom resources among `found` were not judged, with the kinds; nothing where there are none."""
    kinds: dict[str, None] = {}
    count = 0
    for one in found:
        group = one.group
        # Most objects are of Kubernetes' own groups, and most others have no image: neither is decoded for this.
        if "." not in group or group in _OWN_GROUPS or b'"image"' not in bytes(one.text):
            continue
        if any(_containers_elsewhere(one.object)):
            count += 1
            kinds[f"{one.object.get('kind')} of {group}"] = None
    if not count:
        return ()
    named = ", ".join(quoted(kind) for kind in sorted(kinds)[:_NAMED]) + (
        ", …" if len(kinds) > _NAMED else ""
    )
    return (
        f"custom resources whose containers are not judged here, only the pods made of them, at admission: {count} ({named})",
    )


def _containers_elsewhere(value: dict[str, Any]) -> Iterator[bool]:
    """True for each container that is in none of the lists of a pod's spec."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        place, node = waiting.pop()
        if isinstance(node, list):
            # The members of a list stand in the place of the list.
            waiting += [(place, one) for one in node if isinstance(one, (dict, list))]
            continue
        is_container = isinstance(node.get("image"), str) and place not in CONTAINERS
        if is_container and (place in _PLACES or not _LIKE_A_CONTAINER.isdisjoint(node)):
            yield True
        waiting += [(str(key), one) for key, one in node.items() if isinstance(one, (dict, list))]
