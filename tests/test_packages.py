"""Package URLs: the short way to a package's name gives what the long way gives."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from gate.packages import name, parsed_name
from tests.data import shared_data

_TYPES = ("apk", "cargo", "deb", "gem", "golang", "maven", "npm", "nuget", "pypi", "rpm", "generic", "oci")
_TEXTS = st.text("abzAZ09._-~+:@/%?#", max_size=12)


@given(st.sampled_from(_TYPES), _TEXTS, _TEXTS, _TEXTS)
@example("maven", "", "a", "1")
@example("npm", "a/b/c", "d", "1")
@example("golang", "example", "a/v2", "1")
def test_the_short_way_never_says_anything_else(type_: str, namespace: str, base: str, version: str) -> None:
    for purl in (
        f"pkg:{type_}/{namespace}/{base}@{version}",
        f"pkg:{type_}/{base}@{version}",
        f"pkg:{type_}/{base}",
    ):
        assert parsed_name(purl) == name(purl)


def test_nor_for_real_package_urls() -> None:
    seen: set[str] = set()
    for folder in ("trivy", "grype", "cyclonedx", "spdx"):
        for path in shared_data("reports", folder).glob("*.json"):
            seen.update(re.findall(r'"(pkg:[^"\\\\]+)"', path.read_text("utf-8", "replace")))

    assert len(seen) > 1000
    assert [] == [purl for purl in seen if parsed_name(purl) != name(purl)]
