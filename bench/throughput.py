"""One Pod review against eleven rules, bytes to bytes through Python: gate's engine beside an OPA server.

Both get the same bytes from one asyncio process with 16 in flight, on the same cores, in turns. The
HTTP client is written by hand, so that the server is not slowed by ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from bench import machine, reviews
from bench.table import Row, Table, percentile
from gate.engines.embedded import Engine
from gate.engines.protocol import Op, evaluation_header

RATIO_BAR: Final = 1.6
IN_FLIGHT: Final = 16
BUNDLE: Final = "bench"
ENTRY: Final = "bench.pods.deny"
POLICY: Final = Path(__file__).parent / "pods.rego"
TIMEOUT_S: Final = 10.0
READY_S: Final = 20.0

Ask = Callable[[int, bytes], Awaitable[bytes]]
"""Which of the 16 asks, and the input -> the answer."""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of one side."""

    per_s: float
    p50_ms: float
    p99_ms: float


def measured(folder: Path, quick: bool) -> Table:
    """Medians over rounds, each side in its turn."""
    rounds, requests = (3, 1_000) if quick else (5, 3_000)
    review = reviews.encoded(reviews.pod_review())
    try:
        executable = machine.peer(machine.OPA)
    except machine.PeerMissing as missing:
        sides, note = asyncio.run(_sides(None, folder, review, rounds, requests)), str(missing)
    else:
        sides, note = asyncio.run(_sides(executable, folder, review, rounds, requests)), ""
    rows = [_row(name, turns) for name, turns in sides.items() if turns]
    servers = sides["opa run --server, HTTP"]
    if servers:
        for name in list(sides)[1:]:
            pairs = [ours.per_s / theirs.per_s for ours, theirs in zip(sides[name], servers, strict=True)]
            ratio = statistics.median(pairs)
            rows.append(
                Row(
                    what=f"{name} / OPA",
                    figure=f"{ratio:.2f}",
                    bar=f"{RATIO_BAR}" if name == ASYNC else "",
                    holds=ratio >= RATIO_BAR if name == ASYNC else None,
                    note="of requests per second, median of " + ", ".join(f"{pair:.2f}" for pair in pairs),
                )
            )
    else:
        rows.append(Row(what="OPA server", figure="-", bar=f"{RATIO_BAR}", note=note))
    return Table(
        name="throughput",
        title=f"{len(review)} bytes of Pod review, 11 rules, {IN_FLIGHT} in flight, {rounds} x {requests} each in turns",
        rows=tuple(rows),
    )


ASYNC: Final = "gate-opa, asyncio"
THREADS: Final = "gate-opa, 16 threads"


def _row(name: str, turns: Sequence[Round]) -> Row:
    per_s, p50_ms, p99_ms = (
        statistics.median(getattr(turn, field) for turn in turns) for field in ("per_s", "p50_ms", "p99_ms")
    )
    return Row(what=name, figure=f"{per_s:,.0f} /s", note=f"p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms")


