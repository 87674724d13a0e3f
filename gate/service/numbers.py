"""The numbers on a port of their own: for whoever watches, and for nobody who sends reports."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, start_http_server

from gate.errors import StoreError


class Numbers:
    """A listener in a thread; close it."""

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        """Raises `StoreError` where the port cannot be had."""
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise StoreError(
                f"cannot listen on {host}:{port}: {error.strerror}",
                code="address",
                fix="name another --metrics-port",
            ) from None
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
