"""Secrets in files, which whoever rotates them replaces while the service runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from gate.errors import SettingsError

LOG: Final = logging.getLogger("gate.secrets")


class SecretFile:
    """The secret in one file: as it is now, or as it last was where the file is away, empty or half written."""

    def __init__(self, path: Path) -> None:
        """Read it; raises `SettingsError` where there is none."""
        self._path = path
        try:
            self._last = self._read()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"the secret cannot be read: {type(error).__name__}", path=str(path)
            ) from None
        if not self._last:
            raise SettingsError("the secret is empty", path=str(path))

    def value(self) -> str:
        """The secret; read each time it is needed, which is seldom."""
        try:
            found = self._read()
        except (OSError, UnicodeDecodeError) as error:
            LOG.warning("%s: %s; the secret of before is used", self._path, type(error).__name__)
            return self._last
        if found:
            self._last = found
        return self._last

    def _read(self) -> str:
        return self._path.read_text("utf-8").strip()
