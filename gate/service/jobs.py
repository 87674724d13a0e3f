"""Work that follows from what people did: done by every server beside its requests, and by `gate worker`.

    1. take a job, for a while; 2. work out what is to be written; 3. write it and the job's end in one transaction,
    if it is still ours

Whoever dies on the way has written nothing: the job is taken by somebody else when its time is over. Whoever is
merely slow finds in step 3 that it is not theirs any more, and writes nothing either.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from gate import times
from gate.errors import GateError, ReportError, SettingsError, StoreError
from gate.service import expiry, keeping, putting_off, reevaluation, waiving
from gate.service.context import Service
from gate.service.evidence import NotAgain
from gate.service.metrics import OTHER
from gate.service.problems import Refusal
from gate.stores import events, jobs, projects
from gate.stores.database import Unavailable
from gate.stores.decisions import Overtaken
from gate.stores.jobs import Job, State
from gate.stores.projects import Project
from gate.stores.writer import Transaction, Work

if TYPE_CHECKING:
    from gate.stores.delivery import Delivery

LOG: Final = logging.getLogger("gate.jobs")
HELD_S: Final = 15.0
"""How long a job is waited for whose holder is not heard of; holders prolong it while they work."""
STOPS_WITHIN_S: Final = 60.0
TRIES: Final = 5
PAUSES_S: Final = (1.0, 5.0, 30.0, 120.0)
"""Before the second try, the third …"""
LOOK_EVERY_S: Final = 0.5
SWEEP_EVERY_S: Final = 10.0
"""How often it is looked for waivers that end."""
DROP_EVERY_S: Final = 3_600.0
"""How often it is looked for what is no longer kept."""
WAIT_FOR_OTHERS_S: Final = 10.0

Task = Callable[[Service, Project, Job], Work[dict[str, Any]]]


class _Lost(Exception):
    """The job is somebody else's by now."""


def _reevaluate(service: Service, project: Project, job: Job) -> Work[dict[str, Any]]:
    given = job.document
    return reevaluation.reevaluated(service, project, given["digest"], given["environment"], given["cause"])


def _look_at_waiver(service: Service, project: Project, job: Job) -> Work[dict[str, Any]]:
    return waiving.followed(service, project, job)


def _decide(service: Service, project: Project, job: Job) -> Work[dict[str, Any]]:
    return putting_off.decided(service, project, job)


TASKS: Final[Mapping[str, Task]] = {
    "decide": _decide,
    "reevaluate": _reevaluate,
    "waiver": _look_at_waiver,
}
"""Kind of job -> what works out its effect. Each may be run any number of times; its effect is written once."""


def done(service: Service, job_id: str, holder: str) -> Job | None:
    """The job, if it was free and is now done, failed or put back; None where somebody else has it."""
    now = service.now()
    until = times.sortable(now + timedelta(seconds=HELD_S))
    job = service.writer.submit(
        lambda transaction: jobs.taken(transaction.connection, job_id, holder, times.sortable(now), until)
    )
    if job is None:
        return None
    try:
        with _Holding(service, job, holder), service.metrics.job(job.kind if job.kind in TASKS else OTHER):
            effect = _effect(service, job)

        def finish(transaction: Transaction) -> None:
            result = effect(transaction)
            if not jobs.settled(
                transaction.connection, job, holder, State.SUCCEEDED, result, transaction.now
            ):
                raise _Lost

        service.writer.submit(finish)
    except _Lost:
        return None
    except (Refusal, ReportError, SettingsError, NotAgain) as error:
        # Asking again would be answered the same.
        _put_back(service, job, holder, error, is_last=True)
    except (Overtaken, GateError) as error:
        _put_back(service, job, holder, error)
    except Exception as error:
        LOG.exception("job %s of kind %s", job.id, job.kind)
        _put_back(service, job, holder, error)
    with service.database.reading() as connection:
        return jobs.by_id(connection, job_id)


class _Holding:
    """Prolongs the holding of a job while it is worked on."""

    def __init__(self, service: Service, job: Job, holder: str) -> None:
        self._service, self._job, self._holder = service, job, holder
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._prolong, name="holding", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_done.set()

    def _prolong(self) -> None:
        while not self._is_done.wait(HELD_S / 3):
            until = times.sortable(self._service.now() + timedelta(seconds=HELD_S))
            with suppress(Unavailable):
                self._service.writer.submit(partial(self._prolonged, until))

    def _prolonged(self, until: str, transaction: Transaction) -> bool:
        return jobs.prolonged(transaction.connection, self._job, self._holder, until)


