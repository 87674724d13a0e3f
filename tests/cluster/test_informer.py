"""The informer against an API server that answers what a test says: every way in which it could know too little."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gate.admission.inventory import NAMESPACES, Inventory, Key
from gate.cluster import informer
from gate.cluster.client import Access, Cluster, Refused
from gate.cluster.informer import Follower, TooOld
from gate.errors import GateError
from gate.kubernetes.surroundings import Kinds, Need

INGRESSES = Key(api_version="networking.k8s.io/v1", resource="ingresses", kind="Ingress")
NEED = Need(by="Unique", any_of=(Kinds(("networking.k8s.io",), ("v1",), ("Ingress",)),))
Answer = tuple[int, bytes]


class Api:
    """Lists and watches, answered one after another from what a test puts in."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at = urlsplit(self.path)
                api.asked.append((at.path, {key: value[0] for key, value in parse_qs(at.query).items()}))
                status, body = api.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.cluster = Cluster(Access(url=url, context=None, said="a test"))


@pytest.fixture
def api() -> Iterator[Api]:
    one = Api()
    yield one
    one.server.shutdown()
    one.server.server_close()
    one.thread.join()


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def namespace(name: str, version: int = 5, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels, "resourceVersion": str(version)}}


def page(*values: Any, version: str | None = "10", following: str = "") -> Answer:
    metadata = {"continue": following} | ({"resourceVersion": version} if version else {})
    return 200, json.dumps({"metadata": metadata, "items": values}).encode()


def events(*told: tuple[str, Any]) -> Answer:
    lines = [json.dumps({"type": kind, "object": value}) for kind, value in told]
    return 200, ("\n".join(lines) + "\n").encode()


def bookmark(version: int) -> tuple[str, Any]:
    return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}


def gone() -> tuple[str, Any]:
    return "ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"}


def following(api: Api, inventory: Inventory) -> Follower:
    return Follower(api.cluster, inventory, NAMESPACES)


def labels(inventory: Inventory) -> dict[str, Any]:
    return dict(inventory.around(()).labels)


# -------------------------------------------------------------------------------------- list and watch


def test_pages_of_one_list_are_held_and_then_what_changes(api: Api) -> None:
    inventory = Inventory()
    api.answers = [
        page(namespace("a"), namespace("b"), following="t"),
        page(namespace("c")),
        events(
            ("ADDED", namespace("d", 11, tier="front")),
            ("MODIFIED", namespace("a", 12, tier="back")),
            ("DELETED", namespace("b", 13)),
            bookmark(20),
        ),
        events(),
    ]
    one = following(api, inventory)
    one.step()
    one.step()

    assert {"a": {"tier": "back"}, "c": {}, "d": {"tier": "front"}} == labels(inventory)
    assert ["10", "20"] == [query["resourceVersion"] for _, query in api.asked if "watch" in query]


@pytest.mark.parametrize(
    "answer",
    [events(gone()), (410, b'{"message": "too old"}'), events(bookmark(3))],
    ids=["an event", "a status", "an older version than what was told"],
)
def test_a_watch_that_is_too_old_begins_with_a_list(api: Api, answer: Answer) -> None:
    inventory = Inventory()
    api.answers = [page(namespace("a")), answer]
    one = following(api, inventory)

    with pytest.raises(TooOld):
        one.step()


@pytest.mark.parametrize(
    "answers",
    [
        [page(namespace("a"), following="t"), (410, b"{}")],
        [page(namespace("a"), following="t"), (403, b"{}")],
        [page(namespace("a"), following="t"), (200, b"<html>")],
        [page(namespace("a"), version=None)],
        [page({"metadata": {}})],
        [page(7)],
        [page({"metadata": 7})],
    ],
    ids=["gone", "forbidden", "a page of a proxy", "no version", "no name", "no object", "no metadata"],
)
def test_a_part_of_a_list_is_no_list(api: Api, answers: list[Answer]) -> None:
    inventory = Inventory()
    api.answers = answers

    with pytest.raises(GateError):
        following(api, inventory).step()
    assert {} == labels(inventory)
    assert "has not read v1 Namespace yet" in inventory.around(()).unknown_namespace


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"type": "ADDED"}',
        b'{"type": "ADDED", "object": {"metadata": {"name": "b"}}}',
        b'{"type": "GROWN", "object": {"metadata": {"name": "b", "resourceVersion": "11"}}}',
        b'{"type": "ADDED", "object": {"metadata": {"resourceVersion": "11"}}}',
        b'{"type": "ERROR", "object": {"code": 500, "message": "no"}}',
    ],
    ids=["cut off", "a list", "no object", "no version", "an unknown kind", "no name", "an error"],
)
def test_an_event_that_is_not_understood_is_no_event(api: Api, line: bytes) -> None:
    inventory = Inventory()
    api.answers = [page(namespace("a")), (200, line + b"\n")]

    with pytest.raises(GateError):
        following(api, inventory).step()
    assert {"a": {}} == labels(inventory)


def test_an_event_whose_end_is_missing_is_told_again_by_the_next_watch(api: Api) -> None:
    inventory = Inventory()
    whole = events(("ADDED", namespace("b", 11)))
    api.answers = [page(namespace("a")), (200, whole[1][:-9]), whole]
    one = following(api, inventory)
    one.step()
    before = labels(inventory)
    one.step()

    assert ({"a": {}}, {"a": {}, "b": {}}) == (before, labels(inventory))
    assert "10" == api.asked[-1][1]["resourceVersion"]


