"""A TCP proxy of the tests' own in front of PostgreSQL's socket: it waits, cuts, and goes away when told."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path


class Proxy:
    """Listens on loopback; close it."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._ends = threading.Event()
        self._cut_at: bytes | None = None
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Let nothing through, and keep the connections."""
        self._flows.clear()

    def flow(self) -> None:
        """Let everything through again."""
        self._flows.set()

    def cut_at(self, text: bytes) -> None:
        """Cut the next connection in which a client says `text`: what it says arrives, the answer never."""
        self._cut_at = text

    def close(self) -> None:
        """Cut everything."""
        self._ends.set()
        self._flows.set()
        for one in [self._listening, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self._target))
                except OSError:
                    client.close()
                    server.close()
                    continue
                self._sockets += [client, server]
                cut = threading.Event()
                for source, sink, is_client in ((client, server, True), (server, client, False)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, is_client, cut), daemon=True
                    ).start()

    def _pass(
        self, source: socket.socket, sink: socket.socket, is_client: bool, cut: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self._flows.wait()
                if is_client and self._cut_at is not None and self._cut_at in data:
                    self._cut_at = None
                    cut.set()
                if cut.is_set() and not is_client:
                    break
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
