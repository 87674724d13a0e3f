"""Jobs: done once, whoever dies; on PostgreSQL by any number of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from gate import times
from gate.stores import jobs, migrations, projects
from gate.stores.database import Database
from gate.stores.jobs import Job, State
from gate.stores.schema import DECISIONS, EVENTS, JOBS
from gate.stores.writer import Transaction, Writer
from tests.command import BANDIT_EVAL, gate
from tests.service import postgresql
from tests.service.server import Server

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = times.sortable(NOW + timedelta(minutes=1))
SETTINGS = "version: 1\nenvironments: [{name: staging}]\n"


@pytest.fixture
def writer(store_url: str) -> Iterator[Writer]:
    with closing(Database(store_url)) as database:
        migrations.migrated(database)
        with closing(Writer(database, os.urandom, lambda: NOW)) as writing:
            writing.submit(lambda t: projects.created(t.connection, "p", "acme/web", t.now))
            writing.submit(_queued)
            yield writing


def _queued(transaction: Transaction) -> None:
    jobs.queued(
        transaction.connection,
        "j",
        kind="reevaluate",
        project_id="p",
        document={},
        by="wei",
        at=transaction.now,
    )


def _taken(writer: Writer, holder: str, now: str = times.sortable(NOW), until: str = LATER) -> Job | None:
    return writer.submit(lambda t: jobs.taken(t.connection, "j", holder, now, until))


def _settled(writer: Writer, job: Job, holder: str) -> bool:
    return writer.submit(lambda t: jobs.settled(t.connection, job, holder, State.SUCCEEDED, {}, t.now))


def test_a_job_is_taken_by_one(writer: Writer) -> None:
    first, second = _taken(writer, "a"), _taken(writer, "b")

    assert (1, None) == (first and first.attempts, second)


def test_a_job_of_whoever_is_not_heard_of_is_taken_by_another_and_ended_by_them_alone(writer: Writer) -> None:
    first = _taken(writer, "a")
    after = times.sortable(NOW + timedelta(minutes=2))
    second = _taken(writer, "b", after, times.sortable(NOW + timedelta(minutes=3)))

    assert first is not None
    assert second is not None
    assert (False, True, False) == (
        _settled(writer, first, "a"),
        _settled(writer, second, "b"),
        _settled(writer, second, "b"),
    )


def test_a_job_that_was_prolonged_stays_with_its_holder(writer: Writer) -> None:
    job = _taken(writer, "a")
    assert job is not None
    writer.submit(lambda t: jobs.prolonged(t.connection, job, "a", "2026-11-22T11:00:00.000000Z"))

    assert _taken(writer, "b", times.sortable(NOW + timedelta(minutes=2))) is None


def test_a_job_is_not_there_where_its_transaction_is_not(writer: Writer) -> None:
    def failing(transaction: Transaction) -> None:
        jobs.queued(
            transaction.connection,
            "never",
            kind="waiver",
            project_id="p",
            document={},
            by="wei",
            at=transaction.now,
        )
        raise LookupError

    with pytest.raises(LookupError):
        writer.submit(failing)

    assert writer.submit(lambda t: jobs.by_id(t.connection, "never")) is None


# ------------------------------------------------------------------------------------- processes


class Worker:
    """One `gate worker`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("gate"), "worker"],
            cwd=folder,
            env={**os.environ, "GATE_DATABASE_URL": url},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        assert "gate does jobs" in self.process.stderr.readline()

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        code = self.process.wait(60)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


def _decided(server: Server, project: str, token: str) -> str:
    digest = f"sha256:{uuid4().hex}{uuid4().hex}"
    meta = {"environment": "staging", "subject": {"name": "web", "digest": digest, "author": "wei"}}
    assert server.decide(project, BANDIT_EVAL, meta=meta, token=token).status == 201
    return digest


def _until(holds: Callable[[], bool], within_s: float = 60.0) -> bool:
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            return False
    return True


