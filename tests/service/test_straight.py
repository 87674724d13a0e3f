"""Small JSON bodies are answered in one thread, everything else by the route itself: nobody can tell which it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import bindparam, insert, select

from gate.service.rates import MINUTE_S, Rates
from gate.service.routing import SMALL_BYTES
from gate.stores import migrations, projects
from gate.stores.database import Database, Unavailable
from gate.stores.often import Often
from gate.stores.schema import PROJECT_SETTINGS, PROJECTS, WAIVERS
from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.service import postgresql
from tests.service.server import Answer, Server, submission

STRAIGHT = "application/json"
BY_THE_ROUTE = "application/json; charset=utf-8"
UNKNOWN = "gate_" + "a" * 58


def body(project: str, *reports: object, **meta: Any) -> bytes:
    return msgspec.json.encode(submission(project, *(reports or (CLEAN_BANDIT,)), **meta))


def same_of_both(server: Server, given: bytes, **options: Any) -> tuple[Answer, Answer]:
    return tuple(  # type: ignore[return-value]
        server.request("POST", "/api/v1/decisions", given, content_type=kind, **options)
        for kind in (STRAIGHT, BY_THE_ROUTE)
    )


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (b"{", {}),
        (b"", {}),
        (b"\xff\xfe{\x00}\x00", {}),
        (b'{"project": "a", "project": "b"}', {}),
        (b'{"project": "a", "what": 1}', {}),
        (body("nobody/knows"), {}),
        (body("nobody/knows"), {"idempotency_key": "with a space"}),
        (body("nobody/knows"), {"accept": "image/png"}),
        (b"{", {"token": None}),
        (b"{", {"token": UNKNOWN}),
        (b"{", {"token": "x" * 5_000}),
    ],
)
def test_what_is_refused_is_refused_alike(server: Server, given: bytes, options: dict[str, Any]) -> None:
    straight, by_the_route = same_of_both(server, given, **options)
    told = [
        {name: value for name, value in one.json.items() if name != "request_id"}
        for one in (straight, by_the_route)
    ]

    assert 400 <= straight.status < 500
    assert by_the_route.status == straight.status
    assert told[1] == told[0]


def test_who_asks_is_known_before_the_body_is_looked_at(server: Server) -> None:
    assert 401 == server.request("POST", "/api/v1/decisions", b"{", token=None, content_type=STRAIGHT).status


def test_a_role_that_may_not_decide_is_refused_with_a_small_body(server: Server, project: str) -> None:
    viewer = server.token("viewer", project)
    refused = server.request("POST", "/api/v1/decisions", body(project), token=viewer, content_type=STRAIGHT)

    assert (403, 0) == (refused.status, len(listed(server, project)))


def test_a_token_that_was_revoked_decides_nothing_more(server: Server, project: str) -> None:
    token = server.token("ci", project)
    ask = ("POST", "/api/v1/decisions", body(project))
    first = server.request(*ask, token=token, content_type=STRAIGHT)
    its_id = server.request("GET", "/api/v1/tokens/self", token=token).json["id"]
    revoked = server.request("DELETE", f"/api/v1/tokens/{its_id}")

    again = server.request(*ask, token=token, content_type=STRAIGHT)

    assert (201, 204, 401) == (first.status, revoked.status, again.status)
    assert 1 == len(listed(server, project))


def test_the_same_key_is_one_decision_whichever_way_it_came(server: Server, project: str) -> None:
    straight, by_the_route = same_of_both(server, body(project, BANDIT_EVAL), idempotency_key="once")

    assert straight.json["decision_id"] == by_the_route.json["decision_id"]
    assert 1 == len(listed(server, project))


def test_a_body_as_long_as_may_be_and_one_byte_longer_are_both_decided(server: Server, project: str) -> None:
    lengths = []
    for most in (SMALL_BYTES, SMALL_BYTES + 1):
        given = body(project)
        given = given[:-1] + b" " * (most - len(given)) + b"}"
        lengths.append(len(given))
        assert 201 == server.request("POST", "/api/v1/decisions", given, content_type=STRAIGHT).status

    assert [SMALL_BYTES, SMALL_BYTES + 1] == lengths


def listed(server: Server, project: str) -> list[Any]:
    items: list[Any] = server.request("GET", f"/api/v1/decisions?project={project}").json["items"]
    return items


# ---------------------------------------------------------------------------------- what is asked often


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    with closing(Database(store_url)) as opened:
        migrations.migrated(opened)
        yield opened


def test_a_project_says_whether_waivers_are_in_force(database: Database) -> None:
    told = []
    with database.writing() as connection:
        connection.execute(insert(PROJECTS), {"id": "p", "key": "a/b", "version": 1, "created_at": "now"})
        settings = {"project_id": "p", "version": 1, "document": "", "sha256": "", "by": "x", "at": "now"}
        connection.execute(insert(PROJECT_SETTINGS), settings)
        for name, state in (("none", None), ("over", "expired"), ("in force", "active")):
            if state is not None:
                connection.execute(insert(WAIVERS), a_waiver(name, state))
            found = projects.by_key(connection, "a/b")
            told.append(found.may_have_waivers if found else None)

    assert [False, False, True] == told


def a_waiver(name: str, state: str) -> dict[str, Any]:
    texts = ("document", "sha256", "requested_by", "created_at", "updated_at", "expires_at")
    return {"id": name, "project_id": "p", "name": name, "state": state, "version": 1} | dict.fromkeys(
        texts, "x"
    )


def test_an_often_asked_question_that_finds_nothing_gives_nothing(database: Database) -> None:
    with database.reading() as connection:
        assert projects.by_key(connection, "nobody/knows") is None


def test_a_connection_that_was_cut_is_told_of_and_not_used_again(cluster: Path) -> None:
    often = Often(select(PROJECTS.c.id).where(PROJECTS.c.key == bindparam("its_key")))
    url = postgresql.created(cluster)

    def cut_while_it_is_held(database: Database) -> None:
        with database.reading() as connection:
            raw: Any = connection.connection.driver_connection
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])
            often.row(connection, its_key="a")

    with closing(Database(url)) as database:
        migrations.migrated(database)
        with pytest.raises(Unavailable):
            cut_while_it_is_held(database)
        with database.reading() as connection:
            assert often.row(connection, its_key="a") is None


# ---------------------------------------------------------------------------------------- how often


def test_a_token_has_its_requests_again_after_a_minute() -> None:
    clock = [0.0]
    rates = Rates(requests=2, clock_s=lambda: clock[0])
    before = [rates.asked("a").is_over for _ in range(3)]
    clock[0] = MINUTE_S - 0.1
    just_before = rates.asked("a")
    clock[0] = MINUTE_S
    after = rates.asked("a")

    assert [False, False, True] == before
    assert (True, 0, 1) == (just_before.is_over, just_before.remaining, just_before.reset_s)
    assert (False, 1, MINUTE_S) == (after.is_over, after.remaining, after.reset_s)


def test_minutes_in_which_nobody_asked_are_over_too() -> None:
    clock = [0.0]
    rates = Rates(requests=1, clock_s=lambda: clock[0])
    rates.asked("a")
    clock[0] = 10.5 * MINUTE_S

    assert (False, MINUTE_S // 2) == ((left := rates.asked("a")).is_over, left.reset_s)
