"""Images: every place an object names one, and references read as container runtimes read them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gate.documents import json as documents
from gate.errors import ReportError
from gate.kubernetes.images import CONTAINERS, TEMPLATES, reference, references
from tests.command import files as written
from tests.command import gate
from tests.data import shared_data

SHA256 = f"sha256:{'a' * 64}"
SHA384 = f"sha384:{'c' * 96}"
SHA512 = f"sha512:{'b' * 128}"


def parts(text: str) -> tuple[str, str, str | None, str | None]:
    found = reference(text)
    return found.registry, found.repository, found.tag, found.digest


# ----------------------------------------------------------------------------------- references
# Both tables were held against ParseNormalizedNamed of github.com/distribution/reference 0.6.0. Where
# gate differs on purpose, a test of its own says so.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", ("docker.io", "library/nginx", None, None)),
        ("nginx:1.27", ("docker.io", "library/nginx", "1.27", None)),
        ("library/nginx", ("docker.io", "library/nginx", None, None)),
        ("acme/web", ("docker.io", "acme/web", None, None)),
        ("acme/web:v1", ("docker.io", "acme/web", "v1", None)),
        ("acme-corp/web", ("docker.io", "acme-corp/web", None, None)),
        ("a/b/c/d", ("docker.io", "a/b/c/d", None, None)),
        ("docker.io/nginx", ("docker.io", "library/nginx", None, None)),
        ("docker.io/library/nginx:latest", ("docker.io", "library/nginx", "latest", None)),
        ("index.docker.io/nginx", ("docker.io", "library/nginx", None, None)),
        ("index.docker.io/acme/web", ("docker.io", "acme/web", None, None)),
        ("localhost", ("docker.io", "library/localhost", None, None)),
        ("web:5000", ("docker.io", "library/web", "5000", None)),
        ("0/0", ("docker.io", "0/0", None, None)),
        ("acme/web__x", ("docker.io", "acme/web__x", None, None)),
        ("acme/web--x:A_b.c-1", ("docker.io", "acme/web--x", "A_b.c-1", None)),
        (f"x:{'t' * 128}", ("docker.io", "library/x", "t" * 128, None)),
        ("b" * 247, ("docker.io", f"library/{'b' * 247}", None, None)),
        (f"nginx@{SHA256}", ("docker.io", "library/nginx", None, SHA256)),
        (f"nginx:1.27@{SHA256}", ("docker.io", "library/nginx", "1.27", SHA256)),
        (f"nginx@{SHA384}", ("docker.io", "library/nginx", None, SHA384)),
        (f"nginx@{SHA512}", ("docker.io", "library/nginx", None, SHA512)),
        ("registry.example/web", ("registry.example", "web", None, None)),
        ("registry.example/acme/team/web:1.0", ("registry.example", "acme/team/web", "1.0", None)),
        ("registry.example:5000/web", ("registry.example:5000", "web", None, None)),
        ("registry.example:5000/acme/web:1.0", ("registry.example:5000", "acme/web", "1.0", None)),
        (f"registry.example:5000/web@{SHA256}", ("registry.example:5000", "web", None, SHA256)),
        (f"registry.example/{'a' * 64}", ("registry.example", "a" * 64, None, None)),
        ("a.b/c", ("a.b", "c", None, None)),
        ("localhost/web", ("localhost", "web", None, None)),
        ("localhost:5000/web", ("localhost:5000", "web", None, None)),
        ("10.0.0.1:5000/web", ("10.0.0.1:5000", "web", None, None)),
        ("[::1]:5000/web", ("[::1]:5000", "web", None, None)),
        ("[2001:db8::1]/web", ("[2001:db8::1]", "web", None, None)),
        ("xn--bcher-kva.example/web", ("xn--bcher-kva.example", "web", None, None)),
        ("registry.corp/web", ("registry.corp", "web", None, None)),
        ("registry.corp.evil.example/web", ("registry.corp.evil.example", "web", None, None)),
        # A first segment with a capital can be no namespace of Docker Hub, so it is a host.
        ("Acme/web", ("acme", "web", None, None)),
    ],
)
def test_a_reference_is_taken_apart_as_a_runtime_does_it(
    text: str, expected: tuple[str, str, str | None, str | None]
) -> None:
    assert expected == parts(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("REGISTRY.example/web", "registry.example/web"),
        ("Registry.Example:5000/acme/web", "registry.example:5000/acme/web"),
        ("registry.example:443/web", "registry.example/web"),
        ("Docker.io/nginx", "docker.io/library/nginx"),
        ("docker.io:443/acme/web", "docker.io/acme/web"),
        ("registry-1.docker.io/library/nginx", "docker.io/library/nginx"),
    ],
)
def test_another_spelling_of_a_registry_does_not_get_past_a_rule_about_it(text: str, expected: str) -> None:
    assert expected == reference(text).name


NO_REFERENCES: list[object] = [
    "", ":1.0", f"@{SHA256}", "nginx:", "nginx@", "Nginx", "acme/Web", "docker.io/acme/Web", "acme//web",
    "/web", "acme/", "acme/web/", "nginx:-1", f"x:{'t' * 129}", "nginx@sha256:abc", f"nginx@{SHA256.upper()}",
    f"nginx@sha256:{'A' * 64}", f"nginx@md5:{'d' * 32}", "a" * 64, "nginx:1.0:2", "nginx:1.0 ", " nginx",
    "nginx\n", "nginx\x00", "nginx:1\r", "http://registry.example/web", "https://registry.example/web",
    "registry.example./web", "-acme/web", "acme/web-", "acme/we...b", "acme/web___x", "_nginx",
    "registry.example:port/web", "[::1/web", "user@registry.example/web", f"nginx@{SHA256}@{SHA256}",
    "ngіnx",  # a Cyrillic letter
    "nginx:１",  # a digit of full width
    "{{ .Values.image }}", "$(IMAGE)", f"docker.io/{'x' * 1000}", "a" * 248, None, 7, True, ["nginx"], {"a": 1},
    # Grammatical by a loophole that leaves it without a registry; no host is called so.
    "registry_x.example/web",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_REFERENCES)
def test_what_no_runtime_would_pull_is_refused(text: object) -> None:
    with pytest.raises(ReportError) as caught:
        reference(text, "/spec/containers/0/image")

    [problem] = caught.value.problems
    assert "image_reference_invalid" == problem.code
    assert "/spec/containers/0/image" in problem.message


def test_the_shipped_rule_refuses_what_no_runtime_would_pull_and_nothing_else(tmp_path: Path) -> None:
    """policies/lib/images.rego reads the grammar a second time: the two must not drift apart."""
    texts = [one for one in NO_REFERENCES if isinstance(one, str) and one]
    good = ["nginx", "b" * 247, f"x:{'t' * 128}", f"nginx:1.27@{SHA256}", f"nginx@{SHA384}", f"nginx@{SHA512}",
            "UPPER/web:1", "registry.example:5000/acme/web:1.0", "0/0", "acme/web--x:A_b.c-1", "localhost/web",
            "registry.example/" + "a" * 255, "registry.example/" + "a" * 256, "[::1]:5000/web", "acme/web__x"]  # fmt: skip
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"p{index}", "namespace": "d"},
            "spec": {"containers": [{"name": "c", "image": text}]},
        }
        for index, text in enumerate([*good, *texts])
    ]
    written(tmp_path, pods_json={"apiVersion": "v1", "kind": "List", "items": pods})

    answer = gate(tmp_path, "check", "pods.json", "-o", "json")

    told = {one["object"] for one in answer.json["violations"] if one["rule"] == "GATE-K8S-022"}
    assert {f"Pod/d/p{index}" for index, text in enumerate([*good, *texts]) if not is_pulled(text)} == told
    assert len(texts) + 1 == len(told)


def is_pulled(text: str) -> bool:
    try:
        reference(text)
    except ReportError:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["a." * 50_000, "a-" * 50_000, "a/" * 50_000, "a__" * 330 + "!", "1" * 700 + "_"]
)
def test_a_hostile_reference_is_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ReportError):
        reference(text)

    assert time.perf_counter() - start < 1.0


# --------------------------------------------------------------------------------------- places

SPEC: dict[str, Any] = {
    "containers": [{"name": "a", "image": "one"}, {"name": "b", "image": "two"}],
    "initContainers": [{"name": "c", "image": "three", "restartPolicy": "Always"}],
    "ephemeralContainers": [{"name": "d", "image": "four"}],
    "volumes": [{"name": "x", "emptyDir": {}}, {"name": "y", "image": {"reference": "five"}}],
}
IN_SPEC = [
    ("/containers/0/image", "one"),
    ("/containers/1/image", "two"),
    ("/initContainers/0/image", "three"),
    ("/ephemeralContainers/0/image", "four"),
    ("/volumes/1/image/reference", "five"),
]


def workload(kind: str, spec: Any, version: str = "apps/v1") -> dict[str, Any]:
    """An object of `kind` that has `spec` where its pod's spec stands."""
    inner: Any = {"spec": spec}
    for step in reversed(TEMPLATES[kind]):
        inner = {step: inner}
    return {"apiVersion": version, "kind": kind, **inner}