def test_a_missing_right_is_told_with_the_verb_and_the_path(api: Api) -> None:
    api.answers = [page(namespace("a")), (403, b'{"message": "namespaces is forbidden"}')]

    with pytest.raises(Refused, match="watch /api/v1/namespaces"):
        following(api, Inventory()).step()


# ---------------------------------------------------------------------------------- what is known when


def test_what_was_not_read_yet_is_unknown_and_not_empty() -> None:
    inventory = Inventory()
    around = inventory.around((NEED,))

    assert around.unknown_inventory is not None
    assert "the informer has not read v1 Namespace yet" == around.unknown_namespace


def test_what_is_older_than_the_limit_is_unknown_until_it_is_heard_of_again() -> None:
    clock = Clock()
    inventory = Inventory(10.0, clock=clock)
    inventory.replace(NAMESPACES, {("", "a"): json.dumps(namespace("a", tier="front")).encode()})
    inventory.failed(NAMESPACES, "connection refused")
    clock.at = 10.0
    young = inventory.around(())
    clock.at = 10.1
    old = inventory.around(())
    inventory.heard(NAMESPACES)

    assert {"a": {"tier": "front"}} == young.labels
    assert {} == old.labels
    assert "has not heard of v1 Namespace for 10 s, at most 10 s are good (connection refused)" in (
        old.unknown_namespace
    )
    assert {"a": {"tier": "front"}} == labels(inventory)


def test_a_kind_that_the_api_server_does_not_have_is_unknown_and_not_empty() -> None:
    inventory = Inventory()
    inventory.found({NEED: ()})

    assert "template Unique looks at Ingress of networking.k8s.io, which the API server does not have" == (
        inventory.around((NEED,)).unknown_inventory
    )


def test_other_templates_go_on_while_the_kinds_of_a_new_one_are_read() -> None:
    other = Need(by="Other", any_of=(Kinds(("",), ("v1",), ("Service",)),))
    services = Key(api_version="v1", resource="services", kind="Service")
    inventory = Inventory()
    inventory.found({NEED: (INGRESSES,)})
    inventory.replace(INGRESSES, {})
    inventory.found({NEED: (INGRESSES,), other: (services,)})

    assert inventory.around((NEED,)).unknown_inventory is None
    assert "the informer has not read v1 Service yet" == inventory.around((other,)).unknown_inventory


def test_more_than_may_be_held_is_unknown_and_leaves_nothing() -> None:
    inventory = Inventory(most_bytes=100)
    inventory.found({NEED: (INGRESSES,)})
    inventory.replace(INGRESSES, {("n", "a"): b'"' + b"x" * 60 + b'"'})
    with pytest.raises(GateError, match="more than may be held"):
        inventory.put(INGRESSES, ("n", "b"), b'"' + b"x" * 60 + b'"')

    assert "has not read" in (inventory.around((NEED,)).unknown_inventory or "")
    assert 0 == inventory.state()["kinds"]["networking.k8s.io/v1 Ingress"]["bytes"]


def test_the_inventory_has_the_shape_that_templates_look_at() -> None:
    inventory = Inventory()
    inventory.found({NEED: (INGRESSES,)})
    inventory.replace(INGRESSES, {("n", "a"): b'{"spec": 1}'})
    first = inventory.around((NEED,)).inventory()
    inventory.put(INGRESSES, ("n", "a"), None)

    kinds = {"networking.k8s.io/v1": {"Ingress": {"a": {"spec": 1}}}}
    assert {"inventory": {"namespace": {"n": kinds}, "cluster": {}}} == json.loads(first)
    assert {"inventory": {"namespace": {}, "cluster": {}}} == json.loads(
        inventory.around((NEED,)).inventory()
    )


def test_metrics_of_what_was_never_read_ring_an_alarm() -> None:
    lines = Inventory().metrics()

    assert "gate_admission_inventory_unknown 1" in lines
    assert 'gate_admission_inventory_age_seconds{kind="v1 Namespace"} +Inf' in lines


# ------------------------------------------------------------------------------------- which kinds


def listing(*resources: tuple[str, str, list[str]]) -> Answer:
    told = [{"kind": kind, "name": name, "verbs": verbs} for kind, name, verbs in resources]
    return 200, json.dumps({"resources": told}).encode()


BOTH = ["list", "watch"]


def test_of_equivalent_kinds_those_are_followed_that_are_served(api: Api) -> None:
    need = Need(
        by="Unique",
        any_of=(Kinds(("extensions",), ("v1beta1",), ("Ingress",)), *NEED.any_of),
    )
    versions = {"preferredVersion": {"version": "v1"}, "versions": [{"version": "v1beta1"}]}
    api.answers = [
        (404, b"{}"),
        (200, json.dumps(versions).encode()),
        listing(("Ingress", "ingresses/status", BOTH), ("Ingress", "ingresses", BOTH)),
    ]

    assert (INGRESSES,) == informer.served(api.cluster, need)


def test_a_kind_that_cannot_be_watched_is_not_served(api: Api) -> None:
    api.answers = [
        (200, b'{"preferredVersion": {"version": "v1"}}'),
        listing(("Ingress", "ingresses", ["list"])),
    ]

    assert () == informer.served(api.cluster, NEED)
