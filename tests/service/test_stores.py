"""The store: one writer, whole chains, no second process, no newer schema."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, select, text

from gate.errors import StoreError
from gate.feed import Decided
from gate.ids import uuid7
from gate.model import Decision, Outcome, PolicySet, Subject
from gate.stores import chains, changes, decisions, migrations, projects
from gate.stores.columns import METADATA
from gate.stores.database import Clash, Database, is_fixed
from gate.stores.decisions import Recording
from gate.stores.packing import packed
from gate.stores.schema import STATE
from gate.stores.writer import Transaction, Writer
from tests.service import postgresql

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
SECONDS = itertools.count()


def clock() -> datetime:
    return NOW


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    with closing(Database(store_url)) as opened:
        migrations.migrated(opened)
        yield opened


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    with closing(Writer(database, os.urandom, clock)) as writing:
        writing.submit(lambda transaction: changes.begun(transaction.connection, "epoch"))
        writing.submit(a_project)
        yield writing


def a_project(transaction: Transaction) -> None:
    projects.created(transaction.connection, "p", "acme/web", transaction.now)
    projects.replaced(transaction.connection, "p", 0, "version: 1\n", [], "wei", transaction.now)


def a_decision(outcome: Outcome = Outcome.PASS, digest: str = DIGEST) -> Decision:
    return Decision(
        decision_id=uuid7(NOW + timedelta(seconds=next(SECONDS)), os.urandom(10)),
        outcome=outcome,
        project="acme/web",
        environment="staging",
        subject=Subject(name="web", digest=digest),
        policy=PolicySet(revision=DIGEST, engine="opa", packages=("policy.x",)),
        input_sha256=DIGEST,
        decided_at="2026-11-22T10:00:00Z",
        gate_version="0",
    )


def a_recording(decision: Decision) -> Recording:
    return Recording(
        decision=decision,
        project_id="p",
        project="acme/web",
        by="wei",
        settings_version=1,
        input=packed(b"{}"),
        is_masked=False,
        view=packed(b"{}"),
        reports=(),
        findings=(),
        components=(),
    )


def record(writer: Writer, decision: Decision) -> None:
    recording = a_recording(decision)
    writer.submit(lambda transaction: decisions.recorded(transaction, recording))


def tampered(database: Database, statement: str, **values: Any) -> None:
    with database.writing() as connection:
        assert connection.execute(text(statement), values).rowcount > 0


# ------------------------------------------------------------------------------------ migrations


def test_the_steps_lead_to_the_schema(database: Database) -> None:
    with database.reading() as connection:
        assert [] == compare_metadata(MigrationContext.configure(connection), METADATA)


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert (migrations.head(), migrations.head()) == migrations.migrated(database)


def test_a_newer_store_is_refused_and_left_alone(database: Database) -> None:
    tampered(database, "UPDATE alembic_version SET version_num = '9999'")
    for refusing in (migrations.migrated, migrations.refuse_other):
        with pytest.raises(StoreError, match="newer gate"):
            refusing(database)
    with database.reading() as connection:
        assert "9999" == migrations.current(connection)


def test_a_store_without_tables_is_not_served(store_url: str) -> None:
    with closing(Database(store_url)) as opened, pytest.raises(StoreError, match="older schema"):
        migrations.refuse_other(opened)


def test_many_that_migrate_at_once_migrate_once(request: pytest.FixtureRequest) -> None:
    url = postgresql.created(request.getfixturevalue("cluster"))

    def migrate(_: int) -> str | None:
        with closing(Database(url)) as opened:
            return migrations.migrated(opened)[0]

    with ThreadPoolExecutor(4) as pool:
        before = list(pool.map(migrate, range(4)))

    assert [None] == [one for one in before if one is None]
    assert 3 == before.count(migrations.head())


# ---------------------------------------------------------------------------------------- SQLite


def test_a_second_process_is_kept_out_with_a_message(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'gate.db'}"
    with closing(Database(url)):
        second = subprocess.run(
            [Path(sys.executable).with_name("gate"), "migrate", "--data-dir", tmp_path],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GATE_DATABASE_URL": ""},
        )

    assert 3 == second.returncode
    assert f"(process {os.getpid()})" in second.stderr


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gate.db"
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(StoreError, match="damaged or no database"):
        Database(f"sqlite:///{path}")

    assert b"not a database" * 1_000 == path.read_bytes()


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
    ],
)
def test_which_versions_lose_no_commit_is_known(version: tuple[int, int, int], fixed: bool) -> None:
    assert fixed == is_fixed(version)


def test_sqlite_waits_for_the_disk_and_only_the_writer_writes(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'gate.db'}")) as opened:
        names = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema")
        with opened.writing() as writing:
            found = [writing.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
        with opened.reading() as reading:
            other = [
                reading.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("query_only", "wal_autocheckpoint")
            ]

    assert ["wal", 2, 1, 0] == found
    assert [1, 0] == other


@pytest.mark.parametrize("url", ["", "x", "mysql://a:secret@b/c", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_is_not_understood_is_not_repeated(url: str) -> None:
    with pytest.raises(StoreError, match="database URL") as raised:
        Database(url)

    assert "secret" not in str(raised.value)


# ------------------------------------------------------------------------------------ the writer


def test_work_that_fails_takes_nothing_else_with_it(database: Database, writer: Writer) -> None:
    def put(name: str) -> None:
        writer.submit(
            lambda transaction: transaction.connection.execute(insert(STATE), {"name": name, "value": "x"})
        )

    with ThreadPoolExecutor(16) as pool:
        done = [pool.submit(put, f"name-{number % 8}") for number in range(16)]
    failures = [future.exception() for future in done]
    with database.reading() as connection:
        names = connection.execute(select(STATE.c.name).where(STATE.c.name.like("name-%"))).scalars().all()

    assert 8 == sum(isinstance(failure, Clash) for failure in failures)
    assert {f"name-{number}" for number in range(8)} == set(names)


def test_a_decision_that_fails_leaves_no_gap_in_the_chain(database: Database, writer: Writer) -> None:
    twice = a_decision()
    record(writer, twice)
    with pytest.raises(Clash):
        record(writer, twice)
    record(writer, a_decision())
    with database.snapshot() as connection:
        assert (2, 1) == (chains.verified(connection).decisions, chains.verified(connection).chains)


def test_decisions_that_fail_among_others_in_one_commit_leave_no_gap(
    database: Database, writer: Writer
) -> None:
    given = [a_decision() for _ in range(8)]
    lost = msgspec.structs.replace(a_recording(a_decision()), project_id="nobody's")
    recordings = [*map(a_recording, given), lost, *map(a_recording, given), a_recording(a_decision())]
    hold = Event()
    with ThreadPoolExecutor(32) as pool:
        first = pool.submit(writer.submit, lambda _: hold.wait(30))
        done = [
            pool.submit(writer.submit, partial(_recorded, recording=recording)) for recording in recordings
        ]
        hold.set()
        first.result()
        failures = [type(future.exception()) for future in done]
    with database.snapshot() as connection:
        verified = chains.verified(connection)

    assert 9 == failures.count(Clash)
    assert Clash is failures[8]
    assert (9, 1) == (verified.decisions, verified.chains)


def _recorded(transaction: Transaction, recording: Recording) -> None:
    decisions.recorded(transaction, recording)


def test_work_sees_what_it_was_to_write_later(writer: Writer) -> None:
    decision = a_decision()

    def work(transaction: Transaction) -> str | None:
        decisions.recorded(transaction, a_recording(decision))
        found = decisions.summary(transaction.connection, decision.decision_id)
        return found.outcome if found is not None else None

    assert "pass" == writer.submit(work)


def test_each_process_has_its_chain_and_sees_where_the_others_end(database: Database, writer: Writer) -> None:
    record(writer, a_decision())
    with closing(Writer(database, os.urandom, clock)) as other:
        record(other, a_decision())
    with database.snapshot() as connection:
        assert 2 == chains.verified(connection).chains
    tampered(
        database,
        "DELETE FROM decision_documents WHERE decision_id = (SELECT MIN(d.id) FROM decisions d, anchors a "
        "WHERE d.writer = a.chain)",
    )
    with database.snapshot() as connection, pytest.raises(StoreError, match="its line of the record is gone"):
        chains.verified(connection)


def test_an_end_that_was_cut_off_shows(database: Database, writer: Writer) -> None:
    record(writer, a_decision())
    with closing(Writer(database, os.urandom, clock)) as other:
        record(other, a_decision())
    for table, column in (
        ("decision_documents", "decision_id"),
        ("releases", "decision_id"),
        ("decisions", "id"),
    ):
        tampered(
            database,
            f"DELETE FROM {table} WHERE {column} IN (SELECT d.id FROM decisions d, anchors a "  # noqa: S608
            "WHERE d.writer = a.chain)",
        )
    with database.snapshot() as connection, pytest.raises(StoreError, match="was there when another process"):
        chains.verified(connection)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "pass"),
        ("environment", "production"),
        ("subject_digest", "sha256:" + "b" * 64),
        ("expires_at", "2099-01-01T00:00:00Z"),
        ("policy_revision", "x"),
        ("digest", "x"),
    ],
)
def test_a_changed_column_shows(database: Database, writer: Writer, column: str, value: str) -> None:
    record(writer, a_decision(Outcome.FAIL))
    tampered(database, f"UPDATE decisions SET {column} = :value", value=value)  # noqa: S608
    with database.snapshot() as connection, pytest.raises(StoreError, match=f"{column} of its row"):
        chains.verified(connection)


def test_one_flipped_bit_of_a_line_shows(database: Database, writer: Writer) -> None:
    decision = a_decision(Outcome.FAIL)
    record(writer, decision)
    with database.reading() as connection:
        line = bytearray(decisions.line(connection, decision.decision_id))
    line[len(line) // 2] ^= 1
    tampered(database, "UPDATE decision_documents SET line = :line", line=packed(bytes(line)))
    with database.snapshot() as connection, pytest.raises(StoreError):
        chains.verified(connection)


# -------------------------------------------------------------------------------------- the feed


def test_the_feed_tells_of_each_decision_about_a_digest_in_order(database: Database, writer: Writer) -> None:
    made = [a_decision(outcome) for outcome in (Outcome.PASS, Outcome.FAIL)]
    for decision in made:
        record(writer, decision)
    with database.reading() as connection:
        first = changes.page(connection, "epoch", 0, "now", limit=1)
        second = changes.page(connection, "epoch", first.last, "now", limit=1)
        rest = changes.page(connection, "epoch", second.last, "now")
    told = [change for page in (first, second) for change in page.changes]

    assert [decision.decision_id for decision in made] == [
        change.decision_id for change in told if isinstance(change, Decided)
    ]
    assert (True, False, (), second.last) == (first.has_more, rest.has_more, rest.changes, rest.last)


def test_another_epoch_begins_again(database: Database, writer: Writer) -> None:
    record(writer, a_decision())
    with database.reading() as connection:
        page = changes.page(connection, "the one before it was restored", 99, "now")

    assert ("epoch", 1) == (page.epoch, len(page.changes))


def test_a_reader_of_the_feed_never_skips_a_change_of_another_process(
    request: pytest.FixtureRequest,
) -> None:
    """Four writers at once; whoever reads meanwhile must have read all of it at the end."""
    url = postgresql.created(request.getfixturevalue("cluster"))
    with closing(Database(url)) as opened:
        migrations.migrated(opened)
        writers = [Writer(opened, os.urandom, clock) for _ in range(4)]
        writers[0].submit(lambda transaction: changes.begun(transaction.connection, "epoch"))
        writers[0].submit(a_project)
        seen: list[int] = []

        def read() -> None:
            with opened.reading() as connection:
                page = changes.page(connection, "epoch", seen[-1] if seen else 0, "now")
            seen.extend(change.sequence for change in page.changes)

        with ThreadPoolExecutor(16) as pool:
            done = [pool.submit(record, writers[number % 4], a_decision()) for number in range(200)]
            while not all(future.done() for future in done):
                read()
        read()
        for one in writers:
            one.close()
        with opened.reading() as connection:
            there = connection.execute(text("SELECT sequence FROM changes ORDER BY sequence")).scalars().all()

    assert [] == [future.exception() for future in done if future.exception()]
    assert list(there) == seen
    assert 200 == len(seen)


def test_a_revoked_decision_counts_as_none_and_so_does_what_it_replaced(
    database: Database, writer: Writer
) -> None:
    record(writer, a_decision())
    newer = a_decision()
    record(writer, newer)
    tampered(database, "UPDATE decisions SET revoked_at = 'now' WHERE id = :id", id=newer.decision_id)
    with database.reading() as connection:
        newest = decisions.newest(connection, "p", DIGEST, "staging")

    assert newest is None
