"""What `builtin:pod-security/LEVEL@VERSION` selects, and what it refuses to guess."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gate import pod_security
from gate.errors import PolicyError
from gate.pod_security import Selection
from gate.policy_files import Collected, builtin_names, collected, shipped
from tests.command import files

LEVELS = ("baseline", "restricted")


def chosen(*names: str) -> Collected:
    return collected([f"builtin:{name}" for name in names], Path())


def versions(*names: str) -> Any:
    return chosen(*names).settings.get("pod_security")


def refusal(*names: str) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        chosen(*names)
    return caught.value


def test_both_levels_are_built_in_sets() -> None:
    assert {"pod-security/baseline", "pod-security/restricted"} == {
        name for name in builtin_names() if name.startswith("pod-security")
    }


def test_a_level_is_selected_in_its_version() -> None:
    assert {"baseline": "1.29", "restricted": None} == versions("pod-security/baseline@v1.29")
    assert {"baseline": "1.0", "restricted": None} == versions("pod-security/baseline@v1.0")


def test_restricted_brings_baseline_of_its_version() -> None:
    assert {"baseline": "1.8", "restricted": "1.8"} == versions("pod-security/restricted@v1.8")


@pytest.mark.parametrize("version", ["", "@latest", "@v1.37", "@v1.38", "@v1.99", "@v1.999999"])
def test_without_a_version_and_beyond_the_newest_it_is_the_newest(version: str) -> None:
    assert {"baseline": "1.37", "restricted": "1.37"} == versions(f"pod-security/restricted{version}")


@pytest.mark.parametrize(
    "version",
    ["", "1.29", "v1", "v1.", "v1.029", "v1.29.3", "v1.-1", "v2.0", "v0.9", "V1.29", "v1.29 ", "newest",
     "v1.２９", "v1.29@v1.30", "v1.1234567", "v1." + "9" * 5000],
)  # fmt: skip
def test_what_is_no_version_is_refused(version: str) -> None:
    problem = refusal(f"pod-security/baseline@{version}").problems[0]

    assert "no version of the Pod Security Standards" in problem.message
    assert "@latest, or @v1.0 to @v1.37" in str(problem.expected)


@pytest.mark.parametrize(
    "name",
    ["pod-security", "pod-security/", "pod-security/privileged", "pod-security/Baseline@v1.29", "default@v1.29",
     "pod-security/baseline/host", "pod-security/../kubernetes"],
)  # fmt: skip
def test_another_level_or_a_version_of_another_set_is_refused(name: str) -> None:
    problem = refusal(name).problems[0]

    assert "is not known" in problem.message
    assert "pod-security/baseline, pod-security/restricted" in str(problem.expected)
    assert "builtin:pod-security/restricted@v1.29" in str(problem.fix)


def test_two_levels_in_two_versions_both_stand() -> None:
    names = ("pod-security/baseline@v1.37", "pod-security/restricted@v1.20")

    assert {"baseline": "1.37", "restricted": "1.20"} == versions(*names) == versions(*reversed(names))


def test_one_level_in_two_versions_is_refused() -> None:
    assert "selected twice" in str(refusal("pod-security/baseline@v1.20", "pod-security/baseline"))


def test_naming_a_level_twice_in_one_version_is_naming_it_once() -> None:
    assert {"baseline": "1.37", "restricted": None} == versions(
        "pod-security/baseline", "pod-security/baseline@v1.37"
    )


def test_a_bundle_without_the_standards_says_nothing_of_them() -> None:
    assert versions("kubernetes") is None


def test_a_settings_file_beside_the_standards_does_not_change_the_version(tmp_path: Path) -> None:
    files(tmp_path, team__settings_yaml="pod_security: {baseline: null}\n", team__a_rego="package lib2\n")

    given = collected(["builtin:pod-security/baseline@v1.29", "team"], tmp_path)

    assert {"baseline": "1.29", "restricted": None} == given.settings["pod_security"]


def test_another_level_or_version_is_another_revision() -> None:
    names = [f"pod-security/{level}@v1.{minor}" for level in LEVELS for minor in range(38)]
    names += ["kubernetes", "default"]

    assert len(names) == len({chosen(name).revision for name in names})


def test_the_same_selection_is_the_same_revision() -> None:
    assert chosen("pod-security/baseline").revision == chosen("pod-security/baseline@v1.50").revision


def test_baseline_does_not_load_what_restricted_asks_for() -> None:
    assert not [m.path for m in chosen("pod-security/baseline").modules if "/restricted/" in m.path]


def test_selections_become_settings_and_none_none() -> None:
    assert {} == pod_security.settings([])
    assert {"pod_security": {"baseline": "1.5", "restricted": None}} == pod_security.settings(
        [Selection("baseline", 5)]
    )


def test_the_rules_agree_on_the_newest_version() -> None:
    text = (shipped() / "lib" / "pod_security.rego").read_text("utf-8")

    assert [str(pod_security.NEWEST)] == re.findall(r"(?m)^newest := (\d+)$", text)
