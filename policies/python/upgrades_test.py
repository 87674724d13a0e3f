"""Tests of upgrades.py: `gate policy test --python builtin:python`."""

from upgrades import near_fix, untold_distance


def an_input(**changes):
    finding = {
        "fingerprint": "f1",
        "kind": "vulnerability",
        "rule": "CVE-2026-0001",
        "purl": "pkg:pypi/requests@2.31.0",
        "version": "2.31.0",
        "fixed_versions": ["2.31.4"],
        "state": "new",
        "waived": None,
    }
    return {"findings": [finding | changes]}


def messages(check, **changes):
    return [violation["message"] for violation in check(an_input(**changes))]


def test_a_fix_in_the_same_minor_series_is_denied_with_its_version():
    [violation] = near_fix(an_input())

    assert "deny" == violation["verb"]
    assert "upgrade to 2.31.4" == violation["remedy"]
    assert "f1" == violation["finding"]


def test_the_nearest_of_several_fixes_is_named():
    [violation] = near_fix(an_input(fixed_versions=["3.0", "2.31.10", "2.31.9"]))

    assert "upgrade to 2.31.9" == violation["remedy"]


def test_a_fix_in_another_series_is_left_to_the_thresholds():
    assert [] == messages(near_fix, fixed_versions=["2.32.0", "3.0"])


def test_a_post_release_is_near_and_a_pre_release_of_what_is_installed_is_none():
    assert 1 == len(messages(near_fix, fixed_versions=["2.31.0.post1"]))
    assert [] == messages(near_fix, fixed_versions=["2.31.0rc1"])


def test_another_epoch_is_another_series():
    assert [] == messages(near_fix, fixed_versions=["1!2.31.4"])


def test_what_is_waived_known_before_or_of_another_ecosystem_is_not_judged():
    changes = [
        {"waived": {"waiver": "w-1", "expires": "2026-12-01T00:00:00Z"}},
        {"state": "existing"},
        {"purl": "pkg:npm/requests@2.31.0"},
        {"purl": None},
        {"kind": "code"},
    ]

    assert [[]] * 5 == [messages(near_fix, **change) for change in changes]


def test_versions_that_cannot_be_compared_are_told():
    assert 1 == len(messages(untold_distance, version=None))
    assert 1 == len(messages(untold_distance, version="2.31.0-custom.x"))
    assert 1 == len(messages(untold_distance, fixed_versions=["2.31.4", "see advisory"]))
    assert [] == messages(untold_distance)


def test_without_a_fix_there_is_no_distance_to_tell():
    assert [] == messages(untold_distance, version=None, fixed_versions=[])
