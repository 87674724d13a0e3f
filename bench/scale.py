"""A store as large as years of use make it, and what a decision and every list cost then.

    .venv/bin/python -m bench.scale postgresql --decisions 1000000 --findings 10000000
    .venv/bin/python -m bench.scale sqlite --decisions 100000 --findings 1000000

One real decision is asked of a real `gate serve`; its rows are then copied with other ids, digests, branches and
times, through the store's own shapes: every line of the record is an entry of one whole chain, which
`gate audit verify` follows afterwards. The store grows in steps; at each the cost of a decision is measured, at the
last the first and a deep page of every list, with the database's own account of how it found them
(`bench/lists.py`).
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, text

from bench import lists
from bench.service import PROJECT, small_decisions
from gate import ids, record, times
from gate.stores import chains, decisions
from gate.stores.database import Database
from gate.stores.decisions import about
from gate.stores.packing import packed
from gate.stores.schema import (
    COMPONENTS,
    DECISION_DOCUMENTS,
    DECISION_REPORTS,
    DECISIONS,
    FINDINGS,
    METADATA,
    PROJECT_SETTINGS,
    PROJECTS,
    REPORT_UPLOADS,
    REPORTS,
    WRITERS,
)
from tests.command import BANDIT_EVAL
from tests.service import postgresql
from tests.service.server import Server

PROJECTS_LOADED: Final = 200
DAYS: Final = 365
AT_ONCE: Final = 20_000
"""Rows of one step into SQLite; PostgreSQL takes a stream."""
ENVIRONMENTS: Final = ("test", "test", "test", "staging", "staging", "production", None, None)
OUTCOMES: Final = ("pass",) * 14 + ("fail",) * 4 + ("warn", "warn")
KINDS: Final = ("vulnerability", "vulnerability", "vulnerability", "code", "misconfiguration", "license")
SEVERITIES: Final = ("low", "low", "medium", "medium", "medium", "high", "critical")
LARGE: Final = (
    DECISIONS,
    DECISION_DOCUMENTS,
    DECISION_REPORTS,
    REPORTS,
    REPORT_UPLOADS,
    FINDINGS,
    COMPONENTS,
)
"""Their indexes are made after their rows: at once is several times faster than row by row."""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one real decision, and where copies go."""

    decision: Any
    rows: dict[str, dict[str, Any]]
    projects: tuple[str, ...]


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is to be, all in all."""

    decisions: int
    findings: int

    def tenth(self) -> Sizes:
        """A tenth of it."""
        return Sizes(decisions=self.decisions // 10, findings=self.findings // 10)


# ----------------------------------------------------------------------------------------- rows


def template(connection: Connection) -> Template:
    """The newest decision of the store, whole."""
    row = connection.execute(select(DECISIONS).order_by(DECISIONS.c.id.desc()).limit(1)).one()
    found: dict[str, dict[str, Any]] = {"decisions": dict(row._mapping)}  # noqa: SLF001 - SQLAlchemy's own name
    for table, key in ((DECISION_DOCUMENTS, "decision_id"), (FINDINGS, "decision_id")):
        one = connection.execute(select(table).where(table.c[key] == row.id).limit(1)).one()
        found[table.name] = dict(one._mapping)  # noqa: SLF001
    for table in (REPORTS, REPORT_UPLOADS, PROJECTS, PROJECT_SETTINGS):
        one = connection.execute(select(table).limit(1)).one()
        found[table.name] = dict(one._mapping)  # noqa: SLF001
    known = tuple(connection.execute(select(PROJECTS.c.id).order_by(PROJECTS.c.id)).scalars())
    return Template(decision=decisions.decision(connection, row.id), rows=found, projects=known)


def more_projects(connection: Connection, made: Template, chance: random.Random) -> None:
    """The projects that copies are spread over, with the settings of the first."""
    for number in range(PROJECTS_LOADED):
        its_id = ids.uuid7(datetime.now(UTC), chance.randbytes(10))
        connection.execute(
            insert(PROJECTS), {**made.rows["projects"], "id": its_id, "key": f"loaded/{number}"}
        )
        connection.execute(insert(PROJECT_SETTINGS), {**made.rows["project_settings"], "project_id": its_id})


def chain(made: Template, count: int, chance: random.Random, ends: datetime) -> Iterator[dict[str, Any]]:
    """`count` decisions as rows of all tables that a decision has rows in; they are one whole chain."""
    writer = ids.uuid7(ends, chance.randbytes(10))
    previous: str | None = None
    step = timedelta(days=DAYS) / count
    document, row = made.rows["decision_documents"], made.rows["decisions"]
    for number in range(1, count + 1):
        at = ends - step * (count - number)
        digest = f"sha256:{chance.getrandbits(256):064x}" if chance.random() < 0.5 else None
        subject = msgspec.structs.replace(
            made.decision.subject, digest=digest, branch=f"feature/{chance.randrange(300)}"
        )
        decision = msgspec.structs.replace(
            made.decision,
            decision_id=ids.uuid7(at, chance.randbytes(10)),
            decided_at=times.rfc3339(at),
            environment=chance.choice(ENVIRONMENTS),
            outcome=type(made.decision.outcome)(chance.choice(OUTCOMES)),
            subject=subject,
        )
        entry = record.entry(previous, decision, number)
        project_id = made.projects[min(int(chance.expovariate(6 / PROJECTS_LOADED)), PROJECTS_LOADED - 1)]
        yield {
            "decisions": {
                **row,
                **about(decision),
                "id": decision.decision_id,
                "project_id": project_id,
                "writer": writer,
                "sequence": number,
                "previous": previous,
                "digest": entry.digest,
            },
            "decision_documents": {
                **document,
                "decision_id": decision.decision_id,
                "line": packed(entry.line),
            },
        }
        previous = entry.digest


FOLLOWING: Final = {
    "reports": (
        "INSERT INTO reports (sha256, size, content, withheld, created_at) "
        "SELECT d.digest, r.size, r.content, r.withheld, d.decided_at "
        "FROM decisions d, (SELECT * FROM reports ORDER BY created_at LIMIT 1) r WHERE d.writer = :writer"
    ),
    "report_uploads": (
        'INSERT INTO report_uploads (project_id, sha256, path, format, "by", at) '
        "SELECT d.project_id, d.digest, 'report-0.json', 'bandit', d.\"by\", d.decided_at "
        "FROM decisions d WHERE d.writer = :writer"
    ),
    "decision_reports": (
        "INSERT INTO decision_reports (decision_id, position, sha256) "
        "SELECT d.id, 0, d.digest FROM decisions d WHERE d.writer = :writer"
    ),
    "releases": (
        "INSERT INTO releases (id, project_id, environment, subject_digest, decision_id, at) "
        "SELECT d.id, d.project_id, d.environment, d.subject_digest, d.id, d.decided_at FROM decisions d "
        "WHERE d.writer = :writer AND d.environment IS NOT NULL AND d.subject_digest IS NOT NULL "
        "AND d.outcome IN ('pass', 'warn')"
    ),
    "events": (
        'INSERT INTO events (at, project_id, "by", action, target, document) '
        "SELECT d.decided_at, d.project_id, d.\"by\", 'waiver.requested', d.id, '{}' FROM decisions d "
        "WHERE d.writer = :writer AND d.sequence % 2 = 0 ORDER BY d.sequence"
    ),
}
"""What hangs on decisions, made by the database itself: the digest of an entry is also its report's."""
MULTIPLIED: Final = (
    "INSERT INTO findings (project_id, fingerprint, kind, rule, title, severity, severity_rank, purl, file, "
    "document, first_seen, last_seen, decision_id) SELECT f.project_id, {hexadecimal} || substr(f.fingerprint, 9), "
    "f.kind, f.rule, f.title, f.severity, f.severity_rank, f.purl, f.file, f.document, f.first_seen, f.last_seen, "
    "f.decision_id FROM findings f, {numbers} WHERE f.fingerprint LIKE :mine"
)
"""Rows that were made of a real one, `times` over with other fingerprints."""
TIMES: Final = 100
COUNTED: Final = (
    "(WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c WHERE value < :last) "
    "SELECT value FROM c) AS n"
)
"""What SQLite has for `generate_series`."""


