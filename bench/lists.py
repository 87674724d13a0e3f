"""Every list of the service in a large store: its first page, a page deep inside, and how the database found them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, event, func, select

from gate.stores import approvals, components, decisions, events, findings, projects, reports, tokens, waivers
from gate.stores.database import Database
from gate.stores.paging import Page, cursor_of
from gate.stores.schema import DECISIONS, FINDINGS

LIMIT: Final = 50
BAR_MS: Final = 300
ROUNDS: Final = 5

Ask = Callable[[Connection, str | None], Page[Any]]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one page took."""

    name: str
    took_ms: list[float]
    rows: int
    plan: str


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Values of this store to ask for."""

    large: str
    """The project with most decisions."""
    small: str
    """One with few."""
    rule: str
    fingerprint: str
    digest: str
    recent: str
    """An instant that few decisions come after."""
    deep_decision: str
    deep_finding: tuple[str, str, str]


def measured(database: Database) -> list[Told]:
    """Each list's first page and a deep one, `ROUNDS` times each."""
    told = []
    with database.reading() as connection:
        known = _known(connection)
        for name, (ask, cursor) in _asks(known).items():
            if cursor is not None:
                told.append(_told(connection, f"{name}, deep", ask, cursor))
            told.append(_told(connection, name, ask, None))
    return told


def table(told: list[Told]) -> str:
    """One line for each page."""
    lines = [f"first and deep pages of {LIMIT}, worst of {ROUNDS}, load {os.getloadavg()[0]:.1f}"]
    for one in told:
        worst = max(one.took_ms)
        holds = "holds" if worst < BAR_MS else "MISSED"
        lines.append(f"  {one.name:<58} {worst:8.1f} ms  {holds:<7} {one.rows} rows")
    return "\n".join(lines)


def plans(told: list[Told]) -> str:
    """How each was found, as text."""
    return "\n\n".join(f"## {one.name}: {max(one.took_ms):.1f} ms\n\n{one.plan}" for one in told) + "\n"


