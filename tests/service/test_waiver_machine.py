"""Whatever people do to waivers, in whatever order: what acts was approved as it stands, by somebody else (F10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from gate import bootstrap, principals, times
from gate.engines.embedded import Engine
from gate.service import expiry, waiving
from gate.service.auth import Caller
from gate.service.context import Service
from gate.service.permissions import Grant, Role
from gate.service.problems import Refusal
from gate.stores import migrations, projects, waivers
from gate.stores.database import Database
from gate.stores.waivers import State, Stored
from gate.stores.writer import Transaction

BEGIN = datetime(2026, 11, 22, 10, tzinfo=UTC)
PEOPLE = st.sampled_from(["wei", "Wei <wei@example.com>", "lin", "lin@example.com", "mo"])
ROLES = st.sampled_from([Role.DEVELOPER, Role.APPROVER])
NOTES = st.sampled_from(["a constant", "replaced next week", "no input reaches it"])
RULES = st.sampled_from(["GATE-CODE-002", "GATE-VULN-001"])


@contextmanager
def a_service(machine: WaiverMachine) -> Iterator[Service]:
    """A service on SQLite with one project and the machine's clock."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'gate.db'}")
        migrations.migrated(database)
        engine = Engine(bootstrap.engine_executable(), children=1)
        service = Service(database, engine=engine, clock=lambda: machine.now, randomness=token_bytes)
        with closing(service):
            service.writer.submit(_a_project)
            yield service


def _a_project(transaction: Transaction) -> None:
    projects.created(transaction.connection, "p", "acme/web", transaction.now)
    projects.replaced(transaction.connection, "p", 0, "version: 1\n", [], "admin", transaction.now)


class WaiverMachine(RuleBasedStateMachine):
    """People, waivers and a clock; the model is what was approved by whom."""

    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.approvals: set[tuple[str, str, str]] = set()
        """Waiver, what it said, and who approved exactly that."""
        self.ended: set[str] = set()
        self._opened = a_service(self)
        self.service = self._opened.__enter__()

    def teardown(self) -> None:
        self._opened.__exit__(None, None, None)

    def act(self, what: Any, waiver_id: str, person: str, role: Role, *rest: Any) -> Stored | None:
        """What a person with a token of that role gets; None where they are refused."""
        caller = Caller(principal=person, token_id="t", grants=(Grant(role=role, project_id="p"),))

        def work(transaction: Transaction) -> Stored:
            project = projects.by_id(transaction.connection, "p")
            found = waivers.by_id(transaction.connection, waiver_id, to_change=True)
            assert project is not None
            assert found is not None
            made: Stored = what(transaction, self.service, caller, project, found, *rest)
            return made

        try:
            return self.service.writer.submit(work)
        except Refusal:
            return None

    def asked(self, person: str, note: str, about: str, days: int) -> str | None:
        """The waiver that a person asks for; None where they are refused."""
        document = {
            "match": {"rule": about},
            "reason": "accepted_risk",
            "note": note,
            "expires": f"{self.now + timedelta(days=days):%Y-%m-%d}",
        }
        caller = Caller(principal=person, token_id="t", grants=(Grant(role=Role.DEVELOPER, project_id="p"),))

        def work(transaction: Transaction) -> Stored:
            project = projects.by_id(transaction.connection, "p")
            assert project is not None
            return waiving.requested(transaction, self.service, caller, project, document)

        try:
            return self.service.writer.submit(work).id
        except Refusal:
            return None

    def approved(self, waiver_id: str, person: str, sha256: str) -> bool:
        """Whether a person's approval of what has that digest is taken; the model remembers it."""
        made = self.act(waiving.approved, waiver_id, person, Role.APPROVER, sha256)
        if made is not None:
            self.approvals.add((waiver_id, made.sha256, person))
        return made is not None

    @rule(target=known, person=PEOPLE, note=NOTES, about=RULES, days=st.integers(1, 14))
    def request(self, person: str, note: str, about: str, days: int) -> Any:
        return self.asked(person, note, about, days) or multiple()

    @rule(target=known, note=NOTES, days=st.integers(2, 14))
    def one_that_acts(self, note: str, days: int) -> Any:
        """As people do it; the other rules are what else they may come upon."""
        made = self.asked("wei", note, "GATE-CODE-002", days)
        assert made is not None
        assert self.approved(made, "lin", self.stored(made).sha256)
        return made

    @rule(waiver_id=known, person=PEOPLE, note=NOTES, about=RULES)
    def edit(self, waiver_id: str, person: str, note: str, about: str) -> None:
        document = {**self.stored(waiver_id).document, "note": note, "match": {"rule": about}}
        self.act(waiving.edited, waiver_id, person, Role.DEVELOPER, document)

    @rule(waiver_id=known, person=PEOPLE, is_stale=st.booleans())
    def approve(self, waiver_id: str, person: str, is_stale: bool) -> None:
        sha256 = "sha256:" + "0" * 64 if is_stale else self.stored(waiver_id).sha256
        assert not (self.approved(waiver_id, person, sha256) and is_stale)

    @rule(waiver_id=known, person=PEOPLE)
    def reject(self, waiver_id: str, person: str) -> None:
        def rejected(transaction: Transaction, _: Any, who: Caller, __: Any, found: Stored) -> Stored:
            return waiving.rejected(transaction, who, found, None)

        if self.act(rejected, waiver_id, person, Role.APPROVER) is not None:
            self.ended.add(waiver_id)

    @rule(waiver_id=known, person=PEOPLE, role=ROLES)
    def revoke(self, waiver_id: str, person: str, role: Role) -> None:
        if self.act(waiving.revoked, waiver_id, person, role, None) is not None:
            self.ended.add(waiver_id)

    @rule(hours=st.integers(1, 24 * 5), is_swept=st.booleans())
    def wait(self, hours: int, is_swept: bool) -> None:
        self.now += timedelta(hours=hours)
        if is_swept:
            expiry.swept(self.service)

    @rule(waiver_id=known, note=NOTES)
    def somebody_edits_the_database(self, waiver_id: str, note: str) -> None:
        """Content without its digest: nobody approved that."""
        with self.service.database.writing() as connection:
            found = waivers.by_id(connection, waiver_id)
            assert found is not None
            document = {**found.document, "note": f"{note} and whatever else"}
            waivers.replaced(connection, found, Stored(**{**_fields(found), "document": document}))

    def stored(self, waiver_id: str) -> Stored:
        with self.service.database.reading() as connection:
            found = waivers.by_id(connection, waiver_id)
        assert found is not None
        return found

    @invariant()
    def what_acts_was_approved_as_it_stands_by_somebody_else(self) -> None:
        now = times.sortable(self.now)
        with self.service.database.reading() as connection:
            acting = waivers.active(connection, "p", now)
        for entry in acting:
            stored = self.stored(entry["id"])
            ours = waivers.digest("p", stored.name, stored.requested_by, stored.document)
            assert (entry["id"], ours, entry["approved_by"]) in self.approvals
            assert not principals.may_be_same(entry["requested_by"], entry["approved_by"])
            assert entry["id"] not in self.ended
            assert stored.state is State.ACTIVE
            assert stored.expires_at > now


def _fields(one: Stored) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


TestWaivers = WaiverMachine.TestCase
TestWaivers.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
