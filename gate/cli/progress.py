"""How far the tools are: one line on a terminal, cleared at the end; nothing anywhere else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gate.running import Progress

BAR_COLUMNS = 20


@contextmanager
def shown(*, wanted: bool = True) -> Iterator[Progress | None]:
    """What is told of progress while the context lasts; None where stderr is no terminal, or in CI."""
    if not (wanted and sys.stderr.isatty() and not os.environ.get("CI")):
        yield None
        return
    columns = shutil.get_terminal_size((80, 24)).columns

    def told(done: int, total: int, running: Sequence[str]) -> None:
        sys.stderr.write(f"\r\033[K{line(done, total, running)[: columns - 1]}")
        sys.stderr.flush()

    try:
        yield told
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()


def line(done: int, total: int, running: Sequence[str]) -> str:
    """The bar, the count, and what runs."""
    full = BAR_COLUMNS * done // max(total, 1)
    bar = "#" * full + "-" * (BAR_COLUMNS - full)
    return f"[{bar}] {done}/{total} {', '.join(running)}"
