"""What runs beside the desk, each part by itself: the follower, the forwarder, the watcher, the certificate."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from gate.admission.known import Kept
from gate.admission.spool import Spool, record
from gate.errors import SettingsError, StoreError
from gate.feed import AdmissionRecord, Page
from gate.scales import Outcome
from gate.service import own_certificate, standing
from gate.service.certificates import Certificate
from gate.service.following import Follower, Forwarder
from tests.admission.builders import DIGEST, NOW, PLATFORM, POLICY, answer, decided, desk, page, pod, review

# ------------------------------------------------------------------------------------------------ the follower


def test_a_follower_asks_for_what_comes_after_what_it_knows(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []
    pages = [page(decided(), last=4), page(epoch="e", last=4)]

    def ask(epoch: str, after: int, _: float) -> Page:
        asked.append((epoch, after))
        return pages[len(asked) - 1]

    kept = Kept(tmp_path / "known.jsonl")
    follower = Follower(kept, ask)
    follower.step(0.0)
    follower.step(0.0)

    assert [("", 0), ("e", 4)] == asked
    assert kept.known.verdicts(DIGEST, "production", None)


def test_a_follower_whose_page_does_not_follow_asks_for_everything_anew(tmp_path: Path) -> None:
    asked: list[tuple[str, int]] = []
    pages = [page(decided(), last=9), page(last=3), page(decided(), last=9)]

    def ask(epoch: str, after: int, _: float) -> Page:
        asked.append((epoch, after))
        return pages[len(asked) - 1]

    follower = Follower(Kept(tmp_path / "known.jsonl"), ask)
    follower.step(0.0)
    with pytest.raises(StoreError):
        follower.step(0.0)
    follower.step(0.0)

    assert [("", 0), ("e", 9), ("", 0)] == asked


def test_a_follower_without_a_store_knows_what_it_knew(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "known.jsonl")
    kept.take(page(decided()))

    def ask(*_: object) -> Page:
        raise StoreError("away")

    with pytest.raises(StoreError):
        Follower(kept, ask).step(0.0)

    assert kept.known.verdicts(DIGEST, "production", None)
    assert NOW == kept.known.as_of


# ----------------------------------------------------------------------------------------------- the forwarder


def a_record(number: int) -> AdmissionRecord:
    return record(
        f"r-{number}",
        "w",
        None,
        now=NOW,
        outcome=Outcome.PASS,
        namespace="prod",
        environment=None,
        project=None,
        policy_revision="r",
        digests=(),
    )


def spooled(folder: Path, writer: str, *numbers: int) -> Path:
    spool = Spool(folder, writer)
    for number in numbers:
        spool.keep(a_record(number)).result(5)
    spool.close()
    return spool.path


class Store:
    """Takes records, or is away."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.is_away = False

    def keep(self, given: list[msgspec.Raw]) -> None:
        """Take them."""
        if self.is_away:
            raise StoreError("away")
        self.kept += [msgspec.json.decode(one, type=AdmissionRecord).record_id for one in given]


def test_records_are_handed_over_once_in_their_order_and_other_spools_are_removed(tmp_path: Path) -> None:
    own, other = spooled(tmp_path, "b-own", 3), spooled(tmp_path, "a-other", 1, 2)
    store = Store()
    forwarder = Forwarder(tmp_path, own, store.keep)
    forwarder.step()
    forwarder.step()

    assert ["r-1", "r-2", "r-3"] == store.kept
    assert own.exists()
    assert not other.exists()


def test_what_the_store_did_not_take_stays_and_is_handed_over_after_a_restart(tmp_path: Path) -> None:
    own = spooled(tmp_path, "own", 1, 2)
    store = Store()
    store.is_away = True
    with pytest.raises(StoreError):
        Forwarder(tmp_path, own, store.keep).step()
    store.is_away = False
    Forwarder(tmp_path, own, store.keep).step()
    Forwarder(tmp_path, own, store.keep).step()

    assert ["r-1", "r-2"] == store.kept


def test_a_line_that_is_not_whole_yet_is_left_for_the_next_time(tmp_path: Path) -> None:
    own = spooled(tmp_path, "own", 1)
    whole = own.read_bytes()
    own.write_bytes(whole + whole[:20])
    store = Store()
    Forwarder(tmp_path, own, store.keep).step()
    own.write_bytes(whole + whole)
    Forwarder(tmp_path, own, store.keep).step()

    assert ["r-1", "r-1"] == store.kept


