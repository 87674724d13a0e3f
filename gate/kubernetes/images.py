"""Images of a Kubernetes object: where they stand, and what their references mean to a container runtime.

Pure, and about references alone: whether an image may run is for policies and for admission to say.
Source: the grammar of github.com/distribution/reference 0.6, which containerd, CRI-O and the kubelet use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gate.errors import Problem, ReportError, quoted

HUB: Final = "docker.io"
"""The registry of a reference that names none."""
TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}
"""Where each kind keeps its pod template, as in policies/lib/pods.rego."""
CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")

_REPOSITORY_CHARACTERS: Final = 255
_HOST_CHARACTERS: Final = 253
_LONGEST: Final = (
    _HOST_CHARACTERS + len(":65535/") + _REPOSITORY_CHARACTERS + len(":") + 128 + len("@sha512:") + 128
)
_HUB_NAMES: Final = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_HOST_PART: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PATH_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE: Final = re.compile(
    rf"(?P<registry>(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?)"
    rf"/(?P<repository>{_PATH_PART}(?:/{_PATH_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?"
)
_IDENTIFIER: Final = re.compile(r"[a-f0-9]{64}")


class ImageReference(msgspec.Struct, frozen=True, kw_only=True):
    """One image that an object names, taken apart.

    Two spellings of one image have equal parts: rules compare `registry` and `repository`, never `text`.
    """

    pointer: str
    """JSON pointer from the object to the text."""
    text: str
    """As it stands there."""
    registry: str
    """Host and port, lower case; `docker.io` where none is named; without the port where that is 443."""
    repository: str
    """Path below the registry; Docker Hub's own images stand below `library/`."""
    tag: str | None = None
    """None where none is named: then a runtime takes `latest`, unless there is a digest."""
    digest: str | None = None
    """`sha256:…`; with it a runtime does not look at the tag."""

    @property
    def name(self) -> str:
        """`registry/repository`."""
        return f"{self.registry}/{self.repository}"


def references(value: Mapping[str, Any]) -> tuple[ImageReference, ...]:
    """Every image that the object `value` would run or mount, in the order of their places.

    Containers, init and ephemeral containers and image volumes, of the pod template of every workload
    kind; of any other object, a `List` or a custom resource, those of each pod spec in it. A place
    that is empty names no image.

    Raises `ReportError` with every place that does not hold a reference: what is not understood must
    not look like an object without images.
    """
    found: list[ImageReference] = []
    problems: list[Problem] = []
    for pointer, text in _places(value):
        try:
            found.append(reference(text, pointer))
        except ReportError as error:
            problems.extend(error.problems)
    if problems:
        raise ReportError(problems=tuple(problems))
    return tuple(found)


def reference(text: object, pointer: str = "") -> ImageReference:
    """`text` taken apart; raises `ReportError` for what a container runtime would not pull."""
    if not isinstance(text, str):
        raise _refusal(text, pointer, "text")
    if len(text) > _LONGEST:
        raise _refusal(text, pointer, f"at most {_LONGEST} characters")
    if _IDENTIFIER.fullmatch(text):
        raise _refusal(text, pointer, "a name; 64 hexadecimal digits alone are an identifier")
    match = _REFERENCE.fullmatch(_complete(text))
    if match is None:
        raise _refusal(text, pointer, "[REGISTRY[:PORT]/]NAME[:TAG][@sha256:DIGEST], the name in lower case")
    # Host names know no case, and https no other port: otherwise a rule about one spelling misses the rest.
    registry = match["registry"].lower().removesuffix(":443")
    repository = match["repository"]
    if len(repository) > _REPOSITORY_CHARACTERS:
        raise _refusal(text, pointer, f"a name of at most {_REPOSITORY_CHARACTERS} characters")
    if registry in _HUB_NAMES:
        registry = HUB
        repository = repository if "/" in repository else f"library/{repository}"
    return ImageReference(
        pointer=pointer,
        text=text,
        registry=registry,
        repository=repository,
        tag=match["tag"],
        digest=match["digest"],
    )


def _complete(text: str) -> str:
    """`text` with its registry: the first segment is one if it could be nothing else."""
    first, slash, _ = text.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        return text
    return f"{HUB}/{text}" if slash else f"{HUB}/library/{text}"


