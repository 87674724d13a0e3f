"""Hostile and broken manifests: an error with its place, at once, and never a pass of the good half."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate import bootstrap
from gate.documents import manifests
from gate.errors import ReportError
from tests.command import POD, RULE, files, gate

AT_ONCE_S = 1.0  # 50 ms on a quiet machine; a busy one must not make the test red, a reader that is slow by design does
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n"
"""Four good lines; what follows stands below `data`."""


def bomb(levels: int) -> str:
    """Aliases of aliases: nine to the power of `levels` once they are followed."""
    lines = ["  l0: &l0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"  l{i}: &l{i} [{','.join([f'*l{i - 1}'] * 9)}]" for i in range(1, levels)]
    return HEAD + "\n".join(lines) + "\n"


def blocks(depth: int) -> str:
    return HEAD + "".join(f"{' ' * (n + 2)}a:\n" for n in range(depth))


BAD: dict[str, str | bytes] = {
    **{f"A1 flow lists, {n:,} deep": f"{HEAD}  a: {'[' * n}" for n in (101, 10_000, 1_000_000)},
    **{f"A1 flow mappings, {n:,} deep": HEAD + "  a: " + "{a: " * n for n in (101, 100_000)},
    **{f"A1 block mappings, {n:,} deep": blocks(n) for n in (120, 2_000)},
    **{f"A1 complex keys, {n:,} deep": f"{HEAD}  {'? ' * n}a" for n in (250, 50_000)},
    "A1 lists in one line": f"{HEAD}  a:\n    {'- ' * 50_000}x",
    "A1 tags": f"{HEAD}  a: {'!!a ' * 50_000}x",
    "A1 JSON": '{"apiVersion":' + '{"a":' * 100_000,
    **{f"A2 a bomb of {n} levels": bomb(n) for n in range(4, 13)},
    "A2 an alias to what contains it": f"{HEAD}  a: &a [*a]\n",
    "A2 too many aliases": f"{HEAD}  x: &x 1\n  a: [{'*x, ' * 1_001}]\n",
    "A3 a key twice": f'{HEAD}  a: "1"\n  a: "2"\n',
    "A3 a key twice in JSON": '{"apiVersion": "v1", "kind": "Pod", "kind": "ConfigMap", "metadata": {"name": "a"}}',
    "A3 a key with and without quotes": f'{HEAD}  "a": x\n  a: y\n',
    "A3 keys that are one in JSON": f'{HEAD}  1: x\n  "1": y\n',
    "A3 a number in two spellings": f"{HEAD}  1: x\n  0x1: y\n",
    "A3 true in two spellings": f"{HEAD}  yes: x\n  true: y\n",
    "A3 a merged key overridden": f"{HEAD}  <<: {{b: x}}\n  b: y\n",
    "A4 a key that is a list": f"{HEAD}  ? [a]\n  : x\n",
    "A5 not a number": f"{HEAD}  a: .nan\n",
    "A5 infinity": f"{HEAD}  a: -.inf\n",
    "A6 a NUL byte": f"{HEAD}  a: \x00\n",
    "A6 a control character": f"{HEAD}  a: \x07\n",
    "A6 half a character in JSON": '{"apiVersion": "v1", "kind": "A", "metadata": {"name": "\\ud800"}}',
    "A7 UTF-16": (HEAD + "  a: b\n").encode("utf-16"),
    "A7 UTF-16 without a mark": (HEAD + "  a: b\n").encode("utf-16-le"),
    "A7 UTF-32": (HEAD + "  a: b\n").encode("utf-32"),
    "A7 Latin-1": (HEAD + "  a: Zoë\n").encode("latin-1"),
    "A7 cut in a character": (HEAD + "  a: ë").encode()[:-1],
    "A8 a second document that is broken": f"{HEAD}  a: b\n---\na: [\n",
    "A8 a second document that is no object": f"{HEAD}  a: b\n---\nhello\n",
    "A8 a second document in a template language": f"{HEAD}  a: b\n---\nkind: {{{{ .Values.kind }}}}\n",
    "A8 text after a separator": f"{HEAD}  a: b\n--- kind: Pod\n",
    "A8 what the cluster would not read": f"{HEAD}  a: b\n...\nkind: Pod\n",
    "A8 a third JSON value that is cut": '{"apiVersion":"v1","kind":"A"}\n{"apiVersion":"v1","kind":"A"}\n{"api',
    "A8 a member of a list that is no object": "apiVersion: v1\nkind: List\nitems: [7]\n",
    "B3 values that contain themselves": f"{HEAD}  a: &v {{b: *v}}\n",
}


@pytest.fixture(scope="module")
def read() -> Iterator[Any]:
    with bootstrap.engine() as engine:
        reader = bootstrap.manifest_reader(engine)
        manifests.kubernetes_objects(reader, HEAD.encode(), "warm.yaml")  # the child is there from here on
        yield reader


@pytest.mark.parametrize("name", BAD)
def test_a_bad_manifest_is_an_error_with_its_place_at_once(read: Any, name: str) -> None:
    text = BAD[name]
    data = text if isinstance(text, bytes) else text.encode()
    took_s = []
    for _ in range(3):  # the best of three: other processes share the cores
        start = time.perf_counter()
        with pytest.raises(ReportError) as caught:
            manifests.kubernetes_objects(read, data, "k.yaml")
        took_s.append(time.perf_counter() - start)
        if took_s[-1] < AT_ONCE_S:
            break

    [problem] = caught.value.problems
    assert "k.yaml" == problem.path
    assert problem.line
    assert min(took_s) < AT_ONCE_S


@pytest.mark.parametrize("name", [name for name in BAD if name.startswith(("A3", "A8"))])
def test_the_good_half_does_not_pass(tmp_path: Path, name: str) -> None:
    files(tmp_path, policies__r_rego=RULE, k8s__good_yaml=POD, k8s__bad_yaml=BAD[name])

    result = gate(tmp_path, "check", "k8s", "--policy", "policies", "-o", "json")

    assert 3 == result.code
    assert ["k8s/bad.yaml"] == [problem["path"] for problem in result.json["problems"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 3),
        ("\n", 3),
        ("---\n---\n", 1),
        ("# Source: chart/templates/empty.yaml\n", 1),
        ("null\n", 1),
        ("---\n# only this\n---\n~\n", 1),
    ],
)
def test_a_file_of_nothing_does_not_pass(tmp_path: Path, text: str, expected: int) -> None:
    files(tmp_path, policies__r_rego=RULE, k8s__empty_yaml=text)

    assert expected == gate(tmp_path, "check", "k8s", "--policy", "policies").code


def test_the_reader_goes_on_after_everything_that_is_bad(read: Any) -> None:
    for text in BAD.values():
        with pytest.raises(ReportError):
            manifests.kubernetes_objects(read, text if isinstance(text, bytes) else text.encode(), "k.yaml")

    assert 1 == len(manifests.kubernetes_objects(read, (HEAD + "  a: b\n").encode(), "k.yaml"))
