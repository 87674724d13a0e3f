"""What THREATS.md asks of the service and no other page tests; tests/threats.tsv says which test is for which entry."""

from __future__ import annotations

import random
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from gate.errors import StoreError
from gate.stores import chains, database, migrations
from gate.stores.database import Database
from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.service.clocked import Clocked
from tests.service.server import ADMIN, Server

FLIPS = 60
QUIET_S = 1.0
"""A request whose body is awaited gets no answer sooner."""


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[Clocked]:
    running = Clocked(tmp_path / "service", f"sqlite:///{tmp_path / 'gate.db'}")
    with running:
        yield running


def test_a_token_that_counts_for_nothing_is_answered_alike_whatever_the_reason(
    clocked: Clocked,
) -> None:
    """F2: nobody learns whether a token was ever one."""
    project = clocked.project("acme/web")
    revoked, expired = clocked.token("viewer", project), clocked.token("viewer", project)
    its_id = clocked.request("GET", "/api/v1/tokens/self", token=revoked).json["id"]
    clocked.request("DELETE", f"/api/v1/tokens/{its_id}")
    clocked.forward(timedelta(days=91))
    answers = [
        clocked.request("GET", "/api/v1/projects", token=token)
        for token in (revoked, expired, f"gate_{'a' * 60}", "x", revoked[:-1] + "0", revoked.upper())
    ]
    told = [{**one.json, "request_id": "", "instance": ""} for one in answers]

    assert [401] * 6 == [one.status for one in answers]
    assert [told[0]] * 6 == told
    assert 1 == len({one.headers["WWW-Authenticate"] for one in answers})


@pytest.mark.parametrize(
    "path", ["/livez", "/api/v1/projects", "/absent", "/auth/login", "/api/v1/openapi.json"]
)
def test_no_page_of_another_site_frames_an_answer(server: Server, path: str) -> None:
    """F11."""
    policy = server.request("GET", path).headers["Content-Security-Policy"]

    assert "frame-ancestors 'none'" in policy


SMUGGLED = (
    b"GET /api/v1/tokens/self HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n"
    % ADMIN.encode()
)


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n",
        b"Content-Length: 0\r\nContent-Length: 100\r\n\r\n",
        b"Content-Length: 0, 100\r\n\r\n",
        b"Content-Length: +0\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length : 0\r\n\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n",
        b"Transfer-Encoding: chunked, identity\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        b"X: a\x00b\r\n\r\n",
        b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_no_second_request_is_read_out_of_the_body_of_one(server: Server, framing: bytes) -> None:
    """I2: a proxy that reads the framing otherwise would have passed the second on as part of the first."""
    head = b"POST /api/v1/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = answered(server, head + framing + SMUGGLED)

    assert b"bootstrap" not in answer
    assert 1 >= answer.count(b"HTTP/1.1 "), answer


def test_what_would_be_smuggled_is_answered_when_it_is_asked(server: Server) -> None:
    assert b"bootstrap" in answered(server, SMUGGLED)


def answered(server: Server, data: bytes) -> bytes:
    """What comes back, until the server closes or says nothing more."""
    found = b""
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection, suppress(TimeoutError):
        connection.sendall(data)
        connection.settimeout(QUIET_S)
        while piece := connection.recv(65_536):
            found += piece
    return found


def test_a_store_with_a_flipped_byte_is_refused_or_right_and_never_another(
    tmp_path: Path, clocked: Clocked
) -> None:
    """J4: what can be opened and verified holds the same record, byte for byte."""
    project = clocked.project("acme/web")
    for _ in range(3):
        clocked.decide(project, CLEAN_BANDIT)
    clocked.stop()
    whole = (tmp_path / "gate.db").read_bytes()
    before = _record(tmp_path / "gate.db")
    chosen = random.Random(7)  # noqa: S311 - the same bytes each time
    seen = set()
    for number in range(FLIPS):
        folder = tmp_path / f"flipped-{number}"
        folder.mkdir()
        bent = bytearray(whole)
        bent[chosen.randrange(len(bent))] ^= 1 << chosen.randrange(8)
        (folder / "gate.db").write_bytes(bent)
        try:
            found = _record(folder / "gate.db")
        except StoreError:
            seen.add("refused")
        else:
            assert before == found
            seen.add("right")
        shutil.rmtree(folder)

    assert "refused" in seen


def _record(path: Path) -> list[bytes]:
    with closing(Database(f"sqlite:///{path}")) as opened:
        migrations.refuse_other(opened)
        with opened.snapshot() as connection:
            chains.verified(connection)
            return list(chains.lines(connection))


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_sqlite_on_a_network_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """J6."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"proc /proc proc rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n", "utf-8")
    monkeypatch.setattr(database, "_MOUNTS", mounts)
    with pytest.raises(StoreError, match="network"):
        Database(f"sqlite:///{tmp_path / 'gate.db'}")


@pytest.mark.parametrize(
    "by", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=366), timedelta(days=-366)]
)
def test_a_clock_that_jumps_keeps_the_record_whole_and_counts_nothing_twice(
    clocked: Clocked, by: timedelta
) -> None:
    """J11: what is decided after the jump counts as the newest, whatever the clock says."""
    settings = "version: 1\nenvironments: [{name: test}, {name: live, requires: {environment: test}}]\n"
    project = clocked.project("acme/web", settings)
    subject = {"name": "web", "digest": f"sha256:{'d' * 64}"}
    before = clocked.decide(project, CLEAN_BANDIT, meta={"environment": "test", "subject": subject})
    wanted = {"project": project, "environment": "live", "digest": subject["digest"]}
    entered = clocked.json("POST", "/api/v1/promotions", wanted)
    clocked.forward(by)
    after = clocked.decide(project, BANDIT_EVAL, meta={"environment": "test", "subject": subject})
    promoted = clocked.json("POST", "/api/v1/promotions", wanted)
    verified = clocked.request("GET", "/api/v1/audit/verify")

    assert (["pass", "pass", "fail", "fail"], 200, 4) == (
        [one.json["outcome"] for one in (before, entered, after, promoted)],
        verified.status,
        verified.json["decisions"],
    )
