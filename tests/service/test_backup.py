"""A backup is whole or none, made while the server goes on, and restores into either store."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.command import BANDIT_EVAL, CLEAN_BANDIT, gate
from tests.service import postgresql
from tests.service.server import ADMIN, Server

BEFORE = 12


def fresh(kind: str, folder: Path, request: pytest.FixtureRequest) -> tuple[str | None, list[str]]:
    """A database URL for a server (None: SQLite in `folder`), and the flags that name it."""
    folder.mkdir(exist_ok=True)
    if kind == "postgresql":
        url = postgresql.created(request.getfixturevalue("cluster"))
        return url, ["--database-url", url]
    return None, ["--data-dir", str(folder / ".gate" / "service")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a SQLite store, written while its server records decisions."""
    folder = tmp_path_factory.mktemp("made")
    with Server(folder) as server:
        server.project("acme/web")
        token = server.token("ci", "acme/web")
        for number in range(BEFORE):
            server.decide("acme/web", BANDIT_EVAL if number % 2 else CLEAN_BANDIT, token=token)
        with ThreadPoolExecutor(4) as pool:
            going_on = [pool.submit(server.decide, "acme/web", CLEAN_BANDIT) for _ in range(20)]
            result = gate(folder, "backup", "write", "gate.backup")
            statuses = {one.result().status for one in going_on}
    assert (0, {201}) == (result.code, statuses), result.err
    return folder / "gate.backup"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_backed_up_is_served_again_and_grows(
    kind: str, made: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url, flags = fresh(kind, tmp_path / "new", request)
    told = gate(tmp_path, "backup", "restore", made, *flags)
    again = gate(tmp_path, "backup", "restore", made, *flags)
    with Server(tmp_path / "new", url) as server:
        verified = server.request("GET", "/api/v1/audit/verify").json
        more = server.decide("acme/web", BANDIT_EVAL)
        moved = server.json("PUT", "/api/v1/projects/acme/new", {"settings": "version: 1\n"})
        after = server.request("GET", "/api/v1/audit/verify").json
        findings = server.request("GET", "/api/v1/findings").json["items"]

    assert 0 == told.code, told.err
    assert "every chain unbroken" in told.out
    assert 3 == again.code
    assert "the database is not empty" in again.err
    assert verified["decisions"] >= BEFORE
    assert (201, 201) == (more.status, moved.status)
    assert verified["decisions"] + 1 == after["decisions"]
    assert 1 == len(findings)


def test_a_postgresql_store_moves_to_a_file(tmp_path: Path, cluster: Path) -> None:
    url = postgresql.created(cluster)
    with Server(tmp_path / "old", url) as server:
        server.project("acme/web")
        server.decide("acme/web", BANDIT_EVAL)
        written = gate(tmp_path, "backup", "write", "gate.backup", "--database-url", url)
    restored = gate(
        tmp_path, "backup", "restore", "gate.backup", "--data-dir", tmp_path / "new/.gate/service"
    )
    with Server(tmp_path / "new") as server:
        verified = server.request("GET", "/api/v1/audit/verify").json

    assert (0, 0) == (written.code, restored.code), written.err + restored.err
    assert 1 == verified["decisions"]


def test_no_token_is_in_a_backup(made: Path) -> None:
    assert ADMIN.encode() not in gzip.decompress(made.read_bytes())


@pytest.mark.parametrize(
    "name", ["cut", "lines missing", "a bit", "end missing", "something else", "empty", "newer"]
)
def test_a_backup_that_is_not_whole_restores_nothing(name: str, made: Path, tmp_path: Path) -> None:
    plain = gzip.decompress(made.read_bytes())
    lines = plain.splitlines(keepends=True)
    damaged = {
        "cut": made.read_bytes()[:-20],
        "lines missing": gzip.compress(b"".join([*lines[:10], *lines[11:]])),
        "a bit": gzip.compress(plain.replace(b'"outcome":"fail"', b'"outcome":"pass"', 1)),
        "end missing": gzip.compress(b"".join(lines[:-1])),
        "something else": b"PGDMP",
        "empty": b"",
        "newer": gzip.compress(plain.replace(b'"revision":"0', b'"revision":"9', 1)),
    }
    (tmp_path / "bad.backup").write_bytes(damaged[name])
    result = gate(tmp_path, "backup", "restore", "bad.backup", "--data-dir", tmp_path / "new")
    whole = gate(tmp_path, "backup", "restore", made, "--data-dir", tmp_path / "new")

    assert 3 == result.code, result.err
    assert 0 == whole.code, whole.err


def test_a_backup_never_replaces_a_file_and_needs_a_database(made: Path, tmp_path: Path) -> None:
    (made.parent / "taken.backup").write_bytes(b"mine")

    assert 3 == gate(made.parent, "backup", "write", "taken.backup").code
    assert b"mine" == (made.parent / "taken.backup").read_bytes()
    assert 3 == gate(tmp_path, "backup", "write", "other.backup").code
    assert not (tmp_path / "other.backup").exists()
