"""The process that runs one Python policy file: a request on stdin, an answer on stdout, then the end.

Started by `engines/python.py`, one process for each file. It limits itself before it runs anything of
anybody's, and keeps the real stdout for its answer: a policy that prints breaks nothing. Limits and
refusals keep accidents small; they are no sandbox (docs/python-policies.md).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final

from gate import policy

try:
    import resource
except ImportError:  # Windows has none; the deadline of the parent still holds
    resource = None  # type: ignore[assignment]

Request = Mapping[str, Any]
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EMITTED: Final = "what deny(…) or warn(…) of gate.policy give"
_REFUSED: Final = re.compile(
    r"os\.(fork|forkpty|exec|posix_spawn|spawn|system|startfile|kill|killpg|remove|rename|rmdir|mkdir|link"
    r"|symlink|truncate|chmod|chown|utime)|pty\.spawn|subprocess\.Popen|socket\..*|ctypes\.dlopen"
)
"""Audit events (Python's sys.addaudithook) of what no policy needs: processes, network, changed files.
Superuser processes are not held by RLIMIT_NPROC, and no rlimit holds sockets or removed files."""


class _Wrong(Exception):
    """A policy file that is not built as one, or gave something that is no list of violations."""

    def __init__(self, message: str, line: int, expected: str, found: str | None = None) -> None:
        super().__init__(message)
        self.facts = {"code": "policy_shape", "line": line, "expected": expected, "found": found}


def main() -> None:
    """Read the request, limit this process, run the policy, write the answer, end at once."""
    request = json.loads(sys.stdin.buffer.readline())
    document = sys.stdin.buffer.read()
    answer = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.environ.clear()
    _limit(request["limits"])
    sys.addaudithook(_refuse)
    answer.write(_answer(request, document).encode())
    answer.close()
    # Neither threads nor exit handlers of the policy keep this process alive.
    os._exit(0)


def _limit(bounds: Mapping[str, int]) -> None:
    """rlimits by name, where the platform has them; one that is lower already stays."""
    for name, bound in bounds.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, most = resource.getrlimit(kind)
        least = bound if most == resource.RLIM_INFINITY else min(bound, most)
        resource.setrlimit(kind, (least, least))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if is_written or _REFUSED.fullmatch(event):
        raise PermissionError(f"a policy only looks at its input: {event} is refused")


def _answer(request: Request, document: bytes) -> str:
    try:
        return json.dumps(_ASKED[request["ask"]](request, document))
    except BaseException as error:  # noqa: BLE001 - whatever a policy does wrong is told with its line
        return json.dumps(_told(error, request))


def _told(error: BaseException, request: Request) -> dict[str, Any]:
    """`error` as an answer: what happened in which file at which line."""
    paths = [request["path"], *(beside["path"] for beside in request["beside"])]
    if isinstance(error, _Wrong):
        return {**error.facts, "error": str(error), "path": paths[0]}
    if isinstance(error, SyntaxError) and error.filename in paths:
        path, line = error.filename, error.lineno
    else:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in paths]
        path, line = (frames[-1].filename, frames[-1].lineno) if frames else (paths[0], None)
    text = traceback.format_exception_only(error)[-1].strip()
    if isinstance(error, MemoryError):
        text = f"MemoryError: the process may take {request['limits']['RLIMIT_AS'] >> 20} MiB"
    return {"code": "python_error", "error": text, "path": path, "line": line}


def _module(path: str, text: str) -> ModuleType:
    """The file run as the module of its name, so that tests beside it can import it."""
    name = path.rpartition("/")[2].removesuffix(".py")
    if name in sys.stdlib_module_names or name in sys.modules:
        raise _Wrong("the file has the name of another module", 1, "a name that Python does not use", name)
    module = ModuleType(name)
    module.__file__ = path
    sys.modules[name] = module
    # Without dont_inherit the policy would be compiled with this file's own __future__ imports.
    exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - this is the purpose
    return module


def _rules(request: Request, _: bytes) -> dict[str, Any]:
    """What the file says of its policies."""
    _module(request["path"], request["text"])
    return {"rules": [about for about, _ in policy.POLICIES]}


def _said(request: Request, document: bytes) -> dict[str, Any]:
    """What every policy of the file says of `document`."""
    _module(request["path"], request["text"])
    said: list[dict[str, Any]] = []
    for about, check in policy.POLICIES:
        # Parsed anew for each: one that changes its input must not change another's.
        for item in _violations(check(json.loads(document)), about["line"]):
            said.append({**item, "rule": about["id"]})
            if len(said) > request["most"]:
                raise _Wrong(
                    "the policy said too much", about["line"], f"at most {request['most']} violations"
                )
    return {"said": said}


def _violations(result: Any, line: int) -> Iterator[dict[str, Any]]:
    """The items of what a check gave; raises `_Wrong` for all that deny(…) and warn(…) do not give."""
    if isinstance(result, (str, bytes, dict)) or not isinstance(result, Iterable):
        found = "nothing, not even an empty list" if result is None else f"one {type(result).__name__}"
        raise _Wrong("the policy gave no list", line, "yield deny(…) or warn(…), or a list of them", found)
    for item in result:
        if not isinstance(item, dict) or item.get("verb") not in policy.VERBS or not _is_text(item):
            raise _Wrong("the policy gave something that is no violation", line, _EMITTED, f"{item!r:.80}")
        yield item


def _is_text(item: dict[str, Any]) -> bool:
    known = {"verb", "message", "remedy", "finding"}
    return item.keys() <= known and "message" in item and all(isinstance(v, str) for v in item.values())


def _tests(request: Request, _: bytes) -> dict[str, Any]:
    """How every `test_` function of the file comes out, the policies beside it being loaded."""
    for beside in request["beside"]:
        _module(beside["path"], beside["text"])
    module = _module(request["path"], request["text"])
    wanted = re.compile(request["run"])
    found = {
        name: check for name, check in vars(module).items() if name.startswith("test_") and callable(check)
    }
    return {
        "tests": [
            _tested(n, c, request) for n, c in found.items() if wanted.search(f"{request['package']}.{n}")
        ]
    }


def _tested(name: str, check: Callable[[], object], request: Request) -> dict[str, Any]:
    started = time.perf_counter_ns()
    told: dict[str, Any] = {}
    try:
        result = check()
    except BaseException as error:  # noqa: BLE001 - a test that ends the process has not passed either
        told = _told(error, request)
        told["outcome"] = "fail" if isinstance(error, AssertionError) else "error"
        result = None
    if result is not None:
        # A generator or coroutine has not run a line of its body.
        told = {"error": f"it gave {type(result).__name__}, expected nothing", "outcome": "error"}
    if told.get("error") == "AssertionError" and told["path"] == request["path"]:
        told["error"] = request["text"].splitlines()[told["line"] - 1].strip()
    line = told.get("line") or check.__code__.co_firstlineno
    return {
        "name": name,
        "line": line,
        "outcome": told.get("outcome", "pass"),
        "message": told.get("error", ""),
        "duration_ns": time.perf_counter_ns() - started,
    }


_ASKED: Final[Mapping[str, Callable[[Request, bytes], dict[str, Any]]]] = MappingProxyType(
    {"rules": _rules, "said": _said, "tests": _tests}
)

if __name__ == "__main__":
    main()
