"""Pod Security Standards: which level and version a built-in set's name selects; pure.

The rules are Rego (policies/pod-security/), which read the selection from `settings.pod_security`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from gate.errors import PolicyError, quoted

BASELINE: Final = "baseline"
RESTRICTED: Final = "restricted"
FOLDERS: Final = {f"pod-security/{level}": level for level in (BASELINE, RESTRICTED)}
"""Built-in folder -> level of the standards."""
NEWEST: Final = 37
"""The minor version of Kubernetes whose standards are the newest known; `lib.kubernetes.pod_security` agrees."""
_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]{0,5})")


class Selection(msgspec.Struct, frozen=True):
    """One level of the standards, as Kubernetes 1.`minor` defines it."""

    level: str
    minor: int


def parted(name: str) -> tuple[str, str]:
    """`pod-security/baseline@v1.29` as set and version; other names whole, and no version."""
    folder, at, version = name.partition("@")
    return (folder, version if at else "latest") if folder in FOLDERS else (name, "latest")


def selection(folder: str, version: str) -> Selection:
    """The level of `folder` at `version`: `latest` or `v1.N`; a version not known yet is the newest.

    Raises `PolicyError` for anything else: a misspelt version must not select another one.
    """
    found = _VERSION.fullmatch(version)
    if found is None and version != "latest":
        raise PolicyError(
            f"{quoted(version)} is no version of the Pod Security Standards",
            code="no_policies",
            path=f"builtin:{folder}",
            expected=f"@latest, or @v1.0 to @v1.{NEWEST} (a newer one stands for @v1.{NEWEST})",
        )
    return Selection(FOLDERS[folder], min(int(found[1]), NEWEST) if found else NEWEST)


def settings(selections: Iterable[Selection]) -> dict[str, Any]:
    """The settings that tell the rules: `{"pod_security": {"baseline": "1.29", "restricted": null}}`.

    Restricted brings baseline of its version; where baseline is selected beside it, both versions
    hold. Nothing selected, nothing said. Raises `PolicyError` for one level in two versions.
    """
    minors: dict[str, int] = {}
    for one in selections:
        other = minors.setdefault(one.level, one.minor)
        if other != one.minor:
            raise PolicyError(
                f"pod-security/{one.level} is selected twice",
                code="policies_contradict",
                found=f"versions v1.{other} and v1.{one.minor}",
                expected="one version",
                fix="name it once in policies.use",
            )
    if not minors:
        return {}
    if RESTRICTED in minors:
        minors.setdefault(BASELINE, minors[RESTRICTED])
    versions = {level: f"1.{minors[level]}" if level in minors else None for level in FOLDERS.values()}
    return {"pod_security": versions}
