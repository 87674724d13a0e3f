"""The process that runs Python policies: one request on stdin, one answer on stdout, then the end.

Started by `engines/python.py` as `python -I -m gate.engines.python_runner`. It limits itself before
it runs anything of anybody's, and keeps the real stdout for its answer, so that a policy that
prints breaks nothing.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from gate import policy

try:
    import resource
except ImportError:  # Windows has none; the deadline of the parent still holds
    resource = None  # type: ignore[assignment]


def main() -> None:
    """Read the request, limit this process, run the policies, write the answer."""
    request = json.load(sys.stdin.buffer)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(request["limits"])
    answers = [_module(module, request["input"]) for module in request["modules"]]
    answer.write(json.dumps(answers).encode())
    answer.close()


def _limit(limits: dict[str, int]) -> None:
    """rlimits, where the platform has them: processor time, memory, files, processes, core."""
    if resource is None:  # type: ignore[unreachable]  # not on Windows
        return
    bounds = {
        "RLIMIT_CPU": limits["cpu_s"],
        "RLIMIT_AS": limits["memory_bytes"],
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": limits["files"],
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }
    for name, bound in bounds.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            resource.setrlimit(kind, (bound, bound))


def _module(module: dict[str, str], given: Any) -> dict[str, Any]:
    """The rules of one policy file, and what they say of `given` (None: list the rules only)."""
    policy.POLICIES.clear()
    path = module["path"]
    try:
        code = compile(module["text"], path, "exec")
        exec(code, {"__name__": "gate_policy", "__file__": path})  # noqa: S102 - running it is the purpose
        rules = list(policy.POLICIES)
        said = (
            [] if given is None else [item for about, check in rules for item in _said(about, check, given)]
        )
    except Exception as error:  # noqa: BLE001 - whatever a policy does wrong is told with its line
        return {"path": path, "error": f"{type(error).__name__}: {error}", "line": _line(error, path)}
    return {"path": path, "rules": [about for about, _ in rules], "said": said}


def _said(about: dict[str, Any], check: policy.Check, given: Any) -> list[dict[str, Any]]:
    # A copy for each check: one that changes its input must not change another's.
    emitted = check(json.loads(json.dumps(given)))
    return [{**item, "rule": about["id"]} for item in emitted]


def _line(error: BaseException, path: str) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return frames[-1].lineno if frames else None


if __name__ == "__main__":
    main()
