"""The images that an object would run, and what a reference to one says. No registry is ever asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
REMEMBERED: Final = 10_000
"""References whose parts are kept: a cluster runs the same few images over and over."""
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_SPEC_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "Deployment": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicationController": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
"""Where a kind of Kubernetes' own has its pod; any other object is searched whole."""
_BUILT_IN: Final = frozenset({"v1", "apps/v1", "batch/v1"})


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """An image reference, completed as container runtimes complete it."""

    repository: str
    """With its registry: `docker.io/library/nginx`."""
    tag: str | None
    digest: str | None
    """`sha256:` + 64 lowercase hex, or None."""


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One image at one place of an object."""

    image: str
    """As written."""
    path: str
    """JSON pointer to it."""


@lru_cache(REMEMBERED)
def reference(text: str) -> Reference:
    """The parts of `text`, as policies/lib/images.rego takes it apart; a digest not of sha256 is none."""
    named, _, digest = text.partition("@")
    head, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    # Registries know no capitals: `Docker.io` must not get around a rule about docker.io.
    path = f"{head}{slash}{name}".lower()
    first, _, rest = path.partition("/")
    if not rest or not ("." in first or ":" in first or first == "localhost"):
        path = f"docker.io/{path}"
    elif first in ("index.docker.io", "registry-1.docker.io"):
        path = f"docker.io/{rest}"
    if path.startswith("docker.io/") and path.count("/") == 1:
        path = f"docker.io/library/{path.removeprefix('docker.io/')}"
    is_digest = _DIGEST.fullmatch(digest) is not None
    return Reference(repository=path, tag=tag or None, digest=digest if is_digest else None)


def uses(value: Mapping[str, Any]) -> tuple[Use, ...]:
    """Every image that `value` would run or mount, in order of its place."""
    steps = _SPEC_AT.get(str(value.get("kind"))) if value.get("apiVersion") in _BUILT_IN else None
    if steps is None:
        return tuple(_anywhere(value, ""))
    spec: Any = value
    for step in steps:
        spec = spec.get(step) if isinstance(spec, dict) else None
    return tuple(_of_spec(spec, "".join(f"/{step}" for step in steps))) if isinstance(spec, dict) else ()


def _of_spec(spec: Mapping[str, Any], at: str) -> Iterator[Use]:
    for name in CONTAINERS:
        containers = spec.get(name)
        for index, one in enumerate(containers if isinstance(containers, list) else ()):
            image = one.get("image") if isinstance(one, dict) else None
            # An absent image is completed by nobody at admission; such a Pod cannot run.
            if isinstance(image, str) and image:
                yield Use(image=image, path=f"{at}/{name}/{index}/image")
    volumes = spec.get("volumes")
    for index, one in enumerate(volumes if isinstance(volumes, list) else ()):
        source = one.get("image") if isinstance(one, dict) else None
        mounted = source.get("reference") if isinstance(source, dict) else None
        if isinstance(mounted, str) and mounted:
            yield Use(image=mounted, path=f"{at}/volumes/{index}/image/reference")


def _anywhere(value: Any, at: str) -> Iterator[Use]:
    """Whatever looks like a pod's spec at any depth, as operators' own kinds carry them."""
    if isinstance(value, dict):
        yield from _of_spec(value, at)
        for key, part in value.items():
            if isinstance(part, (dict, list)):
                yield from _anywhere(part, f"{at}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _anywhere(part, f"{at}/{index}")
