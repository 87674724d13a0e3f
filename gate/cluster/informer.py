"""The informer: lists and watches what constraints look at, and keeps an `Inventory` as recent as the API server.

    1. which kinds are served for what the templates look at is asked for, and again where something is missing
    2. a thread a kind: a whole list, page by page, then everything that changes from its resourceVersion on
    3. a watch that ends goes on where it ended; one that is too old (410), or not understood, begins with a list
    4. a watch is opened anew three times within the limit of age, so that a quiet kind is known to be quiet

Source: kubernetes.io/docs/reference/using-api/api-concepts, "Efficient detection of changes".
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from gate.admission.inventory import NAMESPACES, Inventory, Key, Name
from gate.bundle import Bundle
from gate.cluster.client import Cluster, Refused
from gate.errors import GateError, PolicyError
from gate.kubernetes import surroundings
from gate.kubernetes.surroundings import Kinds, Need
from gate.scales import Point

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
AGAIN_S: Final = 30.0
"""Between two looks for kinds that are not served."""
RELIST_AFTER: Final = 3
"""Failures in a row, then the list is read anew."""
LONGEST_WATCH_S: Final = 300
LOG: Final = logging.getLogger("gate.admission")


class _Event(msgspec.Struct, frozen=True):
    """One line of a watch."""

    type: str
    object: dict[str, Any]


_EVENTS: Final = msgspec.json.Decoder(_Event)
_OBJECTS: Final = msgspec.json.Decoder(dict[str, Any])


class TooOld(Exception):
    """The API server no longer has what changed since then."""


class Informer:
    """Threads that fill `inventory`; start and stop it."""

    def __init__(self, cluster: Cluster, inventory: Inventory) -> None:
        self._cluster = cluster
        self._inventory = inventory
        self._ends = threading.Event()
        self._following: dict[Key, Follower] = {}
        self._thread = threading.Thread(target=self._run, name="informer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; questions that are open are left to end by themselves."""
        self._ends.set()
        self._inventory.is_wanted.set()
        for one in list(self._following.values()):
            one.ends.set()

    def _run(self) -> None:
        self._follow({NAMESPACES})
        inventory, failures = self._inventory, 0
        while not self._ends.is_set():
            inventory.is_wanted.clear()
            pause_s: float | None = None
            try:
                found = {need: served(self._cluster, need) for need in inventory.wanted or ()}
            except GateError as error:
                inventory.found({}, f"which kinds the API server has is not known: {error}")
                pause_s = PAUSES_S[min(failures, len(PAUSES_S) - 1)]
                failures += 1
            else:
                inventory.found(found)
                self._follow({NAMESPACES, *(key for keys in found.values() for key in keys)})
                pause_s, failures = None if all(found.values()) else AGAIN_S, 0
            inventory.is_wanted.wait(pause_s)

    def _follow(self, keys: set[Key]) -> None:
        for key in self._following.keys() - keys:
            self._following.pop(key).ends.set()
        for key in keys - self._following.keys():
            if not self._ends.is_set():
                self._following[key] = Follower(self._cluster, self._inventory, key)
                self._following[key].start()


class Follower:
    """One kind, kept recent by a thread."""

    def __init__(self, cluster: Cluster, inventory: Inventory, key: Key) -> None:
        self.ends = threading.Event()
        self._cluster = cluster
        self._inventory = inventory
        self._key = key
        self._version = ""
        """Of the last thing that was told; empty: a list is needed."""

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"informer {self._key.label}", daemon=True).start()

    def _run(self) -> None:
        failures = 0
        while not self.ends.is_set():
            try:
                self.step()
                failures = 0
            except TooOld:
                self._version = ""
                failures = 0
            except GateError as error:
                failures = self._failed(error, failures)
            except Exception as error:
                # The outermost handler of this thread: what is held grows old, and then nothing is judged by it.
                LOG.exception("%s", self._key.label)
                bug = GateError(f"gate itself failed: {type(error).__name__}", code="internal_error")
                failures = self._failed(bug, failures)
            self.ends.wait(PAUSES_S[min(failures, len(PAUSES_S) - 1)])

    def step(self) -> None:
        """A list, where one is needed, and one watch to its end."""
        if not self._version:
            objects, version = listed(self._cluster, self._key)
            self._inventory.replace(self._key, objects)
            self._version = version
        self._watch()

    def _failed(self, error: GateError, failures: int) -> int:
        """How many failures it were in a row; the first is told."""
        if failures == 0:
            LOG.warning("%s is not followed: %s", self._key.label, error)
        self._inventory.failed(self._key, str(error))
        # An API server that is away is asked to go on; one that came back from a backup never could.
        if error.problems[0].code != "cluster_unreachable" or failures >= RELIST_AFTER:
            self._version = ""
        return failures + 1

    def _watch(self) -> None:
        """Take what changes until the API server ends it; raises `TooOld`, and `GateError` as the client does."""
        seconds = max(1, min(int(self._inventory.stale_after_s / 3), LONGEST_WATCH_S))
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(seconds)}
        try:
            lines = self._cluster.lines(self._key.path, seconds, **query, resourceVersion=self._version)
            for line in lines:
                if self.ends.is_set():
                    return
                if line:
                    self._take(line)
                # An empty line is the answer's head: nothing changed until now, or it is told next.
                self._inventory.heard(self._key)
        except Refused as error:
            if error.status == HTTPStatus.GONE:
                raise TooOld from None
            raise

    def _take(self, line: bytes) -> None:
        try:
            event = _EVENTS.decode(line)
        except msgspec.DecodeError as error:
            raise _not_understood(self._key, str(error)) from None
        if event.type == "ERROR":
            if event.object.get("code") == HTTPStatus.GONE:
                raise TooOld
            raise _not_understood(self._key, str(event.object.get("message"))[:200])
        metadata = event.object.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not isinstance(version, str) or not version:
            raise _not_understood(self._key, f"{event.type} without a resourceVersion")
        if version.isdecimal() and self._version.isdecimal() and int(version) < int(self._version):
            raise TooOld  # the API server came back from a backup; versions are comparable since 1.35
        if event.type in ("ADDED", "MODIFIED", "DELETED"):
            name, value = held(self._key, event.object)
            self._inventory.put(self._key, name, None if event.type == "DELETED" else value)
        elif event.type != "BOOKMARK":
            raise _not_understood(self._key, f"an event {event.type!r:.40}")
        self._version = version