def _known(connection: Connection) -> Known:
    by_project = (
        select(DECISIONS.c.project_id, func.count().label("n"))
        .group_by(DECISIONS.c.project_id)
        .order_by(func.count().desc())
    )
    rows = connection.execute(by_project).all()
    inside = min(connection.execute(select(func.count()).select_from(DECISIONS)).scalar_one() // 2, 20_000)
    oldest_findings = (
        select(FINDINGS.c.last_seen, FINDINGS.c.fingerprint, FINDINGS.c.project_id, FINDINGS.c.rule)
        .order_by(FINDINGS.c.last_seen, FINDINGS.c.fingerprint)
        .limit(1)
    )
    finding = connection.execute(oldest_findings.offset(inside)).one()
    oldest = select(DECISIONS.c.id).order_by(DECISIONS.c.id).limit(1)
    return Known(
        large=rows[0][0],
        small=rows[-1][0],
        rule="RULE-3",
        fingerprint=finding.fingerprint,
        digest=connection.execute(
            select(DECISIONS.c.subject_digest).where(DECISIONS.c.subject_digest.is_not(None)).limit(1)
        ).scalar_one(),
        recent=connection.execute(select(func.max(DECISIONS.c.decided_at))).scalar_one(),
        deep_decision=connection.execute(oldest.offset(inside)).scalar_one(),
        deep_finding=(finding.last_seen, finding.fingerprint, finding.project_id),
    )


def _asks(known: Known) -> Mapping[str, tuple[Ask, tuple[str, ...] | None]]:
    """Name -> what is asked, and where a deep page begins."""
    asks: dict[str, tuple[Ask, tuple[str, ...] | None]] = {}
    projects_of = {"": None, "of a large project": (known.large,), "of a small project": (known.small,)}
    for place, ids in projects_of.items():
        for what, by in {
            "": {},
            "that need approval (none)": {"outcome": "needs_approval"},
            "that fail": {"outcome": "fail"},
            "of production": {"environment": "production"},
            "of an environment that is none": {"environment": "nowhere"},
            "of a branch": {"branch": "feature/7"},
            "of a branch that is none": {"branch": "nothing"},
            "that fail on a branch": {"outcome": "fail", "branch": "feature/7"},
            "of a digest": {"digest": known.digest},
            "since a moment ago": {"since": known.recent},
        }.items():
            wanted = decisions.Filter(project_ids=ids, **by)
            asks[f"decisions {what} {place}".replace("  ", " ").strip()] = (
                lambda c, cursor, w=wanted: decisions.listed(c, w, cursor, LIMIT),
                (known.deep_decision,),
            )
        for what, by in {
            "": {},
            "of a rule": {"rule": known.rule},
            "of a rule that is none": {"rule": "none"},
            "by fingerprint": {"fingerprint": known.fingerprint},
            "of licenses": {"kind": "license"},
            "of a kind that is none": {"kind": "dast"},
            "that are critical": {"severity": "critical"},
            "of unknown severity (none)": {"severity": "unknown"},
            "of licenses that are critical": {"kind": "license", "severity": "critical"},
        }.items():
            wanted_ = findings.Filter(project_ids=ids, **by)
            asks[f"findings {what} {place}".replace("  ", " ").strip()] = (
                lambda c, cursor, w=wanted_: findings.listed(c, w, cursor, LIMIT),
                known.deep_finding,
            )
        for what, by in {
            "by name": {"name": "package-3", "purl": None},
            "by package URL": {"name": None, "purl": "pkg:npm/package-3"},
            "by package URL and version": {"name": None, "purl": "pkg:npm/package-3@1.2"},
        }.items():
            asks[f"components {what} {place}".strip()] = (
                lambda c, cursor, i=ids, b=by: components.listed(c, i, **b, cursor=cursor, limit=LIMIT),
                None,
            )
        for state in (None, "active", "rejected"):
            wanted__ = waivers.Filter(project_ids=ids, state=state)
            asks[f"waivers {state or ''} {place}".replace("  ", " ").strip()] = (
                lambda c, cursor, w=wanted__: waivers.listed(c, w, cursor, LIMIT),
                None,
            )
        asks[f"approvals {place}".strip()] = (
            lambda c, cursor, i=ids: approvals.listed(c, approvals.Filter(project_ids=i), cursor, LIMIT),
            None,
        )
        asks[f"audit {place}".strip()] = (
            lambda c, _cursor, i=ids: events.listed(c, i, None, LIMIT),
            None,
        )
    for place, its in (("a large", known.large), ("a small", known.small)):
        asks[f"reports of {place} project"] = (
            lambda c, cursor, i=its: reports.listed(c, i, cursor, LIMIT),
            None,
        )
    asks["projects"] = (lambda c, cursor: projects.listed(c, None, cursor, LIMIT), None)
    asks["tokens"] = (
        lambda c, cursor: tokens.listed(c, None, everything=True, cursor=cursor, limit=LIMIT),
        None,
    )
    return asks


def _told(connection: Connection, name: str, ask: Ask, deep: tuple[str, ...] | None) -> Told:
    cursor = None if deep is None else cursor_of(list(deep))
    took: list[float] = []
    rows = 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = len(ask(connection, cursor).items)
        took.append((time.perf_counter() - began) * 1000)
        if took[-1] > BAR_MS * 10:
            break
    return Told(name=name, took_ms=took, rows=rows, plan=_plan(connection, ask, cursor))


def _plan(connection: Connection, ask: Ask, cursor: str | None) -> str:
    said: list[tuple[str, Any]] = []

    def told(*call: Any) -> None:
        said.append((call[2], call[3]))

    event.listen(connection, "before_cursor_execute", told)
    ask(connection, cursor)
    event.remove(connection, "before_cursor_execute", told)
    is_postgresql = connection.dialect.name == "postgresql"
    how = "EXPLAIN (ANALYZE, BUFFERS)" if is_postgresql else "EXPLAIN QUERY PLAN"
    lines: list[str] = []
    for statement, parameters in said:
        raw: Any = connection.connection.driver_connection
        found = raw.execute(f"{how} {statement}", parameters).fetchall()
        lines += [str(row[0] if is_postgresql else row[3]) for row in found]
    return "\n".join(f"    {line}" for line in lines)
