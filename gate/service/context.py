"""What every route is given: the store, its writer, the engine, the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from gate import bootstrap, ids, policy_files, times
from gate.bundle import Bundle
from gate.engines.embedded import Engine
from gate.errors import ReportError
from gate.files import File
from gate.service.attempts import Attempts
from gate.service.certificates import Certificate
from gate.service.identity import Identity
from gate.service.known_reports import Known, KnownReports
from gate.service.metrics import Metrics
from gate.service.rates import Rates
from gate.service.tracing import Tracing
from gate.stores import bundles, changes, idempotency
from gate.stores.database import Clash, Database
from gate.stores.idempotency import Answer
from gate.stores.writer import Transaction, Writer

KEY_HOURS = 24
"""How long an idempotency key is remembered."""


BUNDLES_NAMED = 50
"""Sets of policies that metrics tell apart."""


class OtherRequest(Exception):
    """The idempotency key was used for another request."""


class Service:
    """One running service. Close it."""

    def __init__(
        self,
        database: Database,
        *,
        engine: Engine,
        clock: Callable[[], datetime],
        randomness: Callable[[int], bytes],
        policies: Path | None = None,
        identity: Identity | None = None,
        rates: Rates | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.database = database
        self.engine = engine
        self.now = clock
        self.randomness = randomness
        self.policies = policies
        """The folder whose folders projects may name under `policies.use`."""
        self.identity = identity
        """Whom the platform's file believes; None where it names nobody."""
        self.attempts = Attempts()
        self.metrics = Metrics(database, engine.version)
        self.rates = rates or Rates()
        self.tracing = tracing or Tracing()
        self.known_reports = KnownReports()
        self.writer = Writer(database, randomness, clock)
        self.is_stopping = False
        self.streams = 0
        """Clients that are told of events as they happen."""
        self.keep_days: int | None = None
        """How long payloads are kept; None: for ever."""
        self.jobs_wait = threading.Event()
        """Set where a job was written down: whoever does jobs looks at once."""
        self.certificate: Certificate | None = None
        """What is served with TLS; None without."""
        self.has_metrics_here = True
        """False where they have a port of their own."""
        self._bundles: dict[tuple[str, ...], Bundle] = {}
        self._compiling = threading.Lock()
        fresh = self.new_id()
        self.writer.submit(lambda transaction: changes.begun(transaction.connection, fresh))

    def close(self) -> None:
        """Finish what is written, stop the engine, close the store."""
        self.is_stopping = True
        self.writer.close()
        self.engine.close()
        if self.identity is not None:
            self.identity.close()
        self.tracing.close()
        self.database.close()

    def new_id(self) -> str:
        """A fresh UUIDv7."""
        return ids.uuid7(self.now(), self.randomness(10))

    def now_text(self) -> str:
        """The time as RFC 3339."""
        return times.sortable(self.now())

    def bundle(self, use: tuple[str, ...]) -> Bundle:
        """The compiled policies of `use`, kept in the store under their revision the first time.

        Raises `GateError` where they do not load.
        """
        known = self._bundles.get(use)
        if known is not None:
            return known
        with self._compiling:
            if use not in self._bundles:
                root = self.policies or Path()
                loaded = bootstrap.bundle(use, root, self.engine, python=False)
                content = msgspec.json.encode(policy_files.collected(use, root))
                rules = msgspec.json.encode(loaded.rules)
                now = self.now_text()
                self.writer.submit(
                    lambda transaction: bundles.kept(
                        transaction.connection, loaded.revision, content, rules, now
                    )
                )
                self._bundles[use] = loaded
                self.metrics.loaded(
                    "+".join(use)[:100] if len(self._bundles) <= BUNDLES_NAMED else "other", loaded.revision
                )
            return self._bundles[use]

    def read(self, project_id: str, given: tuple[File, ...]) -> Known:
        """Reports of a project, read; raises `ReportError`, counted, where one is not understood."""
        try:
            return self.known_reports.read(project_id, given, self.engine, self.tracing)
        except ReportError as error:
            formats = [file.declared or "" for file in given]
            self.metrics.not_understood(formats, bootstrap.adapters_imported(), error.problems[0].code)
            raise

    def loaded_bundle(self, revision: str) -> Bundle | None:
        """The compiled policies of a revision, where they are loaded."""
        return next((one for one in list(self._bundles.values()) if one.revision == revision), None)

    def answered(self, principal: str, key: str | None, request_sha256: str) -> Answer | None:
        """What `principal` was answered to this very request before; None where it is new.

        Raises `OtherRequest` where `key` was used for another one.
        """
        if key is None:
            return None
        with self.database.reading() as connection:
            known = idempotency.known(connection, principal, key, self._oldest())
        if known is not None and known.request_sha256 != request_sha256:
            raise OtherRequest
        return known

    def once(
        self, principal: str, key: str | None, request_sha256: str, work: Callable[[Transaction], Answer]
    ) -> Answer:
        """What `work` answers, done and on the disk; under a key that was used meanwhile, what that was.

        Raises `OtherRequest` as `answered`.
        """
        oldest = self._oldest()

        def with_key(transaction: Transaction) -> Answer:
            answer = work(transaction)
            if key is not None:
                idempotency.kept(transaction, principal, key, answer, oldest)
            return answer

        try:
            return self.writer.submit(with_key)
        except Clash:
            # Somebody with the same key was faster; whatever else clashes is the caller's matter.
            known = self.answered(principal, key, request_sha256)
            if known is None:
                raise
            return known

    def _oldest(self) -> str:
        return times.sortable(self.now() - timedelta(hours=KEY_HOURS))
