"""What is known of the store: decisions, aliases, admissions and waivers, in memory and on the disk.

The read model of admission (docs/adr/0006): changes arrive in pages (gate/feed.py), are applied in
order, and are kept in a file, so that a restart without the store knows what was known before. Nothing
here asks anybody or decides anything; how old the knowledge may be is the platform's to say.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from gate import limits, principals, times
from gate.errors import StoreError
from gate.feed import Admitted, Aliased, Change, Decided, Granted, Page, Waived
from gate.scales import Outcome

COMPACT_AFTER: Final = 50_000
"""Changes kept in the file beyond those that still say something, before it is written anew."""
PAGE_CHANGES: Final = 5_000
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far the store's clock may be ahead of this one where a grant begins."""
_PAGES: Final = msgspec.json.Decoder(Page)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The newest decision about one digest in one environment of one project."""

    project: str
    environment: str
    decision_id: str
    outcome: Outcome
    decided_at_s: float
    expires_at_s: float
    """Seconds since 1970; infinite where it does not expire."""
    revision: str
    is_revoked: bool


class Known:
    """The knowledge, safe to ask from the loop while a thread applies pages.

    Each page replaces entries of dictionaries one by one: an answer sees every digest either before
    or after its change, never between.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.last = 0
        self.as_of: datetime | None = None
        """When all of this was true, by the store's clock; None: nothing is known."""
        self._verdicts: dict[bytes, tuple[Verdict, ...]] = {}
        self._same: dict[bytes, tuple[bytes, ...]] = {}
        self._admitted: set[tuple[str, str, bytes]] = set()
        self._waivers: dict[tuple[str, str], Waived] = {}
        self._grants: dict[str, Granted] = {}
        self.waivers_version = 0
        """Rises with every change of a waiver."""

    def __len__(self) -> int:
        return len(self._verdicts)

    def apply(self, page: Page) -> None:
        """Take in `page`; one of another epoch voids everything known before.

        Raises `StoreError` where the page does not follow what is known.
        """
        as_of = times.instant(page.as_of)
        if as_of is None or page.last < max((one.sequence for one in page.changes), default=0):
            raise _unusable("as_of is no time, or last is before its changes")
        if page.epoch == self.epoch and page.last < self.last:
            raise _unusable(f"it ends at {page.last}, {self.last} was known already")
        if page.epoch != self.epoch:
            self._forget()
        for change in page.changes:
            self._take(change)
        self.epoch, self.last, self.as_of = page.epoch, page.last, as_of

    def age_s(self, now: datetime) -> float | None:
        """How old the knowledge is; None where there is none. Negative where the clocks disagree."""
        return None if self.as_of is None else (now - self.as_of).total_seconds()

    def verdicts(self, digest: str, environment: str, project: str | None) -> tuple[Verdict, ...]:
        """Decisions about `digest` or an alias of it in `environment`, of `project` where that is given."""
        return tuple(
            verdict
            for one in self._aliases(digest)
            for verdict in self._verdicts.get(one, ())
            if verdict.environment == environment and project in (None, verdict.project)
        )

    def is_admitted(self, digest: str, environment: str, project: str) -> bool:
        """Whether `digest` or an alias of it was wholly allowed before in `environment`."""
        return any((project, environment, one) in self._admitted for one in self._aliases(digest))

    def admit(self, digest: str, environment: str, project: str) -> None:
        """Note an admission of this process before the store tells of it."""
        self._admitted.add((project, environment, _bytes(digest)))

    def waivers(self) -> list[Waived]:
        """Those in force, whatever their expiry."""
        return [one for one in list(self._waivers.values()) if one.is_in_force]

    @property
    def has_grants(self) -> bool:
        """Whether there is any break-glass to look at."""
        return bool(self._grants)

    def grant(self, namespace: str, digests: Iterable[str], now: datetime) -> Granted | None:
        """The break-glass that covers an object of `namespace` with images of `digests` at `now`.

        What the store should never have told is looked at again: one person, more hours than allowed.
        """
        for one in list(self._grants.values()):
            starts, until = times.instant(one.starts), times.instant(one.until)
            if not one.is_in_force or one.namespace != namespace or starts is None or until is None:
                continue
            is_short = until - starts <= timedelta(hours=limits.BREAK_GLASS_HOURS)
            are_two = not principals.may_be_same(one.requested_by, one.approved_by)
            is_meant = not one.digests or (bool(given := set(digests)) and given <= set(one.digests))
            if is_short and are_two and is_meant and starts <= now + CLOCK_SKEW and now < until:
                return one
        return None

    def changes(self) -> Iterator[Change]:
        """Everything known, as changes that give it again."""
        for digest, verdicts in list(self._verdicts.items()):
            for one in verdicts:
                yield _decided(digest, one)
        for group in set(self._same.copy().values()):
            yield Aliased(sequence=0, at="", digests=tuple(map(_text, group)))
        for project, environment, digest in list(self._admitted):
            yield Admitted(sequence=0, at="", project=project, environment=environment, digest=_text(digest))
        yield from self._waivers.values()
        yield from self._grants.values()

    def size(self) -> int:
        """How many changes `changes` gives."""
        return (
            sum(map(len, self._verdicts.values()))
            + len(self._same)
            + len(self._admitted)
            + len(self._waivers)
            + len(self._grants)
        )

    def _forget(self) -> None:
        self._verdicts, self._same, self._admitted, self._waivers = {}, {}, set(), {}
        self._grants = {}
        self.waivers_version += 1

    def _take(self, change: Change) -> None:
        match change:
            case Decided():
                key = _bytes(change.digest)
                rest = [
                    one
                    for one in self._verdicts.get(key, ())
                    if (one.project, one.environment) != (change.project, change.environment)
                ]
                self._verdicts[key] = (*rest, _verdict(change))
            case Aliased():
                group = {one for digest in change.digests for one in self._aliases(digest)}
                ordered = tuple(sorted(group))
                for one in ordered:
                    self._same[one] = ordered
            case Admitted():
                self._admitted.add((change.project, change.environment, _bytes(change.digest)))
            case Waived():
                self._waivers[change.project, str(change.waiver.get("id"))] = change
                self.waivers_version += 1
            case Granted():
                self._grants[change.id] = change

    def _aliases(self, digest: str) -> tuple[bytes, ...]:
        key = _bytes(digest)
        return self._same.get(key) or (key,)


