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
from typing import TYPE_CHECKING, Final, Protocol

from gate import limits
from gate.engines import protocol
from gate.engines.protocol import Op
from gate.errors import PolicyError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

STOP_TIMEOUT_S: Final = 2.0
SEND_TIMEOUT_S: Final = 30
"""A child always reads; one that does not for so long is stopped or wedged."""
ANSWERS_BYTES: Final = 64 * limits.KIB
"""Read ahead: answers that wait together come with one system call."""
ONE_SEND_BYTES: Final = 256 * limits.KIB
"""Up to here head and body go out in one system call."""


_NUDGE: Final = 0xFFFF_FFFF
"""Number of the request whose answer nobody waits for: it wakes the thread that reads."""


class Awaited(Protocol):
    """Who is told an answer, from whichever thread reads it."""

    def set_result(self, result: memoryview, /) -> None:
        """The payload."""

    def set_exception(self, exception: BaseException, /) -> None:
        """`Failed` or `ChildLost`."""


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
        self._read_ahead = bytearray()
        self._send_lock = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: dict[int, Awaited] = {}
        self._guilty: set[int] = set()
        self._lost: str | None = None
        self._killed_for_deadline = False
        self.has_answered = False
        self.loaded: dict[str, Future[memoryview]] = {}
        self._loop: AbstractEventLoop | None = None
        """The event loop that reads the answers, once the thread that does has handed over."""
        self._loop_thread = 0
        self._outgoing: list[bytes] = []
        """Frames of this turn of the loop."""
        self._start_reader()

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
        self._expect(number, future)
        self._mind()
        frame = protocol.request(number, op, header, len(body))
        if len(body) <= ONE_SEND_BYTES:
            self._send(frame + body)
        else:
            self._send(frame, body)
        return future

    def send_from(
        self, loop: AbstractEventLoop, number: int, op: Op, header: bytes, body: bytes, into: Awaited
    ) -> None:
        """`send` from a turn of the running `loop`, all of whose frames go out together; `into` is told.

        From the first one on the loop reads the answers itself: to wake a thread for each, and the loop
        after it, cost a third of the reviews a second (docs/adr/0014).
        """
        self._expect(number, into)
        if self._loop is not loop and not self._has_claimed(loop):  # another one reads, in another thread
            self._send(protocol.request(number, op, header, len(body)), body)
            return
        if not self._outgoing:
            loop.call_soon(self._send_outgoing, self._outgoing)
        self._outgoing.append(protocol.request(number, op, header, len(body)) + body)

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
        self._mind()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(STOP_TIMEOUT_S)

    def _expect(self, number: int, answer: Awaited) -> None:
        with self._lock:
            if self._lost is not None:
                raise ChildLost(self._lost, culprit_known=self._killed_for_deadline)
            self._waiting[number] = answer

    def _send(self, *pieces: bytes) -> None:
        try:
            with self._send_lock:
                for piece in pieces:
                    self._socket.sendall(piece)
        except OSError:
            self.kill()  # a frame may be half sent: nothing on this socket can be believed any more

    def _send_outgoing(self, frames: list[bytes]) -> None:
        if self._outgoing is frames:
            self._outgoing = []
        self._send(b"".join(frames))

    def _told(self, number: int, payload: bytes | bytearray, *, succeeded: bool) -> None:
        with self._lock:
            waiting = self._waiting.pop(number, None)
        if waiting is None:
            return  # its caller gave up at the deadline
        self.has_answered = True
        if succeeded:
            waiting.set_result(memoryview(payload))
        else:
            waiting.set_exception(Failed(memoryview(payload)))

    # ---------------------------------------------------------------------- answers read by a thread

    def _start_reader(self) -> None:
        self._thread_reads = True
        self._reader = threading.Thread(target=self._read, name="gate-opa reader", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        has_ended = True
        try:
            has_ended = self._read_answers()
        finally:
            if has_ended:
                self._bury()

    def _read_answers(self) -> bool:
        """Whether the stream has ended; False once a loop goes on reading it."""
        while True:
            head = self._received(protocol.ANSWER_BYTES)
            if head is None:
                return True
            length, number, succeeded = protocol.answer_head(bytes(head))
            payload = self._received(length)
            if payload is None:
                return True
            self._told(number, payload, succeeded=succeeded)
            if self._loop is not None and self._has_handed_over():
                return False

    def _received(self, length: int) -> bytearray | None:
        """Exactly `length` bytes, or None at the end of the stream."""
        ahead = self._read_ahead
        try:
            while len(ahead) < length <= ANSWERS_BYTES:
                more = self._socket.recv(ANSWERS_BYTES)
                if not more:
                    return None
                ahead += more
            data = ahead[:length]
            del ahead[:length]
            at = len(data)
            data += bytes(length - at)
            while at < length:  # more than is read ahead: straight to where it stays
                count = self._socket.recv_into(memoryview(data)[at:])
                if not count:
                    return None
                at += count
        except OSError:
            return None
        return data

    def _mind(self) -> None:
        """See to it that somebody reads while a thread waits: not a loop that has ended, nor the one that waits."""
        with self._lock:
            loop = self._loop
            is_own = self._loop_thread == threading.get_ident()
            if self._thread_reads or loop is None or (loop.is_running() and not is_own):
                return
            self._loop = None
            if loop.is_running():
                loop.remove_reader(self._socket)
            self._start_reader()

    # ------------------------------------------------------------------------ answers read by a loop

    def _has_claimed(self, loop: AbstractEventLoop) -> bool:
        """Have `loop`, which runs in this thread, read from now on, unless another one does."""
        with self._lock:
            if self._loop is not None and self._loop is not loop and self._loop.is_running():
                return False
            self._loop, self._loop_thread, self._outgoing = loop, threading.get_ident(), []
            thread_reads = self._thread_reads
        if thread_reads:
            self._send(protocol.request(_NUDGE, Op.HELLO, b"", 0))
        else:
            self._read_on(loop)
        return True

    def _has_handed_over(self) -> bool:
        """Called by the thread between two answers."""
        with self._lock:
            if self._loop is None:
                return False
            try:
                self._loop.call_soon_threadsafe(self._read_on, self._loop)
            except RuntimeError:  # it was closed meanwhile
                self._loop = None
                return False
            self._thread_reads = False
            return True

    def _read_on(self, loop: AbstractEventLoop) -> None:
        if self._loop is loop:
            loop.add_reader(self._socket, self._readable, loop)
            self._take_in()

    def _readable(self, loop: AbstractEventLoop) -> None:
        if self._loop is not loop:
            loop.remove_reader(self._socket)
            return
        try:
            more = self._socket.recv(ANSWERS_BYTES, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            more = b""
        if more:
            self._read_ahead += more
            self._take_in()
            return
        loop.remove_reader(self._socket)
        with self._lock:
            self._loop = None
            self._start_reader()  # it finds the end too, and waits for the process

    def _take_in(self) -> None:
        """Tell every answer that is here whole."""
        ahead, at = self._read_ahead, 0
        while len(ahead) - at >= protocol.ANSWER_BYTES:
            length, number, succeeded = protocol.answer_head(bytes(ahead[at : at + protocol.ANSWER_BYTES]))
            begin = at + protocol.ANSWER_BYTES
            if len(ahead) < begin + length:
                break
            at = begin + length
            self._told(number, ahead[begin:at], succeeded=succeeded)
        del ahead[:at]

    def _bury(self) -> None:
        """Reap the process and tell everyone who waits."""
        with contextlib.suppress(OSError):
            self._process.kill()  # it closed its socket; whatever it still does has no listener
        code = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read(4096).decode("utf-8", "replace").strip().partition("\n")[0]
        self._stderr.close()
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
