"""Package URLs compared: what names the same package, what names the same thing installed.

Source: package-url, purl-spec. A text that is no package URL is never equal to anything.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from packageurl import PackageURL

from gate.version_ranges import version_range

_BUILD_QUALIFIERS: Final = frozenset({"arch", "distro", "distro_name", "package-id", "upstream"})
"""Tools disagree about these for one and the same package; all others tell packages apart."""

_SEPARATORS: Final = re.compile(r"[-_.]+")
_PLAIN: Final = re.compile(
    r"(pkg:(?:apk|cargo|deb|gem|golang|maven|npm|nuget)/(?:[a-z0-9][a-z0-9_-]*/){0,2}[a-z0-9][a-z0-9_-]*)"
    r"(?:@[A-Za-z0-9][A-Za-z0-9._+~:-]*)?"
)
"""Package URLs that name their package in its one spelling already: most of a large report."""
_LOWER_CASE: Final = frozenset({"apk", "composer", "deb", "golang", "pypi", "rpm"})
"""Types whose names are the same in any case, as tools write them."""
_DISTRIBUTIONS: Final = {"amzn": "amazon", "ol": "oracle", "rhel": "redhat"}
"""Namespaces of rpm packages: some tools write the id of os-release, others the vendor."""

Identity = tuple[str, str, str, str, frozenset[tuple[str, str]]]
"""Type, namespace, name, version, qualifiers that count."""


@lru_cache(maxsize=65_536)
def package(purl: str) -> PackageURL | None:
    """`purl` taken apart, or None where it is no package URL."""
    try:
        return PackageURL.from_string(purl)
    except ValueError:
        return None


def name(purl: str) -> str:
    """What package `purl` names, in one spelling, without version, qualifiers and subpath.

    A text that is no package URL is its own name.
    """
    plain = _PLAIN.fullmatch(purl)
    if plain is not None:
        return plain[1]
    return parsed_name(purl)


def parsed_name(purl: str) -> str:
    """`name`, by taking `purl` apart whatever it looks like."""
    found = package(purl)
    return "/".join(("pkg:" + found.type, *filter(None, _spelled(found)))) if found else purl


def _spelled(found: PackageURL) -> tuple[str, str]:
    """Namespace and name of a package in one spelling; PyPI's names as PEP 503 has them."""
    namespace, base = found.namespace or "", str(found.name)
    if found.type in _LOWER_CASE:
        namespace, base = namespace.lower(), base.lower()
    if found.type == "pypi":
        base = _SEPARATORS.sub("-", base)
    if found.type == "rpm":
        namespace = _DISTRIBUTIONS.get(namespace, namespace)
    return namespace, base


def identity(purl: str | None, version: str | None = None) -> Identity | None:
    """What package in what version `purl` names; None without a version, or where two disagree."""
    found = package(purl or "")
    if found is None or not found.version or (version and version != found.version):
        return None
    counted = frozenset(pair for pair in qualifiers(found) if pair[0] not in _BUILD_QUALIFIERS)
    return found.type, found.namespace or "", found.name, found.version, counted


def is_about(wanted: str, versions: str | None, purl: str | None, version: str | None) -> bool:
    """Whether `purl` in `version` is the package of the purl `wanted` and within the range `versions`.

    What `wanted` leaves out may be anything; what it gives, every known version must meet.
    Raises `ValueError` where `versions` is no range (`gate.version_ranges`).
    """
    one, other = package(wanted), package(purl or "")
    if one is None or other is None:
        return False
    known = {text for text in (other.version, version) if text}
    return (
        one.type == other.type
        and _spelled(one) == _spelled(other)
        and (not one.version or known == {one.version})
        and (not one.subpath or one.subpath == other.subpath)
        and qualifiers(one) <= qualifiers(other)
        and (versions is None or (bool(known) and all(map(version_range(versions).contains, known))))
    )


def qualifiers(package: PackageURL) -> set[tuple[str, str]]:
    """The qualifiers of `package`, as pairs."""
    return set(dict(package.qualifiers).items())
