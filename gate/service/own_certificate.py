"""A certificate of the service's own, for admission without one that somebody gave it: a CA and a leaf.

Kept in a folder and used again; made anew in time (gate/service/authority.py). `ca.crt` is what a webhook
configuration needs as `caBundle`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from gate.service import authority
from gate.service.authority import Kept

_NAMES: Final = {
    "key": "ca.key",
    "next_key": "ca-next.key",
    "ca": "ca.crt",
    "leaf_key": "tls.key",
    "certificate": "tls.crt",
}
"""In the order in which they are written: a leaf is never there before its CA is in the bundle."""


class Files(NamedTuple):
    """Where the parts are."""

    certificate: Path
    key: Path
    ca: Path


def files(folder: Path, names: Sequence[str], now: datetime) -> Files:
    """The certificate for the host `names` and addresses, its key and its CA, made where there is none that counts."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = Kept(**{part: _content(folder / name) for part, name in _NAMES.items()})
    after = authority.renewed(before, names, now)
    for part, name in _NAMES.items():
        content: bytes = getattr(after, part)
        if content != getattr(before, part):
            _written(folder / name, content)
    return Files(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _written(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)
