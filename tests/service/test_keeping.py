"""What is no longer kept: payloads go, the record stays whole, the way back stays open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from gate.service import keeping
from gate.stores import retention
from tests.command import BANDIT_EVAL, CLEAN_BANDIT
from tests.service.clocked import Clocked

SETTINGS = "version: 1\nenvironments: [{name: production}]\n"


@pytest.fixture
def server(tmp_path: Path, store_url: str) -> Iterator[Clocked]:
    running = Clocked(tmp_path, store_url)
    with running:
        yield running


def decide(server: Clocked, project: str, report: object) -> str:
    subject = {"name": "web", "digest": f"sha256:{uuid4().hex}{uuid4().hex}", "author": "wei"}
    made = server.decide(project, report, meta={"environment": "production", "subject": subject})
    decision_id: str = made.json["decision_id"]
    return decision_id


def test_payloads_go_and_the_record_stays_whole(server: Clocked) -> None:
    project = server.project("acme/web", SETTINGS)
    failed, released = decide(server, project, BANDIT_EVAL), decide(server, project, CLEAN_BANDIT)
    before = server.request("GET", "/api/v1/audit/verify").json
    server.forward(timedelta(days=40))
    fresh = decide(server, project, CLEAN_BANDIT)
    dropped = keeping.dropped(server.service, 30)
    again = keeping.dropped(server.service, 30)
    replays = {
        one: server.request("POST", f"/api/v1/decisions/{one}/replay").json.get("code", "reproduced")
        for one in (failed, released, fresh)
    }
    after = server.request("GET", "/api/v1/audit/verify")
    shown = server.request("GET", f"/api/v1/decisions/{failed}")

    assert dropped > 0
    assert 0 == again
    assert {failed: "evidence_gone", released: "reproduced", fresh: "reproduced"} == replays
    assert (200, before["decisions"] + 1) == (after.status, after.json["decisions"])
    assert (200, "fail") == (shown.status, shown.json["outcome"])


def test_bytes_of_reports_go_and_their_digests_stay(server: Clocked) -> None:
    project = server.project("acme/web", SETTINGS)
    made = decide(server, project, BANDIT_EVAL)
    sha256 = server.request("GET", f"/api/v1/decisions/{made}").json["reports"][0]["sha256"]
    server.forward(timedelta(days=40))
    keeping.dropped(server.service, 30)
    gone = server.request("GET", f"/api/v1/reports/{sha256}")
    shown = server.request("GET", f"/api/v1/decisions/{made}").json
    decide(server, project, BANDIT_EVAL)
    again = server.request("GET", f"/api/v1/reports/{sha256}")

    assert (404, 200) == (gone.status, again.status)
    assert sha256 == shown["reports"][0]["sha256"]


def test_nothing_younger_than_a_decision_counts_is_dropped(server: Clocked) -> None:
    project = server.project("acme/web", SETTINGS)
    made = decide(server, project, BANDIT_EVAL)
    server.forward(timedelta(days=7))
    keeping.dropped(server.service, 0)

    assert server.request("POST", f"/api/v1/decisions/{made}/replay").json["reproduced"]


def test_many_are_dropped_in_batches(server: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    project = server.project("acme/web", SETTINGS)
    made = [decide(server, project, BANDIT_EVAL) for _ in range(5)]
    server.forward(timedelta(days=40))
    keeping.dropped(server.service, 30)

    assert {"evidence_gone"} == {
        server.request("POST", f"/api/v1/decisions/{one}/replay").json["code"] for one in made
    }
