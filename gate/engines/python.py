"""Python policies, each file run in a process of its own, with a deadline and limits.

This is blast-radius reduction, not a boundary: Python policies are trusted code of the policy owner
(THREATS.md E9, docs/python-policies.md). Here processes are started, ended and understood; what
happens inside one is `engines/python_runner.py`.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from gate import limits, times
from gate.errors import PolicyError, Problem, quoted
from gate.model import Point, Rule, Severity

LIST_TIMEOUT_S: Final = 10.0
TEST_TIMEOUT_S: Final = 60.0
"""Of one file of tests."""
ANSWER_BYTES: Final = 64 * limits.MIB
"""Most bytes read of what a policy's process answers."""
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_POINTS: Final = (Point.CI, Point.BACKGROUND)
"""Python policies look at reports; at admission there are none, and no time for a process."""

Files = Sequence[tuple[str, str]]
"""Path and text of each."""


class Test(msgspec.Struct, frozen=True):
    """One test and how it came out."""

    name: str
    line: int
    outcome: str
    message: str
    duration_ns: int


class _About(msgspec.Struct, frozen=True):
    id: str
    title: str
    line: int
    severity: str | None = None
    description: str = ""
    fix: str | None = None
    frameworks: tuple[str, ...] = ()
    effective_on: str | None = None


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of the first three, or an error."""

    rules: tuple[_About, ...] | None = None
    said: tuple[dict[str, str], ...] | None = None
    tests: tuple[Test, ...] | None = None
    error: str | None = None
    code: str = "python_error"
    path: str | None = None
    line: int | None = None
    found: str | None = None
    expected: str | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def package(path: str) -> str:
    """The package name of a policy file: `python.` and its stem."""
    return f"python.{PurePosixPath(path).stem}"


def rules(files: Files) -> dict[str, Rule]:
    """The rules of policy files, by id.

    Raises `PolicyError` with the place of everything that is wrong: a file that does not run, has no
    policy or another file's name, an id used twice.
    """
    result: dict[str, Rule] = {}
    problems: list[Problem] = list(_named_alike(files))
    for path, text in files:
        try:
            found = _asked("rules", path, text, b"", LIST_TIMEOUT_S, LIST_TIMEOUT_S).rules or ()
        except PolicyError as error:
            problems.extend(error.problems)
            continue
        if not found:
            problems.append(
                _problem(path, 1, "no policy in this file", expected="a function with @policy(id=…, title=…)")
            )
        for about in found:
            wrong = list(_wrong(path, about, result))
            problems.extend(wrong)
            if not wrong:
                result[about.id] = _rule(path, about)
    if problems:
        raise PolicyError(problems=tuple(problems))
    return result


def evaluated(files: Files, document: bytes, timeout_s: float) -> dict[str, list[Any]]:
    """Entry point -> what was said about the input `document`; all files together take `timeout_s`.

    Raises `PolicyError` with file and line for a policy that raises, gives something that is no list
    of violations, or passes a limit.
    """
    deadline = time.monotonic() + timeout_s
    answers: dict[str, list[Any]] = {}
    for path, text in files:
        left_s = deadline - time.monotonic()
        said = _asked("said", path, text, document, left_s, timeout_s).said or ()
        for verb in ("deny", "warn"):
            answers[f"{package(path)}.{verb}"] = [
                {key: value for key, value in item.items() if key != "verb"}
                for item in said
                if item["verb"] == verb
            ]
    return answers


def tested(path: str, text: str, beside: Files, run: str) -> tuple[Test, ...]:
    """How the `test_` functions of one file come out whose name matches the regular expression `run`.

    `beside` are the policies it may import by their file's name. Raises `PolicyError` where one of
    them or the file itself does not run, or not in time.
    """
    try:
        re.compile(run)
    except re.error as error:
        raise PolicyError(f"--run {quoted(run)} is no regular expression: {error}", code="usage") from None
    answer = _asked("tests", path, text, b"", TEST_TIMEOUT_S, TEST_TIMEOUT_S, beside=beside, run=run)
    return answer.tests or ()


# ---------------------------------------------------------------------------------------- one file


def _asked(
    ask: str,
    path: str,
    text: str,
    document: bytes,
    left_s: float,
    timeout_s: float,
    *,
    beside: Files = (),
    run: str = "",
) -> _Answer:
    """What one process answers; `left_s` of `timeout_s` are left."""
    request = {
        "ask": ask,
        "path": path,
        "text": text,
        "package": package(path),
        "beside": [{"path": its_path, "text": its_text} for its_path, its_text in beside],
        "run": run,
        "most": limits.VIOLATIONS,
        "limits": bounds(timeout_s),
    }
    data, ended = _run(msgspec.json.encode(request) + b"\n" + document, left_s)
    if ended is None:
        raise PolicyError(
            f"the Python policies did not finish within {timeout_s:g} s, this one was running",
            code="timeout",
            path=path,
            fix="make the policy cheaper, or raise limits.evaluation_timeout",
        )
    if len(data) > ANSWER_BYTES:
        raise PolicyError(
            "the policy said too much", code="too_large", path=path, expected=f"at most {ANSWER_BYTES} bytes"
        )
    try:
        answer = _ANSWER.decode(data)
    except msgspec.DecodeError:
        answer = _Answer()
    if answer.error is None and getattr(answer, ask) is None:
        raise PolicyError(
            "the policy's process ended without a readable answer",
            code="python_lost",
            path=path,
            found=ended,
            expected=f"an answer within {limits.PYTHON_POLICY_MIB} MiB of memory",
            fix="a policy gives a list or yields; it neither ends its process nor needs that much memory",
        )
    if answer.error is not None:
        raise PolicyError(
            quoted(answer.error)[1:-1],
            code=answer.code,
            path=answer.path,
            line=answer.line,
            column=1 if answer.line else None,
            found=answer.found and quoted(answer.found)[1:-1],
            expected=answer.expected,
        )
    return answer


def bounds(timeout_s: float) -> dict[str, int]:
    """rlimits of a policy's process; processor time a little above the deadline, which ends it first."""
    return {
        "RLIMIT_CPU": int(timeout_s) + 2,
        "RLIMIT_AS": limits.PYTHON_POLICY_MIB * limits.MIB,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }


