"""`gate serve`: the store opened and migrated, the first token, uvicorn, and an end in order.

1. open the store; a new one gets its tables, an older one only where it is embedded
2. compile the default policies before anything is accepted
3. a first administrator's token, printed once, where none counts
4. listen; on SIGTERM or SIGINT finish what was begun, then close
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
import uvicorn

from gate import bootstrap, limits, times
from gate.engines.embedded import Engine
from gate.errors import SettingsError, StoreError
from gate.service import beside, identity_settings, logs, numbers, rates, shapes, tracing
from gate.service.app import application
from gate.service.auth import SECRET_BYTES, SHORTEST_OWN_TOKEN, new_token
from gate.service.certificates import Certificate
from gate.service.connections import Capped
from gate.service.context import Service
from gate.service.identity import Identity
from gate.service.jobs import Worker
from gate.stores import events, migrations, tokens
from gate.stores.database import Database
from gate.stores.tokens import Token
from gate.stores.writer import Transaction

CHILDREN: Final = 2
"""gate-opa processes: one that is killed for its deadline leaves the other."""
BACKLOG: Final = 1_024
"""Connections that wait to be taken."""
FIRST_TOKEN_HOURS: Final = 1
"""How long the first token counts: long enough to make another (THREATS.md F12)."""
BOOTSTRAP: Final = "bootstrap"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What `gate serve` was asked for."""

    host: str = "127.0.0.1"
    port: int = 8080
    database_url: str | None = None
    database_url_again: Callable[[], str | None] | None = None
    """Gives the URL as its file has it by now: a password that was replaced counts for each further connection."""
    data_dir: str = ".gate/service"
    policies: str | None = None
    bootstrap_token: str | None = None
    keep_days: int | None = None
    """How long payloads of decisions are kept; None: for ever."""
    admission: beside.Wanted | None = None
    """Where Kubernetes asks; None where it does not."""
    identity: identity_settings.Wanted | None = None
    """Whom it believes; None where that is nobody but its own tokens."""
    tls_certificate: str | None = None
    tls_key: str | None = None
    """PEM files; both or none."""
    metrics_port: int | None = None
    """Where numbers are told; None: at `/metrics`, beside the API."""
    requests_per_minute: int = rates.REQUESTS
    """Of one token."""
    drain_s: float = 0.0
    """How long it still takes requests, unready, once it was told to end."""


def now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)


def database_url(named: str | None, data_dir: str) -> str:
    """The URL that was named, else the SQLite file in `data_dir`."""
    return named or f"sqlite:///{Path(data_dir) / 'gate.db'}"


def secret(environ: Mapping[str, str], name: str) -> str | None:
    """The secret `name` of the environment, or the content of the file that `NAME_FILE` names.

    Raises `SettingsError` where both are there, or the file cannot be read.
    """
    value, path = environ.get(name), environ.get(f"{name}_FILE")
    if value and path:
        raise SettingsError(f"{name} and {name}_FILE are both set", code="usage", fix="unset one of them")
    if not path:
        return value or None
    try:
        return Path(path).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{name}_FILE cannot be read: {type(error).__name__}", code="usage", path=path
        ) from None


def opened(options: Options) -> Service:
    """The service, ready to answer; the caller closes it.

    Raises `GateError` where the store or the policies cannot be used.
    """
    database = Database(database_url(options.database_url, options.data_dir), options.database_url_again)
    try:
        if database.is_postgresql:
            migrations.refuse_other(database) if _has_tables(database) else migrations.migrated(database)
        else:
            migrations.migrated(database)
        engine = Engine(bootstrap.engine_executable(), children=CHILDREN)
        shapes.prepared(engine)
        policies = Path(options.policies) if options.policies else None
        service = Service(
            database,
            engine=engine,
            clock=now,
            randomness=secrets.token_bytes,
            policies=policies,
            identity=Identity(options.identity) if options.identity is not None else None,
            rates=rates.Rates(options.requests_per_minute),
            tracing=tracing.of(os.environ),
        )
    except BaseException:
        database.close()
        raise
    try:
        service.bundle(("builtin:default",))
        service.keep_days = options.keep_days
    except BaseException:
        service.close()
        raise
    return service


def _has_tables(database: Database) -> bool:
    with database.reading() as connection:
        return migrations.current(connection) is not None


def first_token(service: Service, given: str | None) -> str | None:
    """A fresh administrator's token where none counts, to be printed once; None where there is no need.

    `given` (GATE_BOOTSTRAP_TOKEN) is taken instead of a fresh one, and counts for an hour from every start.
    """
    if given is not None and len(given) < SHORTEST_OWN_TOKEN:
        raise SettingsError(
            "GATE_BOOTSTRAP_TOKEN is too short",
            code="usage",
            expected=f"{SHORTEST_OWN_TOKEN} characters or more",
            fix="make one: python3 -c 'import secrets; print(secrets.token_hex(32))'",
        )
    at = service.now()
    with service.database.reading() as connection:
        if given is None and tokens.has_admin(connection, times.sortable(at)):
            return None
    token = given or new_token(service.randomness(SECRET_BYTES))
    kept = Token(
        id=tokens.identity(token)[0],
        name="first token",
        owner=BOOTSTRAP,
        project_id=None,
        role="admin",
        created_at=times.sortable(at),
        created_by=BOOTSTRAP,
        expires_at=times.sortable(at + timedelta(hours=FIRST_TOKEN_HOURS)),
        revoked_at=None,
    )

    def work(transaction: Transaction) -> None:
        connection = transaction.connection
        before = tokens.by_id(connection, kept.id)
        if before is not None:
            # One that somebody revoked stays revoked, whatever the environment of a container still says.
            tokens.prolonged(connection, kept.id, kept.expires_at or "")
            return
        tokens.created(connection, token, kept)
        events.told(
            connection,
            at=transaction.now,
            project_id=None,
            by=BOOTSTRAP,
            action="token.created",
            target=kept.id,
            role="admin",
        )

    service.writer.submit(work)
    return None if given is not None else token


