"""What is known of the store: kept, found again, voided, and never half read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gate.admission.images import reference, uses
from gate.admission.known import Kept
from gate.admission.platform import rules
from gate.errors import SettingsError, StoreError
from gate.feed import Admitted, Aliased, Waived
from gate.scales import Outcome
from tests.admission.builders import DIGEST, NOW, OTHER, decided, page, pod


def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "known.jsonl")


def test_what_was_taken_is_known_after_a_restart(tmp_path: Path) -> None:
    waiver = Waived(sequence=4, at="", project="p", waiver={"id": "w"}, is_in_force=True)
    admitted = Admitted(sequence=3, at="", project="acme/web", environment="production", digest=OTHER)
    aliased = Aliased(sequence=2, at="", digests=(DIGEST, OTHER))
    kept(tmp_path).take(page(decided(revoked_at="2026-11-28T11:00:00Z"), aliased, admitted, waiver))

    for _ in range(2):  # the file is written anew at each start
        known = kept(tmp_path).known
        (verdict,) = known.verdicts(OTHER, "production", "acme/web")
        assert (True, Outcome.PASS) == (verdict.is_revoked, verdict.outcome)
        assert known.is_admitted(DIGEST, "production", "acme/web")
        assert ["w"] == [one.waiver["id"] for one in known.waivers()]
        assert ("e", 4, NOW) == (known.epoch, known.last, known.as_of)


def test_a_page_that_was_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    first = kept(tmp_path)
    first.take(page(decided()))
    first.take(page(decided(outcome=Outcome.FAIL, sequence=2)))
    path = tmp_path / "known.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    assert 1 == kept(tmp_path).known.last


def test_after_a_damaged_line_nothing_is_known(tmp_path: Path) -> None:
    kept(tmp_path).take(page(decided()))
    path = tmp_path / "known.jsonl"
    path.write_bytes(b"nonsense\n" + path.read_bytes())

    known = kept(tmp_path).known
    assert (None, 0, 0) == (known.as_of, known.last, len(known))


def test_another_epoch_voids_everything(tmp_path: Path) -> None:
    one = kept(tmp_path)
    one.take(page(decided()))
    one.take(page(epoch="restored"))

    assert () == one.known.verdicts(DIGEST, "production", None)


def test_a_page_from_before_is_refused(tmp_path: Path) -> None:
    one = kept(tmp_path)
    one.take(page(decided(sequence=7)))

    with pytest.raises(StoreError, match="it ends at 6"):
        one.take(page(last=6))


def test_an_empty_page_makes_the_knowledge_younger(tmp_path: Path) -> None:
    one = kept(tmp_path)
    one.take(page(decided()))
    one.take(page(last=1, as_of=NOW + timedelta(hours=1)))

    assert 0 == one.known.age_s(NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("acme/web:1", "docker.io/acme/web"),
        ("Docker.io/library/nginx", "docker.io/library/nginx"),
        ("index.docker.io/acme/web", "docker.io/acme/web"),
        ("registry.example:5000/a/b@sha256:1", "registry.example:5000/a/b"),
        ("localhost/a", "localhost/a"),
    ],
)
def test_a_repository_is_completed_as_runtimes_do_it(text: str, repository: str) -> None:
    assert repository == reference(text).repository


def test_only_a_whole_lower_case_sha256_is_a_digest() -> None:
    assert DIGEST == reference(f"a@{DIGEST}").digest
    assert [None] * 3 == [reference(f"a@{text}").digest for text in (DIGEST[:-1], DIGEST.upper(), "md5:1")]


def test_images_are_found_in_volumes_and_in_kinds_nobody_knows() -> None:
    spec = pod("one")["spec"] | {"volumes": [{"name": "m", "image": {"reference": "two"}}]}
    custom = {"apiVersion": "x.example/v1", "kind": "App", "spec": {"tiers": [{"pod": spec}]}}

    assert ["/spec/tiers/0/pod/containers/0/image", "/spec/tiers/0/pod/volumes/0/image/reference"] == [
        use.path for use in uses(custom)
    ]
    assert ["one", "two"] == [use.image for use in uses(pod() | {"spec": spec})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\n", "expected 1"),
        ("version: 1\nadmission: {imagez: []}\n", "imagez"),
        ('version: 1\nadmission: {images: [{match: "**", require: decide}]}\n', "decide"),
        (
            'version: 1\nadmission: {images: [{match: "**", require: deny}, {match: a/b, require: allow}]}\n',
            "'a/b' is never reached",
        ),
        ("version: 1\nadmission: {namespaces: [{match: a}]}\n", "environment"),
    ],
)
def test_a_platform_file_that_is_not_understood_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        rules(text.encode(), "platform.yaml")

    assert all(problem.line for problem in error.value.problems)
