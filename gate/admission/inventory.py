"""What is held of the cluster for constraints that look around: bounded, and told with its age.

An informer (gate/cluster/informer.py) fills it from threads of its own; reviews take what is there. Nothing here
asks anybody. What is not held, not recent, or more than may be held is never an empty inventory: the constraints
that would look at it speak against the object.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from gate import limits
from gate.errors import GateError
from gate.kubernetes import surroundings
from gate.kubernetes.surroundings import Need, Surroundings

STALE_AFTER_S: Final = 300.0
Name = tuple[str, str]
"""Namespace (empty: of the cluster) and name."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A kind as it is listed and watched."""

    api_version: str
    resource: str
    kind: str

    @property
    def label(self) -> str:
        """`networking.k8s.io/v1 Ingress`."""
        return f"{self.api_version} {self.kind}"

    @property
    def path(self) -> str:
        """Of the list, of every namespace."""
        return f"{'/apis' if '/' in self.api_version else '/api'}/{self.api_version}/{self.resource}"


NAMESPACES: Final = Key(api_version="v1", resource="namespaces", kind="Namespace")


class _Kept:
    """What is held of one kind."""

    def __init__(self) -> None:
        self.objects: dict[Name, bytes] = {}
        self.bytes = 0
        self.heard_at: float | None = None
        """By the clock of the inventory; None until the first list was whole."""
        self.error: str | None = None
        self.lists = 0


