"""What a command line asked for, before anything has been looked at."""

from __future__ import annotations

from typing import Literal

import msgspec

from gate import settings, times
from gate.conftest.policies import Options
from gate.errors import SettingsError, quoted
from gate.gate_yaml import Settings
from gate.model import Evidence


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line asked for; None and empty stand for "not said"."""

    paths: tuple[str, ...] = ()
    config: str | None = None
    config_from: str | None = None
    policies: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    environment: str | None = None
    subject: str | None = None
    subject_type: Literal["source", "image", "manifests", "release"] | None = None
    project: str | None = None
    repository: str | None = None
    commit: str | None = None
    branch: str | None = None
    author: str | None = None
    approvals: str | None = None
    waivers: tuple[str, ...] = ()
    baseline: str | None = None
    timeout: str | None = None
    declared: tuple[str, ...] = ()
    """`FORMAT=PATH`."""
    conftest: Options = Options()
    require: tuple[str, ...] = ()
    max_age: str | None = None
    values: tuple[str, ...] = ()
    """Values files of charts."""
    sets: tuple[str, ...] = ()
    """`KEY=VALUE` for charts."""
    release: str = "release"
    namespace: str = "default"
    kubernetes_version: str | None = None
    keep_stdin: bool = False
    """Whether the caller wants back what stood on stdin."""
    ci: Literal["auto", "none"] = "auto"
    formats: tuple[str, ...] = ()
    """Output formats that exist."""
    record: bool = True


def evidence(wish: Wish) -> tuple[tuple[str, ...], float | None]:
    """`--require` and `--max-age`, which add to what the environment wants."""
    unknown = [kind for kind in wish.require if kind not in tuple(Evidence)]
    if unknown:
        raise SettingsError(
            f"--require {quoted(unknown[0])} is no kind of evidence",
            code="usage",
            expected=", ".join(Evidence),
        )
    seconds = times.duration_s(wish.max_age) if wish.max_age else None
    if wish.max_age and not seconds:
        raise SettingsError(f"--max-age {quoted(wish.max_age)} is no duration", code="usage", expected="24h")
    return wish.require, seconds


def timeout_s(wish: Wish, value: Settings) -> float:
    """Deadline of each question to the policies."""
    if wish.timeout is None:
        return float(value.limits.evaluation_timeout_s)
    seconds = times.duration_s(wish.timeout)
    if not seconds or seconds > settings.LONGEST_EVALUATION_S:
        raise SettingsError(
            f"--timeout {quoted(wish.timeout)} is no duration",
            code="usage",
            expected=f"10s, at most {settings.LONGEST_EVALUATION_S:g}s",
        )
    return seconds
