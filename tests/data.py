"""Where real test data lies, and what happens when it is absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def absent(what: str) -> NoReturn:
    """Skip by name; under GATE_REQUIRE_ALL=1 a skip is a failure."""
    if os.environ.get("GATE_REQUIRE_ALL") == "1":
        pytest.fail(f"{what} is absent, and GATE_REQUIRE_ALL=1 forbids skipping")
    pytest.skip(f"{what} is absent")


def shared_data(*parts: str) -> Path:
    """The folder or file of the shared test data, `GATE_TEST_DATA` or `../shared/data`."""
    root = Path(os.environ.get("GATE_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    path = root.joinpath(*parts)
    if not path.exists():
        absent(f"test data {'/'.join(parts)} (set GATE_TEST_DATA)")
    return path
