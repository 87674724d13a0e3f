"""Jobs handed to whoever does them, on PostgreSQL: by procrastinate, put into its queue in the transaction of the job.

The queue only says that there is something to do; what became of it is in the table of jobs (gate/stores/jobs.py),
so a message that comes twice, or of a worker that died, does nothing twice. SQLite has one process, which looks.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import ProcrastinateException
from psycopg import Error
from sqlalchemy import Connection, text

from gate.stores.database import Database

SCHEMA: Final = "gate_jobs"
"""Where procrastinate's tables are: apart from ours."""
QUEUE: Final = "gate"
TASK: Final = "job"
LOG: Final = logging.getLogger("gate.jobs")
PAUSE_S: Final = 2.0
STALLED_EVERY_S: Final = 10.0
_DEFERRING: Final = App(connector=SyncPsycopgConnector())
"""Puts jobs into the queue on connections that it is given; it opens none."""


def handed_over(connection: Connection, job_id: str, run_at: datetime | None = None) -> None:
    """Put the job into the queue, visible with this transaction's end; nothing to do on SQLite."""
    if connection.dialect.name != "postgresql":
        return
    path = f"set_config('search_path', current_setting('search_path') || ',{SCHEMA}', true)"
    connection.execute(text(f"SELECT {path}"))
    task = _DEFERRING.configure_task(
        TASK, queue=QUEUE, schedule_at=run_at, connection=connection.connection.dbapi_connection
    )
    task.defer(job_id=job_id)


class Delivery:
    """A thread that is told of jobs by procrastinate and calls `done` for each; stop it."""

    def __init__(self, database: Database, name: str, done: Callable[[str], object]) -> None:
        self._database = database
        self._name = name
        self._done = done
        self._ends = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._running: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Finish the job that was begun, take no other."""
        self._ends.set()
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(timeout_s)

    def _cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._running = self._loop.create_task(self._listening())
        try:
            self._loop.run_until_complete(self._running)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _listening(self) -> None:
        while not self._ends.is_set():
            try:
                await self._listened()
            except (ProcrastinateException, Error, OSError) as error:
                LOG.warning("the queue of jobs does not answer: %s", type(error).__name__)
            await asyncio.sleep(PAUSE_S)

    async def _listened(self) -> None:
        connector = PsycopgConnector(
            conninfo=self._database.url_now()
            .set(drivername="postgresql")
            .render_as_string(hide_password=False),
            kwargs={"options": f"-c search_path={SCHEMA}", "application_name": "gate jobs"},
            min_size=1,
            max_size=4,
        )
        app = App(connector=connector)

        async def job(job_id: str) -> None:
            await asyncio.to_thread(self._done, job_id)

        app.task(name=TASK, queue=QUEUE)(job)
        async with app.open_async():
            stalled = asyncio.create_task(_freed(app))
            try:
                await app.run_worker_async(
                    queues=[QUEUE],
                    name=self._name,
                    install_signal_handlers=False,
                    delete_jobs="always",
                )
            finally:
                stalled.cancel()


async def _freed(app: App) -> None:
    """Put back, now and then, what workers held that died."""
    while True:
        await asyncio.sleep(STALLED_EVERY_S)
        for one in await app.job_manager.get_stalled_jobs(queue=QUEUE):
            await app.job_manager.retry_job(one)
