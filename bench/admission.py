"""gate's webhook over HTTP beside an OPA server: the same eleven rules, the same Pod review, the same cores.

Both are asked over 16 connections that stay open, in turns, by one client written by hand. Then an open
loop of 500 a second against Pod Security restricted with 100,000 digests known of the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bench import machine, reviews, throughput
from bench.processes import resident_mib
from bench.table import Row, Table, percentile, within
from bench.throughput import Ask, Round
from gate import times
from gate.feed import Decided, Page
from gate.scales import Outcome

RATIO_BAR: Final = 2.0
P99_BAR: Final = 0.5
RATE_PER_S: Final = 500
P50_BAR_MS: Final = 5.0
P99_BAR_MS: Final = 50.0
MEMORY_BAR_MIB: Final = 300
KNOWN: Final = 100_000
OPA: Final = "opa run --server"
GATE: Final = "gate webhook serve"
PLATFORM: Final = """version: 1
admission:
  images: [{match: registry.example/acme/**, require: decision}]
  namespaces: [{match: prod, environment: production, project: acme/web}]
"""


def measured(folder: Path, quick: bool) -> Table:
    """Both parts."""
    rounds, requests, seconds = (3, 2_000, 5) if quick else (5, 5_000, 20)
    try:
        opa: Path | None = machine.peer(machine.OPA)
    except machine.PeerMissing:
        opa = None
    sides = asyncio.run(_sides(opa, folder, rounds, requests))
    open_loop = asyncio.run(_open_loop(folder, seconds))
    return Table(
        name="admission",
        title=f"Pod review of {len(_review()) / 1000:.1f} KB over HTTP, {throughput.IN_FLIGHT} connections",
        rows=(*_ratios(sides), *open_loop),
    )


def policy() -> str:
    """The eleven rules of pods.rego as gate's own policies are written."""
    text = throughput.POLICY.read_text("utf-8")
    text = text.replace("package bench.pods", "package policy.kubernetes.bench", 1)
    text = text.replace("input.request.object", "input.object")
    numbers = iter(range(1, 100))

    def rule(found: re.Match[str]) -> str:
        name = f"BENCH-{next(numbers)}"
        head = f"# METADATA\n# title: {name}\n# custom: {{id: {name}, severity: high}}\n"
        return f'{head}deny contains {{"rule": "{name}", "message": {found[1]}}} if {{'

    scope = "# METADATA\n# scope: package\n# title: bench\n# custom: {scope: object}\n"
    return scope + re.sub(r"(?m)^deny contains (.+) if \{$", rule, text)


def _review() -> bytes:
    return reviews.encoded(reviews.pod_review())


async def _sides(opa: Path | None, folder: Path, rounds: int, requests: int) -> dict[str, list[Round]]:
    (folder / "policies").mkdir()
    (folder / "policies" / "bench.rego").write_text(policy(), "utf-8")
    sides: dict[str, list[Round]] = {OPA: [], GATE: []}
    async with contextlib.AsyncExitStack() as stack:
        port, _ = await stack.enter_async_context(_webhook(folder, "--policy", "policies"))
        asks: dict[str, Ask] = {GATE: await stack.enter_async_context(_ask(port))}
        if opa is not None:
            server = await stack.enter_async_context(throughput.opa_server(opa, folder))
            asks = {OPA: await stack.enter_async_context(throughput.http_ask(server))} | asks
        await _refuse_wrong_answers(asks[GATE])
        for ask in asks.values():
            await throughput.turn(ask, _review(), requests // 2)
        for _ in range(rounds):
            for name, ask in asks.items():
                sides[name].append(await throughput.turn(ask, _review(), requests))
    return sides


async def _refuse_wrong_answers(ask: Ask) -> None:
    bad = _review().replace(b'"privileged":false', b'"privileged":true', 1)
    allowed = [msgspec.json.decode(await ask(0, body))["response"]["allowed"] for body in (_review(), bad)]
    if allowed != [True, False]:
        raise RuntimeError(f"a good and a bad Pod were allowed: {allowed}, expected [True, False]")


def _ratios(sides: dict[str, list[Round]]) -> list[Row]:
    rows = [
        Row(
            what=name,
            figure=f"{statistics.median(one.per_s for one in turns):,.0f} /s",
            note=f"p50 {statistics.median(one.p50_ms for one in turns):.1f} ms, "
            f"p99 {statistics.median(one.p99_ms for one in turns):.1f} ms",
        )
        for name, turns in sides.items()
        if turns
    ]
    pairs = list(zip(sides[GATE], sides[OPA], strict=False))
    if pairs:
        faster = statistics.median(ours.per_s / theirs.per_s for ours, theirs in pairs)
        tail = statistics.median(ours.p99_ms / theirs.p99_ms for ours, theirs in pairs)
        rows.append(
            Row(
                what="requests/s, gate / OPA",
                figure=f"{faster:.2f}",
                bar=f"{RATIO_BAR}",
                holds=faster >= RATIO_BAR,
            )
        )
        rows.append(
            Row(what="p99, gate / OPA", figure=f"{tail:.2f}", bar=f"{P99_BAR}", holds=tail <= P99_BAR)
        )
    return rows


# ------------------------------------------------------------------------------------ the open loop


async def _open_loop(folder: Path, seconds: int) -> list[Row]:
    """Answers by when they were due, not by when the client found time to ask."""
    (folder / "platform.yaml").write_text(PLATFORM, "utf-8")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "known.jsonl").write_bytes(_known())
    options = ("--policy", "builtin:pod-security/restricted", "--config", "platform.yaml")
    took: list[float] = []
    wrong: list[bytes] = []
    async with _webhook(folder, *options) as (port, pid), _ask(port) as ask:
        places: asyncio.Queue[int] = asyncio.Queue()
        for place in range(throughput.IN_FLIGHT):
            places.put_nowait(place)

        async def one(due: float) -> None:
            place = await places.get()
            answer = await ask(place, _review())
            places.put_nowait(place)
            took.append(time.perf_counter() - due)
            if b'"allowed":true' not in answer:
                wrong.append(answer)

        await throughput.turn(ask, _review(), 500)
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(RATE_PER_S * seconds):
                due = begin + number / RATE_PER_S
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                group.create_task(one(due))
        memory = resident_mib(pid)
    if wrong:
        raise RuntimeError(f"{len(wrong)} reviews were not allowed: {wrong[0]!r}")
    p50, p99 = 1000 * percentile(took, 50), 1000 * percentile(took, 99)
    return [
        Row(
            what=f"{RATE_PER_S}/s, p50",
            figure=f"{p50:.1f} ms",
            bar=f"{P50_BAR_MS:g} ms",
            holds=within(p50, P50_BAR_MS),
        ),
        Row(
            what=f"{RATE_PER_S}/s, p99",
            figure=f"{p99:.1f} ms",
            bar=f"{P99_BAR_MS:g} ms",
            holds=within(p99, P99_BAR_MS),
        ),
        Row(
            what=f"memory, {KNOWN:,} digests known",
            figure=f"{memory:.0f} MiB",
            bar=f"{MEMORY_BAR_MIB} MiB",
            holds=within(memory, MEMORY_BAR_MIB),
            note="the webhook and its engine",
        ),
    ]


def _known() -> bytes:
    """A page that tells of as many digests, the review's own among them."""
    now = times.rfc3339(datetime.now(UTC))
    digests = [reviews.DIGEST, *(f"sha256:{number:064x}" for number in range(KNOWN - 1))]
    changes = tuple(
        Decided(
            sequence=number,
            at=now,
            project="acme/web",
            environment="production",
            digest=digest,
            decision_id=f"0190b6c2-0000-7000-8000-{number:012x}",
            outcome=Outcome.PASS,
            decided_at=now,
            expires_at=None,
            policy_revision="sha256:" + "0" * 64,
        )
        for number, digest in enumerate(digests, 1)
    )
    page = Page(epoch="bench", as_of=now, last=KNOWN, has_more=False, changes=changes)
    return msgspec.json.encode(page) + b"\n"


# -------------------------------------------------------------------------------------- the webhook


@contextlib.asynccontextmanager
async def _webhook(folder: Path, *options: str) -> AsyncIterator[tuple[int, int]]:
    """Port and process of a running webhook."""
    port = throughput.free_port()
    command = [
        *machine.gate_command(),
        "webhook",
        "serve",
        "--plain-http",
        f"--port={port}",
        "--data-dir=data",
        *options,
    ]
    with (folder / "webhook.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: ASYNC220 - nothing else runs meanwhile
    try:
        deadline = time.monotonic() + throughput.READY_S
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"the webhook did not start: {(folder / 'webhook.log').read_text('utf-8')}"
                )
            await asyncio.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.asynccontextmanager
async def _ask(port: int) -> AsyncIterator[Ask]:
    """Sixteen connections that stay open."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(throughput.IN_FLIGHT)]

    async def ask(place: int, body: bytes) -> bytes:
        reader, writer = streams[place]
        writer.write(throughput.request("/admission/validate?timeout=5s", body))
        head = await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(throughput.content_length(head))

    try:
        yield ask
    finally:
        for _, writer in streams:
            writer.close()