def _refusal(found: object, pointer: str, expected: str) -> ReportError:
    place = f" at {pointer}" if pointer else ""
    return ReportError(
        f"an image{place} cannot be understood",
        code="image_reference_invalid",
        found=quoted(found),
        expected=expected,
        fix="write the reference as `docker pull` takes it",
    )


# -------------------------------------------------------------------------------------- places


def _places(value: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """JSON pointer and value of each place that names an image; a known kind's wherever they are odd."""
    if _is_known(value):
        yield from _strict(*_template(value, ""))
        return
    seen: set[str] = set()
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        pointer, node = waiting.pop()
        if isinstance(node, dict):
            found = [
                *(_strict(*_template(node, pointer)) if _is_known(node) else ()),
                *_lenient(pointer, node),
            ]
            yield from (place for place in found if place[0] not in seen)
            seen.update(place for place, _ in found)
            children = [(f"{pointer}/{_escaped(str(key))}", child) for key, child in node.items()]
        else:
            children = [(f"{pointer}/{index}", child) for index, child in enumerate(node)]
        # Backwards, so that the next one taken is the first in the object.
        waiting.extend(child for child in reversed(children) if isinstance(child[1], (dict, list)))


def _is_known(value: Mapping[str, Any]) -> bool:
    """Whether `value` is of a workload kind of Kubernetes: groups of custom resources have a dot."""
    kind, version = value.get("kind"), value.get("apiVersion")
    return isinstance(kind, str) and kind in TEMPLATES and isinstance(version, str) and "." not in version


def _template(value: Mapping[str, Any], pointer: str) -> tuple[str, object]:
    """Pointer and value of the pod spec of a workload; None where it has none."""
    node: object = value
    for step in (*TEMPLATES[value["kind"]], "spec"):
        if node is None:
            break
        if not isinstance(node, dict):
            raise _misshapen(pointer, node, "an object")
        node = node.get(step)
        pointer = f"{pointer}/{step}"
    return pointer, node


def _strict(pointer: str, spec: object) -> Iterator[tuple[str, object]]:
    """The places of a pod spec, which must have the shape that the cluster would take."""
    if spec is None:
        return
    if not isinstance(spec, dict):
        raise _misshapen(pointer, spec, "an object")
    for held, at, step in _holders(pointer, spec, strict=True):
        image = held.get(step)
        if image is not None and image != "":
            yield f"{at}/{step}", image


def _lenient(pointer: str, node: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The places of what may be a pod spec: of an unknown kind only texts are taken for images."""
    for held, at, step in _holders(pointer, node, strict=False):
        if isinstance(held.get(step), str) and held[step]:
            yield f"{at}/{step}", held[step]


def _holders(
    pointer: str, spec: Mapping[str, Any], *, strict: bool
) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """What may name an image in a pod spec: the holder, its pointer, and the name of the field."""
    for name in (*CONTAINERS, "volumes"):
        held = spec.get(name)
        at = f"{pointer}/{name}"
        if held is None or (not strict and not isinstance(held, list)):
            continue
        if not isinstance(held, list):
            raise _misshapen(at, held, "a list")
        for index, one in enumerate(held):
            if isinstance(one, dict) and name != "volumes":
                yield one, f"{at}/{index}", "image"
            elif isinstance(one, dict):
                yield from _mounted(one, f"{at}/{index}", strict=strict)
            elif strict:
                raise _misshapen(f"{at}/{index}", one, "an object")


def _mounted(
    volume: Mapping[str, Any], pointer: str, *, strict: bool
) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    image = volume.get("image")
    if isinstance(image, dict):
        yield image, f"{pointer}/image", "reference"
    elif strict and image is not None:
        raise _misshapen(f"{pointer}/image", image, "an object")


def _misshapen(pointer: str, found: object, expected: str) -> ReportError:
    return ReportError(
        f"{pointer or 'the object'} may hold images and cannot be understood",
        code="image_reference_invalid",
        found=quoted(found),
        expected=expected,
        fix="the cluster would not take it either",
    )


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
