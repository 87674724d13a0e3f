"""The store followed over HTTP, and told: changes in, records of admission out (docs/adr/0006).

Two threads beside the loop, each patient: an absent store is asked again with growing pauses, and
nothing that was recorded here is forgotten before the store has said that it keeps it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import urllib3

from gate.admission.known import Kept
from gate.errors import StoreError
from gate.feed import AdmissionRecord, Page

WAIT_S: Final = 20.0
"""How long a question for changes may stay open."""
MARGIN_S: Final = 10.0
PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SEND_EVERY_S: Final = 1.0
RECORDS: Final = 500
"""Most records in one message."""
LOG: Final = logging.getLogger("gate.admission")
_PAGES: Final = msgspec.json.Decoder(Page)


class _Line(msgspec.Struct):
    record: msgspec.Raw


_LINES: Final = msgspec.json.Decoder(_Line)


class Store:
    """The service's two addresses."""

    def __init__(self, url: str, token_file: Path | None, ca: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._pool = urllib3.PoolManager(ca_certs=str(ca) if ca else None, retries=False, maxsize=2)

    def page(self, epoch: str, after: int, wait_s: float) -> Page:
        """The changes after `after`; raises `StoreError` where the service does not answer."""
        fields = {"after": str(after), "wait": f"{wait_s:g}"} | ({"epoch": epoch} if epoch else {})
        answer = self._asked("GET", "/api/v1/admission/changes", timeout_s=wait_s + MARGIN_S, fields=fields)
        try:
            return _PAGES.decode(answer)
        except msgspec.DecodeError as error:
            raise _unreachable(self._url, f"an answer that is no page: {error}") from None

    def keep(self, records: list[msgspec.Raw]) -> None:
        """Have the records kept; raises `StoreError` where the service did not say so."""
        body = msgspec.json.encode(records)
        self._asked("POST", "/api/v1/admission/records", timeout_s=MARGIN_S, body=body)

    def _asked(self, method: str, path: str, *, timeout_s: float, **more: Any) -> bytes:
        headers = {"Accept": "application/json"}
        if "body" in more:
            headers["Content-Type"] = "application/json"
        if self._token_file is not None:
            # Read each time: a mounted token is replaced while this runs.
            headers["Authorization"] = f"Bearer {self._token_file.read_text('utf-8').strip()}"
        try:
            answer = self._pool.request(
                method, f"{self._url}{path}", headers=headers, timeout=timeout_s, redirect=False, **more
            )
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(self._url, str(error)[:200]) from None
        if answer.status != 200:
            raise _unreachable(self._url, f"HTTP {answer.status}")
        return bytes(answer.data)


class Follower:
    """A thread that keeps what is known of the store recent."""

    def __init__(self, kept: Kept, ask: Callable[[str, int, float], Page]) -> None:
        self.error: str | None = None
        """Why the last question failed; None where it did not."""
        self._kept = kept
        self._ask = ask
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="admission feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a question that is open is left to end by itself."""
        self._ends.set()

    def _run(self) -> None:
        failures = 0
        while not self._ends.is_set():
            try:
                self.step(WAIT_S)
            except (StoreError, OSError) as error:
                self.error = str(error)
                if failures == 0:
                    LOG.warning("the store is not heard of: %s", error)
                self._ends.wait(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
                failures += 1
            else:
                failures, self.error = 0, None

    def step(self, wait_s: float) -> None:
        """Ask once and take what is told; raises `StoreError`."""
        known = self._kept.known
        page = self._ask(known.epoch, known.last, wait_s)
        try:
            self._kept.take(page)
        except StoreError as error:
            if error.problems[0].code == "feed_invalid":
                known.epoch, known.last = "", 0
            raise


class Forwarder:
    """A thread that hands the spools of a folder to the store and removes those of others that are done.

    How far a spool was handed over stands beside it (`NAME.sent`), so that nothing is lost by a restart.
    """

    def __init__(self, folder: Path, own: Path, keep: Callable[[list[msgspec.Raw]], None]) -> None:
        self.error: str | None = None
        self._folder = folder
        self._own = own
        self._keep = keep
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="admission records", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Hand over no more."""
        self._ends.set()

    def _run(self) -> None:
        failures = 0
        while not self._ends.wait(
            SEND_EVERY_S if failures == 0 else PAUSES_S[min(failures, len(PAUSES_S)) - 1]
        ):
            try:
                self.step()
            except (StoreError, OSError) as error:
                if failures == 0:
                    LOG.warning("records of admission wait in %s: %s", self._folder, error)
                self.error = str(error)
                failures += 1
            else:
                failures, self.error = 0, None

    def step(self) -> None:
        """Hand over everything that is there; raises `StoreError`."""
        for spool in sorted(self._folder.glob("*.jsonl")):
            mark = spool.with_suffix(".sent")
            sent = int(mark.read_text("ascii")) if mark.exists() else 0
            for records, end in _batches(spool, sent):
                self._keep(records)
                fresh = mark.with_suffix(".sent-new")
                fresh.write_text(str(end), "ascii")
                fresh.replace(mark)
                sent = end
            if spool != self._own and sent >= spool.stat().st_size:
                spool.unlink()
                mark.unlink(missing_ok=True)


def _batches(spool: Path, sent: int) -> Iterator[tuple[list[msgspec.Raw], int]]:
    """Records from byte `sent` on, and the byte after each batch; a line without its end is not whole yet."""
    with spool.open("rb") as file:
        file.seek(sent)
        batch: list[msgspec.Raw] = []
        for line in file:
            if not line.endswith(b"\n"):
                break
            sent += len(line)
            batch.append(_LINES.decode(line).record)
            if len(batch) == RECORDS:
                yield batch, sent
                batch = []
    if batch:
        yield batch, sent


def records(spool: Path) -> list[AdmissionRecord]:
    """Everything in one spool."""
    return [
        msgspec.json.decode(raw, type=AdmissionRecord) for batch, _ in _batches(spool, 0) for raw in batch
    ]


def _unreachable(url: str, found: str) -> StoreError:
    return StoreError("the service did not answer", code="store_unavailable", path=url, found=found)
