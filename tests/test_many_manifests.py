"""Thousands of manifests at once: the same decision as one by one, in the same order, or the same refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from gate import bootstrap
from gate.engines.embedded import Engine
from gate.errors import ReportError
from gate.files import File
from gate.model import KubernetesObject, Source

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod-{0}\nspec:\n  containers:\n    - name: web\n      image: web:{0}\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with bootstrap.engine() as one:
        yield one


def names(engine: Engine, *files: File) -> list[str]:
    reads = bootstrap.ingested(files, engine)
    return [one.object["metadata"]["name"] for read in reads for one in read.scan.objects]


def a_file(number: int, text: str | None = None) -> File:
    return File(path=f"k8s/{number}.yaml", data=(text or POD.format(number)).encode())


def test_files_of_many_batches_come_back_in_their_order(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "READ_AT_ONCE_BYTES", 300)

    assert [f"pod-{number}" for number in range(100)] == names(engine, *map(a_file, range(100)))


def test_every_broken_file_of_many_is_told_with_its_place(engine: Engine) -> None:
    broken = [a_file(7, "a: 1\na: 2\n"), a_file(9, "kind: [\n")]

    with pytest.raises(ReportError) as caught:
        names(engine, a_file(1), broken[0], a_file(2), broken[1])

    assert [("k8s/7.yaml", 2), ("k8s/9.yaml", 2)] == [(one.path, one.line) for one in caught.value.problems]


def test_two_files_of_one_name_are_not_taken_for_each_other(engine: Engine) -> None:
    assert ["pod-1", "pod-2"] == names(
        engine,
        File(path="k.yaml", data=POD.format(1).encode()),
        File(path="k.yaml", data=POD.format(2).encode()),
    )


def test_places_of_many_files_are_those_of_each(engine: Engine) -> None:
    data: dict[str | None, bytes] = {
        f"{number}.yaml": b"\n" * number + POD.format(number).encode() for number in range(3)
    }
    wanted = [(f"{number}.yaml", 0, "/spec/containers/0/image") for number in range(3)]

    assert {(file, 0, pointer): (8 + number, 7) for number, (file, _, pointer) in enumerate(wanted)} == (
        bootstrap.places(engine, data, wanted)
    )


def test_an_object_is_the_same_from_its_text_and_from_its_value() -> None:
    value = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "ä<b>"}}
    text = json.dumps(value, sort_keys=True).encode()
    source = Source(file="k.yaml", line=3)

    of_text, of_value = (
        KubernetesObject(text=text, source=source),
        KubernetesObject(object=value, source=source),
    )

    assert of_text == of_value
    assert json.loads(of_text.text) == json.loads(of_value.text)
    assert ("", "apps") == (of_value.group, KubernetesObject(object={"apiVersion": "apps/v1"}).group)


@pytest.mark.parametrize("given", [{}, {"object": {}, "text": b"{}"}])
def test_an_object_is_made_of_either(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="value or its JSON text"):
        KubernetesObject(**given)  # type: ignore[arg-type]


def test_a_hundred_files_are_read_as_each_by_itself(engine: Engine) -> None:
    texts = [
        POD.format(number) + ("  hostNetwork: true\n" if number % 7 == 0 else "") for number in range(100)
    ]
    files = [a_file(number, text) for number, text in enumerate(texts)]

    together = [read.report for read in bootstrap.ingested(files, engine)]

    assert together == [read.report for file in files for read in bootstrap.ingested([file], engine)]
