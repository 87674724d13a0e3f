"""The webhook over a socket: bodies that are too large, too late, or nothing of the kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from gate import limits
from gate.admission.coverage import Registered
from gate.admission.desk import Desk
from gate.service import connections, review_connections, webhook
from tests.admission.builders import desk, pod, review
from tests.e2e.cluster import free_ports

NOTHING: list[dict[str, object]] = []

HEAD = "POST /admission/validate?timeout=5s HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n"


@contextlib.asynccontextmanager
async def served(
    desk: Desk, parts: webhook.Parts | None = None, limit_concurrency: int | None = None
) -> AsyncIterator[int]:
    config = uvicorn.Config(
        webhook.app(desk, parts or webhook.Parts()),
        port=0,
        http=webhook.connection(desk),
        ws="none",
        log_config=None,
        lifespan="on",
        limit_concurrency=limit_concurrency,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by this flag alone
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def said(port: int, text: bytes) -> bytes:
    """Everything that comes back until the other end closes, or one whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return head + await asyncio.wait_for(reader.readexactly(length), 10)
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return b""
    finally:
        writer.close()


def ask(tmp_path: Path, *texts: bytes) -> list[bytes]:
    async def run() -> list[bytes]:
        with desk(tmp_path) as one:
            async with served(one) as port:
                return [await said(port, text) for text in texts]

    return asyncio.run(run())


def posted(body: bytes) -> bytes:
    return HEAD.format(len(body)).encode() + body


def test_a_denial_is_http_200(tmp_path: Path) -> None:
    allowed, denied = ask(tmp_path, posted(review()), posted(review(pod(privileged=1))))

    assert b"HTTP/1.1 200" == allowed[:12] == denied[:12]
    assert b'"allowed":true' in allowed
    assert b'"allowed":false' in denied


def test_what_is_no_review_is_http_400_and_too_large_a_one_413(tmp_path: Path) -> None:
    large = review(pod(annotations={"a": "x" * (limits.REVIEW_BYTES - 2_000)}))
    nothing, fits, announced = ask(
        tmp_path, posted(b"{}"), posted(large), HEAD.format(limits.REVIEW_BYTES + 1).encode()
    )

    assert [b"HTTP/1.1 400", b"HTTP/1.1 200", b"HTTP/1.1 413"] == [
        one[:12] for one in (nothing, fits, announced)
    ]


def test_a_body_of_unknown_length_is_cut_off_above_the_limit(tmp_path: Path) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    head = HEAD.replace("Content-Length: {}", "Transfer-Encoding: chunked").encode()

    (answer,) = ask(tmp_path, head + chunk * 9 + b"0\r\n\r\n")

    assert answer[:12] in (b"HTTP/1.1 413", b"")


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_connections, "BODY_TIMEOUT_S", 0.2)

    (answer,) = ask(tmp_path, HEAD.format(100).encode() + b"{")

    assert b"HTTP/1.1 408" == answer[:12]


def test_headers_that_do_not_end_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)

    assert [b"", b""] == ask(tmp_path, b"POST /admission/validate HTTP/1.1\r\nHost: a\r\n", b"")


def test_endless_headers_are_cut_off(tmp_path: Path) -> None:
    assert [b""] == ask(tmp_path, b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000)


def two_answers(port_answers: bytes) -> list[bool]:
    return [b'"allowed":true' in one for one in port_answers.split(b"HTTP/1.1 200 OK")[1:]]


async def all_said(port: int, text: bytes) -> bytes:
    """Everything that comes back until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def ask_all(tmp_path: Path, text: bytes) -> bytes:
    async def run() -> bytes:
        with desk(tmp_path) as one:
            async with served(one) as port:
                return await all_said(port, text)

    return asyncio.run(run())


def last(body: bytes) -> bytes:
    return posted(body).replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n")


def test_reviews_sent_at_once_are_answered_in_their_order(tmp_path: Path) -> None:
    said_back = ask_all(tmp_path, posted(review(pod(privileged=1))) + last(review()))

    assert [False, True] == two_answers(said_back)
    assert 1 == said_back.count(b"connection: close")


def test_a_body_in_pieces_and_chunks_is_read_whole(tmp_path: Path) -> None:
    body = review()
    head = HEAD.replace("Content-Length: {}", "Transfer-Encoding: chunked\r\nConnection: close").encode()
    chunks = b"".join(b"1\r\n%c\r\n" % letter for letter in body)

    assert [True] == two_answers(ask_all(tmp_path, head + chunks + b"0\r\n\r\n"))


def test_who_waits_for_leave_to_send_a_body_gets_it(tmp_path: Path) -> None:
    asked = last(review()).replace(b"Host: a\r\n", b"Host: a\r\nExpect: 100-continue\r\n")

    assert ask_all(tmp_path, asked).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_another_request_before_the_answer_to_a_review_ends_the_connection(tmp_path: Path) -> None:
    other = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"

    assert b"" == ask_all(tmp_path, posted(review()) + other)


def test_a_review_of_no_length_at_all_and_one_of_a_made_up_length_are_refused(tmp_path: Path) -> None:
    without = HEAD.replace("Content-Length: {}\r\n", "").encode()
    nothing, made_up = ask(tmp_path, without, HEAD.format("12abc").encode())

    assert b"HTTP/1.1 400" == nothing[:12] == made_up[:12] or b"HTTP/1.1 413" == made_up[:12]


def test_above_the_most_connections_a_review_is_told_to_come_back(tmp_path: Path) -> None:
    async def run() -> bytes:
        with desk(tmp_path) as one:
            async with served(one, limit_concurrency=1) as port:
                return await said(port, posted(review()))

    assert b"HTTP/1.1 503" == asyncio.run(run())[:12]


def test_a_bug_is_no_answer_that_lets_anything_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REVIEW_BYTES", None)

    (answer,) = ask(
        tmp_path, HEAD.replace("Content-Length: {}", "Transfer-Encoding: chunked").encode() + b"0\r\n\r\n"
    )

    assert b"HTTP/1.1 500" == answer[:12]


@pytest.mark.parametrize(
    ("query", "budget"),
    [(b"", 4.5), (b"timeout=5s", 4.5), (b"timeout=10s", 9.5), (b"timeout=1s", 0.5), (b"timeout=-1s", 4.5),
     (b"timeout=900s", 29.5), (b"timeout=nonsense", 4.5), (b"timeout=100ms", 0.25)],
)  # fmt: skip
def test_the_budget_is_what_the_api_server_leaves_less_half_a_second(query: bytes, budget: float) -> None:
    assert budget == review_connections.budget_s(query)


def test_health_is_told_in_plain_http_on_a_port_of_its_own_and_takes_no_review(tmp_path: Path) -> None:
    async def run() -> list[bytes]:
        with desk(tmp_path) as one:
            port = free_ports(1)[0]
            parts = webhook.Parts(health=("127.0.0.1", port), registered=Registered(NOTHING))
            async with served(one, parts):
                asked = [b"GET /livez", b"GET /readyz", b"GET /metrics", b"POST /admission/validate"]
                return [
                    await said(port, text + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                    for text in asked
                ]

    live, ready, metrics, reviewed = asyncio.run(run())

    assert live.startswith(b"HTTP/1.1 200")
    assert live.endswith(b"ok")
    assert b"Pod (CREATE, UPDATE): render the configuration anew" in ready
    assert b"\ngate_admission_kinds_not_enforced 9\n" in metrics
    assert reviewed.startswith(b"HTTP/1.1 404")
