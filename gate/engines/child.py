"""One `gate-opa` process: its socket, the requests in flight on it, its end.

Nothing here decides when a child is started, asked again or killed: `engines/embedded.py` does.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from gate import limits
from gate.engines import protocol
from gate.engines.protocol import Op
from gate.errors import PolicyError

STOP_TIMEOUT_S: Final = 2.0
SEND_TIMEOUT_S: Final = 30
"""A child always reads; one that does not for so long is stopped or wedged."""
ANSWERS_BYTES: Final = 64 * limits.KIB
"""Read ahead: answers that wait together come with one system call."""
ONE_SEND_BYTES: Final = 256 * limits.KIB
"""Up to here head and body go out in one system call."""


class ChildLost(Exception):
    """The child ended before it answered; `culprit_known` when this request was only near by."""

    def __init__(self, text: str, *, culprit_known: bool) -> None:
        super().__init__(text)
        self.culprit_known = culprit_known


class Child:
    """One process, its socket and the requests in flight on it."""

    def __init__(self, executable: Path, memory_mib: int) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child has been reaped
        try:
            self._process = subprocess.Popen(
                [str(executable), "serve", "--memory-limit-mib", str(memory_mib)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env={"GOTRACEBACK": "none"},
                close_fds=True,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            self._stderr.close()
            raise PolicyError(
                f"the Rego engine does not start: {error.strerror}",
                code="engine_missing",
                path=str(executable),
                fix="install the package gate-opa for this platform, or run `make dev`",
            ) from error
        finally:
            theirs.close()
        seconds = struct.pack("ll", SEND_TIMEOUT_S, 0)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * limits.MIB)
        self._answers = ours.makefile("rb", ANSWERS_BYTES)
        self._send_lock = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[memoryview]] = {}
        self._guilty: set[int] = set()
        self._lost: str | None = None
        self._killed_for_deadline = False
        self.has_answered = False
        self.loaded: dict[str, Future[memoryview]] = {}
        self._reader = threading.Thread(target=self._read, name="gate-opa reader", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id."""
        pid: int = self._process.pid
        return pid

    @property
    def is_lost(self) -> bool:
        """Whether it has ended; it answers nothing any more."""
        return self._lost is not None

    @property
    def died_at_once(self) -> bool:
        """Whether it ended by itself before it answered anything."""
        return self.is_lost and not self.has_answered and not self._killed_for_deadline

    @property
    def in_flight(self) -> int:
        """How many requests wait for an answer."""
        return len(self._waiting)

    def send(self, number: int, op: Op, header: bytes, body: bytes) -> Future[memoryview]:
        """The answer's payload to come; raises `ChildLost` where the child is gone already."""
        future: Future[memoryview] = Future()
        with self._lock:
            if self._lost is not None:
                raise ChildLost(self._lost, culprit_known=self._killed_for_deadline)
            self._waiting[number] = future
        frame = protocol.request(number, op, header, len(body))
        try:
            with self._send_lock:
                if len(body) <= ONE_SEND_BYTES:
                    self._socket.sendall(frame + body)
                else:
                    self._socket.sendall(frame)
                    self._socket.sendall(body)
        except OSError:
            self.kill()  # a frame may be half sent: nothing on this socket can be believed any more
        return future

    def kill(self, number: int | None = None) -> None:
        """End the child now; `number` is the request that overran, everyone else is innocent."""
        if number is not None:
            with self._lock:
                self._guilty.add(number)
                self._killed_for_deadline = True
        with contextlib.suppress(OSError):
            self._process.kill()

    def stop(self) -> None:
        """Close the socket (the child ends at once) and wait; kill if it does not."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(STOP_TIMEOUT_S)

    def _read(self) -> None:
        try:
            self._read_answers()
        finally:
            self._bury()

    def _read_answers(self) -> None:
        while True:
            head = self._received(protocol.ANSWER_BYTES)
            if head is None:
                return
            length, number, succeeded = protocol.answer_head(head)
            payload = self._received(length)
            if payload is None:
                return
            with self._lock:
                future = self._waiting.pop(number, None)
            if future is None:
                continue  # its caller gave up at the deadline
            self.has_answered = True
            if succeeded:
                future.set_result(memoryview(payload))
            else:
                future.set_exception(Failed(memoryview(payload)))

    def _received(self, length: int) -> bytes | None:
        """Exactly `length` bytes, or None at the end of the stream."""
        try:
            data = self._answers.read(length)
        except OSError:
            return None
        return data if len(data) == length else None

    def _bury(self) -> None:
        """Reap the process and tell everyone who waits."""
        with contextlib.suppress(OSError):
            self._process.kill()  # it closed its socket; whatever it still does has no listener
        code = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read(4096).decode("utf-8", "replace").strip().partition("\n")[0]
        self._stderr.close()
        self._answers.close()
        self._socket.close()
        reason = said or f"the engine ended with code {code}"
        with self._lock:
            self._lost = reason
            waiting, self._waiting = self._waiting, {}
        for number, future in waiting.items():
            known = self._killed_for_deadline and number not in self._guilty
            future.set_exception(ChildLost(reason, culprit_known=known))


class Failed(Exception):
    """The child answered with a failure; the payload says which."""

    def __init__(self, payload: memoryview) -> None:
        super().__init__("the engine answered with a failure")
        self.payload = payload