def _effect(service: Service, job: Job) -> Work[dict[str, Any]]:
    with service.database.reading() as connection:
        project = projects.by_id(connection, job.project_id or "")
    if project is None or job.kind not in TASKS:
        raise StoreError(f"job {job.id} is of kind {job.kind[:40]!r}, or of no project", code="job_unknown")
    return TASKS[job.kind](service, project, job)


def _put_back(service: Service, job: Job, holder: str, error: Exception, *, is_last: bool = False) -> None:
    """Have it tried again later; after the last time it has failed, and everybody is told."""
    is_last = is_last or job.attempts >= TRIES

    def work(transaction: Transaction) -> None:
        connection = transaction.connection
        if not is_last:
            pause_s = PAUSES_S[min(job.attempts - 1, len(PAUSES_S) - 1)]
            later = times.sortable(service.now() + timedelta(seconds=pause_s))
            jobs.put_back(connection, job, holder, later)
            return
        said = error.detail if isinstance(error, Refusal) else str(error)
        reason = {"error": said[:1_000] or type(error).__name__, "code": _code(error)}
        if jobs.settled(connection, job, holder, State.FAILED, reason, transaction.now):
            events.told(
                connection,
                at=transaction.now,
                project_id=job.project_id,
                by=job.by,
                action="job.failed",
                target=job.id,
                kind=job.kind,
                **reason,
            )

    service.writer.submit(work)


def _code(error: Exception) -> str:
    if isinstance(error, GateError):
        return error.problems[0].code
    return error.code if isinstance(error, Refusal) else "internal_error"


def done_now(service: Service, job_id: str, holder: str) -> Job | None:
    """The job, done by us, or by whoever was faster; None where it is still not done after a while."""
    until = time.monotonic() + WAIT_FOR_OTHERS_S
    while True:
        job = done(service, job_id, holder)
        if job is None:
            with service.database.reading() as connection:
                job = jobs.by_id(connection, job_id)
        if job is None or job.state in (State.SUCCEEDED, State.FAILED):
            return job
        if job.state is State.QUEUED or time.monotonic() >= until or service.is_stopping:
            return None
        time.sleep(LOOK_EVERY_S / 10)


class Worker:
    """A thread that does jobs until the service stops; on PostgreSQL procrastinate tells it of them.

    It also looks by itself, often where nobody tells (SQLite), else now and then for what a dead worker left.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._holder = service.writer.name
        self._swept_at = self._dropped_at = -DROP_EVERY_S
        self._delivery = _delivery(service, self._holder)
        self._looks_every_s = LOOK_EVERY_S if self._delivery is None else SWEEP_EVERY_S / 2
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until the job that was begun is finished; the service must be stopping."""
        if self._delivery is not None:
            self._delivery.stop(STOPS_WITHIN_S)
        self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        while not self._service.is_stopping:
            try:
                found = self._one()
            except Unavailable as error:
                LOG.warning("the store does not answer, jobs wait: %s", error)
                found = False
            except Exception:  # the thread must not end: nothing would be looked at again
                LOG.exception("jobs")
                found = False
            if not found:
                self._service.jobs_wait.wait(self._looks_every_s)
                self._service.jobs_wait.clear()

    def _one(self) -> bool:
        if time.monotonic() - self._swept_at > SWEEP_EVERY_S:
            self._swept_at = time.monotonic()
            expiry.swept(self._service)
        keep_days = self._service.keep_days
        if keep_days is not None and time.monotonic() - self._dropped_at > DROP_EVERY_S:
            self._dropped_at = time.monotonic()
            keeping.dropped(self._service, keep_days)
        with self._service.database.reading() as connection:
            job_id = jobs.waiting(connection, self._service.now_text())
        if job_id is None:
            return False
        done(self._service, job_id, self._holder)
        return True


def _delivery(service: Service, holder: str) -> Delivery | None:
    if not service.database.is_postgresql:
        return None
    from gate.stores.delivery import Delivery  # noqa: PLC0415 - with PostgreSQL alone

    def told(job_id: str) -> None:
        try:
            done(service, job_id, holder)
        except Unavailable as error:
            LOG.warning("the store does not answer, job %s waits: %s", job_id, error)

    return Delivery(service.database, holder, told)
