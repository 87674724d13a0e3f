"""The engine that is installed beside gate: found and started with few imports, so that it starts before the rest of gate."""

from __future__ import annotations

import os
from pathlib import Path

from gate import limits
from gate.engines.embedded import Engine
from gate.errors import PolicyError


def engine_executable() -> Path:
    """The `gate-opa` executable: `GATE_OPA`, or the one of the installed wheel.

    Raises `PolicyError` where there is none.
    """
    named = os.environ.get("GATE_OPA")
    if named:
        return Path(named)
    try:
        from gate_opa import executable  # noqa: PLC0415 - it may be absent
    except ImportError:
        raise PolicyError(
            "the Rego engine is not installed",
            code="engine_missing",
            expected="the package gate-opa",
            fix="install gate-opa for this platform, or run `make dev`",
        ) from None
    path: Path = executable()
    return path


def engine(memory_mib: int = limits.ENGINE_MEMORY_MIB) -> Engine:
    """A new engine; the caller closes it."""
    return Engine(engine_executable(), memory_mib=memory_mib)


def started() -> Engine:
    """A new engine whose child is warming up already; the caller closes it."""
    one = engine()
    one.start()
    return one
