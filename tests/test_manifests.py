"""Manifests as the cluster reads them: objects with their places, through the real reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gate import bootstrap
from gate.documents import manifests
from gate.engines.embedded import Engine
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
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as one:
        yield one


@pytest.fixture(scope="module")
def read(engine: Engine) -> manifests.ReadMany:
    return bootstrap.manifest_reader(engine)


def refusal(read: manifests.ReadMany, text: str) -> Problem:
    with pytest.raises(ReportError) as caught:
        manifests.kubernetes_objects(read, text.encode(), "k.yaml")
    return caught.value.problems[0]


def test_every_document_is_an_object_with_its_line(read: manifests.ReadMany) -> None:
    text = f"{DEPLOYMENT}---\n---\n{DEPLOYMENT}"

    found = manifests.kubernetes_objects(read, text.encode(), "k.yaml")

    assert [Source(file="k.yaml", line=2), Source(file="k.yaml", line=15)] == [one.source for one in found]
    assert found[0].object == found[1].object
    assert found[0].document != found[1].document


def test_json_is_read_as_yaml_is(read: manifests.ReadMany) -> None:
    text = b'{"apiVersion": "v1",\n "kind": "Pod", "metadata": {"name": "a"}}'

    [pod] = manifests.kubernetes_objects(read, text, "k.json")

    assert {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}} == pod.object


def test_values_have_the_types_the_cluster_gives_them(read: manifests.ReadMany) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\ndata: {a: on, b: 010, c: 1e3, d: ~, e: 2026-11-22, f: '1', g: 0x1F}\n"

    [found] = manifests.kubernetes_objects(read, text.encode(), "k.yaml")

    assert {"a": True, "b": 8, "c": 1000, "d": None, "e": "2026-11-22", "f": "1", "g": 31} == found.object[
        "data"
    ]


def test_members_of_a_list_know_the_document_they_are_part_of(read: manifests.ReadMany) -> None:
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
    read: manifests.ReadMany, text: str, line: int
) -> None:
    problem = refusal(read, text)

    assert ("k.yaml", line) == (problem.path, problem.line)


def places(engine: Engine, *pointers: str, document: int = 0) -> list[tuple[int, int] | None]:
    wanted = [("k.yaml", document, pointer) for pointer in pointers]
    found = bootstrap.places(engine, {"k.yaml": DEPLOYMENT.encode()}, wanted)
    return [found.get(one) for one in wanted]


def test_a_field_is_placed_at_its_key(engine: Engine) -> None:
    assert [(11, 11), (10, 11), (5, 3)] == places(
        engine, "/spec/template/spec/containers/0/image", "/spec/template/spec/containers/0", "/metadata/name"
    )


def test_an_absent_field_is_placed_where_it_would_be(engine: Engine) -> None:
    assert [(8, 5), (10, 11), (2, 1)] == places(
        engine,
        "/spec/template/spec/hostNetwork",
        "/spec/template/spec/containers/0/securityContext/privileged",
        "/status",
    )


def test_an_absent_document_has_no_place(engine: Engine) -> None:
    assert [None] == places(engine, "/spec", document=9)


def test_the_whole_document_is_placed_at_its_first_line(engine: Engine) -> None:
    assert [(2, 1)] == places(engine, "")