def named(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(found.pointer, found.text) for found in references(value)]


@pytest.mark.parametrize("kind", TEMPLATES)
def test_all_four_places_are_found_in_every_workload_kind(kind: str) -> None:
    prefix = "".join(f"/{step}" for step in (*TEMPLATES[kind], "spec"))

    assert [(prefix + place, text) for place, text in IN_SPEC] == named(workload(kind, SPEC))


@pytest.mark.parametrize(
    ("value", "prefix"),
    [
        ({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": {"spec": SPEC}}}, "/spec/template/spec"),
        ({"apiVersion": "serving.knative.dev/v1", "kind": "Deployment", "spec": {"a/b~c": [SPEC]}}, "/spec/a~1b~0c/0"),
        ({"apiVersion": "v1", "kind": "List", "items": [workload("Job", SPEC)]}, "/items/0/spec/template/spec"),
        ({"apiVersion": "x.example/v1", "kind": "Odd", **SPEC}, ""),
        ({"kind": "Pod", "spec": SPEC}, "/spec"),
        ({"spec": SPEC}, "/spec"),
    ],
)  # fmt: skip
def test_a_pod_spec_is_found_wherever_it_is_in_another_object(value: dict[str, Any], prefix: str) -> None:
    assert [(prefix + place, text) for place, text in IN_SPEC] == named(value)


@pytest.mark.parametrize("name", CONTAINERS)
def test_moving_a_container_between_the_lists_does_not_hide_its_image(name: str) -> None:
    spec = {name: [{"name": "a", "image": "registry.example/web"}]}

    assert [f"/spec/{name}/0/image"] == [found.pointer for found in references(workload("Pod", spec))]


def test_a_workload_inside_another_object_is_read_as_strictly_as_by_itself() -> None:
    broken = workload("Pod", {"containers": [{"image": 7}]})

    with pytest.raises(ReportError):
        references({"apiVersion": "v1", "kind": "List", "items": [broken]})


def test_an_object_that_runs_nothing_has_no_images() -> None:
    assert () == references({"apiVersion": "v1", "kind": "ConfigMap", "data": {"image": "nginx"}})
    assert () == references({"apiVersion": "v1", "kind": "ReplicationController", "spec": {"replicas": 0}})
    assert () == references(workload("Pod", None))
    assert () == references(workload("Pod", {"containers": [{"name": "a"}, {"image": ""}, {"image": None}]}))


@pytest.mark.parametrize(
    "spec",
    [
        7, "x", [], {"containers": {"a": {"image": "nginx"}}}, {"containers": "nginx"}, {"containers": ["nginx"]},
        {"containers": [{"image": ["nginx"]}]}, {"volumes": [{"image": "nginx"}]}, {"volumes": {"image": {}}},
        {"volumes": [{"image": {"reference": 7}}]}, {"containers": [None]}, {"initContainers": [7]},
    ],
)  # fmt: skip
def test_a_workload_of_another_shape_is_refused_and_does_not_count_as_without_images(spec: Any) -> None:
    for kind in TEMPLATES:
        with pytest.raises(ReportError):
            references(workload(kind, spec))


@pytest.mark.parametrize("template", [7, [], "x"])
def test_a_template_that_is_no_object_is_refused(template: Any) -> None:
    with pytest.raises(ReportError, match="/spec/template"):
        references({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": template}})


def test_every_reference_that_is_wrong_is_told() -> None:
    spec = {"containers": [{"image": "Bad"}, {"image": "good"}], "initContainers": [{"image": "x:y:z"}]}

    with pytest.raises(ReportError) as caught:
        references(workload("Pod", spec))

    assert 2 == len(caught.value.problems)


def test_nesting_does_not_break_the_search() -> None:
    value: Any = {"containers": [{"image": "nginx"}]}
    for _ in range(5_000):
        value = {"a": [value]}

    assert ["nginx"] == [found.text for found in references(value)]


@pytest.mark.parametrize("kind", sorted(TEMPLATES))
def test_no_image_of_an_object_with_every_field_filled_is_missed(kind: str) -> None:
    """Its images are called `imageValue`, which is no reference: each place is told as a problem."""
    [path] = shared_data("admission", "kubernetes-api-HEAD").glob(f"*.v1.{kind}.json")
    prefix = "".join(f"/{step}" for step in (*TEMPLATES[kind], "spec"))
    places = [*(f"{name}/0/image" for name in CONTAINERS), "volumes/0/image/reference"]

    with pytest.raises(ReportError) as caught:
        references(documents.parsed(path.read_bytes(), path.name))

    assert [f"an image at {prefix}/{place} cannot be understood" for place in places] == [
        problem.message for problem in caught.value.problems
    ]
