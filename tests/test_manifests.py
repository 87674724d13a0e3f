"""Manifests as the cluster reads them: objects with their places, through the real reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gate import bootstrap
from gate.documents import manifests
from gate.errors import Problem, ReportError
from gate.model import Source

DEPLOYMENT = """# of the web shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
          image: nginx
"""


@pytest.fixture(scope="module")
def read() -> Iterator[manifests.Read]:
    with bootstrap.engine() as engine:
        yield bootstrap.manifest_reader(engine)


def refusal(read: manifests.Read, text: str) -> Problem:
    with pytest.raises(ReportError) as caught:
        manifests.kubernetes_objects(read, text.encode(), "k.yaml")
    return caught.value.problems[0]


def test_every_document_is_an_object_with_its_line(read: manifests.Read) -> None:
    text = f"{DEPLOYMENT}---\n---\n{DEPLOYMENT}"

    found = manifests.kubernetes_objects(read, text.encode(), "k.yaml")

    assert [Source(file="k.yaml", line=2), Source(file="k.yaml", line=15)] == [one.source for one in found]
    assert found[0].object == found[1].object
    assert found[0].document != found[1].document


def test_json_is_read_as_yaml_is(read: manifests.Read) -> None:
    text = b'{"apiVersion": "v1",\n "kind": "Pod", "metadata": {"name": "a"}}'

    [pod] = manifests.kubernetes_objects(read, text, "k.json")

    assert {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}} == pod.object


def test_values_have_the_types_the_cluster_gives_them(read: manifests.Read) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\ndata: {a: on, b: 010, c: 1e3, d: ~, e: 2026-11-22, f: '1', g: 0x1F}\n"

    [found] = manifests.kubernetes_objects(read, text.encode(), "k.yaml")

    assert {"a": True, "b": 8, "c": 1000, "d": None, "e": "2026-11-22", "f": "1", "g": 31} == found.object[
        "data"
    ]


def test_members_of_a_list_know_the_document_they_are_part_of(read: manifests.Read) -> None:
    text = "kind: List\napiVersion: v1\nitems:\n  - {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"

    [pod] = manifests.kubernetes_objects(read, text.encode(), "k.yaml")

    assert ("/items/0", 0) == (pod.pointer, pod.document)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2\n", 2),
        ("apiVersion: v1\nkind: Pod\n---\nx: 1\n", 4),
        ("apiVersion: v1\nkind: Pod\n---\n- 1\n", 4),
        ("apiVersion: v1\nkind: [\n", 3),
        ("kind: Pod\n\tapiVersion: v1\n", 2),
    ],
)
def test_what_the_cluster_would_not_take_is_refused_at_its_line(
    read: manifests.Read, text: str, line: int
) -> None:
    problem = refusal(read, text)

    assert ("k.yaml", line) == (problem.path, problem.line)


def places(read: manifests.Read, *pointers: str) -> list[tuple[int, int] | None]:
    wanted = [(0, pointer) for pointer in pointers]
    return manifests.positions(read, DEPLOYMENT.encode(), "k.yaml", wanted)


def test_a_field_is_placed_at_its_key(read: manifests.Read) -> None:
    assert [(11, 11), (10, 11), (5, 3)] == places(
        read, "/spec/template/spec/containers/0/image", "/spec/template/spec/containers/0", "/metadata/name"
    )


def test_an_absent_field_is_placed_where_it_would_be(read: manifests.Read) -> None:
    assert [(8, 5), (10, 11), (2, 1)] == places(
        read,
        "/spec/template/spec/hostNetwork",
        "/spec/template/spec/containers/0/securityContext/privileged",
        "/status",
    )


def test_an_absent_document_has_no_place(read: manifests.Read) -> None:
    assert [None] == manifests.positions(read, DEPLOYMENT.encode(), "k.yaml", [(9, "/spec")])


def test_the_whole_document_is_placed_at_its_first_line(read: manifests.Read) -> None:
    assert [(2, 1)] == places(read, "")


def test_places_come_back_in_the_order_they_were_asked_for() -> None:
    asked: list[Any] = []

    def stub(_: bytes, __: str, wanted: Any) -> dict[str, Any]:
        asked.extend(wanted)
        return {"positions": [{"line": len(pointer) + 1, "column": 1} for _, pointer in wanted]}

    assert [(5, 1), (3, 1)] == manifests.positions(stub, b"", "k.yaml", [(0, "/a/b"), (1, "/c")])
    assert [(0, "/a/b"), (0, "/a"), (0, ""), (1, "/c"), (1, "")] == asked
