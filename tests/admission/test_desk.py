"""Reviews answered: what is allowed, what is denied, and every way in which nothing could be decided."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate.admission import platform
from gate.admission.desk import Desk
from gate.admission.spool import Spool
from gate.errors import GateError, PolicyError, ReportError, SettingsError
from gate.feed import Admitted, Aliased
from gate.scales import Outcome
from gate.service import following
from tests.admission.builders import (
    DIGEST,
    IMAGE,
    NOW,
    OTHER,
    PLATFORM,
    POLICY,
    answer,
    decided,
    desk,
    known,
    page,
    pod,
    review,
)

SLOW = POLICY.replace(
    'input.request.userInfo.username == "root"',
    "count([1 | some x in numbers.range(1, 100000000); x > 0]) > 0",
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("desk")) as one:
        yield one


def rules(response: dict[str, Any]) -> set[str]:
    """Ids of the rules that a denial names."""
    words = response["status"]["message"].replace(";", " ").replace(",", " ").split()
    return {word.rstrip(":") for word in words if word.startswith(("GATE-", "TEAM-"))}


def test_a_good_object_is_allowed_under_the_uid_that_asked(plain: Desk) -> None:
    response = answer(plain, review(uid="u-7"))

    assert ("u-7", True) == (response["uid"], response["allowed"])
    assert plain.ground.bundle.revision == response["auditAnnotations"]["bundle-revision"]


def test_a_bad_object_is_denied_with_403_and_the_remedy(plain: Desk) -> None:
    response = answer(plain, review(pod(privileged=1)))

    assert not response["allowed"]
    assert 403 == response["status"]["code"]
    assert "1 reason: TEAM-1: container 0 is privileged (remove privileged)" == response["status"]["message"]


def test_of_many_reasons_three_are_spelled_out_and_the_rest_counted(plain: Desk) -> None:
    response = answer(plain, review(pod(privileged=5)))

    assert response["status"]["message"].startswith("5 reasons: ")
    assert response["status"]["message"].endswith("and 2 more: TEAM-1")


def test_rules_see_who_asks(plain: Desk) -> None:
    response = answer(plain, review(userInfo={"username": "root"}))

    assert ["TEAM-2: asked by root"] == response["warnings"]


def test_a_deletion_is_not_asked_of_rules_that_do_not_speak_of_it(plain: Desk) -> None:
    response = answer(plain, review(operation="DELETE", object=None, oldObject=pod(privileged=1)))

    assert response["allowed"]


def test_a_rule_that_speaks_of_deletions_sees_what_is_deleted(tmp_path: Path) -> None:
    policy = POLICY.replace("points: [admission]", "points: [admission], operations: [DELETE]")
    with desk(tmp_path, policy=policy) as one:
        deleted = answer(one, review(operation="DELETE", object=None, oldObject=pod(privileged=1)))
        created = answer(one, review(pod(privileged=1)))

    assert {"TEAM-1"} == rules(deleted)
    assert created["allowed"]


def test_an_exec_is_not_judged_unless_the_platform_asks_for_it(tmp_path: Path, plain: Desk) -> None:
    policy = POLICY.replace("points: [admission]", "points: [admission], operations: [CONNECT]")
    asked = review(pod(privileged=1), operation="CONNECT", subResource="exec")
    with desk(tmp_path, policy=policy, platform=PLATFORM + "  connect: true\n") as one:
        judged = answer(one, asked)

    assert {"TEAM-1"} == rules(judged)
    assert "not-judged" == answer(plain, asked)["auditAnnotations"]["outcome"]


def test_an_object_on_its_way_out_can_lose_its_finalizer(plain: Desk) -> None:
    leaving = pod(privileged=1, deletionTimestamp="2026-11-28T11:00:00Z", finalizers=["a"])
    changed = pod(privileged=2, deletionTimestamp="2026-11-28T11:00:00Z")

    same = answer(plain, review(pod(privileged=1), operation="UPDATE", oldObject=leaving))
    other = answer(plain, review(changed, operation="UPDATE", oldObject=leaving))

    assert same["allowed"]
    assert not other["allowed"]


# --------------------------------------------------------------------------------------- images


def images_answer(
    tmp_path: Path, *changes: Any, image: str = IMAGE, later: timedelta = timedelta(), **request: Any
) -> dict[str, Any]:
    what = known(*changes) if changes else None
    with desk(tmp_path, known=what, now=NOW + later) as one:
        return answer(one, review(pod(image), **request))


def test_an_image_with_a_passing_decision_is_allowed(tmp_path: Path) -> None:
    assert images_answer(tmp_path, decided())["allowed"]


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.NEEDS_APPROVAL])
def test_an_image_whose_newest_decision_does_not_pass_is_denied(tmp_path: Path, outcome: Outcome) -> None:
    response = images_answer(tmp_path, decided(), decided(outcome=outcome, sequence=2))

    assert {"GATE-IMAGE-002"} == rules(response)


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"environment": "staging"}, "GATE-IMAGE-002"),
        ({"project": "evil/web"}, "GATE-IMAGE-002"),
        ({"digest": OTHER}, "GATE-IMAGE-002"),
        ({"expires_at": "2026-11-28T12:00:00Z"}, "GATE-IMAGE-002"),
        ({"expires_at": "no time"}, "GATE-IMAGE-002"),
        ({"revoked_at": "2026-11-28T11:00:00Z"}, "GATE-IMAGE-003"),
    ],
)
def test_a_decision_of_another_place_or_past_its_time_does_not_count(
    tmp_path: Path, more: dict[str, Any], rule: str
) -> None:
    assert {rule} == rules(images_answer(tmp_path, decided(**more)))


def test_a_tag_is_denied_where_a_decision_is_needed(tmp_path: Path) -> None:
    response = images_answer(tmp_path, decided(), image="registry.example/acme/web:1")

    assert {"GATE-IMAGE-001"} == rules(response)


def test_a_repository_without_a_rule_is_denied(tmp_path: Path) -> None:
    assert {"GATE-IMAGE-004"} == rules(images_answer(tmp_path, decided(), image=f"evil.example/a@{DIGEST}"))


def test_a_namespace_without_an_environment_has_no_decisions(tmp_path: Path) -> None:
    assert {"GATE-IMAGE-005"} == rules(images_answer(tmp_path, decided(), namespace="other"))


def test_before_anything_is_known_of_the_store_nothing_passes(tmp_path: Path) -> None:
    assert {"GATE-IMAGE-006"} == rules(images_answer(tmp_path))


@pytest.mark.parametrize("later", [timedelta(minutes=61), timedelta(minutes=-6)])
def test_stale_knowledge_does_not_count_nor_does_one_from_the_future(
    tmp_path: Path, later: timedelta
) -> None:
    assert {"GATE-IMAGE-006"} == rules(images_answer(tmp_path, decided(), later=later))


def test_a_decision_about_an_alias_counts(tmp_path: Path) -> None:
    aliases = Aliased(sequence=2, at="", digests=(DIGEST, OTHER))

    assert images_answer(tmp_path, decided(digest=OTHER), aliases)["allowed"]


def test_a_newer_failing_decision_about_an_alias_counts_too(tmp_path: Path) -> None:
    aliases = Aliased(sequence=2, at="", digests=(DIGEST, OTHER))
    failing = decided(digest=OTHER, outcome=Outcome.FAIL, decided_at="2026-11-28T12:00:01Z")

    assert {"GATE-IMAGE-002"} == rules(images_answer(tmp_path, decided(), failing, aliases))


def test_after_its_decision_expired_a_digest_that_runs_is_admitted_with_a_warning(tmp_path: Path) -> None:
    expired = decided(expires_at="2026-11-28T11:00:00Z")
    admitted = Admitted(sequence=2, at="", project="acme/web", environment="production", digest=DIGEST)

    response = images_answer(tmp_path, expired, admitted)

    assert response["allowed"]
    assert response["warnings"][0].startswith("GATE-IMAGE-007: ")


def test_a_revoked_decision_denies_what_runs_already(tmp_path: Path) -> None:
    revoked = decided(revoked_at="2026-11-28T11:00:00Z")
    admitted = Admitted(sequence=2, at="", project="acme/web", environment="production", digest=DIGEST)

    assert {"GATE-IMAGE-003"} == rules(images_answer(tmp_path, revoked, admitted))


def test_an_update_that_changes_no_image_asks_for_no_decision(tmp_path: Path) -> None:
    same = images_answer(tmp_path, operation="UPDATE", oldObject=pod(IMAGE))
    changed = images_answer(tmp_path, operation="UPDATE", oldObject=pod("nginx"))

    assert same["allowed"]
    assert {"GATE-IMAGE-006"} == rules(changed)


def test_object_rules_and_image_decisions_are_named_together(tmp_path: Path) -> None:
    with desk(tmp_path, known=known(decided(outcome=Outcome.FAIL))) as one:
        response = answer(one, review(pod(IMAGE, privileged=1)))

    assert {"TEAM-1", "GATE-IMAGE-002"} == rules(response)


# ---------------------------------------------------------------------------- nothing could be decided


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{}}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"allowed":true}}',
        review(uid=""),
        review(operation="READ"),
        review(object=None),
        review(operation="DELETE", object=pod()),
        review()[:-1],
        b"\xff" + review(),
    ],
)
def test_what_is_no_review_gets_no_answer(plain: Desk, body: bytes) -> None:
    with pytest.raises(ReportError):
        asyncio.run(plain.answer(body))


def test_an_object_that_repeats_a_key_is_denied_as_undecided(plain: Desk) -> None:
    body = review().replace(b'"kind":"Pod","metadata"', b'"kind":"Pod","spec":{},"metadata"')

    response = answer(plain, body)

    assert (False, 500) == (response["allowed"], response["status"]["code"])


def test_a_rule_that_fails_denies(tmp_path: Path) -> None:
    policy = POLICY.replace('input.request.userInfo.username == "root"', "to_number(input.object.kind) > 1")
    with desk(tmp_path, policy=policy) as one:
        response = answer(one, review())

    assert (False, 500) == (response["allowed"], response["status"]["code"])


def test_an_evaluation_past_its_deadline_denies_in_time_and_the_next_is_answered(tmp_path: Path) -> None:
    with desk(tmp_path, policy=SLOW) as one:
        late = answer(one, review(), timeout_s=0.3)
        again = answer(one, review(operation="DELETE", object=None, oldObject=pod()))

    assert (False, 500) == (late["allowed"], late["status"]["code"])
    assert "timeout" == late["auditAnnotations"]["error"]
    assert again["allowed"]


def test_a_bundle_that_says_nothing_at_admission_is_refused_at_load(tmp_path: Path) -> None:
    silent = POLICY.replace("points: [admission]", "points: [ci]").replace("input.request", "input.object")

    with (
        pytest.raises(PolicyError, match="no rule of the bundle speaks at admission"),
        desk(tmp_path, policy=silent),
    ):
        pass


def test_a_bundle_whose_every_rule_is_off_is_refused_at_load(tmp_path: Path) -> None:
    with (
        pytest.raises(GateError, match="every rule is switched off"),
        desk(tmp_path, platform=PLATFORM + '  actions: {"TEAM-*": off}\n'.replace("off", '"off"')),
    ):
        pass


# ------------------------------------------------------------------------------------- the record


def test_identical_allows_are_one_record_and_a_denial_is_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "w")
    with desk(tmp_path, spool=spool) as one:
        ids = {answer(one, review(uid=f"{n}"))["auditAnnotations"]["decision-id"] for n in range(3)}
        denied = answer(one, review(pod(privileged=1)))
    spool.close()
    kept = following.records(spool.path)

    assert 1 == len(ids)
    assert [("pass", 1), ("fail", 1), ("pass", 3)] == [(one.outcome, one.count) for one in kept]
    assert denied["auditAnnotations"]["decision-id"] == kept[1].record_id
    assert kept[1].decision is not None
    assert "TEAM-1" == kept[1].decision["violations"][0]["rule"]


def test_a_dry_run_leaves_no_record_and_has_no_decision_id(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "w")
    with desk(tmp_path, spool=spool) as one:
        response = answer(one, review(pod(privileged=1), dryRun=True))
    spool.close()

    assert "decision-id" not in response["auditAnnotations"]
    assert not spool.path.exists()


@pytest.mark.parametrize(("setting", "is_allowed"), [("", False), ("  on_audit_failure: allow\n", True)])
def test_where_nothing_can_be_recorded_the_setting_decides(
    tmp_path: Path, setting: str, is_allowed: bool
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    spool = Spool(tmp_path / "spool", "w", sync=full)
    with desk(tmp_path, spool=spool, platform=PLATFORM + setting) as one:
        first, again = answer(one, review()), answer(one, review())
        denied = answer(one, review(pod(privileged=1)))
    spool.close()

    assert [is_allowed] * 2 == [first["allowed"], again["allowed"]]
    assert not denied["allowed"]
    assert b"" == spool.path.read_bytes()


def test_a_chain_goes_on_after_a_write_that_failed(tmp_path: Path) -> None:
    failing = iter([OSError(errno.EIO, "I/O error")])

    def once(_: int) -> None:
        for error in failing:
            raise error

    spool = Spool(tmp_path / "spool", "w", sync=once)
    with desk(tmp_path, spool=spool) as one:
        assert not answer(one, review())["allowed"]
        assert answer(one, review())["allowed"]
        answer(one, review(pod(privileged=1)))
    spool.close()
    lines = [msgspec.json.decode(line) for line in spool.path.read_bytes().splitlines()]

    assert [1, 2] == [line["sequence"] for line in lines]
    assert [None, lines[0]["digest"]] == [line["previous"] for line in lines]


REVISIONS = ("sha256:" + "1" * 64, "sha256:" + "2" * 64)
CHOSEN = PLATFORM.replace("stale_after: 1h", f'stale_after: 1h, policies: ["{REVISIONS[0]}"]')


@pytest.mark.parametrize(("revision", "allowed"), [(REVISIONS[0], True), (REVISIONS[1], False), ("", False)])
def test_a_first_admission_wants_a_decision_of_policies_that_count(
    tmp_path: Path, revision: str, allowed: bool
) -> None:
    given = known(decided(policy_revision=revision))
    with desk(tmp_path, platform=CHOSEN, known=given) as one:
        response = answer(one, review(pod(IMAGE)))

    assert allowed == response["allowed"]
    assert allowed or "count no more" in response["status"]["message"]


def test_a_digest_that_runs_already_comes_back_after_its_policies_changed(tmp_path: Path) -> None:
    given = known(decided(policy_revision=REVISIONS[1]))
    given.admit(DIGEST, "production", "acme/web")
    with desk(tmp_path, platform=CHOSEN, known=given) as one:
        response = answer(one, review(pod(IMAGE)))

    assert response["allowed"]
    assert any("GATE-IMAGE-007" in warning for warning in response["warnings"])


def test_a_revision_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(SettingsError, match=r"platform.yaml:\d+:\d+: .*no revision"):
        platform.rules(CHOSEN.replace(REVISIONS[0], "latest").encode(), "platform.yaml")


def test_an_image_that_a_mode_only_warned_about_does_not_count_as_admitted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "w")
    warning = PLATFORM.replace("admission:", "admission:\n  mode: warn", 1)
    with desk(tmp_path, platform=warning, known=known(), spool=spool) as one:
        undecided = answer(one, review(pod(IMAGE)))
        one.known.apply(page(decided(sequence=2)))
        whole = answer(one, review(pod(IMAGE)))
    spool.close()

    warned, admitted = following.records(spool.path)
    assert undecided["allowed"]
    assert whole["allowed"]
    assert (Outcome.WARN, None) == (warned.outcome, warned.project)
    assert (Outcome.PASS, "acme/web") == (admitted.outcome, admitted.project)


def test_reviews_are_counted_by_operation_group_and_outcome_with_their_time(tmp_path: Path) -> None:
    with desk(tmp_path) as one:
        answer(one, review())
        answer(one, review(pod(privileged=1)))
        lines = one.counts.lines()

    counted = 'gate_admission_requests_total{{operation="CREATE",kind_group="",outcome="{}"}} 1'
    assert {counted.format("allowed"), counted.format("denied")} <= set(lines)
    assert 'gate_admission_duration_seconds_bucket{le="+Inf"} 2' in lines
    assert "gate_admission_duration_seconds_count 2" in lines


@pytest.mark.parametrize("group", ['"', "\n", 'a"} 1\ngate_x{b="'])
def test_a_group_that_is_made_up_adds_no_line_to_the_numbers(tmp_path: Path, group: str) -> None:
    with desk(tmp_path) as one:
        answer(one, review(kind={"group": group, "version": "v1", "kind": "Pod"}))
        lines = one.counts.lines()

    assert all(line.count('"') in (0, 2, 6) and "\n" not in line for line in lines)
