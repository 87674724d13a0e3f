"""Package URLs from the words that tools have for package systems.

Where a word is not known there is no purl: a wrong one would give a finding the identity of another.
Source: the purl specification's types; OSV's list of ecosystems; names that the tools themselves use.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from packageurl import PackageURL

_TYPES: Final = {
    "alpine": "apk",
    "alpm": "alpm",
    "apk": "apk",
    "bundler": "gem",
    "cargo": "cargo",
    "cocoapods": "cocoapods",
    "composer": "composer",
    "crates": "cargo",
    "deb": "deb",
    "debian": "deb",
    "dotnet": "nuget",
    "gem": "gem",
    "go": "golang",
    "golang": "golang",
    "gomodules": "golang",
    "govendor": "golang",
    "gradle": "maven",
    "hex": "hex",
    "maven": "maven",
    "npm": "npm",
    "nuget": "nuget",
    "packagist": "composer",
    "php": "composer",
    "pip": "pypi",
    "pipenv": "pypi",
    "pnpm": "npm",
    "poetry": "pypi",
    "pub": "pub",
    "pypi": "pypi",
    "rhel": "rpm",
    "rpm": "rpm",
    "rubygems": "gem",
    "rust": "cargo",
    "sbt": "maven",
    "swift": "swift",
    "ubuntu": "deb",
    "yarn": "npm",
}
_SYSTEMS: Final = {
    "alpine": "alpine",
    "apk": "alpine",
    "debian": "debian",
    "rhel": "redhat",
    "ubuntu": "ubuntu",
}
"""Distributions: the namespace of their packages."""
_SEPARATORS: Final = re.compile(r"[-_.]+")


@lru_cache(maxsize=65_536)
def purl(system: str, name: str, version: str | None = None) -> str | None:
    """The purl of package `name` of `system` (`npm`, `PyPI`, `Debian:12`, the prefix `crates.`), or None.

    A Maven name is `group:artifact`; a name with slashes has its namespace before the last one.
    """
    word = re.split(r"[:.\s]", system.strip().lower(), maxsplit=1)[0]
    type_ = _TYPES.get(word)
    if type_ is None or not name.strip():
        return None
    namespace, _, base = name.strip().rpartition(":" if type_ == "maven" else "/")
    if type_ in ("deb", "apk", "rpm"):
        namespace, base = _SYSTEMS.get(word, ""), name.strip()
    if type_ == "pypi":
        base = _SEPARATORS.sub("-", base).lower()  # PEP 503
    if not base or (type_ == "maven" and not namespace):
        return None
    return PackageURL(type_, namespace or None, base, version or None).to_string()
