"""Policies tested and checked by the engine that runs them; given that engine, starting nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from gate.engines import python as python_engine
from gate.engines.embedded import Engine
from gate.engines.protocol import Op
from gate.errors import PolicyError
from gate.policy_files import Collected, Module

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


def tested(
    given: Collected, engine: Engine, *, run: str = "", coverage: bool = False, python: bool = False
) -> Tested:
    """The result of every `test_` rule of `given` whose name matches the regular expression `run`.

    `python` runs the `test_` functions of its `*_test.py` files too. Raises `PolicyError` for policies
    that do not compile, and where there is no test at all: none run is not all passed.
    """
    header = {
        "modules": [{"path": module.path, "text": module.text} for module in given.modules],
        "data": given.data,
        "run": run,
        "coverage": coverage,
        "timeout_ms": int(1000 * TEST_TIMEOUT_S / 2),
    }
    result = msgspec.json.decode(engine.ask(Op.TEST, header, timeout_s=TEST_TIMEOUT_S), type=Tested)
    if python:
        tests = [test for module in given.python for test in _python_tests(module, given, run)]
        result = msgspec.structs.replace(result, tests=(*result.tests, *tests))
    if not result.tests:
        raise PolicyError(
            "no policy tests found",
            code="no_tests",
            expected="rules named test_… in *_test.rego, or functions in *_test.py files",
            fix="check the folder, or the expression after --run",
        )
    return result


def _python_tests(module: Module, given: Collected, run: str) -> list[Test]:
    """The tests of one `*_test.py` file, which may import the policies of its folder."""
    if not module.path.endswith("_test.py"):
        return []
    folder = module.path.rpartition("/")[0]
    beside = [
        (one.path, one.text)
        for one in given.python
        if one.path.rpartition("/")[0] == folder and not one.path.endswith("_test.py")
    ]
    package = python_engine.package(module.path)
    try:
        found = python_engine.tested(module.path, module.text, beside, run)
    except PolicyError as error:
        at = error.problems[0]
        what = ", ".join(filter(None, [at.message, at.found]))
        return [
            Test(
                package=package,
                name="(file)",
                file=at.path or module.path,
                line=at.line or 1,
                outcome="error",
                message=what,
            )
        ]
    return [Test(package=package, file=module.path, **msgspec.structs.asdict(test)) for test in found]