async def _sides(
    opa: Path | None, folder: Path, review: bytes, rounds: int, requests: int
) -> dict[str, list[Round]]:
    """The rounds of every side; the OPA server's list is empty where there is none."""
    sides: dict[str, list[Round]] = {"opa run --server, HTTP": [], ASYNC: [], THREADS: []}
    async with contextlib.AsyncExitStack() as stack:
        engine = stack.enter_context(machine.engine())
        loaded(engine)
        asks: dict[str, Ask] = {ASYNC: _engine_ask(engine)}
        if opa is not None:
            server = await stack.enter_async_context(opa_server(opa, folder))
            asks = {"opa run --server, HTTP": await stack.enter_async_context(http_ask(server))} | asks
        for ask in asks.values():
            await _refuse_wrong_answers(ask, review)
            await turn(ask, review, requests // 5)
        for _ in range(rounds):
            for name, ask in asks.items():
                sides[name].append(await turn(ask, review, requests))
            sides[THREADS].append(await asyncio.to_thread(_threads, engine, review, requests))
    return sides


async def _refuse_wrong_answers(ask: Ask, review: bytes) -> None:
    """Both sides must allow the Pod, and deny it once it is privileged: speed of nothing is no figure."""
    bad = review.replace(b'"privileged":false', b'"privileged":true', 1)
    allowed, denied = [msgspec.json.decode(await ask(0, body)) for body in (review, bad)]
    counts = [len(answer.get("results", {}).get(ENTRY, answer.get("result"))) for answer in (allowed, denied)]
    if counts != [0, 1]:
        raise RuntimeError(f"the rules said {counts} of a good and a bad Pod, expected [0, 1]")


async def turn(ask: Ask, review: bytes, requests: int) -> Round:
    """`requests` answers, 16 at a time."""
    took: list[float] = []
    left = iter(range(requests))

    async def one(place: int) -> None:
        for _ in left:
            started = time.perf_counter()
            await ask(place, review)
            took.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(one(place) for place in range(IN_FLIGHT)))
    return _round(took, time.perf_counter() - started)


def _round(took: Sequence[float], wall_s: float) -> Round:
    return Round(
        per_s=len(took) / wall_s, p50_ms=1000 * percentile(took, 50), p99_ms=1000 * percentile(took, 99)
    )


# ------------------------------------------------------------------------------------ gate's engine


def loaded(engine: Engine) -> None:
    """Compile the eleven rules into `engine`."""
    modules = [{"path": POLICY.name, "text": POLICY.read_text("utf-8")}]
    engine.load(BUNDLE, {"modules": modules, "rego_version": "v1", "strict": True})


def header(number: int) -> dict[str, object]:
    """The header of one evaluation, as a decision makes it."""
    return evaluation_header(BUNDLE, (ENTRY,), number, f"{number}", TIMEOUT_S, strict=True)


def _engine_ask(engine: Engine) -> Ask:
    async def ask(place: int, body: bytes) -> bytes:
        answer = await engine.ask_async(Op.EVALUATE, header(place), body, timeout_s=TIMEOUT_S, bundle=BUNDLE)
        return bytes(answer)

    return ask


def _threads(engine: Engine, review: bytes, requests: int) -> Round:
    took: list[float] = []
    lock, left = threading.Lock(), iter(range(requests))

    def one(place: int) -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            started = time.perf_counter()
            engine.ask(Op.EVALUATE, header(place), review, timeout_s=TIMEOUT_S, bundle=BUNDLE)
            took.append(time.perf_counter() - started)

    started = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(one, range(IN_FLIGHT)))
    return _round(took, time.perf_counter() - started)


# ---------------------------------------------------------------------------------- the OPA server


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def opa_server(opa: Path, folder: Path) -> AsyncIterator[int]:
    """The port of a running OPA server with the eleven rules."""
    port = free_port()
    command = [
        str(opa),
        "run",
        "--server",
        "--addr",
        f"127.0.0.1:{port}",
        "--log-level",
        "error",
        str(POLICY),
    ]
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + READY_S
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the OPA server did not start")
            await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.asynccontextmanager
async def http_ask(port: int) -> AsyncIterator[Ask]:
    """Sixteen connections that stay open."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(IN_FLIGHT)]

    async def ask(place: int, body: bytes) -> bytes:
        reader, writer = streams[place]
        writer.write(request(f"/v1/data/{ENTRY.replace('.', '/')}", b'{"input":%b}' % body))
        head = await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(content_length(head))

    try:
        yield ask
    finally:
        for _, writer in streams:
            writer.close()


def request(path: str, body: bytes) -> bytes:
    """A POST of JSON on a connection that stays open."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def content_length(head: bytes) -> int:
    """How many bytes follow a response's head; raises `RuntimeError` for any answer but 200."""
    status, *lines = head.decode("latin-1").split("\r\n")
    if status.split(" ")[1] != "200":
        raise RuntimeError(f"the OPA server answered {status!r}")
    fields = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
    return int(fields["content-length"])
