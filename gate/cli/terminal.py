"""What the terminal behind a stream can show: colour, signs, width."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple, TextIO

CI_WIDTH = 100


class Terminal(NamedTuple):
    """Facts about one output stream."""

    color: bool
    unicode: bool
    width: int

    @classmethod
    def of(cls, stream: TextIO, color: str = "auto") -> Terminal:
        """What `stream` can show; `color` is auto, always or never (PRODUCT.md c.1)."""
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
        return cls(
            color=_color(stream, color),
            unicode=encoding.startswith("utf"),
            width=shutil.get_terminal_size((CI_WIDTH, 24)).columns if stream.isatty() else _columns(),
        )


def _columns() -> int:
    text = os.environ.get("COLUMNS", "")
    return max(int(text), 40) if text.isdigit() else CI_WIDTH


def _color(stream: TextIO, wish: str) -> bool:
    if wish in ("always", "never"):
        return wish == "always"
    if "NO_COLOR" in os.environ:
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
