"""One `gate` command in this process, with the time that its imports take.

    python -m bench.imports FILE ARGUMENT…     writes {"imports_s", "total_s"} to FILE

Counted is every outermost import, also those made while the command runs. `-X importtime` cannot
tell this: it counts what it costs itself.
"""

from __future__ import annotations

import builtins
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_inside = threading.local()
_spent = {"s": 0.0}


def _timed(real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, adding the time of its outermost calls to `_spent`."""

    def imported(*arguments: Any, **named: Any) -> Any:
        if getattr(_inside, "import_", False):
            return real(*arguments, **named)
        _inside.import_ = True
        started = time.perf_counter()
        try:
            return real(*arguments, **named)
        finally:
            _inside.import_ = False
            _spent["s"] += time.perf_counter() - started

    return imported


def main() -> None:
    """Run the command with its output thrown away."""
    to, *arguments = sys.argv[1:]
    started = time.perf_counter()
    builtins.__import__ = _timed(builtins.__import__)
    importlib.import_module = _timed(importlib.import_module)
    from gate.cli import run  # noqa: PLC0415 - this import is what is measured

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    run(arguments)
    total_s = time.perf_counter() - started
    Path(to).write_text(json.dumps({"imports_s": _spent["s"], "total_s": total_s}), "utf-8")


if __name__ == "__main__":
    main()