def finding_rows(
    made: Template, count: int, chance: random.Random, ends: datetime
) -> Iterator[dict[str, Any]]:
    """`count` findings; each project's were last seen in its last decisions, a few thousand at one instant."""
    one = made.rows["findings"]
    decided = made.rows["decisions"]["id"]
    for number in range(count):
        seen = times.sortable(ends - timedelta(days=DAYS) * (number // 200) / max(count // 200, 1))
        severity = chance.choice(SEVERITIES)
        yield {
            **one,
            "project_id": made.projects[number // 200 % PROJECTS_LOADED],
            "fingerprint": f"{ends:%H%M%S}zz{chance.getrandbits(96):024x}",
            "kind": chance.choice(KINDS),
            "rule": f"RULE-{min(int(chance.expovariate(0.01)), 1999)}",
            "severity": severity,
            "first_seen": seen,
            "last_seen": seen,
            "decision_id": decided,
        }


def component_rows(
    made: Template, count: int, chance: random.Random, ends: datetime
) -> Iterator[dict[str, Any]]:
    """`count` components of images, the same few thousand packages in most of them."""
    for number in range(count):
        seen = times.sortable(ends - timedelta(days=DAYS) * number / count)
        name, version = f"package-{min(int(chance.expovariate(0.002)), 9999)}", f"1.{chance.randrange(9)}"
        purl = f"pkg:npm/{name}@{version}"
        yield {
            "project_id": made.projects[number // 500 % PROJECTS_LOADED],
            "subject": f"registry.example/image-{ends:%H%M%S}-{number // 500}",
            "identity": f"{purl}#{number}",
            "purl": purl,
            "name": name,
            "version": version,
            "license": "MIT",
            "first_seen": seen,
            "last_seen": seen,
            "decision_id": made.rows["decisions"]["id"],
        }


def waiver_rows(
    made: Template, count: int, chance: random.Random, ends: datetime
) -> Iterator[dict[str, Any]]:
    """`count` waivers, nearly all of them over."""
    for number in range(count):
        at = ends - timedelta(days=DAYS) * number / count
        yield {
            "id": ids.uuid7(at, chance.randbytes(10)),
            "project_id": made.projects[number % PROJECTS_LOADED],
            "name": f"w-{ends:%H%M%S}-{number}",
            "state": "active" if number < 20 else "expired",
            "version": 1,
            "document": '{"match":{"rule":"GATE-NONE-001"},"reason":"accepted_risk","note":"loaded"}',
            "sha256": "0" * 64,
            "requested_by": "somebody",
            "approved_by": "somebody else",
            "created_at": times.sortable(at),
            "updated_at": times.sortable(at),
            "expires_at": times.sortable(at + timedelta(days=14)),
        }


# -------------------------------------------------------------------------------------- loading


def stored(connection: Connection, name: str, rows: Iterable[dict[str, Any]]) -> int:
    """Put rows into the table `name`; how many there were."""
    table = METADATA.tables[name]
    if connection.dialect.name != "postgresql":
        count = 0
        given = iter(rows)
        while part := list(itertools.islice(given, AT_ONCE)):
            connection.execute(insert(table), part)
            count += len(part)
        return count
    given = iter(rows)
    first = next(given, None)
    if first is None:
        return 0
    names = list(first)
    columns = ", ".join(f'"{column}"' for column in names)
    raw: Any = connection.connection.driver_connection
    count = 0
    with raw.cursor() as cursor, cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy:
        for row in itertools.chain([first], given):
            copy.write_row([row[column] for column in names])
            count += 1
    return count


def loaded(database: Database, made: Template, sizes: Sizes, seed: int) -> None:
    """Add that much, in one transaction."""
    chance = random.Random(f"{seed} {sizes}")  # noqa: S311 - nothing secret
    ends = datetime.now(UTC)
    with database.writing() as connection:
        if database.is_postgresql:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        with _without_indexes(connection):
            writer = _decisions(connection, made, sizes.decisions, chance, ends)
            for name, statement in FOLLOWING.items():
                _timed(name, lambda said=statement: _count(connection, said, writer=writer))
            some = sizes.findings // TIMES
            for name, rows in (
                ("findings", finding_rows(made, some, chance, ends)),
                ("components", component_rows(made, sizes.findings // 10, chance, ends)),
                ("waivers", waiver_rows(made, sizes.decisions // 20, chance, ends)),
            ):
                _timed(name, lambda its=name, given=rows: stored(connection, its, given))
            _timed("findings", lambda: _multiplied(connection, f"{ends:%H%M%S}zz%"))
    with database.writing() as connection:
        if database.is_postgresql:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("ANALYZE"))


def _decisions(
    connection: Connection, made: Template, count: int, chance: random.Random, ends: datetime
) -> str:
    """The chain, a part at a time: one stream fills one table. Its writer."""
    links = chain(made, count, chance, ends)
    began = time.perf_counter()
    writer = ""
    while part := list(itertools.islice(links, AT_ONCE)):
        if not writer:
            writer = part[0]["decisions"]["writer"]
            row = {"id": writer, "host": "bench", "started_at": times.sortable(ends)}
            connection.execute(insert(WRITERS), row)
        for name in ("decisions", "decision_documents"):
            stored(connection, name, (one[name] for one in part))
    _said(f"decisions: {count} in {time.perf_counter() - began:.0f} s")
    return writer


def _count(connection: Connection, statement: str, **values: str | int) -> int:
    return connection.execute(text(statement), values).rowcount


def _multiplied(connection: Connection, mine: str) -> int:
    is_postgresql = connection.dialect.name == "postgresql"
    hexadecimal = "lpad(to_hex(n.value), 8, '0')" if is_postgresql else "printf('%08x', n.value)"
    numbers = "generate_series(1, :last) AS n(value)" if is_postgresql else COUNTED
    statement = MULTIPLIED.format(hexadecimal=hexadecimal, numbers=numbers)
    return _count(connection, statement, mine=mine, last=TIMES - 1)


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """The large tables without their indexes meanwhile (PostgreSQL)."""
    if connection.dialect.name != "postgresql":
        yield
        return
    names = ", ".join(f"'{table.name}'" for table in LARGE)
    found = connection.execute(
        text(
            f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({names}) "  # noqa: S608
            "AND indexname LIKE 'ix_%' AND schemaname = current_schema()"
        )
    ).all()
    for name, _ in found:
        connection.execute(text(f'DROP INDEX "{name}"'))
    yield
    began = time.perf_counter()
    for _, made in found:
        connection.execute(text(made))
    _said(f"{len(found)} indexes in {time.perf_counter() - began:.0f} s")


def _timed(what: str, work: Callable[[], int]) -> None:
    began = time.perf_counter()
    count = work()
    _said(f"{what}: {count} in {time.perf_counter() - began:.0f} s")


def _said(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S} {line} (load {os.getloadavg()[0]:.1f})\n")
    sys.stdout.flush()


# ------------------------------------------------------------------------------------ measuring


def begun(folder: Path, url: str | None) -> None:
    """A store with one real decision in it."""
    with Server(folder, url) as server:
        server.project(PROJECT)
        answer = server.decide(PROJECT, BANDIT_EVAL)
        if answer.status != 201:
            raise RuntimeError(f"the service answered {answer.status}")


def cost(folder: Path, url: str | None, there: int) -> None:
    """Say what decisions cost in a store that has `there` of them."""
    with Server(folder, url) as server:
        small_decisions(server, 300)
        took, rate = small_decisions(server, 1_000)
        took.sort()
        middle, late = took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000
        _said(f"{there} decisions stored: {rate:.0f} /s, p50 {middle:.0f} ms, p99 {late:.0f} ms")


def measured(folder: Path, url: str | None, steps: Sequence[Sizes], plans: Path | None) -> None:
    """Load each step, and say what a decision costs before and after it."""
    begun(folder, url)
    where = url or f"sqlite:///{folder / '.gate' / 'service' / 'gate.db'}"
    with closing(Database(where)) as database:
        with database.reading() as connection:
            made = template(connection)
        with database.writing() as connection:
            more_projects(connection, made, random.Random(0))  # noqa: S311
        with database.reading() as connection:
            made = template(connection)
    there = 1
    for seed, step in enumerate(steps, 1):
        with closing(Database(where)) as database:
            loaded(database, made, step, seed)
        there += step.decisions
        cost(folder, url, there)
    with closing(Database(where)) as database:
        told = lists.measured(database)
        sys.stdout.write(lists.table(told) + "\n")
        if plans is not None:
            plans.write_text(lists.plans(told), "utf-8")
        with database.snapshot() as connection:
            began = time.perf_counter()
            whole = chains.verified(connection)
            took_s = time.perf_counter() - began
        _said(f"the record is whole: {whole.decisions} decisions in {whole.chains} chains, {took_s:.0f} s")


def main() -> None:
    """Load and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("store", choices=("sqlite", "postgresql"))
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--plans", type=Path, help="write how the database answers each list")
    given = parser.parse_args()
    whole = Sizes(decisions=given.decisions, findings=given.findings)
    first = Sizes(decisions=1_000, findings=10_000)
    steps = (first, whole.tenth(), msgspec.structs.replace(whole))
    folder = Path(tempfile.mkdtemp(prefix="gate-scale-"))
    if given.store == "sqlite":
        try:
            measured(folder, None, steps, given.plans)
        finally:
            shutil.rmtree(folder)
        return
    data = postgresql.initialized()
    postgresql.start(data, options="-c shared_buffers=2GB -c max_wal_size=8GB -c work_mem=16MB")
    try:
        measured(folder, postgresql.created(data), steps, given.plans)
    finally:
        postgresql.stop(data, "immediate")
        shutil.rmtree(data.parent)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
