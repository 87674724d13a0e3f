"""A server in this process, whose clock the test turns: the routes, store and engine are the real ones."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

import urllib3
import uvicorn

from gate import bootstrap
from gate.engines.embedded import Engine
from gate.service import expiry, jobs, server, shapes
from gate.service.app import application
from gate.service.context import Service
from gate.stores import jobs as stored_jobs
from gate.stores import migrations
from gate.stores.database import Database
from tests.service.server import ADMIN, Server


class Clocked(Server):
    """As `Server`; `forward` turns its clock, `settle` does every job that is due."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self._offset = timedelta()
        database = Database(database_url)
        migrations.migrated(database)
        engine = Engine(bootstrap.engine_executable(), children=1)
        shapes.prepared(engine)
        self.service = Service(database, engine=engine, clock=self.now, randomness=token_bytes)
        self._signed_in()
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = uvicorn.Config(
            application(self.service), port=self.port, lifespan="off", log_level="warning", ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self.port}"
        retries = urllib3.Retry(connect=200, backoff_factor=0.01, backoff_max=0.1, redirect=False)
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=20, timeout=60)
        self.pool.request("GET", "/livez", retries=retries)

    def now(self) -> datetime:
        """The server's clock."""
        return datetime.now(UTC) + self._offset

    def forward(self, by: timedelta) -> None:
        """Turn the clock; everybody's tokens are those of before."""
        self._offset += by
        self._signed_in()

    def settle(self) -> None:
        """Look for waivers that ended, and do every job that is due."""
        expiry.swept(self.service)
        while True:
            with self.service.database.reading() as connection:
                job_id = stored_jobs.waiting(connection, self.service.now_text())
            if job_id is None:
                return
            jobs.done(self.service, job_id, self.service.writer.name)

    def stop(self, sign: int = 0) -> int:
        """End it."""
        self.pool.close()
        self._server.should_exit = True
        self._thread.join(30)
        self.service.close()
        return sign

    def _signed_in(self) -> None:
        server.first_token(self.service, ADMIN)
