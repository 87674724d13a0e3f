"""Break-glass: two persons let a namespace take for hours what is denied, and every way around that is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gate import times
from gate.admission.known import Kept, Known
from gate.admission.spool import Spool
from gate.feed import AdmissionRecord, Granted
from gate.scales import Outcome
from gate.service.following import records
from tests.admission.builders import (
    DIGEST,
    IMAGE,
    NOW,
    OTHER,
    POLICY,
    answer,
    decided,
    desk,
    known,
    page,
    pod,
    review,
)


def granted(**facts: Any) -> Granted:
    given: dict[str, Any] = {
        "sequence": 9,
        "at": times.rfc3339(NOW),
        "id": "g-1",
        "namespace": "prod",
        "digests": (),
        "reason": "the shop is down",
        "requested_by": "wei@example.com",
        "approved_by": "lin@example.com",
        "starts": times.rfc3339(NOW - timedelta(minutes=1)),
        "until": times.rfc3339(NOW + timedelta(hours=1)),
        "is_in_force": True,
    }
    return Granted(**(given | facts))


def asked(folder: Path, *changes: Any, value: dict[str, Any] | None = None) -> dict[str, Any]:
    with desk(folder, known=known(*changes)) as one:
        return answer(one, review(value or pod(privileged=1)))


def test_what_is_denied_is_let_in_with_a_warning_that_names_both_persons(tmp_path: Path) -> None:
    response = asked(tmp_path, granted())

    assert response["allowed"]
    assert "g-1" == response["auditAnnotations"]["break-glass"]
    assert any("break-glass g-1" in w and "wei@" in w and "lin@" in w for w in response["warnings"])
    assert any("TEAM-1" in w for w in response["warnings"])


@pytest.mark.parametrize(
    "facts",
    [
        {"until": times.rfc3339(NOW)},
        {"starts": times.rfc3339(NOW + timedelta(hours=1)), "until": times.rfc3339(NOW + timedelta(hours=2))},
        {"until": times.rfc3339(NOW + timedelta(hours=5))},
        {"until": "for ever"},
        {"starts": ""},
        {"is_in_force": False},
        {"approved_by": "wei@example.com"},
        {"approved_by": "Wei <wei+x@example.com>"},
        {"approved_by": ""},
        {"namespace": "prod-2"},
        {"namespace": "*"},
        {"digests": (OTHER,)},
    ],
    ids=lambda facts: next(iter(facts.items()))[0] + "=" + str(next(iter(facts.values())))[:20],
)
def test_a_grant_that_is_over_too_long_of_one_person_or_of_something_else_opens_nothing(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    response = asked(tmp_path, granted(**facts))

    assert not response["allowed"]
    assert "TEAM-1" in response["status"]["message"]


def test_a_grant_about_digests_lets_in_these_images_and_no_other(tmp_path: Path) -> None:
    grant = granted(digests=(DIGEST,))
    [mine] = [asked(tmp_path, grant, value=pod(IMAGE))]
    both = pod(IMAGE)
    both["spec"]["containers"].append({"name": "b", "image": "refused.example/b"})

    assert mine["allowed"]
    assert not asked(tmp_path, grant, value=both)["allowed"]
    assert not asked(tmp_path, grant, value=pod(f"registry.example/acme/web@{OTHER}"))["allowed"]


def test_an_annotation_or_label_is_no_break_glass(tmp_path: Path) -> None:
    value = pod(privileged=1, annotations={"gate.example/break-glass": "g-1"}, labels={"break-glass": "true"})

    assert not asked(tmp_path, value=value)["allowed"]


def test_a_review_that_cannot_be_decided_stays_denied(tmp_path: Path) -> None:
    contradicting = POLICY + '\nx := 1 if input.object.kind == "Pod"\nx := 2 if input.object.kind == "Pod"\n'
    contradicting += "# METADATA\n# custom: {id: TEAM-3, severity: low}\n"
    contradicting += 'warn contains {"rule": "TEAM-3", "message": "x"} if x > 0\n'
    with desk(tmp_path, policy=contradicting, known=known(granted())) as one:
        response = answer(one, review(pod()))

    assert 500 == response["status"]["code"]


def test_it_is_recorded_whole_and_the_image_is_not_admitted_by_it(tmp_path: Path) -> None:
    given = known(granted(), decided(expires_at=times.rfc3339(NOW - timedelta(hours=1))))
    spool = Spool(tmp_path / "spool", "w")
    with desk(tmp_path, known=given, spool=spool) as one:
        response = answer(one, review(pod(IMAGE)))
    spool.close()

    [kept] = records(spool.path)
    assert isinstance(kept, AdmissionRecord)
    assert response["allowed"]
    assert Outcome.WARN == kept.outcome
    assert kept.decision is not None
    assert "break-glass g-1" in kept.decision["notices"][0]
    assert kept.project is None
    assert not given.is_admitted(DIGEST, "production", "acme/web")


def test_a_clean_object_that_used_it_is_recorded_with_it_too(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "w")
    with desk(tmp_path, known=known(granted()), spool=spool) as one:
        answer(one, review(pod()))
    spool.close()

    [kept] = records(spool.path)
    assert kept.decision is not None


def test_a_grant_is_kept_on_the_disk_and_gone_with_another_epoch(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "known.jsonl")
    kept.take(page(granted(), as_of=NOW))
    again = Kept(tmp_path / "known.jsonl").known

    assert msgspec.structs.replace(granted(), sequence=0) == msgspec.structs.replace(
        again.grant("prod", (), NOW) or granted(id="none"), sequence=0
    )
    again.apply(page(epoch="other"))
    assert again.grant("prod", (), NOW) is None
    assert Known().grant("prod", (), NOW) is None
