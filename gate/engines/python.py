"""Python policies, each run in a process of its own, with a deadline and rlimits.

This is blast-radius reduction, not a boundary: Python policies are trusted code of the policy
owner (THREATS.md E9). Their environment is empty and their working directory is the root.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from gate import limits, times
from gate.errors import PolicyError, quoted
from gate.model import Rule, Severity

LIST_TIMEOUT_S: Final = 10.0


class _Module(msgspec.Struct):
    path: str
    rules: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    error: str | None = None
    line: int | None = None


_ANSWER: Final = msgspec.json.Decoder(list[_Module])


def package(path: str) -> str:
    """The package name of a policy file: `python.` and its stem."""
    return f"python.{PurePosixPath(path).stem}"


def rules(modules: Sequence[tuple[str, str]]) -> dict[str, Rule]:
    """The rules of policy files, by id; each `modules` item is path and text.

    Raises `PolicyError` for a file that does not run, has no policy, or an id used twice.
    """
    result: dict[str, Rule] = {}
    for module in _run(modules, None, LIST_TIMEOUT_S):
        if not module.rules:
            raise PolicyError(
                "no policy in this file",
                code="no_policies",
                path=module.path,
                line=1,
                column=1,
                expected="a function with @policy(id=…, title=…)",
            )
        for about in module.rules:
            rule = _rule(module.path, about)
            if rule.id in result:
                raise PolicyError(
                    f"rule id {rule.id} is used twice", path=rule.file, line=rule.line, column=1
                )
            result[rule.id] = rule
    return result


def evaluated(modules: Sequence[tuple[str, str]], document: bytes, timeout_s: float) -> dict[str, list[Any]]:
    """`python.NAME.deny` and `python.NAME.warn` -> what was said.

    Raises `PolicyError` at the deadline, at a limit, and for every exception, with file and line.
    """
    answers: dict[str, list[Any]] = {}
    for module in _run(modules, document, timeout_s):
        name = package(module.path)
        for verb in ("deny", "warn"):
            said = [item for item in module.said if item.get("verb") == verb]
            answers[f"{name}.{verb}"] = [{k: v for k, v in item.items() if k != "verb"} for item in said]
        strange = [item for item in module.said if item.get("verb") not in ("deny", "warn")]
        if strange:
            raise PolicyError(
                "a policy gave something that is no violation",
                code="policy_shape",
                path=module.path,
                found=quoted(strange[0]),
                expected="deny(…) or warn(…) from gate.policy",
            )
    return answers


def _run(modules: Sequence[tuple[str, str]], document: bytes | None, timeout_s: float) -> list[_Module]:
    request = msgspec.json.encode(
        {
            "modules": [{"path": path, "text": text} for path, text in modules],
            "input": msgspec.Raw(document) if document is not None else None,
            "limits": {
                "cpu_s": max(int(timeout_s) + 1, 1),
                "memory_bytes": limits.PYTHON_POLICY_MIB * limits.MIB,
                "files": 64,
            },
        }
    )
    paths = ", ".join(path for path, _ in modules)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "gate.engines.python_runner"],
            input=request,
            capture_output=True,
            timeout=timeout_s,
            env={},
            cwd="/" if sys.platform != "win32" else None,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PolicyError(
            f"Python policies did not finish within {timeout_s:g} s", code="timeout", path=paths
        ) from None
    if done.returncode != 0:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise PolicyError(
            "the process of the Python policies ended early",
            code="python_lost",
            path=paths,
            found=quoted(last or f"code {done.returncode}"),
            fix="it may have passed a limit of memory, processor time or files",
        )
    answers = _ANSWER.decode(done.stdout)
    for module in answers:
        if module.error is not None:
            raise PolicyError(
                quoted(module.error)[1:-1], code="python_error", path=module.path, line=module.line, column=1
            )
    return answers


def _rule(path: str, about: dict[str, Any]) -> Rule:
    effective = about.get("effective_on")
    if effective is not None and times.instant(str(effective)) is None:
        raise PolicyError(
            f"effective_on {quoted(effective)} is no date", path=path, line=about["line"], column=1
        )
    severity = about.get("severity")
    if severity is not None and severity not in tuple(Severity):
        raise PolicyError(
            f"severity {quoted(severity)} is not known", path=path, line=about["line"], column=1
        )
    return Rule(
        id=about["id"],
        policy=package(path),
        title=about["title"],
        description=about.get("description") or "",
        severity=Severity(severity) if severity else None,
        fix=about.get("fix"),
        frameworks=tuple(about.get("frameworks") or ()),
        effective_on=times.start_of(str(effective)) if effective else None,
        file=path,
        line=about["line"],
    )
