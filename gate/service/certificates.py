"""A certificate that is replaced while it is served: new handshakes get the new one, none fails.

The files are looked at every half second; a new pair is tried in a context of its own before the
context that serves loads it. A pair that does not load changes nothing and is told.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from gate.errors import SettingsError

LOOK_EVERY_S: Final = 0.5
LOG: Final = logging.getLogger("gate.admission")


class Certificate:
    """A certificate and its key, as files, and the context that serves them."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        self._files = (certificate, key)
        self._client_ca = client_ca
        self._seen = self._state()
        self.replaced = 0
        """How often a new pair was taken."""
        self.expires_at = datetime.fromtimestamp(0, UTC)
        """Of the pair that is served."""
        try:
            self.context, self.expires_at = self._loaded()
        except (OSError, ValueError) as error:
            raise SettingsError(
                "the certificate does not load",
                code="certificate_invalid",
                path=str(certificate),
                found=str(error),
                expected="a PEM certificate chain and its key",
            ) from None

    def expires_s(self) -> float:
        """When the served certificate ends, in seconds since 1970."""
        return self.expires_at.timestamp()

    async def watch(self) -> None:
        """Take new pairs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Take the pair that is there now, if it is another and loads."""
        state = self._state()
        if state == self._seen:
            return
        try:
            _, expires_at = self._loaded()
        except (OSError, ValueError) as error:
            # Two files are never replaced at once: the next look may find a whole pair.
            LOG.warning("the new certificate does not load, the old one stays: %s", error)
            return
        self.context.load_cert_chain(*self._files)
        self._seen, self.expires_at = state, expires_at
        self.replaced += 1
        LOG.info("a new certificate is served")

    def _loaded(self) -> tuple[ssl.SSLContext, datetime]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*self._files)
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        leaf = x509.load_pem_x509_certificate(self._files[0].read_bytes())
        return context, leaf.not_valid_after_utc

    def _state(self) -> tuple[tuple[int, int, int], ...]:
        """What changes with a file's content; a mounted Secret is replaced through a link."""
        return tuple(
            (found.st_mtime_ns, found.st_size, found.st_ino)
            if path.exists() and (found := path.stat())
            else (0, 0, 0)
            for path in self._files
        )