# ------------------------------------------------------------------------------------------------- the watcher


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("policies/team.rego", POLICY + "\nthis is no rego"),
        ("policies/team.rego", "package lib.nothing\n"),
        ("platform.yaml", "version: 1\nadmission: {imagez: []}\n"),
        ("platform.yaml", ""),
    ],
    ids=["broken rego", "no rules", "misspelt", "empty"],
)
def test_what_does_not_load_changes_nothing_and_is_told(tmp_path: Path, file: str, content: str) -> None:
    with desk(tmp_path) as one:
        sources = standing.Sources(policies=("policies",), platform="platform.yaml", root=tmp_path)
        watcher = standing.Watcher(sources, one)
        before = one.ground
        (tmp_path / file).write_text(content, "utf-8")
        watcher.look()

        assert before is one.ground
        assert (0, 1) == (watcher.replaced, watcher.refused)
        assert watcher.problem
        assert not answer(one, review(pod(privileged=1)))["allowed"]


def test_new_policies_judge_and_the_old_are_dropped_when_no_review_can_need_them(tmp_path: Path) -> None:
    now = [0.0]
    with desk(tmp_path) as one:
        sources = standing.Sources(policies=("policies",), platform="platform.yaml", root=tmp_path)
        watcher = standing.Watcher(sources, one, clock=lambda: now[0])
        first = one.ground.bundle.revision
        (tmp_path / "policies" / "team.rego").write_text(
            POLICY.replace("is privileged", "is very privileged")
        )
        watcher.look()
        told = answer(one, review(pod(privileged=1)))["status"]["message"]
        now[0] = standing.KEPT_AFTER_S
        watcher.look()

        assert "is very privileged" in told
        assert first != one.ground.bundle.revision
        assert (1, None) == (watcher.replaced, watcher.problem)


def test_another_mode_in_the_platform_file_judges_at_once(tmp_path: Path) -> None:
    with desk(tmp_path) as one:
        sources = standing.Sources(policies=("policies",), platform="platform.yaml", root=tmp_path)
        watcher = standing.Watcher(sources, one)
        (tmp_path / "platform.yaml").write_text(PLATFORM.replace("admission:", "admission:\n  mode: warn", 1))
        watcher.look()

        assert answer(one, review(pod(privileged=1)))["allowed"]


# --------------------------------------------------------------------------------------------- the certificate


@pytest.fixture
def files(tmp_path: Path) -> own_certificate.Files:
    return own_certificate.files(tmp_path, ("localhost",), datetime.now(UTC))


def test_a_pair_that_does_not_load_changes_nothing(files: own_certificate.Files) -> None:
    served = Certificate(files.certificate, files.key)
    expires = served.expires_at
    files.certificate.write_bytes(b"half a file")
    served.look()
    files.certificate.unlink()
    served.look()

    assert (0, expires) == (served.replaced, served.expires_at)


def test_a_key_of_another_certificate_is_not_taken(files: own_certificate.Files, tmp_path: Path) -> None:
    served = Certificate(files.certificate, files.key)
    other = own_certificate.files(tmp_path / "other", ("localhost",), datetime.now(UTC))
    files.key.write_bytes(other.key.read_bytes())
    served.look()
    assert 0 == served.replaced

    files.certificate.write_bytes(other.certificate.read_bytes())
    served.look()
    assert 1 == served.replaced


def test_a_new_pair_is_taken_with_its_expiry(files: own_certificate.Files, tmp_path: Path) -> None:
    served = Certificate(files.certificate, files.key)
    before = served.expires_at
    own_certificate.files(tmp_path, ("localhost",), datetime.now(UTC) + timedelta(days=61))
    served.look()

    assert 1 == served.replaced
    assert before < served.expires_at


def test_only_tls_1_3_is_spoken_and_callers_are_asked_for_a_certificate_where_a_ca_is_named(
    files: own_certificate.Files,
) -> None:
    plain, mutual = (Certificate(files.certificate, files.key, ca).context for ca in (None, files.ca))

    assert ssl.TLSVersion.TLSv1_3 == plain.minimum_version == mutual.minimum_version
    assert (ssl.CERT_NONE, ssl.CERT_REQUIRED) == (plain.verify_mode, mutual.verify_mode)


def test_without_a_certificate_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not load"):
        Certificate(tmp_path / "none.crt", tmp_path / "none.key")
