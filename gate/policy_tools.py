"""Policies tested and checked by the engine that runs them; given that engine, starting nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from gate.engines.embedded import Engine
from gate.engines.protocol import Op
from gate.errors import PolicyError
from gate.policy_files import Collected

TEST_TIMEOUT_S = 120.0


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One policy unit test and how it came out."""

    package: str
    name: str
    file: str = ""
    line: int = 0
    outcome: str
    duration_ns: int = 0
    message: str = ""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What a test run gave."""

    tests: tuple[Test, ...]
    coverage: dict[str, Any] | None = None
    """{"covered_percent", "files": {path: {"covered", "not_covered", "covered_percent"}}}."""

    @property
    def has_failed(self) -> bool:
        """Whether any test did not pass; a skipped one has not failed."""
        return any(test.outcome not in ("pass", "skip") for test in self.tests)


def tested(given: Collected, engine: Engine, *, run: str = "", coverage: bool = False) -> Tested:
    """The result of every `test_` rule of `given` whose name matches the regular expression `run`.

    Raises `PolicyError` for policies that do not compile, and where there is no test at all: none
    run is not all passed.
    """
    header = {
        "modules": [{"path": module.path, "text": module.text} for module in given.modules],
        "data": given.data,
        "run": run,
        "coverage": coverage,
        "timeout_ms": int(1000 * TEST_TIMEOUT_S / 2),
    }
    result = msgspec.json.decode(engine.ask(Op.TEST, header, timeout_s=TEST_TIMEOUT_S), type=Tested)
    if not result.tests:
        raise PolicyError(
            "no policy tests found",
            code="no_tests",
            expected="rules named test_… in *_test.rego files",
            fix="check the folder, or the expression after --run",
        )
    return result
