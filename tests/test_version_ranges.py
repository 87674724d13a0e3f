"""Version ranges: an order that is not known is never guessed."""

from __future__ import annotations

import pytest

from gate.version_ranges import version_range


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("vers:pypi/1.0", "1.0.0", True),
        ("vers:pypi/1.0", "1.1", False),
        ("vers:pypi/>=1.0|<2.0", "1.0", True),
        ("vers:pypi/>=1.0|<2.0", "2.0", False),
        ("vers:pypi/>=1.0|<2.0", "1.10", True),
        ("vers:pypi/<2.0|>=1.0", "0.9", False),
        ("vers:pypi/>1.0|<2.0|!=1.5", "1.5", False),
        ("vers:pypi/<1.0|>=2.0|<3.0", "0.1", True),
        ("vers:pypi/<1.0|>=2.0|<3.0", "1.5", False),
        ("vers:pypi/<1.0|>=2.0|<3.0", "2.5", True),
        ("vers:pypi/<1.0|>=2.0|<3.0", "3.0", False),
        ("vers:pypi/<1.0|1.5|>2.0", "1.5", True),
        ("vers:pypi/>2.0", "3.0", True),
        ("vers:pypi/>2.0", "2.0", False),
        ("vers:pypi/<=2.0", "2.0", True),
        ("vers:npm/>=1.2.3|<2.0.0", "1.10.0", True),
        ("vers:npm/>=1.2.3|<2.0.0", "1.2.3-rc.1", False),
        ("vers:npm/<1.0.0-rc.10", "1.0.0-rc.9", True),
        ("vers:npm/<1.0.0-rc.10", "1.0.0", False),
        ("vers:golang/<v1.3.0", "v1.2.9+incompatible", True),
        ("vers:npm/<2.0.0", "1.0", False),
        ("vers:pypi/<2.0", "not-a-version", False),
        ("vers:deb/1:3.0.11-1|3.0.9-1", "3.0.9-1", True),
        ("vers:deb/1%3A3.0.11-1", "1:3.0.11-1", True),
        ("vers:deb/3.0.9-1", "3.0.9", False),
    ],
)
def test_a_version_is_in_the_range_or_not(text: str, version: str, expected: bool) -> None:
    assert expected is version_range(text).contains(version)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("pypi/>=1.0", "looks like"),
        ("vers:pypi", "looks like"),
        ("vers:/1.0", "looks like"),
        ("vers:PyPI/1.0", "looks like"),
        ("vers:pypi/*", "every version"),
        ("vers:pypi/", "empty constraint"),
        ("vers:pypi/1.0||2.0", "empty constraint"),
        ("vers:pypi/!=1.0", "open on both sides"),
        ("vers:pypi/>=one", "no version"),
        ("vers:pypi/>=1.0|>2.0", "take turns"),
        ("vers:pypi/1.0|>=1.0.0", "twice"),
        ("vers:npm/>=1.0", "no version"),
        ("vers:deb/>=1.0", "cannot be ordered"),
        ("vers:rpm/!=1.0", "cannot be ordered"),
        ("vers:maven/<2", "cannot be ordered"),
    ],
)
def test_a_range_that_cannot_be_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        version_range(text)
