"""What judges at admission, read from files and read again when they change; a broken one changes nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from gate import bootstrap, files, settings, waiver_files
from gate.admission import answering, platform
from gate.admission.answering import Ground
from gate.admission.desk import Desk
from gate.admission.inventory import Inventory
from gate.admission.known import Known
from gate.documents import yaml
from gate.engines.embedded import Engine
from gate.errors import GateError, SettingsError, WaiverError
from gate.kubernetes.surroundings import Need, Surroundings
from gate.model import Point
from gate.waivers import Waiver

LOOK_EVERY_S: Final = 1.0
KEPT_AFTER_S: Final = 60.0
"""How long a bundle that was replaced stays loaded: reviews in flight end with what they began with."""
HELD_WITHIN_S: Final = 20.0
"""How long a new bundle waits for the lists of what it looks at."""
OTHERS: Final = frozenset({"identity"})
"""Sections of the platform's file that are not about admission."""
LOG: Final = logging.getLogger("gate.admission")


class Holding(Protocol):
    """What is held of a cluster for constraints that look around."""

    @property
    def around(self) -> Callable[[tuple[Need, ...]], Surroundings]:
        """What a review by rules with these needs may look at."""

    @property
    def state(self) -> Callable[[], dict[str, Any]]:
        """What is held, and why it does not count."""

    def want(self, needs: tuple[Need, ...], timeout_s: float) -> bool:
        """Have it held; whether it is, within `timeout_s`."""


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where the ground comes from."""

    policies: tuple[str, ...] = ("builtin:default",)
    data: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    platform: str | None = None
    root: Path
    """What relative paths start at."""

    @classmethod
    def named(
        cls,
        policies: tuple[str, ...],
        data: tuple[str, ...],
        waivers: tuple[str, ...],
        platform: str | None,
    ) -> Sources:
        """What a command line names, relative to the working directory; the default policies where it names none."""
        return cls(
            policies=policies or ("builtin:default",),
            data=data,
            waivers=waivers,
            platform=platform,
            root=Path.cwd(),
        )

    def paths(self) -> list[Path]:
        """The files and folders that can change."""
        policies = (name for name in self.policies if ":" not in name.split("/")[0])
        named = [*policies, *self.data, *self.waivers, *([self.platform] if self.platform else [])]
        return [self.root / name for name in named]


def loaded(
    sources: Sources,
    engine: Engine,
    known: Known,
    point: Point = Point.ADMISSION,
    inventory: Holding | None = None,
) -> Ground:
    """The ground of `sources` at `point`; raises `GateError` with everything that is wrong with them.

    What its rules look at in the cluster is waited for up to `HELD_WITHIN_S`; later it is denied what needs it.
    """
    bundle = bootstrap.bundle(sources.policies, sources.root, engine, python=False)
    rules = platform.Rules(platform.Admission())
    if sources.platform is not None:
        content = files.content(sources.root / sources.platform, sources.platform, SettingsError)
        rules = platform.rules(content, sources.platform, OTHERS)
    given = [(None, one) for name in sources.waivers for one in _of_file(sources.root, name)]
    ground = answering.ground(
        bundle,
        _data(sources),
        rules,
        engine.version,
        [*given, *_of_store(known)],
        point,
        inventory.around if inventory else None,
    )
    if (
        inventory is not None
        and bundle.gatekeeper is not None
        and not inventory.want(ground.needs, HELD_WITHIN_S)
    ):
        LOG.warning("judged without the cluster's objects: %s", inventory.state()["unknown"])
    return ground


class Watcher:
    """Replaces a desk's ground when its sources or the store's waivers change."""

    def __init__(
        self,
        sources: Sources,
        desk: Desk,
        *,
        inventory: Inventory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem: str | None = None
        """Why the newest sources do not judge; None where they do."""
        self.replaced = 0
        self.refused = 0
        self._sources = sources
        self._desk = desk
        self._inventory = inventory
        self._clock = clock
        self._seen = self._state()
        self._old: list[tuple[float, str]] = []

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Take the sources as they are now, if they are others and whole."""
        desk = self._desk
        self._forget_old()
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        before = desk.ground
        try:
            ground = loaded(self._sources, desk.engine, desk.known, inventory=self._inventory)
        except GateError as error:
            self.refused += 1
            self.problem = str(error)
            LOG.error(
                "the new policies are refused, revision %s judges on: %s", before.bundle.revision, error
            )
            return
        self.problem = None
        self.replaced += 1
        desk.ground = ground
        if self._inventory is not None:
            self._inventory.only(ground.needs)
        LOG.info("revision %s judges from now on", ground.bundle.revision)
        if before.bundle.revision != ground.bundle.revision:
            self._old.append((self._clock() + KEPT_AFTER_S, before.bundle.revision))

    def _forget_old(self) -> None:
        now = self._clock()
        for until, revision in list(self._old):
            if now >= until:
                self._old.remove((until, revision))
                if revision != self._desk.ground.bundle.revision:
                    self._desk.engine.drop(revision)
                    self._desk.engine.drop(f"{revision}/gatekeeper")

    def _state(self) -> tuple[object, ...]:
        return (self._desk.known.waivers_version, *_states(self._sources.paths()))


def _states(paths: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What changes with the content of any file below `paths`."""
    found: list[tuple[str, int, int]] = []
    for path in paths:
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            try:
                state = one.stat()
            except OSError:
                continue
            found.append((str(one), state.st_mtime_ns, state.st_size))
    return found


def _data(sources: Sources) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in sources.data:
        parsed = yaml.parsed(files.content(sources.root / name, name, SettingsError), name, SettingsError)
        if not isinstance(parsed.value, dict):
            raise SettingsError("not an object", code="data_invalid", path=name, line=1, column=1)
        if found := settings.data_problems(parsed):
            raise SettingsError(problems=found)
        result = settings.merged(result, parsed.value)
    return result


def _of_file(root: Path, name: str) -> tuple[Waiver, ...]:
    parsed = yaml.parsed(files.content(root / name, name, WaiverError), name, WaiverError)
    return waiver_files.waivers(parsed.value, name, parsed.position)


def _of_store(known: Known) -> list[tuple[str | None, Waiver]]:
    """The store's waivers; one that is not understood waives nothing, and is told."""
    result: list[tuple[str | None, Waiver]] = []
    for one in known.waivers():
        name = f"waiver {one.waiver.get('id')} of {one.project}"
        try:
            read = waiver_files.waivers({"version": 1, "waivers": [one.waiver]}, name, lambda *_: (1, 1))
        except WaiverError as error:
            LOG.warning("it waives nothing: %s", error)
            continue
        result.extend((one.project, entry) for entry in read)
    return result
