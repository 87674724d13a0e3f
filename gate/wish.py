"""What a command line asked for, before anything has been looked at."""

from __future__ import annotations

from typing import Literal

import msgspec

from gate import settings, times
from gate.conftest.policies import Options
from gate.errors import SettingsError, quoted
from gate.gate_yaml import Settings
from gate.running import Progress, Run


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
    runs: tuple[Run, ...] = ()
    """Tools to run in the folder `scanned`; `progress` is told how far they are."""
    scanned: str = "."
    progress: Progress | None = None
    keep: str | None = None
    """Folder where the tools' reports are kept."""
    keep_stdin: bool = False
    """Whether the caller wants back what stood on stdin."""
    ci: Literal["auto", "none"] = "auto"
    formats: tuple[str, ...] = ()
    """Output formats that exist."""
    record: bool = True


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