def serve(options: Options, told: Callable[[str], None]) -> None:
    """Answer until somebody ends the process; `told` is called with what a person should read.

    Raises `GateError` where it cannot begin.
    """
    certificate = _certificate(options)
    with_socket = _listening(options.host, options.port)
    try:
        service = opened(options)
    except BaseException:
        with_socket.close()
        raise
    process: beside.Beside | None = None
    worker = Worker(service)
    told_numbers: numbers.Numbers | None = None
    log = logs.begun()
    try:
        service.certificate = certificate
        if certificate is not None:
            service.metrics.certificate_ends.set_function(certificate.expires_s)
        if options.metrics_port is not None:
            told_numbers = numbers.Numbers(service.metrics.registry, options.host, options.metrics_port)
            service.has_metrics_here = False
            told(f"metrics are told on port {told_numbers.port}")
        answering = _Answering(service, options.drain_s)
        answering.take_signals()
        token = first_token(service, options.bootstrap_token)
        if token is not None:
            told(f"first token, shown once, counts for {FIRST_TOKEN_HOURS} hour: {token}")
        with_socket.listen(BACKLOG)
        host, port = with_socket.getsockname()[:2]
        address = f"http{'s' if certificate else ''}://{f'[{host}]' if ':' in host else host}:{port}"
        if options.admission is not None:
            process = answering.process = beside.Beside(options.admission, service, address)
            told(f"admission answers on port {options.admission.port}, certificate {process.certificate}")
        # Last: whoever waits for this line finds everything there.
        told(f"gate answers on {address}")
        answering.run([with_socket])
    finally:
        if process is not None:
            process.stop()
        with_socket.close()
        if told_numbers is not None:
            told_numbers.close()
        service.is_stopping = True
        service.jobs_wait.set()
        worker.join()
        service.close()
        logs.ended(log)


def work(options: Options, told: Callable[[str], None]) -> None:
    """Do jobs until somebody ends the process.

    Raises `GateError` where it cannot begin: another store than PostgreSQL, or one that cannot be used.
    """
    ends = threading.Event()
    service = opened(options)
    log = logs.begun()
    try:
        if not service.database.is_postgresql:
            raise SettingsError(
                "a worker beside the server wants PostgreSQL", code="usage", fix="run `gate serve` alone"
            )
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda *_: ends.set())
        worker = Worker(service)
        told("gate does jobs")
        ends.wait()
        service.is_stopping = True
        service.jobs_wait.set()
        worker.join()
    finally:
        service.close()
        logs.ended(log)


def _certificate(options: Options) -> Certificate | None:
    if options.tls_certificate is None and options.tls_key is None:
        return None
    if options.tls_certificate is None or options.tls_key is None:
        raise SettingsError(
            "a certificate without its key", code="usage", expected="--tls-certificate and --tls-key"
        )
    if options.admission is not None:
        # Its process follows this one over loopback, under a name that no certificate has.
        raise SettingsError(
            "--tls-certificate and --admission-port in one process",
            code="usage",
            fix="run `gate webhook serve --feed https://… --feed-ca FILE` beside it",
        )
    return Certificate(Path(options.tls_certificate), Path(options.tls_key))


def _config(service: Service) -> uvicorn.Config:
    certificate = service.certificate
    return uvicorn.Config(
        application(service),
        http=Capped,
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=limits.SERVICE_GRACE_S,
        proxy_headers=False,
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
    )


class _Answering(uvicorn.Server):
    """uvicorn, which has whoever waits for news answered before it waits for them."""

    def __init__(self, service: Service, drain_s: float) -> None:
        super().__init__(_config(service))
        self._service = service
        self.process: beside.Beside | None = None
        """Admission beside it, which ends meanwhile."""
        self._watching: asyncio.Task[None] | None = None
        self._drain_s = drain_s
        self._stops_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin, and look after the certificate."""
        await super().startup(sockets)
        if self._service.certificate is not None:
            self._watching = asyncio.create_task(self._service.certificate.watch())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, and finish what was begun."""
        self._service.is_stopping = True
        if self.process is not None:
            self.process.end()
        if self._watching is not None:
            self._watching.cancel()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop: told to, and long enough unready that nobody sends more."""
        if self._stops_at is not None and time.monotonic() >= self._stops_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Be unready at once and end later; a second signal ends it at once."""
        if self._service.is_stopping or not self._drain_s:
            super().handle_exit(sig, frame)
        self._service.is_stopping = True
        self._stops_at = time.monotonic() + self._drain_s

    def take_signals(self) -> None:
        """Let SIGTERM and SIGINT end this alone, from now on.

        Before it runs nothing would close the store, nor end admission beside it; and uvicorn raises the
        signal once more when it is done, which by default would end the process before either.
        """
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, self.handle_exit)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        raise StoreError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            code="address",
            fix="name another --host or --port",
        ) from None
    listening.set_inheritable(False)
    return listening
