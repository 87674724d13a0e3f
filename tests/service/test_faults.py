"""Faults: a killed server loses nothing it acknowledged, a database that is away is a 503 and no more."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from uuid import uuid4

import pytest
import urllib3

from tests.command import CLEAN_BANDIT
from tests.data import absent
from tests.service import postgresql
from tests.service.proxy import Proxy
from tests.service.server import ADMIN, Server

KILLS = int(os.environ.get("GATE_KILLS", "3"))
CUTS = int(os.environ.get("GATE_CUTS", "5"))
"""`make evidence` asks for more."""
STALL_S = 20.0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_server_that_is_killed_loses_no_decision_it_acknowledged(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = postgresql.created(request.getfixturevalue("cluster")) if kind == "postgresql" else None
    acknowledged: dict[str, str] = {}
    keys = [uuid4().hex for _ in range(KILLS * 40)]
    for number in range(KILLS):
        server = Server(tmp_path, url)
        server.project("acme/web")
        enough = Event()

        def ask(key: str, running: Server = server, enough: Event = enough) -> None:
            try:
                made = running.decide("acme/web", CLEAN_BANDIT, idempotency_key=key)
            except urllib3.exceptions.HTTPError:
                return
            if made.status == 201:
                acknowledged[key] = made.json["decision_id"]
                if len(acknowledged) >= 10 * (number + 1):  # noqa: B023 - awaited before the next turn
                    enough.set()

        with ThreadPoolExecutor(8) as pool:
            done = [pool.submit(ask, key) for key in keys[number * 40 : (number + 1) * 40]]
            assert enough.wait(60)
            server.stop(signal.SIGKILL)
            for future in done:
                future.cancel()
    with Server(tmp_path, url) as server:
        verified = server.request("GET", "/api/v1/audit/verify")
        lost = [
            decision_id
            for decision_id in acknowledged.values()
            if server.request("GET", f"/api/v1/decisions/{decision_id}").status != 200
        ]
        again = {key: server.decide("acme/web", CLEAN_BANDIT, idempotency_key=key) for key in keys}

        assert 200 == verified.status, verified.body
        assert [] == lost
        assert acknowledged == {key: again[key].json["decision_id"] for key in acknowledged}
        assert len(keys) == server.request("GET", "/api/v1/audit/verify").json["decisions"]


def test_a_server_that_is_stopped_ends_in_order(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.project("acme/web")

    assert 0 == server.stop()
    with sqlite3.connect(tmp_path / ".gate" / "service" / "gate.db") as connection:
        assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()


@pytest.fixture
def own_cluster() -> Iterator[Path]:
    data = postgresql.initialized()
    postgresql.start(data)
    yield data
    postgresql.stop(data, "immediate")
    shutil.rmtree(data.parent)


def test_a_database_that_goes_away_is_a_503_and_comes_back_without_a_restart(
    own_cluster: Path, tmp_path: Path
) -> None:
    with Server(tmp_path, postgresql.created(own_cluster)) as server:
        server.project("acme/web")
        before = server.decide("acme/web", CLEAN_BANDIT)
        postgresql.stop(own_cluster, "immediate")
        away = [server.decide("acme/web", CLEAN_BANDIT), server.request("GET", "/readyz")]
        alive = server.request("GET", "/livez")
        postgresql.start(own_cluster)
        after = server.decide("acme/web", CLEAN_BANDIT)
        kept = server.request("GET", before.headers["Location"])

    assert (201, 201, 200, 200) == (before.status, after.status, kept.status, alive.status)
    assert [503, 503] == [answer.status for answer in away]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in away)


def test_what_is_wrong_with_the_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="too short"):
        Server(tmp_path, GATE_BOOTSTRAP_TOKEN="short")
    with pytest.raises(AssertionError, match="database URL is not understood"):
        Server(tmp_path, "mysql://root:secret@host/x")


def test_the_first_token_is_printed_once_and_only_where_none_counts(tmp_path: Path) -> None:
    with Server(tmp_path, GATE_BOOTSTRAP_TOKEN="") as first:
        line = next(line for line in first.log if "first token" in line)
        token = line.split()[-1]
        answer = first.request("GET", "/api/v1/tokens/self", token=token)
    with Server(tmp_path, GATE_BOOTSTRAP_TOKEN="") as second:
        log = "".join(second.log)

    assert (200, "admin") == (answer.status, answer.json["role"])
    assert token.startswith("gate_")
    assert "first token" not in log


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{ADMIN}-of-a-file\n")
    with Server(
        tmp_path, GATE_BOOTSTRAP_TOKEN="", GATE_BOOTSTRAP_TOKEN_FILE=str(tmp_path / "token")
    ) as server:
        answer = server.request("GET", "/api/v1/tokens/self", token=f"{ADMIN}-of-a-file")

    assert 200 == answer.status


# ------------------------------------------------------- a database that is slow, cut off, full


@pytest.fixture
def proxied(cluster: Path, tmp_path: Path) -> Iterator[tuple[Server, Proxy]]:
    url = postgresql.created(cluster)
    name = url.partition("@/")[2].partition("?")[0]
    proxy = Proxy(cluster.parent / ".s.PGSQL.5432")
    with contextlib.closing(proxy):
        address = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
        with Server(tmp_path, address) as server:
            server.project("acme/web")
            yield server, proxy


def test_a_commit_whose_answer_is_lost_is_done_once_under_its_key(proxied: tuple[Server, Proxy]) -> None:
    server, proxy = proxied
    first: list[int] = []
    ids: list[str] = []
    for number in range(CUTS):
        proxy.cut_at(b"COMMIT")
        first.append(server.decide("acme/web", CLEAN_BANDIT, idempotency_key=f"key-{number}").status)
        again = server.decide("acme/web", CLEAN_BANDIT, idempotency_key=f"key-{number}")
        assert 201 == again.status, again.body
        ids.append(again.json["decision_id"])
    verified = server.request("GET", "/api/v1/audit/verify")

    assert {503} == set(first)
    assert CUTS == len(set(ids))
    assert (200, CUTS) == (verified.status, verified.json["decisions"])


def test_a_database_that_stalls_is_a_503_in_time_and_comes_back(proxied: tuple[Server, Proxy]) -> None:
    server, proxy = proxied
    before = server.decide("acme/web", CLEAN_BANDIT)
    proxy.stall()
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.decide, "acme/web", CLEAN_BANDIT)
        alive = server.request("GET", "/livez")
        # Longer than any deadline of the service, so that it cannot be the database that answers.
        threading.Timer(STALL_S, proxy.flow).start()
        stalled = waiting.result()
    after = server.decide("acme/web", CLEAN_BANDIT)

    assert (201, 200, 201) == (before.status, alive.status, after.status)
    assert stalled.status in (201, 503), stalled.body
    assert time.monotonic() - began < STALL_S + 20


def test_a_disk_that_is_full_refuses_what_is_new_and_recovers(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        absent("the right to mount a tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        absent("the right to mount a tmpfs")
    try:
        with Server(tmp_path / "server", None, "--data-dir", str(disk / "data")) as server:
            server.project("acme/web")
            kept = [server.decide("acme/web", CLEAN_BANDIT).json["decision_id"]]
            filler = disk / "filler"
            with contextlib.suppress(OSError), filler.open("wb", 0) as file:
                while file.write(b"x" * 4_096):
                    pass
            full = [server.decide("acme/web", CLEAN_BANDIT) for _ in range(60)]
            kept += [one.json["decision_id"] for one in full if one.status == 201]
            read = server.request("GET", f"/api/v1/decisions/{kept[0]}").status
            filler.unlink()
            after = server.decide("acme/web", CLEAN_BANDIT)
            kept.append(after.json["decision_id"])
            verified = server.request("GET", "/api/v1/audit/verify").json["decisions"]
            there = {server.request("GET", f"/api/v1/decisions/{one}").status for one in kept}
    finally:
        subprocess.run(["umount", str(disk)], check=True)

    assert {201, 503} >= {one.status for one in full} >= {503}
    assert all("Retry-After" in one.headers for one in full if one.status == 503)
    assert (200, 201, {200}) == (read, after.status, there)
    assert len(kept) == verified