def _run(request: bytes, timeout_s: float) -> tuple[bytes, str | None]:
    """What the process answered, and how it ended; None for the latter where it had to be ended."""
    expired = threading.Event()
    with subprocess.Popen(
        [sys.executable, "-B", "-P", "-s", "-m", "gate.engines.python_runner"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        cwd="/" if os.name == "posix" else None,
        start_new_session=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr  # noqa: S101 - for mypy: all are pipes

        def end() -> None:
            expired.set()
            _kill(process)

        timer = threading.Timer(max(timeout_s, 0.0), end)
        timer.start()
        # Where it has ended already, how it ended says more than the broken pipe.
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(request)
        answer = process.stdout.read(ANSWER_BYTES + 1)
        if len(answer) > ANSWER_BYTES:
            _kill(process)
        code = process.wait()
        timer.cancel()
        # What the policy started and left behind ends with it.
        _kill(process)
        last = process.stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    if expired.is_set():
        return b"", None
    name = signal.Signals(-code).name if -code in {*signal.Signals} else f"exit code {code}"
    return answer, quoted(last) if last else name


def _environment() -> Mapping[str, str]:
    """Nothing of the caller's: where gate is, an order of sets that stays, and what Windows needs."""
    needed = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONHASHSEED": "0", **needed}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and its whole group."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


# ------------------------------------------------------------------------------- what files declare


def _named_alike(files: Files) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path, _ in files:
        # The answers of one would stand in for the other's.
        if first.setdefault(package(path), path) != path:
            yield _problem(path, 1, f"{first[package(path)]} has the same name", fix="rename one of them")


def _wrong(path: str, about: _About, known: Mapping[str, Rule]) -> Iterator[Problem]:
    if not _ID.fullmatch(about.id):
        expected = "a letter, then letters, digits, '.', '_', '-'"
        yield _problem(path, about.line, f"rule id {quoted(about.id)} is no id", expected=expected)
    if about.id in known:
        other = known[about.id]
        yield _problem(
            path, about.line, f"rule id {about.id} is used twice", found=f"{other.file}:{other.line}"
        )
    if about.severity is not None and about.severity not in tuple(Severity):
        what = f"severity {quoted(about.severity)} is not known"
        yield _problem(path, about.line, what, expected=", ".join(Severity))
    if about.effective_on is not None and times.start_of(about.effective_on) is None:
        what = f"effective_on {quoted(about.effective_on)} is no date"
        yield _problem(path, about.line, what, expected="2026-12-31")


def _problem(path: str, line: int, message: str, **more: str) -> Problem:
    return Problem(code="policy_invalid", message=message, path=path, line=line, column=1, **more)


def _rule(path: str, about: _About) -> Rule:
    return Rule(
        id=about.id,
        policy=package(path),
        title=about.title or about.id,
        description=about.description,
        severity=Severity(about.severity) if about.severity else None,
        fix=about.fix,
        frameworks=about.frameworks,
        points=_POINTS,
        effective_on=times.start_of(about.effective_on) if about.effective_on else None,
        file=path,
        line=about.line,
    )