class Kept:
    """`Known`, kept in a file of pages: applied only once it is on the disk, one line a page."""

    def __init__(self, path: Path) -> None:
        self.known = Known()
        self._path = path
        self._lock = threading.Lock()
        self._lines = 0
        self._load()

    def take(self, page: Page) -> None:
        """Keep `page`, then apply it.

        Raises `StoreError` where it cannot be written (it is applied all the same: knowing a
        revocation matters more than remembering it).
        """
        with self._lock:
            is_other = page.epoch != self.known.epoch
            self.known.apply(page)
            try:
                if is_other or self._lines > self.known.size() + COMPACT_AFTER:
                    self._write_anew()
                else:
                    self._append(page)
            except OSError as error:
                raise StoreError(
                    "what is known of the store cannot be kept",
                    path=str(self._path),
                    found=str(error),
                    fix="make room or mend the folder; until then a restart knows less",
                ) from None

    def _load(self) -> None:
        """Read the file as far as it is whole: what is missing at its end is asked for again."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        for line in content.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                page = _PAGES.decode(line)
                self.known.apply(page)
            except (msgspec.DecodeError, StoreError):
                # After a damaged line nothing is known to be whole: start from nothing.
                self.known = Known()
                break
            self._lines += len(page.changes) + 1
        self._write_anew()

    def _append(self, page: Page) -> None:
        self._lines += len(page.changes) + 1
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(page) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _write_anew(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        self._lines = 0
        with fresh.open("wb") as file:
            for changes in _batches(self.known.changes()):
                page = self._page(changes)
                self._lines += len(changes) + 1
                file.write(msgspec.json.encode(page) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _page(self, changes: tuple[Change, ...]) -> Page:
        as_of = self.known.as_of
        return Page(
            epoch=self.known.epoch,
            as_of=times.rfc3339(as_of) if as_of else "",
            last=self.known.last,
            has_more=False,
            changes=changes,
        )


def _batches(changes: Iterable[Change]) -> Iterator[tuple[Change, ...]]:
    batch: list[Change] = []
    for change in changes:
        batch.append(change)
        if len(batch) == PAGE_CHANGES:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _verdict(change: Decided) -> Verdict:
    decided = times.instant(change.decided_at)
    expires = times.instant(change.expires_at) if change.expires_at else None
    return Verdict(
        project=change.project,
        environment=change.environment,
        decision_id=change.decision_id,
        outcome=change.outcome,
        # A time that is not understood is long ago: the decision counts as old and as expired.
        decided_at_s=decided.timestamp() if decided else 0.0,
        expires_at_s=(expires.timestamp() if expires else 0.0) if change.expires_at else float("inf"),
        revision=change.policy_revision,
        is_revoked=change.revoked_at is not None,
    )


def _decided(digest: bytes, one: Verdict) -> Decided:
    return Decided(
        sequence=0,
        at="",
        project=one.project,
        environment=one.environment,
        digest=_text(digest),
        decision_id=one.decision_id,
        outcome=one.outcome,
        decided_at=_time(one.decided_at_s),
        expires_at=None if one.expires_at_s == float("inf") else _time(one.expires_at_s),
        policy_revision=one.revision,
        revoked_at=_time(0.0) if one.is_revoked else None,
    )


def _time(seconds: float) -> str:
    return times.rfc3339(datetime.fromtimestamp(seconds, UTC))


def _bytes(digest: str) -> bytes:
    """Half the memory of the text; what is no digest stays a text of its own."""
    try:
        return bytes.fromhex(digest.removeprefix("sha256:"))
    except ValueError:
        return digest.encode()


def _text(digest: bytes) -> str:
    return f"sha256:{digest.hex()}" if len(digest) == 32 else digest.decode()


def _unusable(found: str) -> StoreError:
    return StoreError(
        "a page of changes cannot be used", code="feed_invalid", found=found, fix="ask for everything anew"
    )
