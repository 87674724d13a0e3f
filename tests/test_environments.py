"""What gate itself says of branches, its own configuration, promotion and approvals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate import environments, times
from gate.documents.shape import Duration
from gate.errors import GateError
from gate.gate_yaml import (
    Baseline,
    EnvironmentSettings,
    Policies,
    Requires,
    Settings,
    Waivers,
)
from gate.model import Approval, Decision, Outcome, PolicySet, Said, Severity, Subject

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def at(hours: float) -> str:
    """An instant so many hours from noon."""
    return times.rfc3339(NOON + timedelta(hours=hours))


def an_environment(*branches: str) -> EnvironmentSettings:
    return EnvironmentSettings(name="production", branches=branches or None)


# ----------------------------------------------------------------------------------------- the rules


def test_every_rule_explains_itself() -> None:
    assert ["GATE-ENV-001", "GATE-ENV-002", "GATE-ENV-003"] == list(environments.RULES)
    for rule in environments.RULES.values():
        assert all((rule.title, rule.description, rule.fix, rule.file == "gate/environments.py"))


def test_all_but_the_configuration_rule_are_of_high_severity() -> None:
    severities = [rule.severity for rule in environments.RULES.values()]

    assert [Severity.HIGH, Severity.MEDIUM, Severity.HIGH] == severities


# ------------------------------------------------------------------------------------------ branches


@pytest.mark.parametrize("branch", ["master", "release/1.2"])
def test_a_branch_that_feeds_the_environment_says_nothing(branch: str) -> None:
    assert () == environments.branch_feeds(an_environment("master", "release/*"), branch)


@pytest.mark.parametrize(
    "branch", ["feature/x", "Master", "master2", "xmaster", "release/1/2", "origin/master"]
)
def test_a_branch_that_does_not_feed_the_environment_is_denied(branch: str) -> None:
    (said,) = environments.branch_feeds(an_environment("master", "release/*"), branch)

    assert ("GATE-ENV-001", "deny") == (said.rule, said.verb)
    assert (
        f"branch {branch!r} does not feed environment production, expected master, release/*" == said.message
    )


@pytest.mark.parametrize("branch", [None, ""])
def test_an_unknown_branch_feeds_no_environment_that_names_branches(branch: str | None) -> None:
    (said,) = environments.branch_feeds(an_environment("**"), branch)

    assert ("GATE-ENV-001", "deny") == (said.rule, said.verb)
    assert (said.remedy or "").startswith("pass --branch")


def test_an_environment_without_branches_takes_any() -> None:
    assert () == environments.branch_feeds(an_environment(), None)


def test_without_an_environment_no_branch_is_judged() -> None:
    assert () == environments.branch_feeds(None, None)


@pytest.mark.parametrize(
    ("pattern", "branch", "feeds"),
    [
        ("feature/*", "feature/a", True),
        ("feature/*", "feature/a/b", False),
        ("feature/**", "feature/a/b", True),
        ("**", "a/b", True),
        ("*", "a/b", False),
        ("release-?", "release-1", True),
        ("master", "master\n", False),
        ("a.c", "abc", False),
    ],
)
def test_stars_stop_at_slashes_and_double_stars_do_not(pattern: str, branch: str, feeds: bool) -> None:
    assert feeds == (() == environments.branch_feeds(an_environment(pattern), branch))


# ------------------------------------------------------------------------------------- configuration


SETTINGS = Settings(
    version=1,
    policies=Policies(
        use=("builtin:default", "./policies/", "oci://r/x@sha256:" + "0" * 64), data=("conf/s.yaml",)
    ),
    baseline=Baseline(mode="file", file="known.json"),
    waivers=Waivers(files=("w.yaml",)),
)


def touched(*changed: str, config: str = "gate.yaml", has_gate_yaml: bool = True) -> tuple[Said, ...]:
    deciding = environments.configuration_paths(SETTINGS, config)
    return environments.configuration(changed, deciding, "f" * 40, has_gate_yaml)


@pytest.mark.parametrize(
    "path", ["gate.yaml", ".gate/waivers.yaml", "policies/a.rego", "conf/s.yaml", "known.json", "w.yaml"]
)
def test_a_change_to_what_judges_it_is_told(path: str) -> None:
    (said,) = touched("src/a.py", path)

    assert ("GATE-ENV-002", "warn") == (said.rule, said.verb)
    assert f"the change touches {path!r}; judged by ffffffffffff instead" == said.message


def test_a_change_to_anything_else_is_not() -> None:
    assert () == touched("src/gate.yaml", "policies2/a.rego", "gate.yaml.md", "default")


def test_paths_start_at_the_folder_of_the_gate_yaml() -> None:
    assert 1 == len(touched("app/policies/a.rego", config="app/gate.yaml"))
    assert () == touched("policies/a.rego", config="app/gate.yaml")


def test_a_base_without_gate_yaml_is_told() -> None:
    (said,) = touched("src/a.py", has_gate_yaml=False)

    assert ("GATE-ENV-002", "warn") == (said.rule, said.verb)
    assert "ffffffffffff has no gate.yaml, so builtin:default judged" == said.message


def test_the_change_that_brings_gate_yaml_is_told_twice() -> None:
    assert 2 == len(touched("gate.yaml", has_gate_yaml=False))


# ----------------------------------------------------------------------------------------- promotion


def a_decision(**changes: Any) -> Decision:
    digest = changes.pop("digest", DIGEST)
    facts: dict[str, Any] = {
        "decision_id": "0193",
        "outcome": Outcome.PASS,
        "project": None,
        "environment": "staging",
        "subject": Subject(name="web", digest=digest),
        "policy": PolicySet(revision="r", engine="e", packages=("p",)),
        "input_sha256": "i",
        "decided_at": at(-2),
        "gate_version": "0",
    }
    return Decision(**facts | changes)


def promoted(newest: Decision | None, digest: str | None = DIGEST, soak_s: float = 3600) -> str:
    """What GATE-ENV-003 says of production; empty when it is content."""
    production = EnvironmentSettings(
        name="production", requires=Requires(environment="staging", soak_s=Duration(soak_s))
    )
    said = environments.promotion(production, digest, newest, NOON)
    assert {("GATE-ENV-003", "deny")} >= {(one.rule, one.verb) for one in said}
    return "".join(one.message for one in said).removeprefix("production requires staging: ")


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.WARN])
def test_a_digest_that_passed_and_soaked_may_come(outcome: Outcome) -> None:
    assert "" == promoted(a_decision(outcome=outcome))


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.NEEDS_APPROVAL])
def test_a_digest_that_did_not_pass_may_not(outcome: Outcome) -> None:
    assert f"its newest decision there is {outcome.value}, expected pass or warn" == promoted(
        a_decision(outcome=outcome)
    )


def test_a_digest_without_any_decision_may_not() -> None:
    assert "no decision about sha256:aaaaaaaaaaaa there" == promoted(None)


@pytest.mark.parametrize("digest", [None, ""])
def test_a_subject_without_digest_may_not(digest: str | None) -> None:
    assert "the subject has no digest to look up" == promoted(a_decision(), digest)


@pytest.mark.parametrize(
    "changes", [{"digest": OTHER}, {"digest": None}, {"environment": "test"}, {"environment": None}]
)
def test_a_decision_about_something_else_counts_as_none(changes: dict[str, Any]) -> None:
    assert promoted(a_decision(**changes)).startswith("no decision about")


def test_soak_ends_exactly_when_it_is_over() -> None:
    assert "" == promoted(a_decision(decided_at=at(-1)))
    assert promoted(a_decision(decided_at=at(-0.999))).startswith("soak of 3600 s ends at 2026-11-22T12:00:0")


def test_a_decision_of_the_future_has_not_soaked_even_without_soak() -> None:
    assert promoted(a_decision(decided_at=at(1)), soak_s=0).startswith("soak of 0 s ends at")


@pytest.mark.parametrize("decided_at", ["", "yesterday"])
def test_a_decision_without_a_time_has_not_soaked(decided_at: str) -> None:
    assert promoted(a_decision(decided_at=decided_at)).startswith("its newest decision there has no time")


@pytest.mark.parametrize("expires_at", [at(0), at(-1), "soon", ""])
def test_an_expired_decision_no_longer_counts(expires_at: str) -> None:
    assert promoted(a_decision(expires_at=expires_at)).startswith("its newest decision there expired at")


def test_a_decision_that_expires_later_counts() -> None:
    assert "" == promoted(a_decision(expires_at=at(0.001)))


def test_an_environment_that_requires_none_says_nothing() -> None:
    assert () == environments.promotion(an_environment(), None, None, NOON)
    assert () == environments.promotion(None, None, None, NOON)


# ----------------------------------------------------------------------------------------- approvals


def an_approval(by: str = "lin@example.com", **changes: Any) -> Approval:
    facts = {
        "digest": DIGEST,
        "environment": "production",
        "groups": ("release-admins",),
        "at": at(-1),
        "expires": None,
    }
    return Approval(by=by, **facts | changes)


def given(*approvals: Approval, author: str | None = "wei@example.com", digest: str | None = DIGEST,
          groups: tuple[str, ...] | None = ("release-admins",)) -> list[str]:  # fmt: skip
    counted = environments.approvals_given(approvals, digest, "production", author, NOON, groups)
    return [one.by for one in counted]


def test_an_approval_of_this_digest_and_environment_counts() -> None:
    assert ["lin@example.com"] == given(an_approval())


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": OTHER}, {"digest": DIGEST.upper()}, {"environment": "staging"}, {"environment": "Production"},
        {"expires": at(0)}, {"expires": at(-0.1)}, {"expires": "never"}, {"expires": ""},
        {"at": at(1)}, {"at": "now"}, {"groups": ()}, {"groups": ("Release-Admins",)}, {"groups": ("others",)},
    ],
)  # fmt: skip
def test_an_approval_of_anything_else_or_out_of_force_does_not(changes: dict[str, Any]) -> None:
    assert [] == given(an_approval(**changes))


def test_an_approval_counts_until_just_before_it_expires() -> None:
    assert ["lin@example.com"] == given(an_approval(expires=at(0.001)))


@pytest.mark.parametrize(
    "by",
    [
        "wei@example.com",
        " WEI@Example.Com ",
        "Wei <wei@example.com>",
        "wei",
        "WEI",
        "\twei@example.com\n",
        "<wei@example.com>",
        "w\u200bei@example.com",
        "wei@example.com.",
        "wei+approver@example.com",
        "CORP\\wei",
    ],
)
@pytest.mark.parametrize("author", ["wei@example.com", "Wei <WEI@example.com>"])
def test_the_author_cannot_approve_whatever_the_spelling(by: str, author: str) -> None:
    assert [] == given(an_approval(by), author=author)


def test_an_author_known_by_login_cannot_approve_by_address() -> None:
    assert [] == given(an_approval("wei@example.com"), author="wei")


@pytest.mark.parametrize("author", [None, "", "  ", "<>", "-"])
def test_without_a_known_author_no_approval_counts(author: str | None) -> None:
    assert [] == given(an_approval(), author=author)


@pytest.mark.parametrize("digest", [None, ""])
def test_without_a_digest_no_approval_counts(digest: str | None) -> None:
    assert [] == given(an_approval(), digest=digest)
    assert [] == given(an_approval(digest=""), digest=digest)


@pytest.mark.parametrize("by", ["", " ", "<>", "@"])
def test_an_approval_by_nobody_does_not_count(by: str) -> None:
    assert [] == given(an_approval(by))


def test_one_person_counts_once() -> None:
    twice = [
        an_approval(at=at(-1)),
        an_approval("LIN@example.com", at=at(-2)),
        an_approval("Lin <lin@example.com>"),
    ]

    assert ["LIN@example.com"] == given(*twice)


def test_two_persons_count_twice() -> None:
    assert ["bo@example.com", "lin@example.com"] == given(an_approval(), an_approval("bo@example.com"))


def test_without_wanted_groups_anybody_counts() -> None:
    assert ["lin@example.com"] == given(an_approval(groups=()), groups=None)


def test_an_empty_list_of_wanted_groups_has_no_members() -> None:
    assert [] == given(an_approval(), groups=())


# -------------------------------------------------------------------------------- the approvals file


ENTRY: dict[str, Any] = {
    "digest": DIGEST, "environment": "production", "by": "lin", "groups": ["g"], "at": "2026-11-22T10:00:00Z",
    "expires": None,
}  # fmt: skip


def file(*entries: dict[str, Any], **changes: Any) -> tuple[Approval, ...]:
    document = {"version": 1, "approvals": list(entries)} | changes
    return environments.approvals_file(json.dumps(document, indent=1).encode(), "approvals.json")


def test_a_file_of_approvals_is_read() -> None:
    (approval,) = file(ENTRY)

    assert (
        Approval(digest=DIGEST, environment="production", by="lin", groups=("g",), at=ENTRY["at"]) == approval
    )


def test_a_file_of_approvals_may_be_yaml_and_leave_out_what_may_be_absent() -> None:
    text = f"version: 1\napprovals:\n- {{digest: '{DIGEST}', environment: p, by: lin, at: 2026-11-22T10:00:00Z, expires: 2026-12-01}}\n"
    (approval,) = environments.approvals_file(text.encode(), "a.yaml")

    assert ((), "2026-12-01") == (approval.groups, approval.expires)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"digest": "sha256:abc"}, "approvals.json:5:14: approvals[0].digest does not fit, found 'sha256:abc' (text), expected sha256: and 64 hex digits"),
        ({"digest": None}, "approvals.json:5:14: approvals[0].digest does not fit, found null"),
        ({"by": " "}, "approvals.json:7:10: approvals[0].by does not fit, found ' ' (text), expected a person"),
        ({"environment": ""}, "approvals.json:6:19: approvals[0].environment does not fit"),
        ({"groups": "g"}, "approvals.json:8:14: approvals[0].groups does not fit, found 'g' (text), expected a list"),
        ({"at": "soon"}, "approvals.json:11:10: at is no time, found 'soon', expected RFC 3339"),
        ({"expires": ""}, "approvals.json:12:15: expires is no time, found ''"),
        ({"expiry": None}, "approvals.json:13:4: unknown key 'expiry' in approvals[0], expected one of digest, environment, by, groups, at, expires; did you mean 'expires'?"),
    ],
)  # fmt: skip
def test_a_mistake_in_it_is_told_with_its_place(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(GateError) as caught:
        file(ENTRY | changes)

    (only,) = caught.value.problems
    assert (expected, 3) == (str(only)[: len(expected)], caught.value.exit_code)
    assert "approvals_invalid" == only.code


@pytest.mark.parametrize("key", ["digest", "environment", "by", "at"])
def test_an_approval_that_lacks_a_part_is_refused(key: str) -> None:
    with pytest.raises(GateError, match=f"approvals.json:4:3: the key '{key}' is missing in"):
        file({name: value for name, value in ENTRY.items() if name != key})


@pytest.mark.parametrize("changes", [{"version": 2}, {"approvals": {}}, {"aprovals": []}])
def test_a_file_of_another_shape_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(GateError):
        file(ENTRY, **changes)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"{}", b'{"version": 1, "approvals": [], "approvals": []}']
)
def test_a_file_that_does_not_parse_is_an_error_not_an_empty_list(data: bytes) -> None:
    with pytest.raises(GateError) as caught:
        environments.approvals_file(data, "a.json")

    assert 3 == caught.value.exit_code
    assert caught.value.problems[0].line is not None
