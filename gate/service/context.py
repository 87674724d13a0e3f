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
from gate.service.attempts import Attempts
from gate.service.identity import Identity
from gate.stores import bundles, changes, idempotency
from gate.stores.database import Clash, Database
from gate.stores.idempotency import Answer
from gate.stores.writer import Transaction, Writer

KEY_HOURS = 24
"""How long an idempotency key is remembered."""


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
        self.writer = Writer(database, randomness, clock)
        self.is_stopping = False
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
            return self._bundles[use]

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
                idempotency.kept(transaction.connection, principal, key, answer, transaction.now, oldest)
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