class Inventory:
    """Objects by kind; every method may be called from any thread."""

    def __init__(
        self,
        stale_after_s: float = STALE_AFTER_S,
        *,
        most_bytes: int = limits.INVENTORY_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stale_after_s = stale_after_s
        self.wanted: tuple[Need, ...] | None = None
        """What templates look at; the informer finds the kinds. None until somebody wanted anything."""
        self.is_wanted = threading.Event()
        """Set when `wanted` was replaced."""
        self._most_bytes = most_bytes
        self._clock = clock
        self._changed = threading.Condition(threading.RLock())
        self._kinds: dict[Key, _Kept] = {NAMESPACES: _Kept()}
        self._looked_at: frozenset[Key] = frozenset()
        self._served: dict[Need, tuple[Key, ...]] = {}
        self._unserved: str | None = None
        self._versions: dict[bool, int] = {True: 0, False: 0}
        self._namespaces: tuple[int, Mapping[str, Any], Mapping[str, Any]] = (-1, {}, {})
        self._encoded: tuple[int, bytes] = (-1, b"")

    # ------------------------------------------------------------------------------ what is wanted

    def want(self, needs: tuple[Need, ...], timeout_s: float) -> bool:
        """Have what `needs` names held, too; whether all of it is within `timeout_s`."""
        with self._changed:
            every = tuple(dict.fromkeys((*(self.wanted or ()), *needs)))
            if every != self.wanted:
                self.wanted = every
                self.is_wanted.set()
            return self._changed.wait_for(
                lambda: self._no_namespaces() is None and self._no_inventory(needs) is None, timeout_s
            )

    def only(self, needs: tuple[Need, ...]) -> None:
        """Have nothing held any more but what `needs` names, and the namespaces."""
        with self._changed:
            if self.wanted != needs:
                self.wanted = needs
                self.is_wanted.set()

    def found(self, served: Mapping[Need, tuple[Key, ...]], error: str | None = None) -> None:
        """Take the kinds that are served for what is wanted; `error` says why that is not known."""
        with self._changed:
            if error is None:
                self._served = dict(served)
                self._looked_at = frozenset(key for keys in served.values() for key in keys)
                self._kinds = {key: self._kinds.get(key) or _Kept() for key in (NAMESPACES, *self._looked_at)}
                self._told(NAMESPACES)
                self._versions[True] += 1
            self._unserved = error

    # ---------------------------------------------------------------------------- what is told of it

    def replace(self, key: Key, objects: Mapping[Name, bytes]) -> None:
        """Hold `objects`, a whole list, instead of what was held of the kind.

        Raises `GateError` where that is more than may be held.
        """
        with self._changed:
            kept = self._kinds.get(key)
            if kept is None:
                return
            self._bounded(key, sum(map(len, objects.values())) - kept.bytes)
            kept.objects = dict(objects)
            kept.bytes = sum(map(len, objects.values()))
            kept.lists += 1
            self.heard(key)
            self._told(key)

    def put(self, key: Key, name: Name, value: bytes | None) -> None:
        """Hold `value`, or nothing more, under `name`; raises `GateError` as `replace`."""
        with self._changed:
            kept = self._kinds.get(key)
            if kept is None:
                return
            grown = len(value or b"") - len(kept.objects.get(name, b""))
            self._bounded(key, grown)
            if value is None:
                kept.objects.pop(name, None)
            else:
                kept.objects[name] = value
            kept.bytes += grown
            self._told(key)

    def heard(self, key: Key) -> None:
        """The API server has just said that what is held of the kind is what there is."""
        with self._changed:
            if key in self._kinds:
                self._kinds[key].heard_at, self._kinds[key].error = self._clock(), None
                self._changed.notify_all()

    def failed(self, key: Key, error: str) -> None:
        """What is held stays, and grows old."""
        with self._changed:
            if key in self._kinds:
                self._kinds[key].error = error

    def _bounded(self, key: Key, grown: int) -> None:
        held = sum(kept.bytes for kept in self._kinds.values())
        if grown > 0 and held + grown > self._most_bytes:
            # Not what was there before either: it would be judged by until it is stale.
            self._kinds[key] = _Kept()
            self._told(key)
            raise GateError(
                f"{key.label} and what else is held are more than may be held",
                code="inventory_too_large",
                found=f"{held + grown} bytes",
                expected=f"at most {self._most_bytes}",
                fix="leave the template out here and judge by `gate audit cluster`",
            )

    def _told(self, key: Key) -> None:
        if key == NAMESPACES:
            self._versions[False] += 1
        if key in self._looked_at:
            self._versions[True] += 1
        self._changed.notify_all()

    # -------------------------------------------------------------------------------- what is known

    def around(self, needs: tuple[Need, ...]) -> Surroundings:
        """What a review by rules that look at `needs` may look at now."""
        with self._changed:
            no_namespaces, no_inventory = self._no_namespaces(), self._no_inventory(needs)
            version, namespaces, labels = self._namespaces
            if version != self._versions[False]:
                kept = self._kinds[NAMESPACES].objects
                namespaces = {name: msgspec.json.decode(value) for (_, name), value in kept.items()}
                labels = surroundings.labels(namespaces)
                self._namespaces = self._versions[False], namespaces, labels
        return Surroundings(
            namespaces={} if no_namespaces else namespaces,
            labels={} if no_namespaces else labels,
            inventory=self._base,
            unknown_namespace=no_namespaces or "it has only just been made: try again",
            unknown_inventory=no_inventory,
        )

    def _base(self) -> bytes:
        with self._changed:
            version = self._versions[True]
            if self._encoded[0] != version:
                objects = [
                    (namespace, key.api_version, key.kind, name, msgspec.Raw(value))
                    for key in self._looked_at
                    for (namespace, name), value in self._kinds[key].objects.items()
                ]
                self._encoded = version, surroundings.encoded(objects)
            return self._encoded[1]

    def _no_namespaces(self) -> str | None:
        """Why they cannot be relied on; None where they can."""
        return self._not_recent(NAMESPACES)

    def _no_inventory(self, needs: tuple[Need, ...]) -> str | None:
        """The same, of what `needs` names."""
        for need in needs:
            keys = self._served.get(need)
            if keys is None:
                return self._unserved or "the informer does not know yet which kinds the API server has"
            if not keys:
                return f"template {need.by} looks at {need.named()}, which the API server does not have"
            if why := next(filter(None, map(self._not_recent, keys)), None):
                return why
        return None

    def _not_recent(self, key: Key) -> str | None:
        kept, now = self._kinds[key], self._clock()
        told = f" ({kept.error})" if kept.error else ""
        if kept.heard_at is None:
            return f"the informer has not read {key.label} yet{told}"
        if now - kept.heard_at > self.stale_after_s:
            return (
                f"the informer has not heard of {key.label} for {now - kept.heard_at:.0f} s, "
                f"at most {self.stale_after_s:g} s are good{told}"
            )
        return None

    def state(self) -> dict[str, Any]:
        """What `/readyz` tells: what is held, how old it is, and why it does not count."""
        with self._changed:
            now = self._clock()
            return {
                "unknown": self._no_namespaces() or self._no_inventory(self.wanted or ()),
                "kinds": {
                    key.label: {
                        "objects": len(kept.objects),
                        "bytes": kept.bytes,
                        "age_s": None if kept.heard_at is None else round(now - kept.heard_at, 1),
                        "lists": kept.lists,
                        "error": kept.error,
                    }
                    for key, kept in sorted(self._kinds.items(), key=lambda one: one[0].label)
                },
            }

    def metrics(self) -> list[str]:
        """Lines of `/metrics`; the age of what was never read is infinite, so that an alarm rings."""
        state = self.state()
        lines = [f"gate_admission_inventory_unknown {int(state['unknown'] is not None)}"]
        for label, kept in state["kinds"].items():
            age = "+Inf" if kept["age_s"] is None else kept["age_s"]
            lines += [
                f'gate_admission_inventory_age_seconds{{kind="{label}"}} {age}',
                f'gate_admission_inventory_objects{{kind="{label}"}} {kept["objects"]}',
                f'gate_admission_inventory_bytes{{kind="{label}"}} {kept["bytes"]}',
                f'gate_admission_inventory_lists_total{{kind="{label}"}} {kept["lists"]}',
            ]
        return lines