def test_workers_that_are_killed_lose_no_job_and_double_none(cluster: Path, tmp_path: Path) -> None:
    url = postgresql.created(cluster)
    with Server(tmp_path / "server", url) as server:
        project = server.project("acme/web", SETTINGS)
        ci = server.token("ci", project, "ci-bot")
        digests = {_decided(server, project, ci) for _ in range(20)}
        asks = server.token("developer", project, "wei@example.com")
        approves = server.token("approver", project, "lin@example.com")
        entry = {
            "project": project,
            "match": {"rule": "GATE-CODE-002"},
            "reason": "false_positive",
            "note": "a constant",
            "expires": f"{datetime.now(UTC) + timedelta(days=5):%Y-%m-%d}",
        }
        waiver = server.json("POST", "/api/v1/waivers", entry, token=asks).json
        workers = [Worker(tmp_path, url) for _ in range(2)]
        try:
            approved = server.json(
                "POST",
                f"/api/v1/waivers/{waiver['id']}/approve",
                {"sha256": waiver["sha256"]},
                token=approves,
            )
            # The server and one worker die with jobs in their hands; the other worker is alone with them.
            server.stop(signal.SIGKILL)
            workers[0].stop(signal.SIGKILL)
            with closing(Database(url)) as database:
                is_done = _until(lambda: not _open_jobs(database))
                passed, told = _outcomes(database)
                held = _all_jobs(database)
        finally:
            codes = [worker.stop() for worker in workers]

    assert approved.status == 200
    assert is_done, held
    assert dict.fromkeys(digests, 1) == passed
    assert 20 == told
    assert -signal.SIGKILL == codes[0]
    assert 0 == codes[1]


def _open_jobs(database: Database) -> list[Any]:
    with database.reading() as connection:
        query = select(JOBS.c.id).where(JOBS.c.state.in_(("queued", "running")))
        return list(connection.execute(query))


def _all_jobs(database: Database) -> list[Any]:
    with database.reading() as connection:
        return [(row.kind, row.state, row.attempts) for row in connection.execute(select(JOBS))]


def _outcomes(database: Database) -> tuple[dict[str, int], int]:
    """Passing decisions by digest, and how many were told of as made again."""
    passed: dict[str, int] = {}
    with database.reading() as connection:
        query = select(DECISIONS.c.subject_digest).where(DECISIONS.c.outcome == "pass")
        for digest in connection.execute(query).scalars():
            passed[digest] = passed.get(digest, 0) + 1
        is_told = EVENTS.c.action == "decision.reevaluated"
        return passed, len(list(connection.execute(select(EVENTS).where(is_told))))


def test_a_queue_tells_a_worker_of_what_another_process_wrote_down(cluster: Path, tmp_path: Path) -> None:
    url = postgresql.created(cluster)
    with closing(Database(url)) as database:
        migrations.migrated(database)
        with closing(Writer(database, os.urandom, lambda: datetime.now(UTC))) as writing:
            writing.submit(lambda t: projects.created(t.connection, "p", "acme/web", t.now))
            writing.submit(lambda t: projects.replaced(t.connection, "p", 0, SETTINGS, [], "admin", t.now))
            worker = Worker(tmp_path, url)
            try:
                document = {"waiver": "w", "cause": "revoked", "decisions": []}
                writing.submit(
                    lambda t: jobs.queued(
                        t.connection,
                        "j",
                        kind="waiver",
                        project_id="p",
                        document=document,
                        by="wei",
                        at=t.now,
                    )
                )
                is_done = _until(lambda: not _open_jobs(database))
                is_heard = _until(lambda: _told(database) == 0)
            finally:
                code = worker.stop()

    assert is_done
    assert is_heard
    assert 0 == code


def _told(database: Database) -> int:
    """What procrastinate has not handed to a worker yet."""
    with database.reading() as connection:
        query = text("SELECT count(*) FROM gate_jobs.procrastinate_jobs")
        return int(connection.execute(query).scalar_one())


def test_a_worker_without_postgresql_is_told_where_jobs_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_DATABASE_URL", raising=False)
    result = gate(tmp_path, "worker")

    assert 2 == result.code
    assert "gate serve" in result.err
