"""`POST /admission/validate` on a port of its own: the server that runs it, and what runs beside.

Reviews are answered by their connections (`review_connections`). Beside them stand `/livez`, `/readyz`
and `/metrics`, which tell nothing of what was reviewed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import uvicorn

from gate import times
from gate.admission.coverage import Registered
from gate.admission.desk import Desk
from gate.admission.inventory import Inventory
from gate.service.certificates import Certificate
from gate.service.connections import Connection
from gate.service.following import Follower, Forwarder
from gate.service.review_connections import ReviewConnection
from gate.service.standing import Watcher

KEEP_ALIVE_S: Final = 10
CONNECTIONS: Final = 2_000
STOP_TIMEOUT_S: Final = 30
FLUSH_EVERY_S: Final = 5.0
LOG: Final = logging.getLogger("gate.admission")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What runs beside the desk; each may be absent."""

    watcher: Watcher | None = None
    certificate: Certificate | None = None
    follower: Follower | None = None
    forwarder: Forwarder | None = None
    health: tuple[str, int] | None = None
    """Address and port of `/livez`, `/readyz` and `/metrics` in plain HTTP, besides those with TLS."""
    registered: Registered | None = None
    """The webhook configuration that the API server has; None where nobody said."""
    inventory: Inventory | None = None
    """What an informer holds of the cluster; None where none runs."""


def connection(desk: Desk) -> type[asyncio.Protocol]:
    """What makes a connection whose reviews `desk` answers; uvicorn only ever calls it."""
    made = partial(ReviewConnection, answer=desk.answer, refused=partial(desk.counts.add, "refused"))
    return cast("type[asyncio.Protocol]", made)


def app(desk: Desk, parts: Parts) -> Application:
    """What is asked besides reviews, as an ASGI application; its lifespan starts and stops what runs beside."""

    async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(desk, parts, receive, send)
        elif scope["type"] == "http":
            await _beside(desk, parts, scope["path"], scope["method"], send)

    return application


async def _beside(desk: Desk, parts: Parts, path: str, method: str, send: Send) -> None:
    if method not in ("GET", "HEAD"):
        await _sent(send, 404, b"not here", b"text/plain")
    elif path == "/livez":
        await _sent(send, 200, b"ok", b"text/plain")
    elif path == "/readyz":
        await _sent(send, 200, json.dumps(_state(desk, parts)).encode(), b"application/json")
    elif path == "/metrics":
        await _sent(send, 200, _metrics(desk, parts), b"text/plain; version=0.0.4")
    else:
        await _sent(send, 404, b"not here", b"text/plain")


def _state(desk: Desk, parts: Parts) -> dict[str, Any]:
    """What a person who looks at `/readyz` should see; what is broken does not make it unready.

    A webhook that is not ready is not called, and then everything is denied.
    """
    known = desk.known
    return {
        "ready": True,
        "revision": desk.ground.bundle.revision,
        "rules": len(desk.ground.bundle.rules),
        "policies_refused": parts.watcher.problem if parts.watcher else None,
        "store": {
            "as_of": times.rfc3339(known.as_of) if known.as_of else None,
            "digests": len(known),
            "error": parts.follower.error if parts.follower else None,
        },
        "records_waiting_because": parts.forwarder.error if parts.forwarder else None,
        "not_enforced": None if parts.registered is None else _not_enforced(desk, parts.registered),
        "informer": None if parts.inventory is None else parts.inventory.state(),
        "certificate_expires": times.rfc3339(parts.certificate.expires_at) if parts.certificate else None,
    }


def _not_enforced(desk: Desk, registered: Registered) -> list[str]:
    """Kinds that the rules speak of and the API server never asks about, with the reason."""
    return [
        f"{gap.kind} ({', '.join(gap.operations)}): {gap.why}" for gap in registered.gaps(desk.ground.bundle)
    ]


def _metrics(desk: Desk, parts: Parts) -> bytes:
    lines = desk.counts.lines()
    if parts.watcher is not None:
        lines += [
            f"gate_admission_policies_replaced_total {parts.watcher.replaced}",
            f"gate_admission_policies_refused_total {parts.watcher.refused}",
        ]
    if parts.certificate is not None:
        lines.append(f"gate_admission_certificates_replaced_total {parts.certificate.replaced}")
        expires_s = parts.certificate.expires_at.timestamp()
        lines.append(f"gate_admission_certificate_expires_seconds {expires_s:.0f}")
        lines.append(f"gate_tls_certificate_expiry_timestamp_seconds {expires_s:.0f}")
    if parts.registered is not None:
        missing = [gap for gap in parts.registered.gaps(desk.ground.bundle) if not gap.is_final]
        lines.append(f"gate_admission_kinds_not_enforced {len(missing)}")
    if parts.inventory is not None:
        lines += parts.inventory.metrics()
    lines.append(f"gate_admission_known_digests {len(desk.known)}")
    if desk.known.as_of is not None:
        lines.append(f"gate_admission_store_as_of_seconds {desk.known.as_of.timestamp():.3f}")
    return ("\n".join(lines) + "\n").encode()


async def _sent(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# -------------------------------------------------------------------------------- what runs beside


async def _lifespan(desk: Desk, parts: Parts, receive: Receive, send: Send) -> None:
    await receive()
    async with _running(desk, parts):
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


@contextlib.asynccontextmanager
async def _running(desk: Desk, parts: Parts) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_flushing(desk))]
    if parts.watcher is not None:
        tasks.append(asyncio.create_task(parts.watcher.watch()))
    if parts.certificate is not None:
        tasks.append(asyncio.create_task(parts.certificate.watch()))
    threads = [one for one in (parts.follower, parts.forwarder) if one is not None]
    health = None if parts.health is None else _Health(desk, parts, *parts.health)
    asked = None if health is None else asyncio.create_task(health.serve())
    for one in threads:
        one.start()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if health is not None and asked is not None:
            health.should_exit = True
            await asked
        for one in threads:
            one.stop()
        if desk.spool is not None:
            await asyncio.to_thread(desk.spool.close)


async def _flushing(desk: Desk) -> None:
    while True:
        await asyncio.sleep(FLUSH_EVERY_S)
        if desk.spool is not None:
            desk.spool.flush(desk.now())


class _Health(uvicorn.Server):
    """What probes and metrics ask, on a port of its own: no certificate, and no review."""

    def __init__(self, desk: Desk, parts: Parts, host: str, port: int) -> None:
        async def application(scope: MutableMapping[str, Any], _: Receive, send: Send) -> None:
            await _beside(desk, parts, scope["path"], scope["method"], send)

        super().__init__(
            uvicorn.Config(
                application,
                host=host,
                port=port,
                http=Connection,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                limit_concurrency=CONNECTIONS,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the server of the reviews, whose lifespan ends this one."""
        yield


def serve(desk: Desk, parts: Parts, *, host: str, port: int) -> None:
    """Answer until the process is told to end; raises `SystemExit` where the port is taken."""
    # A command that ends needs no search for cycles (gate/cli); this one does not end. What is loaded by
    # now stays, and is not looked at again.
    gc.collect()
    gc.freeze()
    gc.enable()
    certificate = parts.certificate
    config = uvicorn.Config(
        app(desk, parts),
        host=host,
        port=port,
        http=connection(desk),
        loop="auto",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_TIMEOUT_S,
        limit_concurrency=CONNECTIONS,
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
    )
    uvicorn.Server(config).run()


def data_folders(data_dir: Path) -> tuple[Path, Path]:
    """Where what is known of the store is kept, and the folder of the spools."""
    return data_dir / "known.jsonl", data_dir / "spool"