class Once:
    """What is there now, read once: for an audit, which begins with lists and ends."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._inventory = Inventory(math.inf)
        self.around = self._inventory.around
        self.state = self._inventory.state

    def want(self, needs: tuple[Need, ...], timeout_s: float) -> bool:
        """Read what `needs` names, and the namespaces; raises `GateError` where something cannot be listed."""
        found = {need: served(self._cluster, need) for need in needs}
        self._inventory.found(found)
        for key in {NAMESPACES, *(key for keys in found.values() for key in keys)}:
            self._inventory.replace(key, listed(self._cluster, key)[0])
        return all(found.values())


def listed(cluster: Cluster, key: Key) -> tuple[dict[Name, bytes], str]:
    """Everything there is of a kind, and the resourceVersion to watch from.

    Raises `GateError` where a page fails or expires: a part of a list is no list.
    """
    objects: dict[Name, bytes] = {}
    version = ""
    for page in cluster.pages(key.path):
        version = str(page.metadata.get("resourceVersion") or "")
        try:
            values = [_OBJECTS.decode(item) for item in page.items]
        except msgspec.DecodeError as error:
            raise _not_understood(key, str(error)) from None
        objects.update(held(key, value) for value in values)
    if not version:
        raise _not_understood(key, "a list without a resourceVersion")
    return objects, version


def served(cluster: Cluster, need: Need) -> tuple[Key, ...]:
    """The kinds that the API server has of what `need` names; raises `GateError` where it does not say."""
    return tuple(dict.fromkeys(key for kinds in need.any_of for key in _served(cluster, kinds)))


def held(key: Key, value: dict[str, Any]) -> tuple[Name, bytes]:
    """Its name and what is kept of an object: all but who set which field."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise _not_understood(key, "an object without a name")
    metadata.pop("managedFields", None)
    whole = {"apiVersion": key.api_version, "kind": key.kind} | value
    return (str(metadata.get("namespace") or ""), str(metadata["name"])), msgspec.json.encode(whole)


def _served(cluster: Cluster, kinds: Kinds) -> list[Key]:
    """Of each group the version that the API server prefers, or else the first that it has, of those named."""
    keys: list[Key] = []
    for group in kinds.groups:
        version = _version(cluster, group, kinds.versions)
        if version is None:
            continue
        api = f"{group}/{version}" if group else version
        listing = cluster.value(f"/apis/{api}" if group else f"/api/{api}") or {}
        names = {
            one.get("kind"): str(one["name"])
            for one in listing.get("resources", ())
            if "/" not in one.get("name", "/") and {"list", "watch"} <= set(one.get("verbs", ()))
        }
        keys += [
            Key(api_version=api, resource=names[kind], kind=kind) for kind in kinds.kinds if kind in names
        ]
    return keys


def _version(cluster: Cluster, group: str, wanted: Sequence[str]) -> str | None:
    told = cluster.value(f"/apis/{group}" if group else "/api")
    if told is None:
        return None
    if not group:
        versions = [str(one) for one in told.get("versions", ())]
    else:
        preferred = told.get("preferredVersion") or {}
        versions = [str(one.get("version")) for one in (preferred, *told.get("versions", ()))]
    return next((one for one in versions if one in wanted or "*" in wanted), None)


def _not_understood(key: Key, found: str) -> GateError:
    return GateError(
        f"the API server's answer about {key.label} is not understood", code="watch_invalid", found=found
    )


def looked_at(bundle: Bundle, cluster: Cluster | None, tell: Callable[[str], object]) -> list[str]:
    """Tell what constraints look at besides the object; what of it cannot be looked at, one text each.

    Without `cluster` what it serves is not asked for.
    """
    library = bundle.gatekeeper
    if library is None:
        return []
    by = surroundings.needs_namespaces(library, Point.ADMISSION)
    if by:
        tell(f"looks at namespaces: {', '.join(by)}; the webhook needs --informer")
    try:
        needs = surroundings.needs(library)
    except PolicyError as error:
        return [str(problem) for problem in error.problems]
    missing: list[str] = []
    for need in needs:
        tell(
            f"looks at {need.named()}: template {need.by}; the webhook needs --informer and the right to list and watch"
        )
        if cluster is not None and not served(cluster, need):
            missing.append(f"not served: {need.named()}, so what template {need.by} is about is denied")
    return missing
