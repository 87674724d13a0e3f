"""Events as they happen: in order, of one's own projects, from where one left off."""

from __future__ import annotations

from threading import Thread
from typing import Any

import msgspec

from tests.service.server import Server
from tests.service.test_waivers import Team


def read(server: Server, token: str, query: str = "", **headers: Any) -> list[dict[str, Any]]:
    """What a stream tells until it ends."""
    answer = server.request("GET", f"/api/v1/events?{query}", token=token, **headers)
    assert (200, "text/event-stream; charset=utf-8") == (answer.status, answer.headers["content-type"])
    told = []
    for block in answer.body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            value = msgspec.json.decode(fields["data"])
            assert (fields["id"], fields["event"]) == (str(value["sequence"]), value["action"])
            told.append(value)
    return told


def test_what_is_done_is_told_while_one_listens(server: Server) -> None:
    team = Team(server)
    told: list[dict[str, Any]] = []
    listening = Thread(target=lambda: told.extend(read(server, team.ci, f"seconds=6&project={team.project}")))
    begun = read(server, team.ci, "after=0&seconds=0")
    listening.start()
    waiver = team.waiver()
    listening.join(30)
    late = read(server, team.ci, f"seconds=0&after={begun[-1]['sequence']}")
    actions = [one["action"] for one in late if one["target"] == waiver["id"]]

    assert ["waiver.requested", "waiver.approved"] == actions
    assert {one["sequence"] for one in told} <= {one["sequence"] for one in late}


def test_one_goes_on_from_where_one_left_off(server: Server) -> None:
    team = Team(server)
    team.waiver()
    whole = read(server, team.ci, "after=0&seconds=0")
    rest = read(server, team.ci, "seconds=0", last_event_id=str(whole[0]["sequence"]))

    assert len(whole) > 1
    assert [one["sequence"] for one in whole[1:]] == [one["sequence"] for one in rest]


def test_nobody_hears_of_other_projects_nor_of_tokens(server: Server) -> None:
    team, other = Team(server), Team(server)
    other.waiver()
    team.waiver()
    told = read(server, team.ci, "after=0&seconds=0")
    foreign = server.request("GET", f"/api/v1/events?project={other.project}", token=team.ci)

    assert {team.project} == {one["project"] for one in told}
    assert not [one for one in told if one["action"].startswith("token.")]
    assert 404 == foreign.status


def test_a_place_that_was_never_given_is_refused(server: Server) -> None:
    for wrong in ("x", "-1", "1.5", "9" * 21):
        assert 422 == server.request("GET", "/api/v1/events", last_event_id=wrong).status
