"""Where the executable `gate-opa` of this platform is. Nothing else: gate.engines.embedded speaks to it."""

from __future__ import annotations

import os
from pathlib import Path

__version__ = "0.1.0"


def executable() -> Path:
    """The engine inside this wheel; where the environment names one in `GATE_OPA`, that one.

    Whether it exists shows when it is started: a checkout that was never built has none.
    """
    name = "gate-opa.exe" if os.name == "nt" else "gate-opa"
    return Path(os.environ.get("GATE_OPA") or Path(__file__).with_name(name))
