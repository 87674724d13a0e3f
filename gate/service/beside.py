"""Admission beside the service: `gate webhook serve` as a process of its own, fed by this one.

A process, so that a report of a hundred megabytes never holds up a review. It ends with the service; where
it ends by itself it is started again, and `problem` says so meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from gate import times
from gate.errors import SettingsError
from gate.service import own_certificate
from gate.service.auth import SECRET_BYTES, new_token
from gate.service.context import Service
from gate.stores import events, tokens
from gate.stores.tokens import Token
from gate.stores.writer import Transaction

STOP_TIMEOUT_S: Final = 35.0
"""A little more than the webhook takes to finish what it has begun."""
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
TOKEN_DAYS: Final = 30
"""How long the token counts that the process is given; it gets another with every start of the service."""
OWNER: Final = "admission"
_RUN: Final = "from gate.cli import main; main()"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Where and with what admission is to be served."""

    host: str
    port: int
    certificate: str | None = None
    key: str | None = None
    config: str | None = None
    policies: tuple[str, ...] = ()
    folder: Path
    """Spool, what is known, token, certificate of its own."""


class Beside:
    """The process, started and kept running; stop it."""

    def __init__(self, wanted: Wanted, service: Service, feed: str) -> None:
        self.problem: str | None = None
        self._ends = threading.Event()
        wanted.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        token = wanted.folder / "token"
        _written(token, _token(service))
        self.certificate, key = _certificate(wanted, service)
        self._command = [
            *(
                sys.executable,
                "-c",
                _RUN,
                "webhook",
                "serve",
                "--host",
                wanted.host,
                "--port",
                str(wanted.port),
            ),
            *("--certificate", str(self.certificate), "--key", str(key), "--data-dir", str(wanted.folder)),
            *("--feed", feed, "--token-file", str(token), "--ends-with-stdin"),
            *(("--config", wanted.config) if wanted.config else ()),
            *(part for name in wanted.policies for part in ("--policy", name)),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="admission process", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Have it finish what it has begun."""
        self._ends.set()
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.terminate()

    def stop(self) -> None:
        """`end`, and wait."""
        self.end()
        process = self._process
        self._thread.join(STOP_TIMEOUT_S)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    def _run(self) -> None:
        pauses = iter(PAUSES_S)
        while not self._ends.is_set():
            # The environment of the service holds its secrets; none of them is this process's.
            kept = {name: value for name, value in os.environ.items() if not name.startswith("GATE_")}
            opa = {"GATE_OPA": os.environ["GATE_OPA"]} if "GATE_OPA" in os.environ else {}
            self._process = subprocess.Popen(self._command, env=kept | opa, stdin=subprocess.PIPE)
            if self._ends.is_set():
                self._process.terminate()
            code = self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            if not self._ends.is_set():
                self.problem = f"admission ended with code {code} and is started again"
                self._ends.wait(next(pauses, PAUSES_S[-1]))


def _token(service: Service) -> str:
    """A token for the feed, of the role that may do nothing else."""
    token = new_token(service.randomness(SECRET_BYTES))
    at = service.now()
    kept = Token(
        id=tokens.identity(token)[0],
        name="admission beside the service",
        owner=OWNER,
        project_id=None,
        role="admission",
        created_at=times.sortable(at),
        created_by=OWNER,
        expires_at=times.sortable(at + timedelta(days=TOKEN_DAYS)),
        revoked_at=None,
    )

    def work(transaction: Transaction) -> None:
        tokens.created(transaction.connection, token, kept)
        events.told(
            transaction.connection,
            at=transaction.now,
            project_id=None,
            by=OWNER,
            action="token.created",
            target=kept.id,
            role=kept.role,
        )

    service.writer.submit(work)
    return token


def _certificate(wanted: Wanted, service: Service) -> tuple[Path, Path]:
    if (wanted.certificate is None) != (wanted.key is None):
        raise SettingsError("a certificate without its key", code="usage", expected="--certificate and --key")
    if wanted.certificate is not None and wanted.key is not None:
        return Path(wanted.certificate), Path(wanted.key)
    own = own_certificate.files(wanted.folder / "tls", ("localhost", "127.0.0.1", "::1"), service.now())
    return own.certificate, own.key


def _written(path: Path, secret: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secret)
