"""Lists cost the same however much is stored: each is walked along an index, none is searched from end to end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from gate.stores import components, decisions, findings, migrations, reports
from gate.stores.database import Database
from gate.stores.decisions import Filter
from tests.command import CLEAN_BANDIT
from tests.service.server import Server

LISTS: dict[str, Callable[[Connection], object]] = {
    "decisions": lambda c: decisions.listed(c, Filter(), None, 50),
    "decisions of projects": lambda c: decisions.listed(c, Filter(project_ids=("a", "b")), None, 50),
    "decisions by outcome": lambda c: decisions.listed(c, Filter(outcome="fail"), None, 50),
    "decisions by environment": lambda c: decisions.listed(c, Filter(environment="x"), None, 50),
    "decisions by branch": lambda c: decisions.listed(c, Filter(branch="x"), None, 50),
    "decisions by digest": lambda c: decisions.listed(c, Filter(digest="x"), None, 50),
    "findings": lambda c: findings.listed(c, findings.Filter(), None, 50),
    "findings of a project": lambda c: findings.listed(c, findings.Filter(project_ids=("a",)), None, 50),
    "findings by kind": lambda c: findings.listed(c, findings.Filter(kind="code"), None, 50),
    "findings by severity": lambda c: findings.listed(c, findings.Filter(severity="high"), None, 50),
    "findings by rule": lambda c: findings.listed(c, findings.Filter(rule="x"), None, 50),
    "findings by fingerprint": lambda c: findings.listed(c, findings.Filter(fingerprint="x"), None, 50),
    "reports": lambda c: reports.listed(c, "a", None, 50),
    "components": lambda c: components.listed(c, None, name=None, purl=None, cursor=None, limit=50),
    "components by name": lambda c: components.listed(c, None, name="x", purl=None, cursor=None, limit=50),
    "components by purl": lambda c: components.listed(c, None, name=None, purl="x", cursor=None, limit=50),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path: Path = tmp_path_factory.mktemp("lists") / "gate.db"
    with closing(Database(f"sqlite:///{path}")) as opened:
        migrations.migrated(opened)
        yield opened


def plan(database: Database, asked: Callable[[Connection], object]) -> list[str]:
    """How SQLite would answer what `asked` asks."""
    said: list[tuple[str, Any]] = []
    with database.reading() as connection:

        def told(*call: Any) -> None:
            said.append((call[2], call[3]))

        event.listen(connection, "before_cursor_execute", told)
        asked(connection)
        event.remove(connection, "before_cursor_execute", told)
        [(statement, parameters)] = said
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [str(row[3]) for row in rows]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_walked_along_an_index(database: Database, name: str) -> None:
    found = plan(database, LISTS[name])

    assert [] == [line for line in found if re.fullmatch(r"SCAN \w+", line)], found


ORDERED: dict[str, tuple[str, Callable[[Connection], object]]] = {
    f"decisions of a project by {name}": (
        f"ix_decisions_project_id_{name}_id (project_id=? AND {name}=?)",
        lambda c, name=name: decisions.listed(c, Filter(project_ids=("a",), **{name: "x"}), None, 50),
    )
    for name in ("outcome", "environment", "branch")
} | {
    "findings of a rule": (
        "ix_findings_rule_last_seen_fingerprint_project_id (rule=?)",
        lambda c: findings.listed(c, findings.Filter(rule="x"), None, 50),
    ),
    "reports of a project": (
        "ix_report_uploads_project_id_at_sha256 (project_id=?)",
        lambda c: reports.listed(c, "a", None, 50),
    ),
    "decisions since an instant": (
        "(id>?)",
        lambda c: decisions.listed(c, Filter(since="2026-11-28T00:00:00Z"), None, 50),
    ),
    "findings by fingerprint": (
        "(project_id=? AND fingerprint=?)",
        lambda c: findings.listed(c, findings.Filter(fingerprint="x"), None, 50),
    ),
}


@pytest.mark.parametrize("name", ORDERED)
def test_a_list_is_found_in_its_own_index(database: Database, name: str) -> None:
    wanted, asked = ORDERED[name]
    found = plan(database, asked)

    assert any(line.endswith(wanted) for line in found), found


@pytest.mark.parametrize("name", [name for name in ORDERED if name != "findings by fingerprint"])
def test_a_list_comes_out_of_its_index_in_order(database: Database, name: str) -> None:
    found = plan(database, ORDERED[name][1])

    assert [] == [line for line in found if "TEMP B-TREE" in line], found


def test_a_search_from_end_to_end_would_show(database: Database) -> None:
    with database.reading() as connection:
        rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN SELECT * FROM findings WHERE title = 'x'").all()

    assert re.fullmatch(r"SCAN \w+", str(rows[0][3]))


def test_what_was_decided_at_the_very_instant_is_in_the_list_since_then(server: Server, project: str) -> None:
    made = server.decide(project, CLEAN_BANDIT).json
    at = datetime.fromisoformat(made["decided_at"])
    since = [at - timedelta(days=400), at, at + timedelta(microseconds=1)]
    listed = [
        server.request("GET", f"/api/v1/decisions?project={project}&since={one:%Y-%m-%dT%H:%M:%S.%f}Z").json[
            "items"
        ]
        for one in since
    ]

    assert [1, 1, 0] == [len(items) for items in listed]
